"""One epoch of plain SGD without replacement, in one direction, to second order in the fluctuations."""

from validation.evidence.subjects.one_epoch.subject import ONE_EPOCH

__all__ = ["ONE_EPOCH"]
