"""The way out of a saddle: closed form, exact moments, and drawn orders of the batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.closed_forms import formula_by_slug
from theory.one_epoch import saddle_escape
from validation.compare import Comparison, compare
from validation.regression import FloatArray
from validation.report.epoch_weights import population

__all__ = ["Saddle", "escape_from_saddle"]

_ESCAPES, _EPOCHS = 20_000, 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Saddle:
    """Mean-square displacement from a saddle, reshuffled over fresh batches."""

    growth: FloatArray
    formula: FloatArray
    exact: FloatArray
    comparison: Comparison


def escape_from_saddle(batches: int, rng: np.random.Generator) -> Saddle:
    """Batches of one negative curvature and different gradients, reshuffled, some epochs from the saddle."""
    _, xi = population(rng, batches)
    growth = np.linspace(0.01, 0.8, 12)  # learning rate times minus the curvature
    formula = formula_by_slug("saddle-escape-ratio").evaluate(
        learning_rate=1.0, negative_curvature=growth, steps_per_epoch=batches
    )
    exact, squares = [], []
    for y in growth:
        same = np.full(batches, -y)
        found = saddle_escape(same, xi, 1.0, epochs=_EPOCHS)
        exact.append(found.ratio)
        at = np.zeros(_ESCAPES)
        for _ in range(_EPOCHS):
            orders = np.argsort(rng.random((_ESCAPES, batches)), axis=1)
            for k in range(batches):
                at = (1 + y) * at - xi[orders[:, k]]
        squares.append(at**2 / found.fresh)
    comparison = compare(
        np.asarray(formula), np.array(squares).T, labels=[f"{y:.2f}" for y in growth], resolution=0.1
    )
    return Saddle(growth=growth, formula=np.asarray(formula), exact=np.array(exact), comparison=comparison)
