"""Shuffle-once orbits by enumeration, and the mean-square limit against independent steps."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from theory.errors import TheoryError, UnstableError
from theory.multiplicative import SampleQuadratics
from theory.optimizers import heavy_ball, sgd
from theory.sampling import reshuffled, shuffled_once
from validation.epoch_map import averaged_epoch_map
from validation.epoch_map.limit import mean_square_limit_of_epochs


def _quadratics(samples: int, dimension: int = 2) -> SampleQuadratics:
    rng = np.random.default_rng([samples, dimension])
    x = rng.normal(size=(samples, dimension))
    return SampleQuadratics.from_hessians(
        np.einsum("ni,nj->nij", x, x), rng.normal(size=(samples, dimension))
    )


@pytest.mark.parametrize(("samples", "batch"), [(4, 2), (5, 2)])
def test_orbits_of_all_permutations(samples: int, batch: int) -> None:
    """Against the plain iteration of every permutation until it repeats."""
    q, values = _quadratics(samples), {"learning_rate": 0.2, "momentum": 0.5}
    scheme = shuffled_once(unequal_batches=True)
    sizes = scheme.batch_sizes(samples, batch)
    every = np.array(list(itertools.permutations(range(samples))))
    law = averaged_epoch_map(
        q, heavy_ball(), scheme, batch_size=batch, hyperparameters=values, seed=0, indices=every
    )
    hess = np.einsum("nqi,nqj->nij", q.factors, q.factors)
    moments, mean = np.zeros((2, 2, 2)), np.zeros(2)
    for order in every:
        w, v = np.zeros(2), np.zeros(2)
        edges = np.cumsum((0, *sizes))
        batches = [order[a:b] for a, b in itertools.pairwise(edges)]
        for epoch in range(400):
            for rows in batches:
                g = hess[rows].mean(axis=0) @ w + q.gradients[rows].mean(axis=0)
                v = 0.5 * v - 0.2 * g
                w = w + v
                if epoch == 399:
                    moments += np.stack([np.outer(w, w), np.outer(v, v)])
                    mean += w
    count = len(every) * len(sizes)
    np.testing.assert_allclose(law.second_moment, moments[0] / count, rtol=1e-9)
    np.testing.assert_allclose(law.velocity, moments[1] / count, rtol=1e-9)
    np.testing.assert_allclose(law.mean, mean / count, rtol=1e-8, atol=1e-12)
    assert law.spectral_radius < 1


@pytest.mark.parametrize("scheme", [reshuffled(), shuffled_once()], ids=lambda s: s.name)
def test_one_permutation_gives_no_standard_error(scheme: Any) -> None:
    q = _quadratics(6)
    given: dict[str, Any] = {"batch_size": 2, "hyperparameters": {"learning_rate": 0.1}, "seed": 0}
    rows = np.array([[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4], [2, 0, 4, 1, 5, 3]])
    with pytest.raises(TheoryError, match=r"hold 1 permutations, but the standard error needs at least 2"):
        averaged_epoch_map(q, sgd(), scheme, indices=rows[:1], control=False, **given)
    law = averaged_epoch_map(q, sgd(), scheme, indices=rows[:2], control=False, **given)
    assert (law.standard_error > 0).all()
    np.testing.assert_allclose(
        law.variance, law.second_moment.diagonal() - law.mean**2, rtol=1e-10, err_msg="the same, exactly"
    )


def test_a_variance_that_is_not_positive_is_never_exact() -> None:
    """Zero error is for the direction that does not move; what sampling lost has infinite error."""
    x = np.random.default_rng(3).normal(size=(8, 3)) * np.array([1.0, 1.0, 0.0])
    q = SampleQuadratics.from_hessians(np.einsum("ni,nj->nij", x, x), x[:, ::-1] * [0, 1, 0] + x)
    law = averaged_epoch_map(
        q, sgd(), shuffled_once(), batch_size=2, hyperparameters={"learning_rate": 0.05}, seed=0,
        permutations=20,
    )
    moving = law.variance > 0
    assert moving.tolist() == [True, True, False]
    assert law.relative_standard_error[2] == 0
    assert ((law.relative_standard_error[:2] > 0) & (law.relative_standard_error[:2] < 1)).all()
    for lost in (0.0, -1e-3):
        worse = replace(law, variance=np.where([True, False, False], law.variance, [0.0, lost, 0.0]))
        assert worse.relative_standard_error[1] == np.inf
        assert worse.relative_standard_error[2] == 0
        assert worse.covariance[1, 1] == lost


def test_a_permutation_that_diverges_is_counted() -> None:
    q = SampleQuadratics.from_hessians(
        np.array([[[8.0]], [[0.01]], [[0.01]], [[0.01]]]), np.array([[1.0], [-1.0], [1.0], [0.5]])
    )
    with pytest.raises(UnstableError, match=r"\d+ of 50 permutations make a run diverge"):
        averaged_epoch_map(
            q, sgd(), shuffled_once(), batch_size=1, hyperparameters={"learning_rate": 0.9}, seed=0,
            permutations=50,
        )


def test_the_limit_in_one_dimension_is_that_of_the_product() -> None:
    """One direction without momentum: the radius is the product of (1 - eta h_n)² at batch size one.

    It is below one far beyond 2 over the mean curvature, where independent steps have no law.
    """
    h = np.array([3.0, 0.5, 0.2, 0.3])
    q = SampleQuadratics.from_hessians(h[:, None, None], np.array([[1.0], [-1.0], [1.0], [0.5]]))
    found = mean_square_limit_of_epochs(
        q, sgd(), reshuffled(), batch_size=1, hyperparameters={}, seed=0, permutations=20,
        tolerance=1e-8,
    )
    assert np.prod(1 - found.learning_rate * h) ** 2 == pytest.approx(1, abs=1e-6)
    assert found.learning_rate > 2 * 2 / q.curvatures[0]
    assert found.standard_error < 1e-9 * found.learning_rate


def test_the_limit_separates_law_from_none() -> None:
    """The same permutations have a law just below the limit and none just above it.

    The search ends with the limit in the middle of a bracket, (low + high) / 2 with
    high <= (1 + tolerance) low: so (1 - tolerance) times the limit is below low, and (1 + tolerance)
    times it above high.
    """
    q, tolerance = _quadratics(20, 3), 1e-4
    given: dict[str, Any] = {"batch_size": 4, "seed": 1}
    found = mean_square_limit_of_epochs(
        q, heavy_ball(), reshuffled(), hyperparameters={"momentum": 0.5}, permutations=300,
        tolerance=tolerance, **given,
    )
    assert 0 < found.standard_error < 0.1 * found.learning_rate

    def law(rate: float) -> Any:
        return averaged_epoch_map(
            q, heavy_ball(), reshuffled(), hyperparameters={"learning_rate": rate, "momentum": 0.5},
            permutations=300, control=False, **given,
        )

    assert law((1 - tolerance) * found.learning_rate).spectral_radius < 1
    with pytest.raises(UnstableError, match=r"mean square grows by 1\.\d+"):
        law((1 + tolerance) * found.learning_rate)
    with pytest.raises(TheoryError, match=r"'shuffled-once' does not reshuffle"):
        mean_square_limit_of_epochs(q, heavy_ball(), shuffled_once(), hyperparameters={}, **given)


@pytest.mark.montecarlo
def test_the_standard_error_of_the_limit_is_right() -> None:
    """Squares of z over 60 seeds add up to chi-square of 59; outside of its middle part by chance once in
    1e6. Standard errors wrong by a factor of 2.1 would be caught with 99 %, too large or too small."""
    found = [
        mean_square_limit_of_epochs(
            _quadratics(20, 3), heavy_ball(), reshuffled(), batch_size=4, seed=seed, permutations=300,
            hyperparameters={"learning_rate": 0.78, "momentum": 0.5},
        )
        for seed in range(60)
    ]
    limits, errors = np.array([f.learning_rate for f in found]), np.array([f.standard_error for f in found])
    total = float((((limits - limits.mean()) / errors) ** 2).sum())
    low, high = float(chi2.ppf(5e-7, 59)), float(chi2.isf(5e-7, 59))
    assert low < total < high
    for factor in (2.1**2, 2.1**-2):
        assert chi2.cdf(high * factor, 59) - chi2.cdf(low * factor, 59) < 0.01, "no resolution"
