# The project's tasks. Each sets up its own environment in .venv if it is missing.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: setup demo up test check format bench audit clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup  ## A year of flights: train, drift, incidents, remedies, report.
	$(BIN)/factory demo

up: setup  ## Servers, workers, predictor, and the deployments of CONFIGS.
	$(BIN)/factory up $(CONFIGS)

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	$(BIN)/python -m pytest tests/benchmarks -q -o python_files="bench_*.py"

audit: setup  ## Known vulnerabilities of the pinned versions, where the package index tells them.
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	@.venv-audit/bin/python tests/audit.py constraints.txt

clean:
	rm -rf .venv .venv-audit .factory .mypy_cache .pytest_cache .ruff_cache
