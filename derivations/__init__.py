"""Proofs: one derivation per formula, each step machine-checked; what prints is what is checked.

:func:`derive` gives the derivation of a catalogue formula, :func:`derive_pair` that of any quantity of
any rule and scheme. Only a step that two independent polynomial engines find to be an identity counts
as proved; a wrong one is refuted with an exact witness.

:func:`check_claim` says of a formula from elsewhere whether it is right, where, and what is wrong with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from derivations.catalogue import Proof, derive, derive_pair, prove_catalogue
from derivations.derivation import Derivation
from derivations.notebook import to_notebook
from derivations.step import Outcome, Step, Verdict
from derivations.timed import check_within
from derivations.typeset import to_latex, to_markdown

if TYPE_CHECKING:
    from derivations.checking.check import check_claim
    from derivations.checking.report import ClaimReport

__all__ = [
    "ClaimReport",
    "Derivation",
    "Outcome",
    "Proof",
    "Step",
    "Verdict",
    "check_claim",
    "check_within",
    "derive",
    "derive_pair",
    "prove_catalogue",
    "to_latex",
    "to_markdown",
    "to_notebook",
]

_LATER = {
    "ClaimReport": "derivations.checking.report",
    "check_claim": "derivations.checking.check",
}


if not TYPE_CHECKING:  # a type checker reads the imports above

    def __getattr__(name: str) -> Any:
        """Import the checker when it is first used: proofs need no reader of formulas."""
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_LATER[name]), name)
