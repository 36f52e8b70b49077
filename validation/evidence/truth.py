"""The exact value of a catalogue quantity at a rational point, or the refusal where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import fmpq, fmpq_mat

from theory.closed_forms import Entry
from theory.errors import UnstableError
from theory.optimizers import LinearRule
from theory.solvers.rational import to_fraction
from theory.solvers.schur_cohn import stability_of
from validation.evidence.numbers import Angle, to_fmpq
from validation.evidence.rule_entries import rule_entries
from validation.reference import exact_reference, noise_autocovariance, require_defined

__all__ = ["exact_truth", "mode_at", "require_stable", "response_power"]


def mode_at(rule: LinearRule, point: Mapping[str, Any], curvature: Any) -> tuple[fmpq_mat, list[fmpq]]:
    """A and B of one mode at rational hyperparameters."""
    rows, injection = rule_entries(rule, point, curvature)
    return fmpq_mat(rows), injection


def require_stable(entry: Entry, point: Mapping[str, Any]) -> None:
    """Refuse hyperparameters without a stationary law, by the exact Schur-Cohn test.

    The solvers apply the same test, and then spend most of their time on the limit that their
    message names.

    Raises
    ------
    UnstableError
        If a pole lies on or outside the unit circle, or the rule's own domain is left.
    """
    if entry.quantity.startswith("noise"):
        return
    rates = {"learning_rate": 1, **point}
    here = {s: sp.Rational(str(rates[s.name])) for s in entry.rule.parameters if s.name in rates}
    for condition in entry.rule.domain:
        if condition.subs(here) == sp.false:
            raise UnstableError(f"no stationary law: {entry.rule.name} needs {condition}")
    flat = entry.quantity.startswith("flat-")
    for name in ("curvature", "second_curvature"):
        if name == "curvature" or name in point:
            transition, _ = mode_at(entry.rule, rates, 0 if flat else rates[name])
            rows = [[to_fraction(x) for x in row] for row in transition.tolist()]
            if stability_of(rows) != ("flat" if flat else "stable"):
                raise UnstableError(f"no stationary law: a pole is not inside the unit circle ({name})")


def exact_truth(entry: Entry, point: Mapping[str, Any]) -> fmpq:
    """The quantity at a point of fractions, whole numbers and (for a frequency) an angle.

    Raises
    ------
    TheoryError
        Where the quantity does not exist, or is another one by its definition.
    """
    require_defined(entry, point)
    require_stable(entry, point)
    if entry.quantity.endswith("spectrum"):
        noise = _noise_power(entry, point)
        return noise * response_power(entry.rule, point) if entry.quantity == "weight-spectrum" else noise
    return to_fmpq(exact_reference(entry, {"noise_variance": Fraction(1), **point}))


def _noise_power(entry: Entry, point: Mapping[str, Any]) -> fmpq:
    r"""By definition: :math:`S(\omega)=\sum_hR(h)\cos h\omega` with the exact autocovariance."""
    steps = int(point.get("steps_per_epoch", 1))
    base = {**point, "steps_per_epoch": steps}
    angle: Angle = point["frequency"]
    total = to_fmpq(noise_autocovariance(entry.scheme, {**base, "lag": 0}))
    for lag in range(1, steps):
        strength = to_fmpq(noise_autocovariance(entry.scheme, {**base, "lag": lag}))
        total += 2 * strength * (angle * lag).turned()[0]
    return total


def response_power(rule: LinearRule, point: Mapping[str, Any]) -> fmpq:
    r""":math:`|T(e^{i\omega})|^2` from :math:`(e^{i\omega}I-A)x=B`, split into real and imaginary parts."""
    transition, injection = mode_at(rule, point, point["curvature"])
    c, s = point["frequency"].turned()
    n = rule.state_size
    rows = [
        [(c if i == j else 0) - transition[i, j] for j in range(n)] + [-s if i == j else 0 for j in range(n)]
        for i in range(n)
    ] + [
        [s if i == j else 0 for j in range(n)] + [(c if i == j else 0) - transition[i, j] for j in range(n)]
        for i in range(n)
    ]
    system = fmpq_mat(2 * n, 2 * n, [fmpq(x) for row in rows for x in row])
    right = fmpq_mat(2 * n, 1, [*injection, *([fmpq(0)] * n)])
    solved = system.solve(right)
    return solved[0, 0] ** 2 + solved[n, 0] ** 2
