"""One epoch without replacement: every order, every coefficient, against all permutations in rationals."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
from every_order import coefficient, epoch_maps
from flint import fmpq

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from theory.one_epoch.drift import descent_path, drift_terms, expected_drift
from theory.one_epoch.epoch import Epoch, batch_quadratics
from theory.one_epoch.expected_map import expected_map
from theory.one_epoch.regularizer import regularizer, regularizer_weights
from theory.one_epoch.second_moment import EpochEnd, covariance_terms, end_of_epoch
from theory.one_epoch.stationary_point import quadratics_at_stationary_point
from theory.optimizers import heavy_ball, nesterov, sgd
from theory.sampling import dropped_batch, fresh_batches, kept_batch

_ETA, _BETA = fmpq(1, 3), fmpq(2, 5)
_ONE, _ZERO = fmpq(1), fmpq(0)
RULES = {
    "sgd": ([[_ONE]], [-_ETA], [_ONE]),
    "heavy-ball": ([[_ONE, _BETA], [_ZERO, _BETA]], [-_ETA, -_ETA], [_ONE, _ZERO]),
    "nesterov": ([[_ONE, _BETA], [_ZERO, _BETA]], [-_ETA, -_ETA], [_ONE, _BETA]),
}
#: samples permuted: whole, dropped and kept last batch; four fixed batches permuted
PASSES = ((6, (2, 2, 2)), (5, (2, 2)), (5, (2, 2, 1)), (4, (1, 1, 1, 1)))


@dataclass(frozen=True)
class Rational:
    """Fluctuations in exact numbers, as the algorithms take them."""

    hessians: Any
    gradients: Any

    def times(self, vectors: Any) -> Any:
        return np.einsum("nij,nj->ni", self.hessians, vectors)


def _draw(rng: random.Random, *shape: int) -> Any:
    values = [fmpq(rng.randint(-7, 7), rng.randint(2, 7)) for _ in range(int(np.prod(shape)))]
    return np.array(values, dtype=object).reshape(shape)


@dataclass(frozen=True)
class Case:
    permuted: Rational
    mean: Any
    rule: tuple[Any, Any, Any]
    transition: Any
    start: Any
    maps: list[tuple[Any, Any]]
    sizes: tuple[int, ...]


def _case(name: str, samples: int, sizes: tuple[int, ...], d: int = 2) -> Case:
    rng = random.Random(f"{name}/{samples}/{sizes}")
    hessians, gradients = _draw(rng, samples, d, d), _draw(rng, samples, d)
    hessians = hessians + hessians.swapaxes(1, 2)
    hessians = hessians - hessians.sum(axis=0) * fmpq(1, samples)
    gradients = gradients - gradients.sum(axis=0) * fmpq(1, samples)
    keep, inject, at = (np.array(part, dtype=object) for part in RULES[name])
    curvatures = _draw(rng, d)
    mean = np.array([[curvatures[i] if i == j else _ZERO for j in range(d)] for i in range(d)], dtype=object)
    transition = np.stack([keep + value * np.outer(inject, at) for value in curvatures])
    rule = (keep, inject, at)
    return Case(
        permuted=Rational(hessians, gradients), mean=mean, rule=rule, transition=transition,
        start=_draw(rng, len(inject), d), sizes=sizes,
        maps=list(epoch_maps(mean, hessians, gradients, rule, sizes)),
    )


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("samples", "sizes"), PASSES)
def test_the_drift_is_right_in_every_order_up_to_the_third(
    name: str, samples: int, sizes: tuple[int, ...]
) -> None:
    case = _case(name, samples, sizes)
    start = case.start.ravel()
    mean = sum(matrix @ start + offset for matrix, offset in case.maps) * fmpq(1, len(case.maps))
    parts = (case.permuted, case.transition, *case.rule[1:], case.start, len(sizes))
    second, third, path = drift_terms(*parts)
    descent = coefficient(mean, 0)
    step = start
    for _ in sizes:
        step = (np.kron(case.rule[0], np.eye(2, dtype=int).astype(object))
                + np.kron(np.outer(*case.rule[1:]), case.mean)) @ step
    assert (descent == step).all(), "order zero is gradient descent"
    assert (coefficient(mean, 1) == 0).all()
    assert (coefficient(mean, 2) == second.ravel()).all()
    assert (coefficient(mean, 3) == third.ravel()).all()
    assert (path[-1] == second).all()
    wrong = drift_terms(case.permuted, case.transition, *case.rule[1:], 2 * case.start, len(sizes))
    assert not (coefficient(mean, 2) == wrong[0].ravel()).all(), "negative control"


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("samples", "sizes"), PASSES)
def test_the_covariance_is_right_to_second_order(name: str, samples: int, sizes: tuple[int, ...]) -> None:
    case = _case(name, samples, sizes)
    start, share = case.start.ravel(), fmpq(1, len(case.maps))
    ends = [matrix @ start + offset for matrix, offset in case.maps]
    mean = sum(ends) * share
    moment = sum(np.outer(end, end) for end in ends) * share
    covariance = moment - np.outer(mean, mean)
    factors = [fmpq(samples, (samples - 1) * size) for size in sizes]
    found = covariance_terms(
        case.permuted, case.transition, *case.rule[1:], case.start, factors, fmpq(1, samples - 1)
    )
    flat = found.reshape(len(start), len(start))
    assert (coefficient(covariance, 0) == 0).all()
    assert (coefficient(covariance, 1) == 0).all()
    assert (coefficient(covariance, 2) == flat).all()


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("samples", "sizes"), PASSES)
def test_the_second_moment_of_the_displacement_is_right_to_second_order(
    name: str, samples: int, sizes: tuple[int, ...]
) -> None:
    case = _case(name, samples, sizes)
    start, share = case.start.ravel(), fmpq(1, len(case.maps))
    moves = [(matrix @ start + offset - start)[:2] for matrix, offset in case.maps]
    moment = sum(np.outer(move, move) for move in moves) * share
    parts = (case.permuted, case.transition, *case.rule[1:], case.start)
    drift = drift_terms(*parts, len(sizes))[0]
    factors = [fmpq(samples, (samples - 1) * size) for size in sizes]
    end = EpochEnd(
        start=case.start, descent=descent_path(case.transition, case.start, len(sizes))[-1], drift=drift,
        covariance=covariance_terms(*parts, factors, fmpq(1, samples - 1)),
    )
    assert (coefficient(moment, 1) == 0).all()
    through_second = coefficient(moment, 0) + coefficient(moment, 2)
    assert (through_second == end.displacement_second_moment).all()
    without_drift = EpochEnd(
        start=end.start, descent=end.descent, drift=0 * drift, covariance=end.covariance
    )
    assert not (through_second == without_drift.displacement_second_moment).all(), "negative control"


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("samples", "sizes"), PASSES)
def test_every_block_of_the_mean_map_is_symmetric_at_every_order(
    name: str, samples: int, sizes: tuple[int, ...]
) -> None:
    case = _case(name, samples, sizes)
    mean = sum(matrix for matrix, _ in case.maps) * fmpq(1, len(case.maps))
    n = len(case.rule[1])
    blocks = mean.reshape(n, 2, n, 2)
    assert (blocks == blocks.transpose(0, 3, 2, 1)).all()
    one = case.maps[0][0].reshape(n, 2, n, 2)
    assert not (one == one.transpose(0, 3, 2, 1)).all(), "a single order is not symmetric"


def _population(samples: int, d: int) -> SampleQuadratics:
    rng = np.random.default_rng([samples, d])
    rows = rng.normal(size=(samples, d)) * np.geomspace(1, 0.1, d)
    return SampleQuadratics.from_hessians(
        rows[:, :, None] * rows[:, None, :], rows * rng.normal(size=(samples, 1))
    )


_SETTINGS = (
    (sgd(), {"learning_rate": 0.3}), (heavy_ball(), {"learning_rate": 0.2, "momentum": 0.8}),
    (nesterov(), {"learning_rate": 0.2, "momentum": 0.8}),
)


@pytest.mark.parametrize(("rule", "values"), _SETTINGS, ids=lambda x: getattr(x, "name", ""))
@pytest.mark.parametrize(("samples", "d", "size"), [(12, 3, 2), (40, 3, 2), (40, 8, 8)])
def test_the_map_in_closed_form_agrees_with_the_trajectories(
    rule: Any, values: Any, samples: int, d: int, size: int
) -> None:
    epoch = Epoch.of_samples(_population(samples, d), rule, values, batch_size=size)
    start = np.random.default_rng(1).normal(size=(rule.state_size, d))
    drift, whole = expected_drift(epoch, start), expected_map(epoch)
    assert np.abs(whole.drift(start) - drift.second).max() < 1e-13 * np.abs(drift.second).max()
    end = end_of_epoch(epoch, start)
    np.testing.assert_allclose(whole.after(start), end.descent + end.drift, rtol=1e-12)
    found = regularizer(epoch)
    at = start[0]
    np.testing.assert_allclose(
        -found.gradient(at), expected_drift(epoch, at).second[0], rtol=1e-11, atol=0
    )
    shift = 1e-4 * np.eye(d)
    slope = [(found.value(at + e) - found.value(at - e)) / 2e-4 for e in shift]
    np.testing.assert_allclose(slope, found.gradient(at), rtol=1e-6, atol=1e-9 * abs(found.value(at)))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scale", [0.5, 0.25, 0.125])
def test_the_size_of_what_is_left_out_covers_it(seed: int, scale: float) -> None:
    """Fluctuations down from half those of a regression: the mean over all orders within the estimate."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(5, 2))
    whole = SampleQuadratics.from_hessians(
        rows[:, :, None] * rows[:, None, :], rows * rng.normal(size=(5, 1))
    )
    hessians = np.einsum("nqi,nq,nqj->nij", whole.factors, whole.signs, whole.factors)
    mean = np.diag(whole.curvatures)
    small = SampleQuadratics.from_hessians(mean + scale * (hessians - mean), scale * whole.gradients)
    rate = {"learning_rate": 0.5 / float(whole.curvatures[0])}
    epoch = Epoch.of_samples(small, sgd(), rate, batch_size=1)
    drift, exact = expected_drift(epoch), _enumerated(epoch)
    assert (np.abs(exact - drift.second[0]) < drift.neglected[0]).all()


