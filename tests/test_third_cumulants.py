"""Third cumulants of the batches of one pass, against the average over all ways to draw them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from theory.multiplicative import SampleQuadratics
from theory.multiplicative.closure import Closure
from theory.multiplicative.closure.moments import EpochMoments
from theory.multiplicative.quadratics import FloatArray
from theory.optimizers import rule_by_name

#: relative to the largest entry: sums of a few hundred products in double precision
DIGITS = 1e-11


def one_factor(samples: int, d: int, seed: int) -> SampleQuadratics:
    """Hessians of rank one, of the first sample a negative one."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, d))
    x[0] *= 0.3
    signs = np.where(np.arange(samples) == 0, -1.0, 1.0)
    hessians = signs[:, None, None] * x[:, :, None] * x[:, None, :]
    return SampleQuadratics.from_hessians(hessians, rng.normal(size=(samples, d)))


def full_rank(samples: int, seed: int) -> SampleQuadratics:
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(samples, 2, 2))
    hessians = 0.2 * (h + h.swapaxes(1, 2)) + np.diag([1.5, 0.4])
    return SampleQuadratics.from_hessians(hessians, rng.normal(size=(samples, 2)))


CASES: tuple[tuple[str, SampleQuadratics, tuple[int, ...]], ...] = (
    ("heavy-ball", full_rank(5, 4), (2, 1, 1)), ("nesterov", one_factor(6, 2, 1), (2, 3, 1)),
    ("heavy-ball", one_factor(6, 2, 3), (1, 2, 2)), ("heavy-ball", one_factor(5, 1, 2), (1,) * 4),
    ("nesterov", full_rank(4, 6), (1,) * 4), ("sgd", one_factor(5, 3, 8), (2, 2)),
)
VALUES = {
    "sgd": {"learning_rate": 0.3}, "heavy-ball": {"learning_rate": 0.3, "momentum": 0.6},
    "nesterov": {"learning_rate": 0.2, "momentum": 0.7},
}


@dataclass(frozen=True)
class Setting:
    """Tables of a pass, second moments of points drawn at random, and every draw of its batches."""

    closure: Closure
    covariance: FloatArray
    path: FloatArray

    @property
    def moments(self) -> FloatArray:
        """About the minimum."""
        return np.asarray(self.covariance + self.path[:, None, :, None] * self.path[None, :, None, :])

    @property
    def apart(self) -> FloatArray:
        """Fluctuations of the samples' Hessians. Shape (N, d, d)."""
        problem = self.closure.problem
        f = problem.factors
        return np.asarray(
            np.einsum("nqi,nq,nqj->nij", f, problem.signs, f) - np.diag(problem.curvatures)
        )

    def packed(self, moments: FloatArray) -> EpochMoments:
        times = self.closure.thirds.times
        return EpochMoments(times, times.pack(moments))

    def draws(self) -> list[list[list[int]]]:
        ends = list(itertools.pairwise(np.cumsum((0, *self.closure.sizes)).astype(int)))
        orders = itertools.permutations(range(self.closure.problem.samples))
        return [[list(order[a:b]) for a, b in ends] for order in orders]


def setting(rule: str, problem: SampleQuadratics, sizes: tuple[int, ...]) -> Setting:
    closure = Closure(problem, rule_by_name(rule).numeric(VALUES[rule]), sizes)
    d, m = problem.dimension, len(sizes)
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(d * m, d * m + 1))
    covariance = (roots @ roots.T).reshape(d, m, d, m).transpose(0, 2, 1, 3)
    return Setting(closure=closure, covariance=covariance, path=rng.normal(size=(d, m)))


def assert_close(found: FloatArray, truth: FloatArray) -> None:
    assert np.abs(truth).max() > 0
    assert np.abs(found - truth).max() <= DIGITS * np.abs(truth).max()


def with_transpose(table: FloatArray) -> FloatArray:
    """Directions and times exchanged."""
    return np.asarray(table + table.transpose(1, 0, 3, 2))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2]}")
