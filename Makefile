# Everything works from a fresh clone with Python 3.11 or newer, make and git: each target sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_CI := $(VENV)/.ready-ci
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
FUZZ_SECONDS ?= 3600

export PATH := $(CURDIR)/$(BIN):$(PATH)
# one thread a process: the grader runs one process a core, and BLAS threads on top would only get in each other's way
export OPENBLAS_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-ci demo test denial check lint release grade audit doctor bench fuzz soak figures data lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make the virtual environment and install what requirements.lock pins

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Name another one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --requirement requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# Apart from requirements.lock, since a hundred megabytes of browser driver and fuzzer serve no instructor: tests that
# need them say what they miss, and are skipped.
setup-ci: $(READY_CI) ## also install what only some tests use: drivers for Chromium and PostgreSQL, and a fuzzer

$(READY_CI): $(READY) requirements-ci.lock
	$(PIP) --require-hashes --requirement requirements-ci.lock
	@touch $@

demo: $(READY) ## release the assignments, let a sample class hand in, grade it, show where the pages are
	$(BIN)/autograder demo

test: $(READY) ## run the tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

denial: $(READY) ## grade classes under attack: on every road, as each user, within each limit
	$(BIN)/python -m pytest -m denial tests/hostile

check: $(READY) lint ## what CI runs: lint, types, fresh release and data, audit, tests
	$(BIN)/autograder release --check
	$(BIN)/python scripts/make_public_data.py --check
	$(BIN)/autograder audit
	$(MAKE) test

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

release: $(READY) ## make release/ from source/
	$(BIN)/autograder release

grade: $(READY) ## grade submitted/
	$(BIN)/autograder grade

audit: $(READY) ## test the hidden tests
	$(BIN)/autograder audit

doctor: $(READY) ## say how well this machine isolates student code
	$(BIN)/autograder doctor

bench: $(READY) ## measure against nbgrader, otter-grader and the bare limit: speed, memory, growth, stage by stage
	$(BIN)/python bench/bench.py

fuzz: $(READY) ## attack what reads hostile bytes, for FUZZ_SECONDS (3600)
	@if $(BIN)/python -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("atheris") is None)'; then \
		$(BIN)/python tests/fuzz/run_atheris.py --seconds $(FUZZ_SECONDS); \
	else \
		echo "atheris is not installed: fuzzing WITHOUT COVERAGE. make setup-ci changes that."; \
		$(BIN)/python tests/fuzz/run_plain.py --seconds $(FUZZ_SECONDS); \
	fi

soak: $(READY) ## grade 3,000 submissions while processes are killed, and hold the end to an undisturbed run
	$(BIN)/python tests/soak/soak.py

figures: $(READY) ## draw the notebooks' figures
	$(BIN)/python scripts/make_figures.py

data: $(READY) ## write the public tests' expected values from the reference
	$(BIN)/python scripts/make_public_data.py

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--no-annotate --quiet

lock: ## pin what pyproject.toml asks for in requirements.lock and requirements-ci.lock (needs uv)
	$(COMPILE) pyproject.toml --extra notebooks --extra dev --output-file requirements.lock
	$(PYTHON) -c 'import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
		print(*(line for name in ("browser", "cluster", "fuzz", "oracles", "postgresql", "workflows") for line in extras[name]), sep="\n")' | \
		$(COMPILE) - --constraint requirements.lock --output-file requirements-ci.lock

clean: ## remove what the targets made, but never a class's work or grades
	rm -rf $(VENV) .demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
