"""The ladder of evidence: how long it takes, whether it cries wolf, and which errors it notices."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from theory.closed_forms import entry_by_slug
from validation.evidence import RUNGS, RungResult, verify
from validation.evidence.simulated import compare_with_simulation
from validation.mutation import mutate

__all__ = ["benchmark_evidence", "benchmark_false_alarms", "benchmark_mutation"]

Row = dict[str, Any]

_SEEDS = 1000
#: a small case of the simulated rung: 1/250 of its replicas, so that it resolves 10 % instead of 2 %
_SMALL, _SHARE, _RESOLUTION = "sgd-reshuffled-weight-variance", 250, 0.1
_PROCESSES = 2


def benchmark_evidence() -> list[Row]:
    """Climb the ladder with the whole catalogue on two processes, with and without the simulation."""
    quick = tuple(name for name in RUNGS if name != "simulated")
    rows: list[Row] = []
    for name, rungs, aim in (
        ("evidence, whole catalogue: all rungs but the simulation", quick, "< 60"),
        ("evidence, whole catalogue: the simulation", ("simulated",), None),
    ):
        start = time.perf_counter()
        results = verify(rungs=rungs, processes=_PROCESSES)
        seconds = time.perf_counter() - start
        rows += [
            {"name": name, "value": seconds, "unit": "s", "aim": aim},
            {"name": "  cells that failed or tested nothing", "value": _bad(results), "unit": "", "aim": "0"},
        ]
    return rows


def _bad(results: Sequence[RungResult]) -> int:
    return sum(not result.good for result in results)


def benchmark_false_alarms(seeds: int = _SEEDS) -> list[Row]:
    """The verdict of the simulated rung on a right formula, and on one that is wrong, seed by seed.

    The rule is sharper than its false-alarm rate shows: at 1e-6 over all comparisons no alarm is
    expected in a thousand runs, so the spread of z, which is 1 if the rate is right, is shown too.
    """
    entry = entry_by_slug(_SMALL)
    found = [
        compare_with_simulation(entry, entry.formula, salt=k, share=_SHARE, resolution=_RESOLUTION)
        for k in range(1, seeds + 1)
    ]
    z = np.array([one.z[0] for one in found])
    alarms = sum(bool(one.alarms.any()) for one in found)
    noticed = sum(one.negative_control().verdict == "disagrees" for one in found)
    resolution = max(float(one.resolution[0]) for one in found)
    return [
        {"name": f"simulated verdict, {seeds} seeds: false alarms", "value": alarms, "unit": "", "aim": "0"},
        {"name": "  spread of z", "value": float(z.std()), "unit": "", "aim": "1"},
        {"name": f"  largest |z|, threshold {float(found[0].threshold[0]):.3g}",
         "value": float(np.abs(z).max()), "unit": "", "aim": None},
        {"name": f"  alarms if wrong by the resolution, at most {resolution:.1%}",
         "value": noticed / seeds, "unit": "share", "aim": "0.999"},
    ]


def benchmark_mutation() -> list[Row]:
    """Share of the mutants of the whole catalogue that each rung notices, alone and together."""
    aims = {"rungs 1-3": "1", "solved": "> 0.95"}
    start = time.perf_counter()
    report = mutate(processes=_PROCESSES)
    seconds = time.perf_counter() - start
    rows: list[Row] = [
        {"name": "mutation: errors made on purpose", "value": len(report.errors), "unit": "", "aim": None},
        {"name": "  proved equivalent", "value": len(report.equivalent), "unit": "", "aim": None},
        {"name": "  duration", "value": seconds, "unit": "s", "aim": None},
    ]
    rows += [
        {"name": f"  noticed by {name}, of those it looks at", "value": score.share_of_applicable,
         "unit": "share", "aim": aims.get(name)}
        for name, score in report.scores.items()
    ]
    return rows
