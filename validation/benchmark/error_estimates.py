"""How often the true error of a closure exceeds its estimate, on random problems of few samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from theory.multiplicative.quadratics import FloatArray
from theory.optimizers import rule_by_name
from theory.sampling import scheme_by_name
from validation.epoch_map import averaged_epoch_map
from validation.epoch_map.law import EpochMapLaw
from validation.laws import Run, WeightLaw
from validation.laws.closure import AveragedClosureMethod, ClosureMethod

__all__ = ["benchmark_error_estimates"]

Row = dict[str, Any]

_SEED, _PROBLEMS = 17, 1000
#: numbers of samples: of which all orders are taken, and of which some are drawn
_FEW, _MANY = (4, 5, 6), (8, 10, 15, 20, 30)
_PERMUTATIONS = 4000
#: standard errors that count as the sampling's, and standard deviations that do as rounding
_SIGMAS, _ROUNDING = 6.0, 1e-9
_SHARES = (0.02, 0.5)
_KINDS = ("gaussian", "heavy-tailed", "lognormal", "indefinite")
_RULES: tuple[tuple[str, dict[str, float]], ...] = (
    ("sgd", {}), ("heavy-ball", {"momentum": 0.3}), ("heavy-ball", {"momentum": 0.9}),
    ("nesterov", {"momentum": 0.7}),
    ("quasi-hyperbolic", {"momentum": 0.8, "immediate_discount": 0.5}),
    ("averaged:heavy-ball", {"momentum": 0.5, "averaging_rate": 0.3}),
)
_LAWS: dict[str, Callable[[Run], WeightLaw]] = {
    "closure": ClosureMethod().solve, "averaged closure": AveragedClosureMethod().solve,
}


def benchmark_error_estimates(problems: int = _PROBLEMS) -> list[Row]:
    r"""True errors over estimates, where all orders of 4 to 6 samples and 4000 of 8 to 30 are the truth.

    Designs are Gaussian, of Student's t with 2 degrees of freedom, Gaussian with a log-normal size of every
    sample, or have Hessians :math:`xx^\top` plus symmetric matrices of both signs; directions have scales
    apart by up to a factor 30, and the learning rate is 2 to 50 % of the mean-square limit of independent
    batches. What the averaged epoch map says of sampled orders counts from six of its standard errors. A
    problem counts once, by its worst direction.
    """
    rows: list[Row] = []
    for numbers in (_FEW, _MANY):
        worst: dict[str, list[float]] = {}
        skipped: Counter[str] = Counter()
        for k in range(problems):
            for name, ratio in _ratios(numbers, k, skipped).items():
                worst.setdefault(name, []).append(ratio)
        rows += _rows(f"N = {numbers[0]} to {numbers[-1]}", worst, skipped)
    return rows


def _rows(place: str, worst: dict[str, list[float]], skipped: Counter[str]) -> list[Row]:
    rows: list[Row] = [
        {"name": f"{place}: {what}", "value": count, "unit": "problems", "aim": None}
        for what, count in sorted(skipped.items())
    ]
    for name, found in worst.items():
        ratios = np.array(found)
        figures: tuple[tuple[str, float, str], ...] = (
            (f"{place}, {name}: beyond the estimate, of {len(ratios)}", (ratios > 1).sum(), "problems"),
            ("  beyond a tenth of it", (ratios > 0.1).sum(), "problems"),
            ("  largest error / estimate", ratios.max(), ""),
        )
        rows += [
            {"name": text, "value": float(value), "unit": unit, "aim": None} for text, value, unit in figures
        ]
    return rows


def _ratios(numbers: tuple[int, ...], k: int, skipped: Counter[str]) -> dict[str, float]:
    """Error over estimate in the worst direction of problem k, of variances and means."""
    rng = np.random.default_rng([_SEED, numbers[0], k])
    try:
        run = _random_run(numbers, rng)
        truth = _truth(run, k)
    except TheoryError:  # no minimum, or no stationary law
        skipped["drawn without a law"] += 1
        return {}
    out: dict[str, float] = {}
    for name, solve in _LAWS.items():
        try:
            law = solve(run)
        except TheoryError:
            skipped[f"refused by {name}"] += 1
            continue
        out[f"{name}, variances"] = _excess(
            np.diag(law.covariance) - truth.variance, truth.standard_error,
            law.relative_error_estimate * truth.variance,
        )
        rounding = _ROUNDING * np.sqrt(np.maximum(truth.variance, 0.0))
        out[f"{name}, means"] = _excess(
            law.mean - truth.mean, truth.mean_standard_error + rounding, law.mean_error_estimate
        )
    return out


def _excess(error: FloatArray, spread: FloatArray, estimate: FloatArray) -> float:
    """Largest error beyond the sampling's, over the estimate."""
    gap = np.maximum(np.abs(error) - _SIGMAS * spread, 0.0)
    return float(np.max(np.divide(gap, estimate, out=np.zeros_like(gap), where=gap > 0)))


def _random_run(numbers: tuple[int, ...], rng: np.random.Generator) -> Run:
    samples, d = int(rng.choice(numbers)), int(rng.integers(1, 4))
    size = int(rng.integers(1, min(6, samples // 2) + 1))
    scheme = "reshuffled" if samples % size == 0 else str(rng.choice(["kept-batch", "dropped-batch"]))
    name, values = _RULES[rng.integers(len(_RULES))]
    problem = _random_problem(str(rng.choice(_KINDS)), samples, d, rng)
    low, high = np.log(_SHARES)
    share = float(np.exp(rng.uniform(low, high)))
    trial = Run(
        problem=problem, rule=rule_by_name(name), scheme=scheme_by_name(scheme), batch_size=size,
        hyperparameters={**values, "learning_rate": 1e-3},
    )
    limit = trial.mean_square_limit
    if limit is None or not np.isfinite(limit):
        raise TheoryError("no mean-square limit")
    return replace(trial, hyperparameters={**values, "learning_rate": share * limit})


def _random_problem(kind: str, samples: int, d: int, rng: np.random.Generator) -> SampleQuadratics:
    """Gradients and Hessians of their own: no residual ties them together."""
    shape = (samples, d)
    heavy = kind == "heavy-tailed"
    x, g = (rng.standard_t(2, shape) if heavy else rng.normal(size=shape) for _ in range(2))
    if kind == "lognormal":
        x *= np.exp(rng.normal(size=(samples, 1)))
    x *= np.geomspace(1, 10 ** -rng.uniform(0, 1.5), d)
    hessians = x[:, :, None] * x[:, None, :]
    if kind == "indefinite":
        more = 0.4 * rng.normal(size=(samples, d, d))
        hessians += more + more.transpose(0, 2, 1)
        lowest = float(np.linalg.eigvalsh(hessians.mean(axis=0))[0])
        hessians += max(0.05 - lowest, 0.0) * np.eye(d)
    return SampleQuadratics.from_hessians(hessians, g)


def _truth(run: Run, seed: int) -> EpochMapLaw:
    """From all orders of a few samples, without error; from drawn ones of more."""
    samples = run.problem.samples
    solve = partial(
        averaged_epoch_map, run.problem, run.rule, run.scheme, batch_size=run.batch_size,
        hyperparameters=run.hyperparameters, seed=seed,
    )
    if samples not in _FEW:
        return solve(permutations=_PERMUTATIONS)
    every = np.array(list(permutations(range(samples))))[:, : sum(run.sizes)]
    found = solve(indices=every, control=False)
    still = np.zeros_like(found.variance)
    return replace(found, standard_error=still, mean_standard_error=still)
