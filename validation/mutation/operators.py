"""The ways in which a formula is altered: local ones at a node, global ones by substitution.

A local operator takes one node of an expression and yields what may stand in its place. A condition
operator does the same with one relation of ``valid_if``. The tables at the end name them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

import sympy as sp
from sympy.core.relational import Relational

from theory.sequences import LucasSequence
from theory.symbols import (
    averaging_rate,
    batch_size,
    curvature,
    curvature_variance,
    dampening,
    displacement,
    frequency,
    immediate_discount,
    label_variance,
    lag,
    learning_rate,
    momentum,
    noise_variance,
    position,
    sample_curvature,
    sample_gradient,
    samples,
    second_curvature,
    steps_per_epoch,
    weight_decay,
)

__all__ = ["CONDITION_OPERATORS", "LOCAL_OPERATORS", "SUBSTITUTIONS", "UNIT_CHANGES"]

Local = Callable[[sp.Expr], Iterator[sp.Expr]]
Condition = Callable[[Relational], Iterator[sp.Basic]]


def _rebuilt(node: sp.Expr, place: int, value: sp.Expr) -> sp.Expr:
    return node.func(*node.args[:place], value, *node.args[place + 1 :])


def constant_plus_one(node: sp.Expr) -> Iterator[sp.Expr]:
    """Every rational constant that is no exponent."""
    if node.is_Rational:
        yield node + 1


def constant_minus_one(node: sp.Expr) -> Iterator[sp.Expr]:
    if node.is_Rational:
        yield node - 1


def exponent_plus_one(node: sp.Expr) -> Iterator[sp.Expr]:
    if node.is_Pow and node.exp.is_Rational:
        yield node.base ** (node.exp + 1)


def exponent_minus_one(node: sp.Expr) -> Iterator[sp.Expr]:
    if node.is_Pow and node.exp.is_Rational:
        yield node.base ** (node.exp - 1)


def sign_of_a_term(node: sp.Expr) -> Iterator[sp.Expr]:
    if node.is_Add:
        yield from (_rebuilt(node, place, -term) for place, term in enumerate(node.args))


def lost_term(node: sp.Expr) -> Iterator[sp.Expr]:
    if node.is_Add:
        yield from (_rebuilt(node, place, sp.S.Zero) for place in range(len(node.args)))


def dropped_factor(node: sp.Expr) -> Iterator[sp.Expr]:
    if node.is_Mul:
        yield from (_rebuilt(node, place, sp.S.One) for place in range(len(node.args)))


def swapped_exponents(node: sp.Expr) -> Iterator[sp.Expr]:
    """a**p * b**q -> a**q * b**p, where p and q differ."""
    if not node.is_Mul:
        return
    powers = [(place, *f.as_base_exp()) for place, f in enumerate(node.args) if not f.is_number]
    for (i, a, p), (j, b, q) in combinations(powers, 2):
        if p != q:
            yield _rebuilt(_rebuilt_unevaluated(node, i, a**q), j, b**p)


def _rebuilt_unevaluated(node: sp.Expr, place: int, value: sp.Expr) -> sp.Expr:
    return sp.Mul(*node.args[:place], value, *node.args[place + 1 :], evaluate=False)


def sequence_index_plus_one(node: sp.Expr) -> Iterator[sp.Expr]:
    if isinstance(node, LucasSequence):
        yield _rebuilt(node, 1, node.args[1] + 1)


def sequence_index_minus_one(node: sp.Expr) -> Iterator[sp.Expr]:
    if isinstance(node, LucasSequence):
        yield _rebuilt(node, 1, node.args[1] - 1)


def sequence_swapped(node: sp.Expr) -> Iterator[sp.Expr]:
    """U for W: another coefficient of the same power."""
    if isinstance(node, LucasSequence):
        yield from (_rebuilt(node, 0, sp.Integer(k)) for k in range(node.order) if k != node.args[0])


#: {symbol: what is put in its place}, everywhere at once and at single places
SUBSTITUTIONS: Mapping[str, Mapping[sp.Symbol, sp.Expr]] = {
    "beta -> 1 - beta": {momentum: 1 - momentum},
    "M -> M + 1": {steps_per_epoch: steps_per_epoch + 1},
    "M -> M - 1": {steps_per_epoch: steps_per_epoch - 1},
    "N -> N - 1": {samples: samples - 1},
    "S -> S + 1": {batch_size: batch_size + 1},
    "lambda -> 2 lambda": {curvature: 2 * curvature},
    "lambda' -> 2 lambda'": {second_curvature: 2 * second_curvature},
    "lambda <-> lambda'": {curvature: second_curvature, second_curvature: curvature},
    "eta -> 2 eta": {learning_rate: 2 * learning_rate},
    "eta -> eta/(1 - beta)": {learning_rate: learning_rate / (1 - momentum)},
    "c -> 2 c": {noise_variance: 2 * noise_variance},
    "tau -> tau + 1": {lag: lag + 1},
    "j -> j + 1": {position: position + 1},
    "omega -> 2 omega": {frequency: 2 * frequency},
    "d -> 1 - d": {dampening: 1 - dampening},
    "rho -> 2 rho": {weight_decay: 2 * weight_decay},
    "nu -> 1 - nu": {immediate_discount: 1 - immediate_discount},
    "alpha -> 1 - alpha": {averaging_rate: 1 - averaging_rate},
    "psi -> 2 psi": {curvature_variance: 2 * curvature_variance},
    "y -> 2 y": {label_variance: 2 * label_variance},
    "delta -> 2 delta": {displacement: 2 * displacement},
    "h -> 2 h": {sample_curvature: 2 * sample_curvature},
    "g -> 2 g": {sample_gradient: 2 * sample_gradient},
}


def _at_one_place(change: Mapping[sp.Symbol, sp.Expr]) -> Local:
    def operator(node: sp.Expr) -> Iterator[sp.Expr]:
        if node in change:
            yield change[node]

    return operator


def _sides(relation: Relational) -> tuple[sp.Expr, sp.Expr, bool]:
    """P - Q > 0 with P, Q sums of terms of one sign; whether it is strict."""
    terms = sp.Add.make_args(sp.expand(relation.gts - relation.lts))
    minus = [-t for t in terms if t.could_extract_minus_sign()]
    plus = [t for t in terms if not t.could_extract_minus_sign()]
    return sp.Add(*plus), sp.Add(*minus), isinstance(relation, (sp.StrictGreaterThan, sp.StrictLessThan))


def _relation(gap: sp.Expr, strict: bool) -> sp.Basic:
    return gap > 0 if strict else gap >= 0


def bound_widened(relation: Relational) -> Iterator[sp.Basic]:
    """The larger side times 11/10."""
    plus, minus, strict = _sides(relation)
    yield _relation(sp.Rational(11, 10) * plus - minus, strict)


def bound_narrowed(relation: Relational) -> Iterator[sp.Basic]:
    """The smaller side times 11/10."""
    plus, minus, strict = _sides(relation)
    if minus != 0:
        yield _relation(plus - sp.Rational(11, 10) * minus, strict)


def bound_moved_by_one(relation: Relational) -> Iterator[sp.Basic]:
    """Of whole numbers."""
    plus, minus, strict = _sides(relation)
    if all(s.is_integer for s in relation.free_symbols):
        yield _relation(plus + 1 - minus, strict)
        yield _relation(plus - 1 - minus, strict)


def strictness(relation: Relational) -> Iterator[sp.Basic]:
    """> for >=, >= for >."""
    plus, minus, strict = _sides(relation)
    yield _relation(plus - minus, not strict)


def relation_dropped(relation: Relational) -> Iterator[sp.Basic]:
    yield sp.true


LOCAL_OPERATORS: Mapping[str, Local] = {
    "constant + 1": constant_plus_one,
    "constant - 1": constant_minus_one,
    "exponent + 1": exponent_plus_one,
    "exponent - 1": exponent_minus_one,
    "sign of a term": sign_of_a_term,
    "lost term": lost_term,
    "dropped factor": dropped_factor,
    "swapped exponents": swapped_exponents,
    "n -> n + 1": sequence_index_plus_one,
    "n -> n - 1": sequence_index_minus_one,
    "U for W": sequence_swapped,
    **{f"{name}, once": _at_one_place(change) for name, change in SUBSTITUTIONS.items()},
}
CONDITION_OPERATORS: Mapping[str, Condition] = {
    "condition dropped": relation_dropped,
    "bound * 11/10": bound_widened,
    "bound / 11/10": bound_narrowed,
    "bound by one": bound_moved_by_one,
    "strictness": strictness,
}
#: added to the exponents of (loss, parameter)
UNIT_CHANGES: Mapping[str, tuple[int, int]] = {
    "unit * loss": (1, 0), "unit / loss": (-1, 0), "unit * parameter": (0, 1), "unit / parameter": (0, -1),
}
