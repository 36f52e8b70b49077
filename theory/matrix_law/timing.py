"""Which law of a noise component answers a lag and a position."""

from __future__ import annotations

from theory.errors import TheoryError
from theory.matrix_law.hyperparameters import Hyperparameters

__all__ = ["timing"]


def timing(
    hyper: Hyperparameters, lag: int, position: int | None
) -> tuple[str, int, int]:
    """(method of the components, lag, position).

    Raises
    ------
    TheoryError
        If lag or position is no whole number in range, or both together reach the epoch's end.
    """
    if isinstance(lag, bool) or int(lag) != lag or lag < 0:
        raise TheoryError(f"lag must be an integer >= 0 (the first index is later); got {lag}")
    m = hyper.steps
    if position is None or not hyper.has_epochs:
        if position is not None and position < 1:
            raise TheoryError(f"position must be an integer >= 1; got {position}")
        when = "mean" if lag == 0 else "lagged_within" if lag <= m else "lagged_beyond"
        return when, int(lag), 1
    if isinstance(position, bool) or int(position) != position or not 1 <= position <= m:
        raise TheoryError(
            f"position must be an integer in 1..steps_per_epoch = {m}, counted after the step; "
            f"got {position}"
        )
    if lag == 0:
        return ("at_last_position" if position == m else "at_position"), 0, int(position)
    if position + lag > m - 1:
        raise TheoryError(
            f"position + lag = {position + lag} must stay below steps_per_epoch = {m}: at a "
            "position, both times lie in one epoch before its end. Leave position out for the "
            "average over positions, at any lag"
        )
    return "lagged_at_position", int(lag), int(position)