def _enumerated(epoch: Epoch) -> Any:
    q, rule = epoch.quadratics, epoch.rule
    hessians = np.einsum("nqi,nq,nqj->nij", q.factors, q.signs, q.factors) - np.diag(q.curvatures)
    parts: list[Any] = [
        np.array([fmpq(*float(v).as_integer_ratio()) for v in np.ravel(a)], dtype=object).reshape(a.shape)
        for a in (np.diag(q.curvatures), hessians, q.gradients, rule.keep, rule.inject, rule.evaluate_at)
    ]
    maps = list(epoch_maps(parts[0], parts[1], parts[2], (parts[3], parts[4], parts[5]), epoch.batch_sizes))
    total = sum(offset for _, offset in maps)
    return np.array([_number(p) for p in total]) / len(maps)


def _number(polynomial: Any) -> float:
    value = polynomial(fmpq(1))
    return int(value.p) / int(value.q)


def test_flat_directions_have_the_regularizer_of_smith2021() -> None:
    """eta m H -> 0: minus eta² / 4 times the gradient of the summed squares of the batch fluctuations."""
    q = _population(12, 3)
    rate = 1e-7
    batches = [tuple(range(k, k + 3)) for k in range(0, 12, 3)]
    epoch = Epoch.of_batches(q, sgd(), {"learning_rate": rate}, batches=batches)
    fixed = epoch.quadratics
    at = np.array([0.3, -1.0, 2.0])
    gradients = epoch.fluctuations.times(np.tile(at, (4, 1))) + fixed.gradients
    smith = -(rate**2) / 2 * epoch.fluctuations.times(gradients).sum(axis=0)
    np.testing.assert_allclose(expected_drift(epoch, at).second[0], smith, rtol=1e-5)
    assert not np.allclose(expected_drift(epoch, at).second[0], 1.01 * smith, rtol=1e-5, atol=0)


