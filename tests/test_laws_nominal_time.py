"""What a budget of seconds buys is counted, not timed: the same run gives the same bits at any speed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from theory.optimizers import heavy_ball, sgd
from theory.sampling import SamplingScheme, fresh_batches, reshuffled, shuffled_once
from validation.epoch_map import EpochMapLaw, averaged
from validation.epoch_map.cost import EpochCost, epoch_cost
from validation.laws import METHODS, Method, Run, WeightLaw, full_law
from validation.laws.epoch_map import EpochMapMethod
from validation.regression import Regression

CLOCKS = ("monotonic", "perf_counter", "process_time", "time", "thread_time")


def run(scheme: SamplingScheme, *, share: float, accuracy: float = 0.01, seconds: float = 12.0) -> Run:
    """A small regression at this share of the mean-square limit."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(60, 3)) * [2.0, 1.0, 0.5]
    given = Run(
        problem=Regression(features=x, targets=x @ [1.0, -1.0, 2.0] + rng.normal(size=60)).quadratics,
        rule=heavy_ball(), scheme=scheme, batch_size=4,
        hyperparameters={"learning_rate": 1e-3, "momentum": 0.8},
    )
    assert given.mean_square_limit is not None
    rate = share * given.mean_square_limit
    values = {"learning_rate": rate, "momentum": 0.8}
    return replace(given, hyperparameters=values, accuracy=accuracy, seconds=seconds)


def clock(pace: float) -> Callable[[], float]:
    """Advances by ``pace`` seconds at every look."""
    ticks: Iterator[int] = itertools.count()
    return lambda: pace * next(ticks)


def bits(law: WeightLaw) -> list[bytes]:
    errors = (law.relative_error_estimate, law.mean_error_estimate)
    return [a.tobytes() for a in (law.covariance, law.mean, law.velocity_variances, *errors)]


