"""Exact moments of one epoch over a population: against all permutations, and against each other."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from theory.errors import TheoryError
from theory.one_epoch.exact_moments import exact_moments
from theory.one_epoch.population_moments import fixed_batches, moments_of_epoch

ETA = Fraction(3, 8)  # a double, as all curvatures and gradients below
POPULATIONS: dict[str, tuple[Sequence[Any], Sequence[Any]]] = {
    "one sample": ([Fraction(3, 2)], [Fraction(5, 4)]),
    "two samples": ([1, Fraction(1, 2)], [2, Fraction(-1, 4)]),
    "equal samples": ([Fraction(3, 4)] * 5, [Fraction(1, 2)] * 5),
    "a factor of zero": ([Fraction(8, 3), 1, Fraction(1, 2), 2], [1, -1, 3, Fraction(1, 4)]),
    "all factors zero": ([Fraction(8, 3)] * 3, [1, -1, 3]),
    "huge factors": ([2**20, 2**21, -(2**22), 1, 3], [1, 2, -1, 4, 2]),
    "negative curvature": ([-1, -2, Fraction(1, 2), -3, 1], [1, -2, 1, Fraction(1, 2), -1]),
    "flat": ([0, 0, 0, 0], [1, 2, -4, 1]),
    "no gradient": ([1, 2, 3], [0, 0, 0]),
    "six samples": ([Fraction(n * n % 7, 4) for n in range(6)], [Fraction(3 * n - 7, 8) for n in range(6)]),
}


def enumerated(h: Sequence[Any], g: Sequence[Any], eta: Any, size: int = 1) -> tuple[Fraction, ...]:
    """Averages of Phi, c, Phi², Phi c and c² over every permutation, step by step."""
    totals, count = [Fraction(0)] * 5, 0
    for order in itertools.permutations(range(len(h))):
        factor, offset = Fraction(1), Fraction(0)
        for b in range(len(h) // size):
            batch = order[b * size : (b + 1) * size]
            curvature = sum(Fraction(h[i]) for i in batch) / size
            gradient = sum(Fraction(g[i]) for i in batch) / size
            factor *= 1 - eta * curvature
            offset = (1 - eta * curvature) * offset - eta * gradient
        values = (factor, offset, factor**2, factor * offset, offset**2)
        totals = [t + v for t, v in zip(totals, values, strict=True)]
        count += 1
    return tuple(t / count for t in totals)


def five(moments: Any) -> tuple[Any, ...]:
    return (
        moments.factor, moments.offset, moments.factor_square, moments.factor_offset, moments.offset_square
    )


@pytest.mark.parametrize("name", POPULATIONS)
def test_fractions_are_those_of_all_permutations(name: str) -> None:
    h, g = POPULATIONS[name]
    assert five(exact_moments(h, g, ETA)) == enumerated(h, g, ETA)


@pytest.mark.parametrize(("samples", "size"), [(4, 2), (5, 2), (6, 2), (6, 3), (6, 4), (3, 3)])
def test_samples_drawn_into_batches(samples: int, size: int) -> None:
    """Whole batches, and a dropped rest; the factor then depends on the order."""
    rng = random.Random(samples * size)
    h, g = ([Fraction(rng.randint(-9, 9), rng.randint(1, 9)) for _ in range(samples)] for _ in range(2))
    eta = Fraction(3, 7)
    found = exact_moments(h, g, eta, size)
    assert five(found) == enumerated(h, g, eta, size)
    assert not found.same_factor
    with pytest.raises(TheoryError, match="a factor that is the same for every order"):
        found.after(2, 1, shuffled_once=True)


@pytest.mark.parametrize("name", POPULATIONS)
def test_doubles_agree_with_all_permutations(name: str) -> None:
    """To a few units of rounding of the sum of absolute values, and within the bounds they state."""
    h, g = POPULATIONS[name]
    found = moments_of_epoch([float(v) for v in h], [float(v) for v in g], float(ETA))
    exact = enumerated(h, g, ETA)

    assert abs(found.offset - float(exact[1])) <= found.offset_error
    assert abs(found.offset_square - float(exact[4])) <= found.offset_square_error
    assert found.factor == pytest.approx(float(exact[0]), rel=1e-15)
    if exact[4]:
        assert found.offset_square == pytest.approx(float(exact[4]), rel=1e-14)


def test_larger_populations_agree_with_fractions() -> None:
    rng = np.random.default_rng(20)
    for scale in (0.01, 1.0, 3.0):
        h = np.round(64 * rng.exponential(scale, 40)) / 64
        g = np.round(64 * rng.normal(size=40)) / 64
        exact = exact_moments(h.tolist(), g.tolist(), Fraction(1, 2))
        found = moments_of_epoch(h, g, 0.5)
        for name in ("offset", "offset_square"):
            gap = abs(Fraction(getattr(found, name)) - getattr(exact, name))
            assert gap <= getattr(found, name + "_error"), (scale, name)
            assert gap <= 1e-12 * abs(getattr(exact, name)), (scale, name)


def test_the_bound_would_notice_too_few_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with four nodes forced, the stated error covers the true one and is large."""
    import theory.one_epoch.population_moments as module

    rng = np.random.default_rng(3)
    h, g = rng.exponential(1.0, 60), rng.normal(size=60)
    right = moments_of_epoch(h, g, 0.9)
    monkeypatch.setattr(module, "nodes_for", lambda bound, target, most: 1)
    monkeypatch.setattr(module, "_FIRST", 4)
    wrong = moments_of_epoch(h, g, 0.9)
    assert abs(wrong.offset_square - right.offset_square) > 1e6 * right.offset_square_error
    assert abs(wrong.offset_square - right.offset_square) <= wrong.offset_square_error
    assert abs(wrong.offset - right.offset) <= wrong.offset_error


