"""Stationary laws of stochastic gradient descent on quadratic losses: derived, not copied.

A linear update rule and a sampling scheme make a :class:`StationaryLaw`; each of its quantities is a
:class:`Formula` with the condition under which it exists, LaTeX, and accurate numbers. The catalogue
keeps the important ones under permanent slugs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # from the modules themselves: some functions share their module's name
    from theory.closed_forms import CATALOGUE, formula_by_slug
    from theory.formula import Formula
    from theory.law import StationaryLaw, stationary_law
    from theory.optimizers.averaged import averaged
    from theory.optimizers.convert import convert
    from theory.optimizers.ema_momentum import ema_momentum
    from theory.optimizers.heavy_ball import heavy_ball
    from theory.optimizers.nesterov import nesterov
    from theory.optimizers.pytorch_sgd import pytorch_sgd
    from theory.optimizers.quasi_hyperbolic import quasi_hyperbolic
    from theory.optimizers.rule import LinearRule
    from theory.optimizers.sgd import sgd
    from theory.quantities import QUANTITIES
    from theory.sampling.dropped_batch import dropped_batch
    from theory.sampling.fresh_batches import fresh_batches
    from theory.sampling.kept_batch import kept_batch
    from theory.sampling.reshuffled import reshuffled
    from theory.sampling.scheme import SamplingScheme
    from theory.sampling.shuffled_once import shuffled_once
    from theory.sampling.with_replacement import with_replacement

__all__ = [
    "CATALOGUE",
    "QUANTITIES",
    "Formula",
    "LinearRule",
    "SamplingScheme",
    "StationaryLaw",
    "averaged",
    "convert",
    "dropped_batch",
    "ema_momentum",
    "formula_by_slug",
    "fresh_batches",
    "heavy_ball",
    "kept_batch",
    "nesterov",
    "pytorch_sgd",
    "quasi_hyperbolic",
    "reshuffled",
    "sgd",
    "shuffled_once",
    "stationary_law",
    "with_replacement",
]

_HOMES = {
    "theory.closed_forms": ("CATALOGUE", "formula_by_slug"),
    "theory.formula": ("Formula",),
    "theory.law": ("StationaryLaw", "stationary_law"),
    "theory.quantities": ("QUANTITIES",),
    "theory.optimizers": (
        "LinearRule", "averaged", "convert", "ema_momentum", "heavy_ball", "nesterov", "pytorch_sgd",
        "quasi_hyperbolic", "sgd",
    ),
    "theory.sampling": (
        "SamplingScheme", "dropped_batch", "fresh_batches", "kept_batch", "reshuffled", "shuffled_once",
        "with_replacement",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # a type checker reads the imports above

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used; ``import theory`` loads nothing heavy."""
        if name not in _HOME:
            raise AttributeError(f"module 'theory' has no attribute {name!r}")
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
