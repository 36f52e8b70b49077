"""A rewriting of a claim under which it might be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import sympy as sp

from derivations.checking.replacing import replaced

__all__ = ["Candidate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A rewriting of the claim under which it might be right.

    Attributes
    ----------
    kind
        "renaming" or "convention".
    summary
        Completes "equivalent ...": ``with gamma as the learning rate and b as the batch size``.
    expression
        The claim, translated into the project's symbols and conventions: it equals ``target.truth``
        exactly if the rewriting is the explanation.
    table
        The substitution that was applied to the claim's symbols; empty where only the value is
        rescaled or compared with another law.
    proof
        Two sides whose equality is the same statement and cheaper to prove than
        ``expression = target.truth``; None where there are none.
    """

    kind: Literal["renaming", "convention"]
    summary: str
    expression: sp.Expr
    table: Mapping[sp.Symbol, sp.Expr] = field(default_factory=lambda: MappingProxyType({}))
    proof: tuple[sp.Expr, sp.Expr] | None = None

    def translated(self, region: sp.Basic) -> sp.Basic:
        """An expression, a relation or a conjunction of them, from the claim's symbols to the project's."""
        return replaced(region, self.table)
