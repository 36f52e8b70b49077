"""How long a call takes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["best_rate", "median_seconds", "process_seconds", "timed"]

T = TypeVar("T")


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what was returned."""
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def median_seconds(call: Callable[[], object], repeats: int) -> float:
    """Of so many calls."""
    return statistics.median(timed(call)[0] for _ in range(repeats))


def best_rate(run: Callable[[], int]) -> float:
    """Largest of three rates, steps per second: other work on the machine only slows."""
    found = (timed(run) for _ in range(3))
    return max(steps / seconds for seconds, steps in found)


def process_seconds(code: str) -> float:
    """Of Python code in a process of its own."""
    return timed(lambda: subprocess.run([sys.executable, "-c", code], check=True))[0]
