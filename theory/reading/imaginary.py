"""The imaginary unit: an i that multiplies a frequency in an exponent, as in ``exp(-i*omega)``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from theory.reading.tree import (
    Area,
    Call,
    Cases,
    Expansion,
    Imaginary,
    Junction,
    Name,
    Node,
    Power,
    Product,
    Relation,
    SequenceTerm,
    Series,
    Total,
    free_names,
)

__all__ = ["with_imaginary_unit"]

_UNITS = ("i", "I")


def with_imaginary_unit(node: Node, known: Collection[str], waves: Collection[str]) -> Node:
    """The tree with ``i`` and ``I`` as the imaginary unit where they can be nothing else.

    That is: inside exp, in a product with one of the frequencies ``waves``, and not ``known``.
    """
    units = frozenset(_UNITS).difference(known)
    if not any(name.name in units for name in free_names(node)):
        return node
    return _inside(node, units, waves, exponent=False)


def _inside(
    node: Node, units: frozenset[str], waves: Collection[str], *, exponent: bool, turns: bool = False
) -> Node:
    """``exponent``: inside exp; ``turns``: a factor of a product with a frequency."""
    if turns and isinstance(node, Name) and node.name in units:
        return Imaginary(node.place)

    def deeper(child: Node, *, behind_exp: bool = False) -> Node:
        return _inside(child, units, waves, exponent=exponent or behind_exp)

    match node:
        case Call(name=name, arguments=arguments):
            return replace(node, arguments=tuple(deeper(a, behind_exp=name == "exp") for a in arguments))
        case Product(factors=factors):
            # a product inside a product, (i*tau)*omega, is one with it
            joined = exponent and (turns or any(name.name in waves for name in free_names(node)))
            return replace(node, factors=tuple(
                (_inside(factor, units, waves, exponent=exponent,
                         turns=joined and isinstance(factor, Name | Product)), below)
                for factor, below in factors
            ))
        case Total(terms=terms):
            return replace(node, terms=tuple(deeper(t) for t in terms))
        case Junction(parts=parts):
            return replace(node, parts=tuple(deeper(p) for p in parts))
        case Power(base=base, exponent=power):
            return replace(node, base=deeper(base), exponent=deeper(power))
        case Relation(left=left, right=right):
            return replace(node, left=deeper(left), right=deeper(right))
        case Expansion(body=body):
            return replace(node, body=deeper(body))
        case Series(body=body, index=index, low=low, high=high) | Area(
            body=body, index=index, low=low, high=high
        ):
            rest = units - {index}
            inner = _inside(body, rest, waves, exponent=exponent)
            return replace(node, body=inner, low=deeper(low), high=deeper(high))
        case Cases(pieces=pieces):
            return replace(node, pieces=tuple((deeper(value), deeper(test)) for value, test in pieces))
        case SequenceTerm(n=n, invariants=invariants):
            return replace(node, n=deeper(n), invariants=tuple(deeper(e) for e in invariants))
    return node
