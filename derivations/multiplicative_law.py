r"""The stationary second moment of a direction with fluctuating curvature: noise that is fed back."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from derivations.frame import Frame
from derivations.powers import white_law_steps
from derivations.step import Step
from theory.closed_forms.entry import Entry
from theory.engine.one_direction import OneDirection, one_direction
from theory.sampling import fresh_batches
from theory.symbols import curvature, curvature_variance, noise_variance

__all__ = ["FluctuatingLaw", "fluctuating_law"]

_lambda, _psi, _c = curvature, curvature_variance, noise_variance
_delta, _xi, _phi = sp.symbols("Delta xi varphi")


@dataclass(frozen=True, kw_only=True, eq=False)
class FluctuatingLaw:
    """One direction with fluctuating curvature: names that all its steps use, and the steps.

    Attributes
    ----------
    frame, mode
        The rule's matrices as names, and its response to white noise.
    slope
        A', the name of the derivative of A by the curvature.
    second
        P, the name of the stationary second moment.
    """

    frame: Frame
    mode: OneDirection
    slope: sp.MatrixSymbol
    second: sp.MatrixSymbol

    @property
    def steps(self) -> list[Step]:
        """1. a step and its square, 2. the white law, 3. noise fed back, 4. the series, 5. its existence."""
        return [
            *_step_and_its_square(self), *white_law_steps(self.frame), _fed_back(self), _series(self),
            _convergence(self),
        ]


def fluctuating_law(entry: Entry, domain: sp.Basic) -> FluctuatingLaw:
    """The names, with their definitions."""
    lagged = entry.quantity == "weight-autocovariance"
    frame = Frame(
        rule=entry.rule, scheme=fresh_batches(), when="lag-within" if lagged else "mean", domain=domain,
    )
    mode = one_direction(entry.rule)
    slope = frame.define("A'", entry.rule.transition.diff(_lambda).as_immutable())
    frame.define_number(_phi, mode.response)
    second = frame.define("P", _c / (1 - _psi * _phi) * frame.X())
    return FluctuatingLaw(frame=frame, mode=mode, slope=slope, second=second)


def _step_and_its_square(law: FluctuatingLaw) -> list[Step]:
    """With the gradient of the batch, and all terms of the second moment it leads to."""
    frame, slope, a, b = law.frame, law.slope, law.frame.A(), law.frame.B()
    state = sp.ImmutableMatrix(sp.symbols(f"s_1:{frame.size + 1}"))
    s = frame.define("s", state)
    after = (a + _delta * slope) * s + _xi * b
    return [
        frame.step(
            r"One step of the rule, with the gradient $(\lambda+\Delta)\theta+\xi$, is "
            r"$s\mapsto(A+\Delta A')s+B\xi$ with $A'=\partial A/\partial\lambda$.",
            sp.ImmutableMatrix(frame.rule.step(tuple(state), lambda point: (_lambda + _delta) * point + _xi)),
            after,
        ),
        frame.step(
            r"Its mean obeys $\mu\mapsto A\mu$, because $\Delta$ and $\xi$ have mean zero and do not know "
            r"$s$. Where the mean is stable it dies out. The square of the step has the terms",
            after * after.T,
            a * s * s.T * a.T + _delta**2 * (slope * s * s.T * slope.T) + _xi**2 * (b * b.T)
            + _delta * (a * s * s.T * slope.T + slope * s * s.T * a.T)
            + _xi * (a * s * b.T + b * s.T * a.T)
            + (_delta * _xi) * (slope * s * b.T + b * s.T * slope.T),
        ),
    ]


def _fed_back(law: FluctuatingLaw) -> Step:
    """What the fluctuating curvature adds to the second moment, as noise."""
    frame, slope, b = law.frame, law.slope, law.frame.B()
    return frame.step(
        r"On average those in $\Delta$ and in $\xi$ vanish, and that in $\Delta\xi$ is "
        r"$\langle\Delta\xi\rangle$ times the mean of $s$: it vanishes too, once the mean has died out, "
        r"whatever the covariance of curvature and gradient. What is left is $P=APA^\top+\psi "
        r"A'PA'^\top+cBB^\top$. Now $A'$ has rank one:",
        slope * frame.X() * slope.T, law.mode.response * (b * b.T),
    )


def _series(law: FluctuatingLaw) -> Step:
    """The second moment that stands still."""
    frame, slope, p, a, b = law.frame, law.slope, law.second, law.frame.A(), law.frame.B()
    return frame.step(
        r"with $\varphi$ the printed factor: a fluctuating curvature acts as $\psi\varphi$ times more "
        r"noise, and that noise is fed back. The law is the geometric series,",
        a * p * a.T + _psi * (slope * p * slope.T) + _c * (b * b.T), p,
    )


def _convergence(law: FluctuatingLaw) -> Step:
    """Where the series converges."""
    return law.frame.step(
        r"Both parts of the map $P\mapsto APA^\top+\psi A'PA'^\top$ keep positive matrices positive, so "
        r"with a stable mean its spectral radius is below one exactly if that of "
        r"$(1-A\cdot A^\top)^{-1}\psi A'\cdot A'^\top$ is, which has the one eigenvalue "
        r"$\psi\varphi$. The second moment converges exactly if $1-\psi\varphi>0$, that is",
        (1 - _psi * _phi) * law.mode.denominator, law.mode.gap,
    )
