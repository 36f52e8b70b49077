r"""One epoch without replacement in one direction: every order of the batches, in exact numbers.

The mean over all orders of the state after a set of batches is a mean over which of them came last, so
that all M! orders of M batches need a table of 2^M sets. Fluctuations carry a factor :math:`\epsilon`;
the numbers are polynomials in it, cut after its square, and the coefficient of :math:`\epsilon^2` is the
quantity. It is bilinear in the fluctuations: a population with one ratio of its moments to the wanted ones
gives the part in :math:`\chi`, one with another start the part in :math:`\psi`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sympy as sp
from flint import arb, fmpq

from theory.closed_forms import Entry
from theory.errors import TheoryError
from theory.evaluate.compiler import compile_program
from theory.formula import Formula
from theory.symbols import curvature, learning_rate, negative_curvature, steps_per_epoch
from validation.evidence.numbers import to_fmpq
from validation.evidence.subjects.batch_orders import BatchOrders
from validation.evidence.subjects.one_epoch.floats import doubles
from validation.evidence.subjects.one_epoch.orders import (
    direct_drift,
    direct_escape,
    drift_over_orders,
    escape_over_orders,
)
from validation.evidence.subjects.one_epoch.runs import replicas
from validation.evidence.subjects.protocol import Point, Replicas
from validation.evidence.support import Support, rational_support

__all__ = ["ONE_EPOCH", "OneEpoch"]

#: 2^13 sets of batches
_MOST_STEPS = 12
#: epochs after which the way out of a saddle is measured
_EPOCHS = 2


class OneEpoch(BatchOrders):
    """Drift, its weight in the regularizer, and the way out of a saddle, of plain SGD."""

    def most_steps(self, entry: Entry) -> int:
        return _MOST_STEPS

    def support(self, entry: Entry) -> Support:
        return _support(entry)

    def extremes(self, base: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        slope = "negative_curvature" if "negative_curvature" in base else "curvature"
        for label, product in (("1e-12", arb("1e-12")), ("pi", arb.pi())):
            if slope in base:
                yield f"learning_rate * {slope} = {label}", {**base, slope: product / base["learning_rate"]}

    def exact(self, entry: Entry, point: Point) -> fmpq:
        if not self.exists(entry, point):
            raise TheoryError("one batch per epoch does not fluctuate: steps_per_epoch must be at least 2")
        at = _numbers({k: v if k == "steps_per_epoch" else to_fmpq(v) for k, v in point.items()})
        steps = int(point["steps_per_epoch"])
        if entry.quantity == "saddle-escape-ratio":
            return escape_over_orders(at["p"], steps, _EPOCHS)
        found: fmpq = _combined(entry, at, steps, *drift_over_orders(at["p"], at["eta"], steps))
        return found

    def degree(self, entry: Entry, point: Point) -> tuple[int, int]:
        """p has degree 2; the drift is of degree M - 2 in it, a mean square after K epochs 2 (K M - 1)."""
        steps = int(point["steps_per_epoch"])
        if entry.quantity == "saddle-escape-ratio":
            return (4 * _EPOCHS * steps, 4 * _EPOCHS * steps)
        return (2 * steps + 2, 2)

    def balls(self, entry: Entry, point: Point) -> arb:
        at = _numbers({k: v if k == "steps_per_epoch" else arb(v) for k, v in point.items()})
        steps = int(point["steps_per_epoch"])
        if entry.quantity == "saddle-escape-ratio":
            return direct_escape(at["p"], steps)
        found: arb = _combined(entry, at, steps, *direct_drift(at["p"], at["eta"], steps))
        return found

    def floats(self, entry: Entry, point: Point) -> Mapping[str, float]:
        return doubles(entry.quantity, point)

    def replicas(self, entry: Entry, formula: Formula, *, salt: int = 0, share: int = 1) -> Replicas:
        return replicas(entry, formula, salt, share)


def _numbers(point: Mapping[str, Any]) -> dict[str, Any]:
    """With p; at zero curvature the limit of a flat direction."""
    eta = point["learning_rate"]
    slope = -point["negative_curvature"] if "negative_curvature" in point else point.get("curvature", 0)
    return {**point, "eta": eta, "p": 1 - eta * slope}


def _combined(entry: Entry, at: Mapping[str, Any], steps: int, first: Any, second: Any) -> Any:
    """From the drift per covariance and per variance times start."""
    if entry.quantity == "epoch-regularizer-weight":
        return -first * (steps - 1) / (at["eta"] * at["eta"])
    chi, psi, start = (
        at[n] for n in ("curvature_gradient_covariance", "curvature_variance", "displacement")
    )
    return chi * first + psi * start * second


def _support(entry: Entry) -> Support:
    r"""A sum over pairs of steps of products of powers of p; the mean squares are sums of :math:`p^{2i}`."""
    m = steps_per_epoch
    p: sp.Expr = 1 - learning_rate * curvature
    drift = (1 + (1 + m + m**2) * p**m) / (m - 1)
    if entry.quantity == "saddle-escape-ratio":
        p = 1 + learning_rate * negative_curvature
        ratio = (m + 1 + p**m + (1 + m) * p ** (2 * m)) / ((m - 1) * (p ** (2 * m) - 1))
        return rational_support(
            compile_program(ratio), {m.name: 1}, (learning_rate, negative_curvature, m)
        )
    if entry.quantity == "epoch-regularizer-weight":
        drift = drift * (m - 1)
    return rational_support(compile_program(drift), {m.name: 1}, (learning_rate, curvature, m))


ONE_EPOCH = OneEpoch()
