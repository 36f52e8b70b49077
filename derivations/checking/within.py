"""Work with a time limit: polynomial products cannot be interrupted, a process can be ended."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

from derivations.checking.report import ClaimReport
from theory.errors import TheoryError

__all__ = ["CheckerError", "Found", "Progress", "SoFar", "run_within"]

Work = Callable[[], Iterator["Progress"]]


class CheckerError(TheoryError):
    """A defect of the checker, which is no verdict on the claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """A report that holds but may not be complete."""

    report: ClaimReport


#: what is being tried, in words; what is known so far; the report
Progress = str | SoFar | ClaimReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The report, or None with what was known and what had been tried by the time limit."""

    report: ClaimReport | None
    so_far: ClaimReport | None
    tried: tuple[str, ...]


def run_within(work: Work, seconds: float) -> Found:
    """Run ``work`` in a process of its own, which is ended when the time is up.

    ``work`` yields what it is trying, in words, and at last a report; the pipe carries them as they come.

    Raises
    ------
    TheoryError
        Raised by ``work``; a :class:`CheckerError` for any other exception there.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_send, args=(work, theirs), daemon=True)
    deadline = time.monotonic() + max(0.0, seconds)
    process.start()
    theirs.close()
    tried: list[str] = []
    so_far: ClaimReport | None = None
    try:
        while ours.poll(max(0.0, deadline - time.monotonic())):
            message = ours.recv()
            if isinstance(message, TheoryError):
                raise message
            if isinstance(message, ClaimReport):
                return Found(report=message, so_far=so_far, tried=tuple(tried))
            if isinstance(message, SoFar):
                so_far = message.report
            else:
                tried.append(message)
    except EOFError:  # the process ended early, for want of memory for example
        tried.append("the process ended early")
    finally:
        process.kill()
        process.join()
        ours.close()
    return Found(report=None, so_far=so_far, tried=tuple(tried))


def _send(work: Work, connection: Connection) -> None:
    """Everything that ``work`` yields, as it comes."""
    try:
        for item in work():
            connection.send(item)
    except TheoryError as error:
        connection.send(error)
    except Exception as error:
        connection.send(CheckerError(
            f"the checker itself failed on this claim ({type(error).__name__}: {error}): no verdict. "
            "Please report it with the claim"
        ))
