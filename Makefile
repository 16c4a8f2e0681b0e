# Every target sets itself up: a fresh machine needs Python 3.11 or newer and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
T ?= tests
# Tests run on all cores; `make test PARALLEL=` runs them in one process.
PARALLEL ?= -n auto --maxprocesses 8 --dist worksteal
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo test test-full check bench golden mutants format clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/.base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -e .
	@touch $@

$(VENV)/.test: $(VENV)/.base
	$(BIN)/python -m pip install -q -e '.[test]'
	@touch $@

$(VENV)/.check: $(VENV)/.base
	$(BIN)/python -m pip install -q -e '.[check,test]'
	@touch $@

$(VENV)/.mutation: $(VENV)/.base
	$(BIN)/python -m pip install -q -e '.[mutation,test]'
	@touch $@

$(VENV)/.bench: $(VENV)/.base $(wildcard benchmarks/peers/*.txt)
	$(BIN)/python benchmarks/sign.py --set-up
	@touch $@

demo: $(VENV)/.base ## set up, then see a run blocked, mended and cleared
	$(BIN)/python examples/demo.py

test: $(VENV)/.test ## what CI runs
	sh tests/setup-system.sh
	$(BIN)/python -m pytest $(PARALLEL) -m 'not full' $(T)

test-full: $(VENV)/.test ## long fuzzing, kill loops, large registries
	sh tests/setup-system.sh
	PROVENANCE_FULL=1 $(BIN)/python -m pytest $(PARALLEL) $(T)

check: $(VENV)/.check ## format, lint, types, layers, docstrings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/interrogate provenance

golden: $(VENV)/.base ## make the sample reports in reports/samples again; their diff is what a change does to readers
	$(BIN)/python -m tests.golden.make_reports

bench: $(VENV)/.bench ## speed against peers, in one run
	$(BIN)/python benchmarks/run.py

# `make mutants MUTANTS='--sample 40 licensing/periods'` runs some of them; results stay in mutants/, so that a run goes on where it was stopped.
mutants: $(VENV)/.mutation ## small changes to licensing and policy: which share do the tests notice (hours)
	$(BIN)/python benchmarks/mutants.py run $(MUTANTS)

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist demo .bench mutants
