# make properties: check the paper's claims.  make questions: its readers' (an hour and a half), and docs/findings.md.  make test: check the harness.  make lint types: its code.
# make docs: the site, in build/docs.  make browser: the report in a real browser (needs Chromium: apt install chromium).
# make bench: how fast it is, beside what else one would write (about 40 minutes, on an idle machine).
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
READY := $(VENV)/.mrpcheck-installed
WORKERS ?= auto
QUESTIONS := $(shell grep -l '^QUESTION = ' properties/test_*.py)

.PHONY: properties questions test lint types docs browser bench clean

properties: $(READY)
	$(RUN)/pytest -n $(WORKERS) properties/

questions: $(READY) $(QUESTIONS:properties/test_%.py=question-%)
	$(RUN)/mrpcheck findings $(QUESTIONS:properties/test_%.py=reports/questions/%) --out docs/findings.md

question-%: $(READY)
	-$(RUN)/pytest -n $(WORKERS) properties/test_$*.py --mrp-report reports/questions/$*

test: $(READY)
	$(RUN)/pytest -n $(WORKERS) --dist worksteal tests/ --ignore=tests/browser

lint: $(VENV)/.mrpcheck-dev
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .

types: $(VENV)/.mrpcheck-dev
	$(RUN)/mypy

docs: $(VENV)/.mrpcheck-dev
	$(RUN)/sphinx-build -W --keep-going -q -b html docs build/docs

browser: $(VENV)/.mrpcheck-browser
	$(RUN)/pytest tests/browser/

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

$(VENV)/.mrpcheck-browser: $(READY)
	$(RUN)/python -m pip install --quiet -c constraints.txt -e ".[browser]"
	touch $@

$(VENV)/.mrpcheck-bench: $(READY)
	$(RUN)/python -m pip install --quiet -c constraints.txt -e ".[bench]"
	touch $@

clean:
	rm -rf $(VENV) .mrpcheck
