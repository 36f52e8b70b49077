"""A claim against the truth: proof of equality, ratio, difference, and where the two differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath
import sympy as sp

from derivations.checking.exact_value import exact_value
from derivations.checking.point_value import UndefinedError, value_at
from derivations.checking.points import Point, fixed_points, small_points
from derivations.checking.rational_form import Element, rational_forms
from derivations.checking.target import Target
from derivations.evaluation import NotRationalError
from derivations.factored import Factored, factored
from derivations.step import Outcome, Step
from theory.sequences import LucasSequence

__all__ = ["Comparison", "quick_test", "same_value", "shown", "witness_at"]

_RATIONAL: frozenset[int] = frozenset()
#: of 50 digits; two different expressions that agree to 35 at a rational point are not to be expected
_SAME = mpmath.mpf(10) ** -35
_WITNESSES = 40


def same_value(first: Any, second: Any) -> bool:
    """Equal as rational numbers, or to 35 digits where one is irrational."""
    if isinstance(first, mpmath.mpf) or isinstance(second, mpmath.mpf):
        with mpmath.workdps(60):
            a, b = (mpmath.mpf(x.numerator) / x.denominator if not isinstance(x, mpmath.mpf) else x
                    for x in (first, second))
            return bool(abs(a - b) <= _SAME * max(abs(a), abs(b)))
    return bool(first == second)


def quick_test(expression: sp.Expr, target: Target) -> bool:
    """Equal to the truth at two fixed points: a filter, never a proof."""
    points = fixed_points(target)
    try:
        return bool(points) and all(
            same_value(value_at(expression, point), truth) for point, truth in points
        )
    except UndefinedError:
        return False


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """One expression, in the project's symbols, against a target."""

    claim: sp.Expr
    target: Target

    @cached_property
    def forms(self) -> tuple[Element, Element] | str:
        """Both in one field of rational functions; or why there is none."""
        try:
            first, second = rational_forms([self.claim, self.target.truth])
        except (NotRationalError, RecursionError) as error:
            return str(error) or "the expression is nested too deeply"
        return first, second

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The identities that together say claim = truth."""
        if isinstance(self.forms, str):
            return ()
        claim, truth = self.forms
        return tuple(
            Step(because="claim and formula have the same coefficient",
                 lhs=claim.get(roots, sp.S.Zero), rhs=truth.get(roots, sp.S.Zero))
            for roots in sorted({*claim, *truth}, key=lambda r: (len(r), sorted(r)))
        )

    @cached_property
    def proved(self) -> bool:
        """Whether every coefficient is proved equal, by two polynomial engines."""
        return bool(self.steps) and all(step.check().outcome is Outcome.PROVED for step in self.steps)

    @property
    def why_not(self) -> str:
        """Why equality is not proved."""
        return self.forms if isinstance(self.forms, str) else "the difference is not the zero polynomial"

    def _single(self) -> tuple[sp.Expr, sp.Expr] | None:
        """Both sides where neither holds a root."""
        if isinstance(self.forms, str) or any(form.keys() - {_RATIONAL} for form in self.forms):
            return None
        claim, truth = (form.get(_RATIONAL, sp.S.Zero) for form in self.forms)
        return claim, truth

    @cached_property
    def ratio(self) -> Factored | None:
        """Claim over truth, factored; None where it is irrational."""
        pair = self._single()
        return None if pair is None or pair[1] == 0 else _factored(pair[0] / pair[1])

    @cached_property
    def difference(self) -> Factored | None:
        """Claim minus truth, factored; None where it is irrational."""
        pair = self._single()
        return None if pair is None else _factored(pair[0] - pair[1])

    @cached_property
    def witness(self) -> dict[str, Any] | None:
        """A point at small rational values where the two differ; None if none was found."""
        for point in small_points(self.target, _WITNESSES):
            found = witness_at(self.claim, self.target, point)
            if found is not None:
                return found
        return None


def _factored(expression: sp.Expr) -> Factored | None:
    try:
        return factored(expression)
    except NotRationalError:
        return None


def witness_at(claim: sp.Expr, target: Target, point: Point) -> dict[str, Any] | None:
    """Both numbers and the exact one, if claim and truth differ at the point."""
    try:
        truth = value_at(target.truth, point)
    except UndefinedError:
        return None
    try:
        value: Any = value_at(claim, point)
    except UndefinedError as error:
        value = None
        undefined = str(error)
    if value is not None and same_value(value, truth):
        return None
    exact, how = exact_value(target, point)
    used = (claim.free_symbols | set(target.parameters)) & point.keys()
    return {
        "point": {s.name: str(point[s]) for s in sorted(used, key=lambda s: s.name)},
        "claim": undefined if value is None else shown(value),
        "formula": shown(truth),
        "exact": None if exact is None else shown(exact),
        "exact_by": how,
        "relative_difference": None if value is None or truth == 0 else float(value / truth - 1),
    }


def shown(value: Any) -> str:
    """A fraction as it is while it is short, else twelve digits."""
    if isinstance(value, mpmath.mpf):
        return str(mpmath.nstr(value, 12))
    text = str(value)
    return text if len(text) <= 24 else f"{float(value):.12g}"


def sequences_named(expression: sp.Expr) -> str:
    """Text of an expression, with U_n and W_n for the sequences."""
    names = {}
    for node in expression.atoms(LucasSequence):
        k, n, *invariants = node.args
        letter = ("W", "U")[int(k)] if len(invariants) == 2 else f"u{k}"
        names[node] = sp.Symbol(f"{letter}_({n})")
    return str(expression.xreplace(names))
