"""Third and fourth moments of a batch average without replacement."""

from validation.evidence.subjects.batch_moments.subject import BATCH_MOMENTS

__all__ = ["BATCH_MOMENTS"]
