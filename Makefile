# Nightshift: `make` prints what there is. Every target that needs Python packages makes .venv by itself.

PY := .venv/bin/python
unexport PYTHONDONTWRITEBYTECODE # jobs start fast from compiled files
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help install demo test test-all bench check readme format emulator up down cron lock clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo '  ./run JOB       one job; ./run alone lists them'

install: ## .venv from requirements.lock; the other targets do it when it is needed
	@./deploy/install

demo: install ## a whole night on this machine, with the embedded server; leaves nothing running
	@$(PY) -m examples.demo

test: install ## all tests; PYTEST="-k name" picks some
	@$(PY) -m pytest -n 2 --dist loadfile $(PYTEST)

test-all: check test install ## make check, make test, and unmodified clients against the embedded server; CLIENTS="sling dbt" picks some
	@tests/clients/run $(CLIENTS)

bench: install ## what loading costs on the client's side, into docs/performance.md; BENCH="--rows 3000000"
	@$(PY) -m bench $(BENCH)

check: install ## formatting, lint, types, floors, generated parts of the README
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-logo --no-cache
	@STARROCKS_HOST=$${STARROCKS_HOST:-localhost} ./run update_readme --check # asks no server

readme: install ## print the generated parts of README, docs and .env.example, and emulator/COVERAGE.md, anew
	@STARROCKS_HOST=$${STARROCKS_HOST:-localhost} ./run update_readme # asks no server
	@$(PY) -m emulator.coverage

format: install ## what `make check` would complain about and a machine can mend
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

emulator: install ## the embedded server on the standard ports, until Ctrl-C: mysql -h127.0.0.1 -P9030 -uroot
	@mkdir -p .state/emulator
	@echo 'mysql -h127.0.0.1 -P9030 -uroot  ·  data in .state/emulator  ·  Ctrl-C ends it'
	@exec $(PY) -m emulator --data .state/emulator --mysql-port 9030 --http-port 8030 --be-http-port 8040

up: ## StarRocks, Redpanda, object store and cron in containers
	@test -f docker-compose.yml || { echo 'make up: docker-compose.yml: not there yet; next: make demo' >&2; exit 1; }
	@docker compose up --detach --wait

down: ## stop those containers; their data stays
	@test -f docker-compose.yml || { echo 'make down: docker-compose.yml: not there yet' >&2; exit 1; }
	@docker compose down

cron: install ## install `crontab` for this user and this directory: shows the difference, asks unless YES=1
	@./deploy/install-crontab

lock: install ## requirements.lock anew from pyproject.toml; UPGRADE=1 takes the newest versions
	@.venv/bin/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-header --no-annotate \
	    $(if $(UPGRADE),--upgrade) --quiet -o requirements.lock
	@./deploy/install

clean: ## remove .venv and caches; .state with locks, reports and data stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
