"""The stationary mean of one direction under batches without replacement."""

from validation.evidence.subjects.mean_shift.subject import MEAN_SHIFT

__all__ = ["MEAN_SHIFT"]
