"""The exact limit of zero curvature: power series of the poles, put into the exact law."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derivations.derivation import Derivation
from derivations.frame import n
from derivations.moments import VELOCITY, WEIGHTS, moment_steps, setting_prose
from derivations.series import (
    horner,
    power_series,
    power_step,
    root_series,
    root_steps,
    slope,
)
from derivations.step import Step
from theory.engine.law import setting_for
from theory.errors import TheoryError
from theory.formula import Formula
from theory.law import stationary_law
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from theory.sequences import LucasSequence
from theory.symbols import curvature, steps_per_epoch

__all__ = ["EXACT", "LIMIT", "binet_steps", "derive_flat", "flat_steps", "published_flat_steps"]

EXACT, LIMIT = sp.Symbol(r"F_{\text{exact}}"), sp.Symbol(r"F_{\text{limit}}")
_M, _x = steps_per_epoch, curvature


def binet_steps(order: int) -> list[Step]:
    """The sequences in the poles."""
    if order == 1:
        return []
    z1, z2 = sp.symbols("z_1 z_2")
    e1, e2 = z1 + z2, z1 * z2

    def u(k: Any) -> sp.Expr:
        return (z1**k - z2**k) / (z1 - z2)

    def w(k: Any) -> sp.Expr:
        return (z2 * z1**k - z1 * z2**k) / (z1 - z2)

    return [
        Step(because=r"In the poles, $U_n=(z_1^n-z_2^n)/(z_1-z_2)$ obeys the recurrence,",
             lhs=u(n + 1), rhs=e1 * u(n) - w(n)),
        Step(because=r"with $W_n=(z_2z_1^n-z_1z_2^n)/(z_1-z_2)$, and $W_{n+1}$ is $z_1z_2U_n$;",
             lhs=w(n + 1), rhs=e2 * u(n)),
        Step(because="both start right, $U_0=0$ and $W_0=-1$.",
             lhs=u(sp.S.Zero) + w(sp.S.Zero), rhs=sp.S.NegativeOne),
    ]


def flat_steps(
    rule: LinearRule, scheme: SamplingScheme, name: str, formula: Formula
) -> tuple[Any, list[Step]]:
    """From the exact law to its value at zero curvature."""
    exact = stationary_law(rule, scheme).quantity(name)
    frame, steps = moment_steps(rule, scheme, name, exact)
    setting = setting_for(rule, scheme, "mean", cross=False, velocity=name.startswith("velocity"))
    invariants = setting.invariants("left")
    if len(invariants) > 2:
        raise TheoryError(f"no derivation at zero curvature for {rule.name}: more than two states")
    second = sp.factor(invariants[0].subs(_x, 0)) - 1 if len(invariants) == 2 else sp.S.One
    expression = exact.expression
    _, bottom = sp.fraction(expression)
    exponent = _M - int(setting.remembering)
    order, low, lead = _order(bottom, invariants, second, exponent)
    given, names = _definitions(invariants, second, exponent, order)
    given[EXACT] = expression
    steps += binet_steps(len(invariants))
    steps += root_steps(invariants, names["roots"], given, _x, order)
    for z, p, dz, dp in zip(*(names[k] for k in ("roots", "powers", "slopes", "power slopes")), strict=True):
        steps.append(power_step(z, p, (dz, dp), exponent, given, _x, order))
    starts = (sp.S.One, second**exponent)
    for p, start in zip(names["powers"], starts, strict=False):
        steps.append(Step(because=f"At zero curvature ${sp.latex(p)}$ starts with the power of the pole "
        f"there.",
                          lhs=p, rhs=start, given=given, modulo=(_x, 1)))
    steps.append(Step(
        because=rf"The denominator of the exact law starts with $\lambda^{{{low}}}$; the series above are "
        rf"exact to a higher "
        r"power, so they decide the limit.",
        lhs=bottom, rhs=lead * _x**low, given=given, modulo=(_x, low + 1),
    ))
    steps.append(Step(
        because="The exact law with the series put in; its value at zero is the printed formula.",
        lhs=EXACT, rhs=formula.compact, given=given, domain=formula.valid_if, modulo=(_x, 1),
    ))
    return frame, steps


def _definitions(
    invariants: Any, second: sp.Expr, exponent: sp.Expr, order: int
) -> tuple[dict[Any, Any], dict[str, tuple[sp.Symbol, ...]]]:
    roots = root_series(invariants, second, _x, order)
    count = len(roots)
    names = {
        "roots": sp.symbols(f"z_1:{count + 1}"), "powers": sp.symbols(f"p_1:{count + 1}"),
        "slopes": tuple(sp.Symbol(f"z'_{i + 1}") for i in range(count)),
        "power slopes": tuple(sp.Symbol(f"p'_{i + 1}") for i in range(count)),
    }
    given: dict[Any, Any] = {}
    starts = (sp.S.One, second**exponent)
    for i, root in enumerate(roots):
        powers = power_series(root, exponent, starts[i])
        given[names["roots"][i]], given[names["slopes"][i]] = horner(root, _x), slope(root, _x)
        given[names["powers"][i]], given[names["power slopes"][i]] = horner(powers, _x), slope(powers, _x)
    if count == 1:
        given[LucasSequence(0, exponent, *invariants)] = names["powers"][0]
        return given, names
    (z1, z2), (p1, p2) = names["roots"], names["powers"]
    given[LucasSequence(1, exponent, *invariants)] = (p1 - p2) / (z1 - z2)
    given[LucasSequence(0, exponent, *invariants)] = (z2 * p1 - z1 * p2) / (z1 - z2)
    return given, names


def _order(
    bottom: sp.Expr, invariants: Any, second: sp.Expr, exponent: sp.Expr
) -> tuple[int, int, sp.Expr]:
    """Enough terms that the denominator's leading one is seen, its power and its coefficient."""
    from derivations.zero_test import leading_term

    for order in range(3, 12):
        given, _ = _definitions(invariants, second, exponent, order)
        low, lead = leading_term(bottom, given, _x)
        if low < order:
            return order, low, lead
    raise TheoryError("the denominator vanishes to a higher order than the series was tried to")


