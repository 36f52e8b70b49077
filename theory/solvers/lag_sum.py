"""The definition: noise autocovariance times response autocovariance, summed over lags."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import AccuracyError
from theory.optimizers.rule import LinearRule
from theory.sampling.scheme import SamplingScheme
from theory.solvers.double import DoubleMode, balanced_mode, require_curved, without_constant
from theory.solvers.inputs import Quantity, SolverInput, read_input
from theory.solvers.result import SolverResult

__all__ = ["solve_lag_sum"]

FloatArray = npt.NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)
#: the response is cut where its proved remainder is below this part of the whole; two digits
#: below unit roundoff
CUT = 2.0**-60
#: products of responses summed at most: some ten seconds
WORK = 10**8


def solve_lag_sum(
    rule: LinearRule, scheme: SamplingScheme, values: Mapping[str, Any],
    quantity: Quantity = "weight-variance", *, lag: int = 0, position: int | None = None,
) -> SolverResult:
    r"""Sum the double series of noises and responses, cut with a proved remainder.

    With the impulse response :math:`\Psi_n=o\cdot A^nB` of each output,

    .. math:: \Gamma(\tau) = \sum_{h} R(h)\,A(\tau-h), \qquad
              A(h) = \sum_{n} \Psi_{n+h}\Psi'_n ,

    averaged over positions, and at a position j the double sum
    :math:`\sum_{t,u}\Psi_{j+\tau-t}\operatorname{cov}(\xi_t,\xi_u)\Psi'_{j-u}` itself, epoch by
    epoch. Noise that persists meets the response folded modulo M.

    Remainder. Let :math:`x_n=A^nB` and :math:`q=\lVert A^p\rVert_\infty\le\frac12` for some p. Then
    :math:`\lVert x_{n+p}\rVert\le q\lVert x_n\rVert`, so beyond :math:`n\ge N`

    .. math:: T = \sum_{n\ge N}|\Psi_n| \le \lVert o\rVert_1\,\frac{q}{1-q}
              \sum_{n=N-p}^{N-1}\lVert x_n\rVert_\infty .

    Every pair of steps enters with a covariance of modulus at most r, the largest entry of the
    noise covariance, hence cutting both series at N misses at most :math:`r\,(TL'+LT'+TT')` with
    :math:`L=\sum_{n<N}|\Psi_n|`.

    Parameters
    ----------
    rule, scheme, values, quantity, lag, position
        As :func:`theory.solvers.solve_epoch_lifted`.

    Returns
    -------
    ``residual`` is the remainder relative to the sum of absolute terms; ``error`` adds an estimate
    of rounding: unit roundoff, times the memory p, times that sum.

    Raises
    ------
    UnstableError
        Outside the stability region.
    AccuracyError
        If the response decays so slowly that the sum would take too long.
    """
    given = read_input(rule, scheme, values, quantity, lag, position)
    require_curved(given)
    same = given.left is given.right
    left = balanced_mode(given.left)
    psi, tail, memory = _impulse_response(left, given.steps)
    psi2, tail2, memory2 = (psi, tail, memory) if same else _impulse_response(
        balanced_mode(given.right), given.steps
    )
    length = max(len(psi), len(psi2))
    psi, psi2 = (np.pad(x, (0, length - len(x))) for x in (psi, psi2))
    fresh, kept = (np.array(c, dtype=np.float64) for c in (given.independent, given.persistent))
    if given.position is None:
        terms = _averaged(psi, psi2, fresh, kept, given)
    else:
        terms = _at_position(psi, psi2, fresh, kept, given)
    absolute = math.fsum(abs(t) for t in terms) + float(np.abs(psi) @ np.abs(psi2)) * float(
        np.abs(fresh).max(initial=0) + np.abs(kept).max(initial=0)
    )
    largest = float(np.abs(fresh + kept).max() + np.abs(kept).max())
    whole, whole2 = (math.fsum(np.abs(x)) for x in (psi, psi2))
    remainder = largest * (tail * whole2 + whole * tail2 + tail * tail2)
    rounding = 4 * EPS * max(memory, memory2) * absolute
    scale = float(given.noise_variance)
    return SolverResult(
        value=scale * math.fsum(terms), residual=remainder / absolute if absolute else 0.0,
        error=scale * (remainder + rounding), method="lag-sum",
    )


def _impulse_response(mode: DoubleMode, steps: int) -> tuple[FloatArray, float, int]:
    """Psi_0 .. Psi_(N-1), the bound on the absolute sum of the rest, and p."""
    power, p = mode.transition, 1
    while not np.abs(power).sum(axis=1).max() <= 0.5:
        power, p = power @ power, 2 * p
        if p * 60 * (2 * steps + 1) > WORK:
            raise AccuracyError(
                f"the response does not halve within {p // 2} steps: the sum would take too long. "
                f"Use solve_epoch_lifted or a larger curvature * learning_rate"
            )
    q = float(np.abs(power).sum(axis=1).max())
    block = mode.injection[:, None]
    step = mode.transition
    while block.shape[1] < p:
        block, step = np.hstack([block, step @ block]), step @ step
    blocks = [block]
    size = float(np.abs(block).max(axis=0).sum())
    while q * float(np.abs(blocks[-1]).max(axis=0).sum()) > CUT * size:
        blocks.append(power @ blocks[-1])
    last = float(np.abs(blocks[-1]).max(axis=0).sum())
    tail = float(np.abs(mode.output).sum()) * q / (1 - q) * last
    return mode.output @ np.hstack(blocks), tail, p


def _averaged(
    psi: FloatArray, psi2: FloatArray, fresh: FloatArray, kept: FloatArray, given: SolverInput
) -> list[float]:
    """Terms R(h) A(tau - h)."""
    m, lag = given.steps, given.lag
    terms = []
    for h in range(1 - m, m):
        strength = math.fsum(np.diagonal(fresh, -h)) / m
        if strength:
            terms.append(strength * _response_autocovariance(psi, psi2, lag - h))
    folded, folded2 = without_constant([_fold(x, m) for x in (psi, psi2)], given.persistent)
    for h in range(m) if kept.any() else ():
        strength = math.fsum(kept[(k + h) % m, k] for k in range(m)) / m
        shifted = np.roll(folded, h - lag)  # entry n holds Psi_(n + lag - h), modulo M
        terms.append(strength * math.fsum(shifted * folded2))
    return terms


def _response_autocovariance(psi: FloatArray, psi2: FloatArray, h: int) -> float:
    """Sum of Psi_(n+h) Psi'_n over n."""
    if h < 0:
        return _response_autocovariance(psi2, psi, -h)
    return math.fsum(psi[h:] * psi2[: len(psi2) - h]) if h < len(psi) else 0.0


