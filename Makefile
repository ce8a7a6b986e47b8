# make demo · make test · make check · make bench [only=reasons] · make tryton-up · make pins · make clean
# Needs make and a Python from 3.11 on. Everything else is installed into .venv from the pins in requirements/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(wildcard plugins/*)
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
  $$p -c '$(SUPPORTED)' 2>/dev/null && { echo $$p; break; }; done)
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-annotate --no-header

# Prefect's own files of a demo stay inside the checkout; it neither calls home nor looks for news.
export PREFECT_HOME ?= $(CURDIR)/build/prefect
export PREFECT_SERVER_ANALYTICS_ENABLED ?= false
export DO_NOT_TRACK ?= 1

.PHONY: help demo test check bench pictures tryton-up pins clean

help: ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

demo: $(VENV)/run.stamp ## the main job on sample data, as a Prefect flow, from nothing to a report
	@mkdir -p $(PREFECT_HOME)
	@$(BIN)/recyclekit demo --prefect

# One order and one set of draws, so that what is green is green again; another is a wish away, and printed in the heading.
seed ?= 20261122
test: $(VENV)/dev.stamp ## all tests, in one order; another: make test seed=7, or seed=default for a new one each time
	@$(MAKE) --no-print-directory tryton-up || echo "Tryton could not be installed; its tests will say so and be skipped" >&2
	@$(BIN)/pytest -n auto --dist loadgroup --randomly-seed=$(seed)

check: $(VENV)/dev.stamp ## style, types, import directions, the shape of the house
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q tests/architecture

bench: $(VENV)/dev.stamp ## the figures we promise: make bench, or make bench only=reasons
	@$(BIN)/python -m tests.benchmarks $(only)

pictures: $(VENV)/dev.stamp ## take the pictures of docs/operations anew, in a real browser
	@$(BIN)/python -m tests.operations.pictures

tryton-up: $(VENV)/dev.stamp ## a real Tryton server in build/tryton, for the tests of its connector
	@$(BIN)/python -m tests.tryton_server

pins: $(VENV)/uv.stamp ## renew requirements/ from pyproject.toml
	@$(COMPILE) --upgrade --extra postgres pyproject.toml -o requirements/run.txt
	@$(COMPILE) --upgrade --extra dask --extra otel --extra postgres --extra testing --group dev -c requirements/run.txt --no-emit-package recyclekit \
	  --prerelease if-necessary-or-explicit pyproject.toml plugins/*/pyproject.toml -o requirements/dev.txt
	@$(COMPILE) --upgrade requirements/tryton.in -o requirements/tryton.txt
	@$(COMPILE) --upgrade -c requirements/dev.txt requirements/build.in -o requirements/build.txt

clean: ## remove all that make has made
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache recyclekit-demo

# -- the environment: each stamp is older than what it was made from, or its rule runs again ----------------------------

$(VENV)/uv.stamp: requirements/build.txt
	@test -n "$(PYTHON)" || { echo "recyclekit needs Python 3.11 to 3.14; none was found. Name one: make PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@touch $@

$(VENV)/run.stamp: $(VENV)/uv.stamp requirements/run.txt pyproject.toml
	@$(UV) pip install --quiet --require-hashes --compile-bytecode -r requirements/run.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.txt $(PLUGINS:=/pyproject.toml)
	@$(UV) pip install --quiet --require-hashes --compile-bytecode -r requirements/dev.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation $(foreach plugin,$(PLUGINS),--editable $(plugin))
	@touch $@