def test_ten_thousand_samples() -> None:
    rng = np.random.default_rng(4)
    h, g = rng.exponential(1.0, 10_000), rng.normal(size=10_000)
    found = moments_of_epoch(h, g, 0.1, square=False)
    assert found.offset_square is None
    with pytest.raises(TheoryError, match="ask for it with square=True"):
        found.second_moment(1.0)
    with pytest.raises(TheoryError, match="ask for it with square=True"):
        found.after(3, 1.0)
    assert found.offset_error < 1e-8 * abs(found.offset)


def test_several_epochs_against_every_choice_of_orders() -> None:
    h = [Fraction(1, 2), Fraction(-1), Fraction(3)]
    g = [Fraction(1), Fraction(1, 3), Fraction(-2)]
    moments, start = exact_moments(h, g, ETA), Fraction(5, 7)
    maps = []
    for order in itertools.permutations(range(3)):
        factor, offset = Fraction(1), Fraction(0)
        for n in order:
            factor, offset = factor * (1 - ETA * h[n]), (1 - ETA * h[n]) * offset - ETA * g[n]
        maps.append((factor, offset))
    ends = [b[0] * (a[0] * start + a[1]) + b[1] for a in maps for b in maps]
    once = [a[0] * (a[0] * start + a[1]) + a[1] for a in maps]
    for ends_of, kept in ((ends, False), (once, True)):
        mean, square = moments.after(2, start, shuffled_once=kept)
        assert mean == sum(ends_of) / len(ends_of)
        assert square == sum(e * e for e in ends_of) / len(ends_of)


def test_fixed_batches_are_the_population_of_their_means() -> None:
    assert fixed_batches([1, 2, 3, 5], 2).tolist() == [1.5, 4.0]
    with pytest.raises(TheoryError, match="batch_size = 3 does not divide the 4 samples"):
        fixed_batches([1, 2, 3, 5], 3)


def test_bad_populations() -> None:
    with pytest.raises(TheoryError, match="two lists of the same length N >= 1; got shapes"):
        moments_of_epoch([1, 2], [1], 0.1)
    with pytest.raises(TheoryError, match=r"gradients\[1\] = nan is not finite: remove that sample"):
        moments_of_epoch([1, 2], [1, float("nan")], 0.1)
    with pytest.raises(TheoryError, match=r"learning_rate = 0 must be positive"):
        moments_of_epoch([1, 2], [1, 2], 0)
    with pytest.raises(TheoryError, match="leave the range of doubles"):
        moments_of_epoch([1e200, 1e200], [1, 2], 1)
    with pytest.raises(TheoryError, match="N = 201 is above 200; use moments_of_epoch"):
        exact_moments([1] * 201, [1] * 201, 1)
    with pytest.raises(TheoryError, match=r"batch_size must lie in 1\.\.2"):
        exact_moments([1, 2], [1, 2], 1, 3)
