r"""Definitions of sequences in LaTeX, the three forms that :mod:`theory.typeset` prints.

.. math::
    U_{n+1} = e_1U_n - e_2U_{n-1},\ U_0 = 0,\ U_1 = 1,\ W_n = e_1U_n - U_{n+1};

.. math::
    z^n = u^{(2)}_nz^2 - u^{(1)}_nz + u^{(0)}_n \bmod z^3 - e_1z^2 + e_2z - e_3; \qquad
    \sum_nF_nq^n = \frac{q^{d-1}}{1 - e_1q + e_2q^2 - \dots}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from theory.reading import tree
from theory.reading.error import ReadingError
from theory.reading.latex_parser import Family, LatexParser
from theory.reading.latex_tokens import LatexToken
from theory.reading.same import same_tree
from theory.reading.spelling import plain

__all__ = ["Row", "sequence_families"]

_RECURSION = re.compile(r"([A-Za-z])('*)_\{([a-z])\+1\}")
_FIRST_TERMS = re.compile(r"([A-Za-z]'*)_\{?([01])\}?")
_COMPANION = re.compile(r"([A-Za-z])('*)_\{?([a-z])\}?")
_POWER = re.compile(r"z\^\{?n\}?")
_GENERATING = re.compile(r"\\sum_\{?n\}?([A-Za-z]'*)_\{?n\}?q\^\{?n\}?")

#: left tokens, right tokens (an ``end`` behind each)
Row = tuple[Sequence[LatexToken], Sequence[LatexToken]]


def sequence_families(
    text: str, rows: Sequence[Row], declared: frozenset[str]
) -> tuple[dict[str, Family], list[int]]:
    """The sequences that rows define, by plain letter, and the numbers of the rows that were used.

    Raises
    ------
    ReadingError
        If a row has the left side of a definition, but the right side is none.
    """
    families: dict[str, Family] = {}
    used: list[int] = []
    lefts = [_joined(text, left) for left, _ in rows]
    for number, left in enumerate(lefts):
        recursion, generating = _RECURSION.fullmatch(left), _GENERATING.fullmatch(left)
        if recursion is not None:
            found, more = _recursion(text, rows, lefts, number, recursion, declared)
            families.update(found)
            used += [number, *more]
        elif _POWER.fullmatch(left) and any(t.is_("bmod") for t in rows[number][1]):
            families.update(_power(text, rows[number][1], declared))
            used.append(number)
        elif generating is not None:
            invariants = _generating(text, rows[number][1], declared)
            families[plain(generating[1])] = Family(len(invariants) - 1, invariants)
            used.append(number)
    return families, used


def _joined(text: str, tokens: Sequence[LatexToken]) -> str:
    r"""A left side without blanks and spacing commands."""
    return "".join("\\sum" if t.is_("sum") else t.text for t in tokens if t.kind != "end" and not t.is_("&"))


def _recursion(
    text: str, rows: Sequence[Row], lefts: Sequence[str], number: int, match: re.Match[str],
    declared: frozenset[str],
) -> tuple[dict[str, Family], list[int]]:
    letter, prime, n = match.groups()
    u = letter + prime
    now, before, after = f"{u}_{{{n}}}", f"{u}_{{{n}-1}}", f"{u}_{{{n}+1}}"
    marks = {plain(u): Family(0)}

    def coefficients(row: int) -> dict[str, tree.Node]:
        tokens = rows[row][1]
        node = LatexParser(text, tokens, marks, declared).formula()
        return _linear(text, node, u)

    found = coefficients(number)
    if set(found) != {now, before}:
        raise ReadingError(
            f"this is no recursion of {u}", text=text, place=rows[number][0][0].place,
            suggestion=f"write {after} = a {now} - b {before}",
        )
    trace, determinant = found[now], _negative(found[before])
    families = {plain(u): Family(1, (trace, determinant))}
    used: list[int] = []
    first_terms = {}
    for row, left in enumerate(lefts):
        start, companion = _FIRST_TERMS.fullmatch(left), _COMPANION.fullmatch(left)
        if start is not None and start[1] == u:
            first_terms[int(start[2])] = _joined(text, rows[row][1])
            used.append(row)
        elif companion is not None and companion[2] == prime and companion[3] == n and companion[1] != letter:
            if not any(t.kind == "letter" and t.text == letter for t in rows[row][1]):
                continue
            found = coefficients(row)
            by_next = set(found) == {now, after} and same_tree(found[now], trace)
            by_next = by_next and _is_number(found[after], -1)
            by_last = set(found) == {before} and same_tree(found[before], determinant)
            if not (by_next or by_last):
                raise ReadingError(
                    f"{companion[1]}{prime} is not the companion of {u}", text=text,
                    place=rows[row][0][0].place,
                    suggestion=f"the second sequence is W_n = a {now} - {after} with the a of the recursion",
                )
            families[plain(companion[1] + prime)] = Family(0, (trace, determinant))
            used.append(row)
    if first_terms != {0: "0", 1: "1"}:
        raise ReadingError(
            f"{u} does not begin with 0 and 1", text=text, place=rows[number][0][0].place,
            suggestion=f"write {u}_0 = 0, {u}_1 = 1 behind the recursion, and the claim in that sequence",
        )
    return families, used


def _linear(text: str, node: tree.Node, letter: str) -> dict[str, tree.Node]:
    """Coefficients of the marked names, each term of a sum having one."""
    found: dict[str, list[tree.Node]] = {}
    for term in node.terms if isinstance(node, tree.Total) else (node,):
        factors = _factors(term)
        marked = [f for f, below in factors if isinstance(f, tree.Name) and "_{" in f.name and not below]
        if len(marked) != 1 or not isinstance(marked[0], tree.Name):
            raise ReadingError(f"every term of this definition needs one {letter}", text=text,
                               place=term.place)
        rest = tuple((f, below) for f, below in factors if f is not marked[0])
        found.setdefault(marked[0].name, []).append(_product(term.place, rest))
    return {
        name: parts[0] if len(parts) == 1 else tree.Total(parts[0].place, tuple(parts))
        for name, parts in found.items()
    }


def _factors(node: tree.Node, below: bool = False) -> list[tuple[tree.Node, bool]]:
    if not isinstance(node, tree.Product):
        return [(node, below)]
    return [pair for factor, inverted in node.factors for pair in _factors(factor, below != inverted)]


def _product(place: int, factors: tuple[tuple[tree.Node, bool], ...]) -> tree.Node:
    """A product without the signs that cancel."""
    minus = sum(_is_number(f, -1) for f, _ in factors)
    rest = tuple(pair for pair in factors if not _is_number(pair[0], -1))
    if minus % 2:
        rest = ((tree.Number(place, Fraction(-1)), False), *rest)
    if not rest:
        return tree.Number(place, Fraction(1))
    return rest[0][0] if len(rest) == 1 and not rest[0][1] else tree.Product(place, rest)


def _negative(node: tree.Node) -> tree.Node:
    minus = tree.Number(node.place, Fraction(-1))
    return _product(node.place, ((minus, False), *_factors(node)))


def _is_number(node: tree.Node, value: int) -> bool:
    return isinstance(node, tree.Number) and node.value == value


def _power(text: str, right: Sequence[LatexToken], declared: frozenset[str]) -> dict[str, Family]:
    r"""``z^n = ... \bmod z^d - e_1 z^{d-1} + ...``."""
    cut = next(i for i, t in enumerate(right) if t.is_("bmod"))
    modulus = LatexParser(text, right[cut + 1 :], {}, declared).formula()
    by_power = _polynomial(text, modulus, "z")
    d = max(by_power)
    lower = set(range(d))
    if not (2 <= d <= 8 and _is_number(by_power[d], 1) and set(by_power) - {d} == lower):
        raise ReadingError("the modulus is no polynomial with leading coefficient 1", text=text,
                           place=right[cut].place, suggestion=r"write \bmod z^{3} - a z^{2} + b z - c")
    invariants = tuple(
        _negative(by_power[d - i]) if i % 2 else by_power[d - i] for i in range(1, d + 1)
    )
    body = _joined(text, right[:cut])
    family = re.match(r"[a-z]'*", body)
    name = family[0] if family is not None else "u"
    signs = {k: "" if (d - 1 - k) % 2 == 0 else "-" for k in range(d)}
    wanted = "".join(
        (signs[k] or ("+" if k < d - 1 else "")) + f"{name}^{{({k})}}_{{n}}" + (f"z^{{{k}}}" if k else "")
        for k in reversed(range(d))
    )
    if body not in (wanted, wanted.replace("z^{1}", "z")):
        raise ReadingError("this is not how the sequences are defined", text=text, place=right[0].place,
                           suggestion=f"write z^{{n}} = {wanted}")
    return {plain(name): Family(None, invariants)}


def _polynomial(text: str, node: tree.Node, letter: str) -> dict[int, tree.Node]:
    """Coefficients of a polynomial that is written out, by power."""
    found: dict[int, list[tree.Node]] = {}
    for term in node.terms if isinstance(node, tree.Total) else (node,):
        power, rest = 0, []
        for factor, below in _factors(term):
            exponent = _exponent(factor, letter)
            if exponent is None or below:
                rest.append((factor, below))
            else:
                power += exponent
        found.setdefault(power, []).append(_product(term.place, tuple(rest)))
    return {
        power: parts[0] if len(parts) == 1 else tree.Total(parts[0].place, tuple(parts))
        for power, parts in found.items()
    }


def _exponent(node: tree.Node, letter: str) -> int | None:
    """k for ``letter^k``, None for anything else."""
    if isinstance(node, tree.Name):
        return 1 if node.name == letter else None
    if isinstance(node, tree.Power) and isinstance(node.base, tree.Name) and node.base.name == letter:
        value = node.exponent.value if isinstance(node.exponent, tree.Number) else Fraction(-1)
        return int(value) if value.denominator == 1 and 0 <= value <= 8 else None
    return None


def _generating(
    text: str, right: Sequence[LatexToken], declared: frozenset[str]
) -> tuple[tree.Node, ...]:
    r"""The invariants of ``\frac{q^{d-1}}{(1 - q)^3(1 + ...)}``, the denominator multiplied out."""
    node = LatexParser(text, right, {}, declared).formula()
    factors = _factors(node)
    if len(factors) > 9:
        raise ReadingError("more than 9 factors in a generating function", text=text, place=node.place,
                           suggestion=r"write equal factors as a power, (1 - q)^{3}")
    total: Mapping[int, tree.Node] = {0: tree.Number(node.place, Fraction(1))}
    top = 0
    for factor, below in factors:
        exponent = _exponent(factor, "q")
        if not below:
            if exponent is None:
                raise ReadingError("this is no generating function", text=text, place=factor.place,
                                   suggestion=r"write \frac{q^{d-1}}{1 - e_1 q + ...}")
            top += exponent
            continue
        base, times = factor, 1
        if isinstance(factor, tree.Power) and isinstance(factor.exponent, tree.Number):
            value = factor.exponent.value
            base, times = factor.base, int(value) if value.denominator == 1 and 1 <= value <= 8 else 9
        polynomial = _polynomial(text, base, "q")
        for _ in range(times):
            total = _times(text, node.place, total, polynomial)
    d = max(total)
    if top != d - 1 or not 2 <= d <= 8 or set(total) - set(range(d + 1)):
        raise ReadingError(f"numerator q^{top} over degree {d}", text=text, place=node.place,
                           suggestion="the numerator is q to one less than the degree below")
    zero = tree.Number(node.place, Fraction(0))
    signed = [total.get(i, zero) for i in range(1, d + 1)]
    return tuple(
        tree.Expansion(node.place, _negative(e) if i % 2 else e) for i, e in enumerate(signed, start=1)
    )


def _times(
    text: str, place: int, first: Mapping[int, tree.Node], second: Mapping[int, tree.Node]
) -> dict[int, tree.Node]:
    """Product of two polynomials with trees as coefficients."""
    found: dict[int, list[tree.Node]] = {}
    for i, a in first.items():
        for k, b in second.items():
            found.setdefault(i + k, []).append(tree.Product(place, ((a, False), (b, False))))
    out: dict[int, tree.Node] = {k: tree.Total(place, tuple(parts)) for k, parts in found.items()}
    if max(out) > 8:
        raise ReadingError("the denominator is too large to be multiplied out", text=text, place=place,
                           suggestion="at most degree 8 is read")
    return out
