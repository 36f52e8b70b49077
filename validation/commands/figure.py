"""The figure of ``predict`` and ``simulate``: variance against curvature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.errors import TheoryError
from validation.files import write_whole

if TYPE_CHECKING:
    from validation.predict import Prediction
    from validation.regression import FloatArray

__all__ = ["draw", "require_drawable"]


def require_drawable(path: str) -> str:
    """The file type, before any work is done; errors as :func:`draw`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    kinds = FigureCanvasAgg.filetypes
    kind = Path(path).suffix.removeprefix(".").lower()
    if kind not in kinds:
        raise TheoryError(
            f"cannot draw {path!r}: the name must end in one of {', '.join(sorted(kinds))}"
        )
    return str(kind)


def draw(
    path: str, name: str, made: Prediction,
    measured: tuple[FloatArray, FloatArray] | None = None,
) -> None:
    """Draw predicted and white variances, the crossover, and measured values with error bars.

    Directions that do not move are left out of the logarithmic axes.

    Raises
    ------
    TheoryError
        If the file type is unknown or the file cannot be written.
    ModuleNotFoundError
        Without matplotlib; the command line names the pip command.
    """
    from matplotlib.figure import Figure

    kind = require_drawable(path)
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes: Any = figure.add_subplot()
    moving = (made.curvatures > 0) & (made.variances > 0)
    x = made.curvatures[moving]
    axes.plot(x, made.white_variances[moving], "s", mfc="none", color="0.6", label="independent batches")
    axes.plot(x, made.variances[moving], "o", ms=4, color="C0", label=f"{made.sampling}, predicted")
    if measured is not None:
        value, error = (part[moving] for part in measured)
        seen = value > 0
        axes.errorbar(
            x[seen], value[seen], yerr=np.minimum(error[seen], 0.999 * value[seen]), fmt="_",
            color="C3", label="simulated",
        )
    if made.crossover_curvature is not None:
        axes.axvline(made.crossover_curvature, ls="--", lw=1, color="0.4", label="crossover")
    if moving.any():
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set_xlabel("curvature")
    axes.set_ylabel("variance of the weights")
    axes.set_title(f"{name}: {made.rule}, {made.sampling}, M = {made.steps_per_epoch}")
    axes.legend()
    write_whole(path, lambda temporary: figure.savefig(temporary, format=kind, dpi=150))
