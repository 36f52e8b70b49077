"""What all figures of the report share: matplotlib for SVG, colours, SVG as text."""

from __future__ import annotations

import io
from typing import Any

from theory.errors import MissingPackageError

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "RED", "pyplot_for_svg", "svg_text"]

GREY, BLUE, ORANGE, RED, GREEN = "#7f7f7f", "#1f5fa8", "#c2571a", "#b0243c", "#1a7f37"


def pyplot_for_svg() -> Any:
    """``matplotlib.pyplot`` without a window, letters as paths, the same bytes every time.

    Raises
    ------
    MissingPackageError
        Without matplotlib.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise MissingPackageError(
            "figures need matplotlib: pip install 'sgd-theory[report]'"
        ) from error
    matplotlib.use("Agg")
    matplotlib.rcParams.update({
        "svg.fonttype": "path", "svg.hashsalt": "sgd-theory", "font.size": 10,
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    })
    from matplotlib import pyplot

    return pyplot


def svg_text(figure: Any) -> str:
    """SVG without the XML prologue, so that it can stand inside HTML."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight")
    pyplot_for_svg().close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
