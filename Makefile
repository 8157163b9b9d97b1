# Each target makes its own environment in .venv first; a second run finds it there.
# Needs: make, Python >= 3.11 with venv and pip. `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
WARM := .venv/.warm
# Processes that share the tests; many servers and solvers run in them, so two do for any machine.
TEST_WORKERS ?= 2
# Packages that exist in this checkout.
PACKAGES := $(patsubst %/__init__.py,%,$(wildcard twin/__init__.py scenarios/__init__.py api/__init__.py))

# An empty value lets Python cache byte code: without it each start compiles pandas anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench proof docs lock clean distclean openapi wheelhouse

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

$(READY): requirements.lock pyproject.toml tools/environment.py
	@$(PYTHON) tools/environment.py

# Numba's cache does not notice a change in a function that another file calls, so it is emptied.
$(WARM): $(READY) $(wildcard twin/signals/*.py twin/engine/*.py twin/engine/compiled/*.py scenarios/schedule/search/*.py)
	@echo "kernels: compiling, once"
	@find twin scenarios -name '*.nb[ic]' -delete
	@$(BIN)/twin warmup
	@touch $@

demo: $(WARM) ## a running plant, its twin and the page; CHECK=1 drives it once and exits
	@exec $(BIN)/twin demo $(if $(CHECK),--check)

test: check $(WARM) ## lint, types, architecture, tests, notebooks
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile

check: $(READY) ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(addprefix -p ,$(PACKAGES))

format: $(READY) ## put imports and layout in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(WARM) ## measure speed, print a table
	$(BIN)/python -m tests.benchmarks

proof: check $(WARM) ## every test, with large samples and many examples
	HYPOTHESIS_PROFILE=proof $(BIN)/python -m pytest -m "proof or not proof" \
	  -o timeout=1800 -o faulthandler_timeout=3600

docs: $(READY) ## the API reference as pages in docs/_build
	@$(BIN)/python -m tools.reference docs/_build $(PACKAGES)
	@echo "open docs/_build/index.html"

# The universal lock serves every Python from 3.11 on and every system with one set of versions.
lock: $(READY) ## bring requirements.lock up to date with pyproject.toml (UPGRADE=1: newest versions)
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --fork-strategy fewest \
	  --all-extras --group dev --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --quiet $(if $(UPGRADE),--upgrade) --output-file requirements.lock

openapi: $(READY) ## write docs/openapi.json anew after a change of the API
	@$(BIN)/python -m tools.openapi docs/openapi.json

# Everything to install without a network, for the Python and the system that run this.
wheelhouse: $(READY) ## all wheels in wheelhouse/, for: pip install --no-index --find-links
	@mkdir -p wheelhouse
	$(BIN)/uv build --quiet --wheel --no-build-isolation --out-dir wheelhouse
	$(BIN)/python -m pip download --quiet --require-hashes --only-binary :all: --dest wheelhouse \
	  --requirement requirements.lock
	@echo "pip install --no-index --find-links wheelhouse 'linetwin[server,forecast,postgres]'"

clean: ## remove caches and built pages
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist docs/_build
	find twin scenarios api tests tools notebooks -name __pycache__ -type d -prune \
	  -exec rm -rf {} + 2>/dev/null || true

distclean: clean ## remove the environment too
	rm -rf .venv
