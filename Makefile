# Two commands matter: `make book` and `make test`. `make help` lists the others.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
LOG := $(VENV)/install.log

# Where this is set, as in many containers, every process would compile every module that it imports again.
unexport PYTHONDONTWRITEBYTECODE

# uv does not read pip's settings: hand it the places of wheels that pip knows of, from its files and from
# PIP_FIND_LINKS, which counts where the system's Python has no pip, too.
FIND_LINKS = $(shell { $(PYTHON) -m pip config list 2>/dev/null | sed -n "s/.*find-links='\(.*\)'/\1/p"; \
	printenv PIP_FIND_LINKS; } | tr ' ' '\n' | sed '/^$$/d' | sort -u | sed 's/^/--find-links /')

# $(call install,WHAT,EXTRA): install an extra of the library, and npm where the machine has none.
define install
	@extras=$2; command -v npm >/dev/null || extras=$2,node; \
	if command -v uv >/dev/null; then with=uv; else with=pip; fi; \
	printf '%s' "Installing $1 ($$with, pinned versions) ... "; start=$$(date +%s); \
	if [ $$with = uv ]; then set -- uv pip install --python $(BIN)/python $(FIND_LINKS); \
	else $(BIN)/python -m ensurepip >$(LOG) 2>&1; set -- $(BIN)/python -m pip install --no-compile; fi; \
	"$$@" -c constraints.txt -e ".[$$extras]" >$(LOG) 2>&1 || \
		{ echo failed; tail -n 30 $(LOG); echo "Log: $(LOG)"; exit 1; }; \
	echo "$$(($$(date +%s) - start)) s"
	@touch $@
endef

# Tests on several processes at once, each on one thread.
PROCESSES := $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores < 4 ? cores : 4)))
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal

# Minutes that `make test` takes from a fresh clone: what runs on one core, and what is shared out.
MINUTES := $$((2 + 16 / $(PROCESSES)))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help book test plan lint unit reproduction pages citation bench pdf outputs reproduce lab search serve lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: $(VENV)/.book ## Install, execute what changed, build the site, print where it is
	@$(BIN)/python -m graphon_lib.book build

test: plan lint citation book ## All checks: style, citation, book, every test that is not marked slow
	@$(PYTEST) --durations 5

plan:
	@echo "Checking style, citation, book and every test, on $(PROCESSES) processes: about $(MINUTES) minutes"

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $$(command -v uv >/dev/null && echo --without-pip) $@ || { rm -rf $@; exit 1; }

$(VENV)/.book: constraints.txt pyproject.toml | $(VENV)
	$(call install,what the book needs,book)

$(VENV)/.test: $(VENV)/.book
	$(call install,what the tests need,test)

$(VENV)/.pdf: $(VENV)/.book
	$(call install,what printing needs,pdf)

$(VENV)/.lab: $(VENV)/.book
	$(call install,JupyterLab,lab)

lint: $(VENV)/.test ## Style, formatting and the direction of imports
	@echo "Checking style, formatting and the direction of imports"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports --no-cache >$(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }

citation: $(VENV)/.test ## Validate CITATION.cff
	@echo "Validating CITATION.cff"
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.citation-file-format CITATION.cff

unit: $(VENV)/.test ## Only the unit tests of the library
	@$(PYTEST) -m "not slow and not browser and not reproduction"

reproduction: $(VENV)/.test book ## Only chapters and stored results against what the code makes
	@$(PYTEST) -m "reproduction and not slow"

pages: $(VENV)/.test book ## Only the built pages, in Chromium
	@$(PYTEST) -m "browser and not slow"

search: $(VENV)/.test ## Property tests on a thousand new examples each
	@$(PYTEST) -m "hypothesis and not slow and not browser and not reproduction" --hypothesis-profile search

bench: $(VENV)/.test book ## Time kernels, cut norms, pruning and explorers here, best on an idle machine
	@for part in graphon_ntk cut_norm pruning explorers; do \
		echo "-- $$part"; $(BIN)/python tests/benchmarks/$$part.py || exit 1; done

pdf: $(VENV)/.pdf book ## Print the whole book into one PDF, with Chromium
	@$(BIN)/python -m graphon_lib.book pdf

outputs: $(VENV)/.book ## Write freshly executed outputs back into chapters/
	@$(BIN)/python -m graphon_lib.book outputs

reproduce: $(VENV)/.book $(if $(SCHEDULER),$(VENV)/.test) ## Compute the stored results again (hours); RESULT=name for one, SCHEDULER=tcp://... on Dask
	@echo "Computing results; finished cells are kept in .cache/, so that it can be stopped and resumed"
	@$(BIN)/python -m graphon_lib.experiments $(RESULT) $(if $(SCHEDULER),--scheduler $(SCHEDULER))

lab: $(VENV)/.lab ## Open JupyterLab on the chapters
	@echo "Starting JupyterLab on chapters/; stop it with Ctrl-C"
	@$(BIN)/jupyter lab --notebook-dir=chapters

serve: book ## Serve the built site on localhost
	@echo "Serving http://localhost:$(PORT)/; stop it with Ctrl-C"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lock: ## Pin the newest allowed versions in constraints.txt (needs uv)
	@echo "Resolving the dependencies for every platform and Python >= 3.11"
	@{ echo "# Exact versions of everything the book uses, for every platform. Written by 'make lock'."; \
	   uv pip compile pyproject.toml --extra test --extra lab --extra node --universal --quiet \
	       --no-header --no-annotate $(FIND_LINKS) | sed -E \
	       -e '/^torch==/s/(\+cpu)? ;.*//' \
	       -e "/^(cuda|nvidia|triton)/s/ ;.*/ ; sys_platform == 'linux'/" | uniq; \
	} > constraints.new && mv constraints.new constraints.txt

clean: ## Remove the virtual environment and everything that was built
	@echo "Removing $(VENV), _build and node_modules"
	@rm -rf $(VENV) _build node_modules *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
