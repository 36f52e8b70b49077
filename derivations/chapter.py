"""What the treatment of one elementary noise contributes to a derivation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from derivations.step import Step

__all__ = ["Chapter"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Chapter:
    """Steps that end in the covariance of the state under one elementary noise.

    ``law`` is a matrix expression in the names of the frame.
    """

    law: Any
    steps: tuple[Step, ...]