def test_the_two_weights_per_direction() -> None:
    """s and w of the docstring, for plain SGD; with limits m (m - 1) / 2 and floor(m / 2) (-1)^m."""
    curvatures = np.array([1.3, 0.4, 1e-9, -0.2])
    q = SampleQuadratics(
        factors=np.sqrt(np.abs(curvatures)) * np.ones((5, 1, 1)) * np.eye(4)[None],
        signs=np.tile(np.sign(curvatures), (5, 1)), gradients=np.zeros((5, 4)), curvatures=curvatures,
        directions=np.eye(4), minimum=np.zeros(4),
    )
    epoch = Epoch.of_samples(q, sgd(), {"learning_rate": 0.5}, batch_size=1)
    slope, curved = regularizer_weights(epoch)
    p, m = 1 - 0.5 * curvatures, 5
    s = sum(p ** (m - 1 - i) * sum(p**j for j in range(i)) for i in range(1, m))
    np.testing.assert_allclose(slope, 0.25 * s, rtol=1e-14)
    np.testing.assert_allclose(curved, 0.25 * m * (m - 1) / 2 * p ** (m - 2), rtol=1e-14)
    assert slope[2] == pytest.approx(0.25 * m * (m - 1) / 2, rel=1e-8)


def test_without_an_epoch_there_is_no_drift_and_the_spread_is_the_white_one() -> None:
    epoch = Epoch.of_samples(_population(12, 3), sgd(), {"learning_rate": 0.3}, batch_size=2)
    kinds: tuple[Literal["batch", "sample"], ...] = ("batch", "sample")
    for draws in kinds:
        end = end_of_epoch(epoch, np.ones(3), draws=draws)
        assert not end.drift.any()
        assert (np.diag(end.covariance[0, :, 0, :])
                > np.diag(end_of_epoch(epoch, np.ones(3)).covariance[0, :, 0, :])).all()


