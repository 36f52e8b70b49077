"""Independent steps with a fluctuating Hessian: Krylov, dense and all batches enumerated."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from theory.errors import NoStationaryLawError, TheoryError, UnstableError
from theory.matrix_law import covariance
from theory.multiplicative import SampleQuadratics
from theory.multiplicative.independent import stationary_moments
from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.second_moment_map import advance, dense_map
from theory.multiplicative.transient import transient_moments
from theory.optimizers import LinearRule, averaged, heavy_ball, nesterov, pytorch_sgd, sgd
from theory.sampling import SamplingScheme, fresh_batches, reshuffled, with_replacement

RULES: tuple[tuple[LinearRule, dict[str, float]], ...] = (
    (sgd(), {}),
    (heavy_ball(), {"momentum": 0.9}),
    (nesterov(), {"momentum": 0.7}),
    (pytorch_sgd(), {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.02}),
    (averaged(heavy_ball()), {"momentum": 0.5, "averaging_rate": 0.2}),
)
IDS = [rule.name for rule, _ in RULES]
SCHEMES = (fresh_batches(), with_replacement())


def samples(
    n: int, d: int, seed: int = 0, *, spread: float = 30.0, rank: int = 1, decay: float = 0.0,
) -> SampleQuadratics:
    """Gaussian features (or several per sample, one of them bent the wrong way), wild targets."""
    rng = np.random.default_rng([seed, n, d])
    x = rng.standard_normal((n, rank, d)) * np.geomspace(1.0, 1 / spread, d)
    signs = np.ones(rank)
    signs[1:] = -0.1
    h = np.einsum("nri,r,nrj->nij", x, signs, x)
    g = (x * rng.standard_normal((n, rank, 1))).sum(axis=1)
    return SampleQuadratics.from_hessians(h, g, weight_decay=decay)


def make(
    q: SampleQuadratics, rule: LinearRule, values: dict[str, float], rate: float = 0.05,
    scheme: SamplingScheme | None = None, batch_size: int = 2,
) -> IndependentSteps:
    return IndependentSteps(
        quadratics=q, rule=rule, scheme=scheme or fresh_batches(), batch_size=batch_size,
        hyperparameters={"learning_rate": rate, **values},
    )


def batch_maps(p: IndependentSteps) -> tuple[Any, Any]:
    """The affine map of every equally likely batch, on the state (n, d) flattened."""
    q = p.quadratics
    h = np.einsum("nqi,nq,nqj->nij", q.factors, q.signs, q.factors)
    everyone = range(q.samples)
    if p.scheme.lasting == "batch":
        batches: Any = itertools.combinations(everyone, p.batch_size)
    else:
        batches = itertools.product(everyone, repeat=p.batch_size)
    rank_one = np.outer(p.numeric.inject, p.numeric.evaluate_at)
    maps, shifts = [], []
    for batch in batches:
        chosen = list(batch)
        maps.append(
            np.kron(p.numeric.keep, np.eye(q.dimension)) + np.kron(rank_one, h[chosen].mean(axis=0))
        )
        shifts.append(np.kron(p.numeric.inject, q.gradients[chosen].mean(axis=0)))
    return np.array(maps), np.array(shifts)


def flat(blocks: Any) -> Any:
    n, _, d, _ = blocks.shape
    return blocks.transpose(0, 2, 1, 3).reshape(n * d, n * d)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)
@pytest.mark.parametrize(("rule", "values"), RULES, ids=IDS)
def test_one_step_is_the_average_over_all_batches(
    rule: LinearRule, values: dict[str, float], scheme: SamplingScheme
) -> None:
    q = samples(5, 3, rank=2, decay=values.get("weight_decay", 0.0))
    p = make(q, rule, values, scheme=scheme)
    rng = np.random.default_rng(7)
    n, d = p.state_size, 3
    mean = rng.standard_normal((n, d))
    root = rng.standard_normal((n * d, n * d))
    second = root @ root.T + np.outer(mean, mean)
    blocks = second.reshape(n, d, n, d).transpose(0, 2, 1, 3)
    after, mean_after = advance(p, blocks, mean)
    maps, shifts = batch_maps(p)
    moved = maps @ mean.ravel()
    full = np.einsum("kab,bc,kdc->ad", maps, second, maps) / len(maps)
    cross = np.einsum("ka,kb->ab", moved, shifts) / len(maps)
    full += cross + cross.T + shifts.T @ shifts / len(maps)
    np.testing.assert_allclose(flat(after), full, rtol=1e-12, atol=1e-13 * np.abs(full).max())
    np.testing.assert_allclose(mean_after.ravel(), (moved + shifts).mean(axis=0), rtol=1e-11)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)
@pytest.mark.parametrize(("rule", "values"), RULES, ids=IDS)
def test_stationary_law_of_all_batches(
    rule: LinearRule, values: dict[str, float], scheme: SamplingScheme
) -> None:
    q = samples(6, 3, decay=values.get("weight_decay", 0.0))
    p = make(q, rule, values, rate=0.03, scheme=scheme)
    law = stationary_moments(p)
    maps, shifts = batch_maps(p)
    size = maps.shape[1]
    operator = np.einsum("kab,kcd->acbd", maps, maps).reshape(size**2, size**2) / len(maps)
    source = (shifts.T @ shifts / len(maps)).ravel()
    exact = np.linalg.solve(np.eye(size**2) - operator, source).reshape(size, size)
    np.testing.assert_allclose(dense_map(p), operator, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(law.second_moment, exact, rtol=1e-8, atol=1e-9 * np.abs(exact).max())
    drift = maps.mean(axis=0)
    d = q.dimension
    for lag in (1, 5):
        late = (np.linalg.matrix_power(drift, lag) @ exact)[:d, :d]
        np.testing.assert_allclose(law.lagged(lag), late, rtol=1e-7, atol=1e-9 * np.abs(late).max())
    np.testing.assert_array_equal(law.lagged(-5), law.lagged(5).T)
    lagged = (drift @ exact)[:d, :d]
    now = exact[:d, :d]
    np.testing.assert_allclose(
        law.velocities, 2 * now - lagged - lagged.T, rtol=1e-6, atol=1e-8 * np.abs(law.velocities).max()
    )
    np.testing.assert_allclose(
        law.weight_velocity, now - lagged, rtol=1e-6, atol=1e-8 * np.abs(law.velocities).max()
    )
    assert law.residual < 1e-12


@pytest.mark.parametrize(("rule", "values"), RULES, ids=IDS)
def test_transient_of_all_sequences_of_batches(rule: LinearRule, values: dict[str, float]) -> None:
    q = samples(3, 2, decay=values.get("weight_decay", 0.0))
    p = make(q, rule, values, rate=0.2)
    start = np.random.default_rng(3).standard_normal((p.state_size, 2))
    maps, shifts = batch_maps(p)
    states = start.ravel()[None]
    moments = transient_moments(p, (0, 1, 4), mean=start)
    for k in range(5):
        if k in moments.steps:
            place = moments.steps.index(k)
            second = states.T @ states / len(states)
            np.testing.assert_allclose(moments.means[place].ravel(), states.mean(axis=0), rtol=1e-10)
            np.testing.assert_allclose(
                flat(moments.second_moments[place]), second, rtol=1e-10, atol=1e-12
            )
        states = (np.einsum("kab,sb->ska", maps, states) + shifts).reshape(-1, states.shape[1])
    variances = np.einsum("kii->ki", moments.weight_covariances)
    assert (variances[1:] > -1e-15).all()
    np.testing.assert_allclose(variances[0], 0, atol=1e-15)


def test_transient_reaches_the_stationary_law() -> None:
    p = make(samples(40, 4, spread=2), heavy_ball(), {"momentum": 0.5}, rate=0.1)
    law = stationary_moments(p)
    late = transient_moments(p, (3000,), mean=np.ones((2, 4)))
    np.testing.assert_allclose(late.weight_covariances[0], law.weights, rtol=1e-9, atol=1e-14)
    fixed, _ = advance(p, law.blocks, np.zeros((2, 4)))
    np.testing.assert_allclose(fixed, law.blocks, rtol=1e-9, atol=1e-12 * np.abs(law.blocks).max())


@pytest.mark.parametrize(("rule", "values"), RULES[:3], ids=IDS[:3])
def test_sizes_over_many_orders_of_magnitude(rule: LinearRule, values: dict[str, float]) -> None:
    """Units of loss and parameter, and curvatures from 1 to 1e-12 in one problem."""
    q = samples(40, 4, spread=1e6)
    law = stationary_moments(make(q, rule, values, rate=0.03))
    assert (np.diag(law.weights) > 0).all()
    for loss, parameter in ((1e-15, 1.0), (1e15, 1.0), (1.0, 1e-8), (1.0, 1e7)):
        other = replace(
            q, factors=q.factors * np.sqrt(loss) / parameter, gradients=q.gradients * loss / parameter,
            curvatures=q.curvatures * loss / parameter**2,
        )
        scaled = stationary_moments(make(other, rule, values, rate=0.03 * parameter**2 / loss))
        np.testing.assert_allclose(scaled.weights, parameter**2 * law.weights, rtol=1e-9, atol=0)
        np.testing.assert_allclose(
            np.diag(scaled.velocities), parameter**2 * np.diag(law.velocities), rtol=1e-9, atol=0
        )


def test_a_flat_direction_keeps_its_digits() -> None:
    """One direction after the other, against the exact solution in rationals (plain SGD)."""
    from fractions import Fraction

    x = np.array([[1.0], [0.5], [-0.25]]) * 1e-6
    g = np.array([[1.0], [-2.0], [1.0]]) * 1e-6
    q = SampleQuadratics.from_hessians(x[:, :, None] * x[:, None, :], g)
    p = make(q, sgd(), {}, rate=0.5, scheme=with_replacement(), batch_size=1)
    law = stationary_moments(p)
    h = [Fraction(float(v)) ** 2 for v in x[:, 0]]
    eta, n = Fraction(1, 2), 3
    slope = sum(Fraction(float(v)) for v in g[:, 0]) / n
    point = -slope / (sum(h) / n)
    noise = [Fraction(float(v)) + a * point for v, a in zip(g[:, 0], h, strict=True)]
    exact = eta**2 * sum(c * c for c in noise) / n / (1 - sum((1 - eta * a) ** 2 for a in h) / n)
    assert law.weights[0, 0] == pytest.approx(float(exact), rel=1e-9)


def test_without_fluctuating_curvature_it_is_the_additive_law() -> None:
    rng = np.random.default_rng(5)
    root = rng.standard_normal((4, 4))
    h = root @ root.T
    g = rng.standard_normal((12, 4))
    q = SampleQuadratics.from_hessians(np.broadcast_to(h, (12, 4, 4)), g)
    rate = 0.5 / q.curvatures[0]
    p = make(q, heavy_ball(), {"momentum": 0.8}, rate=rate, batch_size=3)
    law = stationary_moments(p)
    noise = (g - g.mean(axis=0)).T @ (g - g.mean(axis=0)) / 11 * (1 / 3 - 1 / 12)
    wanted = covariance(
        heavy_ball(), fresh_batches(), h, noise, {"learning_rate": rate, "momentum": 0.8}
    )
    found = q.directions @ law.weights @ q.directions.T
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10 * np.abs(wanted).max())
    assert law.feedback < 1e-12


def test_what_has_no_curvature_and_no_noise_does_not_move() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((20, 3)) @ rng.standard_normal((3, 5))
    h = np.einsum("ni,nj->nij", x, x)
    q = SampleQuadratics.from_hessians(h, x * rng.standard_normal((20, 1)))
    law = stationary_moments(make(q, heavy_ball(), {"momentum": 0.5}, rate=0.01))
    assert (np.diag(law.weights)[:3] > 0).all()
    assert not law.weights[3:].any()
    assert not law.velocities[:, 3:].any()
    decayed = SampleQuadratics.from_hessians(h, x * rng.standard_normal((20, 1)), weight_decay=0.1)
    values = {"momentum": 0.5, "dampening": 0.0, "weight_decay": 0.1}
    law = stationary_moments(make(decayed, pytorch_sgd(), values, rate=0.01))
    assert np.abs(law.weights[3:]).max() < 1e-14 * law.weights[0, 0]


def test_bad_input() -> None:
    q = samples(8, 2)
    with pytest.raises(TheoryError, match="not independent from step to step"):
        make(q, sgd(), {}, scheme=reshuffled())
    with pytest.raises(TheoryError, match=r"batch_size must lie in 1\.\.8"):
        make(q, sgd(), {}, batch_size=9)
    with pytest.raises(TheoryError, match="needs momentum"):
        make(q, heavy_ball(), {})
    with pytest.raises(TheoryError, match="momentum must be finite"):
        make(q, heavy_ball(), {"momentum": np.nan})
    with pytest.raises(TheoryError, match="learning_rate must be positive"):
        make(q, sgd(), {}, rate=-1.0)
    with pytest.raises(TheoryError, match=r"weight_decay is 0\.1 in the hyperparameters but 0\.0"):
        make(q, pytorch_sgd(), {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.1})
    with pytest.raises(UnstableError, match="the mean still converges"):
        stationary_moments(make(q, sgd(), {}, rate=1.0, batch_size=1))
    with pytest.raises(UnstableError, match="nor does the mean converge"):
        stationary_moments(make(q, sgd(), {}, rate=100.0))
    with pytest.raises(UnstableError, match="at any learning rate"):
        stationary_moments(make(q, heavy_ball(), {"momentum": 1.5}))
    with pytest.raises(TheoryError, match="lag must be a whole number"):
        stationary_moments(make(q, sgd(), {})).lagged(0.5)  # type: ignore[arg-type]
    with pytest.raises(TheoryError, match="mean must have shape"):
        transient_moments(make(q, sgd(), {}), (1,), mean=np.ones(3))
    with pytest.raises(TheoryError, match="second_moment must have shape"):
        transient_moments(make(q, sgd(), {}), (1,), second_moment=np.ones(3))
    with pytest.raises(TheoryError, match="whole numbers, not negative"):
        transient_moments(make(q, sgd(), {}), (-1,))
    pulled = SampleQuadratics.from_hessians(
        np.array([np.diag([1.0, 1.0]), np.diag([1.0, -1.0])]), np.zeros((2, 2))
    )
    with pytest.raises(NoStationaryLawError, match="no mean curvature but its batches pull"):
        stationary_moments(make(pulled, sgd(), {}, batch_size=1))
