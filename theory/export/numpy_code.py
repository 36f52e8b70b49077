"""NumPy: a plain function of arrays by name, as accurate as :func:`theory.evaluate.evaluate`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from theory.evaluate import evaluate
from theory.export.assignments import identifier
from theory.formula import Formula

__all__ = ["numpy_function"]


def numpy_function(formula: Formula) -> Callable[..., Any]:
    """The formula as a plain function of numbers or arrays, by keyword, broadcast together.

    It returns what :func:`theory.evaluate.evaluate` does: doubles within a relative 1e-15, flat
    directions included, where the closed form in plain floating point returns noise. For other number
    types use :func:`theory.export.to_python`, or ``sympy.lambdify`` on ``formula.expression``.

    Raises
    ------
    TheoryError
        From the returned function, as :func:`theory.evaluate.evaluate`.

    Examples
    --------
    >>> from theory import formula_by_slug
    >>> variance = numpy_function(formula_by_slug("reshuffled-weight-variance"))
    >>> variance(learning_rate=0.1, momentum=0.9, curvature=[0, 1e-9], noise_variance=1,
    ...          steps_per_epoch=100).round(4).tolist()
    [12.8716, 12.8716]
    """

    def function(**values: Any) -> Any:
        return evaluate(formula, values)

    function.__name__ = identifier(formula.slug)
    names = ", ".join(s.name for s in formula.parameters)
    function.__doc__ = f"{formula.title}; keyword arguments {names}."
    return function
