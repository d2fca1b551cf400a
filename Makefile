# One command for each thing that a developer or a new user does. Needs Python 3.11 with venv.
PYTHON ?= python3
BIN := .venv/bin
# Python compiles what is imported, when it is, and keeps that: compiling all of it takes half of the
# time. Some machines tell it to keep nothing, and each process would compile Dagster anew, for 2 s.
export PYTHONDONTWRITEBYTECODE :=
INSTALL := pip install --quiet --disable-pip-version-check --no-compile
# One worker more than processors, for tests wait, too: for servers, clocks and the disk.
WORKERS = -n $(shell $(PYTHON) -c "import os; print(os.cpu_count() + 1)") --dist worksteal
# It erases in its own process, whose memory must be cleared (conftest.py).
ERASING := connect_pipeline_tests/test_erase.py
export CONNECT_HOME ?= data

.PHONY: demo ui install postgres test test-duckdb-1.5 smoke-duckdb-1.5 soak bench bench-smoke check lint types docs lock clean

demo: .venv/run  ## set everything up and run the main job on a synthetic district
	$(BIN)/connect-pipeline demo

ui: .venv/run  ## the same, and the Dagster UI stays open
	$(BIN)/connect-pipeline demo --ui

install: .venv/run  ## what a server needs, in .venv

postgres: .venv/run  ## the same, with the driver for a ledger in PostgreSQL
	$(BIN)/$(INSTALL) -c requirements-dev.lock -e '.[postgres]'

test: .venv/dev  ## set everything up and pass the tests
	DUCKDB_JE_MALLOC_CONF= $(BIN)/pytest $(WORKERS) -m "not slow" --ignore $(ERASING)
	$(BIN)/pytest $(WORKERS) -m "not slow" $(ERASING)

test-duckdb-1.5: .venv/dev .venv/duckdb-1.5  ## the same with the older line of DuckDB that is allowed
	PYTHONPATH=$(CURDIR)/.venv/duckdb-1.5 $(MAKE) test

smoke-duckdb-1.5: .venv/dev .venv/duckdb-1.5  ## a night and days of absences with it, as CI runs them
	PYTHONPATH=$(CURDIR)/.venv/duckdb-1.5 CONNECT_TESTS_EXAMPLES=3 DUCKDB_JE_MALLOC_CONF= \
		$(BIN)/pytest $(WORKERS) -m "not slow" \
		connect_pipeline_tests/test_sync.py::test_tables_are_as_an_independent_recomputation_has_them \
		connect_pipeline_tests/test_attendance_oracle.py

soak: .venv/dev  ## the long tests: kills by the hundred, a thousand districts, an hour of arrivals
	CONNECT_TESTS_EXAMPLES=2000 CONNECT_SOAK_SECONDS=$${CONNECT_SOAK_SECONDS:-3600} \
		$(BIN)/pytest $(WORKERS) --timeout 7200

bench: .venv/dev .venv/peers .venv/duckdb-1.5  ## measure against near-limit scripts and peers; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks

bench-smoke: .venv/dev  ## one small ratio, as CI runs it
	$(BIN)/python -m benchmarks --smoke

check: lint types test bench-smoke smoke-duckdb-1.5  ## what CI runs

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/mypy

docs: .venv/run  ## write the generated documents anew
	$(BIN)/python -m connect_pipeline.documents docs

lock:  ## choose the newest versions that pyproject.toml allows
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/pip install --quiet pip-tools
	.venv/lock/bin/pip-compile --quiet --upgrade --strip-extras --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --no-header --no-annotate \
		-o requirements.lock pyproject.toml
	.venv/lock/bin/pip-compile --quiet --strip-extras --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --no-header --no-annotate \
		--all-extras -c requirements.lock -o requirements-dev.lock pyproject.toml

.venv/peers: benchmarks/peers.txt  # what the benchmark is compared with, kept apart from ours
	$(PYTHON) -m venv $@
	$@/bin/$(INSTALL) -r $<
	touch $@

.venv/duckdb-1.5: .venv/dev  # the older line of DuckDB that we test, beside the pinned one
	$(BIN)/$(INSTALL) --no-deps --upgrade --target $@ "duckdb==1.5.*"
	touch $@

clean:
	rm -rf .venv

.venv/run: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/$(INSTALL) -r requirements.lock
	$(BIN)/$(INSTALL) --no-deps -e .
	touch $@

.venv/dev: .venv/run requirements-dev.lock
	$(BIN)/$(INSTALL) -r requirements-dev.lock
	touch $@
