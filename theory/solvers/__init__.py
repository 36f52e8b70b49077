"""The stationary law without the closed form, four ways that share no mathematics.

:func:`solve_epoch_lifted` is exact and the referee; the others work in double precision and carry
an error estimate: :func:`solve_lyapunov` (linear algebra), :func:`solve_lag_sum` (time domain),
:func:`solve_spectral_integral` (frequency domain).
"""

from __future__ import annotations

from theory.solvers.epoch_lifted import solve_epoch_lifted
from theory.solvers.inputs import Quantity
from theory.solvers.lag_sum import solve_lag_sum
from theory.solvers.lyapunov import solve_lyapunov
from theory.solvers.result import SolverResult
from theory.solvers.spectral_integral import solve_spectral_integral

__all__ = [
    "Quantity",
    "SolverResult",
    "solve_epoch_lifted",
    "solve_lag_sum",
    "solve_lyapunov",
    "solve_spectral_integral",
]
