"""Noise autocovariance and spectra: sums over a scheme's components, times the transfer function."""

from __future__ import annotations

import sympy as sp

from theory.engine.present import Presentation
from theory.engine.rational_matrix import PolynomialRing
from theory.errors import TheoryError
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from theory.symbols import batch_size, frequency, lag, samples, steps_per_epoch

__all__ = ["noise_autocovariance", "noise_spectrum", "squared_transfer"]


def noise_autocovariance(scheme: SamplingScheme) -> sp.Expr:
    r"""R(tau) / c for 1 <= tau <= M - 1, averaged over the position."""
    m = steps_per_epoch
    return _tidy(sp.Add(*(w * c.autocovariance_within(lag, m) for c, w in scheme.noise)))


def noise_spectrum(scheme: SamplingScheme) -> sp.Expr:
    r""":math:`S(\omega)/c=\sum_h R(h)e^{-i\omega h}/c`; for periodic noise the power of the lines."""
    m = steps_per_epoch
    return sp.Add(*(_tidy(w) * c.spectrum(frequency, m) for c, w in scheme.noise))


def _tidy(weight: sp.Expr) -> sp.Expr:
    """A rational function of M, S, N and the lag, factored, each factor with a leading plus."""
    ring = PolynomialRing(symbols=(steps_per_epoch, batch_size, samples, lag))
    shown = Presentation(ring=ring, count=0, replacements={})
    return shown.factored(*ring.fraction(sp.sympify(weight, strict=True)))


def squared_transfer(rule: LinearRule) -> sp.Expr:
    r""":math:`|T(e^{i\omega})|^2` as a ratio of cosine sums."""
    z = sp.Dummy("z")
    numerator, denominator = sp.fraction(sp.together(rule.transfer_function(z)))
    return _modulus(numerator, z) / _modulus(denominator, z)


def _modulus(polynomial: sp.Expr, z: sp.Symbol) -> sp.Expr:
    r""":math:`|p(e^{i\omega})|^2=\sum_k p_k^2+2\sum_{l>0}\cos(l\omega)\sum_kp_kp_{k+l}`."""
    try:
        p = sp.Poly(polynomial, z).all_coeffs()
    except sp.PolynomialError as error:
        raise TheoryError(f"the transfer function is not rational in z: {polynomial}") from error
    total = sp.S.Zero
    for l in range(len(p)):
        overlap = sp.factor(sum(p[k] * p[k + l] for k in range(len(p) - l)))
        total += overlap * (1 if l == 0 else 2 * sp.cos(l * frequency))
    return total
