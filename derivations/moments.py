"""Derivations of every second moment of any (rule, scheme) pair, from the algebra of its noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from derivations import (
    frozen,
    last_step,
    periodic,
    periodic_last_step,
    shared_in_epoch,
    white,
)
from derivations.chapter import Chapter
from derivations.derivation import Derivation
from derivations.frame import Frame
from derivations.noise_covariance import covariance_steps
from derivations.powers import power_steps, read_rule, velocity_steps, white_law_steps
from derivations.step import Step
from theory.engine.law import When
from theory.errors import TheoryError
from theory.formula import Formula
from theory.law import stationary_law
from theory.optimizers import LinearRule
from theory.quantities import MOMENTS
from theory.sampling import SamplingScheme
from theory.symbols import curvature, noise_variance

__all__ = ["VELOCITY", "WEIGHTS", "derive_moment", "moment_steps"]

WEIGHTS = sp.Symbol(r"\langle\theta^{2}\rangle")
VELOCITY = sp.Symbol(r"\langle v^{2}\rangle")
Propagate = Callable[[Frame, When], Chapter]

CHAPTERS: Mapping[str, Propagate] = {
    "white": white.propagate,
    "frozen": frozen.propagate,
    "shared-in-epoch": shared_in_epoch.propagate,
    "last-step": last_step.propagate,
    "periodic": periodic.propagate,
    "periodic-last-step": periodic_last_step.propagate,
}


def derive_moment(
    rule: LinearRule, scheme: SamplingScheme, quantity: str, formula: Formula
) -> Derivation:
    """The derivation of one of the second moments; its last step ends in ``formula``."""
    frame, steps = moment_steps(rule, scheme, quantity, formula)
    return Derivation(
        slug=formula.slug, title=formula.title, setting=setting_prose(frame),
        steps=tuple(steps), result=formula,
    )


def setting_prose(frame: Frame) -> tuple[str, ...]:
    """What is derived, and under which conventions."""
    words = [
        f"Update rule {frame.rule.name}, sampling scheme {frame.scheme.name}, a quadratic loss. One "
        f"direction "
        r"of curvature $\lambda$ (and, for an entry between two directions, $\lambda'$; primed matrices "
        r"belong to it) has a state $s_k$ whose first entry is the weight. $v_k=\theta_k-\theta_{k-1}$.",
        r"Covariances are stationary; $k$ is the earlier time and the first index the later one. The "
        r"variance of one full batch is $c$.",
    ]
    return tuple(words)


def moment_steps(
    rule: LinearRule, scheme: SamplingScheme, quantity: str, formula: Formula
) -> tuple[Frame, list[Step]]:
    """Everything up to the printed formula.

    Raises
    ------
    TheoryError
        If the scheme has an elementary noise without a derivation.
    """
    entry = MOMENTS[quantity]
    frame = Frame(
        rule=rule, scheme=scheme, when=entry.when, first=entry.first, second=entry.second,
        cross=entry.cross, domain=formula.valid_if,
    )
    steps = [*read_rule(frame), *covariance_steps(scheme)]
    if not (entry.when == "mean" and all(c.name == "white" for c, _ in scheme.noise)):
        steps += power_steps(frame)
    steps += white_law_steps(frame)
    total = []
    for component, weight in scheme.noise:
        if component.name not in CHAPTERS:
            raise TheoryError(
                f"no derivation for the elementary noise {component.name!r} of {scheme.name!r}; there is "
                f"one for {', '.join(CHAPTERS)}"
            )
        chapter = CHAPTERS[component.name](frame, entry.when)
        steps += chapter.steps
        name = frame.define(f"P^{{{component.name}}}", chapter.law)
        total.append(sp.sympify(weight, strict=True) * name)
    if "velocity" in (entry.first, entry.second):
        steps += velocity_steps(frame)
    left, right = frame.rows(entry.first), frame.rows(entry.second)
    law = frame.define("P", sp.MatAdd(*total) if len(total) > 1 else total[0])
    frame._given.update(dict(formula.where))
    steps.append(frame.step(
        "The weighted sum of these laws is the law of the scheme, $P$ in units of $c$; its entry is the "
        "printed formula.",
        noise_variance * (left * law * right.T), formula.compact,
    ))
    if formula.published_agrees:
        steps.append(frame.step(
            f"The published form ({formula.source}) agrees.", formula.compact, formula.published,
        ))
    return frame, steps


def combined(name: str, formula: Formula, rule: LinearRule, scheme: SamplingScheme) -> Derivation:
    """Quantities made of moments: loss fluctuation and correlation time."""
    law = stationary_law(rule, scheme)
    over = law.weight_variance
    frame, steps = moment_steps(rule, scheme, "weight-variance", over)
    given: dict[Any, Any] = dict(formula.where) | {WEIGHTS: over.expression}
    if name == "loss-fluctuation":
        lhs = curvature * WEIGHTS / 2
        because = r"The mean excess loss of the direction is $\frac12\lambda\langle\theta^2\rangle$."
    else:
        under = law.velocity_variance
        _, more = moment_steps(rule, scheme, "velocity-variance", under)
        skip = len(read_rule(frame)) + len(covariance_steps(scheme))
        steps += more[skip:]
        given[VELOCITY] = under.expression
        lhs = 2 * WEIGHTS / VELOCITY
        because = r"The correlation time is $2\langle\theta^2\rangle/\langle v^2\rangle$, in steps."
    steps.append(Step(
        because=because, lhs=lhs, rhs=formula.compact, given=given, domain=formula.valid_if,
    ))
    if formula.published_agrees:
        steps.append(Step(
            because=f"The published form ({formula.source}) agrees.", lhs=formula.compact,
            rhs=formula.published, given=given, domain=formula.valid_if,
        ))
    return Derivation(
        slug=formula.slug, title=formula.title, setting=setting_prose(frame), steps=tuple(steps),
        result=formula,
    )
