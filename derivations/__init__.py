"""Proofs: one derivation per formula, each step machine-checked; what prints is what is checked.

:func:`derive` gives the derivation of a catalogue formula, :func:`derive_pair` that of any quantity of
any rule and scheme. Only a step that two independent polynomial engines find to be an identity counts
as proved; a wrong one is refuted with an exact witness.
"""

from __future__ import annotations

from derivations.catalogue import Proof, derive, derive_pair, prove_catalogue
from derivations.derivation import Derivation
from derivations.notebook import to_notebook
from derivations.step import Outcome, Step, Verdict
from derivations.timed import check_within
from derivations.typeset import to_latex, to_markdown

__all__ = [
    "Derivation",
    "Outcome",
    "Proof",
    "Step",
    "Verdict",
    "check_within",
    "derive",
    "derive_pair",
    "prove_catalogue",
    "to_latex",
    "to_markdown",
    "to_notebook",
]
