"""Run everything and write the three files of the report."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from derivations.checking.gallery import CheckedClaim, check_gallery, load_gallery
from theory.closed_forms import CATALOGUE
from theory.errors import MissingPackageError
from theory.export import formula_record
from validation.evidence import RUNGS, RungResult, verify
from validation.files import write_text
from validation.problem import Problem
from validation.report.experiment import (
    Experiment,
    bundled_problems,
    experiment_record,
    problem_from,
    run_experiment,
)
from validation.report.experiment_figure import experiment_figure
from validation.report.experiment_section import experiment_section
from validation.report.figures import spectrum_figure, variance_figure
from validation.report.formulas_tex import catalogue_latex
from validation.report.gallery_section import gallery_section
from validation.report.ladder_section import ladder_section
from validation.report.one_epoch import one_epoch_record, run_one_epoch
from validation.report.one_epoch_section import one_epoch_section
from validation.report.page import formula_section, page, symbol_section
from validation.report.real_cases import CASES, RealCase
from validation.report.real_section import real_section
from validation.report.real_sgd import RealRun, real_record, run_real_case

__all__ = ["write_report"]

_SEED = 20230605
#: rungs that take too long for a report
_LEFT_OUT: tuple[str, ...] = ()


def write_report(
    output: str | Path, *, data: str | None = None, target: str | int | None = None,
    intercept: bool = True,
) -> Path:
    """Derive, check, predict, simulate; write ``index.html``, ``formulas.tex``, ``results.json``.

    Progress goes to standard error. All work is done before the first file is written, and each
    file is renamed into place.

    Parameters
    ----------
    output
        Folder for the three files; made if needed.
    data, target, intercept
        A further data set, as :func:`validation.data.load_data` takes it.

    Returns
    -------
    The path of the page.

    Raises
    ------
    TheoryError
        If the data cannot be used, or an optional package is missing.
    """
    problems = bundled_problems()
    if data is not None:  # first, so that bad input fails before any work
        mine = problem_from(Path(data).stem, data, target=target, intercept=intercept)
        problems = (*problems, mine)
    started = time.perf_counter()
    claims = _claims()  # before anything compiled starts threads: checks run in forked processes
    results = _climbed()
    experiments = tuple(_measured(problem) for problem in problems)
    real = tuple(_trained(case) for case in CASES)
    epoch = run_one_epoch(_SEED)
    sections = [
        ("evidence", "Formulas and their evidence", ladder_section(results, _LEFT_OUT)),
        ("gallery", "Claims from papers", gallery_section(claims)),
        ("regimes", "Regimes", variance_figure() + spectrum_figure()),
        *(
            (e.problem.name, f"Real data: {e.problem.name}", experiment_section(e, experiment_figure(e)))
            for e in experiments
        ),
        ("real-sgd", "Real SGD: theory against PyTorch", real_section(real)),
        ("one-epoch", "One epoch without replacement", one_epoch_section(epoch)),
        ("symbols", "Symbols and conventions", symbol_section() + _CONVENTIONS),
        ("formulas", "The catalogue", "".join(formula_section(e.formula) for e in CATALOGUE)),
    ]
    text = page("Stationary laws of SGD", sections)
    record = {
        "formulas": [formula_record(entry.formula) for entry in CATALOGUE],
        "evidence": [{"slug": r.slug, "rung": r.rung, **r.record()} for r in results],
        "claims": [{"name": c.name, "expect": c.entry.expect, **c.report.to_json()} for c in claims],
        "experiments": [experiment_record(e) for e in experiments],
        "real_sgd": [real_record(run) for run in real],
        "one_epoch": one_epoch_record(epoch),
        "seconds": round(time.perf_counter() - started, 1),
    }
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "formulas.tex", catalogue_latex(e.formula for e in CATALOGUE))
    write_text(folder / "results.json", json.dumps(record, indent=1, allow_nan=False))
    write_text(folder / "index.html", text)
    return folder / "index.html"


_CONVENTIONS = (
    "<p>Averages run over the positions 1…M of the epoch, after each step. The velocity is the "
    "displacement of the reported weights. An autocovariance has its first index at the later time. "
    "The loss of a regression is half the mean squared residual.</p>"
)


def _bar(total: int, name: str) -> Any:
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise MissingPackageError(
            "progress needs tqdm: pip install 'sgd-theory[report]'"
        ) from error
    return tqdm(total=total, desc=name, file=sys.stderr, leave=True, mininterval=0.2)


def _climbed() -> tuple[RungResult, ...]:
    rungs = [name for name in RUNGS if name not in _LEFT_OUT]
    with _bar(len(CATALOGUE), "formulas up the evidence ladder") as bar:
        return verify(rungs=rungs, progress=lambda slug: bar.update(1))


def _claims() -> tuple[CheckedClaim, ...]:
    gallery = load_gallery()
    with _bar(len(gallery), "claims checked") as bar:
        return check_gallery(lambda name: bar.update(1), exhibits=gallery)


class _Bars:
    """One bar per name, made when it first moves."""

    def __init__(self) -> None:
        self.open: dict[str, Any] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self.open:
            self.open[what] = _bar(total, f"{what}, steps")
        self.open[what].update(done - self.open[what].n)

    def close(self) -> None:
        for bar in self.open.values():
            bar.close()


def _measured(problem: Problem) -> Experiment:
    bars = _Bars()
    try:
        return run_experiment(problem, _SEED, progress=bars)
    finally:
        bars.close()


def _trained(case: RealCase) -> RealRun:
    bars = _Bars()
    try:
        return run_real_case(case, _SEED, progress=bars)
    finally:
        bars.close()
