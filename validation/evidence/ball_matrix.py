"""Small matrices of balls: powers, Kronecker products, adjugates, and one mode of a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flint import arb, arb_mat

from theory.optimizers import LinearRule
from validation.evidence.rule_entries import rule_entries

__all__ = ["BallMode", "adjugate", "ball_mode", "eye", "kronecker", "matrix", "power"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BallMode:
    """A, B (a column) and the row that reads the wanted output from the state."""

    transition: arb_mat
    injection: arb_mat
    output: arb_mat

    @property
    def size(self) -> int:
        return int(self.transition.nrows())


def ball_mode(rule: LinearRule, point: Mapping[str, Any], curvature: Any, output: str) -> BallMode:
    """One mode; for the velocity the displacement of the weights is one more entry of the state."""
    (rows, b), n = rule_entries(rule, point, curvature), rule.state_size
    if output == "velocity":
        moved = [rows[0][k] - int(k == 0) for k in range(n)]
        rows = [[*row, 0] for row in (*rows, moved)]
        b, n = [*b, b[0]], n + 1
    read = n - 1 if output == "velocity" else 0
    return BallMode(
        transition=matrix(rows), injection=matrix([[x] for x in b]),
        output=matrix([[int(k == read) for k in range(n)]]),
    )


def matrix(rows: Sequence[Sequence[Any]]) -> arb_mat:
    return arb_mat(len(rows), len(rows[0]), [arb(x) for row in rows for x in row])


def eye(n: int) -> arb_mat:
    return arb_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])


def power(base: arb_mat, exponent: int) -> arb_mat:
    """By repeated squaring."""
    out = eye(base.nrows())
    for bit in bin(exponent)[2:] if exponent else "":
        out = out * out
        if bit == "1":
            out = out * base
    return out


def kronecker(a: arb_mat, b: arb_mat) -> arb_mat:
    p, q = b.nrows(), b.ncols()
    return matrix([
        [a[i // p, j // q] * b[i % p, j % q] for j in range(a.ncols() * q)] for i in range(a.nrows() * p)
    ])


def adjugate(x: arb_mat) -> arb_mat:
    r"""By Faddeev and LeVerrier: :math:`N_1=I,\ N_{k+1}=XN_k-\frac{\operatorname{tr}XN_k}kI`; up to sign."""
    n = x.nrows()
    current = eye(n)
    for k in range(1, n):
        product = x * current
        trace = sum((product[i, i] for i in range(n)), arb(0)) / k
        current = product - eye(n) * trace
    return current
