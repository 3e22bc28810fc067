# The commands of this project. `make demo` and `make test` need no more than make and Python >= 3.11.

PYTHON ?= $(shell sh tools/find_python.sh 3.11+)
VENV   := .venv
BIN    := $(VENV)/bin
SOURCES := pyproject.toml tools/environment.py
LEGS    := format-check lint layers types test test-lowest test-3.12 test-3.13

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check format format-check lint types layers test-3.12 test-3.13 test-lowest nightly bench clean

help:           ## this list
	@awk -F ':.*## ' '/^[a-z0-9.-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo         ## analyse the 336,776 flights that left New York in 2013
	$(BIN)/python examples/flight_delays.py
	@echo "(The command headrace is $(BIN)/headrace here.)"

test: $(VENV)/.test         ## the tests, with branch coverage of the engine
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage report

check: $(VENV)/.check       ## all that CI runs, side by side
	$(BIN)/python tools/side_by_side.py $(LEGS)

format: $(VENV)/.check      ## write the source as the formatter wants it, mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

format-check: $(VENV)/.check
	$(BIN)/ruff format --check .

lint: $(VENV)/.check
	$(BIN)/ruff check .

types: $(VENV)/.check       ## mypy --strict on everything, pyright on the typing tutorial
	$(BIN)/mypy
	$(BIN)/pyright

layers: $(VENV)/.check      ## the import contracts
	$(BIN)/lint-imports

# What clusters do is up to their engines: that is tested on one Python, with their newest and lowest versions. The other
# Pythons see the conformance of one runner that executes elsewhere, and neither the bench nor the page that starts clusters.
OTHER_PYTHONS := $(patsubst %,--ignore=%,tests/task_runners/ray tests/test_benchmarks.py \
	$(filter-out %/test_conformance.py,$(wildcard tests/task_runners/dask/test_*.py))) \
	--deselect=tests/test_docs.py::test_the_page_that_starts_clusters_does_what_it_says

test-3.12 test-3.13: test-%: $(SOURCES)     # skipped where that Python is not installed
	@python=$$(sh tools/find_python.sh $*) || { echo "Python $* is not installed: its tests are skipped"; exit 0; }; \
	set -ex; \
	"$$python" tools/environment.py .venv-$* test; \
	.venv-$*/bin/python -m pytest -q $(OTHER_PYTHONS)

test-lowest: $(SOURCES)     ## the tests with the lowest dependencies allowed
	@test -n "$(PYTHON)"
	$(PYTHON) tools/environment.py .venv-lowest test --lowest
	.venv-lowest/bin/python -m pytest -q

nightly: $(VENV)/.test      ## the tests that take minutes
	$(BIN)/python -m pytest -m nightly --timeout 1800

bench: $(VENV)/.test        ## the speed and size table, every ratio measured in one run
	$(BIN)/python -m benchmarks

clean:          ## remove the virtual environments and what the tools left behind
	rm -rf .venv .venv-* .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist

# Each of the groups check, test and demo holds the next.
$(VENV)/.%: $(SOURCES)
	@test -n "$(PYTHON)"
	$(PYTHON) tools/environment.py $(VENV) $*
	@cd $(VENV) && touch .demo $(if $(filter test check,$*),.test) $(if $(filter check,$*),.check)