def test_points_that_fluctuating_hessians_meet(case: tuple[str, SampleQuadratics, tuple[int, ...]]) -> None:
    r""":math:`E[\Delta H_i\,\Gamma_{ij}\,\Delta H_j\Psi_{l-1-j}\Delta H_l]`, j < l, and the covariance."""
    given = setting(*case)
    thirds, problem = given.closure.thirds, given.closure.problem
    psi, moments, apart = given.closure.responses.point_response, given.moments, given.apart
    d, m = given.path.shape
    truth, draws = np.zeros((d, d, m, m)), given.draws()
    for batches in draws:
        kicks = [apart[batch].mean(axis=0) for batch in batches]
        for i, l in itertools.product(range(m), range(m)):
            for j in range(l):
                later = psi[l - 1 - j, :, None] * kicks[l]
                truth[:, :, i, l] += kicks[i] @ moments[:, :, i, j] @ kicks[j] @ later
    drifted = thirds.drifted(given.packed(given.covariance))
    covariance, third = thirds.from_points(given.packed(moments), given.path, drifted)
    assert_close(np.stack(list(third)), with_transpose(truth / len(draws)))
    expected = np.einsum("nab,bcij,ncd->adij", apart, moments, apart) / problem.samples
    assert_close(np.stack(list(covariance)), expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2]}")
def test_noise_of_the_minimum_that_fluctuating_hessians_meet(
    case: tuple[str, SampleQuadratics, tuple[int, ...]]
) -> None:
    r""":math:`E[\xi_i(\Delta H_l\Psi_{l-1-j}\xi_j)^\top]`, j < l."""
    given = setting(*case)
    gradients, apart = given.closure.problem.gradients, given.apart
    psi, (d, m) = given.closure.responses.point_response, given.path.shape
    truth, draws = np.zeros((d, d, m, m)), given.draws()
    for batches in draws:
        kicks = [apart[batch].mean(axis=0) for batch in batches]
        noise = [gradients[batch].mean(axis=0) for batch in batches]
        for i, l in itertools.product(range(m), range(m)):
            for j in range(l):
                truth[:, :, i, l] += np.outer(noise[i], kicks[l] @ (psi[l - 1 - j] * noise[j]))
    assert_close(np.stack(list(given.closure.thirds.gradients)), with_transpose(truth / len(draws)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2]}")
def test_what_a_pass_remembers_of_its_points(case: tuple[str, SampleQuadratics, tuple[int, ...]]) -> None:
    r""":math:`E[\Delta H_l\Psi_{l-1-j}\Delta H_j]` of two batches, over what N - 1 makes of no replacement.

    For j < l that is :math:`-\frac1{N-1}\overline{\Delta H\,\Psi\,\Delta H}` whatever their sizes.
    """
    given = setting(*case)
    thirds, apart = given.closure.thirds, given.apart
    psi, (d, m) = given.closure.responses.point_response, given.path.shape
    pairs, draws = np.zeros((m, m, d, d)), given.draws()  # by l and j
    for batches in draws:
        kicks = [apart[batch].mean(axis=0) for batch in batches]
        for l in range(m):
            for j in range(l):
                pairs[l, j] += kicks[l] @ (psi[l - 1 - j, :, None] * kicks[j])
    pairs *= -(given.closure.problem.samples - 1) / len(draws)
    moments = given.covariance  # cov(X_t, y_j), which is that of the points here
    truth = np.einsum("abtj,ljcb->actl", moments, pairs)
    assert_close(thirds.drifted(moments), truth)
    assert_close(thirds.drifted(given.packed(moments)), truth)
    for i in range(d):
        assert np.abs(thirds.drifted_own(i, moments[i]) - truth[i, i]).max() <= DIGITS * np.abs(truth).max()
    assert_close(thirds.drifted_mean(given.path), np.einsum("ljcb,bj->cl", pairs, given.path))
