"""The stationary law of a linear rule under noise that does not depend on the weights."""

from validation.evidence.subjects.additive_noise.subject import ADDITIVE_NOISE

__all__ = ["ADDITIVE_NOISE"]
