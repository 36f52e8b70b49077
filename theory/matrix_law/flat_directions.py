"""Directions without curvature: which stay put, which stay bounded, which wander off."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt
import sympy as sp

from theory.errors import NoStationaryLawError, TheoryError
from theory.matrix_law.matrices import FloatArray
from theory.noise import NoiseComponent

__all__ = ["fate", "flat_mask", "require_bounded"]

Parts = tuple[tuple[NoiseComponent, Fraction], ...]
Fate = Literal["bounded", "diffuses", "drifts"]


def flat_mask(curvatures: FloatArray, tolerance: float) -> npt.NDArray[np.bool_]:
    """Eigenvalues of size at most ``tolerance`` times the largest.

    Raises
    ------
    TheoryError
        If one is more negative than that.
    """
    largest = float(np.abs(curvatures).max())
    smallest = float(curvatures.min())
    if smallest < -tolerance * largest:
        raise TheoryError(
            f"the hessian has the negative eigenvalue {smallest:.4g}, beyond "
            f"-rank_tolerance * lambda_max = {-tolerance * largest:.3g}: SGD leaves a "
            "saddle and has no stationary law there. Restrict the problem to the other directions, "
            "or add weight decay to the hessian"
        )
    mask: npt.NDArray[np.bool_] = np.abs(curvatures) <= tolerance * largest
    return mask


def fate(parts: Parts, steps: int) -> Fate:
    r"""What the noise does to a direction that nothing pulls back.

    The sum of the noise over a time T grows like :math:`\sqrt{S(0)\,T}`, S the spectrum: S(0) = 0
    keeps it bounded, a density there makes it diffuse, a line makes it drift.
    """
    lines = sum((w * _at_zero(c, steps) for c, w in parts if c.line_spectrum), Fraction(0))
    density = sum((w * _at_zero(c, steps) for c, w in parts if not c.line_spectrum), Fraction(0))
    if lines != 0:
        return "drifts"
    return "diffuses" if density != 0 else "bounded"


def _at_zero(component: NoiseComponent, steps: int) -> Fraction:
    """The component's spectrum at frequency zero."""
    m, omega = sp.Symbol("m", positive=True), sp.Symbol("omega", real=True)
    spectrum = sp.sympify(component.spectrum(omega, m))
    value = spectrum.subs(omega, 0)
    if value.has(sp.nan, sp.zoo):
        value = sp.limit(spectrum, omega, 0)
    exact = sp.Rational(value.subs(m, steps))
    return Fraction(int(exact.p), int(exact.q))


def require_bounded(
    scheme: str, ending: Fate, curvatures: FloatArray, noise: FloatArray,
    noisy_flat: npt.NDArray[np.bool_],
) -> None:
    """Fail if a flat direction with noise in it does not stay bounded.

    Raises
    ------
    NoStationaryLawError
        "diffuses" or "drifts", with the direction's curvature and noise.
    """
    if ending == "bounded" or not noisy_flat.any():
        return
    k = int(np.flatnonzero(noisy_flat)[np.argmax(noise[noisy_flat])])
    raise NoStationaryLawError(
        f"no stationary law: under {scheme} noise the weights {_HOW[ending]} in a direction of "
        f"curvature {curvatures[k]:.3g} (zero within rank_tolerance) and noise variance "
        f"{noise[k]:.3g}; {int(noisy_flat.sum())} such direction(s). Drop the direction, add "
        "weight decay, or use 'reshuffled' or 'shuffled-once' with equal batches"
    )


_HOW = {
    "diffuses": "wander: the variance diffuses without bound",
    "drifts": "run away: every run drifts at a constant speed",
}
