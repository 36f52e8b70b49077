"""Where the rungs get the truth from: one subject per family of quantities, by slug.

A family is a folder; its ``subject.py`` implements :class:`Subject`, in files beside it the truth is
computed in rational numbers, in balls, in doubles (``floats.py``) and by simulation (``runs.py``). What
several families share is a file of this folder. A new formula of a known family is one line in
:data:`SUBJECTS`, unless its model is "stationary", for which :data:`ADDITIVE_NOISE` is taken; a new family
is one folder and that line.
"""

from __future__ import annotations

from collections.abc import Mapping

from theory.closed_forms import Entry
from theory.errors import TheoryError
from validation.evidence.subjects.additive_noise import ADDITIVE_NOISE
from validation.evidence.subjects.batch_moments import BATCH_MOMENTS
from validation.evidence.subjects.mean_shift import MEAN_SHIFT
from validation.evidence.subjects.multiplicative_noise import MULTIPLICATIVE_NOISE
from validation.evidence.subjects.one_dimensional_epoch import ONE_DIMENSIONAL_EPOCH
from validation.evidence.subjects.one_epoch import ONE_EPOCH
from validation.evidence.subjects.protocol import Plan, Point, Replicas, Subject

__all__ = ["SUBJECTS", "Plan", "Point", "Replicas", "Subject", "subject_of"]

SUBJECTS: Mapping[str, Subject] = {
    **dict.fromkeys(
        (
            "multiplicative-weight-variance", "multiplicative-velocity-variance",
            "multiplicative-weight-velocity-covariance", "multiplicative-weight-autocovariance",
            "mean-square-stability-limit", "nesterov-multiplicative-weight-variance",
            "pytorch-multiplicative-weight-variance", "label-noise-weight-variance",
            "label-noise-momentum-weight-variance",
        ),
        MULTIPLICATIVE_NOISE,
    ),
    **dict.fromkeys(
        (
            "mean-shift", "mean-shift-flat-direction", "nesterov-mean-shift",
            "shuffled-once-mean-shift",
        ),
        MEAN_SHIFT,
    ),
    **dict.fromkeys(
        ("batch-third-cumulant", "batch-fourth-moment-joint", "batch-fourth-moment-pairs"), BATCH_MOMENTS,
    ),
    "epoch-drift": ONE_EPOCH,
    "epoch-drift-smith-limit": ONE_EPOCH,
    "epoch-regularizer-weight": ONE_EPOCH,
    "saddle-escape-ratio": ONE_EPOCH,
    "one-dimensional-epoch-mean": ONE_DIMENSIONAL_EPOCH,
    "one-dimensional-epoch-second-moment": ONE_DIMENSIONAL_EPOCH,
}


def subject_of(entry: Entry) -> Subject:
    """The subject of an entry; of a "stationary" one unless the table says so the stationary law.

    Raises
    ------
    TheoryError
        If the entry's slug has none.
    """
    if entry.slug in SUBJECTS:
        return SUBJECTS[entry.slug]
    if entry.model == "stationary":
        return ADDITIVE_NOISE
    raise TheoryError(
        f"{entry.slug} ({entry.model}) has no subject: add it to SUBJECTS in validation.evidence.subjects"
    )
