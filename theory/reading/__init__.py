"""Formulas from outside: read, bounded, never evaluated.

Text and LaTeX become expressions in the symbols of :mod:`theory.symbols`. A text is cut into tokens, the
tokens are checked and parsed into a tree of few node types, and the tree is built into SymPy objects; no
text ever reaches an evaluator. What is not read is refused with its place and a suggestion.
"""

from __future__ import annotations

from theory.reading.error import ReadingError
from theory.reading.latex import read_latex
from theory.reading.left_side import left_quantity
from theory.reading.notation import DEFAULT_NOTATION, Notation, unknown_names_message
from theory.reading.reading import Reading
from theory.reading.text import read_condition, read_text

__all__ = [
    "DEFAULT_NOTATION",
    "Notation",
    "Reading",
    "ReadingError",
    "left_quantity",
    "read_condition",
    "read_latex",
    "read_text",
    "unknown_names_message",
]
