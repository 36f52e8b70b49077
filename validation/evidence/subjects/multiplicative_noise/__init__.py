"""Independent steps whose batches differ in curvature as well as in gradient, in one direction."""

from validation.evidence.subjects.multiplicative_noise.subject import MULTIPLICATIVE_NOISE

__all__ = ["MULTIPLICATIVE_NOISE"]
