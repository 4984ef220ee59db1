# Needs Python 3.11 or newer, and make. Everything else is installed into .venv, pinned by hash.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# Wheels only: building from source would fetch build tools that no hash vouches for.
HASHED := $(PIP) --require-hashes --only-binary :all: --requirement
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test wider mongo faults check format bench lock clean

help: ## Explain each of these
	@echo "Chronicle: make <target>"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.package ## Start Chronicle at http://localhost:8000 (the first time, install it)
	@trap : INT; $(BIN)/chronicle serve $(ARGS) || test $$? -eq 130  # Ctrl-C is no failure

test: $(VENV)/.package $(VENV)/.dev ## Run the tests (ARGS='-k word' for some of them)
	@$(BIN)/python -m pytest $(ARGS)

wider: $(VENV)/.package $(VENV)/.wider ## Run the tests that need a browser, Go or a peer program
	@$(BIN)/python -m pytest -m wider $(ARGS)

mongo: $(VENV)/.package $(VENV)/.wider ## Run the tests over HTTP on MongoDB in place of SQLite
	@CHRONICLE_TEST_DATABASE=mongo $(BIN)/python -m pytest -m 'not wider and not sqlite' \
	  tests/api tests/attacks tests/faults tests/cli $(ARGS)

faults: $(VENV)/.package $(VENV)/.wider ## Break parts under load, 20 times each, and print what came of it
	@CHRONICLE_FAULT_RUNS=20 CHRONICLE_CUT_SECONDS=10 $(BIN)/python -m pytest -m wider -s \
	  tests/faults/test_faults_under_load.py $(ARGS)

check: $(VENV)/.package $(VENV)/.dev ## Check style, types and the direction of imports
	@failed=0; for each in 'ruff check' 'ruff format --check' mypy 'lint-imports --no-logo'; do \
	  echo "== $$each"; $(BIN)/$$each || failed=1; \
	done; exit $$failed

format: $(VENV)/.dev ## Put the code into its one form
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(VENV)/.package $(VENV)/.wider ## Measure Chronicle beside its peers; see docs/benchmarks.md
	@$(BIN)/python -m bench $(ARGS)

lock: $(VENV)/.lock ## Pin what requirements/*.in ask for; ARGS=--upgrade takes newer versions
	@for name in build runtime dev wider lock; do \
	  echo "Pinning requirements/$$name.txt"; \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-header requirements/$$name.in --output-file requirements/$$name.txt $(ARGS) || exit; \
	done

clean: ## Remove .venv and caches; the data folder stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# A file for each step that was done: it is done again only when what it depends on has changed.

$(VENV)/.python:
	@python=$$(for each in python3.11 python3.12 python3.13 python3.14 python3; do \
	  $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	    && { echo $$each; break; }; done); \
	test -n "$$python" || { echo "Chronicle needs Python 3.11 or newer on the PATH." >&2; exit 1; }; \
	echo "Making $(VENV) with $$($$python --version)"; \
	$$python -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python requirements/build.txt requirements/runtime.txt
	@echo "Installing what the server needs"
	@$(HASHED) requirements/build.txt
	@$(HASHED) requirements/runtime.txt
	@touch $@

# --no-build-isolation: the build uses the pinned setuptools and fetches nothing.
$(VENV)/.package: $(VENV)/.runtime pyproject.toml requirements/runtime.in
	@echo "Installing Chronicle itself"
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "Installing what the tests and checks need"
	@$(HASHED) requirements/dev.txt
	@touch $@

$(VENV)/.wider: $(VENV)/.dev requirements/wider.txt
	@echo "Installing what the wider tests and benchmarks need"
	@$(HASHED) requirements/wider.txt
	@touch $@

$(VENV)/.lock: $(VENV)/.python requirements/lock.txt
	@echo "Installing what pins the requirements"
	@$(HASHED) requirements/lock.txt
	@touch $@
