"""C99 for products and integrals over a population: loops over the nodes, and over the samples in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import sympy as sp

from theory.export.population_code import nested_limits
from theory.population import MarkedProduct

__all__ = ["GAUSS", "population_block"]

Printed = Callable[[sp.Expr], str]

GAUSS = """\
#include <stddef.h>

#ifndef GAUSS_RULE
#define GAUSS_RULE
/* nodes and weights of Gauss and Legendre on [0, 1]: exact up to degree 2*count - 1 */
static void gauss_rule(size_t count, REAL *node, REAL *weight)
{
    size_t i, k;

    for (i = 0; i < count; i++) {
        REAL x = cos(3.14159265358979323846264338327950288L * (i + 0.75L) / (count + 0.5L));
        REAL last = 2, step = 1, slope = 1;

        while (step < last && step > 0) { /* Newton, until the steps stop shrinking */
            REAL below = 1, value = x, move;

            for (k = 2; k <= count; k++) {
                const REAL next = ((2 * k - 1) * x * value - (k - 1) * below) / k;
                below = value;
                value = next;
            }
            slope = count * (below - x * value) / (1 - x * x);
            move = value / slope;
            last = step;
            step = fabs(move);
            x -= move;
        }
        node[i] = (1 + x) / 2;
        weight[i] = 1 / ((1 - x * x) * slope * slope);
    }
}
#endif
"""


def population_block(
    name: str, node: sp.Expr, printed: Printed, per_sample: Sequence[sp.Symbol]
) -> list[str]:
    """Lines that compute one product or integral into a variable ``name``."""
    lines = [f"REAL {name} = 0;", "{"]
    limits = nested_limits(node) if isinstance(node, sp.Integral) else []
    body = node.function if limits else node
    weights: list[str] = []
    for depth, (variable, low, high) in enumerate(limits, start=1):
        index = f"i_{depth}"
        at, weight = f"node[{index}]", f"weight[{index}]"
        if (low, high) != (0, 1):
            length = f"({printed(high - low)})"
            at, weight = f"{printed(low)} + {length}*{at}", f"{length}*{weight}"
        lines += [
            f"size_t {index};", f"for ({index} = 0; {index} < nodes; {index}++) {{",
            f"const REAL {variable} = {at};",
        ]
        weights.append(weight)
    names = (f"product_{k}" for k in count(1))
    table = {product: sp.Symbol(next(names)) for product in sorted(body.atoms(MarkedProduct), key=str)}
    for product, symbol in table.items():
        lines += _product(symbol.name, product, printed, per_sample)
    value = printed(body.xreplace(table))
    lines.append(f"{name} += {'*'.join([*weights, f'({value})'])};")
    lines += ["}"] * (len(limits) + 1)
    return _indented(lines)


def _product(
    name: str, product: MarkedProduct, printed: Printed, per_sample: Sequence[sp.Symbol]
) -> list[str]:
    """One pass over the samples; the sums with more marks are advanced first."""
    factor, *weights = product.args
    states = 1 << len(weights)
    lines = [f"REAL sums_{name}[{states}] = {{1}};", "size_t n;", "for (n = 0; n < population; n++) {"]
    used = set().union(*(part.free_symbols for part in product.args))
    lines += [f"const REAL {s} = each_{s}[n];" for s in per_sample if s in used]
    lines.append(f"const REAL factor = {printed(factor)};")
    lines += [f"const REAL mark_{r} = {printed(w)};" for r, w in enumerate(weights)]
    for state in reversed(range(states)):
        terms = [f"sums_{name}[{state}]*factor"]
        terms += [f"sums_{name}[{state ^ (1 << r)}]*mark_{r}" for r in range(len(weights)) if state >> r & 1]
        lines.append(f"sums_{name}[{state}] = {' + '.join(terms)};")
    body = ["{", *lines, "}", f"{name} = sums_{name}[{states - 1}];", "}"]
    return [f"REAL {name};", *body]


def _indented(lines: Sequence[str]) -> list[str]:
    depth, found = 1, []
    for line in lines:
        depth -= line.startswith("}")
        found.append("    " * depth + line)
        depth += line.endswith("{")
    return found
