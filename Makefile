# Every check is defined once, here; pre-commit and .ci/run call these targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
FRONTEND := gateway/frontend
STATIC := gateway/teleward_gateway/static
PAGES := $(STATIC)/.built
DATA ?= .teleward
WHAT ?= routing media
EXAMPLES ?= 5000
SECONDS ?= 300

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.synced $(PAGES)  ## Install everything into .venv and build the pages

up: setup  ## Set up, then run all of Teleward on this machine (Ctrl-C ends it)
	@teleward up --data $(DATA) $(ARGS)

down:  ## End the running Teleward of this checkout
	@teleward down --data $(DATA)

test: setup  ## Run every test tier whose tools are here; end with a list of what was skipped
	@tests/run $(ARGS)

check: setup  ## Lint, types, imports, pages, house and unit tests with full coverage of every core
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	python helm/copy_crds.py --check
	python docs/write_api.py --check
	python docs/write_tables.py --check
	cd $(FRONTEND) && npm run --silent check
	pytest -q tests/house tests/unit --cov --cov-report=term

fmt:  ## Format and mend what can be mended
	ruff check --fix .
	ruff format .
	cd $(FRONTEND) && npm run --silent fmt

frontend: $(PAGES)  ## Build the pages

crds: $(VENV)/.synced  ## Copy crds/ into the chart
	python helm/copy_crds.py
	python docs/write_api.py

docs: $(VENV)/.synced  ## Write the pages that come from the gateway's tables
	python docs/write_tables.py

lock: $(VENV)/.synced  ## Resolve the newest releases into requirements/*.txt
	for part in operator gateway media; do $(LOCK) --extra $$part -o requirements/$$part.txt; done
	$(LOCK) --all-extras --group dev -o requirements/dev.txt

kube: setup  ## Build a Kubernetes control plane for the cluster tests from Go modules, into a cache
	@PYTHONPATH=tests/support python -m teleward_testing.kube.binaries

peers: setup  ## Build the Pion peer of the tests and the load of the media bench from their Go modules, into a cache
	@PYTHONPATH=tests/support python -m teleward_testing.families.pion
	@PYTHONPATH=tests/support python -m teleward_testing.media_load

bench: setup  ## Measure and print JSON; WHAT=media (beside Janus and Pion), gateway, routing or operator (needs make kube)
	@for what in $(WHAT); do \
		if [ -f tests/load/bench_$$what.py ]; then PYTHONPATH=tests/support python tests/load/bench_$$what.py $(ARGS); else teleward bench $$what; fi; done

profiles: setup  ## Lead calls of real browsers through every bad network and print JSON; ARGS="--only loss --seconds 10"
	@PYTHONPATH=tests/support python tests/load/network_profiles.py $(ARGS)

fuzz: setup  ## Run property tests (EXAMPLES of each) and fuzzing (SECONDS of each target) far longer than `make test`
	@FUZZ_EXAMPLES=$(EXAMPLES) pytest -q tests/unit tests/contract -k "properties or _any_" --timeout=7200
	@PYTHONPATH=tests/support python -m teleward_testing.fuzzing --seconds $(SECONDS)

audit: setup  ## Ask the advisory services about every pinned dependency; 1: found, 2: no answer, which is no audit
	@PYTHONPATH=tests/support python -m teleward_testing.dependency_audit

screenshots: setup  ## Take the README's pictures from a running system
	@PYTHONPATH=tests/support python tests/browser/screenshots.py docs/screenshots

clean:  ## Remove what was installed and built
	rm -rf $(VENV) $(STATIC) $(FRONTEND)/node_modules

.PHONY: help setup up down test check fmt frontend crds docs lock kube peers bench profiles fuzz audit screenshots clean

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	--no-emit-index-url --no-emit-find-links --no-header pyproject.toml

$(VENV)/.synced: requirements/dev.txt requirements/node.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Teleward needs Python 3.11 or newer; this is %d.%d. Next: make PYTHON=python3.11 setup" % sys.version_info[:2])'
	@echo "setup: Python packages (about a minute the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip sync --python $(BIN)/python --quiet requirements/dev.txt
	@$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps -e .
	@python tests/support/node_is_fit.py || { echo "setup: Node.js from PyPI"; $(BIN)/uv pip install --python $(BIN)/python --quiet -r requirements/node.txt; }
	@touch $@

$(PAGES): $(VENV)/.synced $(shell find $(FRONTEND) -type f -not -path '*/node_modules/*' 2>/dev/null)
	@echo "setup: pages"
	@cd $(FRONTEND) && npm ci --silent --no-audit --no-fund && npm run --silent build
	@touch $@
