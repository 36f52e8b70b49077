"""From a cancelled fraction to a closed form a reader can take in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from theory.engine.rational_matrix import Polynomial, PolynomialRing
from theory.engine.setting import Setting
from theory.symbols import batch_size, samples, steps_per_epoch

__all__ = ["Presentation", "presentation"]

_SIZES = (steps_per_epoch, batch_size, samples)


@dataclass(frozen=True, kw_only=True, eq=False)
class Presentation:
    """How a ring's symbols read: the first ``count`` are generators (sequences, powers)."""

    ring: PolynomialRing
    count: int
    replacements: Mapping[sp.Symbol, sp.Expr]

    def closed_form(self, numerator: Polynomial, denominator: Polynomial) -> sp.Expr:
        """Factor the denominator, collect the numerator in the generators, factor each coefficient.

        The sign is chosen so that every factor starts with a positive term: 1 - beta, M - 1.
        """
        sign, bottom = self._factored(denominator)
        groups: dict[tuple[int, ...], dict[tuple[int, ...], int]] = defaultdict(dict)
        for exponents, coefficient in numerator.to_dict().items():
            padded = (*(0 for _ in range(self.count)), *exponents[self.count :])
            groups[tuple(exponents[: self.count])][padded] = int(coefficient)
        context = numerator.context()
        polynomials = {key: context.from_dict(terms) for key, terms in groups.items()}
        content = context.constant(0)
        for polynomial in polynomials.values():
            content = content.gcd(polynomial)
        values = [self.replacements.get(s, s) for s in self.ring.symbols[: self.count]]
        content_sign, front = self._factored(content)
        sign *= content_sign
        total = sp.S.Zero
        for key, polynomial in polynomials.items():
            factor_sign, coefficient = self._factored(polynomial / content)
            monomial = sp.Mul(*(v**e for v, e in zip(values, key, strict=True) if e))
            total += sign * factor_sign * coefficient * monomial
        return front * total / bottom

    def factored(self, numerator: Polynomial, denominator: Polynomial) -> sp.Expr:
        """Both sides factored; for entries that hold hyperparameters only."""
        shared = numerator.gcd(denominator)
        top_sign, top = self._factored(numerator / shared)
        bottom_sign, bottom = self._factored(denominator / shared)
        return top_sign * bottom_sign * (top / bottom)

    def _factored(self, polynomial: Polynomial) -> tuple[int, sp.Expr]:
        """Sign and product of factors, each with a positive leading term.

        Leading means: the highest power of M, S, N where the factor has any (M - 1), the lowest
        term otherwise (1 - beta).
        """
        if polynomial.is_zero():
            return 1, sp.S.Zero
        constant, factors = polynomial.factor()
        sign = 1 if int(constant) > 0 else -1
        product: sp.Expr = sp.S.One
        sizes = [i for i, s in enumerate(self.ring.symbols) if s in _SIZES]

        def rank(item: tuple[tuple[int, ...], int]) -> tuple[int, int, tuple[int, ...]]:
            exponents = item[0]
            return -sum(exponents[i] for i in sizes), sum(exponents), exponents

        for factor, multiplicity in factors:
            leading = min(factor.to_dict().items(), key=rank)
            oriented = factor if int(leading[1]) > 0 else -factor
            if oriented is not factor:
                sign *= (-1) ** int(multiplicity)
            product *= self.ring.to_sympy(oriented, self.replacements) ** int(multiplicity)
        return sign, sp.Integer(abs(int(constant))) * product


def presentation(setting: Setting) -> Presentation:
    """The presentation of a setting: its sequences are the generators."""
    count = sum(len(us) for us in setting.generators.values())
    return Presentation(ring=setting.ring, count=count, replacements=setting.replacements)
