"""The whole ladder for many formulas, on several processes, with the same results for any number."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from typing import Any

from theory.closed_forms import CATALOGUE, entry_by_slug
from theory.errors import TheoryError
from validation.evidence.ladder import RUNGS, climb, require_rungs
from validation.evidence.result import RungResult

__all__ = ["verify", "workers"]

_MOST_PROCESSES = 64


def verify(
    slugs: Sequence[str] | None = None, rungs: Sequence[str] = RUNGS,
    progress: Callable[[str], None] | None = None, processes: int = 1,
) -> tuple[RungResult, ...]:
    """Climb the ladder with every formula; nothing is taken from an earlier run.

    Parameters
    ----------
    slugs
        Formulas of the catalogue; all of them by default.
    rungs
        Names from :data:`RUNGS`.
    progress
        Called with each slug as it is finished; an exception raised there ends the run.
    processes
        How many processes share the work; the results do not depend on it. With more than one, a
        script needs the usual ``if __name__ == "__main__":``.

    Returns
    -------
    One result per formula and rung, in the order of the catalogue and of the ladder.

    Raises
    ------
    UnknownNameError
        If there is no such formula or rung.
    TheoryError
        If no rung is asked for, or ``processes`` is not in 1..64.
    """
    wanted = require_rungs(rungs)
    chosen = [entry_by_slug(slug) for slug in slugs] if slugs is not None else list(CATALOGUE)
    # neighbours share rule and scheme, and with them a simulation
    order = sorted({e.slug: e for e in chosen}.values(), key=lambda e: (e.rule.name, e.scheme.name))
    found: dict[str, tuple[RungResult, ...]] = {}
    with workers(processes) as mapped:
        for slug, results in mapped(partial(_climbed, wanted), [e.slug for e in order]):
            found[slug] = results
            if progress is not None:
                progress(slug)
    return tuple(result for e in dict.fromkeys(e.slug for e in chosen) for result in found[e])


def _climbed(rungs: tuple[str, ...], slug: str) -> tuple[str, tuple[RungResult, ...]]:
    return slug, tuple(climb(entry_by_slug(slug), rungs))


@contextmanager
def workers(processes: int) -> Iterator[Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]]:
    """``map`` over one process or several; on an error or interrupt the others are ended at once.

    Raises
    ------
    TheoryError
        If ``processes`` is not in 1..64.
    """
    if not 1 <= processes <= _MOST_PROCESSES:
        raise TheoryError(f"processes must lie in 1..{_MOST_PROCESSES}; got {processes}")
    if processes == 1:
        yield lambda function, items: map(function, items)
        return
    # spawned: threads of compiled code do not survive a fork
    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("spawn"), initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )

    def mapped(function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        for future in as_completed([executor.submit(function, item) for item in items]):
            yield future.result()

    try:
        yield mapped
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - others:
            child.kill()
        raise
    executor.shutdown()
