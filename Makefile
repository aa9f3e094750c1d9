# Two commands: `make demo` shows it all on an invented cohort, `make test` checks everything.
# Both make the environment in .venv first; Python 3.11 or newer and make are all they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# What the benchmarks compare with lives in an environment of its own.
BENCH := build/bench
BENCH_READY := $(BENCH)/.ready

.PHONY: bench-health demo test nightly setup lint types unit dbt-test docs lock clean bench bench-quick bench-setup bench-lock

demo: $(READY)
	$(BIN)/cohort-tracker demo

test: lint types unit dbt-test
	@echo "All checks passed."

setup: $(READY)

# The environment is made again when the lock or the package's description changes.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d: make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint models analyses tests/sql

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

# One file with all tables, columns and the lineage; opened where there is a browser.
docs: $(READY)
	$(BIN)/python docs/make_metrics.py
	$(BIN)/dbt docs generate --static
	@$(BIN)/python -c 'import pathlib, webbrowser; webbrowser.open(pathlib.Path("target/static_index.html").resolve().as_uri())' || true
	@echo "The docs are in target/static_index.html"

# The exact versions, with hashes and without any address.
lock: $(READY)
	$(BIN)/python -m pip install --quiet "uv>=0.5"
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-header --no-annotate --no-strip-extras --extra dev \
		--output-file requirements.lock pyproject.toml

# The numbers of docs/performance.md, taken anew: half an hour, on a machine that does nothing else.
bench: $(READY) $(BENCH_READY)
	$(BIN)/python -m benchmarks --size full --peers $(BENCH)/venv/bin/python --work $(BENCH) \
		--document docs/performance.md

# The same at small sizes, in a few minutes; its results stay out of the repository.
bench-quick: $(READY) $(BENCH_READY)
	$(BIN)/python -m benchmarks --size quick --peers $(BENCH)/venv/bin/python --work $(BENCH) \
		--results $(BENCH)/results

bench-setup: $(BENCH_READY)

$(BENCH_READY): benchmarks/requirements.lock
	$(PYTHON) -m venv $(BENCH)/venv
	$(BENCH)/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r benchmarks/requirements.lock
	@touch $@

bench-lock: $(READY)
	$(BIN)/python -m pip install --quiet "uv>=0.5"
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-header --no-annotate --no-strip-extras \
		--output-file benchmarks/requirements.lock benchmarks/requirements.in

# The health score on real learners: make bench-health DATA=folder of the OULAD files.
bench-health: $(READY)
	test -n "$(DATA)" || { echo "make bench-health DATA=DIRECTORY"; exit 2; }
	$(PYTHON) -m venv build/bench/health-venv
	build/bench/health-venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r benchmarks/health/requirements.lock
	$(BIN)/python -m benchmarks.health --data $(DATA) --results benchmarks/health/results.json \
		--document docs/health-validation.md --python build/bench/health-venv/bin/python

clean:
	rm -rf $(VENV) .demo build target logs
