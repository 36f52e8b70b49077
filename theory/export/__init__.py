"""A formula as code or data elsewhere: Python, NumPy, C, Wolfram Language, Maxima, JSON.

Each export is complete: it defines the Lucas sequences it uses, keeps 'where' quantities as
assignments of their own, and runs as it stands.
"""

from __future__ import annotations

from theory.export.c_code import to_c
from theory.export.maxima_code import to_maxima
from theory.export.numpy_code import numpy_function
from theory.export.python_code import to_python
from theory.export.record import condition_text, formula_record
from theory.export.wolfram_code import to_wolfram

__all__ = [
    "condition_text",
    "formula_record",
    "numpy_function",
    "to_c",
    "to_maxima",
    "to_python",
    "to_wolfram",
]
