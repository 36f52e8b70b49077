"""What both readers produce: a formula as a tree, not yet an expression.

Every node knows the offset in the text of the character it began with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

__all__ = [
    "Area", "Call", "Cases", "Expansion", "Imaginary", "Junction", "Name", "Node", "Number", "Power",
    "Product", "Relation", "SequenceTerm", "Series", "Total", "Truth", "children", "free_names",
]


@dataclass(frozen=True, slots=True)
class Number:
    """A number, exactly."""

    place: int
    value: Fraction


@dataclass(frozen=True, slots=True)
class Name:
    """A name in its plain spelling, see :func:`theory.reading.spelling.plain`."""

    place: int
    name: str


@dataclass(frozen=True, slots=True)
class Imaginary:
    """The imaginary unit."""

    place: int


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of terms."""

    place: int
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Factors, each with whether it stands in the denominator."""

    place: int
    factors: tuple[tuple[Node, bool], ...]


@dataclass(frozen=True, slots=True)
class Power:
    place: int
    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function of :data:`theory.reading.functions.FUNCTIONS`."""

    place: int
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """The sum of ``body`` for ``index`` from ``low`` to ``high``."""

    place: int
    body: Node
    index: str
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class Area:
    """The integral of ``body`` over ``index`` from ``low`` to ``high``."""

    place: int
    body: Node
    index: str
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class Cases:
    """Pairs (value, condition); the first condition that holds decides."""

    place: int
    pieces: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class SequenceTerm:
    """``LucasSequence(k, n, *invariants)``."""

    place: int
    k: int
    n: Node
    invariants: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Expansion:
    """A tree to be multiplied out; whoever makes one has bounded its terms."""

    place: int
    body: Node


@dataclass(frozen=True, slots=True)
class Relation:
    """``left sign right`` with a sign of ``< <= > >= = !=``."""

    place: int
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by ``and`` or ``or``."""

    place: int
    word: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """``True`` or ``False``."""

    place: int
    value: bool


Node = (
    Number | Name | Total | Product | Power | Call | Series | Area | Cases | SequenceTerm
    | Expansion | Imaginary | Relation | Junction | Truth
)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in writing order."""
    match node:
        case Total(terms=nodes) | Call(arguments=nodes) | Junction(parts=nodes):
            return nodes
        case Product(factors=factors):
            return tuple(factor for factor, _ in factors)
        case Power(base=first, exponent=second) | Relation(left=first, right=second):
            return first, second
        case Expansion(body=body):
            return (body,)
        case Series(body=body, low=low, high=high) | Area(body=body, low=low, high=high):
            return body, low, high
        case Cases(pieces=pieces):
            return tuple(node for pair in pieces for node in pair)
        case SequenceTerm(n=n, invariants=invariants):
            return n, *invariants
    return ()


def free_names(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[Name]:
    """Names that no sum or integral binds, each as often as it is written."""
    if isinstance(node, Name):
        if node.name not in bound:
            yield node
    elif isinstance(node, Series | Area):
        yield from free_names(node.low, bound)
        yield from free_names(node.high, bound)
        yield from free_names(node.body, bound | {node.index})
    else:
        for child in children(node):
            yield from free_names(child, bound)
