"""The closures for weight-dependent noise: against all permutations, order by order, and each other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from theory.errors import TheoryError, UnstableError
from theory.multiplicative import SampleQuadratics
from theory.multiplicative.averaged_closure import AveragedClosure, _nodes
from theory.multiplicative.batch_moments import coefficients
from theory.multiplicative.closure import Closure, expand
from theory.multiplicative.closure.moments import EpochMoments
from theory.multiplicative.mean_shift import mean_shift
from theory.optimizers import rule_by_name
from theory.sampling import scheme_by_name

Array = npt.NDArray[np.float64]
VALUES: dict[str, dict[str, float]] = {
    "sgd": {"learning_rate": 0.3}, "heavy-ball": {"learning_rate": 0.3, "momentum": 0.6},
    "nesterov": {"learning_rate": 0.2, "momentum": 0.7},
    "averaged:heavy-ball": {"learning_rate": 0.25, "momentum": 0.5, "averaging_rate": 0.3},
}


def regression(samples: int, seed: int = 3, scales: tuple[float, ...] = (1.2, 0.3)) -> SampleQuadratics:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, len(scales))) * np.array(scales)
    gradients = rng.normal(size=(samples, len(scales)))
    return SampleQuadratics.from_hessians(x[:, :, None] * x[:, None, :], gradients)


def general(samples: int, seed: int = 4) -> SampleQuadratics:
    """Hessians of full rank, some not positive."""
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(samples, 2, 2))
    hessians = 0.2 * (h + h.swapaxes(1, 2)) + np.diag([1.5, 0.4])
    return SampleQuadratics.from_hessians(hessians, rng.normal(size=(samples, 2)))


def epochs(
    problem: SampleQuadratics, rule: str, sizes: tuple[int, ...]
) -> list[tuple[float, list[tuple[list[Array], list[Array]]]]]:
    """Every division into batches with its probability: by position the orders of map and push."""
    numeric = rule_by_name(rule).numeric(VALUES[rule])
    n, d = problem.samples, problem.dimension
    h = np.einsum("nqi,nq,nqj->nij", problem.factors, problem.signs, problem.factors)
    mean = np.diag(problem.curvatures)
    feedback = np.outer(numeric.inject, numeric.evaluate_at)
    drift = np.kron(numeric.keep, np.eye(d)) + np.kron(feedback, mean)
    inject = np.kron(numeric.inject[:, None], np.eye(d))
    ends = np.cumsum((0, *sizes))
    seen: dict[Any, int] = {}
    for order in itertools.permutations(range(n)):
        key = tuple(tuple(sorted(order[a:b])) for a, b in itertools.pairwise(ends))
        seen[key] = seen.get(key, 0) + 1
    out = []
    for key, count in seen.items():
        maps = [np.eye(len(drift))] + [np.zeros_like(drift)] * 3
        pushes = [np.zeros(len(drift))] * 4
        path = []
        for batch in key:
            kick = np.kron(feedback, h[list(batch)].mean(axis=0) - mean)
            maps = [drift @ maps[o] + (kick @ maps[o - 1] if o else 0) for o in range(4)]
            pushes = [drift @ pushes[o] + (kick @ pushes[o - 1] if o else 0) for o in range(4)]
            pushes[1] = pushes[1] + inject @ problem.gradients[list(batch)].mean(axis=0)
            path.append((maps, pushes))
        out.append((count / sum(seen.values()), path))
    return [(count / sum(p for p, _ in out), path) for count, path in out]


def expansion_by_enumeration(problem: SampleQuadratics, rule: str, sizes: tuple[int, ...]) -> Any:
    """(covariances averaged over the epoch in orders 2 to 4, means in orders 2 and 3)."""
    every = epochs(problem, rule, sizes)
    size = len(every[0][1][0][0][0])

    def mean(f: Callable[[Any], Any]) -> Any:
        return sum(p * f(path) for p, path in every)

    def settled(order: int) -> Any:
        return np.linalg.solve(np.eye(size) - every[0][1][-1][0][0], mean(lambda path: path[-1][1][order]))

    mean_two, mean_three = settled(2), settled(3)

    def orders(k: int, p2: Array, p3: Array, p4: Array) -> list[Array]:
        def second(path: Any) -> Array:
            (f, c), o = path[k], np.outer
            return np.asarray(f[0] @ p2 @ f[0].T + o(c[1], c[1]))

        def third(path: Any) -> Array:
            (f, c), o = path[k], np.outer
            return np.asarray(f[0] @ p3 @ f[0].T + o(c[1], c[2]) + o(c[2], c[1]))

        def fourth(path: Any) -> Array:
            (f, c), o = path[k], np.outer
            half = o(f[0] @ mean_two, c[2]) + o(f[1] @ mean_two, c[1]) + o(c[1], c[3]) + f[2] @ p2 @ f[0].T
            return np.asarray(
                f[0] @ p4 @ f[0].T + f[1] @ p2 @ f[1].T + o(c[2], c[2]) + half + half.T
            )

        return [mean(second), mean(third), mean(fourth)]

    first = every[0][1][-1][0][0]
    system = np.eye(size**2) - np.kron(first, first)
    starts: list[Any] = [np.zeros((size, size)) for _ in range(3)]
    for i in range(3):  # each order needs the lower ones
        source = orders(-1, *starts)[i]
        starts[i] = np.linalg.solve(system, source.ravel()).reshape(size, size)
    d, steps = problem.dimension, len(sizes)
    total: list[Any] = [sum(orders(k, *starts)[i] for k in range(steps)) for i in range(3)]
    moments = [one[:d, :d] / steps for one in total]

    def shift(start: Array, order: int) -> Any:
        def summed(path: Any) -> Any:
            return sum(maps[0] @ start + pushes[order] for maps, pushes in path)

        return mean(summed)[:d] / steps

    def at(k: int) -> Any:
        return mean(lambda path: path[k][0][0] @ mean_two + path[k][1][2])[:d]

    for k in range(steps):  # about the mean: only order 4 has a product of two means of order 2
        moments[2] = moments[2] - np.outer(at(k), at(k)) / steps
    return moments, [shift(mean_two, 2), shift(mean_three, 3)]


CASES = [
    ("sgd", regression(6), (2, 2, 2)), ("heavy-ball", regression(6), (2, 2, 2)),
    ("heavy-ball", general(6), (2, 2)), ("heavy-ball", regression(6), (1,) * 6),
    ("nesterov", general(7), (2, 2, 2, 1)), ("averaged:heavy-ball", regression(6, 8), (1, 2, 1)),
]


@pytest.mark.parametrize(("rule", "problem", "sizes"), CASES, ids=lambda x: str(x)[:20])
def test_every_order_equals_the_average_over_all_permutations(
    rule: str, problem: SampleQuadratics, sizes: tuple[int, ...]
) -> None:
    """Orders 2, 3 and 4 of the covariance and 2 and 3 of the mean; dropped and kept samples too."""
    moments, means = expansion_by_enumeration(problem, rule, sizes)
    found = expand(Closure(problem, rule_by_name(rule).numeric(VALUES[rule]), sizes))
    for order, (one, other) in enumerate(zip(found.covariances, moments, strict=True), start=2):
        assert np.abs(one - other).max() <= 1e-11 * np.abs(other).max(), f"order {order}"
    for one, other in zip(found.means, means, strict=True):
        assert np.abs(one - other).max() <= 1e-11 * np.abs(other).max()


def test_an_order_left_out_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: without crossed contractions and fourth cumulants order 4 is another."""
    import theory.multiplicative.closure.solve as module

    rule, problem, sizes = CASES[1]
    moments, _ = expansion_by_enumeration(problem, rule, sizes)
    closure = Closure(problem, rule_by_name(rule).numeric(VALUES[rule]), sizes)
    nothing = EpochMoments.zeros(closure.thirds.times, problem.dimension)
    monkeypatch.setattr(module, "fourth_order_noise", lambda *_: nothing)
    found = expand(closure).covariances[2]
    assert np.abs(found - moments[2]).max() > 0.01 * np.abs(moments[2]).max()


