"""The way out of a saddle, against all orders of all epochs; and the catalogue's closed form."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from theory.closed_forms import formula_by_slug
from theory.errors import TheoryError
from theory.one_epoch.saddle import saddle_escape

_ETA = 0.3
_H = np.array([-0.9, 0.4, -0.7])
_G = np.array([0.5, -1.25, 0.75])


def _epoch(order: tuple[int, ...], start: float, h: np.ndarray, g: np.ndarray) -> float:
    for k in order:
        start = (1 - _ETA * h[k]) * start - _ETA * g[k]
    return start


@pytest.mark.parametrize("start", [0.0, 0.2])
@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_every_order_of_every_epoch(start: float, epochs: int) -> None:
    orders = list(permutations(range(3)))
    ends = []
    for chosen in product(orders, repeat=epochs):
        point = start
        for order in chosen:
            point = _epoch(order, point, _H, _G)
        ends.append(point)
    once = []
    for order in orders:
        point = start
        for _ in range(epochs):
            point = _epoch(order, point, _H, _G)
        once.append(point)
    found = saddle_escape(_H, _G, _ETA, epochs=epochs, start=start)
    assert found.mean == pytest.approx(np.mean(ends), rel=1e-13)
    assert found.reshuffled == pytest.approx(np.mean(np.square(ends)), rel=1e-13)
    assert found.shuffled_once == pytest.approx(np.mean(np.square(once)), rel=1e-13)
    if epochs == 1:
        free = [_epoch(order, start, _H, _G) for order in product(range(3), repeat=3)]
        assert found.fresh == pytest.approx(np.mean(np.square(free)), rel=1e-13)
        assert found.fresh_mean == pytest.approx(np.mean(free), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("epochs", [1, 4, 20])
def test_without_fluctuating_curvature_the_ratio_is_that_of_the_catalogue(epochs: int) -> None:
    g = np.array([1.0, -2.0, 0.5, 0.5, 0.0])
    found = saddle_escape(np.full(5, -0.4), g, _ETA, epochs=epochs)
    ratio = formula_by_slug("saddle-escape-ratio").evaluate(
        learning_rate=_ETA, negative_curvature=0.4, steps_per_epoch=5
    )
    assert found.ratio == pytest.approx(ratio, rel=1e-12)
    assert found.shuffled_once_ratio >= found.ratio * (1 - 1e-12)
    growth = (1 + 0.4 * _ETA) ** 5
    steady = (growth**epochs - 1) * (growth + 1) / ((growth - 1) * (growth**epochs + 1))
    assert found.shuffled_once_ratio == pytest.approx(ratio * steady, rel=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_the_mean_square_leaves_more_slowly_without_replacement(seed: int) -> None:
    """From the saddle itself: the drift, squared, does not make up for the noise and the growth lost."""
    rng = np.random.default_rng(seed)
    h, g = rng.normal(-0.3, 1.0, size=6), rng.normal(size=6)
    g = g - g.mean() + 2 * (h - h.mean())
    for epochs in (1, 5, 25):
        found = saddle_escape(h, g, 0.2, epochs=epochs)
        assert found.ratio < 1
        assert found.fresh_mean == 0
        assert found.mean != 0


def test_errors() -> None:
    with pytest.raises(TheoryError, match="add up to 3, not 0"):
        saddle_escape([-1.0, 1.0], [1.0, 2.0], 0.1, epochs=1)
    with pytest.raises(TheoryError, match="at least 2 batches; got 1"):
        saddle_escape([-1.0], [0.0], 0.1, epochs=1)
    with pytest.raises(TheoryError, match="epochs must be at least 1"):
        saddle_escape([-1.0, 0.5], [1.0, -1.0], 0.1, epochs=0)


def test_a_ratio_to_nothing_is_refused() -> None:
    found = saddle_escape([-1.0, 0.5], [0.0, 0.0], 0.1, epochs=3)
    for name in ("ratio", "shuffled_once_ratio"):
        with pytest.raises(TheoryError, match=r"under fresh batches is 0, .* a start that is not 0"):
            getattr(found, name)
    assert saddle_escape([-1.0, 0.5], [0.0, 0.0], 0.1, epochs=3, start=1.0).ratio < 1
    with pytest.raises(TheoryError, match="start = nan must be finite"):
        saddle_escape([-1.0, 0.5], [1.0, -1.0], 0.1, epochs=3, start=float("nan"))
    endless = saddle_escape([-1.0, -2.0], [1.0, -1.0], 0.5, epochs=2000)
    with pytest.raises(TheoryError, match="leave the range of doubles: take fewer epochs"):
        _ = endless.ratio
