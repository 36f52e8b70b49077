"""One epoch over a population in one dimension, without truncation."""

from validation.evidence.subjects.one_dimensional_epoch.subject import ONE_DIMENSIONAL_EPOCH

__all__ = ["ONE_DIMENSIONAL_EPOCH"]