def _fold(psi: FloatArray, m: int) -> FloatArray:
    """Sum of Psi_(r + e M) over e, for r = 0 .. M - 1."""
    return np.array([math.fsum(psi[r::m]) for r in range(m)])


def _at_position(
    psi: FloatArray, psi2: FloatArray, fresh: FloatArray, kept: FloatArray, given: SolverInput
) -> list[float]:
    """One term per epoch of the noise; the epoch of step j is the first."""
    m, j, lag = given.steps, given.positions[0], given.lag
    now, later = (_by_epoch(x, j + t, m) for x, t in ((psi2, 0), (psi, lag)))
    ahead = (j + lag - 1) // m  # epochs that begin after step j
    terms = [float(x @ fresh @ y) for x, y in zip(later[ahead:], now, strict=False)]
    if kept.any():
        whole = [x.sum(axis=0) for x in (later, now)]
        folded, folded2 = without_constant(whole, given.persistent)
        terms.append(float(folded @ kept @ folded2))
    return terms


def _by_epoch(psi: FloatArray, time: int, m: int) -> FloatArray:
    """Response at step ``time`` to the noises of each epoch, latest epoch first. Shape (E, M)."""
    unborn = -time % m
    padded = np.concatenate([np.zeros(unborn), psi])
    padded = np.pad(padded, (0, -len(padded) % m))
    rows: FloatArray = padded.reshape(-1, m)[:, ::-1]
    return rows
