"""A rule at exact rational hyperparameters, affine in the scaled curvature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from theory import symbols
from theory.optimizers import LinearRule

__all__ = ["RationalMatrixRows", "RationalRule", "rational_rule"]

RationalMatrixRows = tuple[tuple[Fraction, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RationalRule:
    r""":math:`A(x)=K+xL` with :math:`x=\eta\lambda`, L of rank one, at learning rate one.

    Attributes
    ----------
    keep, slope
        K and L. Shape (n, n).
    injection, weights, velocity
        B, and the rows that read the weights and the velocity off the state. Shape (n,).
    """

    keep: RationalMatrixRows
    slope: RationalMatrixRows
    injection: tuple[Fraction, ...]
    weights: tuple[Fraction, ...]
    velocity: tuple[Fraction, ...]

    @property
    def size(self) -> int:
        return len(self.injection)

    def transition(self, x: Fraction) -> RationalMatrixRows:
        """A(x)."""
        return tuple(
            tuple(k + x * s for k, s in zip(row, slopes, strict=True))
            for row, slopes in zip(self.keep, self.slope, strict=True)
        )

    def pull(self) -> tuple[Fraction, Fraction]:
        """(p, q) with det(I - A(x)) = p + q x; p = 0 if nothing but curvature pulls back."""
        at_zero, at_one = (_one_minus(self.transition(Fraction(x))).det() for x in (0, 1))
        return _fraction(at_zero), _fraction(at_one - at_zero)

    def gap(self) -> Fraction:
        """Product of 1 - z over the other poles, at x = 0 where one pole is at one."""
        return abs(_fraction(_one_minus(self.keep).adjugate().trace())) or Fraction(1)


def rational_rule(
    rule: LinearRule, values: Mapping[str, Fraction], *, velocity: bool
) -> RationalRule:
    """Insert exact values.

    With ``velocity`` a rule whose state does not determine the previous weights remembers them in
    one more entry.
    """
    rate = Fraction(values["learning_rate"])
    table: dict[sp.Symbol, sp.Rational] = {}
    for s in rule.parameters:
        value = Fraction(values[str(s)])
        table[s] = _rational(value * rate if s == symbols.weight_decay and rule.scales else value)
    transition, injection = rule.scaled
    # a rule whose learning rate units do not fix: A(lambda), B in terms of x = eta lambda, B / eta
    per_rate = sp.S.One if rule.scales else 1 / _rational(rate)
    table[symbols.learning_rate] = _rational(rate)
    lam = symbols.curvature
    keep = transition.subs({lam: 0}).subs(table)
    slope = (transition.subs({lam: 1}) - transition.subs({lam: 0})).subs(table) * per_rate
    b = injection.subs(table) * per_rate
    n = rule.state_size
    weights = sp.eye(n)[0, :]
    row = sp.zeros(1, n)
    if velocity:
        found = _previous_weights(keep, slope, b)
        if found is None:
            keep = sp.Matrix(sp.BlockMatrix([[keep, sp.zeros(n, 1)], [weights, sp.zeros(1, 1)]]))
            slope = sp.diag(slope, sp.zeros(1, 1))
            b = sp.Matrix([*b, 0])
            weights = sp.eye(n + 1)[0, :]
            row = weights - sp.eye(n + 1)[n, :]
        else:
            row = weights - found
    return RationalRule(
        keep=_rows(keep), slope=_rows(slope), injection=tuple(_fraction(e) for e in b),
        weights=_rows(weights)[0], velocity=_rows(row)[0],
    )


def _previous_weights(keep: sp.Matrix, slope: sp.Matrix, b: sp.Matrix) -> sp.Matrix | None:
    """The row w with w A(x) = (1, 0, ...) at every x and w B = 0, if there is one."""
    n = keep.shape[0]
    unknown = sp.symbols(f"w0:{n}")
    row = sp.Matrix([unknown])
    found = sp.linsolve([*(row * keep - sp.eye(n)[0, :]), *(row * slope), (row * b)[0]], unknown)
    for candidate in found:
        return sp.Matrix([candidate]).subs(dict.fromkeys(unknown, 0))
    return None


def _one_minus(rows: RationalMatrixRows) -> sp.Matrix:
    return sp.eye(len(rows)) - sp.Matrix([[_rational(e) for e in row] for row in rows])


def _rows(matrix: sp.Matrix) -> RationalMatrixRows:
    return tuple(tuple(_fraction(e) for e in matrix.row(i)) for i in range(matrix.rows))


def _rational(value: Fraction) -> sp.Rational:
    return sp.Rational(value.numerator, value.denominator)


def _fraction(value: sp.Expr) -> Fraction:
    exact = sp.Rational(sp.nsimplify(value) if value.is_Float else value)
    return Fraction(int(exact.p), int(exact.q))
