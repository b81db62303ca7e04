# SPDX-License-Identifier: LGPL-2.1-or-later
# `make` lists the targets. `make install` installs all tools into .venv.

UV := .tools/bin/uv
RUN := $(UV) run --no-sync
UNIT := shared services tools tests/fakes tests/drill
REAL := $(RUN) pytest -q -n 3 --dist loadgroup --no-loadscope-reorder
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
# Images often set this: then each of some hundred processes would compile its imports.
export PYTHONDONTWRITEBYTECODE :=

STATE ?= var/local
SERVICES ?=
API_PORT ?=
KEEP ?=
MB ?= 50
TUXPARSE_MB ?= 1
SECONDS ?= 600
KILLS ?= 200
SEED ?= 1
JOBS ?= 200
EVENTS ?= 10000
BRIDGE ?= local

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Run
.PHONY: demo demo-build up-local down-local up down logs
demo: install ## Show one real kernel in the whole system (KEEP=1 leaves it running)
	@$(RUN) kci-demo boot --state var/demo $(if $(KEEP),--keep)

demo-build: install ## Build a real kernel from a push, boot it, and break it (minutes; KEEP=1)
	@scripts/bootstrap kernel
	@mkdir -p var/demo-build/config
	@$(RUN) kci-demo build --state var/demo-build --config var/demo-build/config $(if $(KEEP),--keep)

up-local: install ## Start SERVICES="api ..." (default all) without Docker; STATE=dir API_PORT=n
	@$(RUN) kci-local up --state $(STATE) --services "$(SERVICES)" $(if $(API_PORT),--api-port $(API_PORT))

down-local: install ## Stop what up-local or the demo left running in STATE
	@$(RUN) kci-local down --state $(STATE)

up: ## Start everything with Docker
	docker compose up --detach --build --wait

down: ## Stop what Docker runs
	docker compose down

logs: ## Follow the logs of what Docker runs
	docker compose logs --follow

##@ Check
.PHONY: test test-long check rails lint types layers changelog-check measure unit real integration fuzz-api end-to-end drill drill-bridge bench bench-events docs bench-plan bench-bridge bench-in-flight lava-lab labgrid-lab kubernetes-lab
test: check ## Run all checks and tests but those that take longer (10 minutes)

check: install lint types layers measure changelog-check unit real docs ## The same

# one after the other: each lab needs the whole machine
test-long: install ## Run what takes longer: rails, real labs, drills (40 minutes; LAVA needs root)
	$(MAKE) rails
	$(MAKE) lava-lab
	$(MAKE) labgrid-lab
	$(MAKE) drill KILLS=40
	$(MAKE) drill-bridge BRIDGE=labgrid JOBS=20

rails: ## Break the project in a copy, and see that the checks notice (3 minutes)
	$(RUN) pytest -q tests/rails

lint: ## Check format and style
	$(RUN) ruff format --check .
	$(RUN) ruff check .

types: ## Check the types of the packages and of the tests
	@scripts/types

layers: ## Check who imports whom, and that lists and tables are whole
	$(RUN) lint-imports
	$(RUN) pytest -q tests/test_house.py tests/test_closed_words.py

changelog-check: ## Check the fragments of the changelog in changes.d/
	@scripts/changelog-check

measure: ## Measure sizes, complexity, duplicates and circles against their limits
	@$(RUN) kci-measure

unit: ## Run the tests that need no server; 95 % of the rules must be covered
	$(RUN) pytest -q -n 2 --cov --cov-report=json:var/coverage.json --cov-report= $(UNIT)
	$(RUN) python -m kci_measure.coverage var/coverage.json

# In one run, because one after the other they would leave a core idle.
real: ## Run integration and end-to-end tests
	$(REAL) tests/end_to_end tests/integration

integration: ## Run the tests of one service with real servers around it
	$(REAL) tests/integration

lava-lab: install ## Run the LAVA bridge's tests on a real LAVA (root, Debian 12, 8 minutes)
	-PYTHONPATH=tests $(RUN) python -m labs.lava.lab install
	KCI_TEST_LAVA=1 $(RUN) pytest -q tests/integration/lava_bridge

