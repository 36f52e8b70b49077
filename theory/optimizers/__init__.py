"""Linear update rules, one file each; a rule is the code of its step.

To add one, write a function that returns a :class:`LinearRule` and put it into ``RULES``; a rule
of your own needs no registration at all.
"""

from __future__ import annotations

from collections.abc import Callable

from theory.errors import require_known
from theory.optimizers.averaged import averaged
from theory.optimizers.convert import convert
from theory.optimizers.ema_momentum import ema_momentum
from theory.optimizers.heavy_ball import heavy_ball
from theory.optimizers.nesterov import nesterov
from theory.optimizers.pytorch_sgd import pytorch_sgd
from theory.optimizers.quasi_hyperbolic import quasi_hyperbolic
from theory.optimizers.rule import LinearRule, NumericRule
from theory.optimizers.sgd import sgd

__all__ = [
    "RULES",
    "LinearRule",
    "NumericRule",
    "averaged",
    "convert",
    "ema_momentum",
    "heavy_ball",
    "nesterov",
    "pytorch_sgd",
    "quasi_hyperbolic",
    "rule_by_name",
    "sgd",
]


def _pytorch_nesterov() -> LinearRule:
    return pytorch_sgd(nesterov=True)


RULES: tuple[tuple[str, Callable[[], LinearRule]], ...] = (
    ("sgd", sgd),
    ("heavy-ball", heavy_ball),
    ("nesterov", nesterov),
    ("pytorch-sgd", pytorch_sgd),
    ("pytorch-sgd-nesterov", _pytorch_nesterov),
    ("ema-momentum", ema_momentum),
    ("quasi-hyperbolic", quasi_hyperbolic),
)


def rule_by_name(name: str) -> LinearRule:
    """Return the rule called ``name``, or ``averaged:<rule>``.

    Raises
    ------
    UnknownNameError
        If there is none; the message names the nearest.
    """
    if name.startswith("averaged:"):
        return averaged(rule_by_name(name.removeprefix("averaged:")))
    makers = dict(RULES)
    return makers[require_known(name, makers, "rule (or averaged:<rule>)")]()
