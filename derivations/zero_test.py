r"""The zero test: a step is proved when both polynomial engines find the zero polynomial.

Symbols, sequences at symbolic n and powers are generators of one polynomial ring; shifted sequences
are first reduced by the recurrence, powers with sums in the exponent by the addition theorem. The
zero polynomial is zero whatever relations the generators have among themselves, so a hidden
dependence can only leave a true step UNDECIDED, never prove a false one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from derivations.evaluation import Evaluation, NotRationalError, Value, collect, generators_of
from derivations.exponents import Segments
from derivations.polynomials import FlintRing, Ring, SympyRing
from derivations.step import Outcome, Step, Verdict
from derivations.witness import find_witness
from theory.sequences import LucasSequence

__all__ = ["check_steps", "leading_term"]


def check_steps(steps: Sequence[Step]) -> list[Verdict]:
    """Verdicts on steps; steps that share their definitions share what was computed of them."""
    groups: dict[int, list[Step]] = {}
    for step in steps:
        groups.setdefault(id(step.given), []).append(step)
    found: dict[int, Verdict] = {}
    for group in groups.values():
        found |= zip(map(id, group), _check_group(group), strict=True)
    return [found[id(step)] for step in steps]


def leading_term(
    expression: sp.Expr, given: Mapping[Any, Any], x: sp.Symbol
) -> tuple[int, sp.Expr]:
    """The power of x with which a rational expression starts, and its coefficient.

    The zero function gives power 1,000 and coefficient zero.
    """
    generators, segments = ring_generators([expression, x], given)
    ring = FlintRing(generators)
    value = Evaluation(ring, segments, given).value(expression)
    top = value.entries[0][0]
    if top == 0:
        return 1000, sp.S.Zero
    power, bottom = ring.lowest(top, x), ring.constant(1)
    for element, e in value.factors.values():
        power -= ring.lowest(element, x) * e
        bottom = bottom * ring.lowest_part(element, x) ** e
    over = ring.lowest_part(top, x)
    shared = over.gcd(bottom)
    pair = [_expression(part / shared, ring, segments) for part in (over, bottom)]
    return power, pair[0] / pair[1]


def _expression(polynomial: Any, ring: FlintRing, segments: Segments) -> sp.Expr:
    """A polynomial of the ring, factored, in the symbols of the user."""
    constant, factors = polynomial.factor()
    values = [
        LucasSequence(a[0], a[1] - segments.offset.get(a[1], 0), *a[2:])
        if isinstance(a, sp.Tuple) else a
        for a in ring.atoms
    ]
    product: sp.Expr = sp.Integer(int(constant))
    for factor, multiplicity in factors:
        terms = [
            sp.Mul(int(c), *(v**int(k) for v, k in zip(values, exponents, strict=False) if k))
            for exponents, c in factor.to_dict().items()
        ]
        product *= sp.Add(*terms) ** int(multiplicity)
    return product


def _check_group(steps: Sequence[Step]) -> list[Verdict]:
    given = steps[0].given
    try:
        generators, segments = ring_generators([e for s in steps for e in (s.lhs, s.rhs)], given)
    except (NotRationalError, RecursionError) as error:
        return [Verdict(outcome=Outcome.UNDECIDED, note=str(error)) for _ in steps]
    generators += dict.fromkeys(
        s.modulo[0] for s in steps if s.modulo and s.modulo[0] not in generators
    )
    engines: list[Ring] = [FlintRing(generators), SympyRing(generators)]
    evaluations = [Evaluation(ring, segments, given) for ring in engines]
    return [_check(step, evaluations, segments) for step in steps]


def ring_generators(
    expressions: Sequence[Any], given: Mapping[Any, Any]
) -> tuple[list[sp.Expr], Segments]:
    atoms, powers = collect(expressions, given)
    segments = Segments.of(n for _, n in powers)
    generators: list[sp.Expr] = sorted(atoms, key=str)
    known: set[Any] = set(generators)
    for invariants, n in sorted(powers, key=str):
        split = segments.split(n)
        for segment in split[0] if split else ():
            for atom in generators_of(invariants, segment):
                if atom not in known:
                    known.add(atom)
                    generators.append(atom)
    # sequences first: the engines order terms by them
    generators.sort(key=lambda g: not isinstance(g, sp.Tuple))
    return generators, segments


def _check(step: Step, evaluations: Sequence[Evaluation], segments: Segments) -> Verdict:
    try:
        zero = [_vanishes(e.ring, _gap(step, e), step.modulo) for e in evaluations[:1]]
        if zero[0]:
            zero += [_vanishes(e.ring, _gap(step, e), step.modulo) for e in evaluations[1:]]
    except (NotRationalError, RecursionError) as error:
        return Verdict(outcome=Outcome.UNDECIDED, note=str(error))
    if all(zero):
        return Verdict(outcome=Outcome.PROVED)
    if len(zero) > 1:
        return Verdict(outcome=Outcome.UNDECIDED, note="the polynomial engines disagree")
    witness = find_witness(step, segments, evaluations[0])
    if witness is None:
        return Verdict(outcome=Outcome.UNDECIDED, note="not the zero polynomial, but no witness")
    return Verdict(outcome=Outcome.REFUTED, witness=witness)


def _gap(step: Step, evaluation: Evaluation) -> Value:
    minus = evaluation.times(evaluation.value(sp.S.NegativeOne), evaluation.value(step.rhs))
    return evaluation.plus([evaluation.value(step.lhs), minus])


def _vanishes(ring: Ring, gap: Value, modulo: tuple[sp.Symbol, int] | None) -> bool:
    """All entries zero, or of order k or higher in x."""
    entries = [e for row in gap.entries for e in row if e != 0]
    if modulo is None or not entries:
        return not entries
    x, order = modulo
    below = sum(ring.lowest(element, x) * e for element, e in gap.factors.values())
    return all(ring.lowest(entry, x) - below >= order for entry in entries)
