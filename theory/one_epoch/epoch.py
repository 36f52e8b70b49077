r"""One pass without replacement: which losses are permuted, into how many steps, by which rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics
from theory.optimizers import LinearRule, NumericRule
from theory.sampling import SamplingScheme, reshuffled

__all__ = ["Epoch", "Fluctuations", "batch_quadratics"]

#: real numbers, or exact ones in an array of objects
Array = npt.NDArray[np.generic]


@dataclass(frozen=True, kw_only=True, eq=False)
class Epoch:
    r"""All steps of one epoch, each on samples that no other step uses.

    .. math:: s_k = \big(K\otimes I + b\,a^\top\!\otimes H_{B_k}\big)s_{k-1} + b\otimes g_{B_k},
              \qquad k = 1,\dots,m,

    where the batches :math:`B_1,\dots,B_m` are disjoint and every assignment of samples to them is
    equally likely. Two kinds of permutation are covered:

    * *samples* are permuted and cut into batches (:meth:`of_samples`): what a data loader does;
    * *fixed batches* are permuted (:meth:`of_batches`): each batch then counts as one sample.

    Attributes
    ----------
    quadratics
        What is permuted, at a point where the mean gradient vanishes: minimum or saddle.
    batch_sizes
        :math:`S_k`, by position. Their sum is at most N.
    rule
        K, b, a.

    Raises
    ------
    TheoryError
        If there is no step, a batch is empty, or the batches need more than N samples.
    """

    quadratics: SampleQuadratics
    batch_sizes: tuple[int, ...]
    rule: NumericRule

    def __post_init__(self) -> None:
        sizes, n = self.batch_sizes, self.quadratics.samples
        if not sizes or min(sizes) < 1 or sum(sizes) > n:
            raise TheoryError(
                f"batch_sizes {sizes} must be positive and add up to at most {n}, the number of "
                "losses that are permuted"
            )

    @classmethod
    def of_samples(
        cls, quadratics: SampleQuadratics, rule: LinearRule, values: Mapping[str, float], *,
        batch_size: int, scheme: SamplingScheme | None = None,
    ) -> Epoch:
        """Samples are permuted and cut into batches.

        Parameters
        ----------
        values
            Hyperparameters of the rule, ``learning_rate`` first.
        scheme
            One whose pass lasts an epoch or the run; reshuffled unless given.

        Raises
        ------
        TheoryError
            If the scheme has no pass of an epoch, or the batch size does not fit it.
        """
        chosen = reshuffled() if scheme is None else scheme
        if chosen.lasting not in ("epoch", "run"):
            raise TheoryError(
                f"{chosen.name} has no epoch without replacement: its draws last one {chosen.lasting}, "
                "and there the mean is that of gradient descent; use reshuffled()"
            )
        return cls(
            quadratics=quadratics, rule=rule.numeric(values),
            batch_sizes=chosen.batch_sizes(quadratics.samples, batch_size),
        )

    @classmethod
    def of_batches(
        cls, quadratics: SampleQuadratics, rule: LinearRule, values: Mapping[str, float], *,
        batches: Sequence[Sequence[int]],
    ) -> Epoch:
        """Fixed batches, given by the indices of their samples, are permuted.

        Raises
        ------
        TheoryError
            As :func:`batch_quadratics`.
        """
        fixed = batch_quadratics(quadratics, batches)
        return cls(quadratics=fixed, rule=rule.numeric(values), batch_sizes=(1,) * fixed.samples)

    @property
    def steps(self) -> int:
        """m."""
        return len(self.batch_sizes)

    @cached_property
    def fluctuations(self) -> Fluctuations:
        """What is permuted, less its mean."""
        q = self.quadratics
        return Fluctuations(quadratics=q, gradients=np.asarray(q.gradients))

    @cached_property
    def transition(self) -> npt.NDArray[np.float64]:
        r""":math:`K+\lambda_i\,b\,a^\top`, the full-batch step of each direction. Shape (d, n, n)."""
        return self.rule.transitions(self.quadratics.curvatures)


@dataclass(frozen=True, kw_only=True, eq=False)
class Fluctuations:
    r""":math:`A_n=H_n-H` and :math:`\xi_n=g_n`, whose sums over what is permuted vanish."""

    quadratics: SampleQuadratics
    gradients: npt.NDArray[np.float64]

    def times(self, vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """A_n v_n, one vector for each n. Shape (N, d)."""
        q = self.quadratics
        out: npt.NDArray[np.float64] = q.hessian_times(vectors) - q.curvatures * vectors
        return out

    def sandwich(self, diagonal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        r""":math:`\frac1N\sum_nA_nDA_n` for a diagonal D. Shape (d,) to (d, d)."""
        return self.quadratics.covariance_action(np.diag(diagonal))

    @cached_property
    def with_gradients(self) -> npt.NDArray[np.float64]:
        r""":math:`\frac1N\sum_n(A_n)_{ij}\xi_{nj}`. Shape (d, d)."""
        q = self.quadratics
        weighted = q.signs[:, :, None] * q.factors * q.gradients[:, None, :]
        n, r, d = q.factors.shape
        out: npt.NDArray[np.float64] = (
            q.factors.reshape(n * r, d).T @ weighted.reshape(n * r, d) / n
            - np.diag(q.curvatures * q.gradients.mean(axis=0))
        )
        return out


def batch_quadratics(quadratics: SampleQuadratics, batches: Sequence[Sequence[int]]) -> SampleQuadratics:
    """The mean losses of fixed batches, as losses of their own.

    Parameters
    ----------
    batches
        Indices of the samples of each batch: a partition of all samples into batches of one size
        (with other sizes the mean of the batches is not the loss).

    Raises
    ------
    TheoryError
        If it is no such partition.
    """
    sizes = sorted({len(b) for b in batches})
    listed = sorted(i for b in batches for i in b)
    if listed != list(range(quadratics.samples)):
        raise TheoryError(f"batches must name each of the {quadratics.samples} samples exactly once")
    if len(sizes) != 1 or len(batches) < 2:
        raise TheoryError(
            f"there must be at least 2 batches, all of one size; got {len(batches)} of sizes {sizes}. "
            "For a smaller last batch permute the samples: Epoch.of_samples"
        )
    index = np.array(batches, dtype=np.int64)
    size, (_, r, d) = sizes[0], quadratics.factors.shape
    return SampleQuadratics(
        factors=quadratics.factors[index].reshape(len(batches), size * r, d) / size**0.5,
        signs=quadratics.signs[index].reshape(len(batches), size * r),
        gradients=quadratics.gradients[index].mean(axis=1), curvatures=quadratics.curvatures,
        directions=quadratics.directions, minimum=quadratics.minimum,
        weight_decay=quadratics.weight_decay,
    )
