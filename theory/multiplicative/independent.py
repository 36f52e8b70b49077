r"""The stationary law under independent steps with a fluctuating batch Hessian, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theory.errors import TheoryError
from theory.multiplicative.independent_steps import IndependentSteps
from theory.multiplicative.mean_square_limit import require_mean_square_stable
from theory.multiplicative.mode_pairs import mode_pairs, seen_response
from theory.multiplicative.noise_equation import solve_noise
from theory.multiplicative.quadratics import FloatArray

__all__ = ["StationaryMoments", "stationary_moments"]


@dataclass(frozen=True, kw_only=True, eq=False)
class StationaryMoments:
    r"""Second moments of the stationary law; its mean is the minimum, so they are covariances.

    Independent steps make the law the same after every step: there is no position in the epoch.
    Matrices are in the eigenbasis of H, [later or first direction, second direction].

    Attributes
    ----------
    problem
        What it is the law of.
    blocks
        :math:`P_{pq,ij}=\langle s_{p,i}s_{q,j}\rangle`. Shape (n, n, d, d).
    noise
        R, covariance of one step's gradient noise, fluctuating Hessian included. Shape (d, d).
        Unit: (loss / parameter)².
    feedback
        Spectral radius of :math:`R\mapsto f\mathcal H[\varphi\circ R]`; below 1, and 1 at the
        mean-square limit. By how much fluctuating curvature feeds itself.
    residual
        Of the equation for R, relative, with every direction scaled to unit size. An error in R
        is at most about residual / (1 - feedback).
    iterations
        Applications of the population's Hessian covariance, feedback included.
    cost
        Multiplications they took: iterations times :math:`4Nrd^2`.
    """

    problem: IndependentSteps
    blocks: FloatArray
    noise: FloatArray
    feedback: float
    residual: float
    iterations: int
    cost: float

    @property
    def second_moment(self) -> FloatArray:
        """P as one matrix, index n-major as the state (n, d) flattens. Shape (n d, n d)."""
        n, _, d, _ = self.blocks.shape
        return self.blocks.transpose(0, 2, 1, 3).reshape(n * d, n * d)

    @property
    def weights(self) -> FloatArray:
        """Covariance of the weights. Shape (d, d). Unit: parameter²."""
        out: FloatArray = self.blocks[0, 0]
        return out

    @cached_property
    def weight_velocity(self) -> FloatArray:
        r""":math:`\langle\theta_{i,k}v_{j,k}\rangle`, which is :math:`[(I-A_i)P]` at the weights of
        both: at lag one the noise of the step is independent of where it started. Shape (d, d)."""
        drift = self.problem.drifts[:, 0, :]
        out: FloatArray = np.einsum("ip,pij->ij", drift, self.blocks[:, 0])
        return out

    @property
    def velocities(self) -> FloatArray:
        """Covariance of the displacement of one step. Shape (d, d). Unit: parameter²."""
        return self.weight_velocity + self.weight_velocity.T

    def lagged(self, lag: int) -> FloatArray:
        r""":math:`\Gamma_{ij}(\tau)=\langle\delta_{i,k+\tau}\delta_{j,k}\rangle=[A_i^\tau P]`.

        Shape (d, d); at a negative lag the transpose of the positive one.

        Raises
        ------
        TheoryError
            If the lag is no whole number.
        """
        if int(lag) != lag:
            raise TheoryError(f"lag must be a whole number; got {lag}")
        if lag < 0:
            return self.lagged(-lag).T
        power = np.linalg.matrix_power(self.problem.transitions, int(lag))
        out: FloatArray = np.einsum("ip,pij->ij", power[:, 0, :], self.blocks[:, 0])
        return out

    @property
    def excess_loss(self) -> float:
        r""":math:`\frac12\sum_i(\lambda_i+\rho)\langle\theta_i^2\rangle`: mean loss (with weight
        decay) above its minimum."""
        q = self.problem.quadratics
        return float((q.curvatures + q.weight_decay) @ np.diag(self.weights)) / 2


def stationary_moments(problem: IndependentSteps, *, tolerance: float = 1e-12) -> StationaryMoments:
    r"""Solve :math:`P=APA^\top+bb^\top\otimes f\{C+\mathcal H[a^\top Pa]\}`.

    For given noise the law is that of the mode pairs, :math:`P_{ij}=X_{ij}R_{ij}`, so only the noise
    is unknown:

    .. math:: R = f\{C + \mathcal H[\varphi\circ R]\}, \qquad \varphi_{ij}=a^\top X_{ij}a ,

    d x d for every rule, solved by a Krylov method that applies :math:`\mathcal H` in O(N r d²);
    no d² x d² array is formed. Exact up to the residual, whatever the learning rate.

    Parameters
    ----------
    problem
        Any rule with independent batches.
    tolerance
        Of the relative residual.

    Raises
    ------
    UnstableError
        Beyond the stability limit in the mean or in the mean square; the message names both.
    NoStationaryLawError
        If a direction without mean curvature feels noise.
    AccuracyError
        If the tolerance is not met (next to the limit).

    References
    ----------
    mulayoff2023 (arXiv 2306.07850) for plain SGD; the reduction to R for any rule is new here.
    """
    feedback, count = require_mean_square_stable(problem)
    q, n = problem.quadratics, problem.state_size
    moving = problem.moving
    blocks, noise = np.zeros((n, n, q.dimension, q.dimension)), np.zeros((q.dimension, q.dimension))
    inside = np.ix_(moving, moving)
    pairs = mode_pairs(problem.drifts[moving], problem.numeric.inject)
    response = seen_response(pairs, problem.numeric.evaluate_at)
    f = problem.fluctuation

    def action(r: FloatArray) -> FloatArray:
        whole = np.zeros_like(noise)
        whole[inside] = response * r
        return f * q.covariance_action(whole)[inside]

    additive = f * q.gradient_covariance[inside]
    solved, residual, applied = solve_noise(additive, action, problem.sizes[moving], tolerance)
    noise[inside] = (solved + solved.T) / 2
    found = pairs * noise[inside]
    blocks[:, :, inside[0], inside[1]] = (found + found.transpose(1, 0, 3, 2)) / 2
    total = applied + count
    return StationaryMoments(
        problem=problem, blocks=blocks, noise=noise, feedback=feedback, residual=residual,
        iterations=total, cost=4.0 * total * q.factors.size * q.dimension,
    )
