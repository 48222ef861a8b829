# The verbs of this project; plain `make` lists them. Every verb installs what it needs into .venv first.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The locks are made for 3.11, so it is preferred where a machine has several.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := services edge cli simulator client docs examples tests
PROTOS := $(sort $(wildcard proto/cli2api/v1/*.proto))
INCLUDES := build/googleapis
INCLUDED := $(INCLUDES)/google/api/annotations.proto

.PHONY: help setup demo test check format proto docs bench soak lock clean

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(STAMP) ## Install everything into .venv

demo: $(STAMP) ## Run the main job on embedded defaults and show it
	@$(BIN)/cli2api demo

test: $(STAMP) $(INCLUDED) ## Run every test
	@$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(STAMP) $(INCLUDED) ## Format, lint, types, import contracts, protos, generated code, Envoy's configuration
	@$(BIN)/python -m tests.check

format: $(STAMP) $(INCLUDED) ## Put the code and the protos into shape
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/buf format -w proto

# A file and not a verb, so that nobody writes it while buf reads it.
$(INCLUDED): $(STAMP)
	@mkdir -p $(@D)
	@cp $$($(BIN)/python -c 'import google.api, pathlib; print(pathlib.Path(list(google.api.__path__)[0]))')/{annotations,http}.proto $(@D)/
	@touch $@

proto: $(STAMP) $(INCLUDED) ## Generate the Python code of the protos
	@$(BIN)/python -m grpc_tools.protoc -Iproto -I$(INCLUDES) \
	  --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
	  --python_out=$(or $(OUT),proto) --grpc_python_out=$(or $(OUT),proto) \
	  --mypy_out=$(or $(OUT),proto) --mypy_grpc_out=$(or $(OUT),proto) $(PROTOS)

docs: $(STAMP) $(INCLUDED) ## Write docs/errors.md and docs/reference from the contract and the code
	@$(BIN)/buf build --as-file-descriptor-set -o - | $(BIN)/python -m docs.generate $(or $(OUT),docs)

bench: $(STAMP) ## Measure, side by side in one run
	@$(BIN)/python -m tests.bench $(if $(CONTENDERS),--contenders) $(if $(REPORT),--report) $(if $(OPEN_STREAMS),--open-streams $(OPEN_STREAMS))

soak: $(STAMP) ## Call it for ten minutes, break parts of it, and count: see docs/soak.md
	@$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),10) $(if $(REPORT),--report)
	@$(BIN)/python -m tests.soak.streams $(if $(REPORT),--report)

lock: ## Pin the dependencies anew (needs uv)
	@uv pip compile pyproject.toml --generate-hashes --no-emit-index-url --python-version 3.11 --upgrade -q -o requirements.lock
	@uv pip compile pyproject.toml --extra demo --group dev --generate-hashes --no-emit-index-url --python-version 3.11 --upgrade -q -o requirements-dev.lock

clean: ## Remove what was built and installed
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
