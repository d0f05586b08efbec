# make demo        install and open the guided demo (AUTO=1: unattended, leaves a report)
# make test        install and run the tests;  make test-all: the slow ones too
# make docs        build the site of docs/ into build/site
# make check       lint, types, layers;        make bench: planted faults (CASES=60 for more), speed, which images to label (a sample)
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
export HF_HUB_OFFLINE ?= 1
export ANONYMIZED_TELEMETRY ?= False

.PHONY: demo test test-all check bench docs dev format clean help
help:
	@sed -n 's/^# //p' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Failsight needs Python 3.11 or newer; say which with: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	@touch $@

dev: $(VENV)/.installed-dev

demo: $(VENV)/.installed
	@echo '$(BIN)/failsight demo $(if $(AUTO),--auto) $(ARGS)'; $(BIN)/failsight demo $(if $(AUTO),--auto) $(ARGS); \
	code=$$?; case $$code in 0|3|4) ;; *) exit $$code ;; esac  # 3 and 4: the model is not ready, or undecided: an answer, no error

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 $(ARGS)

test-all: $(VENV)/.installed-bench
	$(BIN)/python -m pytest -m 'slow or not slow' --timeout 1800 $(ARGS)

check: $(VENV)/.installed-dev build/typing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=build/typing:. $(BIN)/mypy -p failsight -p benchmarks
	$(BIN)/lint-imports --verbose

# the folders live at the top level; mypy finds them under their import name through links
build/typing:
	mkdir -p build/typing/failsight
	for d in agent tools knowledge_base prompts; do ln -sfn ../../../$$d build/typing/failsight/$$d; done

docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python -m mkdocs build --strict --quiet && echo build/site/index.html

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

CASES ?= 10
bench: $(VENV)/.installed-bench
	OMP_NUM_THREADS=1 $(BIN)/failsight bench --cases $(CASES) --planner guided --method all --jobs 2  # planted faults: who finds them
	$(BIN)/python -m benchmarks.speed.slices
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.selection --quick  # all problems: benchmarks/selection/results.md

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
