"""The mean that is not the minimum, in closed form: values, proofs, limits, any rule, and wrong formulas."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from theory.closed_forms import entry_by_slug, formula_by_slug
from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics, mean_shift_formula
from theory.multiplicative.mean_shift import mean_shift
from theory.noise import White
from theory.optimizers import RULES, LinearRule, rule_by_name
from theory.sampling import SCHEMES, SamplingScheme, fresh_batches, scheme_by_name
from theory.symbols import learning_rate
from validation.evidence.subjects.mean_shift.orders import direction_at, shift_by_pairs, shift_over_cycles

HYPER = {
    "learning_rate": 0.3, "momentum": 0.6, "dampening": 0.2, "weight_decay": 0.1, "immediate_discount": 0.7,
    "averaging_rate": 0.4,
}


def _problem(samples: int) -> SampleQuadratics:
    n = np.arange(samples)
    h, g = 0.7 + np.cos(1.3 * n), np.sin(2.1 * n) + 0.5 * np.cos(1.3 * n)
    return SampleQuadratics.from_hessians(h[:, None, None], (g - g.mean())[:, None])


def _value(rule: LinearRule, scheme: SamplingScheme, problem: SampleQuadratics, size: int) -> float:
    """The formula at the moments of a batch."""
    samples = problem.samples
    h, g = (problem.signs * problem.factors[:, :, 0] ** 2).sum(axis=1), problem.gradients[:, 0]
    formula = mean_shift_formula(rule, scheme)
    factor = (1 / size - 1 / samples) * samples / (samples - 1)
    point: dict[str, Any] = {
        **HYPER, "curvature": float(h.mean()), "samples": samples, "batch_size": size,
        "steps_per_epoch": scheme.steps_per_epoch(samples, size),
        "curvature_gradient_covariance": factor * float(np.mean(h * g)),
    }
    return float(formula.evaluate(**{s.name: point[s.name] for s in formula.parameters}))


@pytest.mark.parametrize("scheme", [name for name, _ in SCHEMES])
@pytest.mark.parametrize("rule", [*(name for name, _ in RULES), "averaged:heavy-ball"])
def test_every_rule_and_scheme_agrees_with_the_responses_over_a_population(rule: str, scheme: str) -> None:
    chosen, sampling = rule_by_name(rule), scheme_by_name(scheme)
    samples = 15 if sampling.last_batch in ("forbidden", "irrelevant") else 16
    problem = _problem(samples)
    values = {s.name: HYPER[s.name] for s in (learning_rate, *chosen.parameters)}
    expected = float(mean_shift(problem, chosen.numeric(values), sampling, 3).values[0])
    if sampling.lasting in ("sample", "batch"):
        assert mean_shift_formula(chosen, sampling).compact == 0 == expected
        return
    assert expected != 0
    assert _value(chosen, sampling, problem, 3) == pytest.approx(expected, rel=1e-11)


def test_long_epochs_forget_learning_rate_and_momentum() -> None:
    r""":math:`-\chi/(M\lambda^2)`, of a data set of N samples :math:`-\chi_0/(N\lambda^2)`."""
    formula = formula_by_slug("mean-shift")
    for rate, momentum in ((0.1, 0.0), (0.5, 0.9), (2.0, 0.5)):
        value = formula.evaluate(
            learning_rate=rate, momentum=momentum, curvature=0.5, curvature_gradient_covariance=0.25,
            steps_per_epoch=10**7,
        )
        assert value == pytest.approx(-1 / 10**7, rel=1e-5)


def test_flat_directions_are_evaluated_without_cancellation() -> None:
    exact, flat = formula_by_slug("mean-shift"), formula_by_slug("mean-shift-flat-direction")
    point: dict[str, Any] = {
        "learning_rate": 0.1, "momentum": 0.9, "curvature": 1e-13, "curvature_gradient_covariance": 0.25,
        "steps_per_epoch": 20,
    }
    assert exact.evaluate(**point) == pytest.approx(flat.evaluate(**point), rel=1e-11)


def test_all_orders_of_a_cycle_against_the_average_over_the_others() -> None:
    entry = entry_by_slug("shuffled-once-mean-shift")
    point = {"learning_rate": Fraction(1, 3), "momentum": Fraction(2, 5), "curvature": Fraction(3, 4)}
    at = direction_at(entry, point)
    for steps in (2, 5):  # every order is listed
        assert shift_over_cycles(at, steps) == shift_by_pairs(at, steps, repeats=True)


@dataclass(frozen=True)
class _Own(White):
    name: str = "mine"


def test_an_elementary_noise_of_ones_own_is_refused() -> None:
    scheme = replace(fresh_batches(), name="own", noise=((_Own(), sp.S.One),))
    with pytest.raises(TheoryError, match="'own' has an elementary noise of its own, 'mine'"):
        mean_shift_formula(rule_by_name("sgd"), scheme)