labgrid-lab: install ## Run what takes minutes on a real labgrid: faults, 20 jobs on 2 places
	KCI_TEST_LABGRID=1 $(RUN) pytest -q tests/integration/labgrid_bridge

kubernetes-lab: install ## Build Kubernetes' API server once, test its bridge on it (root, 9 minutes)
	nice -n 19 $(RUN) python tests/labs/kubernetes/build.py
	KCI_TEST_KUBERNETES=1 $(RUN) --with kubernetes-validate==1.37.0 pytest -q services/kubernetes-bridge tests/integration/kubernetes_bridge

fuzz-api: ## Fuzz the API for MINUTES (10)
	KCI_FUZZ_S=$$(($(or $(MINUTES),10) * 60)) $(RUN) pytest -q tests/integration/api_contract/test_fuzz.py

end-to-end: ## Run the tests of the whole system
	$(RUN) pytest -q tests/end_to_end

drill: install ## Kill everything again and again while many write: KILLS=200 SEED=1
	@PYTHONPATH=tests $(RUN) python -m drill --kills $(KILLS) --seed $(SEED)

drill-bridge: install ## Kill a bridge's two replicas while jobs run: BRIDGE=local|labgrid|lava|kubernetes JOBS=200 SEED=1
	@PYTHONPATH=tests $(RUN) python -m drill.bridges --bridge $(BRIDGE) --jobs $(JOBS) --seed $(SEED)

bench: install ## Measure the API beside what its parts cost; writes docs/performance.md
	@command -v wrk >/dev/null || apt-get install --yes --quiet=2 wrk
	@$(RUN) python -m bench

docs: ## Check that the documentation matches the code
	$(RUN) pytest -q tests/test_docs.py

bench-events: install ## Measure how fast a service handles a backlog; writes docs/performance.md
	@$(RUN) python -m bench.events --events $(EVENTS)
	@$(RUN) python -m bench.services

bench-plan: ## Measure what planning costs on a configuration of KernelCI's size
	$(RUN) python -m bench.plan

bench-bridge: install ## Measure how long jobs take while the connections of another lab hang
	@$(RUN) python -m bench.bridges

bench-in-flight: install ## Measure what a bridge alone can do: 1,000 jobs in flight, jobs a second
	@$(RUN) python -m bench.in_flight

##@ Develop
.PHONY: install format new-service lists settings-page changelog openapi clean bench-logs fuzz
install: ## Install what is missing: Debian packages (as root), tools, services
	@scripts/bootstrap
	@$(UV) sync --quiet --frozen --all-packages

format: ## Format the code, and fix what ruff can fix
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

bench-logs: ## Measure the log parser beside tuxparse (MB=50)
	@$(UV) run --no-sync --with tuxparse==0.6.0 python -m bench.logs --mb $(MB) --tuxparse-mb $(TUXPARSE_MB)

fuzz: ## Fuzz the log parser (SECONDS=600)
	@mkdir -p var/fuzz
	@$(UV) run --no-sync --with atheris==3.0.0 python services/log-parser/tests/fuzz_logs.py \
		-max_total_time=$(SECONDS) -max_len=600 -timeout=60 -artifact_prefix=var/fuzz/

new-service: install ## Make a service that runs, from the example: NAME=my-service
	@$(RUN) python -m kci_local.new_service "$(NAME)"
	@$(UV) lock --quiet
	@$(UV) sync --quiet --frozen --all-packages
	@$(MAKE) --no-print-directory lists settings-page
	@$(RUN) ruff check --quiet --select I --fix "services/$(NAME)"

lists: ## Make all lists of services from the one list
	$(RUN) python -m kci_local.lists

settings-page: ## Make docs/settings.md from the code
	$(RUN) python -m kci_local.settings_page > docs/settings.md

changelog: ## Collect the fragments of changes.d/ in CHANGELOG.md: VERSION=1.2
	$(RUN) towncrier build --yes --version "$(VERSION)"

openapi: ## Make docs/openapi.json from the code
	$(RUN) python -m kci_api.openapi > docs/openapi.json

clean: ## Remove everything that make installed or wrote
	rm -rf .venv .tools var
