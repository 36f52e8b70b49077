"""The moments of one epoch in doubles, through elementary symmetric polynomials."""

from __future__ import annotations

from collections.abc import Mapping
from math import factorial
from typing import Any

import numpy as np

from validation.evidence.subjects.protocol import FloatArray

__all__ = ["symmetric_moments"]


def symmetric_moments(numbers: Mapping[str, Any]) -> tuple[float, float]:
    r"""Mean and mean square, by how many samples come between and after.

    With mixed elementary symmetric polynomials of x and x². The average of a product over the k samples
    after l is :math:`k!(N-1-k)!/N!` times the symmetric polynomial; with j between l and the earlier m,
    :math:`j!\,k!\,(N-2-j-k)!/N!`.
    """
    h, g = (np.array(numbers[name]) for name in ("sample_curvature", "sample_gradient"))
    x, c, size = 1 - numbers["learning_rate"] * h, -numbers["learning_rate"] * g, h.size
    phi, start = float(np.prod(x)), float(numbers["displacement"])
    weights = [factorial(k) * factorial(size - 1 - k) / factorial(size) for k in range(size)]
    offset = float(_marked(x, c) @ weights)
    square = float(_marked(x**2, c**2) @ weights) + 2 * _marked_pairs(x, c)
    return phi * start + offset, phi**2 * start**2 + 2 * phi * start * offset + square


def _marked(x: FloatArray, c: FloatArray) -> FloatArray:
    """Coefficients in z of the sum over l of c_l times the product of 1 + x_n z over the others."""
    plain, marked = np.zeros(x.size + 1), np.zeros(x.size + 1)
    plain[0] = 1
    for value, weight in zip(x, c, strict=True):
        marked[1:] += value * marked[:-1]
        marked += weight * plain
        plain[1:] += value * plain[:-1]
    return marked[:-1]


def _marked_pairs(x: FloatArray, c: FloatArray) -> float:
    """Products of the offsets of two samples, the later one with its factor, over all orders."""
    size = x.size
    tables = np.zeros((4, size + 1, size + 1))  # no mark, earlier, later, both; [between, after]
    tables[0, 0, 0] = 1
    for value, weight in zip(x, c, strict=True):
        grown = tables.copy()
        grown[:, 1:, :] += value * tables[:, :-1, :]
        grown[:, :, 1:] += value**2 * tables[:, :, :-1]
        grown[1] += weight * tables[0]
        grown[2] += weight * value * tables[0]
        grown[3] += weight * tables[2] + weight * value * tables[1]
        tables = grown
    total = 0.0
    for j in range(size - 1):
        for k in range(size - 1 - j):
            orders = factorial(j) * factorial(k) * factorial(size - 2 - j - k) / factorial(size)
            total += tables[3, j, k] * orders
    return total
