# Everything runs from a virtual environment made here; nothing else on the machine is touched.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2
# Integration tests wait for a quarter of their time: one more of them at a time than processors.
MIXED ?= 3
# Real systems are mostly waited for: more of these tests at a time than processors.
WAITING ?= 4
# Hosts labs side by side: each of them is waited for within half a second.
LABS ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo test unit rehearsals integration acceptance hosts lint bench schemas clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/.run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[lab]'
	@touch $@

$(VENV)/.dev: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.run

demo: $(VENV)/.run ## a real takeover and a real restore on the embedded lab, measured and recorded
	$(BIN)/holdfast demo

test: unit rehearsals integration acceptance hosts ## all tests

unit: $(VENV)/.dev ## no disk, no sleep: seconds
	$(PYTEST) tests/unit -q -n $(WORKERS)

rehearsals: $(VENV)/.dev ## every shipped runbook, played in a fake world
	$(PYTEST) tests/rehearsals -q

integration: $(VENV)/.dev ## each room with its real counterpart (PostgreSQL, Ansible, sshd, ...)
	$(PYTEST) tests/integration tests/contracts -q -n $(MIXED)

acceptance: $(VENV)/.dev ## the installed command, real systems, kill -9
	$(PYTEST) tests/acceptance -q -n $(WAITING)

# Each worker keeps a lab of its own from test to test. What reads figures of the whole machine (swap is the kernel's) runs
# alone. Afterwards the machine must show nothing of it.
hosts: $(VENV)/.dev ## real hosts, broken for real (root on Debian; skipped elsewhere)
	@ended=0; set -x; \
	$(PYTEST) tests/hosts -q -m "not alone" -n $(LABS) --dist loadfile || ended=$$?; \
	$(PYTEST) tests/hosts -q -m alone -p no:xdist || ended=$$?; \
	$(BIN)/python tests/hosts_left.py || ended=$$?; exit $$ended

lint: $(VENV)/.dev ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## performance claims, measured side by side (minutes)
	$(BIN)/python -m benchmarks

schemas: $(VENV)/.dev ## write the published JSON Schemas anew
	$(BIN)/python -c 'from orchestrator.documents.schema import write_schemas; from orchestrator.records.out import SCHEMA_FILE, schema_text; write_schemas(); SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")'

clean: ## the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache dist build
