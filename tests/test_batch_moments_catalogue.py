"""Moments of batch averages without replacement: proofs, the library's coefficients, one pass."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import permutations

import pytest
import sympy as sp

from derivations import derive
from derivations.batch_moments import COEFFICIENTS
from theory.closed_forms import entry_by_slug, formula_by_slug
from theory.formula import Formula
from theory.multiplicative.batch_moments import coefficients, joint_coefficients
from theory.symbols import batch_size, samples
from validation.evidence import climb

SLUGS = ("batch-third-cumulant", "batch-fourth-moment-joint", "batch-fourth-moment-pairs")


def _wrong(formula: Formula) -> list[Formula]:
    return [
        replace(formula, compact=formula.compact * Fraction(11, 10)),
        replace(formula, compact=formula.compact.subs(samples, samples + 1)),
        replace(formula, compact=formula.compact.subs(batch_size, 2 * batch_size)),
    ]


@pytest.mark.parametrize("slug", SLUGS)
def test_right_formulas_climb_and_wrong_ones_fall(slug: str) -> None:
    entry = entry_by_slug(slug)
    assert [(r.rung, r.reason) for r in climb(entry) if r.verdict != "pass"] == []
    for wrong in _wrong(entry.formula):
        assert any(str(v).startswith("REFUTED") for v in derive(slug, wrong).check())
        fallen = {r.rung for r in climb(entry, ("exact", "enclosed", "solved"), wrong) if r.verdict == "fail"}
        assert fallen == {"exact", "enclosed", "solved"}


@pytest.mark.parametrize("size", [4, 5, 9, 40])
@pytest.mark.parametrize("factors", [2, 3, 4])
def test_proved_coefficients_are_those_of_the_library(factors: int, size: int) -> None:
    for partition, value in joint_coefficients(factors, size).items():
        blocks = tuple(sorted((len(b) for b in partition), reverse=True))
        assert sp.Rational(value.numerator, value.denominator) == COEFFICIENTS[blocks].subs(samples, size)


@pytest.mark.parametrize(("size", "batch"), [(4, 1), (6, 2), (12, 3), (12, 12), (30, 7)])
def test_formulas_are_the_library_with_all_factors_in_one_batch(size: int, batch: int) -> None:
    for slug, factors, blocks, splits in (
        (SLUGS[0], 3, ((0, 1, 2),), 1), (SLUGS[1], 4, ((0, 1, 2, 3),), 1), (SLUGS[2], 4, ((0, 1), (2, 3)), 3),
    ):
        found = coefficients(factors, size, blocks)
        total = splits * sum(c * Fraction(batch) ** (len(pi) - factors) for pi, c in found.items())
        exact = formula_by_slug(slug).compact.subs({samples: size, batch_size: batch})
        assert exact == sp.Rational(total.numerator, total.denominator)


def test_third_moments_of_the_batches_of_one_pass() -> None:
    """By all orders of six samples in three batches of two."""
    values = [Fraction(k * k) - Fraction(55, 6) for k in range(6)]
    orders = list(permutations(values))
    means = [[(o[2 * k] + o[2 * k + 1]) / 2 for k in range(3)] for o in orders]
    factor = formula_by_slug("batch-third-cumulant").compact.subs({samples: 6, batch_size: 2})
    kappa = Fraction(int(factor.p), int(factor.q)) * sum(v**3 for v in values) / 6
    assert kappa != 0
    assert sum(u[0] ** 3 for u in means) / len(means) == kappa
    assert sum(u[0] ** 2 * u[1] for u in means) / len(means) == -kappa / 2
    assert sum(u[0] * u[1] * u[2] for u in means) / len(means) == kappa
