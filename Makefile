# The two commands a newcomer needs: `make run` and `make test`. `make help` lists the rest.
PORT ?= 8000
PYTHON ?= python3
PIP := .venv/bin/pip install -qq --disable-pip-version-check --no-warn-script-location --require-hashes
RUN := .venv/bin/python
WORKERS ?= auto

.PHONY: help run test fixtures sweep browser check lint fix bench reset lock
.DEFAULT_GOAL := help

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.venv/ready: requirements.lock
	@echo "Installing what Megabox needs into .venv (once, about a minute) ..."
	@test -x .venv/bin/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Megabox needs Python 3.11 or newer; say which one with: make run PYTHON=python3.12")'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@$(PIP) -r requirements.lock
	@touch $@

.venv/ready-dev: requirements-dev.lock .venv/ready
	@echo "Installing what the tests need into .venv ..."
	@$(PIP) -r requirements-dev.lock
	@touch $@

run: .venv/ready ## Serve Megabox with a demo catalogue at http://127.0.0.1:8000 (PORT=8123 elsewhere)
	@DEBUG=1 $(RUN) manage.py run --port $(PORT)

test: .venv/ready-dev ## Run all tests on SQLite, with nothing else to install
	@$(RUN) -m pytest -n $(WORKERS) --dist worksteal -m "not browser and not sweep"
	@$(MAKE) --no-print-directory browser

var/fixtures/ready: tests/fixtures.lock tests/fixtures.py | .venv/ready-dev
	@$(RUN) -m tests.fixtures
	@touch $@

fixtures: var/fixtures/ready ## Fetch sound files nobody here wrote (1 MB, by hash), which some tests need, into var/fixtures

sweep: .venv/ready-dev ## Kill processes at every boundary of a payout, under every behaviour of the provider
	@$(RUN) -m pytest -n $(WORKERS) --dist worksteal -m sweep

browser: .venv/ready-dev ## Walk the stories in a real headless Chromium, on two sites at once
	@$(RUN) -m pytest -n 2 --dist loadgroup -m browser -p no:randomly tests/browser

check: lint test ## Lint, formatting, types, import contracts, migrations, then all tests

lint: .venv/ready-dev ## Lint, formatting, types, import contracts, migrations
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy .
	.venv/bin/lint-imports
	.venv/bin/djlint templates --lint --quiet
	DEBUG=1 $(RUN) manage.py makemigrations --check --dry-run
	DEBUG=1 $(RUN) manage.py check

fix: .venv/ready-dev ## Format the code and mend what can be mended
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

.venv/peers/ready: requirements-peers.lock .venv/ready
	@echo "Installing what ours is measured against into .venv/peers ..."
	@test -x .venv/peers/bin/python || $(RUN) -m venv .venv/peers
	@.venv/peers/bin/pip install -qq --disable-pip-version-check --require-hashes -r requirements-peers.lock
	@touch $@

bench: .venv/ready-dev .venv/peers/ready ## Measure speed against limits of the same run; writes var/bench.json
	@DEBUG=1 $(RUN) -m benchmarks

reset: ## Wipe all local state (var/)
	rm -rf var

lock: ## Resolve the dependencies again and lock them with hashes (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 --upgrade pyproject.toml -o requirements.lock -q
	uv pip compile --universal --generate-hashes --python-version 3.11 --upgrade pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock -q
	uv pip compile --universal --generate-hashes --python-version 3.11 --upgrade benchmarks/peers.in -o requirements-peers.lock -q
