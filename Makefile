# The commands of this repository. Everything they make lies in .venv/ and var/.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
BIN := .venv/bin
INSTALLED := .venv/.installed
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Nothing calls home, and nothing is fetched from a model hub.
export DAGSTER_DISABLE_TELEMETRY := 1
export MLFLOW_ALLOW_PICKLE_DESERIALIZATION := false
export DO_NOT_TRACK := 1
export HF_HUB_OFFLINE ?= 1

.PHONY: install demo study ui rollback test check lint clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v == (3, 11) or sys.exit(f"zuroku needs Python 3.11, and {sys.executable} is {v[0]}.{v[1]}. Install 3.11, or name it: make PYTHON=/path/to/python3.11 ...")'
	@echo "Making the environment in .venv (a few minutes, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(INSTALLED) ## the main job on the generated sample, headless; LINEAGE=figures,layout runs these alone
	@$(BIN)/python -m orchestration.demo --lineage '$(LINEAGE)'

study: $(INSTALLED) ## comparisons and ablations of every lineage
	@$(BIN)/python -m orchestration.demo --study --lineage '$(LINEAGE)'

ui: $(INSTALLED) ## Dagster and MLflow in the browser; Ctrl-C stops both
	@$(BIN)/python -m orchestration.ui

rollback: $(INSTALLED) ## MODEL=name: go back to the champion before, in the registry and where it is published
	@$(BIN)/python -m orchestration.rollback $(MODEL)

lint: $(INSTALLED)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

check: lint ## the fast part of the tests, also run before each commit
	@$(BIN)/python -m pytest -q -m 'not slow'

test: lint ## everything, the quick part first
	@$(BIN)/python -m pytest -q -m 'not slow'
	@$(BIN)/python -m pytest -q -m slow

clean: ## forget all state, keep the environment
	rm -rf var .dvc/cache .dvc/tmp
