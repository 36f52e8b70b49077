"""Commuting Hessians direction by direction, and the epochs they are compared with."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from theory.errors import TheoryError
from theory.one_epoch.commuting_moments import moments_of_directions
from theory.one_epoch.compared_epochs import gradient_descent, with_replacement
from theory.one_epoch.exact_moments import exact_moments
from theory.one_epoch.population_moments import moments_of_epoch

H = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, 1.0], [0.0, 3.0, 0.125], [2.0, 1.0, -0.5]])
G = np.array([[1.0, 0.5, -2.0], [-0.5, 1.5, 0.25], [2.0, -1.0, 1.0], [0.25, 0.75, -0.5]])
ETA = 0.5


def test_pairs_of_directions_agree_with_all_orders() -> None:
    found = moments_of_directions(H, G, ETA)
    ends = []
    for order in itertools.permutations(range(4)):
        c = np.zeros(3)
        for n in order:
            c = (1 - ETA * H[n]) * c - ETA * G[n]
        ends.append(c)
    mean = np.mean(ends, axis=0)
    second = np.mean([np.outer(c, c) for c in ends], axis=0)
    np.testing.assert_allclose(found.offset, mean, rtol=1e-14)
    assert (np.abs(found.offset - mean) <= found.offset_error + 1e-16 * np.abs(mean)).all()
    np.testing.assert_allclose(found.offset_square, second, rtol=1e-13)
    np.testing.assert_array_equal(found.offset_square, found.offset_square.T)
    assert (np.abs(found.offset_square - second) <= found.offset_square_error).all()
    swapped = moments_of_directions(H[:, ::-1], G, ETA)
    assert np.abs(swapped.offset_square - second).max() > 0.1, "the test would notice a swap"


def test_the_diagonal_is_one_dimensional() -> None:
    rng = np.random.default_rng(8)
    h, g = rng.exponential(1.0, (120, 2)), rng.normal(size=(120, 2))
    pair = moments_of_directions(h, g, 0.4)
    for i in range(2):
        one = moments_of_epoch(h[:, i], g[:, i], 0.4)
        assert abs(pair.offset[i] - one.offset) <= pair.offset_error[i] + one.offset_error
        gap = abs(pair.offset_square[i, i] - one.offset_square)
        assert gap <= pair.offset_square_error[i, i] + one.offset_square_error
        assert gap <= 1e-12 * one.offset_square


def test_one_sample_and_bad_shapes() -> None:
    found = moments_of_directions([[1.0, 2.0]], [[1.0, -1.0]], 0.5)
    np.testing.assert_allclose(found.offset_square, [[0.25, -0.25], [-0.25, 0.25]], rtol=1e-15)
    with pytest.raises(TheoryError, match=r"one shape \(N, d\); got \(2,\) and \(2,\)"):
        moments_of_directions([1.0, 2.0], [1.0, 2.0], 0.5)
    with pytest.raises(TheoryError, match="learning_rate = -1 must be positive"):
        moments_of_directions(H, G, -1)
    with pytest.raises(TheoryError, match="remove the samples that are not"):
        moments_of_directions(H, G * np.nan, 1)


def _all_ends(h: np.ndarray, g: np.ndarray, start: np.ndarray) -> list[np.ndarray]:
    ends = []
    for order in itertools.permutations(range(len(h))):
        at = start
        for n in order:
            at = (1 - ETA * h[n]) * at - ETA * g[n]
        ends.append(at)
    return ends


def _moments(ends: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.mean(ends, axis=0), np.mean([np.outer(e, e) for e in ends], axis=0)


def test_second_moments_of_pairs_from_a_start_agree_with_all_orders() -> None:
    h, g, start = H[:3, :2], G[:3, :2], np.array([0.75, -2.0])
    found = moments_of_directions(h, g, ETA)
    first = _all_ends(h, g, start)
    mean, second = _moments(first)
    np.testing.assert_allclose(found.mean(start), mean, rtol=1e-13)
    np.testing.assert_allclose(found.second_moment(start), second, rtol=1e-13)
    np.testing.assert_array_equal(found.second_moment(start), found.second_moment(start).T)
    ends = [end for at in first for end in _all_ends(h, g, at)]
    for got, true in zip(found.after(2, start), _moments(ends), strict=True):
        np.testing.assert_allclose(got, true, rtol=1e-12)
    kept = [_all_ends(h, g, at)[k] for k, at in enumerate(first)]
    for got, true in zip(found.after(2, start, shuffled_once=True), _moments(kept), strict=True):
        np.testing.assert_allclose(got, true, rtol=1e-12)
    assert np.abs(found.after(2, start)[1] - _moments(kept)[1]).max() > 0.01, "the schemes differ"
    broadcast = found.factor_square * start * start + 2 * found.factor_offset * start + found.offset_square
    assert np.abs(broadcast - second).max() > 0.1, "the formula of one direction is not that of pairs"


def test_a_start_of_another_shape_and_moments_out_of_range_are_refused() -> None:
    found = moments_of_directions(H, G, ETA)
    with pytest.raises(TheoryError, match=r"of shape \(3,\), one number per direction; got shape \(\)"):
        found.second_moment(1.0)
    with pytest.raises(TheoryError, match="start must be finite"):
        found.mean([0.0, np.nan, 0.0])
    with pytest.raises(TheoryError, match="epochs must be at least 1; got 0"):
        found.after(0, np.zeros(3))
    wild = moments_of_directions(H, G, 20.0)
    for once in (False, True):
        with pytest.raises(TheoryError, match=r"range of doubles within 300 epochs \(\|Phi\| up to"):
            wild.after(300, np.ones(3), shuffled_once=once)


@pytest.mark.parametrize(("samples", "eta"), [(400, 1e3), (60, 1e3), (3, 1e200)])
def test_products_out_of_range_are_refused_not_nan(samples: int, eta: float) -> None:
    rng = np.random.default_rng(3)
    h, g = rng.exponential(1.0, (samples, 2)), rng.normal(size=(samples, 2))
    with pytest.raises(TheoryError, match=f"N = {samples} samples leave the range of doubles.*lower the"):
        moments_of_directions(h, g, eta)


def test_with_replacement_against_every_sequence_of_draws() -> None:
    h, eta = [Fraction(1, 2), Fraction(-1), Fraction(3)], Fraction(1, 3)
    g = [Fraction(1), Fraction(1, 3), Fraction(-2)]
    start, ends = Fraction(2, 5), []
    for draws in itertools.product(range(3), repeat=3):
        theta = start
        for n in draws:
            theta -= eta * (h[n] * theta + g[n])
        ends.append(theta)
    found = with_replacement(h, g, eta)
    assert found.mean(start) == sum(ends) / len(ends)
    assert found.second_moment(start) == sum(e * e for e in ends) / len(ends)
    descent = gradient_descent(h, g, eta)
    assert descent.mean(start) == found.mean(start), "for quadratics the mean is that of gradient descent"
    assert descent.second_moment(start) == descent.mean(start) ** 2
    assert exact_moments(h, g, eta).mean(start) != found.mean(start)
    assert exact_moments([h[0]] * 3, g, eta).mean(start) == with_replacement([h[0]] * 3, g, eta).mean(start)
    with pytest.raises(TheoryError, match="must have one length N >= 1; got 1 and 2"):
        with_replacement([1], [1, 2], eta)
