r"""Responses of a rule on the mean loss: from a start and from noise to everything that is observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.errors import UnstableError
from theory.multiplicative.quadratics import FloatArray
from theory.optimizers import NumericRule

__all__ = ["Observer", "Responses", "lyapunov_by_modes", "settled"]

#: error of a pole by rounding
_POLE = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Observer:
    r"""T observed numbers per direction, as functions of the start and of an epoch's noise.

    .. math:: o_{t,i} = \sum_m \text{start}_{tim}\,s_{0,mi} + \sum_{j=1}^M \text{noise}_{itj}\,w_{j,i}

    Attributes
    ----------
    start
        Shape (T, d, n).
    noise
        Shape (d, T, M); column j - 1 belongs to step j.
    """

    start: FloatArray
    noise: FloatArray

    def increments(self) -> Observer:
        """From each time to the next, T - 1 numbers."""
        return Observer(start=np.diff(self.start, axis=0), noise=np.diff(self.noise, axis=1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Responses:
    r"""Powers of the transition matrix of every direction, over one epoch.

    :math:`s_k = A s_{k-1} + b\,w_k` with :math:`A=K+\lambda_i\,b\,a^\top` in direction i.

    Attributes
    ----------
    powers
        :math:`A^k`, k = 0..M. Shape (M + 1, d, n, n).
    drift
        :math:`I-A`, subtracted before rounding. Shape (d, n, n).
    rounding
        What double precision leaves of a direction's variance, relative: 9e-16 over the distance of its
        slowest pole from one. Shape (d,).
    inject
        b. Shape (n,).
    evaluate_at
        a: the gradient is taken at :math:`a\cdot s`. Shape (n,).
    """

    powers: FloatArray
    drift: FloatArray
    rounding: FloatArray
    inject: FloatArray
    evaluate_at: FloatArray

    @classmethod
    def of(cls, numeric: NumericRule, curvatures: FloatArray, steps: int) -> Responses:
        """Tabulate ``steps`` powers.

        Raises
        ------
        UnstableError
            If a direction with curvature has a pole on or outside the unit circle.
        """
        feedback = np.outer(numeric.inject, numeric.evaluate_at)
        eye = np.eye(len(feedback))
        drift = (eye - numeric.keep) - curvatures[:, None, None] * feedback
        a = numeric.transitions(curvatures)
        radius = np.abs(np.linalg.eigvals(a)).max(axis=1)
        # a pole that rounds to one is the caller's: the exact conditions are those of the rule
        bad = np.flatnonzero((curvatures > 0) & ~(radius < 1 + _POLE))
        if bad.size:
            i = int(bad[0])
            raise UnstableError(
                f"no stationary law: the direction of curvature {curvatures[i]:.6g} has a pole of "
                f"modulus {radius[i]:.6g}, not below 1, so that not even the mean settles. Lower the "
                "learning rate"
            )
        powers = np.empty((steps + 1, *a.shape))
        powers[0] = np.eye(a.shape[1])
        for k in range(steps):
            powers[k + 1] = powers[k] @ a
        slow = np.abs(np.linalg.eigvals(drift)).min(axis=1)
        epsilon = np.finfo(np.float64).eps
        return cls(
            powers=powers, drift=drift, rounding=4 * epsilon / np.maximum(slow, 4 * epsilon),
            inject=numeric.inject, evaluate_at=numeric.evaluate_at,
        )

    @property
    def epoch_drift(self) -> FloatArray:
        r""":math:`I-A^M=(I-A)\sum_{k<M}A^k`, without cancellation. Shape (d, n, n)."""
        out: FloatArray = self.drift @ self.powers[:-1].sum(axis=0)
        return out

    @property
    def steps(self) -> int:
        """M."""
        return int(self.powers.shape[0]) - 1

    @property
    def at_weights(self) -> bool:
        """The gradient is taken at the weights."""
        return np.array_equal(self.evaluate_at, self._weight_row())

    def _weight_row(self) -> FloatArray:
        return np.asarray(np.eye(len(self.inject))[0])

    @property
    def kicks(self) -> FloatArray:
        r""":math:`A^pb`, p = 0..M. Shape (M + 1, d, n)."""
        return self.powers @ self.inject

    @property
    def point_response(self) -> FloatArray:
        r""":math:`\Psi_p=a\cdot A^pb`, p = 0..M - 1. Shape (M, d)."""
        out: FloatArray = (self.kicks @ self.evaluate_at)[:-1]
        return out

    def points(self) -> Observer:
        """Where the gradients of steps 1..M are taken."""
        return self._observer(self.evaluate_at, np.arange(self.steps))

    def weights(self) -> Observer:
        """The weights after steps 1..M."""
        return self._observer(self._weight_row(), np.arange(1, self.steps + 1))

    def trace(self) -> Observer:
        """The weights at the start and after steps 1..M, T = M + 1."""
        return self._observer(self._weight_row(), np.arange(self.steps + 1))

    def end(self) -> Observer:
        """All n entries of the state after step M, T = n."""
        return Observer(
            start=self.powers[-1].swapaxes(0, 1).copy(),
            noise=self.kicks[-2::-1].transpose(1, 2, 0).copy(),
        )

    def _observer(self, row: FloatArray, times: npt.NDArray[np.int64]) -> Observer:
        response = self.kicks @ row  # (M + 1, d)
        age = times[:, None] - np.arange(1, self.steps + 1)
        table = np.where(age[:, :, None] >= 0, response[np.maximum(age, 0)], 0.0)
        return Observer(
            start=np.einsum("n,tdnm->tdm", row, self.powers[times]), noise=table.transpose(2, 0, 1).copy()
        )


def lyapunov_by_modes(drift: FloatArray, source: FloatArray) -> FloatArray:
    r"""Solve :math:`P_{ij}=A_iP_{ij}A_j^\top+Q_{ij}` for every pair of directions.

    As :math:`DP+PD^\top-DPD^\top=Q` with :math:`D=I-A`, which keeps its digits where A is close to one.

    Parameters
    ----------
    drift
        D of every direction, per step or per epoch. Shape (d, n, n).
    source
        Q, in the layout of states. Shape (n, d, n, d).

    Returns
    -------
    Shape (n, d, n, d); zero where the source is.
    """
    d, n = drift.shape[:2]
    q = source.transpose(1, 3, 0, 2).reshape(d, d, n * n)
    out = np.zeros_like(q)
    eye = np.eye(n)
    right = np.einsum("ab,jcd->jacbd", eye, drift).reshape(d, n * n, n * n)
    for i in range(d):
        left = np.kron(drift[i], eye)
        both = np.einsum("ab,jcd->jacbd", drift[i], drift).reshape(d, n * n, n * n)
        moving = np.abs(q[i]).max(axis=1) > 0
        system = (left + right - both)[moving]
        out[i, moving] = np.linalg.solve(system, q[i, moving, :, None])[:, :, 0]
    return out.reshape(d, d, n, n).transpose(2, 0, 3, 1)


def settled(responses: Responses, push: FloatArray) -> FloatArray:
    r"""Weights under a constant push, :math:`[(I-A)^{-1}b]_0\,q`. Shape (d,) to the same."""
    out = np.zeros(len(push))
    for i in np.flatnonzero(np.abs(push) > 0):
        out[i] = push[i] * np.linalg.solve(responses.drift[i], responses.inject)[0]
    return out
