"""Predictions for a regression: exact where a hand can follow, refused where there is no law."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from theory import stationary_law
from theory.errors import NoStationaryLawError, TheoryError, UnknownNameError, UnstableError
from theory.multiplicative.mean_limit import mean_limit
from theory.optimizers import rule_by_name
from theory.sampling import scheme_by_name
from validation.predict import predict
from validation.published import crossover_curvature
from validation.regression import Regression

SAMPLES = 24
PARAMETERS: dict[str, dict[str, Any]] = {
    "sgd": {}, "heavy-ball": {"momentum": 0.5}, "nesterov": {"momentum": 0.5},
    "pytorch-sgd": {"momentum": 0.5, "dampening": 0.25, "weight_decay": 0.125},
    "pytorch-sgd-nesterov": {"momentum": 0.5, "weight_decay": 0.125},
    "ema-momentum": {"momentum": 0.5},
    "quasi-hyperbolic": {"momentum": 0.5, "immediate_discount": 0.75},
    "averaged:heavy-ball": {"momentum": 0.5, "averaging_rate": 0.25},
}


def problem(**options: Any) -> Regression:
    rng = np.random.default_rng(5)
    features = rng.normal(size=(SAMPLES, 4)) * np.array([3.0, 1.0, 0.3, 0.0])
    features[:, 3] = 0.0  # a direction without curvature
    targets = features @ np.array([1.0, -2.0, 0.5, 0.0]) + rng.normal(size=SAMPLES)
    return Regression(features=features, targets=targets, **options)


def predicted(rule: str, scheme: str, batch_size: int = 3, rate: float = 0.01) -> Any:
    values = {"learning_rate": rate, **PARAMETERS[rule]}
    return predict(
        problem(weight_decay=values.get("weight_decay", 0.0)), rule_by_name(rule),
        scheme_by_name(scheme), batch_size=batch_size, hyperparameters=values, theory="published",
    )


def exact(values: dict[str, Any]) -> dict[str, Fraction]:
    return {name: Fraction(value) for name, value in values.items()}


def test_a_single_direction_by_hand() -> None:
    """x = 1 for every sample: curvature 1, noise the sample variance of y over S."""
    targets = np.array([1.0, 2.0, 4.0, 9.0])
    one = Regression(features=np.ones((4, 1)), targets=targets)
    made = predict(
        one, rule_by_name("heavy-ball"), scheme_by_name("with-replacement"), batch_size=2,
        hyperparameters={"learning_rate": 0.5, "momentum": 0.5},
    )
    noise = targets.var(ddof=0) / 2
    variance = 0.5 * 1.5 * noise / (0.5 * (3 - 0.5))
    np.testing.assert_allclose(made.curvatures, [1.0], rtol=1e-15)
    np.testing.assert_allclose(made.noise_variances, [noise], rtol=1e-14)
    np.testing.assert_allclose(made.variances, [variance], rtol=1e-14)
    np.testing.assert_allclose(made.loss_fluctuation, variance / 2, rtol=1e-14)
    np.testing.assert_allclose(made.stability_limit, 3.0, rtol=1e-14)
    assert made.crossover_curvature is None
    assert "independent" in made.crossover_note


@pytest.mark.parametrize("rule", PARAMETERS)
@pytest.mark.parametrize(
    "scheme", ["with-replacement", "reshuffled", "dropped-batch", "kept-batch", "shuffled-once"]
)
def test_diagonal_of_the_matrix_law(rule: str, scheme: str) -> None:
    """Two routes: closed forms per direction, and the matrix solver on the full H and C."""
    from theory.matrix_law import covariance

    batch = 5 if scheme in ("dropped-batch", "kept-batch") else 3
    made = predicted(rule, scheme, batch)
    own = problem(weight_decay=PARAMETERS[rule].get("weight_decay", 0.0))
    chosen = scheme_by_name(scheme)
    factor = float(chosen.variance_factor(SAMPLES, batch))
    full = covariance(
        rule_by_name(rule), chosen, own.hessian, factor * own.noise_covariance,
        {
            **made.hyperparameters, "steps_per_epoch": made.steps_per_epoch, "samples": SAMPLES,
            "batch_size": batch,
        },
        rank_tolerance=1e-13,
    )
    diagonal = np.diag(own.directions.T @ full @ own.directions)
    np.testing.assert_allclose(made.variances, diagonal, rtol=1e-9, atol=1e-12 * diagonal.max())


@pytest.mark.parametrize("rule", PARAMETERS)
def test_the_stability_limit_separates(rule: str) -> None:
    """The spectral radius crosses one exactly there."""
    values = exact({"learning_rate": 0.01, **PARAMETERS[rule]})
    curvature = 1.75
    limit = mean_limit(rule_by_name(rule), values, [curvature])
    for factor, stable in ((1 - 1e-6, True), (1 + 1e-6, False)):
        at = {**{n: float(v) for n, v in values.items()}, "learning_rate": factor * limit}
        numeric = rule_by_name(rule).numeric(at)
        drift = numeric.keep + curvature * np.outer(numeric.inject, numeric.evaluate_at)
        radius = float(np.abs(np.linalg.eigvals(drift)).max())
        assert (radius < 1) is stable


def test_limit_of_heavy_ball_is_the_classical_one() -> None:
    values = exact({"learning_rate": 1, "momentum": 0.75})
    assert mean_limit(rule_by_name("heavy-ball"), values, [2.0]) == 1.75


def test_at_the_limit_there_is_no_prediction() -> None:
    limit = predicted("heavy-ball", "reshuffled").stability_limit
    predicted("heavy-ball", "reshuffled", rate=limit * (1 - 1e-12))
    with pytest.raises(UnstableError, match=r"is not below 0\.\d+, the stability limit"):
        predicted("heavy-ball", "reshuffled", rate=limit)


def test_crossover_of_heavy_ball_is_published() -> None:
    values = exact({"learning_rate": 0.25, "momentum": 0.5})
    found, note = crossover_curvature(
        rule_by_name("heavy-ball"), scheme_by_name("reshuffled"), values, 6
    )
    assert found == pytest.approx(3 * 0.5 / (0.25 * 6), rel=1e-15)
    assert note == ""


@pytest.mark.parametrize(
    ("rule", "rate"),
    [("nesterov", 2.0), ("ema-momentum", 1.0), ("sgd", 1.0), ("averaged:heavy-ball", 2.0),
     ("quasi-hyperbolic", 1.0), ("pytorch-sgd", 1.5)],
)
def test_crossover_of_other_rules_follows_the_slow_pole(rule: str, rate: float) -> None:
    """Flat directions relax at ``rate`` times the learning rate."""
    values = exact({"learning_rate": 0.01, **PARAMETERS[rule]})
    decay = PARAMETERS[rule].get("weight_decay", 0.0)
    found, _ = crossover_curvature(rule_by_name(rule), scheme_by_name("reshuffled"), values, 10)
    assert found == pytest.approx(3 / (rate * 0.01 * 10) - decay, rel=1e-14)


def test_crossover_of_shuffled_once_is_twice_as_high() -> None:
    values = exact({"learning_rate": 0.25, "momentum": 0.5})
    found, note = crossover_curvature(
        rule_by_name("heavy-ball"), scheme_by_name("shuffled-once"), values, 6
    )
    assert found == pytest.approx(6 * 0.5 / (0.25 * 6), rel=1e-15)
    assert note == ""


@pytest.mark.parametrize(
    ("name", "samples", "rest"),
    [("reshuffled", 20000, 0.0), ("shuffled-once", 20000, 0.0), ("dropped-batch", 20007, 4e-4),
     ("kept-batch", 19991, 4e-3), ("kept-batch", 9901, 0.0), ("shuffled-once-unequal", 19997, 6e-5)],
)
def test_the_crossover_is_where_the_exact_laws_meet(name: str, samples: int, rest: float) -> None:
    """Flat law A + D / curvature (or D / curvature² for repeated epochs), read off the exact law."""
    rule, scheme, size = rule_by_name("heavy-ball"), scheme_by_name(name), 10
    steps = scheme.steps_per_epoch(samples, size)
    law = stationary_law(rule, scheme).weight_variance
    point = {
        "learning_rate": "0.1", "momentum": "0.5", "noise_variance": 1, "steps_per_epoch": steps,
        "samples": samples, "batch_size": size,
    }
    own = {n: v for n, v in point.items() if n in {s.name for s in law.parameters}}
    slope, power = 0.1 / 0.5, 2 if scheme.periodic else 1
    tiny = 1e-4 / (slope * steps)
    near, far = (float(law.evaluate(curvature=k * tiny, digits=30, **own)) for k in (1, 2))
    diverging = (near - far) / (tiny**-power - (2 * tiny) ** -power)
    level, white = near - diverging * tiny**-power, slope / 2
    if scheme.periodic:
        meet = (white + np.sqrt(white**2 - 4 * level * diverging)) / (2 * level)
    else:
        meet = (white - diverging) / level
    values = exact({"learning_rate": 0.1, "momentum": 0.5})
    found, note = crossover_curvature(
        rule, scheme, values, steps, samples=samples, batch_size=size
    )
    assert note == ""
    assert found == pytest.approx(meet, rel=20 / steps)
    if rest:  # what diverges is what the docstring says
        expected = rest / steps if scheme.periodic else rest * white
        assert diverging == pytest.approx(expected, rel=0.15)


def test_dropped_batches_cross_where_reshuffled_ones_do() -> None:
    values = exact({"learning_rate": 0.1, "momentum": 0.5})
    found, _ = crossover_curvature(
        rule_by_name("heavy-ball"), scheme_by_name("dropped-batch"), values, 3,
        samples=37, batch_size=10,
    )
    assert found == pytest.approx(3 * 0.5 / (0.1 * 3), rel=1e-14)


@pytest.mark.parametrize(
    ("name", "samples", "size", "match"),
    [
        ("kept-batch", 201, 100, "does not sum to zero"),
        ("shuffled-once-unequal", 201, 100, "does not sum to zero"),
        ("dropped-batch", 15, 10, r"steps_per_epoch = 1\) are not anti-correlated"),
        ("reshuffled", 10, 10, "are not anti-correlated"),
    ],
)
def test_no_crossover_where_nothing_is_lowered(
    name: str, samples: int, size: int, match: str
) -> None:
    """One sample left over is as strong as an epoch; and the exact law stays above the white one."""
    rule, scheme = rule_by_name("heavy-ball"), scheme_by_name(name)
    values = {"learning_rate": 0.1, "momentum": 0.5}
    steps = scheme.steps_per_epoch(samples, size)
    found, note = crossover_curvature(
        rule, scheme, exact(values), steps, samples=samples, batch_size=size
    )
    assert found is None
    assert re.search(match, note)
    if "sum to zero" in match:
        from validation.published import _variances

        epoch = {"steps_per_epoch": steps, "samples": samples, "batch_size": size}
        curvatures = np.geomspace(1e-6, 10, 50)
        made = [
            _variances(rule, chosen, values, epoch, curvatures, np.ones(50))
            for chosen in (scheme, scheme_by_name("fresh-batches"))
        ]
        assert (made[0] > made[1]).all()


def test_strong_weight_decay_leaves_no_crossover() -> None:
    values = exact({"learning_rate": 0.5, "momentum": 0.5, "dampening": 0, "weight_decay": 1.0})
    found, note = crossover_curvature(
        rule_by_name("pytorch-sgd"), scheme_by_name("reshuffled"), values, 100
    )
    assert found is None
    assert "weight_decay = 1" in note


def test_directions_descend_and_flat_ones_rest() -> None:
    made = predicted("heavy-ball", "reshuffled")
    assert (np.diff(made.curvatures) <= 0).all()
    assert made.curvatures[-1] == made.variances[-1] == made.white_variances[-1] == 0.0
    assert (made.variances[:-1] > 0).all()
    assert (made.variances < made.white_variances)[:-1].all()
    record = json.loads(json.dumps(made.record(), allow_nan=False))
    assert len(record["directions"]) == 4
    assert record["loss_fluctuation"] == pytest.approx(
        sum(d["curvature"] * d["variance"] for d in record["directions"]) / 2, rel=1e-14
    )


@pytest.mark.parametrize("scheme", ["reshuffled", "dropped-batch", "kept-batch", "fresh-batches"])
def test_the_whole_data_set_in_one_batch_makes_no_noise(scheme: str) -> None:
    assert (predicted("heavy-ball", scheme, batch_size=SAMPLES).variances == 0).all()


def test_noise_in_a_flat_direction_is_bounded_or_refused() -> None:
    """A rank tolerance above the flattest curvature, with the noise left in, is not a Regression:
    the matrix law decides for hand-made arrays."""
    from validation.published import _variances

    curvatures, noise = np.array([2.0, 0.0]), np.array([1.0, 0.5])
    values = {"learning_rate": 0.1, "momentum": 0.5}
    epoch = {"steps_per_epoch": 4, "samples": 8, "batch_size": 2}
    rule = rule_by_name("heavy-ball")
    bounded = _variances(rule, scheme_by_name("reshuffled"), values, epoch, curvatures, noise)
    from theory import formula_by_slug

    flat = formula_by_slug("flat-weight-variance").evaluate(
        learning_rate=0.1, momentum=0.5, noise_variance=0.5, steps_per_epoch=4
    )
    np.testing.assert_allclose(bounded[1], float(flat), rtol=1e-12)
    with pytest.raises(NoStationaryLawError, match="diffuses"):
        _variances(rule, scheme_by_name("fresh-batches"), values, epoch, curvatures, noise)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"batch_size": 5}, TheoryError, "'dropped-batch' or 'kept-batch'"),
        ({"batch_size": 25}, TheoryError, r"batch_size must lie in 1\.\.24"),
        ({"batch_size": 0}, TheoryError, r"batch_size must lie in 1\.\.24.*got 0"),
        ({"learning_rate": -0.1}, TheoryError, "learning_rate = -0.1 is outside its domain"),
        ({"learning_rate": float("nan")}, TheoryError, "learning_rate = nan is not finite"),
        ({"momentum": 1.0}, UnstableError, "momentum = 1 is not below 1"),
        ({"momentun": 0.5}, UnknownNameError, "did you mean 'momentum'"),
        ({"learning_rate": 5.0}, UnstableError, "learning_rate = 5 is not below"),
    ],
)
def test_bad_input(change: dict[str, Any], error: type[Exception], match: str) -> None:
    values: dict[str, Any] = {"learning_rate": 0.01, "momentum": 0.5, **change}
    batch = values.pop("batch_size", 3)
    with pytest.raises(error, match=match):
        predict(
            problem(), rule_by_name("heavy-ball"), scheme_by_name("reshuffled"), batch_size=batch,
            hyperparameters=values,
        )


def test_squares_that_overflow_are_refused() -> None:
    huge = Regression(features=np.array([[1e200], [2e200]]), targets=np.array([1.0, 3.0]))
    with pytest.raises(TheoryError, match=r"largest feature is 2e\+200.*Rescale"):
        predict(
            huge, rule_by_name("sgd"), scheme_by_name("fresh-batches"), batch_size=1,
            hyperparameters={"learning_rate": 0.01},
        )


def test_weight_decay_must_be_the_problems() -> None:
    with pytest.raises(TheoryError, match="give both the same"):
        predict(
            problem(weight_decay=0.5), rule_by_name("heavy-ball"), scheme_by_name("reshuffled"),
            batch_size=3, hyperparameters={"learning_rate": 0.01, "momentum": 0.5},
        )
