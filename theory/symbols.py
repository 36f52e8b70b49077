"""Every symbol of the project, once, with its assumptions, letter, unit and domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sympy as sp

__all__ = [
    "PARAMETERS",
    "Parameter",
    "averaging_rate",
    "batch_size",
    "curvature",
    "curvature_gradient_covariance",
    "curvature_variance",
    "dampening",
    "displacement",
    "epochs",
    "frequency",
    "immediate_discount",
    "label_variance",
    "lag",
    "learning_rate",
    "momentum",
    "negative_curvature",
    "noise_variance",
    "position",
    "sample_curvature",
    "sample_gradient",
    "samples",
    "second_curvature",
    "steps_per_epoch",
    "weight_decay",
]

learning_rate = sp.Symbol("learning_rate", positive=True)
momentum = sp.Symbol("momentum", nonnegative=True)
curvature = sp.Symbol("curvature", positive=True)
second_curvature = sp.Symbol("second_curvature", positive=True)
noise_variance = sp.Symbol("noise_variance", nonnegative=True)
steps_per_epoch = sp.Symbol("steps_per_epoch", integer=True, positive=True)
batch_size = sp.Symbol("batch_size", integer=True, positive=True)
samples = sp.Symbol("samples", integer=True, positive=True)
lag = sp.Symbol("lag", integer=True, nonnegative=True)
position = sp.Symbol("position", integer=True, positive=True)
frequency = sp.Symbol("frequency", real=True)
dampening = sp.Symbol("dampening", nonnegative=True)
weight_decay = sp.Symbol("weight_decay", nonnegative=True)
immediate_discount = sp.Symbol("immediate_discount", nonnegative=True)
averaging_rate = sp.Symbol("averaging_rate", positive=True)
displacement = sp.Symbol("displacement", real=True)
sample_curvature = sp.Symbol("sample_curvature", real=True)
sample_gradient = sp.Symbol("sample_gradient", real=True)
curvature_variance = sp.Symbol("curvature_variance", nonnegative=True)
label_variance = sp.Symbol("label_variance", nonnegative=True)
curvature_gradient_covariance = sp.Symbol("curvature_gradient_covariance", real=True)
negative_curvature = sp.Symbol("negative_curvature", positive=True)
epochs = sp.Symbol("epochs", integer=True, positive=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What one symbol means.

    ``unit`` holds the exponents of the two bases ``(loss, parameter)``: a learning rate is
    parameter²/loss, hence ``(-1, 2)``. ``per_sample``: every sample of a population has its own, and the
    value is a list; such a symbol appears inside a :class:`theory.population.MarkedProduct` only.
    """

    symbol: sp.Symbol
    letter: str
    unit: tuple[int, int]
    domain: str
    meaning: str
    integer: bool = False
    per_sample: bool = False

    @property
    def name(self) -> str:
        return str(self.symbol.name)


_ALL = (
    Parameter(
        symbol=learning_rate, letter=r"\eta", unit=(-1, 2), domain="> 0",
        meaning="step size",
    ),
    Parameter(
        symbol=momentum, letter=r"\beta", unit=(0, 0), domain="0 <= momentum < 1",
        meaning="momentum coefficient in the rule's own convention",
    ),
    Parameter(
        symbol=curvature, letter=r"\lambda", unit=(1, -2), domain="> 0",
        meaning="Hessian eigenvalue of the direction",
    ),
    Parameter(
        symbol=second_curvature, letter=r"\lambda'", unit=(1, -2), domain="> 0",
        meaning="Hessian eigenvalue of the second direction of a cross-mode entry",
    ),
    Parameter(
        symbol=noise_variance, letter="c", unit=(2, -2), domain=">= 0",
        meaning="variance of the gradient of one (full) batch, in this direction",
    ),
    Parameter(
        symbol=steps_per_epoch, letter="M", unit=(0, 0), domain=">= 1", integer=True,
        meaning="steps per epoch",
    ),
    Parameter(
        symbol=batch_size, letter="S", unit=(0, 0), domain=">= 1", integer=True,
        meaning="samples in a batch",
    ),
    Parameter(
        symbol=samples, letter="N", unit=(0, 0), domain=">= 2", integer=True,
        meaning="samples in the data set",
    ),
    Parameter(
        symbol=lag, letter=r"\tau", unit=(0, 0), domain=">= 0", integer=True,
        meaning="number of steps between the two times; the first index is the later time",
    ),
    Parameter(
        symbol=position, letter="j", unit=(0, 0), domain="1 <= position <= M", integer=True,
        meaning="position in the epoch, counted after the step",
    ),
    Parameter(
        symbol=frequency, letter=r"\omega", unit=(0, 0), domain="radians per step",
        meaning="angular frequency",
    ),
    Parameter(
        symbol=dampening, letter="d", unit=(0, 0), domain="0 <= dampening < 1",
        meaning="PyTorch's dampening of the gradient in the momentum buffer",
    ),
    Parameter(
        symbol=weight_decay, letter=r"\rho", unit=(1, -2), domain=">= 0",
        meaning="PyTorch's L2 weight decay",
    ),
    Parameter(
        symbol=immediate_discount, letter=r"\nu", unit=(0, 0),
        domain="0 <= immediate_discount <= 1",
        meaning="weight of the buffer against the bare gradient in quasi-hyperbolic momentum",
    ),
    Parameter(
        symbol=averaging_rate, letter=r"\alpha", unit=(0, 0), domain="0 < averaging_rate <= 1",
        meaning="rate of the exponential iterate average",
    ),
    Parameter(
        symbol=displacement, letter=r"\delta", unit=(0, 1), domain="real",
        meaning="weight before the first step, counted from where the sample gradients are taken",
    ),
    Parameter(
        symbol=sample_curvature, letter="h_{n}", unit=(1, -2), domain="real", per_sample=True,
        meaning="second derivative of each sample's loss: one number per sample, of any sign",
    ),
    Parameter(
        symbol=sample_gradient, letter="g_{n}", unit=(1, -1), domain="real", per_sample=True,
        meaning="derivative of each sample's loss at displacement 0: one number per sample",
    ),
    Parameter(
        symbol=curvature_variance, letter=r"\psi", unit=(2, -4), domain=">= 0",
        meaning="variance of the curvature of one batch, in this direction",
    ),
    Parameter(
        symbol=label_variance, letter="Y", unit=(1, 0), domain=">= 0",
        meaning="variance of the noise on the labels, for half the squared residual as the loss",
    ),
    Parameter(
        symbol=curvature_gradient_covariance, letter=r"\chi", unit=(2, -3), domain="real",
        meaning="covariance of the curvature and the gradient of one batch, in this direction",
    ),
    Parameter(
        symbol=negative_curvature, letter=r"\kappa", unit=(1, -2), domain="> 0",
        meaning="minus the Hessian eigenvalue of a direction in which a saddle falls",
    ),
    Parameter(
        symbol=epochs, letter="K", unit=(0, 0), domain=">= 1", integer=True,
        meaning="epochs since the start",
    ),
)

PARAMETERS: Mapping[str, Parameter] = MappingProxyType({p.name: p for p in _ALL})
