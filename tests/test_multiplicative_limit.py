"""Mean-square limit: the spectral radius, mulayoff2023, and closed forms in one dimension."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from theory import formula_by_slug
from theory.errors import TheoryError, UnstableError
from theory.multiplicative import SampleQuadratics, mean_square_limit, second_moment_radius
from theory.multiplicative.independent import stationary_moments
from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.mean_limit import _first_root, mean_limit
from theory.multiplicative.mean_square_limit import feedback
from theory.multiplicative.mulayoff2023 import dense_threshold, threshold, threshold_bounds
from theory.optimizers import LinearRule, heavy_ball, nesterov, pytorch_sgd, sgd
from theory.sampling import fresh_batches, reshuffled, with_replacement
from theory.symbols import learning_rate
from validation.regression import Regression

RULES: tuple[tuple[LinearRule, dict[str, float]], ...] = (
    (sgd(), {}), (heavy_ball(), {"momentum": 0.9}), (nesterov(), {"momentum": 0.8}),
    (pytorch_sgd(), {"momentum": 0.6, "dampening": 0.5, "weight_decay": 0.0}),
)
IDS = [rule.name for rule, _ in RULES]


def samples(n: int, d: int, seed: int, *, rank: int = 1, negative: float = 0.0) -> SampleQuadratics:
    rng = np.random.default_rng([seed, n, d])
    x = rng.standard_normal((n, rank, d)) * np.geomspace(1, 0.1, d)
    signs = np.where(np.arange(rank) == 0, 1.0, -negative)
    h = np.einsum("nri,r,nrj->nij", x, signs, x)
    return SampleQuadratics.from_hessians(h, x[:, 0] * rng.standard_normal((n, 1)))


def make(
    q: SampleQuadratics, rule: LinearRule, values: dict[str, float], rate: float, batch_size: int = 3
) -> IndependentSteps:
    return IndependentSteps(
        quadratics=q, rule=rule, scheme=fresh_batches(), batch_size=batch_size,
        hyperparameters={"learning_rate": rate, **values},
    )


@pytest.mark.parametrize("d", [2, 9])
@pytest.mark.parametrize(("rule", "values"), RULES, ids=IDS)
def test_at_the_limit_the_spectral_radius_is_one(
    rule: LinearRule, values: dict[str, float], d: int
) -> None:
    """Identity 5: the radius of the whole map, by Arnoldi, is one exactly at the limit of the feedback."""
    q = samples(40, d, 1)
    limit = mean_square_limit(make(q, rule, values, 1.0))
    assert limit.learning_rate < limit.mean_limit
    at = make(q, rule, values, limit.learning_rate)
    assert second_moment_radius(at) == pytest.approx(1, abs=1e-8)
    assert feedback(at)[0] == pytest.approx(1, abs=1e-8)
    inside = make(q, rule, values, 0.99 * limit.learning_rate)
    law = stationary_moments(inside)
    assert np.linalg.eigvalsh(law.weights).min() > 0
    assert law.feedback < 1
    with pytest.raises(UnstableError, match="the mean still converges") as refusal:
        stationary_moments(make(q, rule, values, 1.01 * limit.learning_rate))
    named = re.search(r"not below (\S+), the mean-square", str(refusal.value))
    assert named is not None
    assert float(named[1]) == pytest.approx(limit.learning_rate, rel=1e-5)


@pytest.mark.parametrize(("rule", "values"), RULES[:3], ids=IDS[:3])
def test_the_full_batch_has_the_limit_of_gradient_descent(
    rule: LinearRule, values: dict[str, float]
) -> None:
    q = samples(12, 4, 2)
    found = mean_square_limit(make(q, rule, values, 1.0, batch_size=12))
    assert found.learning_rate == pytest.approx(found.mean_limit, rel=1e-12)
    beta = values.get("momentum", 0.0)
    wanted = 2 * (1 + beta) / ((1 + 2 * beta if rule is nesterov() else 1) * q.curvatures[0])
    assert found.mean_limit == pytest.approx(wanted, rel=1e-12)


def widest_gap(p: IndependentSteps) -> float:
    r"""How far the necessary bound may lie above the sufficient one, from the Hessians alone.

    The sufficient bound is 2/s with :math:`s\le(1-f)\lambda_{\max}+f\nu\max_n\|H_n\|`,
    :math:`\nu=\lambda_{\max}(H^{-1/2}\,\overline{|H_n|}\,H^{-1/2})`. Of the necessary ones the steepest
    direction gives at most :math:`2/\lambda_{\max}` and the trace at most
    :math:`2\operatorname{tr}H/(f\,\overline{\|H_n\|_F^2})`. So s times the smaller one is at most
    :math:`2(1-f+\kappa)`, :math:`\kappa=\nu\max_n\|H_n\|\operatorname{tr}H/\overline{\|H_n\|_F^2}`. For
    samples of one length :math:`\kappa=1`: less than a factor two.
    """
    q, f = p.quadratics, p.fluctuation
    h = np.einsum("nqi,nq,nqj->nij", q.factors, q.signs, q.factors)
    values, axes = np.linalg.eigh(h)
    absolute = np.einsum("nik,nk,njk->ij", axes, np.abs(values), axes) / q.samples
    root = np.sqrt(q.curvatures)
    nu = float(np.linalg.eigvalsh(absolute / root[:, None] / root)[-1])
    kappa = nu * float(np.abs(values).max() * q.curvatures.sum() / (values**2).sum(axis=1).mean())
    return 1 - f + kappa


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("rank", "negative"), [(1, 0.0), (3, 0.0), (3, 0.02)])
def test_threshold_and_its_bounds(seed: int, rank: int, negative: float) -> None:
    q = samples(30, 3 + seed % 6, seed, rank=rank, negative=negative)
    p = make(q, sgd(), {}, 1.0, batch_size=1 + seed % 4)
    exact = dense_threshold(p)
    assert threshold(p) == pytest.approx(exact, rel=1e-9)
    bounds = threshold_bounds(p)
    assert bounds.sufficient <= exact * (1 + 1e-12)
    assert exact <= bounds.necessary * (1 + 1e-12)
    assert bounds.necessary <= widest_gap(p) * bounds.sufficient * (1 + 1e-12)
    for factor, stable in ((0.999, True), (1.001, False)):
        at = make(q, sgd(), {}, factor * exact, batch_size=1 + seed % 4)
        assert (second_moment_radius(at) < 1) is stable


@pytest.mark.parametrize("size", [1, 3])
def test_bounds_for_samples_of_one_length_differ_by_less_than_two(size: int) -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((40, 6)) * np.geomspace(1, 0.1, 6)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    q = SampleQuadratics.from_hessians(x[:, :, None] * x[:, None, :], x * rng.standard_normal((40, 1)))
    p = make(q, sgd(), {}, 1.0, batch_size=size)
    assert widest_gap(p) == pytest.approx(2 - p.fluctuation, rel=1e-12)
    bounds = threshold_bounds(p)
    ratio = bounds.necessary / bounds.sufficient  # one for single samples, f = 1
    assert 1 - 1e-12 <= ratio <= (2 - p.fluctuation) * (1 + 1e-12)


def test_bounds_are_equalities_in_one_dimension() -> None:
    q = samples(15, 1, 3)
    bounds = threshold_bounds(make(q, sgd(), {}, 1.0))
    exact = threshold(make(q, sgd(), {}, 1.0))
    assert bounds.necessary_direction == pytest.approx(exact, rel=1e-12)
    assert bounds.necessary_trace == pytest.approx(exact, rel=1e-12)
    with pytest.raises(TheoryError, match="for heavy-ball use mean_square_limit"):
        threshold(make(q, heavy_ball(), {"momentum": 0.5}, 1.0))


def batch_moments(q: SampleQuadratics, p: IndependentSteps) -> dict[str, Any]:
    h = (q.factors[:, 0, 0] ** 2) * q.signs[:, 0]
    return {
        "curvature": float(q.curvatures[0]), "curvature_variance": float(p.fluctuation * h.var()),
        "noise_variance": float(p.fluctuation * np.mean(q.gradients[:, 0] ** 2)),
    }


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.95])
def test_one_dimension_is_the_closed_form(beta: float) -> None:
    q = samples(20, 1, 4)
    p = make(q, heavy_ball(), {"momentum": beta}, 0.02)
    values: dict[str, Any] = {"learning_rate": 0.02, "momentum": beta, **batch_moments(q, p)}
    law = stationary_moments(p)
    assert law.weights[0, 0] == pytest.approx(
        formula_by_slug("multiplicative-weight-variance").evaluate(**values), rel=1e-10
    )
    assert law.velocities[0, 0] == pytest.approx(
        formula_by_slug("multiplicative-velocity-variance").evaluate(**values), rel=1e-10
    )
    assert law.weight_velocity[0, 0] == pytest.approx(
        formula_by_slug("multiplicative-weight-velocity-covariance").evaluate(**values), rel=1e-10
    )
    for lag in (0, 3, 40):
        wanted = formula_by_slug("multiplicative-weight-autocovariance").evaluate(lag=lag, **values)
        assert law.lagged(lag)[0, 0] == pytest.approx(wanted, rel=1e-9, abs=1e-12 * law.weights[0, 0])
    a, s = values["curvature"], values["curvature_variance"]
    stated = 1 / (a / (2 * (1 + beta)) + s / (2 * a * (1 - beta)))
    formula = formula_by_slug("mean-square-stability-limit").evaluate(
        momentum=beta, curvature=a, curvature_variance=s
    )
    assert formula == pytest.approx(stated, rel=1e-14)
    found = mean_square_limit(make(q, heavy_ball(), {"momentum": beta}, 1.0))
    assert found.learning_rate == pytest.approx(stated, rel=1e-9)


def test_formulas_refuse_what_has_no_law() -> None:
    formula = formula_by_slug("multiplicative-weight-variance")
    limit = formula_by_slug("mean-square-stability-limit")
    own: dict[str, Any] = {"momentum": 0.5, "curvature": 1.0, "curvature_variance": 2.0}
    rate = limit.evaluate(**own)
    assert formula.evaluate(learning_rate=0.999 * rate, noise_variance=1, **own) > 0
    with pytest.raises(UnstableError, match="at these values the limit is learning_rate"):
        formula.evaluate(learning_rate=1.001 * rate, noise_variance=1, **own)


def test_special_cases_of_other_papers() -> None:
    """liu2021 without fluctuation; ziyin2022 from the variance of Gaussian inputs; SGD at momentum 0."""
    general = formula_by_slug("multiplicative-weight-variance").expression
    from theory.symbols import (
        batch_size,
        curvature,
        curvature_variance,
        label_variance,
        momentum,
        noise_variance,
    )

    white = formula_by_slug("white-weight-variance").expression
    assert (general.subs(curvature_variance, 0) / white).cancel() == 1
    gaussian = {
        curvature_variance: 2 * curvature**2 / batch_size,
        noise_variance: curvature * label_variance / batch_size,
    }
    with_momentum = formula_by_slug("label-noise-momentum-weight-variance").expression
    assert (general.subs(gaussian) / with_momentum).cancel() == 1
    plain = formula_by_slug("label-noise-weight-variance").expression
    assert (with_momentum.subs(momentum, 0) / plain).cancel() == 1
    floor = learning_rate * label_variance / (2 - 3 * learning_rate * curvature)
    assert (plain.subs(batch_size, 1) / floor).cancel() == 1


def test_label_noise_in_many_dimensions_and_the_streaming_floor() -> None:
    r"""Identity 7: for Gaussian inputs (2 - omega A) Sigma = eta/S (s² + tr A Sigma), as in ziyin2022; at
    S = 1 and small eta lambda its loss is the floor of paquette2021. Sampled inputs: a few percent."""
    rng = np.random.default_rng(11)
    n, d = 5000, 40
    x = rng.standard_normal((n, d)) * np.sqrt(np.linspace(0.5, 1.5, d))
    q = Regression(features=x, targets=rng.standard_normal(n) / 2).quadratics
    trace = float(q.curvatures.sum())
    noise = float(np.trace(q.gradient_covariance)) / trace  # of the sample, after the fit
    for share, size in ((0.2, 1), (0.8, 1), (0.8, 4)):
        rate = share * size / trace
        p = replace(
            make(q, sgd(), {}, rate, batch_size=size), scheme=with_replacement(),
        )
        law = stationary_moments(p)
        lam, omega = q.curvatures, rate * (size + 1) / size
        response = rate / size * float((lam / (2 - omega * lam)).sum())
        gaussian = noise * response / (1 - response) / 2
        assert law.excess_loss == pytest.approx(gaussian, rel=0.03)
        if size == 1:
            floor = rate * trace * noise / (2 * (2 - rate * trace))
            assert law.excess_loss == pytest.approx(floor, rel=0.08)


def test_a_limit_that_does_not_exist() -> None:
    assert mean_limit(heavy_ball(), {"momentum": 1.2}, np.array([1.0])) == 0
    assert mean_limit(heavy_ball(), {"momentum": 0.2}, np.array([0.0])) == np.inf
    still = SampleQuadratics.from_hessians(np.zeros((3, 2, 2)), np.zeros((3, 2)))
    assert mean_square_limit(make(still, heavy_ball(), {"momentum": 0.5}, 1.0)).learning_rate == np.inf
    law = stationary_moments(make(still, heavy_ball(), {"momentum": 0.5}, 1.0))
    assert not law.weights.any()


@pytest.mark.parametrize(
    ("coefficients", "limit"),
    [
        ([2, -3, 1], 1.0), ([2, -2, 1], np.inf), ([0, 1, -4], 0.25), ([0, -1, 4], 0.0), ([0, 0], 0.0),
        ([3], np.inf), ([1, 0], np.inf), ([1, -2, 1], 1.0), ([-1, 5], 0.0),
    ],
)
def test_a_condition_ends_at_its_first_root(coefficients: list[int], limit: float) -> None:
    assert _first_root([Fraction(c) for c in coefficients]) == limit


@pytest.mark.parametrize("kind", ["moments", "limit", "closure", "averaged", "shift"])
def test_a_saddle_has_no_stationary_law(kind: str) -> None:
    """Transients are fine there; nothing stationary may come out, not even a finite number."""
    from theory.errors import NoStationaryLawError
    from theory.multiplicative import AveragedClosure, Closure, mean_shift
    from theory.one_epoch import quadratics_at_stationary_point

    rng = np.random.default_rng(4)
    hessians = rng.normal(size=(12, 2, 2)) * 0.2
    hessians = hessians + hessians.swapaxes(1, 2) + np.diag([1.0, -0.3])
    problem = quadratics_at_stationary_point(hessians, rng.normal(size=(12, 2)))
    rule, values = heavy_ball(), {"learning_rate": 0.1, "momentum": 0.5}
    steps = IndependentSteps(
        quadratics=problem, rule=rule, scheme=fresh_batches(), batch_size=3, hyperparameters=values
    )
    asked: dict[str, Callable[[], Any]] = {
        "moments": lambda: stationary_moments(steps),
        "limit": lambda: mean_square_limit(steps),
        "closure": lambda: Closure(problem, rule.numeric(values), (3,) * 4),
        "averaged": lambda: AveragedClosure(problem, rule.numeric(values), (3,) * 4),
        "shift": lambda: mean_shift(problem, rule.numeric(values), reshuffled(), 3),
    }
    with pytest.raises(NoStationaryLawError, match="leave a saddle"):
        asked[kind]()
