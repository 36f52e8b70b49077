"""Accurate numbers from any formula.

:func:`evaluate` returns doubles with a relative error of at most 1e-15, or any number of decimal
digits; :func:`enclose` a rigorous ball. A formula is compiled once to a straight-line program,
which runs in plain doubles with an error bound, in double-double arithmetic with an error bound,
or in Arb balls, whichever is the first to be certain.
"""

from __future__ import annotations

from theory.evaluate.evaluation import evaluate
from theory.evaluate.points import enclose

__all__ = ["enclose", "evaluate"]
