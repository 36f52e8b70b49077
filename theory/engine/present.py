"""From a cancelled fraction to a closed form a reader can take in."""

from __future__ import annotations

from collections import defaultdict

import sympy as sp

from theory.engine.rational_matrix import Polynomial
from theory.engine.setting import Setting

__all__ = ["closed_form"]


def closed_form(setting: Setting, numerator: Polynomial, denominator: Polynomial) -> sp.Expr:
    """Factor the denominator, collect the numerator in the sequences, factor each coefficient.

    The sign is chosen so that every factor starts with a positive term: 1 - beta, not beta - 1.
    """
    sign, bottom = _factored(setting, denominator)
    count = sum(len(us) for us in setting.generators.values())
    groups: dict[tuple[int, ...], dict[tuple[int, ...], int]] = defaultdict(dict)
    for exponents, coefficient in numerator.to_dict().items():
        padded = (*(0 for _ in range(count)), *exponents[count:])
        groups[tuple(exponents[:count])][padded] = int(coefficient)
    context = numerator.context()
    polynomials = {key: context.from_dict(terms) for key, terms in groups.items()}
    content = context.constant(0)
    for polynomial in polynomials.values():
        content = content.gcd(polynomial)
    values = [setting.replacements[s] for s in setting.ring.symbols[:count]]
    total = sp.S.Zero
    for key, polynomial in polynomials.items():
        factor_sign, coefficient = _factored(setting, polynomial / content)
        monomial = sp.Mul(*(v**e for v, e in zip(values, key, strict=True) if e))
        total += factor_sign * coefficient * monomial
    content_sign, front = _factored(setting, content)
    return sign * content_sign * front * total / bottom


def _factored(setting: Setting, polynomial: Polynomial) -> tuple[int, sp.Expr]:
    """Sign and product of factors, each with a positive lowest term."""
    constant, factors = polynomial.factor()
    sign = 1 if int(constant) > 0 else -1
    product: sp.Expr = sp.Integer(abs(int(constant)))
    for factor, multiplicity in factors:
        lowest = min(factor.to_dict().items(), key=lambda item: (sum(item[0]), item[0]))
        if int(lowest[1]) < 0:
            factor, sign = -factor, sign * (-1) ** int(multiplicity)
        product *= setting.ring.to_sympy(factor, setting.replacements) ** int(multiplicity)
    return sign, product
