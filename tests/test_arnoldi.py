"""Where ARPACK fails, the error says which eigenvalue, and slow iterations are not taken as settled."""

from __future__ import annotations

import gc
import importlib
from typing import Any

import numpy as np
import pytest
import scipy.sparse.linalg
from scipy.sparse.linalg import ArpackNoConvergence, eigs

from theory.arnoldi import arnoldi_must_converge
from theory.errors import AccuracyError, TheoryError
from theory.multiplicative import SampleQuadratics, mean_square_limit, mulayoff2023, second_moment_radius
from theory.multiplicative.independent_steps import IndependentSteps
from theory.optimizers import LinearRule, heavy_ball, sgd
from theory.sampling import fresh_batches, reshuffled
from validation.epoch_map import mean_square_limit_of_epochs, spectrum
from validation.epoch_map.average import AveragedMap, maps_of
from validation.epoch_map.system import EpochSystem

BALL = {"learning_rate": 0.02, "momentum": 0.5}


def quadratics(dimension: int) -> SampleQuadratics:
    x = np.random.default_rng(dimension).normal(size=(40, dimension))
    return SampleQuadratics.from_hessians(np.einsum("ni,nj->nij", x, x), x[::-1])


def independent(rule: LinearRule, values: dict[str, float]) -> IndependentSteps:
    return IndependentSteps(
        quadratics=quadratics(9), rule=rule, scheme=fresh_batches(), batch_size=4, hyperparameters=values
    )


def epochs(dimension: int = 4) -> AveragedMap:
    system = EpochSystem.of(
        quadratics(dimension), heavy_ball(), reshuffled(), batch_size=8, hyperparameters=BALL
    )
    return maps_of(system, lambda first, few: system.indices(1, first, few), 60)


def test_arpack_that_does_not_converge() -> None:
    matrix = np.random.default_rng(0).normal(size=(80, 80))
    words = r"^the radius was not found to a relative 1e-14 .* on 80 unknowns"
    with pytest.raises(AccuracyError, match=words), arnoldi_must_converge("the radius", 80, 1e-14):
        eigs(matrix, k=1, maxiter=1, tol=1e-14, v0=np.ones(80))
    with arnoldi_must_converge("the radius", 80, 1e-10):
        eigs(matrix, k=1, tol=1e-10, v0=np.ones(80))
    with pytest.raises(ZeroDivisionError, match="untouched"), arnoldi_must_converge("the radius", 80, 1e-10):
        raise ZeroDivisionError("untouched")


def test_every_caller_says_what_was_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any, **options: Any) -> Any:
        raise ArpackNoConvergence("ARPACK error -1", np.empty(0), np.empty((0, 0)))

    for module in ("noise_equation", "mean_square_limit"):
        monkeypatch.setattr(importlib.import_module(f"theory.multiplicative.{module}"), "eigs", fail)
    monkeypatch.setattr(mulayoff2023, "eigsh", fail)
    monkeypatch.setattr(scipy.sparse.linalg, "eigs", fail)
    with pytest.raises(TheoryError, match=r"spectral radius of the noise feedback was not found"):
        mean_square_limit(independent(heavy_ball(), BALL))
    with pytest.raises(TheoryError, match=r"spectral radius of the second moment was not found"):
        second_moment_radius(independent(heavy_ball(), BALL))
    with pytest.raises(TheoryError, match=r"the mean-square threshold was not found"):
        mean_square_limit(independent(sgd(), {"learning_rate": 0.02}))
    monkeypatch.setattr(spectrum, "_DENSE", 0)
    with pytest.raises(TheoryError, match=r"spectral radius of the averaged epoch map was not found"):
        _ = epochs().top_pair


def test_small_epoch_maps_have_all_eigenvalues_where_arnoldi_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any, **options: Any) -> Any:
        raise ArpackNoConvergence("ARPACK error -1", np.empty(0), np.empty((0, 0)))

    radius, left, _ = epochs().top_pair
    monkeypatch.setattr(scipy.sparse.linalg, "eigs", fail)
    dense, other, _ = epochs().top_pair
    assert dense == pytest.approx(radius, rel=1e-6)
    assert abs(np.vdot(left, other)) == pytest.approx(np.linalg.norm(left) * np.linalg.norm(other), rel=1e-4)


def test_inverse_iteration_that_does_not_settle_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = epochs()
    assert settled.slow_pair is not None
    monkeypatch.setattr(spectrum, "_ITERATIONS", 2)
    hasty = epochs()
    assert hasty.slow_pair is None
    assert hasty.spectral_radius == pytest.approx(settled.spectral_radius, rel=1e-6)


def test_the_limit_keeps_no_maps_of_earlier_rates() -> None:
    kept: list[int] = []

    def count(rate: float, radius: float) -> None:
        gc.collect()
        kept.append(sum(type(thing) is AveragedMap for thing in gc.get_objects()))

    before = sum(type(thing) is AveragedMap for thing in gc.get_objects())
    mean_square_limit_of_epochs(
        quadratics(2), heavy_ball(), reshuffled(), batch_size=8, hyperparameters=BALL, seed=0,
        permutations=20, progress=count,
    )
    assert len(kept) > 4
    assert max(kept) <= before + 1
