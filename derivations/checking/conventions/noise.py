r"""What the noise variance refers to.

The project's c is the variance of the gradient of one batch,
:math:`c=C_0(\frac1S-\frac1N)` without replacement and :math:`\frac{N-1}{N}\frac{C_0}{S}` with, where
:math:`C_0=\frac1{N-1}\sum_ng_n^2`. Every entry gives the claim's variance in terms of c.
"""

from __future__ import annotations

import sympy as sp

from derivations.checking.conventions.convention import Convention
from theory.symbols import batch_size, curvature, learning_rate, momentum, noise_variance, samples

__all__ = ["CONTINUOUS_TIME", "NOISE"]

_c, _s, _n, _eta, _lambda = noise_variance, batch_size, samples, learning_rate, curvature

NOISE: tuple[Convention, ...] = (
    Convention(
        name="per-sample", summary="with the noise variance of one sample, S times that of a batch",
        replace={_c: _c * _s},
    ),
    Convention(
        name="per-sample-without-replacement",
        summary="with the noise variance of one sample (1/(N-1) convention), c = C_0 (1/S - 1/N)",
        replace={_c: _c * _s * _n / (_n - _s)},
    ),
    Convention(
        name="per-sample-without-replacement-population",
        summary="with the noise variance of one sample (1/N convention), c = sigma^2 (N - S)/(S (N - 1))",
        replace={_c: _c * _s * (_n - 1) / (_n - _s)},
    ),
    Convention(
        name="per-sample-with-replacement",
        summary="with the noise variance of one sample (1/(N-1) convention) drawn with replacement",
        replace={_c: _c * _s * _n / (_n - 1)},
    ),
    Convention(
        name="divided-by-N", summary="with the noise variance divided by N instead of N - 1",
        replace={_c: _c * (_n - 1) / _n},
    ),
    Convention(
        name="divided-by-N-1", summary="with the noise variance divided by N - 1 instead of N",
        replace={_c: _c * _n / (_n - 1)},
    ),
    Convention(
        name="after-the-learning-rate",
        summary="with the variance of the noise added to the weights, eta^2 c",
        replace={_c: _c * _eta**2},
    ),
    Convention(
        name="standard-deviation", summary="with the standard deviation of the noise for its variance",
        replace={_c: sp.sqrt(_c)}, rereads=(_c,),
    ),
    Convention(
        name="sum-over-the-batch",
        summary="with the gradient summed over the batch instead of averaged (eta and lambda per sample)",
        replace={_eta: _eta / _s, _lambda: _lambda * _s, _c: _c * _s**2},
    ),
    Convention(
        name="sum-over-the-batch-per-sample",
        summary="with the gradient summed over the batch instead of averaged, and the noise variance of one "
        "sample",
        replace={_eta: _eta / _s, _c: _c * _s},
    ),
)

#: of a formula written in the project's own c these are factors that were dropped; a letter of its own
#: (D, T, sigma2) that means one of them is found by :mod:`derivations.checking.renaming`
CONTINUOUS_TIME: tuple[Convention, ...] = (
    Convention(
        name="diffusion", summary="the diffusion coefficient of continuous time, eta c/2, for c",
        replace={_c: _c * _eta / 2},
    ),
    Convention(
        name="volatility", summary="the noise variance per unit of time, eta c, for c",
        replace={_c: _c * _eta},
    ),
    Convention(
        name="temperature", summary="the temperature eta c / (2 (1 - beta)) for c",
        replace={_c: _c * _eta / (2 * (1 - momentum))},
    ),
    Convention(
        name="label-noise", summary="noise proportional to the curvature, with sigma^2 = c / lambda for c",
        replace={_c: _c / _lambda},
    ),
    Convention(
        name="label-noise-per-sample",
        summary="noise proportional to the curvature, with sigma^2 = S c / lambda for c",
        replace={_c: _c * _s / _lambda},
    ),
)
