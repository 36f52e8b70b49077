"""Block averages of a recorded run against plain loops, and the noise of real index sequences."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from theory.optimizers import heavy_ball
from theory.sampling import dropped_batch, kept_batch, reshuffled, with_replacement
from validation.blocks import average_blocks, batch_noise
from validation.compare import compare
from validation.trajectory import trajectory

SAMPLES, BATCH = 23, 5


def _problem(samples: int = SAMPLES) -> tuple[SampleQuadratics, Any, Any]:
    rng = np.random.default_rng(1)
    f = rng.standard_normal((samples, 2, 3))
    h, g = np.einsum("nqi,nqj->nij", f, f), rng.standard_normal((samples, 3))
    return SampleQuadratics.from_hessians(h, g), h, g


def test_averages_equal_plain_loops() -> None:
    problem, h, g = _problem()
    scheme, epochs = kept_batch(), 20
    sizes = scheme.batch_sizes(SAMPLES, BATCH)
    order = scheme.draw(SAMPLES, BATCH, epochs, np.random.default_rng(2)).astype(np.int32)
    path = trajectory(problem, heavy_ball(), order, batch_sizes=sizes,
                      hyperparameters={"learning_rate": 0.05, "momentum": 0.5})
    blocks = average_blocks(problem, path, order, sizes, burn_in=3, block=2, gap=2, lags=(0, 1, 7))
    points = np.vstack([problem.minimum, path])
    noise, delta = [], []
    batches = [batch for row in order for batch in np.split(row, np.cumsum(sizes)[:-1])]
    for k, batch in enumerate(batches):
        theta = points[k]
        slope = (h[batch] @ theta + g[batch]).mean(axis=0) - (h @ theta + g).mean(axis=0)
        noise.append(slope @ problem.directions)
        delta.append((path[k] - problem.minimum) @ problem.directions)
    xi, d = np.array(noise), np.array(delta)
    assert blocks.weights.shape == (4, 3)
    for b in range(4):
        steps = np.arange((3 + 4 * b + 2) * 5, (3 + 4 * b + 4) * 5)
        np.testing.assert_allclose(blocks.weights[b], (d[steps] ** 2).mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(blocks.means[b], d[steps].mean(axis=0), rtol=1e-10)
        for t, lag in enumerate((0, 1, 7)):
            own = (xi[steps] * xi[steps - lag]).mean(axis=0)
            np.testing.assert_allclose(blocks.noise[b, t], own, rtol=1e-9, atol=1e-12 * (xi**2).mean())
            change = ((xi[steps] - xi[steps - lag]) ** 2).mean(axis=0) / 2
            expected = own if lag == 0 else change
            np.testing.assert_allclose(blocks.noise_changes[b, t], expected, rtol=1e-9)
        moved = ((d[steps] + 0.1) ** 2).mean(axis=0)
        np.testing.assert_allclose(blocks.shifted(np.full(3, 0.1))[b], moved, rtol=1e-10)


@pytest.mark.montecarlo
@pytest.mark.parametrize("scheme", [reshuffled(), dropped_batch(), kept_batch()], ids=lambda s: s.name)
def test_noise_at_the_minimum_has_the_exact_autocovariance(scheme: Any, request: Any) -> None:
    """Lags 0..M-1, three directions; false alarms 1e-6 over 3 x M x 3 comparisons, 4 % caught.

    Draws with replacement, of the same variance but uncorrelated, are refuted.
    """
    samples = 25 if scheme.last_batch == "forbidden" else SAMPLES
    problem = _problem(samples)[0]
    rng, epochs = np.random.default_rng(zlib.crc32(request.node.name.encode())), 42_000
    sizes = scheme.batch_sizes(samples, BATCH)
    m = len(sizes)
    order = scheme.draw(samples, BATCH, epochs, rng).astype(np.int32)
    path = np.tile(problem.minimum, (epochs * m, 1))
    lags = tuple(range(m))
    blocks = average_blocks(problem, path, order, sizes, burn_in=0, block=20, gap=1, lags=lags, frozen=True)
    exact = np.array(scheme.noise_covariance(m, samples=samples, batch_size=BATCH, epochs=2), dtype=float)
    own = problem.gradient_covariance.diagonal() * samples / (samples - 1)
    c = own * float(scheme.variance_factor(samples, BATCH))
    now = np.arange(m, 2 * m)
    share = [
        (exact[now, now] if h == 0 else (exact[now, now] + exact[now - h, now - h]) / 2 - exact[now, now - h])
        .mean() for h in lags
    ]
    predicted = (np.array(share)[:, None] * c).ravel()
    count = 45
    result = compare(predicted, blocks.noise_changes.reshape(len(blocks.weights), -1), comparisons=count,
                     resolution=0.04)
    assert result.agrees, f"\n{result}"
    assert result.negative_control().verdict == "disagrees"
    white = np.tile(share[0] * c, m)
    assert compare(white, result.samples, comparisons=count, resolution=0.04).verdict == "disagrees"


def test_noise_of_the_whole_data_set_vanishes() -> None:
    problem = _problem()[0]
    order = np.arange(SAMPLES, dtype=np.int32)[None]
    noise = batch_noise(problem, order, (SAMPLES,), np.full((1, 1, 3), 0.7))
    assert np.abs(noise).max() < 1e-13 * np.abs(problem.gradients).max()
    drawn = with_replacement().draw(SAMPLES, BATCH, 1, np.random.default_rng(0)).astype(np.int32)
    assert np.abs(batch_noise(problem, drawn, (BATCH,) * 4, np.zeros((1, 4, 3)))).min() > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"weights": np.zeros((9, 3))}, r"need weights of shape \(50, 3\)"), ({"gap": 0}, "gap >= 1"),
     ({"lags": (5,)}, r"lags in 0\.\.4"), ({"block": 6}, "hold 1 blocks of 1 \\+ 6 epochs")],
)
def test_errors(changes: Any, message: str) -> None:
    good: dict[str, Any] = {
        "weights": np.zeros((50, 3)), "indices": np.zeros((10, 23), dtype=np.int32),
        "batch_sizes": (5, 5, 5, 5, 3), "burn_in": 0, "block": 1, "gap": 1,
    }
    with pytest.raises(TheoryError, match=message):
        average_blocks(_problem()[0], **{**good, **changes})
