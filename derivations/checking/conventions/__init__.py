"""Conventions under which people really disagree, and claims that are right in one of them.

One file per family: momentum, noise, epochs (counting and units), quantity; ``laws`` finds the laws of
other rules, schemes and quantities. :func:`conventions` yields what makes a claim right in its own
notation; :func:`explanations` what a wrong claim was perhaps meant to be.
"""

from __future__ import annotations

from derivations.checking.conventions.candidates import conventions, explanations
from derivations.checking.conventions.convention import Convention

__all__ = ["Convention", "conventions", "explanations"]