@pytest.mark.parametrize("factors", [2, 3, 4])
def test_joint_moments_of_batches_by_enumeration(factors: int) -> None:
    """Exact fractions, all positions, unequal batches."""
    rng = np.random.default_rng(factors)
    n, ends = 5, (0, 2, 3, 5)
    rows = [[Fraction(int(v)) for v in rng.integers(-5, 6, n)] for _ in range(factors)]
    x = [[v - sum(row) / n for v in row] for row in rows]

    def moment(block: tuple[int, ...]) -> Fraction:
        total = sum((math.prod([x[a][i] for a in block]) for i in range(n)), Fraction(0))
        return Fraction(total) / n

    blocks: list[Any] = [(tuple(range(factors)),)]
    if factors == 4:
        blocks += [((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))]
    orders = list(itertools.permutations(range(n)))
    for where in itertools.product(range(3), repeat=factors):
        truth = Fraction(0)
        for order in orders:
            term = Fraction(1)
            for a, k in enumerate(where):
                rows_of_batch = [x[a][i] for i in order[ends[k] : ends[k + 1]]]
                term *= Fraction(sum(rows_of_batch, Fraction(0))) / len(rows_of_batch)
            truth += term
        found = Fraction(0)
        for product in blocks:
            population = Fraction(1)
            for block in product:
                population *= moment(block)
            for partition, c in coefficients(factors, n, product).items():
                if all(len({where[a] for a in block}) == 1 for block in partition):
                    size = 1
                    for together in partition:
                        k = where[min(together)]
                        size *= math.prod([ends[k + 1] - ends[k]] * (len(together) - 1))
                    found += c * population * Fraction(1, size)
        assert found == truth / len(orders)


