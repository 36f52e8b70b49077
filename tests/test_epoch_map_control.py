"""The control variate: its known averages by enumeration, and that it changes the error, not the mean."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from theory.optimizers import heavy_ball, nesterov, sgd
from theory.sampling import dropped_batch, kept_batch, reshuffled
from validation.epoch_map import averaged_epoch_map
from validation.epoch_map.average import AveragedMap, maps_of
from validation.epoch_map.control import controlled_maps_of
from validation.epoch_map.law import EpochMapLaw
from validation.epoch_map.system import EpochSystem
from validation.regression import Regression

BALL = {"learning_rate": 0.125, "momentum": 0.5}


def _quadratics(samples: int, *, rank: int = 1, dimension: int = 2) -> SampleQuadratics:
    rng = np.random.default_rng([samples, rank, dimension])
    x = rng.normal(size=(samples, rank, dimension))
    return SampleQuadratics.from_hessians(
        np.einsum("nqi,nqj->nij", x, x), rng.normal(size=(samples, dimension))
    )


@pytest.mark.parametrize(
    ("samples", "batch", "scheme", "rule", "rank"),
    [
        (4, 1, reshuffled(), heavy_ball(), 1),
        (6, 2, reshuffled(), nesterov(), 2),
        (5, 2, kept_batch(), heavy_ball(), 1),
        (5, 2, dropped_batch(), nesterov(), 1),
    ],
)
def test_known_averages_are_those_of_all_permutations(
    samples: int, batch: int, scheme: Any, rule: Any, rank: int
) -> None:
    system = EpochSystem.of(
        _quadratics(samples, rank=rank), rule, scheme, batch_size=batch, hyperparameters=BALL
    )
    used = int(system.sizes.sum())
    every = np.array(list(itertools.permutations(range(samples))), dtype=np.int32)[:, :used]
    average = controlled_maps_of(system, lambda first, few: every[first : first + few], len(every))
    known, k = average.known, average.size
    size = max(np.abs(known.drift).max(), np.abs(average.first.mean_map).max())
    assert np.abs(average.gap).max() < 1e-12 * size
    rng = np.random.default_rng(0)
    second = rng.normal(size=(k, k))
    second, mean = second @ second.T, rng.normal(size=k)
    for ours, enumerated in (
        (known.apply(second), average.first.apply(second)),
        (known.adjoint(second), average.first.adjoint(second)),
        (known.source(mean), average.first.source_at(mean)),
    ):
        np.testing.assert_allclose(ours, enumerated, rtol=1e-10, atol=1e-12 * np.abs(enumerated).max())
    for solve, act in (
        (average.closed.solve, average.closed.apply), (average.closed.solve_adjoint, average.closed.adjoint)
    ):
        found = solve(second)
        np.testing.assert_allclose(found - act(found), second, rtol=0, atol=1e-4 * np.abs(found).max())
    root = np.linalg.cholesky(second - np.outer(mean, mean) + 10 * k * np.eye(k))
    second = root @ root.T + np.outer(mean, mean)
    columns = average.scales[:, None] * np.column_stack([root, mean])
    start = np.ascontiguousarray(columns.reshape(1, system.entries, -1, k + 1))
    out = system.propagate(every, start, path=known.path(start))
    inside = known.positions(second, mean, start).sum(axis=0)
    np.testing.assert_allclose(out["squares"][:, 2].mean(axis=0), inside, rtol=1e-10)
    wrong = controlled_maps_of(system, lambda first, few: every[first : first + few], 3)
    assert np.abs(wrong.gap).max() > 1e-3 * size, "three permutations must not give the average"


def test_krylov_and_dense_solutions_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    system = EpochSystem.of(
        _quadratics(30, dimension=4), heavy_ball(), reshuffled(), batch_size=5, hyperparameters=BALL
    )
    found = []
    for limit in (32, 0):
        monkeypatch.setattr(AveragedMap, "dense_limit", limit)
        for form in (maps_of, controlled_maps_of):
            average = form(system, lambda first, few: system.indices(1, first, few), 300)
            found.append((average.solve(average.source, tolerance=1e-11), average.spectral_radius))
    for plain, krylov in ((found[0], found[2]), (found[1], found[3])):
        np.testing.assert_allclose(plain[0], krylov[0], rtol=1e-7, atol=1e-9 * np.abs(plain[0]).max())
        assert plain[1] == pytest.approx(krylov[1], rel=1e-3)


@pytest.mark.montecarlo
def test_the_control_variate_is_unbiased_and_its_error_is_right() -> None:
    """80 seeds, 3 directions. z against many plain permutations: |mean z| < 0.45 and spread within
    0.75..1.3 (both beyond 5 sigma of chance); the same z must fail for a reference 1 % off."""
    q = _quadratics(24, dimension=3)
    given: dict[str, Any] = {
        "batch_size": 4, "hyperparameters": {"learning_rate": 0.03, "momentum": 0.5},
    }
    truth = averaged_epoch_map(
        q, heavy_ball(), reshuffled(), seed=999, permutations=60_000, control=False, **given
    )
    laws = [
        averaged_epoch_map(q, heavy_ball(), reshuffled(), seed=seed, permutations=500, **given)
        for seed in range(80)
    ]
    exact = np.diag(truth.covariance)
    error = np.hypot([law.standard_error for law in laws], truth.standard_error)
    found = np.array([np.diag(law.covariance) for law in laws])
    z = (found - exact) / error
    own = (found - found.mean(axis=0)) / np.array([law.standard_error for law in laws])
    limit = 5 * np.hypot(1 / np.sqrt(80), truth.standard_error / error.min(axis=0))
    assert (np.abs(z.mean(axis=0)) < limit).all()
    assert 0.75 < own.std() < 1.3
    assert min(law.variance_reduction.min() for law in laws) > 3
    off = (found.mean(axis=0) - 1.03 * exact) / error.mean(axis=0)
    assert (np.abs(off) > limit).any(), "no resolution"


def test_a_control_variate_that_makes_no_covariance_is_left_out_and_that_is_said() -> None:
    def law(permutations: int, *, control: bool) -> EpochMapLaw:
        return averaged_epoch_map(
            _quadratics(24, dimension=3), heavy_ball(), reshuffled(), batch_size=4, seed=11,
            permutations=permutations, control=control,
            hyperparameters={"learning_rate": 0.25, "momentum": 0.5},
        )

    few, plain = law(4, control=True), law(4, control=False)
    assert not few.control
    np.testing.assert_array_equal(few.variance, plain.variance)
    assert law(200, control=True).control
    assert not law(200, control=False).control


@pytest.mark.montecarlo
def test_sampling_stops_at_the_request() -> None:
    q = _quadratics(24, dimension=3)
    calls: list[tuple[int, int]] = []
    law = averaged_epoch_map(
        q, heavy_ball(), kept_batch(), seed=1, standard_error=0.002, batch_size=5,
        hyperparameters={"learning_rate": 0.05, "momentum": 0.5},
        progress=lambda done, total: calls.append((done, total)),
    )
    assert law.relative_standard_error.max() < 0.0025
    assert calls[-1] == (2 * law.permutations, 2 * law.permutations)
    calls.clear()
    few = averaged_epoch_map(
        q, heavy_ball(), kept_batch(), seed=1, standard_error=0.0002, batch_size=5,
        hyperparameters={"learning_rate": 0.05, "momentum": 0.5}, max_permutations=600,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert few.permutations == 600
    assert sum(total for done, total in calls if done == total) == 2 * 600, "enlargements included"
    assert few.relative_standard_error.max() > 0.0002, "the result says what was reached"


def test_progress_can_interrupt() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        averaged_epoch_map(
            _quadratics(12), heavy_ball(), reshuffled(), batch_size=3, hyperparameters=BALL, seed=0,
            permutations=100, progress=stop,
        )
    with pytest.raises(TheoryError, match=r"unknown hyperparameter of 'heavy-ball' 'weight_decay'"):
        averaged_epoch_map(
            _quadratics(12), heavy_ball(), reshuffled(), batch_size=3, seed=0,
            hyperparameters={**BALL, "weight_decay": 0.1},
        )


@pytest.mark.montecarlo
@pytest.mark.parametrize("control", [True, False])
def test_the_standard_error_is_right_where_the_mean_is_many_standard_deviations(control: bool) -> None:
    """Flat direction, mean at -64 deviations: influences rest on few permutations, nothing may cancel.

    Squares of z over the seeds add up to chi-square, per direction; false alarms once in 1e6 together.
    """
    rng = np.random.default_rng([7, 2])
    x = rng.normal(size=(40, 3)) * [1, 0.2, 0.03]
    problem = Regression(features=x, targets=x.sum(axis=1) + rng.normal(size=40)).quadratics
    laws = [
        averaged_epoch_map(
            problem, sgd(), reshuffled(), batch_size=5,
            hyperparameters={"learning_rate": 0.03 / float(problem.curvatures[0])}, permutations=8000,
            seed=seed, control=control,
        )
        for seed in range(40)
    ]
    assert abs(laws[0].mean[2]) > 30 * np.sqrt(laws[0].variance[2])
    for values, errors in (
        (np.array([law.variance for law in laws]), np.array([law.standard_error for law in laws])),
        (np.array([law.mean for law in laws]), np.array([law.mean_standard_error for law in laws])),
    ):
        total = (((values - values.mean(axis=0)) / errors) ** 2).sum(axis=0)
        assert (total > chi2.ppf(1e-6 / 12, 39)).all()
        assert (total < chi2.isf(1e-6 / 12, 39)).all()
