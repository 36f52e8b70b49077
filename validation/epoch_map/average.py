r"""The affine maps of many epochs, and the linear equations their averages obey."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from theory.errors import AccuracyError, TheoryError, UnstableError
from validation.epoch_map.system import EpochSystem, FloatArray

__all__ = [
    "AveragedMap", "chunk_size", "identity_columns", "maps_of", "mode_inverse", "solve_modes", "state_scales",
]

_FEW = 128  # maps that stand for all of them while solving for a correction
_CHUNK_BYTES = 64_000_000
_ITERATIONS = 100


def chunk_size(floats: int) -> int:
    """Permutations at a time, if one takes ``floats`` numbers."""
    return int(np.clip(_CHUNK_BYTES // (8 * floats), 4, 4096))


def identity_columns(system: EpochSystem) -> FloatArray:
    """[I, 0] as columns of a state. Shape (1, n, d, n d + 1)."""
    n, d = system.entries, system.dimension
    return np.eye(n * d, n * d + 1).reshape(1, n, d, n * d + 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class AveragedMap:
    r"""Epochs :math:`s\mapsto\Phi s+c`, and :math:`P\mapsto\mathbb E[\Phi P\Phi^\top]` over them.

    Attributes
    ----------
    system
        What the maps belong to.
    maps
        :math:`\Phi`, in chunks of shape (n d, permutations, n d), so that both products of the
        sandwich are one matrix product.
    shifts
        c, in chunks of shape (permutations, n d).
    scales
        Size of every entry of the state: maps, shifts and everything computed from them are in
        these units, so that relative errors mean the same in every direction. Shape (n d,).
    """

    system: EpochSystem
    maps: tuple[FloatArray, ...]
    shifts: tuple[FloatArray, ...]
    scales: FloatArray

    dense_limit: ClassVar[int] = 32  # state size up to which E[Phi (x) Phi] is held as a matrix

    @cached_property
    def permutations(self) -> int:
        """How many epochs are averaged."""
        return sum(len(c) for c in self.shifts)

    @cached_property
    def size(self) -> int:
        """n d."""
        return int(self.maps[0].shape[0])

    @cached_property
    def mean_map(self) -> FloatArray:
        r""":math:`\mathbb E[\Phi]`. Shape (n d, n d)."""
        return np.asarray(sum(f.sum(axis=1) for f in self.maps)) / self.permutations

    @cached_property
    def mean_shift(self) -> FloatArray:
        r""":math:`\mathbb E[c]`. Shape (n d,)."""
        return np.asarray(sum(c.sum(axis=0) for c in self.shifts)) / self.permutations

    @cached_property
    def mean(self) -> FloatArray:
        r""":math:`\mu_0=\mathbb E[\Phi]\mu_0+\mathbb E[c]`. Shape (n d,)."""
        solved = np.linalg.solve(np.eye(self.size) - self.mean_map, self.mean_shift)
        return np.asarray(solved, dtype=np.float64)

    @cached_property
    def source(self) -> FloatArray:
        """What the equation for P contains besides P."""
        return self.source_at(self.mean)

    def source_at(self, mean: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[\Phi\mu_0c^\top]+\mathbb E[c\,\mu_0^\top\Phi^\top]+\mathbb E[cc^\top]`."""
        out = np.zeros((self.size, self.size))
        for f, c in zip(self.maps, self.shifts, strict=True):
            out += ((f @ mean).T + c / 2).T @ c / self.permutations
        return out + out.T

    def apply(self, second: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[\Phi P\Phi^\top]` for symmetric P. Shape (n d, n d) to the same."""
        return self._sampled(second) if self._dense is None else self._times(self._dense, second)

    def adjoint(self, weight: FloatArray) -> FloatArray:
        r""":math:`\mathbb E[\Phi^\top G\,\Phi]` for symmetric G."""
        if self._dense is None:
            return self._sampled_adjoint(weight)
        return self._times(self._dense.T, weight)

    @staticmethod
    def _times(dense: FloatArray, argument: FloatArray) -> FloatArray:
        return (dense @ argument.ravel()).reshape(argument.shape)

    def _sampled(self, second: FloatArray) -> FloatArray:
        """Mean over the maps of Phi P Phi^T, without a matrix of size n² d²."""
        out, k = np.zeros_like(second), self.size
        for f in self.maps:
            out += (f.reshape(-1, k) @ second).reshape(k, -1) @ f.reshape(k, -1).T
        out /= self.permutations
        return out

    def _sampled_adjoint(self, weight: FloatArray) -> FloatArray:
        """Mean over the maps of Phi^T G Phi."""
        out, k = np.zeros_like(weight), self.size
        for f in self.maps:
            out += f.reshape(-1, k).T @ (weight @ f.reshape(k, -1)).reshape(-1, k)
        out /= self.permutations
        return out

    @cached_property
    def _dense(self) -> FloatArray | None:
        """:meth:`apply` as a matrix, shape (n² d², n² d²), for small n d only."""
        return self._sampled_dense()

    def _sampled_dense(self) -> FloatArray | None:
        r""":math:`\mathbb E[\Phi\otimes\Phi]` over the maps."""
        k = self.size
        if k > self.dense_limit:
            return None
        out = np.zeros((k * k, k * k))
        for f in self.maps:
            flat = f.swapaxes(0, 1).reshape(-1, k * k)
            out += flat.T @ flat
        out = out.reshape(k, k, k, k).swapaxes(1, 2) / self.permutations
        return np.ascontiguousarray(out).reshape(k * k, k * k)

    @cached_property
    def _inverse(self) -> FloatArray | None:
        if self._dense is None:
            return None
        return np.asarray(np.linalg.inv(np.eye(self.size**2) - self._dense), dtype=np.float64)

    @cached_property
    def few(self) -> AveragedMap:
        """The first maps only, for what need not be exact; all of them where that costs nothing."""
        if self.size <= self.dense_limit or self.permutations <= 2 * _FEW:
            return self
        return AveragedMap(
            system=self.system, maps=(np.ascontiguousarray(self.maps[0][:, :_FEW]),),
            shifts=(self.shifts[0][:_FEW],), scales=self.scales,
        )

    @cached_property
    def _mode_inverse(self) -> FloatArray:
        return mode_inverse(self.system)

    def _without_noise(self, right: FloatArray, *, turned: bool) -> FloatArray:
        """Solve as if no batch Hessian fluctuated: the preconditioner."""
        size = self.scales if turned else 1 / self.scales
        return solve_modes(self._mode_inverse, right / np.outer(size, size), turned=turned) * np.outer(
            size, size
        )

    def solve(self, right: FloatArray, *, tolerance: float = 1e-6) -> FloatArray:
        r"""Symmetric X with :math:`X-\mathbb E[\Phi X\Phi^\top]=Q`. ``tolerance`` is relative."""
        return self._solve(right, self.apply, turned=False, tolerance=tolerance)

    def solve_adjoint(self, right: FloatArray, *, tolerance: float = 1e-6) -> FloatArray:
        r"""Symmetric G with :math:`G-\mathbb E[\Phi^\top G\Phi]=L`."""
        return self._solve(right, self.adjoint, turned=True, tolerance=tolerance)

    def _solve(
        self, right: FloatArray, act: Callable[[FloatArray], FloatArray], *, turned: bool,
        tolerance: float,
    ) -> FloatArray:
        """Directly, or by GMRES preconditioned with the equation without fluctuations.

        Raises
        ------
        TheoryError
            If it does not converge.
        """
        if self._inverse is not None:
            inverse = self._inverse.T if turned else self._inverse
            solved = (inverse @ right.ravel()).reshape(right.shape)
            return (solved + solved.T) / 2
        from scipy.sparse.linalg import LinearOperator, gmres

        k = self.size

        def moved(vector: npt.NDArray[np.float64]) -> FloatArray:
            x: FloatArray = np.reshape(vector, (k, k))
            x = (x + x.T) / 2
            return self._without_noise(x - act(x), turned=turned).ravel()

        answer: Any = gmres(
            LinearOperator((k * k, k * k), matvec=moved, dtype=np.float64),
            self._without_noise(right, turned=turned).ravel(), rtol=tolerance, atol=0.0, restart=60,
            maxiter=10,
        )
        solved, failed = answer
        if failed:
            raise TheoryError(
                f"the averaged epoch map could not be inverted to {tolerance:g} in 600 iterations: the "
                "learning rate is at the mean-square limit; lower it"
            )
        out: FloatArray = solved.reshape(k, k)
        return (out + out.T) / 2

    def residual(self, second: FloatArray) -> float:
        r"""Largest entry of :math:`P-\mathbb E[\Phi P\Phi^\top]-Q`, solved for P, over that of P."""
        gap = self._without_noise(second - self.apply(second) - self.source, turned=False)
        return float(np.abs(gap).max() / max(np.abs(second).max(), 1e-300))

    @cached_property
    def spectral_radius(self) -> float:
        r"""That of :math:`P\mapsto\mathbb E[\Phi P\Phi^\top]`: mean-square stable iff below 1.

        The map keeps the cone of covariances, so its radius is an eigenvalue with a positive
        semi-definite eigenvector, and it is below 1 exactly if the inverse of one minus the map is
        positive: then inverse iteration finds it, otherwise Arnoldi iteration. For a large state the
        eigenvectors, left and right, are those of a few maps: the error is of second order.
        """
        pair = self.few.slow_pair
        if pair is None:
            return self.top_pair[0]
        left, right = pair
        moved = self.apply(right)
        radius = float(np.vdot(left, moved) / np.vdot(left, right))
        gap = float(np.linalg.norm(moved - radius * right) / np.linalg.norm(moved))
        return radius if gap < 0.02 else self.top_pair[0]

    @cached_property
    def slow_pair(self) -> tuple[FloatArray, FloatArray] | None:
        """Left and right eigenvector of the radius where that is below 1 and inverse iteration settles."""
        try:
            return self._slowest(self.solve_adjoint), self._slowest(self.solve)
        except (np.linalg.LinAlgError, UnstableError, AccuracyError):
            return None

    def _slowest(self, solve: Callable[..., FloatArray]) -> FloatArray:
        """Eigenvector of the largest eigenvalue below 1, by inverse iteration.

        Raises
        ------
        UnstableError
            If an iterate is not positive: an eigenvalue is above 1.
        AccuracyError
            If it does not settle: the largest eigenvalues lie too close together.
        """
        x = np.asarray(np.eye(self.size))
        size = 0.0
        for _ in range(_ITERATIONS):
            y = solve(x, tolerance=1e-2)
            unit = np.sqrt(np.abs(np.diag(y)))
            if not (np.diag(y) > 0).all() or np.linalg.eigvalsh(y / np.outer(unit, unit))[0] < -1e-2:
                raise UnstableError("the averaged epoch map has an eigenvalue above 1")
            last, size = size, float(np.linalg.norm(y))
            x = y * (1 / size)
            if abs(size - last) < (1e-9 if self.size <= self.dense_limit else 1e-2) * size:
                return x
        raise AccuracyError(f"inverse iteration did not settle in {_ITERATIONS} iterations")

    @cached_property
    def top_pair(self) -> tuple[float, FloatArray, FloatArray]:
        """Radius with its left and right eigenvector by Arnoldi iteration, stable or not."""
        value, right = self._top(self.apply)
        return value, self._top(self.adjoint)[1], right

    def _top(self, act: Callable[[FloatArray], FloatArray]) -> tuple[float, FloatArray]:
        """Radius and eigenvector.

        Raises
        ------
        AccuracyError
            If Arnoldi iteration does not converge.
        """
        from scipy.sparse.linalg import LinearOperator, eigs

        from theory.arnoldi import arnoldi_must_converge

        k = self.size

        def moved(vector: npt.NDArray[np.float64]) -> FloatArray:
            x: FloatArray = np.reshape(vector, (k, k))
            return act((x + x.T) / 2).ravel()

        if k <= 4:
            values, vectors = np.linalg.eig(np.stack([moved(x) for x in np.eye(k * k)], axis=1))
        else:
            with arnoldi_must_converge("the spectral radius of the averaged epoch map", k * k, 1e-6):
                values, vectors = eigs(
                    LinearOperator((k * k, k * k), matvec=moved, dtype=np.float64), k=1,
                    v0=np.eye(k).ravel(), tol=1e-6,
                )
        i = int(np.abs(values).argmax())
        vector = np.reshape(vectors[:, i].real, (k, k))
        return float(np.abs(values[i])), vector * np.sign(np.trace(vector))

    @cached_property
    def radius_spread(self) -> float:
        """Standard error of the radius over the permutations, by its eigenvectors."""
        _, left, right = self.top_pair
        parts = []
        for f in self.maps:
            moved = (f @ right).swapaxes(0, 1) @ f.transpose(1, 2, 0)  # permutation, row, column
            parts.append(np.tensordot(moved, left, 2) / np.vdot(left, right))
        values = np.concatenate(parts)
        return float(values.std() / np.sqrt(len(values)))


def mode_inverse(system: EpochSystem) -> FloatArray:
    r""":math:`(I-A_i^M\otimes A_j^M)^{-1}` for every pair of directions. Shape (d, d, n², n²)."""
    powers = np.stack([np.linalg.matrix_power(a, system.steps) for a in system.transitions])
    d, n = powers.shape[:2]
    pairs = np.einsum("iab,jcd->ijacbd", powers, powers).reshape(d, d, n * n, n * n)
    out: FloatArray = np.linalg.inv(np.eye(n * n) - pairs)
    return out


def solve_modes(inverse: FloatArray, right: FloatArray, *, turned: bool = False) -> FloatArray:
    """Apply :func:`mode_inverse` (``turned``: its adjoint). Shape (n d, n d) to the same."""
    d, n = inverse.shape[0], round(inverse.shape[2] ** 0.5)
    blocks = right.reshape(n, d, n, d).transpose(1, 3, 0, 2).reshape(d, d, n * n, 1)
    inverse = inverse.swapaxes(2, 3) if turned else inverse
    solved = (inverse @ blocks).reshape(d, d, n, n).transpose(2, 0, 3, 1)
    return np.ascontiguousarray(solved).reshape(n * d, n * d)


def state_scales(system: EpochSystem, shifts: FloatArray) -> FloatArray:
    """Root mean squares of the state if no batch Hessian fluctuated; one where nothing moves."""
    law = shifts.T @ shifts / len(shifts)
    if np.abs(np.linalg.eigvals(system.transitions)).max() < 1:
        law = solve_modes(mode_inverse(system), law)
    size = np.sqrt(np.maximum(np.diag(law), 0.0))
    return np.where(size > 1e-12 * size.max(initial=0.0), size, 1.0)


def maps_of(
    system: EpochSystem, indices: Callable[[int, int], npt.NDArray[np.int32]], count: int, *,
    progress: Callable[[int], None] = lambda done: None,
) -> AveragedMap:
    """Form the maps of ``count`` permutations; ``indices(first, count)`` gives them."""
    start = identity_columns(system)
    k, maps, shifts, done = start.shape[3] - 1, [], [], 0
    stride, scales = min(chunk_size(3 * k * (k + 1)), 1024), np.empty(0)
    while done < count:
        few = min(stride, count - done)
        ends = system.propagate(indices(done, few), start)["ends"].reshape(few, k, k + 1)
        if not done:
            scales = state_scales(system, ends[:, :, k])
        maps.append(np.ascontiguousarray((ends[:, :, :k] * scales / scales[:, None]).swapaxes(0, 1)))
        shifts.append(ends[:, :, k] / scales)
        done += few
        progress(few)
    return AveragedMap(system=system, maps=tuple(maps), shifts=tuple(shifts), scales=scales)
