r"""A covariance of two modes as a quotient of two short sums of products.

Every term of a noise component is (left vector) core (right vector), and a core is one of
:math:`BB'^\top`, the white law X or its analogue W over whole epochs. With the denominators of X
and W brought to the front, the numerator and each denominator are sums
:math:`\sum_r L_r(i)R_r(j)`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from theory.matrix_law.exact_product import exact_diagonal
from theory.matrix_law.fixed_point import Entry, FixedPoint
from theory.matrix_law.gramian_polynomials import (
    GramianPolynomials,
    Table,
    companion_gramian_polynomials,
    white_gramian_polynomials,
)
from theory.matrix_law.mode_matrix import ModeMatrix, PairSum
from theory.matrix_law.modes import Modes

__all__ = ["Quotient", "SumOfProducts", "quotient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SumOfProducts:
    """Vectors over the modes; entry (i, j) is the sum of left[i] * right[j]."""

    left: list[Entry]
    right: list[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotient:
    """numerator / product of the denominators."""

    numerator: SumOfProducts
    denominators: tuple[SumOfProducts, ...]

    def diagonals(self, modes: int) -> tuple[list[int], list[list[int]]]:
        """Entries (i, i) of the numerator and the denominators, as integers."""
        top, *below = (
            exact_diagonal(s.left, s.right, modes) for s in (self.numerator, *self.denominators)
        )
        return top, below


@dataclass(frozen=True, slots=True, kw_only=True)
class _Core:
    """A gramian: its polynomials, the monomials' values, and the vectors it acts on."""

    polynomials: GramianPolynomials
    monomials: list[Entry]
    krylov: ModeMatrix | None


def quotient(
    modes: Modes, total: PairSum, first: ModeMatrix, second: ModeMatrix
) -> Quotient:
    """Contract the state covariance with the two output rows (each 1 x n)."""
    used = {t.core for t in total.terms} - {"bb"}
    cores = {name: _core(modes, name) for name in sorted(used)}
    left: list[Entry] = []
    right: list[Entry] = []
    for term in total.terms:
        row, column = first, second
        for matrix in term.left:
            row = row @ matrix
        for matrix in reversed(term.right):
            column = column @ matrix.T
        core = cores.get(term.core)
        basis = modes.injection if core is None else core.krylov
        if basis is not None:
            row, column = row @ basis, column @ basis
        scaled = column.scale(term.weight)
        tables = [
            (c.polynomials.numerator if name == term.core else None, c)
            for name, c in cores.items()
        ]
        new_left, new_right = _expand(modes.arithmetic, list(row.entries[0]),
                                      list(scaled.entries[0]), tables)
        left += new_left
        right += new_right
    denominators = tuple(
        SumOfProducts(
            left=core.monomials,
            right=[
                _combine(modes.arithmetic, coefficients, core.monomials)
                for coefficients in core.polynomials.denominator
            ],
        )
        for core in cores.values()
    )
    return Quotient(numerator=SumOfProducts(left=left, right=right), denominators=denominators)


def _expand(
    arithmetic: FixedPoint,
    row: list[Entry],
    column: list[Entry],
    tables: list[tuple[tuple[tuple[Table, ...], ...] | None, _Core]],
) -> tuple[list[Entry], list[Entry]]:
    """row . core . column times the denominators of the other cores."""
    for numerators, core in tables:
        # the core itself first: it sums over the entries of the column
        if numerators is not None:
            others = [c for other, c in tables if other is None]
            return _through(arithmetic, row, column, numerators, core, others)
    pairs = [(a, b) for a, b in zip(row, column, strict=True)]
    out_left, out_right = [p[0] for p in pairs], [p[1] for p in pairs]
    for _, core in tables:
        out_left, out_right = _times_denominator(arithmetic, out_left, out_right, core)
    return out_left, out_right


def _through(
    arithmetic: FixedPoint, row: list[Entry], column: list[Entry],
    numerators: tuple[tuple[Table, ...], ...], core: _Core, others: list[_Core],
) -> tuple[list[Entry], list[Entry]]:
    """Sum over q, s of N_pq[r, s] column_q m_s, against row_p m_r."""
    n, monomials = len(row), core.monomials
    products = [arithmetic.times(c, m) for c, m in itertools.product(column, monomials)]
    left: list[Entry] = []
    right: list[Entry] = []
    for p in range(n):
        for r, m in enumerate(monomials):
            flat = [c for q in range(n) for c in numerators[p][q][r]]
            right.append(_combine(arithmetic, flat, products))
            left.append(arithmetic.times(row[p], m))
    for other in others:
        left, right = _times_denominator(arithmetic, left, right, other)
    kept = [(a, b) for a, b in zip(left, right, strict=True) if not isinstance(b, int) or b]
    return [a for a, _ in kept], [b for _, b in kept]


def _times_denominator(
    arithmetic: FixedPoint, left: list[Entry], right: list[Entry], core: _Core
) -> tuple[list[Entry], list[Entry]]:
    out_left: list[Entry] = []
    out_right: list[Entry] = []
    for a, b in zip(left, right, strict=True):
        products = [arithmetic.times(b, m) for m in core.monomials]
        for m, coefficients in zip(core.monomials, core.polynomials.denominator, strict=True):
            if any(coefficients):
                out_left.append(arithmetic.times(a, m))
                out_right.append(_combine(arithmetic, list(coefficients), products))
    return out_left, out_right


def _combine(arithmetic: FixedPoint, coefficients: object, values: list[Entry]) -> Entry:
    constants = [arithmetic.of(c) if c else 0 for c in coefficients]  # type: ignore[attr-defined]
    return arithmetic.dot(constants, values)


def _core(modes: Modes, name: str) -> _Core:
    """X in the monomials of x, or W in those of the invariants of A^M."""
    arithmetic = modes.arithmetic
    if name == "X":
        polynomials = white_gramian_polynomials(modes.rule)
        variables: tuple[Entry, ...] = (modes.x,)
        krylov = None
    else:
        epoch = modes.power("M")
        polynomials = companion_gramian_polynomials(modes.rule.size)
        variables = epoch.invariants()
        columns = [modes.injection]
        for _ in range(modes.rule.size - 1):
            columns.append(epoch @ columns[-1])
        rows = zip(*([row[0] for row in c.entries] for c in columns), strict=True)
        krylov = epoch._with([list(row) for row in rows])
    values: list[Entry] = []
    for exponents in polynomials.monomials:
        value: Entry = arithmetic.of(1)
        for variable, e in zip(variables, exponents, strict=True):
            for _ in range(e):
                value = arithmetic.times(value, variable)
        values.append(value)
    return _Core(polynomials=polynomials, monomials=values, krylov=krylov)
