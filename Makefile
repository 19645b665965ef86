# make run    set up, migrate, seed and serve on http://127.0.0.1:8000 (CGT_PORT changes the port)
# make test   set up and run every check and test, on SQLite and on a real PostgreSQL
# make replicas a minute on a primary and two replicas of PostgreSQL with three processes of the API, one replica killed meanwhile
# make proofs what takes minutes: thousands of requests, walks, killed loads, and the steps of the Dockerfile by hand
# make bench  compare with others on up to a million events, for hours: make bench SIZES="1000 100000" ENGINES=sqlite ONLY=loads ROUNDS=3
# make bench-guard  the same in short: fails where a goal that was reached is missed by far

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
SOURCES := app benchmarks migrations tests

.PHONY: run test proofs replicas bench bench-guard lint types clean python

run: $(VENV)/.run
	$(BIN)/cgt seed
	$(BIN)/cgt serve

test: $(VENV)/.test lint types
	$(BIN)/python -m pytest --numprocesses 4 --dist worksteal

proofs: $(VENV)/.test
	$(BIN)/python -m pytest -m slow -s

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.run $(if $(SIZES),--sizes $(SIZES)) $(if $(ENGINES),--engines $(ENGINES)) \
		$(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(BENCH)

bench-guard: $(VENV)/.bench
	$(BIN)/python -m benchmarks.run --guard --sizes 1000 10000 --workers 1 --others ceiling datasette --only loads single memory \
		--rounds 3 --seconds 1 --samples 9 --distinct 10000 $(BENCH)

replicas: $(VENV)/.test
	$(BIN)/python -m benchmarks.replicas

lint: $(VENV)/.test
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: $(VENV)/.test
	$(BIN)/mypy

python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer was found; install one, or name it: make PYTHON=/path/to/python3"; exit 1; }

$(BIN)/python: | python
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "make: $(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[parquet]' \
		|| { echo "make: the packages could not be installed; pip says why above (is a package index in reach? after an interrupted set-up: make clean)"; exit 1; }
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]' \
		|| { echo "make: the packages could not be installed; pip says why above (is a package index in reach? after an interrupted set-up: make clean)"; exit 1; }
	@touch $@ $(VENV)/.run

$(VENV)/.bench: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,bench]' \
		|| { echo "make: the packages to compare with could not be installed; pip says why above"; exit 1; }
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
