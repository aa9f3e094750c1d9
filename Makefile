# Two commands: `make demo` shows it all on an invented cohort, `make test` checks everything.
# Both make the environment in .venv first; Python 3.11 or newer and make are all they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: nightly demo test setup lint types unit dbt-test docs lock clean

demo: $(READY)
	$(BIN)/cohort-tracker demo

test: lint types unit dbt-test
	@echo "All checks passed."

setup: $(READY)

# The environment is made again when the lock or the package's description changes.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d: make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint models macros tests/sql analyses

types: $(READY)
	$(BIN)/mypy

unit: $(READY)
	$(BIN)/pytest

# What takes longer: 120 kills at random moments, more cases of everything.
nightly: $(READY)
	$(BIN)/pytest -m nightly

# The dbt project with all its tests, unit tests included, on the sandbox's cohort.
dbt-test: $(READY)
	$(BIN)/cohort-tracker demo --dir build/dbt-test
	COHORT_TRACKER_DATA_DIR=build/dbt-test/data $(BIN)/dbt --quiet build

docs: $(READY)
	$(BIN)/dbt docs generate --static
	@echo "Open target/static_index.html"

# The exact versions, with hashes and without any address.
lock: $(READY)
	$(BIN)/python -m pip install --quiet "uv>=0.5"
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-header --no-annotate --no-strip-extras --extra dev \
		--output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .demo build target logs
