# The project's tasks. Each sets up its own environment in .venv if it is missing.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: setup demo test check format bench clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup  ## A year of flights: train, drift, incidents, remedies, report.
	$(BIN)/factory demo

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

clean:
	rm -rf .venv .factory .mypy_cache .pytest_cache .ruff_cache
