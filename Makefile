# `make report`, `make test` and `make test-torch` set everything up by themselves.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DATA   ?=
TARGET ?=
# the report trains with PyTorch; `make report TORCH=` leaves that out, and installs nothing for it
TORCH  ?= yes

.PHONY: report test test-torch bench clean
.DELETE_ON_ERROR:

report: $(VENV)/.report$(if $(TORCH),-torch)
	$(BIN)/sgd-theory report --output build/report $(if $(DATA),--data "$(DATA)") $(if $(TARGET),--target "$(TARGET)")

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2

# the tests that train with PyTorch, which nothing else needs
test-torch: $(VENV)/.test-torch
	$(BIN)/pytest --torch -n 2 tests/test_torch_*.py tests/test_report_real_sgd.py

bench: $(VENV)/.test
	$(BIN)/python -m validation.benchmark --output build/bench.json

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.report: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[report]"
	touch $@

$(VENV)/.report-torch: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[report,torch]"
	touch $@ $(VENV)/.report

$(VENV)/.test: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	touch $@ $(VENV)/.report

$(VENV)/.test-torch: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test,torch]"
	touch $@ $(VENV)/.test $(VENV)/.report $(VENV)/.report-torch

clean:
	rm -rf build $(VENV) *.egg-info
