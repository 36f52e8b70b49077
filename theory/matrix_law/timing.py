"""Which law of a noise component answers a lag and a position."""

from __future__ import annotations

from theory.errors import TheoryError
from theory.matrix_law.hyperparameters import Hyperparameters
from theory.numbers import exact_number

__all__ = ["timing"]


def timing(hyper: Hyperparameters, lag: int, position: int | None) -> tuple[str, int, int]:
    """(method of the components, lag, position).

    Raises
    ------
    TheoryError
        If lag or position is no whole number in range, or both together reach the epoch's end.
    """
    tau = exact_number("lag", lag)
    if tau < 0 or tau.denominator != 1:
        raise TheoryError(f"lag must be an integer >= 0 (the first index is later); got {lag}")
    later, m = int(tau), hyper.steps
    place = exact_number("position", 1 if position is None else position)
    if place < 1 or place.denominator != 1 or (hyper.has_epochs and place > m):
        limit = f"1..steps_per_epoch = {m}" if hyper.has_epochs else "1, 2, ..."
        raise TheoryError(
            f"position must be an integer in {limit}, counted after the step; got {position}"
        )
    if position is None or not hyper.has_epochs:
        within = "lagged_within" if later <= m else "lagged_beyond"
        return ("mean" if later == 0 else within), later, 1
    if later == 0:
        return ("at_last_position" if place == m else "at_position"), 0, int(place)
    if place + later > m - 1:
        raise TheoryError(
            f"position + lag = {place + later} must stay below steps_per_epoch = {m}: at a "
            "position, both times lie in one epoch before its end. Leave position out for the "
            "average over positions, at any lag"
        )
    return "lagged_at_position", later, int(place)
