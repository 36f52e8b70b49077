"""Sampling schemes: the stated noise is the noise of the drawn batches, by complete enumeration."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sympy as sp

from theory.engine.law import setting_for
from theory.errors import TheoryError, UnknownNameError
from theory.noise import Frozen, LastStep, Periodic, PeriodicLastStep, SharedInEpoch, White
from theory.optimizers import sgd
from theory.sampling import SCHEMES, SamplingScheme, reshuffled, scheme_by_name
from theory.sampling.positive import negative_eigenvalue
from theory.symbols import steps_per_epoch

IntArray = npt.NDArray[np.int64]

#: N and S for each scheme, small enough to enumerate two epochs completely
SMALL = {
    "with-replacement": [(3, 1), (4, 2)],
    "fresh-batches": [(4, 2), (5, 2), (4, 3)],
    "reshuffled": [(4, 2), (5, 1), (4, 1), (6, 6)],
    "dropped-batch": [(5, 2), (4, 2), (5, 3)],
    "kept-batch": [(5, 2), (4, 3), (4, 2)],
    "shuffled-once": [(4, 2), (6, 2), (5, 1)],
    "shuffled-once-unequal": [(5, 2), (6, 4), (7, 3)],
}
CASES = [(name, n, s) for name, pairs in SMALL.items() for n, s in pairs]
#: false-alarm rate of all comparisons of one Monte Carlo test together
FALSE_ALARM = 1e-6


class ScriptedGenerator:
    """Stands in for numpy's generator and returns prescribed outcomes, in order."""

    def __init__(self, outcomes: tuple[Any, ...]) -> None:
        self.outcomes = list(outcomes)

    def permutation(self, n: int) -> IntArray:
        return self._next(n)

    def choice(self, n: int, *, size: int, replace: bool) -> IntArray:
        assert not replace
        return self._next(size)

    def integers(self, n: int, *, size: int) -> IntArray:
        return self._next(size)

    def _next(self, size: int) -> IntArray:
        found = np.array(self.outcomes.pop(0), dtype=np.int64)
        assert len(found) == size
        return found


def every_draw(scheme: SamplingScheme, n: int, s: int, epochs: int) -> Iterator[IntArray]:
    """All equally likely index arrays of ``epochs`` epochs, through ``scheme.draw`` itself."""
    sizes = scheme.batch_sizes(n, s)
    per_epoch: list[list[tuple[int, ...]]]
    if scheme.lasting == "sample":
        per_epoch = [list(itertools.product(range(n), repeat=sum(sizes)))]
    elif scheme.lasting == "batch":
        # the order inside a batch does not matter for its mean
        calls = 1 if scheme.draw_epoch is not None else len(sizes)
        per_epoch = [list(itertools.combinations(range(n), size)) for size in sizes[:calls]]
    else:
        per_epoch = [list(itertools.permutations(range(n)))]
    repeats = 1 if scheme.lasting == "run" else epochs
    for outcomes in itertools.product(*per_epoch * repeats):
        generator: Any = ScriptedGenerator(outcomes)
        yield scheme.draw(n, s, epochs, generator)


