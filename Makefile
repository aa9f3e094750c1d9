# Two commands: `make demo` shows it all on an invented cohort, `make test` checks everything.
# Both make the environment in .venv first; Python 3.11 to 3.13 and make are all they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The newest versions that are allowed live in an environment of their own, and so does what the
# benchmarks compare with.
NEWEST := build/newest
BENCH := build/bench
BENCH_READY := $(BENCH)/.ready
SPARK := build/spark
SPARK_READY := $(SPARK)/.ready

# Installing, without a word about pip itself.
INSTALL := -m pip install --quiet --disable-pip-version-check

# What another version of a library can break: dbt, dlt, DuckDB, requests and the command itself.
NEWEST_TESTS := $(addprefix tests/python/test_, cli.py container.py dbt_worker.py models_docs.py \
	models_cohort.py reliability_network.py structure.py)

.DEFAULT_GOAL := help
.PHONY: help demo test setup hooks lint types unit dbt-test coverage nightly test-newest spark \
	spark-quick spark-setup spark-lock spark-bench docs pictures lock bench bench-quick bench-serve bench-setup \
	bench-lock bench-health clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## an invented cohort, synced into tables, and who needs help
	$(BIN)/cohort-tracker demo

test: lint types unit dbt-test ## every check
	@echo "All checks passed."

setup: $(READY) ## the environment in .venv, exactly as locked

hooks: $(READY) ## the checks before each commit
	$(BIN)/python $(INSTALL) "pre-commit>=4"
	$(BIN)/pre-commit install

# The environment is made again when the lock or the package's description changes.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit("Python 3.11 to 3.13 is needed, this is %d.%d: make PYTHON=python3.13" % v if not (3, 11) <= v < (3, 14) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL) --require-hashes -r requirements.lock
	$(BIN)/python $(INSTALL) --no-deps --editable .
	@touch $@

lint: $(READY) ## style of Python and SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint models analyses tests/sql

types: $(READY) ## types of the package and of its tests
	$(BIN)/mypy

unit: $(READY) ## the tests in tests/python, two files at a time
	$(BIN)/pytest --numprocesses 2 --dist loadfile

coverage: $(READY) ## which lines and branches the tests of tests/python run, in child processes too
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-newest: ## what depends on other libraries, with the newest versions that are allowed
	$(PYTHON) -m venv --clear $(NEWEST)
	$(NEWEST)/bin/python $(INSTALL) --upgrade --editable ".[dev]"
	$(NEWEST)/bin/python -m pip list --disable-pip-version-check --format freeze
	$(NEWEST)/bin/python -m pytest $(NEWEST_TESTS)

nightly: $(READY) ## what takes longer: 240 kills at random moments, more cases of everything
	$(BIN)/pytest -m nightly

dbt-test: $(READY) ## the dbt project with all its tests, on the invented cohort
	$(BIN)/cohort-tracker demo --dir build/dbt-test
	COHORT_TRACKER_DATA_DIR=build/dbt-test/data $(BIN)/dbt --quiet build

spark: $(SPARK_READY) ## the same tables on Spark 4, row by row; needs Java 17, takes half an hour
	$(SPARK)/venv/bin/python -m pytest tests/spark

spark-quick: $(SPARK_READY) ## one school of those, with every kind of dirt, on two partitions; five minutes
	$(SPARK)/venv/bin/python -m pytest tests/spark \
		-k "test_a_change_of_clocks_is_equal or test_a_session_in_another_zone"

spark-bench: $(SPARK_READY) ## how Spark grows: RECORDS="1000000 10000000", CORES="1 2"; an idle machine
	$(SPARK)/venv/bin/python tests/spark/growth.py --work $(SPARK)/growth \
		--records $(or $(RECORDS),1000000 10000000) --cores $(or $(CORES),1 2) \
		--results $(or $(RESULTS),benchmarks/results/spark.json)

spark-setup: $(SPARK_READY) ## what `make spark` needs, Java too where it may install it

$(SPARK_READY): tests/spark/requirements.lock pyproject.toml
	@java -version > /dev/null 2>&1 || { test "$$(id -u)" = 0 && command -v apt-get > /dev/null \
		&& apt-get update && apt-get install --yes openjdk-17-jre-headless; } \
		|| { echo "Java 17 or newer is needed: sudo apt-get install openjdk-17-jre-headless, or your system's own"; exit 2; }
	$(PYTHON) -m venv $(SPARK)/venv
	$(SPARK)/venv/bin/python $(INSTALL) --require-hashes -r tests/spark/requirements.lock
	$(SPARK)/venv/bin/python $(INSTALL) --no-deps --editable .
	@touch $@

spark-lock: $(READY) ## the newest versions of that; what both have as in requirements.lock
	$(BIN)/python $(INSTALL) "uv>=0.5"
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-header --no-annotate --no-strip-extras --extra spark \
		--constraint requirements.lock --output-file tests/spark/requirements.lock \
		pyproject.toml tests/spark/requirements.in

docs: $(READY) ## all tables, columns and the lineage in one file, opened where there is a browser
	$(BIN)/python docs/make_metrics.py
	$(BIN)/dbt docs generate --static
	@$(BIN)/python -c 'import pathlib, webbrowser; webbrowser.open(pathlib.Path("target/static_index.html").resolve().as_uri())' || true
	@echo "The docs are in target/static_index.html"

pictures: $(READY) ## the pictures of the README, from the demo; needs Chromium
	$(BIN)/cohort-tracker demo --dir build/pictures > /dev/null
	$(BIN)/python docs/make_pictures.py build/pictures

lock: $(READY) ## the newest versions into requirements.lock, with hashes and without any address
	$(BIN)/python $(INSTALL) "uv>=0.5"
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-header --no-annotate --no-strip-extras --extra dev \
		--output-file requirements.lock pyproject.toml

bench: $(READY) $(BENCH_READY) ## the numbers of docs/performance.md, taken anew: half an hour on an idle machine
	$(BIN)/python -m benchmarks --size full --peers $(BENCH)/venv/bin/python --work $(BENCH) \
		--document docs/performance.md

bench-quick: $(READY) $(BENCH_READY) ## the same at small sizes, in minutes; results stay out of the repository
	$(BIN)/python -m benchmarks --size quick --peers $(BENCH)/venv/bin/python --work $(BENCH) \
		--results $(BENCH)/results

bench-serve: $(READY) ## serve under load, by hey: ten minutes on an idle machine
	$(BIN)/python -m benchmarks.serving

bench-setup: $(BENCH_READY) ## what the benchmarks compare with

$(BENCH_READY): benchmarks/requirements.lock
	$(PYTHON) -m venv $(BENCH)/venv
	$(BENCH)/venv/bin/python $(INSTALL) --require-hashes \
		-r benchmarks/requirements.lock
	@touch $@

bench-lock: $(READY) ## the newest versions of that
	$(BIN)/python $(INSTALL) "uv>=0.5"
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-header --no-annotate --no-strip-extras \
		--output-file benchmarks/requirements.lock benchmarks/requirements.in

bench-health: $(READY) ## the health score on real learners: DATA=folder of the OULAD files
	test -n "$(DATA)" || { echo "make bench-health DATA=DIRECTORY"; exit 2; }
	$(PYTHON) -m venv build/bench/health-venv
	build/bench/health-venv/bin/python $(INSTALL) --require-hashes \
		-r benchmarks/health/requirements.lock
	$(BIN)/python -m benchmarks.health --data $(DATA) --results benchmarks/health/results.json \
		--document docs/health-validation.md --python build/bench/health-venv/bin/python

clean: ## remove everything made here
	rm -rf $(VENV) .demo build target logs