@pytest.mark.parametrize(
    ("scheme", "share", "accuracy", "seconds", "method", "permutations"),
    [
        (reshuffled(), 0.6, 0.1, 2.0, None, None),  # the closure first; its error is too large
        (reshuffled(), 0.05, 0.1, 2.0, None, 0),  # the closure is enough
        (reshuffled(), 0.6, 0.001, 0.14, "averaged-epoch-map", 3000),  # a pilot, and what time is left
        (reshuffled(), 0.6, 0.001, 0.03, "averaged-epoch-map", 400),  # not even a pilot
        (shuffled_once(), 0.1, 0.001, 0.14, None, 5000),
    ],
)
def test_the_clock_decides_nothing(
    scheme: SamplingScheme, share: float, accuracy: float, seconds: float, method: str | None,
    permutations: int | None, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frozen, and so quick that any budget is spent at the first look.

    ``permutations``, where the budget decides: their number within a factor of two; 0 for a closure.
    """
    given = run(scheme, share=share, accuracy=accuracy, seconds=seconds)
    plain = full_law(given, method)
    assert plain.method == ("closure" if permutations == 0 else "averaged-epoch-map")
    if permutations:
        assert permutations / 2 < plain.figures["permutations"] < permutations * 2
    for pace in (0.0, 1e6):
        with monkeypatch.context() as patch:
            for name in CLOCKS:
                patch.setattr(time, name, clock(pace))
            law = full_law(replace(given), method)
        assert law.method == plain.method
        assert dict(law.figures) == dict(plain.figures)
        assert bits(law) == bits(plain)


def test_the_budget_decides() -> None:
    """More nominal time, more permutations; too little, and the fewest."""
    few, many = (
        full_law(run(reshuffled(), share=0.6, accuracy=1e-4, seconds=s), "averaged-epoch-map").figures
        for s in (0.07, 0.14)
    )
    assert many["permutations"] > 2 * few["permutations"], "what is fixed is paid only once"
    method, least = EpochMapMethod(), run(reshuffled(), share=0.6, seconds=1e-6)
    assert method.affordable(least) == 0
    assert not method.fits(least)
    assert method.solve(least).figures["permutations"] == 32
    assert method.fits(run(reshuffled(), share=0.6, seconds=float("inf")))


@pytest.mark.parametrize(
    ("seconds", "misjudged", "samples"),
    [(2.0, 1.0, 2), (2.0, 0.5, 3), (0.03, 1.0, 1)], ids=["pilot", "enlarged", "no pilot"],
)
def test_every_permutation_drawn_is_paid_for(
    seconds: float, misjudged: float, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pilot and what an enlargement replaces too; here a pilot may find half of its standard error."""
    counts: list[int] = []

    def law(system: object, draw: object, count: int, *others: object) -> EpochMapLaw:
        counts.append(count)
        found: EpochMapLaw = original(system, draw, count, *others)
        return replace(found, standard_error=(misjudged if len(counts) == 1 else 1.0) * found.standard_error)

    original = averaged._law  # type: Callable[..., EpochMapLaw]
    monkeypatch.setattr(averaged, "_law", law)
    given = run(reshuffled(), share=0.6, accuracy=0.03, seconds=seconds)
    shown: list[tuple[int, int]] = []
    figures = EpochMapMethod().solve(replace(given, progress=lambda *both: shown.append(both))).figures
    assert len(counts) == samples
    assert figures["permutations"] == counts[-1]
    state, sizes = given.problem.dimension, given.sizes
    each = epoch_cost(samples=60, rank=1, dimension=state, entries=2, sizes=sizes, once=False)
    assert figures["nominal_seconds"] == pytest.approx(each.fixed + sum(counts) * each.each, rel=1e-12)
    assert shown[-1] == (2 * counts[-1], 2 * counts[-1])


def cost(**changed: int) -> EpochCost:
    given = {"samples": 400, "rank": 1, "dimension": 11, "entries": 2, "batch": 4, **changed}
    sizes = (given["batch"],) * (given["samples"] // given["batch"])
    return epoch_cost(
        samples=given["samples"], rank=given["rank"], dimension=given["dimension"],
        entries=given["entries"], sizes=sizes, once=bool(given.get("once", 0)),
    )


@pytest.mark.parametrize(
    "more", [{"samples": 800}, {"rank": 3}, {"dimension": 13}, {"entries": 3}, {"batch": 2}], ids=str
)
def test_larger_problems_cost_more(more: dict[str, int]) -> None:
    for once in (0, 1):
        plain, larger = cost(once=once), cost(once=once, **more)
        assert larger.each > plain.each
        assert cost(once=once).affordable(3.0) > larger.affordable(3.0)


def test_cost_as_measured() -> None:
    """Within a factor of two of the processor time of one core of the machine whose speeds it has.

    Far below the limit: samples, dimension, entries of state, batch, permutations, measured seconds.
    """
    for n, d, entries, batch, count, measured in (
        (400, 3, 2, 4, 1024, 0.275), (400, 3, 1, 4, 1024, 0.186), (150, 5, 2, 10, 1024, 0.073),
        (442, 11, 2, 13, 1024, 0.663), (442, 11, 1, 13, 1024, 0.240), (442, 11, 3, 13, 1024, 0.989),
        (442, 11, 2, 1, 256, 2.0), (200, 40, 2, 4, 256, 2.604), (1797, 65, 1, 32, 256, 7.43),
        (1797, 65, 2, 32, 256, 21.7),
    ):
        found = epoch_cost(
            samples=n, rank=1, dimension=d, entries=entries, sizes=(batch,) * (n // batch), once=False
        )
        nominal = found.fixed + count * found.each
        assert 0.5 < nominal / measured < 2, (n, d, entries)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_says_its_order_cost_and_error(method: Method) -> None:
    given = run(fresh_batches() if method.name == "exact" else reshuffled(), share=0.05)
    law = full_law(given, method.name)
    assert law.order == method.order
    assert law.figures["nominal_seconds"] >= 0.9 * method.cost(given) > 0
    assert (law.relative_error_estimate > 0).all()


def test_directions_without_curvature_are_not_carried() -> None:
    """Two columns of zeros change nothing but the size of the answer, and not the cost of the moving."""
    small = run(reshuffled(), share=0.05)
    rng = np.random.default_rng(8)
    x = rng.normal(size=(60, 3)) * [2.0, 1.0, 0.5]
    y = x @ [1.0, -1.0, 2.0] + rng.normal(size=60)
    wide = replace(small, problem=Regression(features=np.pad(x, ((0, 0), (0, 2))), targets=y).quadratics)
    for method in ("closure", "averaged-closure", "averaged-epoch-map"):
        one, other = full_law(small, method), full_law(wide, method)
        np.testing.assert_allclose(other.covariance[:3, :3], one.covariance, rtol=1e-9)
        np.testing.assert_allclose(other.mean[:3], one.mean, rtol=1e-8)
        assert not other.covariance[3:].any()
        assert not other.covariance[:, 3:].any()
        assert not other.relative_error_estimate[3:].any()
        assert other.figures["nominal_seconds"] == one.figures["nominal_seconds"]


def test_all_orders_of_a_few_samples_are_taken() -> None:
    """Five samples in one direction, against the recursion over all 120 orders in plain NumPy."""
    rng = np.random.default_rng(5)
    x, noise, rate = rng.normal(size=5), rng.normal(size=5), 0.3
    given = Run(
        problem=Regression(features=x[:, None], targets=2 * x + noise).quadratics, rule=sgd(),
        scheme=reshuffled(), batch_size=1, hyperparameters={"learning_rate": rate},
    )
    law = full_law(given)
    assert law.order == "exact: all orders of the samples"
    h, g = x**2, x * ((x @ (2 * x + noise)) / (x @ x) * x - 2 * x - noise)
    maps, shifts = [], []  # after every step of every order
    for order in itertools.permutations(range(5)):
        a, b = 1.0, 0.0
        for n in order:
            a, b = (1 - rate * h[n]) * a, (1 - rate * h[n]) * b - rate * g[n]
            maps.append(a)
            shifts.append(b)
    to, by = np.reshape(maps, (-1, 5)), np.reshape(shifts, (-1, 5))
    mean = by[:, -1].mean() / (1 - to[:, -1].mean())
    cross = 2 * (to * by)[:, -1].mean() * mean + (by[:, -1] ** 2).mean()
    square = cross / (1 - (to[:, -1] ** 2).mean())
    inside = (to * mean + by).mean()
    sign = np.sign(law.mean[0] * inside)  # that of the eigenvector is free
    np.testing.assert_allclose(law.mean[0], sign * inside, rtol=1e-9)
    expected = (to**2 * square + 2 * to * by * mean + by**2).mean() - inside**2
    np.testing.assert_allclose(law.covariance[0, 0], expected, rtol=1e-9)
