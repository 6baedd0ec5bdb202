# Peak Trade. `make demo` and `make test` work on a fresh machine with Python 3.11 or newer.
# Everything is installed once, pinned and with hashes, into .venv; targets may run side by side (-j).

# Compiled bytecode and kernels are kept: without them every start pays for them again.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH

PYTHON ?= python3
PYTEST_FLAGS ?=
PYTEST_WORKERS ?= auto
BENCH_FLAGS ?=
SOAK_FLAGS ?=
BIN := .venv/bin
STAMP := .venv/installed
REPORT := out/report.html
DEMO_ACCOUNT := --data builtin:sp500 --from 2000-01-01 --cash 100000 --commission 10 --slippage 5

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test lint bench bench-peers soak soak-data docs lock clean

help:
	@echo "make demo         a backtest and a small sweep on real data; the last line is the report's path"
	@echo "make test         the tests; over the shared data too, where it is there"
	@echo "make lint         format, rules, types and the import contracts"
	@echo "make soak         the safety core at full counts: kills, crashes, races, tampering; half an hour; writes docs/safety-figures.md"
	@echo "make soak-data    the market data at full counts and sizes; half an hour; writes docs/data-figures.md"
	@echo "make docs         run every example of the documents and docstrings"
	@echo "make bench        the jobs W1 to W5 (BENCH_FLAGS='--only W1,W2 --json'); make bench-peers once before"
	@echo "make install      .venv with everything pinned; the others call it"
	@echo "make lock         pin the dependencies anew"
	@echo "make clean        remove .venv and what was built"

install: $(STAMP)

$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Peak Trade needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Install one, or name it: make PYTHON=python3.12 $(or $(MAKECMDGOALS),install)" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv || { \
	  echo "No virtual environment could be made; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing the pinned dependencies into .venv (a minute or two, once)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)
	@mkdir -p $(dir $(REPORT))
	@$(BIN)/peak backtest ma_cross $(DEMO_ACCOUNT) --set fast=20 --set slow=100 --report $(REPORT)
	@$(BIN)/peak sweep ma_cross $(DEMO_ACCOUNT) --grid fast=10:50:10 --grid slow=60:200:20 --top 5
	@echo "the report, one file for any browser:"
	@echo "$(CURDIR)/$(REPORT)"

test: $(STAMP)
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal $(PYTEST_FLAGS)

lint: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(STAMP)
	@$(BIN)/python -m pytest tests/docs src $(PYTEST_FLAGS)

bench: $(STAMP)
	@$(BIN)/python -m benchmarks $(BENCH_FLAGS)

bench-peers: $(STAMP)
	@$(BIN)/python -m benchmarks --install-peers

soak: $(STAMP)
	@$(BIN)/python -m benchmarks.safety --scale 1 --write docs/safety-figures.md $(SOAK_FLAGS)

soak-data: $(STAMP)
	@$(BIN)/python -m benchmarks.data --scale 1 --write docs/data-figures.md $(SOAK_FLAGS)

# Versions and hashes alone: no address of a registry, no path of a machine.
UV_COMPILE = $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header $(LOCK_FLAGS)

lock: $(STAMP)
	@$(UV_COMPILE) pyproject.toml --extra dev -o requirements-dev.txt
	@printf 'hatchling\neditables\n' \
	  | $(UV_COMPILE) pyproject.toml - --extra research -c requirements-dev.txt -o requirements.txt
	@! grep -nE '://|find-links|index-url|^ *# ' requirements.txt requirements-dev.txt

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage build dist out
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
