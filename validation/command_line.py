"""``sgd-theory``: the toolkit from the command line.

The JSON of every command is a contract: its keys are listed at the end of ``sgd-theory COMMAND
--help`` and tested. Keys may be added, none is renamed or removed. Numbers that are exact or longer
than a double are strings.

Exit codes: 0 done; 1 evidence failed (verify); 2 bad input, one line on stderr; 130 interrupted; 141
the reader of a pipe left.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from theory.errors import TheoryError, require_known
from validation.commands import COMMANDS, command_module

__all__ = ["main"]

_EPILOG = """\
'sgd-theory COMMAND --help' shows arguments, examples and the keys of the JSON.

examples:
  sgd-theory list
  sgd-theory show reshuffled-weight-variance --latex
  sgd-theory eval reshuffled-weight-variance learning_rate=1/10 curvature=3/10 momentum=9/10 \\
      steps_per_epoch=7 noise_variance=1 --digits 30
  sgd-theory verify
  sgd-theory check "eta*c/(2*lambda)" --as white-weight-variance
  sgd-theory predict digits --learning-rate 0.001 --momentum 0.9 --batch-size 3 --sampling reshuffled

exit codes: 0 done, 1 evidence failed (verify), 2 bad input (one line on stderr), 130 interrupted
"""

#: import name, and the package that pip knows
_OPTIONAL = {
    "numba": "numba", "matplotlib": "matplotlib", "sklearn": "scikit-learn", "tqdm": "tqdm",
    "latex2mathml": "latex2mathml", "nbformat": "nbformat", "nbclient": "nbclient",
}


class _Parser(argparse.ArgumentParser):
    """Names the nearest command instead of listing all, on one line."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: error: {message}\n")
        sys.exit(2)


def _parser(command: str | None) -> argparse.ArgumentParser:
    """The whole parser; only the chosen command's own module if there is one."""
    parser = _Parser(
        prog="sgd-theory", description="Stationary laws of SGD: derived, evaluated, checked, simulated.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS:
        if command is None or name == command:
            command_module(module).add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    argv
        Arguments without the program's name; by default those of the process.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    names = dict(COMMANDS)
    try:
        command = given[0] if given and not given[0].startswith("-") else None
        if command is not None:
            require_known(command, names, "command")
        arguments = _parser(command).parse_args(given)
        code = command_module(names[arguments.command]).run(arguments)
        sys.stdout.flush()
    except TheoryError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        package = _OPTIONAL.get((error.name or "").partition(".")[0])
        if package is None:
            raise
        return _fail(f"this needs {package}, which is not installed: pip install 'sgd-theory[report]'")
    except KeyboardInterrupt:
        sys.stderr.write("sgd-theory: interrupted\n")
        return 130
    except BrokenPipeError:
        # the reader left; what Python would still flush at exit goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        where = f"{error.filename!r}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")
    return code or 0


def _fail(message: str) -> int:
    sys.stderr.write(f"sgd-theory: error: {message}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
