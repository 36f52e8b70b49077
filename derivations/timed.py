"""Checking with a time limit: a polynomial product cannot be interrupted, a process can be ended."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection

from derivations.derivation import Derivation
from derivations.step import Outcome, Verdict
from derivations.zero_test import check_steps

__all__ = ["check_within"]


def check_within(derivation: Derivation, seconds: float) -> tuple[Verdict, ...]:
    """The verdicts on all steps; those not reached within ``seconds`` are UNDECIDED.

    The steps are checked one by one in a process of their own, which is ended then.
    """
    late = Verdict(outcome=Outcome.UNDECIDED, note=f"not decided within {seconds:g} s")
    found: dict[int, Verdict] = {}
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(
        target=_check, args=(derivation, theirs), daemon=True
    )
    process.start()
    theirs.close()
    deadline = time.monotonic() + seconds
    try:
        while len(found) < len(derivation.steps):
            if not ours.poll(max(0.0, deadline - time.monotonic())):
                break
            found |= ours.recv()
    except EOFError:  # the process ended early, for want of memory for example
        pass
    finally:
        process.kill()
        process.join()
    return tuple(found.get(n, late) for n in range(len(derivation.steps)))


def _check(derivation: Derivation, connection: Connection) -> None:
    """Send each verdict as it is found."""
    for n, step in enumerate(derivation.steps):
        (verdict,) = check_steps([step])
        connection.send({n: verdict})
