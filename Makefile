# The commands of this project. `make demo` and `make test` need no more than make and Python >= 3.11.

PYTHON ?= $(shell sh tools/find_python.sh 3.11+)
VENV   := .venv
BIN    := $(VENV)/bin
SOURCES := pyproject.toml tools/environment.py
TESTS   := test-rest test-runners test-page test-engine
LEGS    := format-check lint layers $(TESTS) test-lowest test-3.13 types ui-check

# Without byte code each of the hundreds of processes that the tests start would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-engine test-runners test-page test-rest check format format-check lint types layers \
	ui ui-types ui-check test-3.12 test-3.13 test-lowest nightly screenshots bench clean

help:           ## this list
	@awk -F ':.*## ' '/^[a-z0-9.-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo         ## analyse the 336,776 flights that left New York in 2013; kill a flow and resume it
	$(BIN)/python examples/flight_delays.py
	$(BIN)/python examples/kill_and_resume.py
	@echo "(The command headrace is $(BIN)/headrace here.)"

test: $(VENV)/.test         ## the tests, side by side
	$(BIN)/python tools/side_by_side.py $(TESTS)

# Coverage traces, and Python 3.11 stands still when a traced process interrupts a thread: so only pure tests are measured.
PURE    := tests/engine
RUNNERS := tests/task_runners
PAGE    := tests/browser tests/server

test-engine: $(VENV)/.test  ## those of the engine, with branch coverage
	$(BIN)/python -m coverage run -m pytest $(PURE)
	$(BIN)/python -m coverage report

test-runners: $(VENV)/.test ## those of the task runners
	$(BIN)/python -m pytest --durations 15 $(RUNNERS)

test-page: $(VENV)/.test    ## those of the page, in a browser, and of its server
	$(BIN)/python -m pytest --durations 15 $(PAGE)

test-rest: $(VENV)/.test    ## all others
	$(BIN)/python -m pytest --durations 15 $(patsubst %,--ignore=%,$(PURE) $(RUNNERS) $(PAGE))

check: $(VENV)/.check       ## all that CI runs, side by side: these tests and more, lint, types, layers
	sh tools/install_chromium.sh
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

ui: $(VENV)/.check          ## build the page of `headrace ui` from ui/ into the package
	PYTHON=$(CURDIR)/$(BIN)/python sh tools/page.sh build

ui-types: $(VENV)/.check    ## write the page's types of the API
	PYTHON=$(CURDIR)/$(BIN)/python sh tools/page.sh types

ui-check: $(VENV)/.check    ## types, lint and tests of the page; that what is built is what is in ui/
	PYTHON=$(CURDIR)/$(BIN)/python sh tools/page.sh check

# The other Pythons run what depends on Python: the semantics, threads, byte code, tracebacks, the conformance of a runner in
# threads. `make check` takes the lowest and the highest; the nightly run the one between, and with both of them all that
# needs no extras. The lowest versions run what depends on a library.
OTHER_PYTHONS := tests/semantics tests/task_runners/test_concurrent.py $(patsubst %,tests/test_%.py, \
	code_digests driver imports interrupts mailbox notebooks previews signatures stable_keys stack_room thread_marks tracebacks)
NEEDS_NOTHING := $(sort $(OTHER_PYTHONS) tests/task_runners/process $(filter-out $(patsubst %,tests/test_%.py, \
	docs examples benchmarks tools packaging seed),$(wildcard tests/test_*.py)))
IN_PROCESSES  := $(patsubst %,tests/cli/test_%.py,killed_scripts cancel run)
LOWEST        := $(filter-out $(IN_PROCESSES),$(wildcard tests/cli/test_*.py)) \
	tests/server tests/history/test_results.py tests/history/test_serializers.py tests/semantics/test_flows.py \
	tests/task_runners/dask/test_conformance.py

test-3.12 test-3.13: test-%: $(SOURCES)     # skipped where that Python is not installed
	@python=$$(sh tools/find_python.sh $*) || { echo "Python $* is not installed: its tests are skipped"; exit 0; }; \
	set -ex; \
	"$$python" tools/environment.py .venv-$* test; \
	.venv-$*/bin/python -m pytest -q $(OTHER_PYTHONS)

test-lowest: $(SOURCES)     ## the tests with the lowest dependencies allowed
	@test -n "$(PYTHON)"
	$(PYTHON) tools/environment.py .venv-lowest test-lowest --lowest
	.venv-lowest/bin/python -m pytest -q $(LOWEST) --ignore=tests/server/api/test_contract.py -k "not thousand and not five_hundred and not w7"

nightly: $(VENV)/.test      ## the tests that take minutes, more on other Pythons and lowest versions; Ray's lowest leaves files open
	$(BIN)/python -m pytest -m nightly --timeout 1800
	$(MAKE) test-3.12 test-3.13 OTHER_PYTHONS="$(NEEDS_NOTHING)"
	$(PYTHON) tools/environment.py .venv-lowest test-lowest --lowest
	.venv-lowest/bin/python -m pytest -q $(IN_PROCESSES) tests/semantics/test_flows.py tests/task_runners/process/test_conformance.py
	.venv-lowest/bin/python -m pytest -q -W ignore::ResourceWarning tests/task_runners/ray/test_conformance.py

screenshots: $(VENV)/.test  ## take the pictures of the docs again
	$(BIN)/python tools/screenshots.py

bench: $(VENV)/.test        ## the speed and size table, every ratio measured in one run
	$(BIN)/python -m benchmarks

clean:          ## remove the virtual environments and what the tools left behind
	rm -rf .venv .venv-* .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist

# Each of the groups check, test and demo holds the next.
$(VENV)/.%: $(SOURCES)
	@test -n "$(PYTHON)"
	$(PYTHON) tools/environment.py $(VENV) $*
	@cd $(VENV) && touch .demo $(if $(filter test check,$*),.test) $(if $(filter check,$*),.check)
