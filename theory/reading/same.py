"""Whether two trees say the same, wherever they stand in the text."""

from __future__ import annotations

from theory.reading import tree

__all__ = ["same_tree"]


def same_tree(first: tree.Node, second: tree.Node) -> bool:
    """Equal up to places; no algebra."""
    if type(first) is not type(second) or _label(first) != _label(second):
        return False
    one, other = tree.children(first), tree.children(second)
    return len(one) == len(other) and all(same_tree(a, b) for a, b in zip(one, other, strict=True))


def _label(node: tree.Node) -> object:
    """What a node says apart from its children."""
    match node:
        case tree.Number(value=value) | tree.Truth(value=value):
            return value
        case tree.Name(name=name):
            return name
        case tree.Call(name=name):
            return name
        case tree.Product(factors=factors):
            return tuple(below for _, below in factors)
        case tree.Series(index=index) | tree.Area(index=index):
            return index
        case tree.SequenceTerm(k=k):
            return k
        case tree.Relation(sign=sign):
            return sign
        case tree.Junction(word=word):
            return word
    return None
