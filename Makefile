# `make report` and `make test` set everything up by themselves.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DATA   ?=
TARGET ?=

.PHONY: report test bench clean
.DELETE_ON_ERROR:

report: $(VENV)/.report
	$(BIN)/sgd-theory report --output build/report $(if $(DATA),--data "$(DATA)") $(if $(TARGET),--target "$(TARGET)")

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2

bench: $(VENV)/.test
	$(BIN)/python -m validation.benchmark --output build/bench.json

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.report: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[report]"
	touch $@

$(VENV)/.test: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	touch $@ $(VENV)/.report

clean:
	rm -rf build $(VENV) *.egg-info
