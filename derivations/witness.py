"""Exact counterexamples: rational points inside the domain at which a step fails."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import fmpq

from derivations.evaluation import Evaluation, NotRationalError, collect
from derivations.exponents import EXCESS, FOLDED, REST, UNFOLDED, Segments
from derivations.polynomials import NumberRing
from derivations.step import Step
from theory.evaluate.compiler import compile_program
from theory.evaluate.kernels import Fractions
from theory.population import is_over_population
from theory.symbols import PARAMETERS, lag, position, steps_per_epoch

__all__ = ["find_witness"]

#: points tried before giving up; a nonzero polynomial of our degrees survives almost every one
_TRIALS = 60


def find_witness(step: Step, segments: Segments, polynomials: Evaluation) -> dict[str, str] | None:
    """Values by name at which the sides differ, or None.

    Products and integrals over a population are computed for a random one of three samples.
    A transcendental atom such as :math:`e^{-\\kappa}` counts as a variable of its own: at a rational
    exponent it is transcendental, so no rational identity in it holds by accident.
    """
    if step.modulo is not None:
        return _coefficient_witness(step, polynomials)
    atoms, powers = collect([step.lhs, step.rhs], step.given)
    integers = set().union(*(n.free_symbols for _, n in powers))
    over = {atom for atom in atoms if is_over_population(atom)}
    atoms = (atoms - over).union(*(atom.free_symbols for atom in over))
    wanted = sorted(atoms | integers | step.domain.free_symbols, key=str)
    rng = random.Random(0)
    for _ in range(_TRIALS):
        point = _draw(wanted, step.domain, rng)
        if point is None:
            continue
        population = _draw_population(wanted, rng)
        try:
            values = {s: fmpq(int(v.p), int(v.q)) for s, v in point.items()}
            for atom in over:
                values[atom] = _over(atom, values, population)
            if _differs(step, segments, values):
                return {str(s): str(population.get(s, v)) for s, v in point.items()}
        except (NotRationalError, ZeroDivisionError):
            continue
    return None


def _draw_population(wanted: list[sp.Expr], rng: random.Random) -> dict[sp.Expr, tuple[sp.Rational, ...]]:
    """Numbers of three samples for each parameter of a population."""
    own = [s for s in wanted if s in (p.symbol for p in PARAMETERS.values() if p.per_sample)]
    return {s: tuple(sp.Rational(rng.randint(-12, 12), 13) for _ in range(3)) for s in own}


def _over(
    atom: sp.Expr, values: Mapping[sp.Expr, fmpq], population: Mapping[sp.Expr, tuple[sp.Rational, ...]]
) -> fmpq:
    """The number that a product or integral over the population is."""
    inputs: dict[str, Any] = {str(s): Fraction(int(v.p), int(v.q)) for s, v in values.items()}
    inputs |= {
        str(s): tuple(Fraction(int(v.p), int(v.q)) for v in numbers) for s, numbers in population.items()
    }
    value = compile_program(atom).run(inputs, {}, Fractions())
    return fmpq(value.numerator, value.denominator)


def _differs(step: Step, segments: Segments, point: Mapping[sp.Expr, fmpq]) -> bool:
    values = dict(point)
    for s in (steps_per_epoch, lag):
        values.setdefault(s, fmpq(0))
    m, tau = values[steps_per_epoch], values[lag]
    values[REST], values[EXCESS] = m - tau, tau - m
    values[FOLDED] = fmpq(int(tau.p) % int(m.p)) if m > 0 else fmpq(0)
    values[UNFOLDED] = m - values[FOLDED]
    evaluation = Evaluation(NumberRing(values), segments, step.given)
    left, right = evaluation.value(step.lhs), evaluation.value(step.rhs)
    minus = evaluation.times(evaluation.value(sp.S.NegativeOne), right)
    gap = evaluation.plus([left, minus])
    return any(entry != 0 for row in gap.entries for entry in row)


def _draw(
    wanted: list[sp.Expr], domain: sp.Basic, rng: random.Random
) -> dict[sp.Expr, sp.Rational] | None:
    """A random point, or None if it lies outside the domain."""
    steps = rng.randint(2, 7)
    point: dict[sp.Expr, sp.Rational] = {}
    for s in wanted:
        if s == steps_per_epoch:
            point[s] = sp.Integer(steps)
        elif s in (lag, position):
            low = 0 if s == lag else 1
            point[s] = sp.Integer(rng.randint(low, steps + (2 if s == lag else 0)))
        elif s.is_integer:
            name = str(s)
            size = 12 if name == "samples" else 4 if name == "batch_size" else 6
            point[s] = sp.Integer(rng.randint(2 if name != "samples" else 6, size * 2))
        else:
            point[s] = sp.Rational(rng.randint(1, 12), 13)
    return point if domain.subs(point) == sp.true else None


def _coefficient_witness(step: Step, polynomials: Evaluation) -> dict[str, str] | None:
    """For an expansion: values at which the first offending coefficient is not zero."""
    if step.modulo is None:
        return None
    ring: Any = polynomials.ring
    minus = polynomials.times(polynomials.value(sp.S.NegativeOne), polynomials.value(step.rhs))
    gap = polynomials.plus([polynomials.value(step.lhs), minus])
    entry = next(e for row in gap.entries for e in row if e != 0)
    low = ring.lowest_part(entry, step.modulo[0])
    rng = random.Random(0)
    names = ring.atoms
    for _ in range(_TRIALS):
        point = [fmpq(rng.randint(1, 12), 13) for _ in names]
        total = fmpq(0)
        for exponents, c in low.to_dict().items():
            term = fmpq(int(c))
            for v, e in zip(point, exponents, strict=False):
                term *= v ** int(e)
            total += term
        if total != 0:
            used = {int(i) for e in low.to_dict() for i, k in enumerate(e) if k}
            return {str(step.modulo[0]): "0"} | {str(names[i]): str(point[i]) for i in sorted(used)}
    return None
