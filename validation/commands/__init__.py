"""The commands of ``sgd-theory``, one file each.

A command is a module with ``NAME``, ``add_parser(subparsers)`` and ``run(arguments)``. A new one is
a new file and one line in ``COMMANDS``.
"""

from __future__ import annotations

import argparse
import importlib
from typing import Any, Protocol

__all__ = ["COMMANDS", "Command", "command_module"]

#: name on the command line, and module
COMMANDS = (
    ("list", "list_formulas"),
    ("show", "show"),
    ("eval", "evaluate"),
    ("derive", "derive"),
    ("verify", "verify"),
    ("predict", "predict"),
    ("simulate", "simulate"),
    ("convert", "convert"),
    ("check", "check"),
    ("report", "report"),
)


class Command(Protocol):
    """What each module offers."""

    def add_parser(self, subparsers: Any) -> argparse.ArgumentParser:
        """Declare the command's arguments; no heavy imports."""
        ...

    def run(self, arguments: argparse.Namespace) -> int | None:
        """Do it; print to stdout. Returns the exit code; None is 0."""
        ...


def command_module(module: str) -> Command:
    """Import one command."""
    found: Any = importlib.import_module(f"validation.commands.{module}")
    command: Command = found
    return command
