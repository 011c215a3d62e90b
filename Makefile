# Two commands matter: `make book` and `make test`. `make help` lists the others.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# uv does not read pip's settings: hand it the places of wheels that pip knows of, from its files and from
# PIP_FIND_LINKS, which counts where the system's Python has no pip, too.
FIND_LINKS = $(shell { $(PYTHON) -m pip config list 2>/dev/null | sed -n "s/.*find-links='\(.*\)'/\1/p"; \
	printenv PIP_FIND_LINKS; } | tr ' ' '\n' | sed '/^$$/d' | sort -u | sed 's/^/--find-links /')

# Tests on several processes at once, each on one thread.
SIDE_BY_SIDE := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4

.DEFAULT_GOAL := help
.PHONY: help book test lint unit reproduction pages citation outputs reproduce lab search serve lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: $(INSTALLED) ## Execute what changed, build the site, print where it is
	@$(BIN)/python -m graphon_lib.book build

test: lint citation book unit reproduction pages ## All checks: lint, units, chapters, strict build, browser

$(INSTALLED): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@test -d $(VENV) || { echo "Creating $(VENV)"; $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; }
	@extras=test; command -v npm >/dev/null || extras=test,node; \
	if command -v uv >/dev/null; then \
		echo "Installing the pinned dependencies with uv"; \
		uv pip install --python $(BIN)/python $(FIND_LINKS) -c constraints.txt -e ".[$$extras]"; \
	else \
		echo "Installing the pinned dependencies with pip (a few minutes; uv, where present, is faster)"; \
		$(BIN)/python -m pip install --progress-bar on -c constraints.txt -e ".[$$extras]"; \
	fi
	@touch $@

# Its requirements contradict those of JupyterLab, so it lives apart.
_build/cffconvert:
	@echo "Installing cffconvert"
	@$(PYTHON) -m venv $@ && $@/bin/python -m pip install --quiet cffconvert==2.0.0 || { rm -rf $@; exit 1; }

lint: $(INSTALLED) ## Style, formatting and the direction of imports
	@echo "Checking style, formatting and imports"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

citation: _build/cffconvert ## Validate CITATION.cff
	@_build/cffconvert/bin/cffconvert --validate

unit: $(INSTALLED) ## Unit tests of the library
	@echo "Testing the library"
	@$(BIN)/python -m pytest -m "not slow and not browser and not reproduction" --durations=5

search: $(INSTALLED) ## Property tests on a thousand new examples each
	@echo "Trying new examples"
	@$(BIN)/python -m pytest -m "hypothesis and not slow and not browser and not reproduction" \
		--hypothesis-profile search

reproduction: book ## Compare chapters and stored results with what the code makes; chapters at a small size
	@echo "Comparing committed outputs and parts of stored results; running the chapters at a small size"
	@$(SIDE_BY_SIDE) --dist worksteal -m "reproduction and not slow" --durations=5

pages: book ## Open every built page in Chromium
	@echo "Opening the built pages in Chromium"
	@$(BIN)/python -m pytest -m browser tests

outputs: $(INSTALLED) ## Write freshly executed outputs back into chapters/
	@$(BIN)/python -m graphon_lib.book outputs

reproduce: $(INSTALLED) ## Compute the stored results again (hours); RESULT=name for one, SCHEDULER=tcp://... on Dask
	@echo "Computing results; finished cells are kept in .cache/, so that it can be stopped and resumed"
	@$(BIN)/python -m graphon_lib.experiments $(RESULT) $(if $(SCHEDULER),--scheduler $(SCHEDULER))

lab: $(INSTALLED) ## Open JupyterLab on the chapters
	@echo "Starting JupyterLab on chapters/; stop it with Ctrl-C"
	@$(BIN)/jupyter lab --notebook-dir=chapters

serve: book ## Serve the built site on localhost
	@echo "Serving http://localhost:$(PORT)/; stop it with Ctrl-C"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lock: ## Pin the newest allowed versions in constraints.txt (needs uv)
	@echo "Resolving the dependencies for every platform and Python >= 3.11"
	@{ echo "# Exact versions of everything the book uses, for every platform. Written by 'make lock'."; \
	   uv pip compile pyproject.toml --extra test --extra node --universal --quiet \
	       --no-header --no-annotate $(FIND_LINKS) | sed -E \
	       -e '/^torch==/s/(\+cpu)? ;.*//' \
	       -e "/^(cuda|nvidia|triton)/s/ ;.*/ ; sys_platform == 'linux'/" | uniq; \
	} > constraints.new && mv constraints.new constraints.txt

clean: ## Remove the virtual environment and everything that was built
	@echo "Removing $(VENV), _build and node_modules"
	@rm -rf $(VENV) _build node_modules *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
