"""A rewriting of a claim under which it might be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sympy as sp

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
    proof
        Two sides whose equality is the same statement and cheaper to prove than
        ``expression = target.truth``; None where there are none.
    """

    kind: Literal["renaming", "convention"]
    summary: str
    expression: sp.Expr
    proof: tuple[sp.Expr, sp.Expr] | None = None
