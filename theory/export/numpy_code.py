"""NumPy: a fast plain function of arrays, without accuracy guarantees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from theory.errors import TheoryError, require_known
from theory.export.assignments import assignments
from theory.formula import Formula
from theory.sequences import power_coefficients

__all__ = ["numpy_function"]

Arrays = npt.NDArray[Any]


def numpy_function(formula: Formula) -> Callable[..., Any]:
    """The closed form as a function of arrays by name, in plain floating point.

    The closed forms cancel in flat directions: there this function returns noise where
    :func:`theory.evaluate.evaluate` returns 15 digits. It is meant for plots, for other number
    types (complex, object arrays) and for reading the compiled code.

    Raises
    ------
    TheoryError
        From the returned function, for unknown or missing names.
    """
    form = assignments(formula)
    steps = (*form.sequences, *form.where)
    compiled = sp.lambdify(
        form.parameters, form.result, modules=[{"lucas_sequence": _lucas}, "numpy"],
        cse=lambda expressions: (list(steps), expressions),
    )
    names = [s.name for s in form.parameters]

    def function(**values: Any) -> Any:
        for name in values:
            require_known(name, names, f"parameter of {formula.slug}")
        missing = [n for n in names if n not in values]
        if missing:
            raise TheoryError(f"{formula.slug} needs {', '.join(missing)}: give a value for each")
        return compiled(*(values[n] for n in names))

    function.__name__ = formula.slug.replace("-", "_").replace("/", "_")
    function.__doc__ = f"{formula.title}; keyword arguments {', '.join(names)}."
    return function


def _lucas(k: int, n: Any, *invariants: Any) -> Any:
    """u_k(n); n may be an array of whole numbers, one squaring chain for each different one."""
    exponents = np.asarray(n)
    if exponents.ndim == 0:
        return power_coefficients(int(exponents), invariants)[k]
    parts = np.broadcast_arrays(exponents, *invariants)
    out = np.empty(parts[0].shape, dtype=np.result_type(*parts[1:]))
    for value in np.unique(parts[0]):
        here = parts[0] == value
        out[here] = power_coefficients(int(value), [p[here] for p in parts[1:]])[k]
    return out
