"""Matrices of rational functions with one common denominator, on python-flint's polynomials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp
from flint import Ordering, fmpz_mpoly_ctx

from theory.errors import TheoryError

__all__ = ["PolynomialRing", "RationalMatrix"]

Polynomial = Any  # flint.fmpz_mpoly; python-flint ships no usable generic annotations


@dataclass(frozen=True, kw_only=True, eq=False)
class PolynomialRing:
    """Integer polynomials in the given SymPy symbols."""

    symbols: tuple[sp.Symbol, ...]

    @cached_property
    def _context(self) -> Any:
        names = [f"g{i}" for i in range(len(self.symbols))]
        return fmpz_mpoly_ctx.get(names, Ordering.degrevlex)

    def constant(self, value: int) -> Polynomial:
        return self._context.constant(value)

    def fraction(self, expression: sp.Expr) -> tuple[Polynomial, Polynomial]:
        """Numerator and denominator of a rational expression in the ring's symbols.

        Raises
        ------
        TheoryError
            If the expression is not rational in them, e.g. has a square root of a hyperparameter.
        """
        numerator, denominator = sp.fraction(sp.together(expression))
        (top, over), (bottom, under) = self._polynomial(numerator), self._polynomial(denominator)
        return top * under, bottom * over

    def _polynomial(self, expression: sp.Expr) -> tuple[Polynomial, int]:
        """A polynomial with integer coefficients, and the number it was multiplied with."""
        try:
            poly = sp.Poly(expression, *self.symbols, domain=sp.QQ)
        except sp.PolynomialError as error:
            raise TheoryError(
                f"{expression} is not rational in {', '.join(map(str, self.symbols))}; "
                "write the rule or scheme with rational functions of its hyperparameters"
            ) from error
        scale, cleared = poly.clear_denoms(convert=True)
        return self._context.from_dict({m: int(c) for m, c in cleared.terms()}), int(scale)

    def matrix(self, entries: sp.Matrix) -> RationalMatrix:
        """Convert a SymPy matrix."""
        pairs = [[self.fraction(e) for e in entries.row(i)] for i in range(entries.rows)]
        common = self.constant(1)
        for row in pairs:
            for _, d in row:
                common = common * (d / common.gcd(d))
        numerator = tuple(tuple(n * (common / d) for n, d in row) for row in pairs)
        return RationalMatrix(ring=self, entries=numerator, denominator=common)

    def to_sympy(self, polynomial: Polynomial, replace: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
        """Expanded SymPy expression, with symbols replaced by expressions."""
        values = [replace.get(s, s) for s in self.symbols]
        return sp.Add(
            *(
                sp.Mul(int(c), *(v**e for v, e in zip(values, exponents, strict=True) if e))
                for exponents, c in polynomial.to_dict().items()
            )
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class RationalMatrix:
    """``entries / denominator``; arithmetic multiplies polynomials and cancels nothing.

    One cancellation at the very end (:meth:`reduced`) is far cheaper than one per operation.
    """

    ring: PolynomialRing
    entries: tuple[tuple[Polynomial, ...], ...]
    denominator: Polynomial

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.entries), len(self.entries[0])

    def _with(self, entries: Sequence[Sequence[Polynomial]], denominator: Polynomial) -> RationalMatrix:
        return RationalMatrix(
            ring=self.ring, entries=tuple(tuple(r) for r in entries), denominator=denominator
        )

    def __matmul__(self, other: RationalMatrix) -> RationalMatrix:
        zero = self.ring.constant(0)
        columns = list(zip(*other.entries, strict=True))
        product = [
            [sum((a * b for a, b in zip(row, col, strict=True)), zero) for col in columns]
            for row in self.entries
        ]
        return self._with(product, self.denominator * other.denominator)

    def __add__(self, other: RationalMatrix) -> RationalMatrix:
        p, q = self.denominator, other.denominator
        shared = p.gcd(q)
        up, uq = q / shared, p / shared
        total = [
            [a * up + b * uq for a, b in zip(r, s, strict=True)]
            for r, s in zip(self.entries, other.entries, strict=True)
        ]
        return self._with(total, p * up)

    def __neg__(self) -> RationalMatrix:
        return self._with([[-a for a in r] for r in self.entries], self.denominator)

    def __sub__(self, other: RationalMatrix) -> RationalMatrix:
        return self + (-other)

    def scale(self, expression: sp.Expr | int) -> RationalMatrix:
        """Multiply by a scalar rational expression."""
        n, d = self.ring.fraction(sp.sympify(expression, strict=True))
        return self._with([[a * n for a in r] for r in self.entries], self.denominator * d)

    @property
    def T(self) -> RationalMatrix:
        return self._with(list(zip(*self.entries, strict=True)), self.denominator)

    def identity(self) -> RationalMatrix:
        """The identity of the same size."""
        n = self.shape[0]
        one, zero = self.ring.constant(1), self.ring.constant(0)
        return self._with([[one if i == j else zero for j in range(n)] for i in range(n)], one)

    def reduced(self) -> RationalMatrix:
        """Cancel the common factor of all entries with the denominator."""
        shared = self.denominator
        for row in self.entries:
            for entry in row:
                shared = shared.gcd(entry)
        return self._with([[a / shared for a in r] for r in self.entries], self.denominator / shared)

    def invariants(self) -> tuple[RationalMatrix, ...]:
        """Elementary symmetric functions of the eigenvalues, as 1 x 1 matrices (Faddeev-LeVerrier)."""
        return tuple(self._faddeev()[0])

    def inverse(self) -> RationalMatrix:
        """Adjugate over determinant, by Faddeev and LeVerrier; no pivot is ever divided by."""
        coefficients, adjugate = self._faddeev()
        n = self.shape[0]
        determinant = coefficients[-1]
        sign = 1 if n % 2 else -1
        d = determinant.entries[0][0]
        scaled = [[sign * a * determinant.denominator for a in r] for r in adjugate.entries]
        return self._with(scaled, adjugate.denominator * d)

    def _faddeev(self) -> tuple[list[RationalMatrix], RationalMatrix]:
        n = self.shape[0]
        eye = self.identity()
        current, previous = eye, eye
        symmetric: list[RationalMatrix] = []
        for k in range(1, n + 1):
            product = (self @ current).reduced()
            trace = sum((product.entries[i][i] for i in range(n)), self.ring.constant(0))
            c = self._with([[trace]], product.denominator * k).reduced()
            # characteristic polynomial z^n - e1 z^(n-1) + ..., and c = e1, -e2, e3, ...
            symmetric.append(c if k % 2 else -c)
            previous = current
            shifted = [
                [c.entries[0][0] if i == j else self.ring.constant(0) for j in range(n)]
                for i in range(n)
            ]
            current = product - self._with(shifted, c.denominator)
        return symmetric, previous

    def constant(self, value: int) -> RationalMatrix:
        """A 1 x 1 matrix over the same ring."""
        return self._with([[self.ring.constant(value)]], self.ring.constant(1))

    def assemble(
        self, cells: Sequence[Sequence[RationalMatrix]], bottom: RationalMatrix
    ) -> RationalMatrix:
        """The matrix of 1 x 1 ``cells``, divided by the 1 x 1 ``bottom``."""
        common = self.ring.constant(1)
        for row in cells:
            for cell in row:
                common = common * (cell.denominator / common.gcd(cell.denominator))
        top = [
            [c.entries[0][0] * (common / c.denominator) * bottom.denominator for c in row]
            for row in cells
        ]
        return self._with(top, common * bottom.entries[0][0]).reduced()

    def columns(self, parts: Sequence[RationalMatrix]) -> RationalMatrix:
        """Join column vectors into one matrix."""
        eye = self.ring.matrix(sp.eye(len(parts)))
        total = eye.scale(0)
        for k, column in enumerate(parts):
            total = total + column @ self._with([eye.entries[k]], eye.denominator)
        return total

    def entry(self, i: int, j: int) -> tuple[Polynomial, Polynomial]:
        """Numerator and denominator of one entry, in lowest terms."""
        n, d = self.entries[i][j], self.denominator
        g = n.gcd(d)
        return n / g, d / g