@pytest.mark.parametrize("scheme", ["reshuffled", "dropped-batch", "kept-batch", "shuffled-once"])
def test_the_mean_shift_is_the_leading_order(scheme: str) -> None:
    """Of the average over all permutations; of the periodic orbit where one repeats."""
    problem = regression(6)
    batch = 2 if scheme in ("reshuffled", "shuffled-once") else 4
    chosen, rule = scheme_by_name(scheme), rule_by_name("heavy-ball")
    numeric = rule.numeric(VALUES["heavy-ball"])
    sizes = chosen.batch_sizes(6, batch)
    found = mean_shift(problem, numeric, chosen, batch).values
    if scheme != "shuffled-once":
        _, (truth, _) = expansion_by_enumeration(problem, "heavy-ball", sizes)
    else:
        truth = np.zeros(2)
        for p, path in epochs(problem, "heavy-ball", sizes):
            f, c = path[-1]
            rest = np.eye(len(f[0])) - f[0]
            one = np.linalg.solve(rest, c[1])
            two = np.linalg.solve(rest, c[2] + f[1] @ one)
            for g, e in path:
                truth += p * (g[0] @ two + g[1] @ one + e[2])[:2] / len(path)
    np.testing.assert_allclose(found, truth, rtol=1e-11, atol=1e-13 * np.abs(truth).max())


def test_independent_steps_have_no_mean_shift() -> None:
    numeric = rule_by_name("sgd").numeric(VALUES["sgd"])
    found = mean_shift(regression(6), numeric, scheme_by_name("fresh-batches"), 2)
    assert not found.values.any()
    assert not found.error_estimate.any()


