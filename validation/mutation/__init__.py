"""Does the ladder bite? Formulas altered on purpose, and who notices.

:func:`mutate` alters every formula of the catalogue systematically (:mod:`validation.mutation.operators`),
sets aside the mutants that are proved to say the same, and asks each rung of the ladder of evidence,
alone, about the others.
"""

from __future__ import annotations

from validation.mutation.mutants import PLACES, Mutant, mutants
from validation.mutation.report import MutantResult, MutationReport, Score
from validation.mutation.run import mutate

__all__ = ["PLACES", "Mutant", "MutantResult", "MutationReport", "Score", "mutants", "mutate"]
