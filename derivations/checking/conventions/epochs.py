"""How steps, batches and samples are counted, and which units are set to one."""

from __future__ import annotations

import sympy as sp

from derivations.checking.conventions.convention import Convention
from theory.symbols import (
    batch_size,
    curvature,
    frequency,
    lag,
    learning_rate,
    noise_variance,
    position,
    samples,
    second_curvature,
    steps_per_epoch,
    weight_decay,
)

__all__ = ["COUNTED_OTHERWISE", "COUPLED", "EPOCHS", "units_set_to_one"]

_m, _s, _n, _tau, _j = steps_per_epoch, batch_size, samples, lag, position

EPOCHS: tuple[Convention, ...] = (
    Convention(
        name="samples-and-batch-size", summary="with N/S for the number of steps per epoch",
        replace={_n: _m * _s},
    ),
    Convention(
        name="batch-size-one", summary="for batches of one sample, where N is the number of steps per epoch",
        replace={_n: _m}, absent=(_m, _s),
    ),
    Convention(
        name="lag-in-epochs", summary="with the lag counted in epochs", replace={_tau: _tau / _m},
    ),
    Convention(
        name="position-from-zero", summary="with positions counted from 0", replace={_j: _j - 1},
    ),
    Convention(
        name="cycles", summary="with the frequency in cycles per step",
        replace={frequency: frequency / (2 * sp.pi)},
    ),
)


#: after a noise convention, for a claim without N
COUPLED = Convention(
    name="samples-are-steps-times-batch-size", summary="where N = M S", replace={_n: _m * _s}, absent=(_n,),
)

#: slips rather than conventions: a claim that is right with one of these is off by one, or mirrored
COUNTED_OTHERWISE: tuple[Convention, ...] = (
    Convention(
        name="lag-from-one", summary="the formula with tau - 1 for tau: equal times have lag 0, "
        "here 1", replace={_tau: _tau + 1},
    ),
    Convention(
        name="lag-from-minus-one", summary="the formula with tau + 1 for tau: equal times have lag 0, "
        "here -1", replace={_tau: _tau - 1},
    ),
    Convention(
        name="lag-beyond-the-epoch", summary="the formula with tau + M for tau: a lag counted from the end "
        "of the epoch", replace={_tau: _tau - _m},
    ),
    Convention(
        name="position-before-the-step", summary="the formula with j - 1 for j: the position before the "
        "step instead of after it", replace={_j: _j + 1},
    ),
    Convention(
        name="position-from-the-end", summary="the formula with M - j for j: positions counted from the end "
        "of the epoch", replace={_j: _m - _j},
    ),
    Convention(
        name="position-from-the-end-from-one", summary="the formula with M + 1 - j for j: positions counted "
        "from the end of the epoch, the last one being 1", replace={_j: _m + 1 - _j},
    ),
)


def units_set_to_one(unit: tuple[int, int]) -> tuple[Convention, ...]:
    r"""Noise variance, learning rate or curvature one, for a quantity of this unit (loss, parameter).

    :math:`T=\eta^{a+b}c^mf(\eta\lambda,\eta\rho)` with the exponents a of loss and b of parameter, so a
    formula at :math:`\eta=1` is one at :math:`\lambda\to\eta\lambda`, times :math:`\eta^{a+b}`; a formula
    at :math:`\lambda=1` is one at :math:`\eta\to\eta\lambda`, times :math:`\lambda^{-a-b}`.
    """
    eta, h = learning_rate, curvature
    power = sum(unit)
    others = (second_curvature, weight_decay)
    return (
        Convention(
            name="unit-noise", summary="with the noise variance set to 1", factor=noise_variance,
            absent=(noise_variance,),
        ),
        Convention(
            name="unit-learning-rate", summary="with the learning rate set to 1", factor=eta**power,
            replace={h: eta * h} | {s: eta * s for s in others}, absent=(eta,),
        ),
        Convention(
            name="unit-curvature", summary="with the curvature set to 1", factor=h**-power,
            replace={eta: eta * h} | {s: s / h for s in others}, absent=(h,),
        ),
    )
