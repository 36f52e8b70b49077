r"""What is reported: the velocity in another scaling, a standard deviation, a correlation.

The project's velocity is :math:`v_k=\theta_k-\theta_{k-1}=-\eta\,b_k` with the buffer
:math:`b_k=\beta b_{k-1}+g_k`; an exponential average is :math:`m_k=(1-\beta)b_k`.
Averages over the positions 0..M-1 equal those over 1..M: the law is stationary at the epoch's ends.
"""

from __future__ import annotations

import sympy as sp

from derivations.checking.conventions.convention import Convention
from theory.symbols import curvature, learning_rate, momentum, second_curvature, steps_per_epoch

__all__ = ["ERRORS_OF_SCALE", "QUANTITY"]

_eta, _beta = learning_rate, momentum
_squares = ("velocity-variance", "velocity-variance-at-position", "cross-velocity-covariance",
            "flat-velocity-variance")
_products = ("weight-velocity-covariance", "weight-velocity-covariance-at-position",
             "cross-weight-velocity-covariance")
_variances = (
    "weight-variance", "velocity-variance", "weight-variance-at-position", "velocity-variance-at-position",
    "weight-variance-at-last-position", "flat-weight-variance", "flat-velocity-variance",
)
_spectra = ("noise-spectrum", "weight-spectrum")
_times = ("correlation-time", "flat-correlation-time")
_autocovariances = ("noise-autocovariance", "weight-autocovariance", "weight-autocovariance-beyond")

QUANTITY: tuple[Convention, ...] = (
    Convention(
        name="buffer", summary="for the gradient buffer of PyTorch, v = -eta b", factor=_eta**2,
        quantities=_squares,
    ),
    Convention(
        name="averaged-buffer",
        summary="for the buffer of exponential-average momentum, v = -eta b/(1 - beta)",
        factor=(_eta / (1 - _beta)) ** 2, quantities=_squares,
    ),
    Convention(
        name="velocity-per-root", summary="for the velocity v / sqrt(eta) of continuous time", factor=_eta,
        quantities=_squares,
    ),
    Convention(
        name="buffer-covariance", summary="for the gradient buffer of PyTorch, v = -eta b", factor=-_eta,
        quantities=_products,
    ),
    Convention(
        name="velocity-per-time", summary="for the velocity v / eta", factor=_eta, quantities=_products,
    ),
    Convention(
        name="averaged-buffer-covariance",
        summary="for the buffer of exponential-average momentum, v = -eta b/(1 - beta)",
        factor=-_eta / (1 - _beta), quantities=_products,
    ),
    Convention(
        name="velocity-per-root-covariance", summary="for the velocity v / sqrt(eta) of continuous time",
        factor=sp.sqrt(_eta), quantities=_products,
    ),
    Convention(
        name="standard-deviation-of-the-value", summary="for the standard deviation instead of the variance",
        power=2, quantities=_variances,
    ),
)

#: factors that are conventions of the literature, but make a claim wrong
ERRORS_OF_SCALE: tuple[Convention, ...] = (
    Convention(
        name="other-end-of-the-step", summary="the opposite sign: the weights before the step, "
        "<theta_{k-1} v_k> = -<theta_k v_k>, or v_k = theta_{k-1} - theta_k",
        factor=sp.S.NegativeOne, quantities=("weight-velocity-covariance",),
    ),
    Convention(
        name="opposite-velocity", summary="the velocity v_k = theta_{k-1} - theta_k, of opposite sign",
        factor=sp.S.NegativeOne, quantities=_products[1:],
    ),
    Convention(
        name="loss-without-half", summary="the loss lambda theta^2, without the factor 1/2",
        factor=sp.Rational(1, 2), quantities=("loss-fluctuation",),
    ),
    Convention(
        name="kinetic-energy", summary="the kinetic energy v^2/2", factor=sp.Integer(2),
        quantities=_squares,
    ),
    Convention(
        name="one-sided-spectrum", summary="the one-sided spectrum, twice the two-sided one",
        factor=sp.Rational(1, 2), quantities=_spectra,
    ),
    Convention(
        name="spectrum-per-radian", summary="the spectrum per radian, divided by 2 pi", factor=2 * sp.pi,
        quantities=_spectra,
    ),
    Convention(
        name="one-sided-spectrum-per-radian", summary="the one-sided spectrum per radian, divided by pi",
        factor=sp.pi, quantities=_spectra,
    ),
    Convention(
        name="line-power", summary="the spectrum times M, not divided by the length of the epoch",
        factor=1 / steps_per_epoch, quantities=_spectra,
    ),
    Convention(
        name="half-correlation-time", summary="<theta^2>/<v^2>, without the factor 2",
        factor=sp.Integer(2), quantities=_times,
    ),
    Convention(
        name="double-correlation-time", summary="twice the correlation time", factor=sp.Rational(1, 2),
        quantities=_times,
    ),
    Convention(
        name="correlation-time-in-epochs", summary="the correlation time in epochs",
        factor=steps_per_epoch, quantities=_times,
    ),
    Convention(
        name="correlation-time-in-units-of-time", summary="the correlation time times eta, in the "
        "units of continuous time", factor=1 / _eta, quantities=_times,
    ),
    Convention(
        name="relaxation-rate", summary="the relaxation rate, one over the correlation time", power=-1,
        quantities=_times,
    ),
    Convention(
        name="summed-over-the-epoch", summary="the sum over an epoch instead of the average",
        factor=1 / steps_per_epoch, quantities=(*_variances[:2], *_autocovariances, "loss-fluctuation"),
    ),
    Convention(
        name="curvature-of-the-full-quadratic", summary="the curvature of a loss lambda theta^2 "
        "without the factor 1/2, half the Hessian's",
        replace={curvature: curvature / 2, second_curvature: second_curvature / 2},
    ),
)
