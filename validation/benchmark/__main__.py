"""``make bench``: speed and accuracy as ratios measured side by side in one run."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from validation.benchmark.closure import benchmark_closure
from validation.benchmark.error_estimates import benchmark_error_estimates
from validation.benchmark.evaluation import benchmark_evaluation
from validation.benchmark.evidence import (
    benchmark_evidence,
    benchmark_false_alarms,
    benchmark_mutation,
)
from validation.benchmark.formulas import benchmark_catalogue, benchmark_formula, benchmark_import
from validation.benchmark.laws import benchmark_laws
from validation.benchmark.matrices import benchmark_matrices
from validation.benchmark.multiplicative import benchmark_second_moment
from validation.benchmark.pytorch import benchmark_torch
from validation.benchmark.simulation import benchmark_simulation
from validation.files import write_text

__all__ = ["main"]

Row = dict[str, Any]

_BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "import": benchmark_import, "formula": benchmark_formula, "catalogue": benchmark_catalogue,
    "simulation": benchmark_simulation, "pytorch": benchmark_torch, "evaluation": benchmark_evaluation,
    "matrices": benchmark_matrices, "evidence": benchmark_evidence,
    "false-alarms": benchmark_false_alarms, "mutation": benchmark_mutation,
    "second-moment": benchmark_second_moment, "closure": benchmark_closure, "laws": benchmark_laws,
    "error-estimates": benchmark_error_estimates,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks named, or all; print their figures as they come, write JSON."""
    parser = argparse.ArgumentParser(prog="python -m validation.benchmark", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"all, if none is given: {', '.join(_BENCHMARKS)}"
    )
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    options = parser.parse_args(argv)
    for name in options.names:
        if name not in _BENCHMARKS:
            parser.error(f"no benchmark is called {name!r}; choose from: {', '.join(_BENCHMARKS)}")
    rows: list[Row] = []
    print(_line("figure", "measured", "unit", "aim"))
    for name in options.names or _BENCHMARKS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        found = _BENCHMARKS[name]()
        for row in found:
            print(_line(row["name"], f"{row['value']:.4g}", row["unit"], row["aim"]), flush=True)
        rows += found
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_text(options.output, json.dumps(rows, indent=1))
    return 0


def _line(name: str, value: str, unit: str, aim: object) -> str:
    return f"{name:<78}  {value:>10}  {unit:<14}  {'' if aim is None else aim}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
