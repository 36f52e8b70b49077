"""The ways a limit is taken: what goes where, at what fixed, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from derivations.checking.series_expression import EPSILON
from derivations.checking.series_positive import ROOT_OF_MOMENTUM
from theory.symbols import (
    batch_size,
    curvature,
    learning_rate,
    momentum,
    samples,
    second_curvature,
    steps_per_epoch,
)

__all__ = ["APPROACHES", "Approach"]

_KAPPA = sp.Dummy("kappa", positive=True)
_MU = sp.Dummy("mu", positive=True)
_G = sp.Dummy("g", positive=True)
_REST = sp.Dummy("remainder", real=True)
_kappa = learning_rate * curvature * steps_per_epoch / (1 - momentum)
_SCOPE = {learning_rate, steps_per_epoch, samples}


@dataclass(frozen=True, kw_only=True, eq=False)
class Approach:
    """One limit, as functions of the small variable put for the symbols.

    Attributes
    ----------
    text
        As reports name it.
    replace
        The symbols that move, as functions of EPSILON.
    small
        EPSILON in the user's symbols.
    back
        The names of what is held fixed, in the user's symbols.
    moving
        The symbols whose presence makes the limit worth taking.
    variables
        What moves where, by name: ``("steps_per_epoch", "oo")``.
    """

    text: str
    replace: Mapping[sp.Symbol, sp.Expr]
    small: sp.Expr
    moving: frozenset[sp.Symbol]
    back: Mapping[sp.Symbol, sp.Expr]
    variables: tuple[tuple[str, str], ...]
    in_scope: bool = False

    def __repr__(self) -> str:
        return self.text


def _plain(symbol: sp.Symbol, text: str, replace: sp.Expr, small: sp.Expr) -> Approach:
    name, _, goal = text.partition(" -> ")
    return Approach(
        text=text, replace={symbol: replace}, small=small, moving=frozenset({symbol}), back={},
        variables=((name, goal),), in_scope=symbol in _SCOPE,
    )


def _data_set(text: str, *, grows: sp.Symbol, together: sp.Symbol, fixed: sp.Symbol) -> Approach:
    """The samples go to infinity, and batch size or steps per epoch with them."""
    return Approach(
        text=text, replace={samples: 1 / EPSILON, together: (1 / EPSILON - _REST) / fixed},
        small=1 / samples, moving=frozenset({samples}), back={_REST: samples - batch_size * steps_per_epoch},
        variables=((grows.name, "oo"),), in_scope=True,
    )


APPROACHES: Mapping[str, Approach] = {
    "steps_per_epoch": _plain(
        steps_per_epoch, "steps_per_epoch -> oo", 1 / EPSILON, 1 / steps_per_epoch
    ),
    "samples": _plain(samples, "samples -> oo", 1 / EPSILON, 1 / samples),
    "samples, batches": _data_set(
        "samples -> oo at fixed steps_per_epoch (batch_size = (samples - remainder)/steps_per_epoch)",
        grows=samples, together=batch_size, fixed=steps_per_epoch,
    ),
    "samples, steps": _data_set(
        "samples -> oo at fixed batch_size (steps_per_epoch = (samples - remainder)/batch_size)",
        grows=steps_per_epoch, together=steps_per_epoch, fixed=batch_size,
    ),
    "samples alone": Approach(
        text="samples -> oo at fixed batch_size", replace={samples: 1 / EPSILON}, small=1 / samples,
        moving=frozenset({samples}), back={}, variables=(("samples", "oo"),), in_scope=True,
    ),
    "learning_rate": _plain(learning_rate, "learning_rate -> 0", EPSILON, learning_rate),
    "curvature": _plain(curvature, "curvature -> 0", EPSILON, curvature),
    "momentum": _plain(momentum, "momentum -> 0", EPSILON, momentum),
    "momentum to one": _plain(momentum, "momentum -> 1", 1 - EPSILON, 1 - momentum),
    "second_curvature": _plain(
        second_curvature, "second_curvature -> 0", EPSILON, second_curvature
    ),
    "root of momentum": _plain(ROOT_OF_MOMENTUM, "momentum -> 0", EPSILON, sp.sqrt(momentum)),
    "fixed kappa": Approach(
        text="learning_rate -> 0, steps_per_epoch -> oo at fixed "
        "learning_rate*curvature*steps_per_epoch/(1 - momentum)",
        replace={
            learning_rate: EPSILON, steps_per_epoch: _KAPPA * (1 - momentum) / (EPSILON * curvature)
        },
        small=learning_rate, moving=frozenset(_kappa.free_symbols), back={_KAPPA: _kappa}, in_scope=True,
        variables=(("learning_rate", "0"), ("steps_per_epoch", "oo")),
    ),
    "fixed mu": Approach(
        text="steps_per_epoch -> oo, momentum -> 1 at fixed steps_per_epoch*(1 - momentum)",
        replace={steps_per_epoch: 1 / EPSILON, momentum: 1 - _MU * EPSILON},
        small=1 / steps_per_epoch, moving=frozenset({steps_per_epoch, momentum}),
        back={_MU: steps_per_epoch * (1 - momentum)},
        variables=(("steps_per_epoch", "oo"), ("momentum", "1")),
    ),
    "kinetic": Approach(
        text="learning_rate -> 0, momentum -> 1 at fixed learning_rate/(1 - momentum)**2",
        replace={learning_rate: EPSILON**2, momentum: 1 - _G * EPSILON},
        small=sp.sqrt(learning_rate), moving=frozenset({learning_rate, momentum}),
        back={_G: (1 - momentum) / sp.sqrt(learning_rate)},
        variables=(("learning_rate", "0"), ("momentum", "1")),
    ),
}
