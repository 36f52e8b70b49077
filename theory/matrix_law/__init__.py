"""Covariance matrices for any Hessian and noise covariance, commuting or not.

In the eigenbasis of the Hessian each pair of directions has its own closed form. Here all pairs are
evaluated at once, with exact integer arithmetic wherever the closed form cancels.
"""

from __future__ import annotations

from theory.matrix_law.covariance import covariance
from theory.matrix_law.loss_fluctuation import loss_fluctuation

__all__ = ["covariance", "loss_fluctuation"]