def _bell(samples: int, batch: int, share: float) -> tuple[Any, Any]:
    """Both closures for Gaussian features, at a learning rate of ``share``."""
    problem = regression(samples, 5, (1.0, 0.3, 0.05))
    numeric = rule_by_name("heavy-ball").numeric({"learning_rate": share, "momentum": 0.5})
    sizes = (batch,) * (samples // batch)
    return Closure(problem, numeric, sizes).solve(), AveragedClosure(problem, numeric, sizes).solve()


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_the_two_closures_agree_within_their_estimates(share: float) -> None:
    full, averaged = _bell(240, 6, share)
    gap = np.abs(np.diag(averaged.covariance) / np.diag(full.covariance) - 1)
    allowed = full.relative_error_estimate + averaged.relative_error_estimate
    assert (gap <= np.minimum(allowed, 0.01)).all(), (gap, allowed)  # found: 0.8 % at the largest share


def test_closures_scale_with_the_units() -> None:
    """Fifteen orders of magnitude of the loss and of the parameter; no absolute tolerance anywhere."""
    base = regression(24, 5)
    for loss, parameter in ((1e-9, 1e-6), (1e6, 1e9)):
        other = SampleQuadratics(
            factors=base.factors * loss**0.5 / parameter, signs=base.signs,
            gradients=base.gradients * loss / parameter,
            curvatures=base.curvatures * loss / parameter**2, directions=base.directions,
            minimum=base.minimum * parameter,
        )
        rule = rule_by_name("heavy-ball")
        one = rule.numeric({"learning_rate": 0.1, "momentum": 0.5})
        two = rule.numeric({"learning_rate": 0.1 * parameter**2 / loss, "momentum": 0.5})
        kinds: tuple[Any, ...] = (Closure, AveragedClosure)
        for kind in kinds:
            a, b = kind(base, one, (4,) * 6).solve(), kind(other, two, (4,) * 6).solve()
            np.testing.assert_allclose(b.covariance, a.covariance * parameter**2, rtol=1e-9)
            np.testing.assert_allclose(b.mean, a.mean * parameter, rtol=1e-9)


def test_many_lags_are_interpolated_from_few() -> None:
    nodes = _nodes(1000)
    assert len(nodes) <= 64
    assert nodes[0] == 0
    assert nodes[-1] == 999
    assert list(nodes[:3]) == [0, 1, 2]
    assert list(_nodes(7)) == list(range(7))


def test_interpolation_costs_little_accuracy(monkeypatch: pytest.MonkeyPatch) -> None:
    import theory.multiplicative.averaged_closure as module

    problem = regression(400, 6)
    numeric = rule_by_name("heavy-ball").numeric({"learning_rate": 0.05, "momentum": 0.9})
    few = AveragedClosure(problem, numeric, (2,) * 200).solve()
    monkeypatch.setattr(module, "MOST_LAGS", 1000)
    every = AveragedClosure(problem, numeric, (2,) * 200).solve()
    np.testing.assert_allclose(np.diag(few.covariance), np.diag(every.covariance), rtol=1e-5)  # 9e-7


def test_beyond_the_limits_there_is_an_error() -> None:
    problem = regression(24, 5)
    rule = rule_by_name("heavy-ball")
    limit = 2 * 1.5 / problem.curvatures[0]
    for share, message in ((0.99, "do not settle"), (1.01, "not even the mean settles")):
        numeric = rule.numeric({"learning_rate": share * limit, "momentum": 0.5})
        with pytest.raises(UnstableError, match=message):
            Closure(problem, numeric, (1,) * 24).solve()
    numeric = rule.numeric({"learning_rate": 0.99 * limit, "momentum": 0.5})
    with pytest.raises(UnstableError, match=r"do not settle .* after \d iterations"):
        AveragedClosure(problem, numeric, (1,) * 24).solve()


def test_a_scheme_of_your_own_has_no_known_joint_moments() -> None:
    from theory.noise import White
    from theory.sampling import SamplingScheme

    own = SamplingScheme(name="own", noise=((White(), 1),))
    with pytest.raises(TheoryError, match="draws by its own function"):
        mean_shift(regression(6), rule_by_name("sgd").numeric(VALUES["sgd"]), own, 2)


@pytest.mark.montecarlo
def test_the_noise_remembers_what_the_closure_says() -> None:
    """Noise of a long run at its own weights, at lags 0 to 10; the published one must fail."""
    from validation.blocks import average_blocks
    from validation.compare import compare
    from validation.data import load_data
    from validation.regression import Regression
    from validation.trajectory import trajectory

    data = load_data("diabetes", intercept=False)
    problem = Regression(features=data.features, targets=data.targets)
    rule, scheme = rule_by_name("heavy-ball"), scheme_by_name("reshuffled")
    values = {"learning_rate": 18.0, "momentum": 0.9}
    sizes = scheme.batch_sizes(442, 26)
    indices = scheme.draw(442, 26, 20_000, np.random.default_rng(5)).astype(np.int32)
    weights = trajectory(problem, rule, indices, batch_sizes=sizes, hyperparameters=values)
    samples = problem.quadratics
    lags = (0, 1, 2, 5, 10)
    blocks = average_blocks(
        samples, weights.reshape(-1, 10), indices, sizes, burn_in=600, block=19, gap=1, lags=lags
    )
    law = Closure(samples, rule.numeric(values), sizes).solve()
    share = np.array([1.0, *(-(17 - h) / (17 * 16) for h in lags[1:])])
    alone = np.diag(samples.gradient_covariance) * (1 / 26 - 1 / 442) * 442 / 441
    for predicted, agrees in (
        (law.noise_autocovariance[list(lags)], True), (share[:, None] * alone, False)
    ):
        changes = predicted[0] - predicted  # R(0) - R(h), never negative
        changes[0] = predicted[0]
        found = compare(
            changes.ravel(), blocks.noise_changes.reshape(len(blocks.weights), -1), resolution=0.04
        )
        assert found.agrees == agrees, found


def test_directions_without_curvature_stay_still() -> None:
    problem = regression(24, 5)
    pad = ((0, 0), (0, 1))
    still = SampleQuadratics(
        factors=np.pad(problem.factors, ((0, 0), *pad)), signs=problem.signs,
        gradients=np.pad(problem.gradients, pad), curvatures=np.pad(problem.curvatures, (0, 1)),
        directions=np.eye(3), minimum=np.zeros(3),
    )
    numeric = rule_by_name("heavy-ball").numeric({"learning_rate": 0.1, "momentum": 0.5})
    laws: list[Any] = [kind(still, numeric, (4,) * 6).solve() for kind in (Closure, AveragedClosure)]
    for law in laws:
        assert law.covariance[2, 2] == 0
        assert (np.diag(law.covariance)[:2] > 0).all()
        assert np.isfinite(law.relative_error_estimate).all()


def test_a_direction_that_weight_decay_alone_holds_has_its_variance() -> None:
    """No Hessian fluctuates there: both closures are exact, and agree."""
    rng = np.random.default_rng(3)
    hessians = np.zeros((24, 2, 2))
    hessians[:, 0, 0] = rng.normal(size=24) ** 2
    problem = SampleQuadratics.from_hessians(hessians, rng.normal(size=(24, 2)), weight_decay=0.3)
    assert not np.abs(problem.factors[:, :, 1]).max() > 0
    numeric = rule_by_name("pytorch-sgd").numeric(
        {"learning_rate": 0.1, "momentum": 0.5, "dampening": 0.0, "weight_decay": 0.3}
    )
    full, averaged = (kind(problem, numeric, (4,) * 6).solve() for kind in (Closure, AveragedClosure))
    assert full.covariance[1, 1] > 0
    np.testing.assert_allclose(averaged.covariance[1, 1], full.covariance[1, 1], rtol=1e-12)


@pytest.mark.parametrize("curvature", [1e-2, 1e-8, 1e-10, 1e-12])
def test_flat_directions_keep_their_digits_within_the_estimate(curvature: float) -> None:
    """Without fluctuations of the Hessian both closures are the published law, however flat."""
    from theory import reshuffled, stationary_law

    rng = np.random.default_rng(2)
    gradients = rng.normal(size=(24, 1))
    gradients -= gradients.mean(axis=0)
    problem = SampleQuadratics(
        factors=np.full((24, 1, 1), curvature**0.5), signs=np.ones((24, 1)), gradients=gradients,
        curvatures=np.array([curvature]), directions=np.eye(1), minimum=np.zeros(1),
    )
    values = {"learning_rate": 0.05, "momentum": 0.5}
    numeric = rule_by_name("heavy-ball").numeric(values)
    noise = float(gradients.var()) * 24 / 23 * (1 / 4 - 1 / 24)
    law = stationary_law(rule_by_name("heavy-ball"), reshuffled()).weight_variance
    truth = float(law.evaluate(
        learning_rate=0.05, momentum=0.5, curvature=curvature, noise_variance=noise, steps_per_epoch=6
    ))
    kinds: tuple[Any, ...] = (Closure, AveragedClosure)
    for kind in kinds:
        found = kind(problem, numeric, (4,) * 6).solve()
        gap = abs(found.covariance[0, 0] / truth - 1)
        assert gap <= found.relative_error_estimate[0]
        allowed = 2e-7 + 4 * np.finfo(np.float64).eps / (0.05 * curvature)
        assert found.relative_error_estimate[0] < allowed


def test_a_rank_deficient_list_of_hessians_has_a_law() -> None:
    """What rounding leaves in a direction that nobody pulls is no force."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(12, 2)) @ rng.normal(size=(2, 4))
    problem = SampleQuadratics.from_hessians(
        x[:, :, None] * x[:, None, :], x * rng.normal(size=(12, 1))
    )
    numeric = rule_by_name("heavy-ball").numeric({"learning_rate": 0.01, "momentum": 0.5})
    law = Closure(problem, numeric, (3,) * 4).solve()
    assert (np.diag(law.covariance) > 0).sum() == 2
    assert (np.diag(AveragedClosure(problem, numeric, (3,) * 4).solve().covariance) > 0).sum() == 2
    for scheme in ("reshuffled", "shuffled-once"):
        shift = mean_shift(problem, numeric, scheme_by_name(scheme), 3)
        assert np.isfinite(shift.values).all()
        assert np.isfinite(shift.error_estimate).all()


def test_what_pushes_but_is_not_pulled_back_has_no_law() -> None:
    from theory.errors import NoStationaryLawError

    problem = regression(12, 5)
    own = np.linspace(-1, 1, 12)[:, None]
    pushed = SampleQuadratics(
        factors=np.pad(problem.factors, ((0, 0), (0, 0), (0, 1))), signs=problem.signs,
        gradients=np.hstack([problem.gradients, own]), curvatures=np.append(problem.curvatures, 0.0),
        directions=np.eye(3), minimum=np.zeros(3),
    )
    numeric = rule_by_name("sgd").numeric(VALUES["sgd"])
    kinds: tuple[Any, ...] = (Closure, AveragedClosure)
    for kind in kinds:
        with pytest.raises(NoStationaryLawError, match="diffuse for ever"):
            kind(pushed, numeric, (3,) * 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signs": np.full((12, 1), 2.5)}, "signs must be"),
        ({"weight_decay": float("nan")}, "weight_decay must be"),
        ({"gradients": np.ones((12, 2))}, "must sum to zero"),
        ({"curvatures": np.array([3.0, 1.0])}, r"is not diag\(curvatures\)"),
    ],
)
def test_what_is_no_list_of_quadratics_at_its_minimum(changes: dict[str, Any], message: str) -> None:
    good = regression(12, 5)
    fields = {
        name: getattr(good, name)
        for name in ("factors", "signs", "gradients", "curvatures", "directions", "minimum")
    }
    with pytest.raises(TheoryError, match=message):
        SampleQuadratics(**{**fields, **changes})


@pytest.mark.parametrize("sizes", [(20, 20), (0, 5), (2.5, 2), ()])
def test_batches_that_do_not_fit_are_refused(sizes: tuple[Any, ...]) -> None:
    numeric = rule_by_name("sgd").numeric(VALUES["sgd"])
    kinds: tuple[Any, ...] = (Closure, AveragedClosure)
    for kind in kinds:
        with pytest.raises(TheoryError, match="positive whole numbers"):
            kind(regression(24, 5), numeric, sizes)


def test_a_hyperparameter_the_rule_does_not_have_is_refused() -> None:
    with pytest.raises(TheoryError, match="unknown hyperparameter of 'sgd'"):
        rule_by_name("sgd").require_own({"learning_rate": 0.1, "momentum": 0.5})
