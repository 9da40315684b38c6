# make demo    open JupyterLab on the example notebook   (PORT=8899, OPEN=0: only serve it, TOKEN=: the server's token)
# make test    every check, the browser tests too
# make lint, make unit, make browser                     parts of it
# make bench   measure the KAN next to others (five minutes), and write the tables into examples/guide/performance.md
# make gallery take the pictures in examples/gallery anew
# make bench-view   measure the view in Chromium (half an hour), and write the tables there, too
# make bench-training   measure trainings that are watched in JupyterLab (ten minutes)
# make build   the wheel and the sdist, in dist/
# make clean   remove everything that was built or installed here
#
# Each sets up what it needs first: a virtual environment in .venv and Node packages in js/node_modules.

PYTHON ?= python3
PORT ?= 8888
OPEN ?= 1
# Tests run in so many processes, each with servers of its own.
WORKERS ?= 2

PY := .venv/bin/python
SOURCES := $(shell find js/src -type f)
NODE_READY := js/node_modules/.package-lock.json
BUILT := kanwidget/static/widget.js
READY := .venv/.ready
BENCH := tests/benchmarks
BENCH_PY := $(BENCH)/.venv/bin/python
BENCH_READY := $(BENCH)/.venv/.ready
# Two of them have one name, and none shall bring its own torch: each gets a folder, and nothing else.
RIVALS := pykan==0.0.1 pykan==0.2.8 kan-gpt==1.2.0
# The tests read models of these; pykan 0.2.8 is installed like everything else.
READ := pykan==0.0.1 kan-gpt==1.2.0
# This JupyterLab's own defaults: no question about news over the notebook.
LAB_SETTINGS := .venv/share/jupyter/lab/settings/overrides.json
LINTED := js/build_hook.py kanwidget tests examples

# JupyterLab saves what it shows: it gets copies, which a newer example replaces.
COPIES := $(patsubst examples/%,build/demo/%,$(wildcard examples/*.ipynb examples/*.py))

.PHONY: demo test lint vitest unit browser gallery bench bench-view bench-training build clean setup chromium
.NOTPARALLEL:
.DELETE_ON_ERROR:

demo: setup $(COPIES)
	@echo "== JupyterLab on port $(PORT); stop it with Ctrl-C"
	$(PY) -m jupyterlab --port=$(PORT) \
	  --ServerApp.root_dir=build/demo --LabApp.default_url=/lab/tree/01_pruning.ipynb \
	  $(if $(filter 0,$(OPEN)),--no-browser) \
	  $(if $(filter command line environment,$(origin PORT)),--ServerApp.port_retries=0) \
	  $(if $(filter undefined,$(origin TOKEN)),,--IdentityProvider.token=$(TOKEN)) \
	  $(if $(filter 0,$(shell id -u)),--allow-root)

test: chromium lint vitest
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --max-worker-restart 1

lint: setup
	$(PY) -m ruff check $(LINTED)
	$(PY) -m ruff format --check $(LINTED)
	.venv/bin/lint-imports --no-logo --no-cache
	$(PY) -m mypy
	cd js && npm run --silent lint
	cd js && npm run --silent check

vitest: chromium setup
	cd js && CHROMIUM="$$(../.ci/chromium)" npm run --silent test

unit: setup
	cd js && npm run --silent test -- --project unit
	$(PY) -m pytest -m "not browser"

browser: chromium setup
	$(PY) -m pytest -m browser

gallery: chromium setup
	$(PY) -m pytest tests/browser/gallery.py

bench: $(BENCH_READY)
	$(BENCH_PY) $(BENCH)/run.py

bench-view: chromium setup
	CHROMIUM="$$(.ci/chromium)" $(PY) $(BENCH)/view.py

bench-training: chromium setup
	CHROMIUM="$$(.ci/chromium)" $(PY) $(BENCH)/training_view.py

build: setup
	rm -rf dist
	$(PY) -m hatchling build

clean:
	rm -rf .venv $(BENCH)/.venv js/node_modules kanwidget/static dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis

setup: $(READY)

chromium:
	@.ci/chromium >/dev/null

build/demo/%: examples/%
	@mkdir -p $(@D)
	@cp $< $@

$(NODE_READY): js/package.json js/package-lock.json
	@echo "== Node packages, into js/node_modules"
	@command -v npm >/dev/null || { echo "This needs Node.js 20 or newer with npm: https://nodejs.org" >&2; exit 1; }
	cd js && npm ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

$(BUILT): $(NODE_READY) js/package.json js/tsconfig.json js/build.mjs $(SOURCES)
	@echo "== the front end, into $@"
	cd js && npm run --silent build

define check-python
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The pinned tools need Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "$(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
endef

$(READY): Makefile pyproject.toml .ci/constraints.txt | $(BUILT)
	@echo "== Python packages, into .venv (a minute or two)"
	$(check-python)
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt -e '.[test]'
	for library in $(READ); do \
	  $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --upgrade \
	    --target .venv/rivals/$$library $$library || exit 1; \
	done
	@mkdir -p $(dir $(LAB_SETTINGS))
	@echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}' > $(LAB_SETTINGS)
	@touch $@

$(BENCH_READY): Makefile pyproject.toml .ci/constraints.txt $(BENCH)/requirements.txt | $(BUILT)
	@echo "== Python packages to compare with, into $(BENCH)/.venv (a few minutes)"
	$(check-python)
	$(PYTHON) -m venv --clear $(BENCH)/.venv
	$(BENCH_PY) -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt -r $(BENCH)/requirements.txt -e .
	for rival in $(RIVALS); do \
	  $(BENCH_PY) -m pip install --quiet --disable-pip-version-check --no-deps \
	    --target $(BENCH)/.venv/rivals/$$rival $$rival || exit 1; \
	done
	@touch $@
