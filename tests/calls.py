"""How much work is done, counted in calls of functions: the same on a machine of any speed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["calls_of"]


def calls_of(work: Callable[[], object], most: int) -> int:
    """Calls that ``work`` makes, of Python and of C; it is ended after ``most``.

    Raises
    ------
    AssertionError
        If there are more.
    """
    count = 0

    def look(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")
        if count > most:
            raise AssertionError(f"more than {most} calls")

    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
    assert count <= most, f"more than {most} calls, and the error was swallowed"
    return count
