# Every target does all its set-up by itself: Python packages (engine/bootstrap), then the Pulumi engine.
DEVICES ?= 20
MINUTES ?= 10
MUSTER = .venv/bin/muster
PACKAGES = fleet certs components provider operations localcloud agent cli engine
WORKERS ?= 3
SECONDS_EACH ?= 60

# Compiled Python is kept below .tools, also where a machine forbids it beside the sources: else every device
# would compile the SDK anew.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.tools/pycache

.DEFAULT_GOAL := help
.PHONY: help setup up status down shell test lint format types imports pytest softhsm fuzz bench soak venv test-cloud

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

up: venv ## Provision DEVICES (20) devices on the local cloud: set-up, pulumi up, enrolment
	@$(MUSTER) up --devices $(DEVICES)

status: venv ## Say what runs
	@$(MUSTER) status

down: venv ## Stop everything and remove the local state
	@$(MUSTER) down

shell: setup ## A shell where plain pulumi and muster work on the local stack
	@. ./.tools/env && exec "$${SHELL:-/bin/sh}"

setup: venv ## Only the set-up: Python packages and the Pulumi engine
	@$(MUSTER) setup

test: setup softhsm ## Lint, strict types, import rules and all tests
	@$(MAKE) --no-print-directory -j 2 lint format types imports
	@$(MAKE) --no-print-directory pytest

lint: venv
	@.venv/bin/ruff check --quiet . && echo "ruff check: clean"

format: venv
	@.venv/bin/ruff format --check --quiet . && echo "ruff format: clean"

types: venv
	@.venv/bin/mypy --strict $(PACKAGES) bench fuzz __main__.py
	@.venv/bin/mypy --strict --explicit-package-bases tests

imports: venv
	@.venv/bin/lint-imports --no-logo

pytest: venv
	@.venv/bin/pytest -n $(WORKERS) --dist loadgroup

test-cloud: setup ## The end-to-end tests in a real subscription: costs money, see docs/testing.md
	@MUSTER_TEST_CLOUD=1 .venv/bin/pytest tests/e2e

softhsm:
	@tests/certs/signers/softhsm

fuzz: setup ## Fuzz what reads foreign input, SECONDS_EACH (60)
	@for target in $$(.venv/bin/python -m fuzz.targets); do \
	  echo "fuzz $$target" && \
	  .venv/bin/python -m fuzz $$target --seconds $(SECONDS_EACH) --corpus .tools/fuzz/$$target || exit 1; done

bench: setup ## Measure, beside peers, into docs/benchmarks.md; FULL=1: a million devices, for hours
	@.venv/bin/python -m bench $(if $(FULL),--full) $(foreach name,$(ONLY),--only $(name))

soak: setup ## 2,000 connected devices for MINUTES (10) under faults: is anything lost?
	@.venv/bin/python -m bench.soak --minutes $(MINUTES)

venv:
	@engine/bootstrap
