"""The evidence ladder: six independent reasons to believe a formula, computed afresh.

:func:`climb` takes one formula up the rungs *proved, exact, enclosed, solved, simulated, dimension*;
:func:`verify` does so for the whole catalogue. A rung is one file; a new one is one more line in the
tuple of :mod:`validation.evidence.ladder`.
"""

from __future__ import annotations

from validation.evidence.ladder import RUNGS, climb
from validation.evidence.result import Rung, RungResult, Verdict
from validation.evidence.verify import verify

__all__ = ["RUNGS", "Rung", "RungResult", "Verdict", "climb", "verify"]
