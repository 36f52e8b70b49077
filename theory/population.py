r"""Formulas over a population: products over all samples, with some of them marked.

A formula may depend on one number per sample, such as the curvatures :math:`h_n` and gradients
:math:`g_n`. Such parameters appear inside a :class:`MarkedProduct` only, where they stand for the numbers
of one sample, and are given as a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import combinations, permutations
from typing import Any

import sympy as sp
from sympy.printing.printer import Printer

__all__ = [
    "ARRIVAL_TIMES", "MarkedProduct", "expand_over", "is_over_population", "marked_sums", "with_joined",
]

#: variables of integration: parts of the samples that come after a marked one
ARRIVAL_TIMES = (sp.Symbol("t", nonnegative=True), sp.Symbol("r", nonnegative=True))


class MarkedProduct(sp.Function):  # type: ignore[misc]
    r"""``MarkedProduct(f, w1, ..., wk)``: each weight takes the place of the factor of one sample.

    .. math:: \sum_{l_1,\dots,l_k\text{ different}} w_1(l_1)\cdots w_k(l_k)
       \prod_{n\ne l_1,\dots,l_k}f(n)
       =[s_1\cdots s_k]\prod_{n=1}^N\big(f(n)+s_1w_1(n)+\dots+s_kw_k(n)\big);

    without weights, the product of f over all samples; 0 where there are fewer than k samples.
    """

    is_commutative = True

    def _eval_is_extended_real(self) -> bool | None:
        return True if all(a.is_real for a in self.args) else None

    def _latex(self, printer: Printer, exp: str | None = None) -> str:
        marks = ("l", "m", "p", "q")[: len(self.args) - 1]
        factor, *weights = self.args
        below = rf"n\neq {','.join(marks)}" if marks else "n"
        joined = r" \neq ".join(marks)
        body = rf"\prod_{{{below}}}" + _of_sample(printer, factor, "n")
        if marks:
            front = "".join(_of_sample(printer, w, m) for w, m in zip(weights, marks, strict=True))
            body = rf"\sum_{{{joined}}}{front}{body}"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


def is_over_population(node: Any) -> bool:
    """Whether a node is a number only together with a population: a marked product, or an integral."""
    return isinstance(node, (MarkedProduct, sp.Integral))


def _of_sample(printer: Any, expression: sp.Expr, index: str) -> str:
    r"""LaTeX with :math:`h_n` written :math:`h_l` for the sample l; sums in brackets."""
    text = str(printer._print(expression)).replace("_{n}", f"_{{{index}}}")
    return rf"\left({text}\right)" if expression.is_Add or expression.could_extract_minus_sign() else text


def with_joined(first: Mapping[int, Any], second: Mapping[int, Any]) -> dict[int, Any]:
    """Marked sums of two groups of samples together, by the set of marks used (bits)."""
    whole = max(first)
    joined = {}
    for used in range(whole + 1):
        parts = [first[a] * second[used ^ a] for a in range(used + 1) if a & used == a]
        joined[used] = reduce(lambda x, y: x + y, parts)
    return joined


def marked_sums(samples: Sequence[Mapping[int, Any]]) -> dict[int, Any]:
    """All marked sums of a population, in any ring: halves are joined, so that factors stay balanced.

    Each sample is given by its own: the factor for no mark (0), weight r for mark r (1 << r), 0 for more.
    """
    if len(samples) == 1:
        return dict(samples[0])
    half = len(samples) // 2
    return with_joined(marked_sums(samples[:half]), marked_sums(samples[half:]))


def expand_over(expression: sp.Expr, population: Sequence[Mapping[sp.Symbol, sp.Expr]]) -> sp.Expr:
    """The expression over a population of symbols or numbers: products written out, integrals done.

    Examples
    --------
    >>> import sympy as sp
    >>> x, g = sp.symbols("x g")
    >>> expand_over(MarkedProduct(x, g), [{x: 2, g: 5}, {x: 3, g: 7}])
    29
    """

    def written(node: MarkedProduct) -> sp.Expr:
        factor, *weights = node.args
        total: list[sp.Expr] = []
        for used in _ordered_choices(len(population), len(weights)):
            factors = [
                (weights[used.index(n)] if n in used else factor).xreplace(dict(sample))
                for n, sample in enumerate(population)
            ]
            total.append(sp.Mul(*factors))
        return sp.Add(*total)

    products = expression.replace(lambda e: isinstance(e, MarkedProduct), written)
    return products.replace(lambda e: isinstance(e, sp.Integral), _integrated)


def _ordered_choices(size: int, count: int) -> list[tuple[int, ...]]:
    """All tuples of ``count`` different numbers below ``size``."""
    return [p for chosen in combinations(range(size), count) for p in permutations(chosen)]


def _integrated(integral: sp.Integral) -> sp.Expr:
    """A polynomial integrated coefficient by coefficient; nothing is left to a simplifier."""
    body = integral.function
    for variable, low, high in integral.limits:
        polynomial = sp.Poly(sp.expand(body), variable)
        body = sp.Add(*(
            c * (high ** (k + 1) - low ** (k + 1)) / (k + 1) for (k,), c in polynomial.terms()
        ))
    return body