def test_incomplete_last_batches() -> None:
    q = _population(11, 2)
    dropped = Epoch.of_samples(q, sgd(), {"learning_rate": 0.1}, batch_size=4, scheme=dropped_batch())
    kept = Epoch.of_samples(q, sgd(), {"learning_rate": 0.1}, batch_size=4, scheme=kept_batch())
    assert (dropped.batch_sizes, kept.batch_sizes) == ((4, 4), (4, 4, 3))


def test_errors_say_what_to_do() -> None:
    q = _population(12, 3)
    rate = {"learning_rate": 0.1}
    with pytest.raises(TheoryError, match="fresh-batches has no epoch without replacement"):
        Epoch.of_samples(q, sgd(), rate, batch_size=2, scheme=fresh_batches())
    with pytest.raises(TheoryError, match="exactly once"):
        batch_quadratics(q, [(0, 1), (1, 2)])
    with pytest.raises(TheoryError, match="all of one size"):
        batch_quadratics(q, [tuple(range(5)), tuple(range(5, 12))])
    with pytest.raises(TheoryError, match="add up to at most 12"):
        Epoch(quadratics=q, batch_sizes=(7, 7), rule=sgd().numeric(rate))
    epoch = Epoch.of_samples(q, sgd(), rate, batch_size=2)
    with pytest.raises(TheoryError, match="start must be finite, of shape"):
        expected_drift(epoch, np.zeros(4))
    with pytest.raises(TheoryError, match="kind of draws"):
        end_of_epoch(epoch, draws="run")  # type: ignore[arg-type]
    one = Epoch(quadratics=q, batch_sizes=(12,), rule=sgd().numeric(rate))
    for wrong in (np.ones((1, 1)), np.ones(2), 1.0, [np.nan]):
        for call in (regularizer, regularizer_weights):
            for passes in (epoch, one):
                with pytest.raises(TheoryError, match=r"at_rest must be finite, of shape \(1,\)"):
                    call(passes, wrong)


def test_a_saddle_has_a_drift_too() -> None:
    rng = np.random.default_rng(5)
    hessians = rng.normal(size=(5, 2, 2))
    hessians = (hessians + hessians.swapaxes(1, 2)) / 10 + np.diag([1.0, -0.5])
    q = quadratics_at_stationary_point(hessians, 0.1 * rng.normal(size=(5, 2)))
    assert q.curvatures[0] > 0 > q.curvatures[1]
    epoch = Epoch.of_samples(q, sgd(), {"learning_rate": 0.4}, batch_size=1)
    drift = expected_drift(epoch)
    assert (np.abs(_enumerated(epoch) - drift.second[0]) < drift.neglected[0]).all()
    assert np.abs(drift.second[0]).max() > 5 * drift.neglected[0].max()
    with pytest.raises(TheoryError, match="the mean Hessian is singular"):
        quadratics_at_stationary_point(np.zeros((3, 2, 2)) + np.diag([1.0, 0.0]), np.zeros((3, 2)))
    with pytest.raises(TheoryError, match="not symmetric"):
        quadratics_at_stationary_point(np.array([[[1.0, 1.0], [0.0, 1.0]]] * 3), np.zeros((3, 2)))
