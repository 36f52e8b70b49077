"""From matrices to independent pairs of modes: the steps all results share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import TheoryError
from theory.matrix_law.flat_directions import fate, flat_mask, require_bounded
from theory.matrix_law.hyperparameters import Hyperparameters, read_hyperparameters
from theory.matrix_law.matrices import (
    FloatArray,
    check_covariance,
    check_symmetric,
    square_matrix,
)
from theory.matrix_law.pair_law import PairLaw
from theory.matrix_law.rational_rule import RationalRule, rational_rule
from theory.matrix_law.stable import require_stable
from theory.matrix_law.timing import timing
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme

__all__ = ["OUTPUTS", "SpectrumLaw"]

OUTPUTS = {
    "weights": ("weights", "weights"),
    "velocity": ("velocity", "velocity"),
    "weights-velocity": ("weights", "velocity"),
}
#: flatter than this, in units of one epoch's decay, a bounded law is its flat limit to 1e-14
_FLAT = Fraction(1, 1 << 46)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpectrumLaw:
    """Checked inputs; :meth:`of_modes` gives the law once the eigenvalues are known.

    Attributes
    ----------
    hessian, noise
        H and C. Shape (d, d).
    tolerance
        Relative size below which an eigenvalue, or a direction's noise, counts as zero.
    """

    rule: LinearRule
    scheme: SamplingScheme
    hessian: FloatArray
    noise: FloatArray
    hyperparameters: Hyperparameters
    tolerance: float
    outputs: tuple[str, str]
    when: str
    lag: int
    position: int

    @staticmethod
    def checked(
        rule: LinearRule, scheme: SamplingScheme, hessian: npt.ArrayLike,
        noise_covariance: npt.ArrayLike, values: Mapping[str, Any], *, quantity: str, lag: int,
        position: int | None, rank_tolerance: float | None,
    ) -> SpectrumLaw:
        """All checks that need no eigenvalues."""
        if quantity not in OUTPUTS:
            raise TheoryError(f"quantity must be one of {', '.join(OUTPUTS)}; got {quantity!r}")
        hyper = read_hyperparameters(rule, scheme, values)
        when, lag, place = timing(hyper, lag, position)
        h = square_matrix("hessian", hessian)
        c = square_matrix("noise_covariance", noise_covariance, len(h))
        check_symmetric("hessian", h)
        check_symmetric("noise_covariance", c)
        tolerance = len(h) * 2.0**-52 if rank_tolerance is None else float(rank_tolerance)
        if not 0 <= tolerance < 1:
            raise TheoryError(f"rank_tolerance must lie in [0, 1); got {rank_tolerance}")
        check_covariance("noise_covariance", c, max(tolerance, len(h) * 2.0**-52))
        return SpectrumLaw(
            rule=rule, scheme=scheme, hessian=h, noise=c, hyperparameters=hyper,
            tolerance=tolerance, outputs=OUTPUTS[quantity], when=when, lag=lag, position=place,
        )

    def of_modes(
        self, curvatures: FloatArray, noise: FloatArray
    ) -> tuple[PairLaw | None, npt.NDArray[np.bool_]]:
        """The pair law, and which modes move at all; None if none does.

        Parameters
        ----------
        curvatures, noise
            Eigenvalues of H and the noise variance along each eigenvector. Shape (d,).
        """
        hyper = self.hyperparameters
        flat = flat_mask(curvatures, self.tolerance)
        exact = rational_rule(self.rule, hyper.values, velocity="velocity" in self.outputs)
        rate = hyper.values["learning_rate"]
        settled = np.where(flat, 0.0, curvatures)
        x = [Fraction(float(v)) * rate for v in settled]
        pull, slope = exact.pull()
        if pull != 0:  # weight decay: nothing is flat
            require_stable(self.rule, hyper.values, settled)
            return self._law(exact, x), np.ones(flat.shape, dtype=bool)
        require_stable(self.rule, hyper.values, settled[~flat])
        noisy = noise > self.tolerance * float(np.linalg.norm(self.noise))
        ending = fate(hyper.parts, hyper.steps)
        # a walk that diffuses has a stationary velocity, the limit of zero curvature; a drift has a
        # constant speed, which any curvature would stop: there the limit is another law
        moves_only = self.outputs == ("velocity", "velocity") and ending == "diffuses"
        has_limit = slope > 0 and (ending == "bounded" or moves_only)
        if not has_limit:
            require_bounded(self.scheme.name, ending, curvatures, noise, flat & noisy)
        if has_limit:
            gap = exact.gap()
            least = _FLAT * gap * min(gap, Fraction(1)) / (slope * hyper.steps)
            x = [max(v, least) for v in x]
        elif flat.any():  # flat and silent: does not move; any stable curvature stands in
            x = [max(x) if f else v for v, f in zip(x, flat, strict=True)]
        moving = ~(flat & ~noisy)
        return (self._law(exact, x) if moving.any() else None), moving

    def _law(self, exact: RationalRule, x: list[Fraction]) -> PairLaw | None:
        hyper = self.hyperparameters
        if not hyper.parts:
            return None
        return PairLaw(
            rule=exact, parts=hyper.parts, x=x, steps=hyper.steps, when=self.when, lag=self.lag,
            position=self.position, first=self.outputs[0], second=self.outputs[1],
        )
