"""Many points at once: plain doubles where they suffice, more precision where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.evaluate.inputs import exact_number, is_array
from theory.evaluate.points import double_at
from theory.formula import Formula

__all__ = ["evaluate_points"]


def evaluate_points(formula: Formula, values: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    """Evaluate at the broadcast of all values; see :func:`theory.evaluate.evaluate`."""
    raw = {n: np.asarray(v, dtype=None if is_array(v) else object) for n, v in values.items()}
    try:
        spread = np.broadcast_arrays(*raw.values())
    except ValueError:
        shapes = ", ".join(f"{n}: {a.shape}" for n, a in raw.items())
        raise TheoryError(f"shapes do not broadcast together ({shapes}): align them") from None
    result = np.empty(spread[0].shape)
    for index in np.ndindex(result.shape):
        numbers = {n: exact_number(n, a[index]) for n, a in zip(raw, spread, strict=True)}
        result[index] = double_at(formula, numbers)
    return result
