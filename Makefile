# make properties: check the paper's claims.  make questions: its readers'.  make test: check the harness.  make lint types: its code.
# make bench: how fast it is, beside what else one would write (about 40 minutes, on an idle machine).
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
READY := $(VENV)/.mrpcheck-installed
WORKERS ?= auto
QUESTIONS := properties/test_small_initialisation.py

.PHONY: properties questions test lint types bench clean

properties: $(READY)
	$(RUN)/pytest -n $(WORKERS) properties/ $(QUESTIONS:%=--ignore=%)

questions: $(READY)
	$(RUN)/pytest -n $(WORKERS) $(QUESTIONS)

test: $(READY)
	$(RUN)/pytest -n $(WORKERS) tests/

lint: $(VENV)/.mrpcheck-dev
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .

types: $(VENV)/.mrpcheck-dev
	$(RUN)/mypy

bench: $(VENV)/.mrpcheck-bench
	mkdir -p benchmarks/results
	$(RUN)/python -m benchmarks.step --json benchmarks/results/step.json
	$(RUN)/python -m benchmarks.suite --json benchmarks/results/suite.json
	$(RUN)/python -m benchmarks.tables

$(READY): pyproject.toml setup.py mrpcheck/step.cpp constraints.txt constraints-beside-torch.txt
	test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet -c constraints.txt -e ".[test]"
	touch $@

$(VENV)/.mrpcheck-dev: $(READY)
	$(RUN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

$(VENV)/.mrpcheck-bench: $(READY)
	$(RUN)/python -m pip install --quiet -c constraints.txt -e ".[bench]"
	touch $@

clean:
	rm -rf $(VENV) .mrpcheck
