"""Tests that train with PyTorch are collected by ``pytest --torch`` alone; a plain run says so."""

from __future__ import annotations

from pathlib import Path

import pytest


def _wanted(path: Path, config: pytest.Config) -> bool:
    return not path.name.startswith("test_torch_") or bool(config.getoption("--torch"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--torch", action="store_true", help="collect tests/test_torch_*.py, which need PyTorch")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if _wanted(collection_path, config) else True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--torch"):
        terminalreporter.write_line("not run: tests/test_torch_*.py, which need PyTorch (make test-torch)")
