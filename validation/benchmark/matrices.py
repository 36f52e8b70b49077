"""Cost of a full covariance matrix, in units of the eigendecomposition it contains."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.matrix_law import covariance
from theory.optimizers import rule_by_name
from theory.sampling import scheme_by_name
from validation.benchmark.clock import timed

__all__ = ["benchmark_matrices"]

FloatArray = npt.NDArray[np.float64]
Row = dict[str, Any]

#: rule, scheme, steps per epoch, momentum; the spectrum spans 1e-9..1 of the stability limit
_CASES: tuple[tuple[str, str, int, float], ...] = (
    ("heavy-ball", "reshuffled", 1_000_000, 0.9),
    ("heavy-ball", "reshuffled", 100, 0.99),
    ("heavy-ball", "shuffled-once", 100, 0.9),
    ("nesterov", "reshuffled", 1000, 0.9),
    ("sgd", "reshuffled", 1000, 0.0),
)
_REPEATS = 5


def benchmark_matrices(d: int = 2000) -> list[Row]:
    """Time :func:`theory.matrix_law.covariance` against ``numpy.linalg.eigh`` in the same run.

    Parameters
    ----------
    d
        Number of weights.

    Returns
    -------
    Rows with ``name``, ``value``, ``unit`` and ``aim``. The times are the shortest of five
    alternating runs, the least disturbed by other work; memory is the largest allocation beyond
    the inputs, in matrices of d² doubles.
    """
    rng = np.random.default_rng(d)
    turn, _ = np.linalg.qr(rng.standard_normal((d, d)))
    hessian = (turn * np.geomspace(1e-9, 1.0, d)) @ turn.T
    hessian = (hessian + hessian.T) / 2
    root = rng.standard_normal((d, d + d // 2))
    noise = root @ root.T / d
    rows: list[Row] = []
    for rule, scheme, steps, momentum in _CASES:
        values = {
            "learning_rate": 0.99 * _limit(rule, momentum), "momentum": momentum,
            "steps_per_epoch": steps,
        }
        call = _call(rule, scheme, hessian, noise, values)
        pairs = [(timed(lambda: np.linalg.eigh(hessian))[0], timed(call)[0]) for _ in range(_REPEATS)]
        reference, ours = (min(p[k] for p in pairs) for k in (0, 1))
        name = f"{rule}, {scheme}, M = {steps}, momentum {momentum}, d = {d}"
        rows.append({"name": name, "value": ours / reference, "unit": "eigh", "aim": "< 3"})
        rows.append(
            {"name": f"{name}: memory", "value": _memory(call, d), "unit": "d² doubles", "aim": "< 8"}
        )
    spectrum = np.linalg.eigvalsh(call())
    rows.append({
        "name": f"smallest eigenvalue, d = {d}", "value": float(spectrum[0] / spectrum.sum()),
        "unit": "trace", "aim": "> -1e-12",
    })
    return rows


def _limit(rule: str, momentum: float) -> float:
    """Largest stable learning rate at curvature one."""
    if rule == "nesterov":
        return 2 * (1 + momentum) / (1 + 2 * momentum)
    return 2 * (1 + momentum)


def _call(
    rule: str, scheme: str, hessian: FloatArray, noise: FloatArray, values: Mapping[str, float]
) -> Callable[[], FloatArray]:
    made = rule_by_name(rule)
    own = {"learning_rate", "steps_per_epoch", *map(str, made.parameters)}
    kept = {k: v for k, v in values.items() if k in own}
    return lambda: covariance(made, scheme_by_name(scheme), hessian, noise, kept)


def _memory(call: Callable[[], Any], d: int) -> float:
    """NumPy reports its arrays to tracemalloc; LAPACK's work space (2 d²) is not seen."""
    tracemalloc.start()
    try:
        call()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak / (8.0 * d * d)
