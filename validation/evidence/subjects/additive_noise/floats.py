"""The stationary law in floating point: solvers with no method in common, and how much they may lose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from theory.closed_forms import Entry
from theory.errors import AccuracyError
from theory.formula import Formula
from theory.solvers import solve_lag_sum, solve_lyapunov, solve_spectral_integral
from theory.solvers.by_name import NotCoveredError
from validation.evidence.subjects.additive_noise import other_solvers
from validation.reference import reference_value, sample_points

__all__ = ["condition_estimate", "float_points", "solutions"]

_POINTS, _DRAWN = 5, 60
_WHOLE = ("steps_per_epoch", "lag", "position")


def condition_estimate(entry: Entry, point: Mapping[str, Any]) -> float:
    r"""At least 1; for the noise alone nothing is inverted.

    The norm of the inverse of the linear operator that every solver inverts in one way or another,
    :math:`\lVert(I-A\otimes A')^{-1}\rVert`, in coordinates in which the state's entries have their own
    size.
    """
    if entry.quantity.startswith("noise"):
        return 1.0
    numbers = {"learning_rate": 1.0} | {k: float(v) for k, v in point.items()}
    flat = entry.quantity.startswith("flat-")
    modes = []
    for name in ("curvature", "second_curvature"):
        if flat:
            return 1 / (1 - numbers["momentum"] ** 2)
        h = numbers.get(name, numbers["curvature"])
        numeric = entry.rule.numeric(numbers)
        a = numeric.transitions(h)
        size = np.maximum(np.abs(numeric.inject), 1e-300)
        modes.append(a / size[:, None] * size)
    system = np.eye(len(modes[0]) ** 2) - np.kron(modes[0], modes[1])
    return max(1.0, float(np.linalg.norm(np.linalg.inv(system), 2)))


_SOLVERS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("lyapunov", solve_lyapunov), ("lag-sum", solve_lag_sum), ("spectral", solve_spectral_integral),
)


def solutions(entry: Entry, point: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The quantity by every floating-point solver that has it."""
    name = entry.quantity
    if name == "noise-autocovariance":
        yield "enumeration of all orders", other_solvers.noise_by_enumeration(entry, point)
        yield "periodogram of an epoch", other_solvers.noise_by_periodogram(entry, point)
    elif name == "noise-spectrum":
        yield "sum over lags", other_solvers.spectrum_by_lags(entry, point)
        yield "periodogram of an epoch", other_solvers.noise_by_periodogram(entry, point)
    elif name == "weight-spectrum":
        yield "sum over lags and a linear solve", other_solvers.spectrum_by_lags(entry, point)
        yield "periodogram and impulse response", other_solvers.spectrum_by_series(entry, point)
    elif name.startswith("flat-"):
        for label, solve in (
            ("epoch by epoch", other_solvers.flat_by_epochs),
            ("impulse response", other_solvers.flat_by_response),
        ):
            if name.endswith("correlation-time"):
                yield label, 2 * solve(entry, point, False) / solve(entry, point, True)
            else:
                yield label, solve(entry, point, "velocity" in name)
    else:
        for label, solve in _SOLVERS:
            try:
                yield label, float(reference_value(entry, point, solve))
            except (NotCoveredError, AccuracyError):
                continue


def _different(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A few with other epochs, lags and positions each; but for the first they are generic.

    Where a number is zero, or a lag or position is near the start or the end of the epoch, terms of a
    formula may cancel.
    """
    found: dict[Any, Mapping[str, Any]] = {}
    for number, point in enumerate(points):
        kind = tuple(point[name] for name in _WHOLE if name in point) or number
        found.setdefault((_room(point) > 0, kind), point)
    generic = [point for (inner, _), point in found.items() if inner]
    special = [point for (inner, _), point in found.items() if not inner]
    return [*special[:1], *sorted(generic, key=_room, reverse=True), *special[1:]][:_POINTS]


def _room(point: Mapping[str, Any]) -> float:
    """Steps from a lag or position to the ends of the epoch; 0 where some number is zero."""
    if not all(point.values()):
        return 0
    steps = point.get("steps_per_epoch")
    gaps = [min(point[n], abs(steps - point[n])) for n in ("lag", "position") if steps and n in point]
    return min(gaps, default=1)


#: (M, S, N - M S) of data so small that all orders of the samples can be written down
_SMALL = {"dropped": ((2, 3, 1), (2, 3, 2), (3, 2, 1), (2, 2, 1)),
          "kept": ((2, 3, -1), (2, 4, -1), (3, 2, -1), (4, 2, -1))}


def float_points(entry: Entry, formula: Formula) -> Sequence[Mapping[str, Any]]:
    """Random rational points of different whole numbers; for the noise of unequal batches, few samples."""
    points = sample_points(entry, _DRAWN, formula=formula)
    # at frequency zero the power of balanced noise is zero, of which no solver has a digit
    drawn = _different([point for point in points if point.get("frequency") != 0])
    small = _SMALL.get(entry.scheme.last_batch)
    if entry.quantity != "noise-autocovariance" or small is None:
        return drawn
    return [
        {**point, "steps_per_epoch": m, "batch_size": s, "samples": m * s + rest, "lag": m - 1}
        for point, (m, s, rest) in zip(drawn, small, strict=False)
    ]
