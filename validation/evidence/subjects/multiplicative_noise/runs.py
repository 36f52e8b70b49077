r"""Runs in one direction with really drawn samples: a finite population, or Gaussian inputs and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np

from theory.closed_forms import Entry
from theory.evaluate import evaluate
from theory.formula import Formula
from theory.optimizers import LinearRule
from validation.evidence.result import NotApplicable
from validation.evidence.subjects.multiplicative_noise.law import law_at
from validation.evidence.subjects.protocol import FloatArray, Replicas

__all__ = ["replicas"]

#: curvature and slope of seven samples, correlated; batches of three without repeats
_CURVATURES = tuple(Fraction(k, 8) for k in (1, 2, 4, 7, 3, 5, 6))
_SLOPES = tuple(Fraction(k, 5) for k in (3, -5, 2, 4, -1, -6, 3))
_BATCH, _LAG = 3, 2
_HYPER: Mapping[str, Fraction] = {
    "learning_rate": Fraction(2, 7), "momentum": Fraction(3, 5), "dampening": Fraction(2, 9),
    "weight_decay": Fraction(1, 5),
}
_LABELS: Mapping[str, Any] = {
    "learning_rate": Fraction(2, 9), "momentum": Fraction(2, 5), "curvature": Fraction(3, 5),
    "label_variance": Fraction(4, 3), "batch_size": 3,
}
#: the slowest second moment falls by 0.77 per step or faster, to below 1e-6
_BURN_IN, _MEASURED, _REPLICAS = 60, 300, 60_000


@dataclass(frozen=True, kw_only=True, eq=False)
class _Runs:
    """Weights at the measured times and one before. Shape (replicas, 1 + measured)."""

    weights: FloatArray
    point: Mapping[str, Any]


def replicas(entry: Entry, formula: Formula, *, salt: int = 0, share: int = 1) -> Replicas:
    """Mean squares over consecutive steps of independent runs.

    Raises
    ------
    NotApplicable
        For the threshold: at it the mean square of a run has no limit.
    """
    if entry.slug == "mean-square-stability-limit":
        raise NotApplicable(
            "a threshold: at it the mean square has no limit that runs could measure, and on either side "
            "the law that diverges there is simulated"
        )
    runs = _run(entry.rule, "label" in entry.slug, salt, share)
    point = {**runs.point, "lag": _LAG}
    value = float(evaluate(formula, {s.name: point[s.name] for s in formula.parameters}))
    now, before = runs.weights[:, 1:], runs.weights[:, :-1]
    if entry.quantity == "weight-variance":
        return Replicas(predicted=value, numbers=np.asarray((now**2).mean(axis=1)))
    if entry.quantity == "velocity-variance":
        return Replicas(predicted=value, numbers=np.asarray(((now - before) ** 2).mean(axis=1)))
    law = law_at(entry, runs.point)
    first, scale = now, float(Fraction(str(law.weights())))
    if entry.quantity == "weight-velocity-covariance":
        second, other = now - before, float(Fraction(str(law.with_velocity(twice=True))))
    else:
        first, second, other = runs.weights[:, _LAG:], runs.weights[:, :-_LAG], scale
    sign = -1 if value > 0 else 1
    a, b = scale**0.5, other**0.5
    predicted = 2 + 2 * sign * value / (a * b)
    numbers = ((first / a + sign * second / b) ** 2).mean(axis=1)
    return Replicas(predicted=predicted, numbers=numbers, share=abs(predicted - 2) / predicted)


@lru_cache(maxsize=2)
def _run(rule: LinearRule, labels: bool, salt: int, share: int) -> _Runs:
    """Every run from the minimum; measured when the start is forgotten."""
    rng = _generator(rule, labels, salt)
    count = _REPLICAS // share
    hyper = _LABELS if labels else _HYPER
    numeric = rule.numeric({n: float(v) for n, v in hyper.items()})
    state = np.zeros((count, numeric.inject.size))
    out = np.empty((count, 1 + _MEASURED))
    for step in range(_BURN_IN + _MEASURED + 1):
        if step >= _BURN_IN:
            out[:, step - _BURN_IN] = state[:, 0]
        h, g = _labelled(count, rng) if labels else _drawn(count, rng)
        force = g + h * (state @ numeric.evaluate_at)
        state = state @ numeric.keep.T + np.multiply.outer(force, numeric.inject)
    return _Runs(weights=out, point=hyper if labels else {**hyper, **_population()})


def _generator(rule: LinearRule, labels: bool, salt: int) -> np.random.Generator:
    """Seeded by the rule and the kind of data."""
    return np.random.default_rng([crc32(f"fluctuating/{rule.name}/{labels}".encode()), salt])


def _population() -> dict[str, Fraction]:
    """The moments of a batch, by hand from those of the population."""
    size = len(_CURVATURES)
    mean = sum(_CURVATURES, Fraction(0)) / size
    factor = (Fraction(1, _BATCH) - Fraction(1, size)) * size / (size - 1)
    return {
        "curvature": mean,
        "curvature_variance": factor * sum(((h - mean) ** 2 for h in _CURVATURES), Fraction(0)) / size,
        "noise_variance": factor * sum((g * g for g in _SLOPES), Fraction(0)) / size,
    }


def _drawn(count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Curvature and slope of one batch per run: the three samples with the smallest random keys."""
    keys = rng.random((count, len(_CURVATURES)), dtype=np.float32)
    chosen = np.argpartition(keys, _BATCH - 1, axis=1)[:, :_BATCH]
    h, g = np.array(_CURVATURES, dtype=np.float64), np.array(_SLOPES, dtype=np.float64)
    return h[chosen].mean(axis=1), g[chosen].mean(axis=1)


def _labelled(count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Curvature and slope of a batch of Gaussian inputs with Gaussian labels around the line."""
    size = int(_LABELS["batch_size"])
    x = rng.standard_normal((count, size)) * float(_LABELS["curvature"]) ** 0.5
    noise = rng.standard_normal((count, size)) * float(_LABELS["label_variance"]) ** 0.5
    return np.asarray((x * x).mean(axis=1)), np.asarray(-(x * noise).mean(axis=1))
