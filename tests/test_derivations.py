"""Derivations: every catalogue formula proved, wrong ones refuted, and what prints compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

from derivations import (
    Outcome,
    Step,
    check_within,
    derive,
    derive_pair,
    to_latex,
    to_markdown,
    to_notebook,
)
from theory import (
    CATALOGUE,
    LinearRule,
    SamplingScheme,
    formula_by_slug,
)
from theory.errors import TheoryError, UnknownNameError
from theory.noise import SharedInEpoch, White
from theory.optimizers import averaged, heavy_ball, nesterov, quasi_hyperbolic, sgd
from theory.sampling import dropped_batch, kept_batch, reshuffled, shuffled_once
from theory.sequences import LucasSequence
from theory.symbols import curvature, learning_rate, momentum, steps_per_epoch

SLUGS = [entry.slug for entry in CATALOGUE]
M = steps_per_epoch
n = sp.Symbol("n", integer=True, nonnegative=True)
TRACE, DETERMINANT = 1 + momentum - learning_rate * curvature, momentum

PAIRS = [
    (sgd(), reshuffled(), "velocity-variance"),
    (sgd(), kept_batch(), "velocity-variance-at-position"),
    (sgd(), shuffled_once(unequal_batches=True), "weight-variance-at-position"),
    (nesterov(), dropped_batch(), "weight-velocity-covariance"),
    (nesterov(), reshuffled(), "flat-weight-variance"),
    (heavy_ball(), shuffled_once(), "weight-autocovariance-beyond"),
    (heavy_ball(), shuffled_once(), "cross-weight-covariance"),
    (heavy_ball(), kept_batch(), "weight-autocovariance"),
    (heavy_ball(), kept_batch(), "weight-variance-at-last-position"),
    (heavy_ball(), reshuffled(), "weight-autocovariance-at-position"),
    (heavy_ball(), reshuffled(), "cross-weight-autocovariance"),
    (heavy_ball(), shuffled_once(), "weight-spectrum"),
    (quasi_hyperbolic(), shuffled_once(), "weight-variance"),
    (averaged(sgd()), reshuffled(), "weight-variance"),
    (heavy_ball(), kept_batch(), "weight-autocovariance-at-position"),
]


@pytest.mark.parametrize("slug", SLUGS)
def test_every_step_of_every_catalogue_formula_is_proved(slug: str) -> None:
    derivation = derive(slug)
    verdicts = derivation.check()
    assert len(verdicts) >= 2
    wrong = [
        f"{i}: {s.because} {v}"
        for i, (s, v) in enumerate(zip(derivation.steps, verdicts, strict=True))
        if not v.proved
    ]
    assert not wrong


@pytest.mark.parametrize("slug", SLUGS)
def test_the_printed_formula_is_what_is_proved(slug: str) -> None:
    """The result is a side of a step or a definition in one; no step has two equal sides.

    Except that a published form may be written exactly as ours, and an induction may start at zero.
    """
    derivation = derive(slug)
    target = derivation.result.compact
    if slug == "critical-damping-curvature":
        target = target.subs(momentum, sp.Symbol("r", nonnegative=True) ** 2)
    assert any(
        target == step.rhs or target in step.given.values() or sp.sympify(step.rhs).has(target)
        or (slug == "stability-limit" and step.rhs == curvature * (target - learning_rate))
        for step in derivation.steps
    )
    vacuous = [
        step.because for step in derivation.steps
        if step.lhs == step.rhs and step.lhs != 0 and not step.because.startswith("The published form")
    ]
    assert not vacuous


@pytest.mark.parametrize(("rule", "scheme", "quantity"), PAIRS)
def test_pairs_outside_the_catalogue_are_proved(
    rule: LinearRule, scheme: SamplingScheme, quantity: str
) -> None:
    verdicts = derive_pair(rule, scheme, quantity).check()
    assert [str(v) for v in verdicts if not v.proved] == []


@pytest.mark.parametrize(
    "slug",
    [
        "white-weight-variance", "reshuffled-weight-variance", "reshuffled-weight-autocovariance",
        "reshuffled-weight-variance-at-position", "cross-mode-velocity-covariance",
        "reshuffled-noise-spectrum", "flat-weight-variance", "kept-batch-velocity-variance",
        "shuffled-once-weight-variance", "shuffled-once-noise-autocovariance",
        "reshuffled-weight-variance-small-step", "kinetic-flat-weight-variance",
        "flat-weight-variance-long-epoch", "crossover-curvature", "critical-damping-curvature",
        "damping-discriminant", "stability-limit", "continuous-time-weight-variance",
    ],
)
def test_a_wrong_coefficient_is_refuted_with_a_witness(slug: str) -> None:
    formula = formula_by_slug(slug)
    wrong = replace(formula, compact=formula.compact * sp.Rational(101, 100), published=None)
    bad = [v for v in derive(slug, wrong).check() if not v.proved]
    assert bad
    assert all(v.outcome is Outcome.REFUTED and v.witness for v in bad)


@pytest.mark.parametrize(
    "slug", ["reshuffled-weight-variance", "flat-weight-variance", "shuffled-once-velocity-variance"]
)
@pytest.mark.parametrize("shift", [1, -1])
def test_an_epoch_too_long_or_short_by_one_is_refuted(slug: str, shift: int) -> None:
    formula = formula_by_slug(slug)
    wrong = replace(formula, compact=formula.compact.xreplace({M: M + shift}), published=None)
    assert derive(slug, wrong).check()[-1].outcome is Outcome.REFUTED


def test_one_wrong_sign_among_many_terms_is_refuted() -> None:
    formula = formula_by_slug("reshuffled-velocity-variance")
    top, bottom = sp.fraction(formula.compact)
    sums = [f for f in sp.Mul.make_args(top) if f.is_Add]
    for term in sums[0].args:
        wrong = replace(formula, compact=top.xreplace({sums[0]: sums[0] - 2 * term}) / bottom)
        assert derive("reshuffled-velocity-variance", wrong).check()[-1].outcome is Outcome.REFUTED


@pytest.mark.parametrize("slug", ["reshuffled-weight-autocovariance", "shuffled-once-velocity-variance"])
def test_no_step_would_survive_a_factor_of_two(slug: str) -> None:
    """Every step says something: doubling its left side makes it wrong."""
    for step in derive(slug).steps:
        if step.rhs != 0 and not getattr(step.rhs, "is_ZeroMatrix", False):
            verdict = replace(step, lhs=2 * step.lhs).check()
            assert verdict.outcome is Outcome.REFUTED, step.because


def test_a_refutation_holds_at_its_witness() -> None:
    formula = formula_by_slug("reshuffled-weight-variance")
    wrong = replace(formula, compact=formula.compact + learning_rate**2 * momentum**5)
    verdict = derive(formula.slug, wrong).check()[-1]
    point = {s: sp.Rational(verdict.witness[str(s)]) for s in formula.parameters}
    assert formula.valid_if.subs(point) == sp.true
    assert wrong.compact.subs(point) != formula.compact.subs(point)


def test_a_wrong_published_form_is_refuted() -> None:
    formula = formula_by_slug("flat-weight-variance")
    assert formula.published is not None
    wrong = replace(formula, published=formula.published / 2)
    verdicts = derive("flat-weight-variance", wrong).check()
    assert [v.outcome for v in verdicts if not v.proved] == [Outcome.REFUTED]


def test_the_recurrence_and_the_addition_theorem_are_known() -> None:
    def u(k: sp.Expr) -> sp.Expr:
        return LucasSequence(1, k, TRACE, DETERMINANT)

    def w(k: sp.Expr) -> sp.Expr:
        return LucasSequence(0, k, TRACE, DETERMINANT)

    assert Step(because="", lhs=u(n + 2), rhs=TRACE * u(n + 1) - DETERMINANT * u(n)).check().proved
    doubled = 2 * u(n) * u(n + 1) - TRACE * u(n) ** 2
    assert Step(because="", lhs=u(2 * n), rhs=doubled).check().proved
    assert Step(because="", lhs=w(n + 1), rhs=DETERMINANT * u(n)).check().proved
    assert Step(because="", lhs=momentum ** (n + 2), rhs=momentum**2 * momentum**n).check().proved


@pytest.mark.parametrize(
    ("lhs", "rhs", "outcome"),
    [
        (LucasSequence(1, n + 1, TRACE, DETERMINANT), LucasSequence(1, n, TRACE, DETERMINANT), "REFUTED"),
        (sp.exp(momentum) * sp.exp(curvature), sp.exp(momentum + curvature) + 1, "REFUTED"),
        (sp.sin(momentum) ** 2 + sp.cos(momentum) ** 2, sp.S.One, "REFUTED or UNDECIDED"),
        (sp.sqrt(momentum), momentum / sp.sqrt(momentum), "UNDECIDED or PROVED"),
        (momentum ** (n**2), momentum**n, "UNDECIDED"),
        ((1 - momentum**2) / (1 - momentum), 1 + momentum, "PROVED"),
    ],
)
def test_what_the_zero_test_does_not_know_is_never_proved(
    lhs: sp.Expr, rhs: sp.Expr, outcome: str
) -> None:
    assert Step(because="", lhs=lhs, rhs=rhs).check().outcome.value in outcome


def test_an_expansion_is_checked_to_its_order_only() -> None:
    x = sp.Symbol("x")
    step = Step(because="", lhs=1 / (1 - x), rhs=1 + x, modulo=(x, 2))
    assert step.check().proved
    assert replace(step, modulo=(x, 3)).check().outcome is Outcome.REFUTED


def test_own_rule_and_scheme_are_derived_too() -> None:
    def step(state: Any, gradient: Any) -> Any:
        weights, velocity = state
        velocity = momentum * velocity - learning_rate * gradient(weights + velocity / 2)
        return weights + velocity, velocity

    rule = LinearRule(name="half-nesterov", step=step, state_size=2, parameters=(momentum,),
                      domain=(momentum < 1,))
    scheme = SamplingScheme(
        name="mixed", noise=((White(), sp.Rational(1, 2)), (SharedInEpoch(), sp.Rational(1, 2))),
        lasting="batch",
    )
    assert derive_pair(rule, scheme, "weight-variance").proved


def test_unknown_names_say_what_is_known() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'flat-weight-variance'"):
        derive("flat-weight-varience")
    with pytest.raises(UnknownNameError, match="unknown quantity"):
        derive_pair(sgd(), reshuffled(), "weights")


def test_a_noise_without_a_derivation_is_refused() -> None:
    scheme = SamplingScheme(name="mine", noise=((White(name="mine"), 1),))
    with pytest.raises(TheoryError, match="no derivation for the elementary noise 'mine'"):
        derive_pair(sgd(), scheme, "weight-variance")


LATEX = [
    "white-weight-variance", "reshuffled-weight-variance", "reshuffled-velocity-variance-at-position",
    "kept-batch-weight-variance-at-position", "shuffled-once-weight-autocovariance",
    "shuffled-once-flat-weight-variance", "averaged-reshuffled-weight-variance",
    "reshuffled-weight-variance-small-step", "reshuffled-noise-spectrum", "cross-mode-covariance",
    "one-dimensional-epoch-second-moment",
]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("slug", LATEX)
def test_latex_compiles_and_fits_the_page(slug: str, tmp_path: Path) -> None:
    (tmp_path / "derivation.tex").write_text(to_latex(derive(slug)), encoding="utf-8")
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "derivation.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False, timeout=60,
    )
    assert run.returncode == 0, run.stdout[-2000:]
    # the margin is 18 mm (51 pt); 3 pt into it are not seen
    wide = [float(w) for w in re.findall(r"Overfull \\hbox \(([\d.]+)pt", run.stdout)]
    assert all(w < 3 for w in wide), wide


def test_letters_can_be_replaced() -> None:
    derivation = derive("white-weight-variance")
    text = to_latex(derivation, standalone=False, symbols={"momentum": r"\mu"})
    assert r"\mu" in text
    assert r"\beta" not in text
    assert r"\documentclass" not in text
    with pytest.raises(UnknownNameError, match="momentun"):
        to_markdown(derivation, symbols={"momentun": "m"})


def test_markdown_shows_the_verdicts() -> None:
    derivation = derive("damping-discriminant")
    text = to_markdown(derivation, verdicts=derivation.check())
    assert text.count("*PROVED*") == 3
    assert text.count("$$") == 2 * 5


def test_a_notebook_runs(tmp_path: Path) -> None:
    nbclient, nbformat = import_module("nbclient"), import_module("nbformat")
    path = to_notebook(derive("reshuffled-velocity-variance"), tmp_path / "proof.ipynb")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=60).execute()
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    texts = ["".join(o.get("text", "") for o in c.outputs) for c in cells]  # printed text may come in pieces
    assert sum(t == "PROVED\n" for t in texts) == len(derive("reshuffled-velocity-variance").steps)
    assert [p.name for p in tmp_path.iterdir()] == ["proof.ipynb"]


def test_a_pair_outside_the_catalogue_has_a_notebook_too(tmp_path: Path) -> None:
    path = to_notebook(derive_pair(sgd(), reshuffled(), "velocity-variance"), tmp_path / "p.ipynb")
    assert "scheme_by_name('reshuffled')" in path.read_text(encoding="utf-8")


def test_a_check_that_runs_out_of_time_is_undecided() -> None:
    derivation = derive("reshuffled-weight-variance")
    verdicts = check_within(derivation, 1e-6)
    assert len(verdicts) == len(derivation.steps)
    assert verdicts[-1].outcome is Outcome.UNDECIDED
    assert "not decided within" in verdicts[-1].note
    assert [str(v) for v in check_within(derivation, 60)] == [str(v) for v in derivation.check()]
