r"""How momentum and weight decay are parametrised.

With :math:`b_k=\beta b_{k-1}+a\,g_k`, :math:`\theta_k=\theta_{k-1}-\eta'b_k` the weights are those of
heavy ball at :math:`\eta=a\,\eta'`: a = 1 (learning rate inside or outside the buffer), a = 1 - beta
(exponential average), a = 1 - d (dampening). Nesterov's look-ahead changes the poles: in a direction of
curvature :math:`\lambda` its state-space form is heavy ball's at the momentum
:math:`\beta(1-\eta\lambda)`, same learning rate. That is exact for one direction, and for nothing
between two.
"""

from __future__ import annotations

import sympy as sp

from derivations.checking.conventions.convention import Convention
from theory.symbols import curvature, dampening, immediate_discount, learning_rate, momentum, weight_decay

__all__ = ["MOMENTUM", "ONE_DIRECTION", "ONE_MINUS"]

_eta, _beta, _lambda, _d, _rho = learning_rate, momentum, curvature, dampening, weight_decay
_average = "with the learning rate of exponential-average momentum, (1 - beta) in the buffer (PyTorch " \
    "with dampening = beta)"
_dampened = "with the learning rate of dampened momentum, (1 - d) in the buffer (PyTorch)"
_bare = "with the learning rate of heavy ball and PyTorch, no (1 - beta) in the buffer"
#: quantities of a single direction, for which Nesterov momentum is heavy ball at another momentum
ONE_DIRECTION = (
    "weight-variance", "velocity-variance", "weight-velocity-covariance", "weight-variance-at-position",
    "velocity-variance-at-position", "weight-velocity-covariance-at-position",
    "weight-variance-at-last-position", "weight-autocovariance", "weight-autocovariance-beyond",
    "weight-autocovariance-at-position", "weight-spectrum", "correlation-time", "loss-fluctuation",
)

MOMENTUM: tuple[Convention, ...] = (
    Convention(
        name="exponential-average", summary=_average, replace={_eta: _eta / (1 - _beta)},
        rules=("heavy-ball", "nesterov", "pytorch-sgd-nesterov"),
    ),
    Convention(
        name="heavy-ball-buffer", summary=_bare, replace={_eta: _eta * (1 - _beta)},
        rules=("ema-momentum",),
    ),
    Convention(
        name="dampening", summary=_dampened, replace={_eta: _eta / (1 - _d)},
        rules=("heavy-ball", "nesterov", "pytorch-sgd-nesterov"),
    ),
    Convention(
        name="dampening-in-average", summary=_dampened, replace={_eta: _eta * (1 - _beta) / (1 - _d)},
        rules=("ema-momentum",),
    ),
    Convention(
        name="undampened", summary="with the learning rate of undampened momentum, no (1 - d) in the buffer",
        replace={_eta: _eta * (1 - _d)}, rules=("pytorch-sgd",), absent=(_d,),
    ),
    Convention(
        name="undampened-regularised",
        summary="with the learning rate of undampened momentum, and weight decay counted in the curvature",
        replace={_eta: _eta * (1 - _d), _lambda: _lambda + _rho}, rules=("pytorch-sgd",),
        absent=(_d, _rho),
    ),
    Convention(
        name="average-for-dampened",
        summary="with the learning rate of exponential-average momentum, and weight decay counted in the "
        "curvature",
        replace={_eta: _eta * (1 - _d) / (1 - _beta), _lambda: _lambda + _rho}, rules=("pytorch-sgd",),
        absent=(_d, _rho),
    ),
    Convention(
        name="weight-decay-in-curvature", summary="with weight decay counted in the curvature",
        replace={_lambda: _lambda + _rho}, rules=("pytorch-sgd", "pytorch-sgd-nesterov"), absent=(_rho,),
    ),
    Convention(
        name="weight-decay", summary="with weight decay on top of the curvature (PyTorch)",
        replace={_lambda: _lambda - _rho},
        rules=("sgd", "heavy-ball", "nesterov", "ema-momentum", "quasi-hyperbolic"),
    ),
    Convention(
        name="dampening-and-weight-decay", summary=f"{_dampened}, and weight decay on top of the curvature",
        replace={_eta: _eta / (1 - _d), _lambda: _lambda - _rho}, rules=("heavy-ball", "nesterov"),
    ),
    Convention(
        name="nesterov", summary="for Nesterov momentum, not for heavy ball (the gradient is taken at the "
        "look-ahead point, which makes the momentum beta (1 - eta lambda) in this direction)",
        replace={_beta: _beta / (1 - _eta * _lambda)}, rules=("heavy-ball",), quantities=ONE_DIRECTION,
    ),
    Convention(
        name="heavy-ball-for-nesterov", summary="for heavy ball, not for Nesterov momentum (the "
        "gradient is not taken at the look-ahead point)",
        replace={_beta: _beta * (1 - _eta * _lambda)}, rules=("nesterov",), quantities=ONE_DIRECTION,
    ),
    Convention(
        name="quasi-hyperbolic", summary="for quasi-hyperbolic momentum at the immediate discount beta "
        "(Nesterov's look-ahead point), with the learning rate eta / (1 - beta)",
        replace={_eta: _eta / (1 - _beta), immediate_discount: _beta}, rules=("pytorch-sgd-nesterov",),
    ),
)

#: a matter of notation, before any of the others
ONE_MINUS: tuple[Convention, ...] = (
    Convention(
        name="one-minus-momentum", summary="with beta written for one minus the momentum",
        replace={_beta: sp.S.One - _beta}, rereads=(_beta,),
    ),
)
