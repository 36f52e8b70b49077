"""Many points at once: plain doubles where they suffice, more precision where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.evaluate.bounded import BoundedArithmetic, BoundedDouble, BoundedPair, Unvectorised
from theory.evaluate.compiled import Compiled, compiled
from theory.evaluate.conditions import require_valid_arrays
from theory.evaluate.inputs import (
    CURVATURES,
    accepts_zero,
    check_domain,
    exact_values,
    is_array,
    is_whole,
)
from theory.evaluate.points import double_at
from theory.formula import Formula
from theory.numbers import exact_number

__all__ = ["evaluate_points"]

FloatArray = npt.NDArray[np.float64]

#: accepted relative error; leaves room for the rounding of the bound itself
ACCEPTED = 9e-16
_CHUNK = 4096
_CHUNK_OF_KERNEL = 1 << 16
_LARGEST_WHOLE = 2.0**40
_SMALLEST = float(np.finfo(np.float64).tiny)


def evaluate_points(formula: Formula, values: Mapping[str, Any]) -> FloatArray:
    """Evaluate at the broadcast of all values; see :func:`theory.evaluate.evaluate`."""
    if formula.per_sample:
        return _over_population(formula, values)
    raw = {n: _as_doubles(n, v) for n, v in values.items()}
    try:
        shape = np.broadcast_shapes(*(a.shape for a in raw.values()))
    except ValueError:
        shapes = ", ".join(f"{n}: {a.shape}" for n, a in raw.items())
        raise TheoryError(f"shapes do not broadcast together ({shapes}): align them") from None
    flat = {n: np.broadcast_to(a, shape).reshape(-1) for n, a in raw.items()}
    prepared = compiled(formula)
    exact = any(a.dtype == object for a in raw.values())
    for symbol in prepared.parameters:
        array = raw[symbol.name]
        if array.dtype != object:
            # a curvature of 0 without a flat limit has an error of its own, point by point
            kept = np.where(array == 0, 1.0, array) if symbol.name in CURVATURES else array
            check_domain(symbol, kept, or_zero=accepts_zero(formula, symbol))
    result = np.empty(int(np.prod(shape)))
    order = _processing_order(flat, prepared)
    width = _CHUNK if prepared.kernel is None else _CHUNK_OF_KERNEL
    for start in range(0, result.size, width):
        part = order[start : start + width]
        chunk = {n: a[part] for n, a in flat.items()}
        result[part] = _one_by_one(formula, chunk) if exact else _chunk(formula, prepared, chunk)
    return result.reshape(shape)


def _over_population(formula: Formula, values: Mapping[str, Any]) -> FloatArray:
    """Several points of one population, one by one."""
    own = {s.name for s in formula.per_sample}
    shared = {n: v for n, v in values.items() if n in own}
    rest = {n: np.array(v, dtype=object) for n, v in values.items() if n not in own}
    try:
        arrays = np.broadcast_arrays(*rest.values())
    except ValueError:
        shapes = ", ".join(f"{n}: {a.shape}" for n, a in rest.items())
        raise TheoryError(f"shapes do not broadcast together ({shapes}): align them") from None
    result = np.empty(arrays[0].shape)
    for index in np.ndindex(result.shape):
        point = {n: a[index] for n, a in zip(rest, arrays, strict=True)}
        result[index] = double_at(formula, exact_values(formula, {**shared, **point}))
    return result


def _as_doubles(name: str, value: Any) -> npt.NDArray[Any]:
    """A float64 or int64 array if that loses nothing, else an array of fractions."""
    array = np.asarray(value) if is_array(value) else None
    if array is not None and array.dtype.kind in "iu" and array.dtype.itemsize <= 8:
        safe = array.size == 0 or int(np.abs(array.astype(np.float64)).max()) < 2**53
        return array.astype(np.float64) if safe else array.astype(object)
    if array is not None and array.dtype.kind == "f" and array.dtype.itemsize <= 8:
        return array.astype(np.float64)
    entries = np.array(value, dtype=object)
    numbers = [exact_number(name, v) for v in entries.reshape(-1)]
    if all(_fits(v) for v in numbers):
        return np.array([float(v) for v in numbers]).reshape(entries.shape)
    return np.array([*numbers, None], dtype=object)[:-1].reshape(entries.shape)


def _fits(value: Fraction) -> bool:
    try:
        return Fraction(float(value)) == value
    except OverflowError:
        return False


def _processing_order(
    flat: Mapping[str, npt.NDArray[Any]], prepared: Compiled
) -> npt.NDArray[np.int64]:
    """Points with equally long exponents together; the values do not depend on it."""
    whole = [flat[s.name] for s in prepared.parameters if is_whole(s)]
    size = next(iter(flat.values())).size
    if not whole or size <= _CHUNK or any(a.dtype == object for a in flat.values()):
        return np.arange(size)
    length = np.frexp(whole[-1] + 1.0)[1]
    for array in whole[:-1]:
        length = np.maximum(length, np.frexp(array + 1.0)[1])
    return np.argsort(length.astype(np.int8), kind="stable")


def _one_by_one(formula: Formula, chunk: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
    """Ball arithmetic, point by point."""
    names = list(chunk)
    result = []
    for point in zip(*(chunk[n].tolist() for n in names), strict=True):
        numbers = {n: Fraction(v) for n, v in zip(names, point, strict=True)}
        result.append(double_at(formula, numbers))
    return np.array(result)


def _chunk(formula: Formula, prepared: Compiled, chunk: dict[str, FloatArray]) -> FloatArray:
    """Everything vectorised first; what is not certain goes to ball arithmetic."""
    size = next(iter(chunk.values())).size
    special = np.zeros(size, dtype=bool)
    for name in CURVATURES:
        if name in chunk:
            special |= (chunk[name] == 0) & ~(chunk.get("weight_decay", np.zeros(size)) > 0)
    if formula.silent_at_one_step and "steps_per_epoch" in chunk:
        special |= chunk["steps_per_epoch"] == 1
    if "noise_variance" in chunk:
        special |= chunk["noise_variance"] == 0
    for symbol in prepared.parameters:
        if is_whole(symbol):
            special |= chunk[symbol.name] > _LARGEST_WHOLE
    result, done = np.empty(size), np.zeros(size, dtype=bool)
    ordinary = ~special
    if ordinary.any():
        inner = chunk if ordinary.all() else {n: a[ordinary] for n, a in chunk.items()}
        require_valid_arrays(formula, prepared.parameters, inner)
        result[ordinary], done[ordinary] = _stages(prepared, inner)
    if not done.all():
        result[~done] = _one_by_one(formula, {n: a[~done] for n, a in chunk.items()})
    return result


def _stages(
    prepared: Compiled, chunk: dict[str, FloatArray]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Values and where they are certain: a kernel of the formula, doubles, double-doubles."""
    with np.errstate(all="ignore"):
        if prepared.kernel is not None:
            return prepared.kernel(chunk)
        result, done = _generic(prepared, chunk, BoundedDouble)
        if not done.all():
            rest = {n: a[~done] for n, a in chunk.items()}
            again, certain = _generic(prepared, rest, BoundedPair)
            todo = np.flatnonzero(~done)[certain]
            result[todo], done[todo] = again[certain], True
    return result, done


def _generic(
    prepared: Compiled, chunk: dict[str, FloatArray], kind: type[BoundedDouble] | type[BoundedPair]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    size = next(iter(chunk.values())).size
    inputs: dict[str, Any] = {
        n: BoundedDouble(a) if kind is BoundedDouble else BoundedPair((a, np.zeros_like(a)))
        for n, a in chunk.items()
    }
    integers = {s.name: chunk[s.name].astype(np.int64) for s in prepared.parameters if is_whole(s)}
    try:
        outcome = prepared.program.run(inputs, integers, BoundedArithmetic(kind))
    except Unvectorised:
        return np.empty(size), np.zeros(size, dtype=bool)
    value, error = (np.broadcast_to(part, (size,)).copy() for part in outcome.rounded())
    certain = (error <= ACCEPTED * np.abs(value)) & (np.abs(value) > 4 * _SMALLEST)
    return value, certain & np.isfinite(value)

