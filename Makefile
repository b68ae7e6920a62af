# Everything a person or a machine does with a checkout. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup servers demo ui test lanes lint format types contracts docs screenshots bench lock clean

# An activated environment or a PYTHONPATH of another project must not leak into this one.
# Without bytecode each of the suite's some thousand processes compiles what it imports.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX PYTHONDONTWRITEBYTECODE
export PYTHONNOUSERSITE := 1
export DAGSTER_DISABLE_TELEMETRY := 1
export PATH := $(CURDIR)/.venv/bin:$(PATH)
PY := .venv/bin/python
WORKERS ?= $(shell expr 1 + $$(getconf _NPROCESSORS_ONLN))# tests wait for servers now and then
CODE := lume_dagster lume_dagster_tests examples definitions.py $(wildcard docs benchmarks scripts)

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-11s %s\n", $$1, $$2}'

setup: ## make .venv from the lock files (the others do it when it is needed)
	@PYTHON="$(PYTHON)" .ci/setup

demo: setup ## map 336,776 real departures through Dagster into DuckDB, and print what came out
	@$(PY) -m lume_dagster.cli demo

ui: setup ## open the same in the Dagster UI (Ctrl+C ends it)
	@$(PY) -m lume_dagster.cli ui

servers: setup ## install the servers that tests speak to, as far as this machine can have them
	@.ci/servers

test: setup servers ## the whole test suite
	@WORKERS="$(WORKERS)" .ci/test $(ARGS)

lanes: setup ## a quick part of it with other releases of Dagster, pandas, SQLAlchemy, DuckDB
	@.ci/lanes $(ARGS)

lint: setup ## ruff: style and form
	@$(PY) -m ruff check $(CODE)
	@$(PY) -m ruff format --check $(CODE)

format: setup ## put the code in form
	@$(PY) -m ruff check --fix $(CODE)
	@$(PY) -m ruff format $(CODE)

types: setup ## mypy, strict
	@$(PY) -m mypy

contracts: setup ## who may import whom
	@.venv/bin/lint-imports --no-cache

docs: setup ## write the generated pages again
	@$(PY) docs/generate.py

screenshots: setup ## take the pictures of docs/images again, with Chromium and a real Dagster UI
	@$(PY) docs/screenshots.py

bench: setup ## measure, against hand-written baselines (minutes)
	@$(PY) -m benchmarks $(ARGS)

lock: setup ## resolve requirements/ again, to the newest versions that fit
	@$(PY) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --all-extras --group dev -o requirements/dev.txt pyproject.toml
	@$(PY) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header -o requirements/uv.txt requirements/uv.in
	@for name in fakesnow matchers spark; do $(PY) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -o requirements/$$name.txt requirements/$$name.in; done
	@cd requirements/azurite && npm install --package-lock-only --save-exact --omit-lockfile-registry-resolved \
	  --no-audit --no-fund azurite@latest && $(abspath $(PY)) -c 'import json; from pathlib import Path; \
	  f = Path("package-lock.json"); lock = json.loads(f.read_text()); \
	  [p.pop(k, None) for p in lock["packages"].values() for k in ("funding", "license")]; f.write_text(json.dumps(lock, indent=1) + "\n")'

clean: ## remove what make made: .venv, .lanes, .lume and the caches
	rm -rf .venv .servers .lanes .lume build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find lume_dagster lume_dagster_tests -name __pycache__ -type d -prune -exec rm -rf {} +
