"""A linear regression as the theory sees it: curvatures, minimum, per-sample gradients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.multiplicative import SampleQuadratics

__all__ = ["FloatArray", "Loss", "Regression"]

FloatArray = npt.NDArray[np.float64]
Loss = Literal["half-mse", "mse"]

#: residuals below this times the size of what they are the difference of are rounding
_ROUNDING = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Regression:
    r"""Linear least squares, seen from its minimum in the eigenbasis of the Hessian.

    .. math:: L(\theta) = \frac{\kappa}{2N} \sum_n (x_n\cdot\theta - y_n)^2, \qquad
              H = \frac{\kappa}{N} \sum_n x_n x_n^\top, \qquad
              g_n = \kappa\,x_n\,(x_n\cdot\theta_* - y_n) + \rho\,\theta_* .

    :math:`\kappa=1` for ``"half-mse"`` (the project's convention), 2 for ``"mse"`` (PyTorch's
    ``MSELoss``). With weight decay :math:`\rho` the minimum :math:`\theta_*` and the noise are
    those of :math:`L+\frac\rho2|\theta|^2`, while H stays the Hessian of L: a rule with weight
    decay adds :math:`\rho` itself.

    Directions are the eigenvectors of H by **descending** curvature, the steepest first. Each is
    signed so that its largest component is positive.

    Attributes
    ----------
    features
        Design matrix x, an intercept column included if wanted. Shape (N, d).
    targets
        y. Shape (N,).
    loss
        ``"half-mse"`` or ``"mse"``.
    weight_decay
        :math:`\rho\ge0`. Unit: loss / parameter².
    rank_tolerance
        Eigenvalues of H below this times the largest count as zero: such a direction has neither
        curvature nor noise, does not move, and is zero in the (minimum-norm) minimum.
    names
        Of the columns of ``features``, for messages; by number if empty.

    Raises
    ------
    TheoryError
        If shapes do not match, N < 2, an entry is not finite, all features are zero, or
        ``weight_decay`` or ``rank_tolerance`` is out of range, or ``names`` are not one a column.
    """

    features: FloatArray
    targets: FloatArray
    loss: Loss = "half-mse"
    weight_decay: float = 0.0
    rank_tolerance: float = 1e-14
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        features = np.array(self.features, dtype=np.float64, order="C")
        targets = np.array(self.targets, dtype=np.float64)
        if features.ndim != 2 or targets.shape != features.shape[:1]:
            raise TheoryError(
                f"features must have shape (N, d) and targets (N,); got {features.shape} and "
                f"{targets.shape}"
            )
        if features.shape[0] < 2 or features.shape[1] < 1:
            raise TheoryError(
                f"a regression needs at least 2 samples and 1 feature; got {features.shape}"
            )
        for name, array in (("features", features), ("targets", targets)):
            if not np.isfinite(array).all():
                where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
                raise TheoryError(
                    f"{name}{list(where)} is {array[where]}; remove or fill that sample"
                )
        if not features.any():
            raise TheoryError("all features are zero: the loss does not depend on the weights")
        if self.loss not in ("half-mse", "mse"):
            raise TheoryError(f"loss must be 'half-mse' or 'mse'; got {self.loss!r}")
        if not 0 <= self.weight_decay < np.inf:
            raise TheoryError(f"weight_decay must be finite and >= 0; got {self.weight_decay}")
        if not 0 < self.rank_tolerance < 1:
            raise TheoryError(f"rank_tolerance must lie in (0, 1); got {self.rank_tolerance}")
        if self.names and len(self.names) != features.shape[1]:
            raise TheoryError(
                f"names must name every column of features; got {len(self.names)} for {features.shape[1]}"
            )
        for name, array in (("features", features), ("targets", targets)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def samples(self) -> int:
        """N."""
        return int(self.features.shape[0])

    @property
    def dimension(self) -> int:
        """d, directions without curvature included."""
        return int(self.features.shape[1])

    def column(self, i: int) -> str:
        """What to call a column of the features."""
        return repr(self.names[i]) if self.names else str(i)

    @property
    def scale(self) -> float:
        r""":math:`\kappa`: 1 for half-mse, 2 for mse."""
        return 2.0 if self.loss == "mse" else 1.0

    @cached_property
    def _decomposition(self) -> tuple[FloatArray, FloatArray]:
        """(curvatures, directions) from the singular values of x: squaring x loses half the digits."""
        tall = self.samples > self.dimension  # its triangular factor has the same ones, and no N x N
        _, s, vt = np.linalg.svd(
            np.linalg.qr(self.features, mode="r") if tall else self.features, full_matrices=True
        )
        curvatures = np.zeros(self.dimension)
        curvatures[: s.size] = self.scale * s**2 / self.samples
        curvatures[curvatures < self.rank_tolerance * curvatures[0]] = 0.0
        largest = vt[np.arange(self.dimension), np.abs(vt).argmax(axis=1)]
        directions = (vt * np.sign(largest)[:, None]).T
        for array in (curvatures, directions):
            array.setflags(write=False)
        return curvatures, directions

    @property
    def curvatures(self) -> FloatArray:
        """Eigenvalues of H, descending. Shape (d,). Unit: loss / parameter²."""
        return self._decomposition[0]

    @property
    def directions(self) -> FloatArray:
        """Orthonormal eigenvectors of H as columns, in the order of ``curvatures``. Shape (d, d)."""
        return self._decomposition[1]

    @cached_property
    def hessian(self) -> FloatArray:
        """H. Shape (d, d). Unit: loss / parameter²."""
        out: FloatArray = self.scale * (self.features.T @ self.features) / self.samples
        return out

    @cached_property
    def projected_features(self) -> FloatArray:
        """Features in the eigenbasis, exactly zero where there is no curvature. Shape (N, d)."""
        out: FloatArray = (self.features @ self.directions) * (self.curvatures > 0)
        return out

    @cached_property
    def projected_minimum(self) -> FloatArray:
        """The minimum in the eigenbasis. Shape (d,). Unit: parameter."""
        return self._fit[0]

    @cached_property
    def _fit(self) -> tuple[FloatArray, FloatArray]:
        """(minimum, residuals) in the eigenbasis; residuals that are rounding alone are zero."""
        x = self.projected_features
        minimum = self._solved(self.targets)
        residuals = x @ minimum - self.targets
        size = float(np.abs(self.targets).max())
        if self.weight_decay == 0 and np.abs(residuals).max() <= 1e-6 * size:
            minimum = minimum - self._solved(residuals)  # once more, for all digits
            residuals = x @ minimum - self.targets
            rounding = np.abs(x) @ np.abs(minimum) + np.abs(self.targets)
            if (np.abs(residuals) <= _ROUNDING * rounding.max()).all():
                residuals = np.zeros_like(residuals)
        return minimum, residuals

    def _solved(self, targets: FloatArray) -> FloatArray:
        """Least squares in the eigenbasis; zero where there is no curvature."""
        force = self.scale * self.projected_features.T @ targets / self.samples
        flat = self.curvatures == 0
        out: FloatArray = np.where(
            flat, 0.0, force / np.where(flat, 1.0, self.curvatures + self.weight_decay)
        )
        return out

    @property
    def minimum(self) -> FloatArray:
        """The minimum of the (regularised) loss of smallest norm. Shape (d,). Unit: parameter."""
        return self.directions @ self.projected_minimum

    @property
    def residuals(self) -> FloatArray:
        """x_n . minimum - y_n, exactly zero where the fit is perfect but for rounding. Shape (N,)."""
        return self._fit[1]

    @cached_property
    def projected_gradients(self) -> FloatArray:
        """Per-sample gradients at the minimum in the eigenbasis; they sum to zero. Shape (N, d)."""
        slopes = self.scale * self.projected_features * self.residuals[:, None]
        out: FloatArray = slopes + self.weight_decay * self.projected_minimum
        out -= out.mean(axis=0)  # the mean is rounding, and would be a drift
        return out

    @property
    def gradients(self) -> FloatArray:
        """Per-sample gradients at the minimum. Shape (N, d). Unit: loss / parameter."""
        return self.projected_gradients @ self.directions.T

    @cached_property
    def projected_noise_covariance(self) -> FloatArray:
        r""":math:`C_0=\frac1{N-1}\sum_n g_ng_n^\top` in the eigenbasis. Shape (d, d)."""
        g = self.projected_gradients
        out: FloatArray = g.T @ g / (self.samples - 1)
        return out

    @property
    def noise_covariance(self) -> FloatArray:
        """C_0 in the original coordinates. Shape (d, d). Unit: (loss / parameter)²."""
        return self.directions @ self.projected_noise_covariance @ self.directions.T

    @cached_property
    def quadratics(self) -> SampleQuadratics:
        """The same problem as a list of per-sample quadratic losses."""
        x = np.sqrt(self.scale) * self.projected_features
        return SampleQuadratics(
            factors=x[:, None, :], signs=np.ones((self.samples, 1)),
            gradients=self.projected_gradients, curvatures=self.curvatures,
            directions=self.directions, minimum=self.minimum, weight_decay=self.weight_decay,
        )
