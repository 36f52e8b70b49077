"""The averaged epoch map against exact arithmetic over all permutations, and against simulation."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import flint
import numba
import numpy as np
import pytest

from theory.errors import AccuracyError, NoStationaryLawError, TheoryError, UnstableError
from theory.multiplicative import SampleQuadratics
from theory.optimizers import heavy_ball, nesterov, pytorch_sgd, sgd
from theory.sampling import dropped_batch, fresh_batches, kept_batch, reshuffled, shuffled_once
from validation.epoch_map import averaged_epoch_map
from validation.predict import predict
from validation.regression import Regression
from validation.simulate import simulate

BALL = {"learning_rate": 0.125, "momentum": 0.5}
TORCH = {**BALL, "dampening": 0.25, "weight_decay": 0.0}


def _quadratics(samples: int, *, rank: int = 1, scale: float = 1.0, seed: int = 0) -> SampleQuadratics:
    """Small samples with entries of few bits, in two directions, off the eigenbasis."""
    rng = np.random.default_rng([samples, rank, seed])
    x = rng.integers(-4, 5, size=(samples, rank, 2)) / 2
    hessians = np.einsum("nqi,nqj->nij", x, x) + np.eye(2) / 4 * (rank > 1)
    return SampleQuadratics.from_hessians(
        scale * hessians, scale * rng.integers(-4, 5, size=(samples, 2)) / 2
    )


def _exact(q: SampleQuadratics, rule: Any, sizes: tuple[int, ...], values: dict[str, float]) -> Any:
    """Position-averaged mean and second moments (weights, velocity, both) over all permutations.

    Rational arithmetic on the floating-point problem: maps by enumeration, then one linear solve for
    the moments of (state, 1).
    """
    numeric, d = rule.numeric(values), q.dimension
    n = numeric.inject.size
    k = n * d + 1

    def rational(array: Any) -> Any:
        return np.vectorize(Fraction, otypes=[object])(array)

    keep, inject, at = map(rational, (numeric.keep, numeric.inject, numeric.evaluate_at))
    f, g = rational(q.factors), rational(q.gradients)
    hess = np.einsum("nqi,nq,nqj->nij", f, rational(q.signs), f)
    total, maps, prefixes = np.full((k * k, k * k), Fraction(0)), [], []
    edges = list(itertools.pairwise(np.cumsum((0, *sizes))))
    sequences = {
        tuple(tuple(sorted(order[a:b])) for a, b in edges)
        for order in itertools.permutations(range(q.samples))
    }  # the order inside a batch does not matter
    for sequence in sorted(sequences):
        phi, path = rational(np.eye(k)), []
        for batch in map(list, sequence):
            size = len(batch)
            step = rational(np.eye(k))
            h, force = hess[batch].sum(axis=0) / size, g[batch].sum(axis=0) / size
            step[:-1, :-1] = np.kron(keep, rational(np.eye(d))) + np.kron(np.outer(inject, at), h)
            step[:-1, -1] = np.kron(inject, force)
            path.append((step.dot(phi), phi))
            phi = step.dot(phi)
        maps.append(phi)
        prefixes.append(path)
    for phi in maps:
        total = total + np.kron(phi, phi)
    equation = rational(np.eye(k * k)) - total / len(maps)
    equation[-1, :] = 0  # the moment of (1, 1) is one
    equation[-1, -1] = Fraction(1)
    right = [Fraction(0)] * (k * k - 1) + [Fraction(1)]
    solved = flint.fmpq_mat(k * k, k * k, [flint.fmpq(x.numerator, x.denominator) for x in equation.flat])
    start = solved.solve(flint.fmpq_mat(k * k, 1, [flint.fmpq(int(x)) for x in right]))
    p0 = np.array([Fraction(int(x.p), int(x.q)) for x in start.entries()], dtype=object).reshape(k, k)
    out = [np.full((d, d), Fraction(0)) for _ in range(3)]
    mean = np.full(d, Fraction(0))
    for path in prefixes:
        for now, before in path:
            w, v = now[:d], now[:d] - before[:d]
            for i, (a, b) in enumerate(((w, w), (v, v), (w, v))):
                out[i] = out[i] + a.dot(p0).dot(b.T)
            mean = mean + w.dot(p0)[:, -1]
    count = len(maps) * len(sizes)
    return [(x / count).astype(float) for x in (mean, *out)]


@pytest.mark.parametrize(
    ("samples", "batch", "scheme", "rule", "values", "rank", "control"),
    [
        (4, 2, reshuffled(), heavy_ball(), BALL, 1, True),
        (4, 1, reshuffled(), sgd(), {"learning_rate": 0.125}, 1, False),
        (5, 2, dropped_batch(), heavy_ball(), BALL, 1, True),
        (5, 2, kept_batch(), nesterov(), BALL, 2, True),
        (5, 2, kept_batch(), pytorch_sgd(), TORCH, 1, False),
        (6, 3, reshuffled(), heavy_ball(), BALL, 1, False),
    ],
)
def test_all_permutations_give_the_exact_law(
    samples: int, batch: int, scheme: Any, rule: Any, values: dict[str, float], rank: int,
    control: bool,
) -> None:
    q = _quadratics(samples, rank=rank)
    sizes = scheme.batch_sizes(samples, batch)
    every = np.array(list(itertools.permutations(range(samples))))[:, : sum(sizes)]
    law = averaged_epoch_map(
        q, rule, scheme, batch_size=batch, hyperparameters=values, seed=0, indices=every,
        control=control,
    )
    mean, *moments = _exact(q, rule, sizes, values)
    for found, wanted in zip((law.second_moment, law.velocity, law.weight_velocity), moments, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12 * np.abs(wanted).max())
    np.testing.assert_allclose(law.mean, mean, rtol=1e-9, atol=1e-12 * np.sqrt(moments[0].max()))
    np.testing.assert_allclose(law.by_position.mean(axis=0), np.diag(moments[0]), rtol=1e-10)


@pytest.mark.parametrize("power", [-15, -6, 7])
def test_units_only_scale_the_result(power: int) -> None:
    scale, unit = 10.0**power, 10.0 ** (power / 3)
    plain, q = _quadratics(12), _quadratics(12)
    other = SampleQuadratics(
        factors=q.factors * scale**0.5, signs=q.signs, gradients=q.gradients * scale * unit,
        curvatures=q.curvatures * scale, directions=q.directions, minimum=q.minimum,
    )
    laws = [
        averaged_epoch_map(
            problem, heavy_ball(), reshuffled(), batch_size=3, seed=1, permutations=300,
            hyperparameters={"learning_rate": 0.125 / size, "momentum": 0.5},
        )
        for problem, size in ((plain, 1.0), (other, scale))
    ]
    np.testing.assert_allclose(laws[1].second_moment, laws[0].second_moment * unit**2, rtol=1e-9)
    np.testing.assert_allclose(laws[1].standard_error, laws[0].standard_error * unit**2, rtol=1e-9)
    assert laws[1].spectral_radius == pytest.approx(laws[0].spectral_radius, rel=1e-9)


def test_the_number_of_threads_does_not_matter() -> None:
    found = []
    before = numba.get_num_threads()
    for threads in (1, before):
        numba.set_num_threads(threads)
        found.append(
            averaged_epoch_map(
                _quadratics(15), heavy_ball(), kept_batch(), batch_size=4, hyperparameters=BALL,
                seed=2, permutations=500,
            ).second_moment
        )
    numba.set_num_threads(before)
    np.testing.assert_array_equal(found[0], found[1])


def _regression() -> Regression:
    rng = np.random.default_rng(11)
    x = rng.normal(size=(48, 3)) * [2.0, 1.0, 0.3]
    return Regression(features=x, targets=x @ [1.0, -1.0, 2.0] + rng.standard_t(5, size=48))


@pytest.mark.montecarlo
def test_simulated_sgd_has_this_law() -> None:
    """Six comparisons at |z| < 5.3: false alarms once in 1e6; would catch 4 %."""
    problem = _regression()
    values = {"learning_rate": 0.05, "momentum": 0.8}
    law = averaged_epoch_map(
        problem.quadratics, heavy_ball(), reshuffled(), batch_size=4, hyperparameters=values,
        seed=3, standard_error=0.004,
    )
    run = simulate(
        problem, heavy_ball(), reshuffled(), batch_size=4, hyperparameters=values, seed=4,
        replicas=4000, measured_epochs=20,
    )
    assert law.relative_standard_error.max() < 0.0045
    for samples, wanted, error in (
        (run.weights, np.diag(law.second_moment), law.standard_error),
        (run.means, law.mean, law.mean_standard_error),
    ):
        spread = np.hypot(samples.std(axis=0) / np.sqrt(len(samples)), error)
        assert (np.abs(samples.mean(axis=0) - wanted) < 5.3 * spread).all()
    spread = np.hypot(run.weights.std(axis=0) / np.sqrt(4000), law.standard_error)
    inflated = 1.04 * np.diag(law.second_moment)
    assert (np.abs(run.weights.mean(axis=0) - inflated) > 5.3 * spread).any(), "no resolution"


@pytest.mark.montecarlo
def test_the_standard_error_is_right() -> None:
    """Standard deviation of z over 60 seeds and 2 directions within 0.75..1.3 (5 sigma)."""
    results = [
        averaged_epoch_map(
            _quadratics(12), heavy_ball(), reshuffled(), batch_size=3, hyperparameters=BALL, seed=seed,
            permutations=400,
        )
        for seed in range(60)
    ]
    variances = np.array([np.diag(law.covariance) for law in results])
    errors = np.array([law.standard_error for law in results])
    z = (variances - variances.mean(axis=0)) / errors
    assert 0.75 < z.std() < 1.3
    means = np.array([law.mean for law in results])
    z = (means - means.mean(axis=0)) / np.array([law.mean_standard_error for law in results])
    assert 0.75 < z.std() < 1.3


@pytest.mark.parametrize("scheme", [reshuffled(), kept_batch(), shuffled_once()], ids=lambda s: s.name)
def test_the_whole_data_set_in_a_batch_has_no_noise(scheme: Any) -> None:
    """The law is zero, as for ``predict``; gradient descent that diverges is refused as such."""
    q, d = _quadratics(12), 2
    given: dict[str, Any] = {"batch_size": 12, "seed": 0}
    law = averaged_epoch_map(q, heavy_ball(), scheme, hyperparameters=BALL, **given)
    moments = (law.second_moment, law.velocity, law.weight_velocity, law.by_position)
    assert not any(zero.any() for zero in (*moments, law.variance, law.mean))
    assert law.by_position.shape == (1, d)
    assert not law.relative_standard_error.any()
    assert law.permutations == 0
    plain = predict(q, heavy_ball(), scheme, batch_size=12, hyperparameters=BALL)
    np.testing.assert_array_equal(law.variance, plain.variances)
    limit = 2 * 1.5 / q.curvatures[0]  # 2 (1 + momentum) / curvature
    close = {**BALL, "learning_rate": 0.999 * limit}
    assert not averaged_epoch_map(q, heavy_ball(), scheme, hyperparameters=close, **given).variance.any()
    with pytest.raises(UnstableError, match=r"whole data set, so there is no noise.*distance .* by 1\.\d+"):
        averaged_epoch_map(
            q, heavy_ball(), scheme, hyperparameters={**BALL, "learning_rate": 1.001 * limit}, **given
        )


def test_no_push_has_no_spread() -> None:
    """Every sample has its minimum at the same place."""
    q = _quadratics(12)
    idle = SampleQuadratics.from_hessians(
        np.einsum("nqi,nq,nqj->nij", q.factors, q.signs, q.factors), np.zeros((12, 2))
    )
    law = averaged_epoch_map(
        idle, heavy_ball(), reshuffled(), batch_size=3, hyperparameters=BALL, seed=0, permutations=60
    )
    assert not law.second_moment.any()
    assert not law.relative_standard_error.any()


def test_what_has_no_law_is_refused() -> None:
    q = _quadratics(12)

    def run(**options: Any) -> Any:
        given: dict[str, Any] = {
            "rule": heavy_ball(), "scheme": reshuffled(), "batch_size": 3, "hyperparameters": BALL,
            "seed": 0, "permutations": 50, **options,
        }
        return averaged_epoch_map(q, given.pop("rule"), given.pop("scheme"), **given)

    steep = {"learning_rate": 2.9 / q.curvatures[0], "momentum": 0.5}
    with pytest.raises(UnstableError, match=r"mean square grows by .* \(estimated from 50 permutations\)"):
        run(hyperparameters=steep)
    with pytest.raises(TheoryError, match=r"needs one permutation per epoch"):
        run(scheme=fresh_batches())
    with pytest.raises(TheoryError, match=r"standard_error is relative .* got 2"):
        run(standard_error=2)
    with pytest.raises(TheoryError, match=r"permutations must be an integer >= 2"):
        run(permutations=1)
    with pytest.raises(TheoryError, match=r"more than memory_bytes = 100: ask for at most 2"):
        run(memory_bytes=100)
    with pytest.raises(TheoryError, match=r"indices must have shape \(permutations, 12\)"):
        run(indices=np.zeros((3, 5), dtype=int))
    with pytest.raises(TheoryError, match=r"whole numbers in 0\.\.11"):
        run(indices=np.full((3, 12), 12))
    pushed = SampleQuadratics(
        factors=np.array([[[1.0, 0.0]], [[1.0, 0.0]]]), signs=np.ones((2, 1)),
        gradients=np.array([[1.0, 1.0], [-1.0, -1.0]]), curvatures=np.array([1.0, 0.0]),
        directions=np.eye(2), minimum=np.zeros(2),
    )
    with pytest.raises(NoStationaryLawError, match=r"direction 1 has curvature 0"):
        averaged_epoch_map(
            pushed, sgd(), reshuffled(), batch_size=1, hyperparameters={"learning_rate": 0.1}, seed=0
        )


def test_a_rule_whose_weights_see_the_gradient_a_step_late() -> None:
    """Its weights have no entry of their own in the injection; closure and sampled law agree."""
    from theory import LinearRule
    from theory.symbols import learning_rate, momentum
    from validation.laws import Run, full_law

    def step(state: Any, gradient: Any) -> Any:
        weights, velocity = state
        return weights + velocity, momentum * velocity - learning_rate * gradient(weights)

    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 2))
    run = Run(
        problem=Regression(features=x, targets=x.sum(axis=1) + rng.normal(size=40)).quadratics,
        rule=LinearRule(name="late", step=step, state_size=2, parameters=(momentum,), domain=(momentum < 1,)),
        scheme=reshuffled(), batch_size=4,
        hyperparameters={"learning_rate": 0.01, "momentum": 0.5}, accuracy=0.005,
    )
    one, other = full_law(run, "closure"), full_law(run, "averaged-epoch-map")
    error = one.relative_error_estimate + other.relative_error_estimate
    assert (np.abs(one.variances / other.variances - 1) < 2 * error).all()


def test_a_map_that_cannot_be_inverted_leaves_the_closure(monkeypatch: pytest.MonkeyPatch) -> None:
    from validation.epoch_map import average
    from validation.laws import Run, full_law

    def failing(*_: Any) -> Any:
        raise AccuracyError("no answer in 600 iterations")

    rng = np.random.default_rng(8)
    x = rng.normal(size=(60, 20)) * np.linspace(1, 0.2, 20)
    problem = Regression(features=x, targets=x @ rng.normal(size=20) + rng.normal(size=60)).quadratics
    run = Run(
        problem=problem, rule=heavy_ball(), scheme=reshuffled(), batch_size=4,
        hyperparameters={"learning_rate": 0.05, "momentum": 0.5}, accuracy=1e-6,
    )
    monkeypatch.setattr(average, "solve_symmetric", failing)
    assert full_law(run).method == "closure"
