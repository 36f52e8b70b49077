"""Exact rational arithmetic through every step of one epoch: the project's referee."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flint import fmpq, fmpq_mat

from theory.optimizers.rule import LinearRule
from theory.sampling.scheme import SamplingScheme
from theory.solvers.flat_direction import null_vector, require_bounded
from theory.solvers.inputs import Quantity, SolverInput, read_input
from theory.solvers.rational import to_flint, to_fraction
from theory.solvers.result import SolverResult
from theory.solvers.side import Side

__all__ = ["solve_epoch_lifted"]


def solve_epoch_lifted(
    rule: LinearRule, scheme: SamplingScheme, values: Mapping[str, Any],
    quantity: Quantity = "weight-variance", *, lag: int = 0, position: int | None = None,
) -> SolverResult:
    r"""Carry the covariances of state and noise through one epoch, and close the epoch exactly.

    Noise drawn afresh in every epoch, :math:`K_j=\operatorname{cov}(s_j,\xi)`, :math:`K_0=0`:

    .. math:: P_j = AP_{j-1}A'^\top + AK_{j-1}e_jB'^\top + B(A'K'_{j-1}e_j)^\top + C_{jj}BB'^\top,
              \quad K_j = AK_{j-1} + Be_j^\top C, \quad P_M = P_0 .

    Noise that persists: the state is periodic, :math:`s_j=L_j\xi` with
    :math:`L_j=AL_{j-1}+Be_j^\top` and :math:`L_M=L_0`.

    A flat direction (an eigenvalue exactly 1, zero curvature) gives the limit of the stationary
    law for curvature to 0+. Where the noise of each epoch sums to zero the limit exists. Reshuffled
    batches: the slow coordinate becomes certain at the epoch boundaries, so the moments are those
    around a frozen starting point, :math:`\ell s_0=0` with :math:`\ell A=\ell`. Shuffled once: the
    limit cycle is centred, the gradient averaged over the cycle being zero; a run at exactly zero
    curvature keeps the cycle but also its starting point.

    Parameters
    ----------
    rule, scheme
        Optimizer and sampling.
    values
        By name: learning rate, curvature and the rule's own parameters; ``steps_per_epoch`` or
        ``samples`` and ``batch_size``; ``noise_variance`` (1 if absent); ``second_curvature`` for
        an entry between two modes. Floats stand for their binary values.
    quantity, lag, position
        See :class:`SolverResult`; ``position=None`` averages.

    Returns
    -------
    The exact value, a ``Fraction``; residual and error are 0.

    Raises
    ------
    UnstableError, NoStationaryLawError, TheoryError
        Outside the stability region; flat and unbounded; other impossible input.
    """
    given = read_input(rule, scheme, values, quantity, lag, position)
    require_bounded(given)
    total = fmpq(0)
    if any(any(row) for row in given.independent):
        total += _independent(given)
    if any(any(row) for row in given.persistent):
        total += _persistent(given)
    value = given.noise_variance * to_fraction(total) / len(given.positions)
    return SolverResult(value=value, residual=0.0, error=0.0, method="epoch-lifted")


def _eye(n: int) -> fmpq_mat:
    return fmpq_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])


def _column(matrix: fmpq_mat, j: int) -> fmpq_mat:
    return fmpq_mat(matrix.nrows(), 1, [matrix[i, j] for i in range(matrix.nrows())])


def _matrices(side: Side) -> tuple[fmpq_mat, fmpq_mat, fmpq_mat]:
    """A, B (column) and the output (row)."""
    b = to_flint([side.injection]).transpose()
    return to_flint(side.transition), b, to_flint([side.output])


def _independent(given: SolverInput) -> fmpq:
    """Sum of the moment over the wanted positions, noise drawn afresh in every epoch."""
    (a, b, row), (a2, b2, row2) = _matrices(given.left), _matrices(given.right)
    same, m, noise = given.left is given.right, given.steps, given.independent
    size, size2 = a.nrows(), a2.nrows()
    p = fmpq_mat(size, size2)
    k, k2 = fmpq_mat(size, m), fmpq_mat(size2, m)
    power, power2 = _eye(size), _eye(size2)
    driven, crossed, powers = [], [], []
    for j in range(m):
        drift, drift2 = a * _column(k, j), a2 * _column(k2, j)
        p = a * p * a2.transpose() + drift * b2.transpose() + b * drift2.transpose()
        p += b * b2.transpose() * fmpq(noise[j][j].numerator, noise[j][j].denominator)
        kick = to_flint([noise[j]])
        k = a * k + b * kick
        k2 = k if same else a2 * k2 + b2 * kick
        power, power2 = a * power, a2 * power2
        driven.append(p)
        crossed.append(row2 * k2 if given.lag else row2)
        powers.append((power, power2))
    start = _fixed_point(given, power, power2, p)
    later = [row]
    for _ in range(given.lag):
        later.append(later[-1] * a)
    total = fmpq(0)
    for j in given.positions:
        left, right = powers[j - 1]
        law = driven[j - 1] + left * start * right.transpose()
        total += (later[given.lag] * law * row2.transpose())[0, 0]
        for i in range(1, min(given.lag, m - j) + 1):
            total += (later[given.lag - i] * b)[0, 0] * crossed[j - 1][0, j + i - 1]
    return total


def _fixed_point(given: SolverInput, left: fmpq_mat, right: fmpq_mat, kick: fmpq_mat) -> fmpq_mat:
    """Solve X = left X right^T + kick, entry by entry as one linear system.

    With two flat directions the system is one rank short; the variance of the slow coordinate is
    then set to zero (bounded), or to anything (diffusing, but the outputs do not see it).
    """
    n, n2 = left.nrows(), right.nrows()
    pairs = [(i, j) for i in range(n) for j in range(n2)]
    system = fmpq_mat(
        n * n2, n * n2,
        [int(p == q) - left[p[0], q[0]] * right[p[1], q[1]] for p in pairs for q in pairs],
    )
    if given.left.flat and given.right.flat:
        still, still2 = null_vector(_eye(n) - left), null_vector(_eye(n2) - right)
        slow = null_vector((_eye(n) - left).transpose())
        slow2 = null_vector((_eye(n2) - right).transpose())
        border = [
            still[p[0], 0] * still2[p[1], 0] * slow[q[0], 0] * slow2[q[1], 0]
            for p in pairs for q in pairs
        ]
        system += fmpq_mat(n * n2, n * n2, border)
    solved = system.solve(fmpq_mat(n * n2, 1, [kick[i, j] for i, j in pairs]))
    return fmpq_mat(n, n2, [solved[i, 0] for i in range(n * n2)])


def _persistent(given: SolverInput) -> fmpq:
    """Sum of the moment over the wanted positions, noise that repeats in every epoch."""
    first = _cycle(given.left, given.steps)
    second = first if given.left is given.right else _cycle(given.right, given.steps)
    noise, m = to_flint(given.persistent), given.steps
    total = fmpq(0)
    for j in given.positions:
        now, later = j % m, (j + given.lag) % m
        total += (first[later] * noise * second[now].transpose())[0, 0]
    return total


def _cycle(side: Side, m: int) -> list[fmpq_mat]:
    """Output at positions 0..M-1 per unit noise at positions 1..M, a row of M entries each."""
    a, b, row = _matrices(side)
    n = a.nrows()
    power, partial = _eye(n), fmpq_mat(n, n)
    drive, visited = fmpq_mat(n, m), fmpq_mat(n, m)
    for j in range(m):
        partial += power
        visited += drive
        drive = a * drive + _single(b, j, m)
        power = a * power
    system = _eye(n) - power
    if side.flat:  # the mean gradient over the cycle vanishes
        still = null_vector(_eye(n) - a)
        slow = null_vector((_eye(n) - a).transpose()).transpose()
        pull = still * slow * to_flint(side.slope)
        system += pull * partial
        drive -= pull * visited
    state = system.solve(drive)
    outputs = []
    for j in range(m):
        outputs.append(row * state)
        state = a * state + _single(b, j, m)
    return outputs


def _single(b: fmpq_mat, j: int, m: int) -> fmpq_mat:
    """B in column j of an otherwise empty matrix with M columns."""
    n = b.nrows()
    return fmpq_mat(n, m, [b[i, 0] if k == j else 0 for i in range(n) for k in range(m)])