def batch_means(scheme: SamplingScheme, n: int, s: int, indices: IntArray) -> tuple[IntArray, int]:
    """Batch means of integer gradients with mean zero, times a common denominator."""
    gradients = np.arange(1, n + 1) ** 2 * n
    gradients = gradients - gradients.sum() // n
    assert gradients.sum() == 0
    sizes = scheme.batch_sizes(n, s)
    common = math.lcm(*sizes)
    starts = np.cumsum([0, *sizes[:-1]])
    sums = np.add.reduceat(gradients[indices], starts, axis=-1)
    means = sums * (common // np.array(sizes))
    return means.reshape(*means.shape[:-2], -1), common


def sample_covariance(n: int) -> Fraction:
    """C_0 of the same gradients."""
    gradients = np.arange(1, n + 1) ** 2 * n
    gradients = gradients - gradients.sum() // n
    return Fraction(int(gradients @ gradients), n - 1)


def enumerated(scheme: SamplingScheme, n: int, s: int, epochs: int) -> list[list[Fraction]]:
    draws = np.array(list(every_draw(scheme, n, s, epochs)))
    means, common = batch_means(scheme, n, s, draws)
    assert not means.sum(axis=0).any(), "batch noise must have mean zero"
    total = means.T @ means
    return [[Fraction(int(x), len(draws) * common**2) for x in row] for row in total]


def stated(scheme: SamplingScheme, n: int, s: int, epochs: int) -> list[list[Fraction]]:
    steps = scheme.steps_per_epoch(n, s)
    unit = scheme.variance_factor(n, s) * sample_covariance(n)
    matrix = scheme.noise_covariance(steps, samples=n, batch_size=s, epochs=epochs)
    return [[unit * x for x in row] for row in matrix]


@pytest.mark.parametrize(("name", "n", "s"), CASES)
def test_noise_covariance_is_that_of_all_draws(name: str, n: int, s: int) -> None:
    scheme = scheme_by_name(name)
    epochs = 2 if scheme.lasting != "sample" and (scheme.lasting != "epoch" or n < 5) else 1
    assert enumerated(scheme, n, s, epochs) == stated(scheme, n, s, epochs)


def test_enumeration_would_notice_another_scheme() -> None:
    drawn = enumerated(scheme_by_name("reshuffled"), 4, 2, 1)
    assert drawn != stated(scheme_by_name("fresh-batches"), 4, 2, 1)
    assert drawn != stated(scheme_by_name("reshuffled"), 4, 2, 2)[2:]


def test_a_scheme_of_your_own_is_one_value() -> None:
    def draw_epoch(samples: int, batch_size: int, epoch: int, rng: np.random.Generator) -> IntArray:
        batch = rng.choice(samples, size=batch_size, replace=False)
        return np.tile(batch, samples // batch_size)

    scheme = SamplingScheme(
        name="one-batch-an-epoch", noise=((SharedInEpoch(), 1),), lasting="batch",
        draw_epoch=draw_epoch,
    )
    assert enumerated(scheme, 5, 2, 2) == stated(scheme, 5, 2, 2)


@pytest.mark.parametrize(("name", "_"), SCHEMES)
def test_drawn_sequences_have_the_structure_of_the_scheme(name: str, _: object) -> None:
    scheme, n, s, epochs = scheme_by_name(name), 24, 4, 5
    if scheme.last_batch in ("dropped", "kept"):
        n = 26
    drawn = scheme.draw(n, s, epochs, np.random.default_rng(0))
    sizes = scheme.batch_sizes(n, s)
    assert drawn.shape == (epochs, sum(sizes))
    assert drawn.min() >= 0
    assert drawn.max() < n
    assert sizes[:-1] == (s,) * (len(sizes) - 1)
    assert sizes[-1] == (n - s * (len(sizes) - 1) if scheme.last_batch == "kept" else s)
    distinct = [len(set(row)) for row in drawn.tolist()]
    if scheme.lasting in ("epoch", "run"):
        assert distinct == [sum(sizes)] * epochs
    if scheme.lasting == "batch":
        batches = drawn.reshape(epochs, -1, s).tolist()
        assert all(len(set(batch)) == s for row in batches for batch in row)
    repeats = all((row == drawn[0]).all() for row in drawn)
    assert repeats == (scheme.lasting == "run")


def worst_z(scheme: SamplingScheme, claimed: SamplingScheme, replicas: int) -> tuple[float, float]:
    """Largest z-score of second moments over two epochs, and its threshold."""
    n, s = 10, 2
    rng = np.random.default_rng(sum(scheme.name.encode()))
    indices = np.array([scheme.draw(n, s, 2, rng) for _ in range(replicas)])
    means, common = batch_means(scheme, n, s, indices)
    noise = means / common
    products = np.einsum("rk,rl->rkl", noise, noise)
    spread = products.std(axis=0) / math.sqrt(replicas)
    expected = np.array(stated(claimed, n, s, 2), dtype=np.float64)
    z = np.abs(products.mean(axis=0) - expected) / spread
    count = z.size
    return float(z.max()), NormalDist().inv_cdf(1 - FALSE_ALARM / (2 * count))


@pytest.mark.montecarlo
@pytest.mark.parametrize(("name", "_"), SCHEMES)
def test_random_draws_have_the_stated_covariance(name: str, _: object) -> None:
    scheme = scheme_by_name(name)
    z, threshold = worst_z(scheme, scheme, 4000)
    assert z < threshold, f"z = {z:.2f}, threshold {threshold:.2f}"


@pytest.mark.montecarlo
def test_random_draws_would_reveal_another_scheme() -> None:
    reshuffled = scheme_by_name("reshuffled")
    for other in ("fresh-batches", "with-replacement", "shuffled-once"):
        z, threshold = worst_z(scheme_by_name(other), reshuffled, 4000)
        assert z > threshold, f"{other}: z = {z:.2f}, threshold {threshold:.2f}"


def test_wrong_sizes_are_refused_with_a_way_out() -> None:
    reshuffled, kept = scheme_by_name("reshuffled"), scheme_by_name("kept-batch")
    with pytest.raises(TheoryError, match=r"10 = 3 \* 3 \+ 1.*'dropped-batch' or 'kept-batch'"):
        reshuffled.steps_per_epoch(10, 3)
    with pytest.raises(TheoryError, match=r"batch_size must lie in 1\.\.10 .*got 11"):
        kept.steps_per_epoch(10, 11)
    with pytest.raises(TheoryError, match=r"batch_size must lie in .*got 0"):
        kept.batch_sizes(10, 0)
    with pytest.raises(TheoryError, match="samples must be at least 2; got 1"):
        reshuffled.steps_per_epoch(1, 1)
    with pytest.raises(TheoryError, match="steps_per_epoch must be an integer >= 1; got 0"):
        reshuffled.noise_covariance(0)
    with pytest.raises(TheoryError, match="'kept-batch' needs batch_size, samples"):
        kept.noise_covariance(3)
    with pytest.raises(TheoryError, match=r"105 = 10 \* 10 \+ 5; .*'shuffled-once-unequal'"):
        scheme_by_name("shuffled-once").steps_per_epoch(105, 10)
    with pytest.raises(TheoryError, match=r"batch_size = 2\.5 is not a whole number"):
        kept.draw(6, 2.5, 1, np.random.default_rng(0))  # type: ignore[arg-type]
    for call in (kept.noise_covariance, reshuffled.noise_covariance):
        with pytest.raises(TheoryError, match="steps_per_epoch = nan is not finite"):
            call(float("nan"), samples=6, batch_size=2)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="did you mean 'reshuffled'"):
        scheme_by_name("reshuffle")
    bad = SamplingScheme(
        name="short", noise=((SharedInEpoch(), 1),), draw_epoch=lambda n, s, e, r: np.zeros(1, int)
    )
    with pytest.raises(TheoryError, match=r"returned shape \(1,\); an epoch has 4"):
        bad.draw(4, 2, 1, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["reshuffled", "shuffled-once", "kept-batch", "dropped-batch"])
def test_the_whole_data_set_in_one_batch_makes_no_noise(name: str) -> None:
    scheme = scheme_by_name(name)
    assert scheme.noise_covariance(1, samples=6, batch_size=6) == ((Fraction(0),),)


def test_too_many_steps_for_the_data_are_refused() -> None:
    for name, limit in (("kept-batch", 4), ("dropped-batch", 3), ("shuffled-once-unequal", 4)):
        scheme = scheme_by_name(name)
        scheme.noise_covariance(limit, samples=10, batch_size=3)
        with pytest.raises(TheoryError, match=rf"too many batches of 3 for 10 .*it is {limit}"):
            scheme.noise_covariance(limit + 1, samples=10, batch_size=3)


def test_equal_batches_sum_to_zero_over_an_epoch() -> None:
    for name in ("reshuffled", "shuffled-once"):
        matrix = scheme_by_name(name).noise_covariance(5)
        assert [sum(row) for row in matrix] == [0] * 5


@pytest.mark.parametrize(
    ("name", "way_out"),
    [("reshuffled", "'dropped-batch' or 'kept-batch'"),
     ("shuffled-once", r"'shuffled-once-unequal', that is shuffled_once\(unequal_batches=True\)")],
)
def test_equal_batches_must_be_equal(name: str, way_out: str) -> None:
    scheme = scheme_by_name(name)
    assert scheme.weights(10, 100, 10) == scheme.weights(10)
    with pytest.raises(TheoryError, match=rf"samples = 105 and 10 \* 10 = 100; .*{way_out}"):
        scheme.weights(10, 105, 10)


@pytest.mark.parametrize("m", [1, 2, 3, 6])
def test_negative_eigenvalues_are_those_of_the_matrix(m: int) -> None:
    """Against the matrix of forty epochs, for weights of either sign and of both families."""
    rng = np.random.default_rng(20261121 + m)
    fresh, repeated = (White, SharedInEpoch, LastStep), (Periodic, Frozen, PeriodicLastStep)
    met = set()
    for _ in range(60):
        kinds = [*(fresh, repeated)[int(rng.integers(2))]]
        weights = [Fraction(int(w), 4) for w in (*rng.integers(-1, 5, 1), *rng.integers(-3, 6, 2))]
        parts = tuple((k(), w) for k, w in zip(kinds, weights, strict=True))
        steps = range(1, m + 1)
        matrix = [[float(sum(w for c, w in parts if c.correlated(k, l, m))) for l in steps]
                  for k in steps]
        smallest = np.linalg.eigvalsh(np.array(matrix))[0]
        found = negative_eigenvalue(parts, m)
        met.add(found is None)
        if found is None:
            assert smallest > -1e-12
        else:
            assert smallest == pytest.approx(found, rel=1e-9) or (m > 2 and smallest < found < 0)
    assert met == {True, False}


def test_noise_that_is_no_covariance_is_refused() -> None:
    m = steps_per_epoch
    for noise, steps in (
        (((White(), -1),), 3), (((White(), 1), (SharedInEpoch(), -1)), 5),
        (((White(), m / (m - 1)), (SharedInEpoch(), -2 / (m - 1))), 40),
        (((SharedInEpoch(), 1), (Periodic(), -1)), 3), (((White(), 1), (LastStep(), -2)), 7),
    ):
        bad = SamplingScheme(name="bad", noise=noise)
        with pytest.raises(TheoryError, match=rf"'bad' is not positive.*steps_per_epoch = {steps} its"):
            bad.weights(steps)
        with pytest.raises(TheoryError, match="'bad' is not positive semi-definite"):
            setting_for(sgd(), bad, "mean", cross=False, velocity=False)
    some = SamplingScheme(name="some", noise=((White(), 1), (SharedInEpoch(), Fraction(-1, 10))))
    some.require_covariance()
    assert len(some.weights(10)) == 2
    with pytest.raises(TheoryError, match=r"steps_per_epoch = 11 its covariance has .* -0\.1 "):
        some.weights(11)


class Alternating(White):
    """A component of the user's own: even and odd steps apart."""

    def correlated(self, k: int, l: int, steps: int) -> bool:
        return (k - l) % 2 == 0


def test_components_of_your_own_are_looked_at_too() -> None:
    assert negative_eigenvalue(((Alternating(), Fraction(1)),), 100) is None
    assert negative_eigenvalue(((White(), Fraction(1)), (Alternating(), Fraction(-1))), 100) == (
        pytest.approx(-23)
    )


def test_built_in_noise_is_a_covariance() -> None:
    for name, maker in SCHEMES:
        maker().require_covariance()
        for n, s in ((7, 3), (12, 4), (100, 7), (10**9 + 7, 64)):
            if maker().last_batch != "forbidden" or n % s == 0:
                assert maker().weights(maker().steps_per_epoch(n, s), n, s), name


def test_the_readme_scheme_draws_what_it_declares() -> None:
    """Fixed batches in a new order: exact covariance over all orders, by enumeration."""
    values = [Fraction(v) for v in (5, -1, -3, -1)]  # means of four batches, summing to zero
    orders = list(itertools.permutations(values))
    variance = sum((v * v for v in values), Fraction(0)) / 4
    expected = reshuffled().noise_covariance(4)
    for k in range(4):
        for l in range(4):
            found = sum((order[k] * order[l] for order in orders), Fraction(0)) / len(orders)
            assert found == expected[k][l] * variance


def test_a_scheme_without_draws_says_so() -> None:
    scheme = SamplingScheme(name="abstract", noise=((White(), 1),))
    with pytest.raises(TheoryError, match="'abstract' does not say how it draws"):
        scheme.draw(6, 2, 1, np.random.default_rng(0))


def test_text_is_no_weight() -> None:
    """Nothing from outside is evaluated: a weight is a number or an expression, never text."""
    scheme = SamplingScheme(name="text", noise=((White(), "__import__('os')"),))
    with pytest.raises(sp.SympifyError, match="SympifyError"):
        scheme.weights(3)
