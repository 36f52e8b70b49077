"""A claim against the truth: proof of equality, ratio, difference, and where the two differ."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import mpmath
import sympy as sp
from sympy.printing.str import StrPrinter

from derivations.checking.exact_value import exact_value
from derivations.checking.point_value import UndefinedError, value_at
from derivations.checking.points import Point, equalities, fixed_points, small_points
from derivations.checking.rational_form import Element, rational_forms
from derivations.checking.target import Target
from derivations.evaluation import NotRationalError
from derivations.factored import Factored, factored
from derivations.step import Outcome, Step
from theory.sequences import LucasSequence
from theory.symbols import second_curvature

__all__ = ["Comparison", "plain_text", "quick_test", "same_value", "shown"]

_RATIONAL: frozenset[int] = frozenset()
#: of 50 digits; two different expressions that agree to 35 at a rational point are not to be expected
_SAME = mpmath.mpf(10) ** -35
_WITNESSES = 40
#: how many points the quick test compares
_ENOUGH = 2


def same_value(first: Any, second: Any) -> bool:
    """Equal as rational numbers, or to 35 digits where one is irrational."""
    if isinstance(first, Fraction) and isinstance(second, Fraction):
        return first == second
    with mpmath.workdps(60):
        a, b = _floating(first), _floating(second)
        return bool(abs(a - b) <= _SAME * max(abs(a), abs(b)))


def _floating(value: Any) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def quick_test(expression: sp.Expr, target: Target, region: sp.Basic = sp.true) -> bool:
    """Equal to the truth at the fixed points where it is defined, two at least: a filter, no proof."""
    agreed = 0
    for point, truth in fixed_points(target, region):
        try:
            if not same_value(value_at(expression, point), truth):
                return False
        except UndefinedError:
            continue
        agreed += 1
        if agreed == _ENOUGH:
            break
    return agreed == _ENOUGH


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """One expression, in the project's symbols, against a target."""

    claim: sp.Expr
    target: Target
    #: where the claim is made; true where it says nothing
    region: sp.Basic = sp.true
    #: two other sides whose equality is the same statement and cheaper to prove
    sides: tuple[sp.Expr, sp.Expr] | None = None

    @cached_property
    def forms(self) -> tuple[Element, Element] | str:
        """Both in one field of rational functions; or why there is none."""
        fixed = {s: sp.Rational(v.numerator, v.denominator) for s, v in equalities(self.region).items()}
        both = [side.subs(fixed) if fixed else side for side in self.sides or (self.claim, self.target.truth)]
        try:
            first, second = rational_forms(both, sp.And(self.target.formula.valid_if, self.region))
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
        undefined = None
        for point in small_points(self.target, _WITNESSES, self.region):
            found = witness_at(self.claim, self.target, point)
            if found is not None and found["relative_difference"] is not None:
                return found
            undefined = undefined or found
        return undefined


def _factored(expression: sp.Expr) -> Factored | None:
    try:
        return factored(expression)
    except NotRationalError:
        return None


def witness_at(claim: sp.Expr, target: Target, point: Point) -> dict[str, Any] | None:
    """Both numbers and the exact one, if claim and truth differ at the point."""
    own = {s: v for s, v in point.items() if s in claim.free_symbols or s in target.parameters}
    try:
        truth = value_at(target.truth, point)
    except UndefinedError:
        return None
    value: Any = None
    try:
        value = value_at(claim, own)
        text = shown(value)
        if same_value(value, truth):
            return None
    except UndefinedError as error:
        text = str(error)
    exact, how = exact_value(target, point)
    return {
        "point": {s.name: str(v) for s, v in sorted(own.items(), key=lambda item: item[0].name)},
        "claim": text,
        "formula": shown(truth),
        "exact": None if exact is None else shown(exact),
        "exact_by": how,
        "relative_difference": None if value is None or truth == 0 else _relative(value, truth),
    }


def _relative(value: Any, truth: Any) -> float:
    with mpmath.workdps(60):
        return float(_floating(value) / _floating(truth) - 1)


def shown(value: Any) -> str:
    """A fraction as it is while it is short, else twelve digits."""
    if isinstance(value, Fraction) and value.numerator.bit_length() + value.denominator.bit_length() <= 72:
        return str(value)
    return str(mpmath.nstr(_floating(value), 12))


class _Plain(StrPrinter):  # type: ignore[misc]
    """Text with terms in the order of a hand: 2 + 2*momentum - learning_rate*curvature."""

    def _as_ordered_terms(self, expr: sp.Expr, order: Any = None) -> list[sp.Expr]:
        def key(term: sp.Expr) -> tuple[bool, int, bool, str]:
            powers = term.as_powers_dict()
            degree = sum(int(e) if e.is_Integer else 1 for b, e in powers.items() if not b.is_number)
            return term.has(LucasSequence), degree, term.could_extract_minus_sign(), str(term)

        terms = sorted(sp.Add.make_args(expr), key=key)
        first = next((n for n, t in enumerate(terms) if not t.could_extract_minus_sign()), 0)
        return [terms[first], *terms[:first], *terms[first + 1 :]]


def plain_text(expression: sp.Expr) -> str:
    """Text of an expression for a reader, with U_(n) and W_(n) for the two-term sequences."""
    names = {}
    for node in expression.atoms(LucasSequence):
        k, n, *invariants = node.args
        letter = ("W", "U")[int(k)] if len(invariants) == 2 else f"u{k}"
        prime = "'" if any(e.has(second_curvature) for e in invariants) else ""
        names[node] = sp.Symbol(f"{letter}{prime}_({n})")
    text: str = _Plain().doprint(expression.xreplace(names))
    return text