def derive_flat(
    rule: LinearRule, scheme: SamplingScheme, quantity: str, formula: Formula
) -> Derivation:
    """flat-weight-variance, flat-velocity-variance or flat-correlation-time."""
    if quantity == "flat-correlation-time":
        law = stationary_law(rule, scheme)
        over, under = law.quantity("flat-weight-variance"), law.quantity("flat-velocity-variance")
        frame, steps = flat_steps(rule, scheme, "weight-variance", over)
        steps += flat_steps(rule, scheme, "velocity-variance", under)[1]
        steps.append(Step(
            because=r"The correlation time is $2\langle\theta^2\rangle/\langle v^2\rangle$.",
            lhs=2 * WEIGHTS / VELOCITY, rhs=formula.compact,
            given={WEIGHTS: over.compact, VELOCITY: under.compact}, domain=formula.valid_if,
        ))
    else:
        frame, steps = flat_steps(rule, scheme, quantity.removeprefix("flat-"), formula)
    if formula.published is not None:
        steps += published_flat_steps(formula, formula.published)
    return Derivation(
        slug=formula.slug, title=formula.title, setting=setting_prose(frame), steps=tuple(steps),
        result=formula,
    )


def published_flat_steps(formula: Formula, published: sp.Expr) -> list[Step]:
    """The exact form over the published one tends to one."""
    small = sp.Symbol("epsilon", positive=True)
    given: dict[Any, Any] = {
        power: sp.Symbol("b") for power in formula.compact.atoms(sp.Pow) if power.exp.has(_M)
    } | {_M: 1 / small, EXACT: formula.compact, LIMIT: published}
    return [Step(
        because=r"The published form is the limit of long epochs: with $M=1/\epsilon$ and $b=\beta^M$ "
        r"(between 0 and 1) "
        r"the ratio of the exact form to it is",
        lhs=EXACT / LIMIT, rhs=sp.S.One, given=given, modulo=(small, 1),
        domain=formula.valid_if,
    )]
