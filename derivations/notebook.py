"""A derivation as a runnable notebook: every step beside the code that checks it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from derivations.derivation import Derivation
from derivations.typeset import header_markdown, result_markdown, step_markdown
from theory.errors import TheoryError

__all__ = ["to_notebook"]


def to_notebook(
    derivation: Derivation, path: str | Path, *, source: str | None = None,
    symbols: Mapping[str, str] | None = None,
) -> Path:
    """Write a notebook (format 4.5) whose cells rebuild the derivation and check each step.

    Parameters
    ----------
    derivation
        What is written.
    path
        The file; it appears complete or not at all.
    source
        Python code that makes ``derivation``. Known for catalogue formulas, and for pairs of
        built-in rules and schemes.
    symbols
        Other letters for parameters.

    Raises
    ------
    TheoryError
        If ``source`` is missing and not known.
    """
    code = source or _source(derivation)
    cells = [
        _markdown(header_markdown(derivation, symbols)),
        _code(f"{code}\nverdicts = derivation.check()\nassert all(v.proved for v in verdicts)\n"
              "print(len(verdicts), 'steps proved')"),
    ]
    known: set[tuple[Any, Any]] = set()
    for number, step in enumerate(derivation.steps):
        cells.append(_markdown(step_markdown(derivation, number, known, symbols)))
        cells.append(_code(f"print(derivation.steps[{number}].check())"))
        del step
    cells.append(_markdown(result_markdown(derivation, symbols)))
    cells.append(_code("derivation.result.compact"))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    content = {
        "cells": cells, "nbformat": 4, "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    }
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, ensure_ascii=False)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def _source(derivation: Derivation) -> str:
    """Code that makes the derivation: by slug, or by the names in rule/scheme/quantity."""
    from theory.closed_forms import CATALOGUE

    if derivation.slug in {entry.slug for entry in CATALOGUE}:
        return f"from derivations import derive\n\nderivation = derive({derivation.slug!r})"
    parts = derivation.slug.split("/")
    if len(parts) != 3:
        raise TheoryError(
            f"{derivation.slug!r} is no catalogue slug; give source=, code that assigns the derivation "
            "to the name 'derivation'"
        )
    rule, scheme, quantity = parts
    return (
        "from derivations import derive_pair\nfrom theory.optimizers import rule_by_name\n"
        "from theory.sampling import scheme_by_name\n\n"
        f"derivation = derive_pair(rule_by_name({rule!r}), scheme_by_name({scheme!r}), {quantity!r})"
    )


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(text: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": text,
    }
