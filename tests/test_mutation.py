"""The mutation run: what it alters, what it proves equivalent, and that it can tell a blind rung."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import sympy as sp

from derivations import derive
from theory import CATALOGUE, formula_by_slug
from theory.closed_forms import Entry, entry_by_slug
from theory.errors import TheoryError, UnknownNameError
from theory.formula import Formula
from theory.symbols import (
    batch_size,
    curvature,
    frequency,
    learning_rate,
    momentum,
    noise_variance,
    samples,
    steps_per_epoch,
)
from validation.evidence import RungResult
from validation.mutation import Mutant, MutationReport, mutants, mutate
from validation.mutation.equivalence import is_equivalent
from validation.mutation.mutants import count_places
from validation.mutation.operators import (
    CONDITION_OPERATORS,
    LOCAL_OPERATORS,
    dropped_factor,
    lost_term,
    sign_of_a_term,
    swapped_exponents,
)
from validation.mutation.regions import same_region

SMALL = ("white-weight-variance", "reshuffled-noise-autocovariance", "continuous-time-weight-variance")
a, b, c = sp.symbols("a b c")


@pytest.fixture(scope="module")
def report() -> MutationReport:
    return mutate(SMALL, processes=1, places=None)


def test_every_mutant_of_small_formulas_is_caught_or_equivalent(report: MutationReport) -> None:
    """At every place, not at a sample."""
    assert len(report.results) > 100
    assert not report.survivors, str(report)
    assert not report.survivors_of_first, str(report)
    assert not report.crashes, str(report)
    assert report.good
    assert 0 < len(report.equivalent) < len(report.results) / 10
    assert report.score("proved").share_of_applicable == 1
    assert report.score("solved").share_of_applicable >= 0.95


def test_the_report_says_what_it_counts(report: MutationReport) -> None:
    data = report.to_json()
    assert data["mutants"] == len(report.results)
    assert data["survivors"] == []
    assert data["passed"] is True
    assert set(data["scores"]) == {*report.rungs, "rungs 1-3", "ladder"}
    assert data["scores"]["ladder"]["share"] == 1
    parts = {r.part for r in report.results}
    assert parts == {"value", "condition", "unit"}
    for name, counts in data["by_operator"].items():
        assert counts["mutants"] == counts["caught"] + counts["equivalent"], name
    text = str(report)
    assert "survivors of the ladder: none" in text
    assert "100.00 %" in text


def blind(entry: Entry, rungs: Sequence[str], formula: Formula) -> Iterator[RungResult]:
    """Sees nothing."""
    for rung in rungs:
        yield RungResult(slug=entry.slug, rung=rung, verdict="pass", reason="looks fine")


def test_a_blind_ladder_scores_nothing() -> None:
    report = mutate(SMALL[:1], ("exact", "solved"), processes=1, climb=blind)
    assert report.score("exact").caught == 0
    assert report.score("exact").share == 0
    assert report.score("exact").applicable > 0
    assert len(report.survivors) == len(report.errors)
    assert not report.good
    assert "survivors of the ladder: " + str(len(report.errors)) in str(report)


def test_a_refusal_is_caught_and_any_other_exception_is_a_defect() -> None:
    def refusing(entry: Entry, rungs: Sequence[str], formula: Formula) -> Iterator[RungResult]:
        raise TheoryError("no such point")

    def broken(entry: Entry, rungs: Sequence[str], formula: Formula) -> Iterator[RungResult]:
        raise KeyError("frequency")

    refused = mutate(SMALL[2:], ("exact",), processes=1, climb=refusing)
    assert refused.score("exact").share_of_applicable == 1
    crashed = mutate(SMALL[2:], ("exact",), processes=1, climb=broken)
    assert crashed.score("exact").caught == 0
    assert len(crashed.crashes) > 0
    assert not crashed.good
    assert "KeyError" in str(crashed)


def test_the_number_of_processes_changes_nothing() -> None:
    slugs, rungs = SMALL[1:], ("exact", "dimension")
    finished: list[str] = []
    one = mutate(slugs, rungs, processes=1, places=2)
    two = mutate(slugs, rungs, finished.append, 2, places=2)
    assert one == two
    assert one == mutate(slugs, rungs, processes=1, places=2)
    assert sorted(finished) == sorted(slugs)


def test_bad_input_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'white-weight-variance'"):
        mutate(["white-weight-varianc"])
    with pytest.raises(UnknownNameError, match="unknown rung 'prooved'"):
        mutate(SMALL, ("prooved",))
    with pytest.raises(TheoryError, match="processes must be at least 1; got 0"):
        mutate(SMALL, processes=0)
    with pytest.raises(TheoryError, match="places must be at least 1, or None for all; got 0"):
        mutate(SMALL, places=0)


def test_operators_at_one_node() -> None:
    assert set(sign_of_a_term(a + 2 * b)) == {-a + 2 * b, a - 2 * b}
    assert set(lost_term(a + 2 * b - c)) == {2 * b - c, a - c, a + 2 * b}
    assert set(dropped_factor(2 * a * b**2)) == {a * b**2, 2 * b**2, 2 * a}
    assert set(swapped_exponents(a**3 * b**2 * c**2)) == {a**2 * b**3 * c**2, a**2 * b**2 * c**3}
    assert list(swapped_exponents(a * b)) == []


def test_mutants_differ_from_the_formula_and_from_each_other() -> None:
    used: set[str] = set()
    for entry in CATALOGUE:
        original, found = entry.formula, mutants(entry.formula, places=1)
        used |= {m.operator for m in found}
        keys = {(m.formula.compact, m.formula.where, m.formula.valid_if, m.formula.unit) for m in found}
        assert len(keys) == len(found) >= 10, entry.slug
        assert (original.compact, original.where, original.valid_if, original.unit) not in keys
        assert count_places(original) >= len([m for m in found if m.operator in LOCAL_OPERATORS])
    unused = {*LOCAL_OPERATORS, *CONDITION_OPERATORS} - used
    assert not unused, "an operator that changes nothing anywhere"


def test_the_same_places_are_drawn_every_time() -> None:
    formula = formula_by_slug("cross-mode-covariance")
    first, again = ([(m.operator, m.place) for m in mutants(formula, 2)] for _ in range(2))
    assert first == again
    assert len(first) < len(mutants(formula, 4))


def test_what_is_no_formula_is_no_mutant() -> None:
    """Found by altering every place: M - 1 without its M is a sequence at index -1, which ended the run."""
    formula = formula_by_slug("shuffled-once-mean-shift")
    lost = [m for m in mutants(formula, None) if m.operator == "lost term"]
    assert 0 < len(lost) < count_places(formula)


def altered(slug: str, compact: sp.Expr) -> Mutant:
    formula = replace(formula_by_slug(slug), compact=compact)
    return Mutant(operator="by hand", place="", part="value", formula=formula)


def test_equivalent_values_are_proved() -> None:
    entry = entry_by_slug("white-weight-variance")
    same = sp.expand(entry.formula.compact * curvature) / curvature
    assert is_equivalent(entry, altered(entry.slug, same))
    nearly = entry.formula.compact * (1 + sp.Rational(1, 10**30))
    assert not is_equivalent(entry, altered(entry.slug, nearly))
    entry = entry_by_slug("averaged-white-weight-variance")  # through a named quantity
    (name, value), *_ = entry.formula.where
    formula = replace(entry.formula, where=((name, sp.expand(value * curvature) / curvature),))
    assert formula.where != entry.formula.where
    assert is_equivalent(entry, Mutant(operator="by hand", place="", part="value", formula=formula))


def test_limits_are_compared_as_limits() -> None:
    entry = entry_by_slug("flat-weight-variance-long-epoch")
    longer = entry.formula.compact.subs(steps_per_epoch, steps_per_epoch + 1)
    assert is_equivalent(entry, altered(entry.slug, longer))
    assert not is_equivalent(entry, altered(entry.slug, 2 * entry.formula.compact))
    for slug in ("kinetic-flat-weight-variance", "reshuffled-weight-variance-small-step"):
        entry = entry_by_slug(slug)  # with an exponential whose exponent moves by 1/M
        moved = entry.formula.compact.subs(steps_per_epoch, steps_per_epoch + 1)
        assert is_equivalent(entry, altered(slug, moved))
        (decay,) = entry.formula.compact.atoms(sp.exp)
        assert not is_equivalent(entry, altered(slug, entry.formula.compact.subs(decay, decay**2)))
    exact = entry_by_slug("white-weight-variance")
    first = learning_rate * noise_variance / (2 * curvature * (1 - momentum))
    assert not is_equivalent(exact, altered(exact.slug, first))


def regions(first: sp.Basic, second: sp.Basic) -> bool:
    base = formula_by_slug("kept-batch-weight-variance")
    return same_region(replace(base, valid_if=first), replace(base, valid_if=second))


def test_regions_of_whole_numbers_and_implied_relations() -> None:
    m, n, s = steps_per_epoch, samples, batch_size
    assert regions(m >= 2, sp.Rational(11, 10) * m >= 2)
    assert regions(m >= 2, m > 1)
    assert not regions(m >= 2, m >= 3)
    assert not regions(m >= 2, sp.true)
    assert regions(m >= 1, sp.true)
    kept = sp.And(n <= s * m, s * (m - 1) < n, m >= 2)
    assert regions(kept, sp.And(kept, s < n))
    assert not regions(sp.And(kept, s < n), sp.And(n <= s * m, s * (m - 1) < n, s < n + 1))
    assert not regions(momentum < 1, momentum <= 1)
    x = curvature * learning_rate * momentum
    assert regions(momentum < 1, sp.And(momentum < 1, 1 - momentum + x > 0))
    assert not regions(momentum < 1, sp.And(momentum < 1, 10 - 11 * momentum + x > 0))


@pytest.mark.parametrize(
    ("slug", "change"),
    [
        ("reshuffled-noise-spectrum", {2 * sp.cos(frequency / 2): sp.cos(frequency / 2)}),
        ("reshuffled-noise-spectrum", {sp.cos(frequency / 2): sp.cos(frequency)}),
    ],
)
def test_a_derivation_refuses_another_sequence(slug: str, change: dict[sp.Expr, sp.Expr]) -> None:
    """Found by mutation: a sequence with other invariants was taken for the one of the Fejér kernel."""
    formula = formula_by_slug(slug)
    wrong = replace(formula, compact=formula.compact.subs(change))
    assert wrong.compact != formula.compact
    with pytest.raises(TheoryError, match="is no sequence of the Fejér kernel"):
        derive(slug, wrong)


@pytest.mark.parametrize("slug", ["kinetic-flat-weight-variance", "reshuffled-weight-variance-small-step"])
def test_a_derivation_reads_the_rate_of_an_exponential(slug: str) -> None:
    """Found by mutation: any exponential was taken for exp(-mu)."""
    formula = formula_by_slug(slug)
    (decay,) = formula.compact.atoms(sp.exp)
    wrong = replace(formula, compact=formula.compact.subs(decay, decay**2))
    assert derive(slug, formula).proved
    assert not derive(slug, wrong).proved
    odd = replace(formula, compact=formula.compact.subs(decay, sp.exp(decay.args[0] * momentum)))
    with pytest.raises(TheoryError, match="is no whole power of exp"):
        derive(slug, odd)


def test_a_condition_is_tried_where_it_matters() -> None:
    """Found by mutation: borders that only show at one step, in long epochs or in slow directions."""
    from validation.evidence import climb

    position = formula_by_slug("reshuffled-weight-variance-at-position")
    nesterov = formula_by_slug("nesterov-white-weight-variance")
    dropped = formula_by_slug("dropped-batch-weight-variance")
    for formula, operator, text in (
        (position, "bound * 11/10", "position <= steps_per_epoch"),
        (nesterov, "bound / 11/10", "curvature*learning_rate*momentum - momentum + 1 > 0"),
        (dropped, "condition dropped", "batch_size < samples"),
    ):
        (mutant,) = [
            m for m in mutants(formula) if m.operator == operator and m.place.startswith(text)
        ]
        (result,) = climb(entry_by_slug(formula.slug), ("exact",), mutant.formula)
        assert result.verdict == "fail", mutant.place


def test_a_mutant_without_a_parameter_is_compared() -> None:
    """Found by mutation: the floating-point rung needs the parameters of the quantity, not the mutant's."""
    from validation.evidence import climb

    formula = formula_by_slug("reshuffled-noise-spectrum")
    (result,) = climb(
        entry_by_slug(formula.slug), ("solved",), replace(formula, compact=noise_variance)
    )
    assert result.verdict == "fail"
