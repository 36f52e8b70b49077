r"""The law with fluctuating curvature in doubles: squared maps of all batches, and a Lyapunov equation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.linalg import solve_discrete_lyapunov
from scipy.optimize import brentq

from theory.closed_forms import Entry
from validation.evidence.subjects.multiplicative_noise.law import batches_of

__all__ = ["solutions"]

_LIMIT = "mean-square-stability-limit"


def solutions(entry: Entry, point: Mapping[str, Any]) -> Mapping[str, float]:
    """The quantity by two methods."""
    values = {n: v if isinstance(v, int) else float(v) for n, v in point.items()}
    if entry.slug == _LIMIT:
        return {
            "radius of all batches": _radius_limit(entry, values),
            "feedback": _feedback_limit(entry, values),
        }
    return {
        "squared maps of all batches": _by_squaring(entry, values),
        "Lyapunov equation and feedback": _by_lyapunov(entry, values),
    }


def _matrices(entry: Entry, values: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
    """Chances, steps (batches, n, n), gradients and their squares; the injection last."""
    numeric = entry.rule.numeric(dict(values))
    batches = batches_of(entry, values)
    steps = numeric.transitions([b.curvature for b in batches])
    chances, gradients, squares = (
        np.array([getattr(b, name) for b in batches], dtype=np.float64)
        for name in ("chance", "gradient", "square")
    )
    return chances, steps, np.stack([gradients, squares]), numeric.inject


def _by_squaring(entry: Entry, values: Mapping[str, Any]) -> float:
    """The affine map of (second moment, mean, 1) applied 2^70 times."""
    chances, steps, kicks, b = _matrices(entry, values)
    n = b.size
    first = np.einsum("k,kij->ij", chances, steps)
    second = np.einsum("k,kij,klm->iljm", chances, steps, steps).reshape(n * n, n * n)
    kick = chances @ kicks[0] * b
    cross = np.einsum("k,k,kij,l->ilj", chances, kicks[0], steps, b)
    cross = (cross + cross.swapaxes(0, 1)).reshape(n * n, n)
    whole = np.zeros((n * n + n + 1,) * 2)
    whole[: n * n, : n * n] = second
    whole[: n * n, n * n : -1] = cross
    whole[: n * n, -1] = (chances @ kicks[1]) * np.outer(b, b).ravel()
    whole[n * n : -1, n * n : -1] = first
    whole[n * n : -1, -1] = kick
    whole[-1, -1] = 1
    for _ in range(70):
        whole = whole @ whole
    p = whole[: n * n, -1].reshape(n, n)
    return _read(entry, values, p, first)


def _read(entry: Entry, values: Mapping[str, Any], p: Any, first: Any) -> float:
    if entry.quantity == "weight-autocovariance":
        return float((np.linalg.matrix_power(first, int(values["lag"])) @ p)[0, 0])
    if entry.quantity == "weight-variance":
        return float(p[0, 0])
    shared = float(((np.eye(len(p)) - first) @ p)[0, 0])
    return 2 * shared if entry.quantity == "velocity-variance" else shared


def _moments(values: Mapping[str, Any]) -> tuple[float, float]:
    """Variances of batch curvature and gradient noise."""
    if "label_variance" in values:
        size, h = values["batch_size"], values["curvature"]
        return 2 * h**2 / size, h * values["label_variance"] / size
    return values["curvature_variance"], values.get("noise_variance", 1.0)


def _white(entry: Entry, values: Mapping[str, Any]) -> tuple[Any, float, Any]:
    """Law under unit white noise, what the next gradient sees of it, and the mean step."""
    numeric = entry.rule.numeric(dict(values))
    drift = numeric.transitions(values["curvature"])
    x = solve_discrete_lyapunov(drift, np.outer(numeric.inject, numeric.inject))
    return x, float(numeric.evaluate_at @ x @ numeric.evaluate_at), drift


def _by_lyapunov(entry: Entry, values: Mapping[str, Any]) -> float:
    psi, c = _moments(values)
    x, seen, drift = _white(entry, values)
    return _read(entry, values, c / (1 - psi * seen) * x, drift)


def _feedback_limit(entry: Entry, values: Mapping[str, Any]) -> float:
    def gap(rate: float) -> float:
        _, seen, _ = _white(entry, {**values, "learning_rate": rate})
        return rate * (1.0 - float(values["curvature_variance"]) * seen)

    most = 2 * (1 + values["momentum"]) / values["curvature"]
    return float(brentq(gap, 1e-9 * most, (1 - 1e-12) * most, xtol=1e-300, rtol=1e-15))


def _radius_limit(entry: Entry, values: Mapping[str, Any]) -> float:
    def gap(rate: float) -> float:
        chances, steps, _, b = _matrices(entry, {**values, "learning_rate": rate})
        operator = np.einsum("k,kij,klm->iljm", chances, steps, steps).reshape(b.size**2, -1)
        return float(np.linalg.eigvals(operator).real.max()) - 1

    most = 2 * (1 + values["momentum"]) / values["curvature"]
    return float(brentq(gap, 1e-2 * most, most, xtol=1e-300, rtol=1e-15))
