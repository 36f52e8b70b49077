"""One line of a derivation, and the verdict on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import sympy as sp

__all__ = ["Outcome", "Step", "Verdict"]


class Outcome(Enum):
    """Only PROVED counts; "the simplifier gave up" is UNDECIDED."""

    PROVED = "PROVED"
    REFUTED = "REFUTED"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check found.

    Attributes
    ----------
    outcome
        PROVED: both polynomial engines found the zero polynomial. REFUTED: the two sides differ at
        ``witness``, in exact arithmetic. UNDECIDED: neither.
    witness
        Exact rational values, by name, at which a refuted step fails.
    note
        Why a step is undecided.
    """

    outcome: Outcome
    witness: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def proved(self) -> bool:
        return self.outcome is Outcome.PROVED

    def __str__(self) -> str:
        values = ", ".join(f"{k} = {v}" for k, v in self.witness.items())
        detail = f" at {values}" if values else f" ({self.note})" if self.note else ""
        return self.outcome.value + detail


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    r"""One identity, with its reason: what prints is what is checked.

    Attributes
    ----------
    because
        The reason, as a reader would want it said. LaTeX between dollar signs.
    lhs, rhs
        The two sides, never a ``sympy.Eq``; scalars or matrix expressions (checked entry by entry).
    given
        Definitions and substitutions: from symbols, matrix symbols or sequences to expressions.
    domain
        Where a witness against the step may be looked for.
    modulo
        ``(x, k)``: the sides agree up to a remainder :math:`O(x^k)` for x to 0.
    """

    because: str
    lhs: Any
    rhs: Any
    given: Mapping[Any, Any] = field(default_factory=dict)
    domain: sp.Basic = sp.true
    modulo: tuple[sp.Symbol, int] | None = None

    def check(self) -> Verdict:
        """Zero test of ``lhs - rhs`` in the ring of symbols, sequences and powers."""
        from derivations.zero_test import check_steps

        return check_steps([self])[0]
