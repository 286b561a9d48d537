# make properties: check the paper's claims.  make test: check the harness.  make lint types: its code.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
READY := $(VENV)/.mrpcheck-installed
WORKERS ?= auto

.PHONY: properties test lint types clean

properties: $(READY)
	$(RUN)/pytest -n $(WORKERS) properties/

test: $(READY)
	$(RUN)/pytest -n $(WORKERS) tests/

lint: $(VENV)/.mrpcheck-dev
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .

types: $(VENV)/.mrpcheck-dev
	$(RUN)/mypy

$(READY): pyproject.toml constraints.txt constraints-beside-torch.txt
	test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet -c constraints.txt -e ".[test]"
	touch $@

$(VENV)/.mrpcheck-dev: $(READY)
	$(RUN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) .mrpcheck
