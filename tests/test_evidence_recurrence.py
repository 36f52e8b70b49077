"""The order of the recurrence: the truth has the terms it is said to have, and no fewer are enough."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from flint import fmpq, fmpq_mat

from theory.closed_forms import entry_by_slug
from theory.symbols import momentum, noise_variance, samples, steps_per_epoch
from validation.evidence.numbers import NotRational, rational_value
from validation.evidence.points import draw_point
from validation.evidence.subjects.additive_noise.grid import whole_numbers
from validation.evidence.subjects.additive_noise.recurrence import recurrence_order
from validation.evidence.support import count, formula_support
from validation.evidence.truth import exact_truth

FORMS = {"steps_per_epoch": {"M": 1}}


def _cleared(slug: str, length: int) -> list[fmpq]:
    """M (M - 1) times the solved quantity at M = 2, 3, ... at one random point, but for N and S."""
    entry = entry_by_slug(slug)
    names = tuple(s.name for s in entry.formula.parameters)
    point = draw_point(entry, names, {"steps_per_epoch": 2}, random.Random(slug))
    small = {n: Fraction(round(8 * v), 8) if isinstance(v, Fraction) else v for n, v in point.items()}
    values = []
    for m in range(2, 2 + length):
        if "samples" in small:
            small |= {"batch_size": 3, "samples": 3 * m + 1}
        values.append(m * (m - 1) * exact_truth(entry, {**small, "steps_per_epoch": m}))
    return values


def _rank(values: list[fmpq]) -> int:
    """Rank of the Hankel matrix: the order of the shortest recurrence the values obey."""
    n = (len(values) + 1) // 2
    return int(fmpq_mat(n, n, [values[i + j] for i in range(n) for j in range(n)]).rank())


@pytest.mark.parametrize(
    ("slug", "order"),
    [
        ("reshuffled-weight-variance", 8), ("reshuffled-velocity-variance", 8),
        ("sgd-reshuffled-weight-variance", 5), ("nesterov-reshuffled-weight-variance", 8),
        ("flat-weight-variance", 10), ("cross-mode-velocity-covariance", 11),
    ],
)
def test_the_solved_quantity_obeys_a_recurrence_of_the_stated_order(slug: str, order: int) -> None:
    entry = entry_by_slug(slug)
    assert recurrence_order(entry, entry.formula, "M", FORMS) == order
    rank = _rank(_cleared(slug, 2 * order + 3))
    # the matrix could have rank order + 2: the bound is a statement about the solver's numbers
    assert 2 < rank <= order


def test_a_sequence_with_more_terms_exceeds_the_order() -> None:
    """Negative control of the rank: the square of the same sequence has more terms."""
    values = _cleared("reshuffled-weight-variance", 19)
    assert _rank([v * v for v in values]) > 8


def test_terms_are_counted_by_pole_and_power() -> None:
    formula = entry_by_slug("reshuffled-weight-variance-iterated-sums").formula
    found = formula_support(formula, {"steps_per_epoch": 1})
    # (z - 1)^3 (z - z1)(z - z2): 1, M, M², z1^M, z2^M
    assert count(found.top) == 5
    assert count(found.bottom()) == 3  # M (M - 1)
    flat = formula_support(entry_by_slug("flat-weight-variance").formula, {"steps_per_epoch": 1})
    assert count(flat.top) == 5  # 1, M, M², M³, beta^M


def test_a_pole_that_depends_on_the_epoch_has_no_bound() -> None:
    from dataclasses import replace

    entry = entry_by_slug("flat-weight-variance")
    power = momentum**steps_per_epoch
    tower = entry.formula.compact.subs(power, (momentum / steps_per_epoch) ** steps_per_epoch)
    with pytest.raises(NotRational, match="a pole that changes"):
        recurrence_order(entry, replace(entry.formula, compact=tower), "M", FORMS)


@pytest.mark.parametrize("slug", ["reshuffled-weight-autocovariance", "reshuffled-noise-autocovariance"])
def test_the_grid_of_lags_has_no_gap(slug: str) -> None:
    """For each lag as many consecutive M as asked; for each rest of the epoch as many lags."""
    entry = entry_by_slug(slug)
    plan = whole_numbers(entry, entry.formula)
    assert plan.figures["for_all_whole_numbers"] == "true"
    needed = {
        name: recurrence_order(
            entry, entry.formula, name,
            {"steps_per_epoch": {"lag": 1, "M - lag": 1}, "lag": {"lag": 1}},
        )
        for name in ("lag", "M - lag")
    }
    pairs = {(case["lag"], case["steps_per_epoch"] - case["lag"]) for case in plan.cases}
    assert all(lag + rest >= 2 for lag, rest in pairs)
    for lag in range(1, needed["lag"]):
        rests = sorted(rest for t, rest in pairs if t == lag)
        assert rests == list(range(rests[0], rests[0] + needed["M - lag"]))
    first = min(rest for _, rest in pairs)
    assert len([lag for lag, rest in pairs if rest == first]) >= needed["lag"]


def test_where_the_recurrence_asks_for_more_the_figures_say_so() -> None:
    entry = entry_by_slug("shuffled-once-weight-variance")
    plan = whole_numbers(entry, entry.formula)
    assert plan.figures["for_all_whole_numbers"] == "false"
    assert "asks for" in plan.reason


def test_a_formula_that_is_right_at_two_epochs_only_is_found_out() -> None:
    """The identity must fail at the third M, where the other factor no longer vanishes."""
    from dataclasses import replace

    entry = entry_by_slug("reshuffled-weight-variance")
    slip = (steps_per_epoch - 2) * (steps_per_epoch - 3) * noise_variance
    wrong = replace(entry.formula, compact=entry.formula.compact + slip)
    cases = whole_numbers(entry, wrong).cases
    assert len(cases) >= 8
    half, one = Fraction(1, 2), Fraction(1)
    exact = {"learning_rate": half, "momentum": half, "curvature": one, "noise_variance": one}
    for m, same in ((2, True), (3, True), (4, False)):
        here = {**exact, "steps_per_epoch": m}
        assert (rational_value(wrong, here) == exact_truth(entry, here)) is same


def test_the_number_of_samples_grows_with_the_epoch() -> None:
    entry = entry_by_slug("kept-batch-weight-variance")
    assert samples in entry.formula.parameters
    assert recurrence_order(entry, entry.formula, "M", FORMS) == 14
