"""Noise that is constant within an epoch and new in the next."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derivations.chapter import Chapter
from derivations.frame import RIGHT, Frame, n
from derivations.powers import sum_steps
from derivations.step import Step
from theory.engine.law import When
from theory.symbols import lag, position, steps_per_epoch

__all__ = ["propagate"]

_m = sp.Symbol("m", integer=True, nonnegative=True)


def propagate(frame: Frame, when: When) -> Chapter:
    r""":math:`Y_j=A^jYA^{j\top}+S_jBB^\top S_j^\top`, its sum over the epoch and its lags."""
    steps = [*sum_steps(frame), *_within(frame), *_closing(frame)]
    m = steps_per_epoch
    if when in ("mean", "lag-within", "lag-beyond"):
        steps += _sum_over_epoch(frame)
        total = _total(frame)
        if when == "mean":
            return Chapter(law=total / m, steps=tuple(steps))
        steps += _lags(frame)
        if when == "lag-within":
            return Chapter(law=_at_lag(frame, lag) / m, steps=tuple(steps))
        steps.append(frame.step(
            r"Beyond $\tau=M$ no pair of steps shares its noise: $\Gamma(\tau)=A^{\tau-M}\Gamma(M)$.",
            frame.power(n + 1), frame.A() * frame.power(n),
        ))
        return Chapter(law=frame.power(lag - m) * _at_lag(frame, m) / m, steps=tuple(steps))
    w = frame.W()
    steps.append(frame.step(
        r"$W$ in the symbols of the rule.", frame.power(m) * w * frame.power(m, RIGHT).T + frame.BB, w,
    ))
    start = frame.define("Y", frame.S(m) * w * frame.S(m, RIGHT).T)
    if when == "at-last-position":
        return Chapter(law=start, steps=tuple(steps))
    here = _state(frame, position, start)
    if when == "at-position":
        return Chapter(law=here, steps=tuple(steps))
    steps.append(_lag_recursion(frame))
    law = frame.power(lag) * here + frame.S(lag) * frame.BB * frame.S(position, RIGHT).T
    return Chapter(law=law, steps=tuple(steps))


def _state(frame: Frame, j: Any, start: Any) -> Any:
    drift = frame.power(j) * start * frame.power(j, RIGHT).T
    return drift if j == 0 else drift + frame.S(j) * frame.BB * frame.S(j, RIGHT).T


def _within(frame: Frame) -> list[Step]:
    """The moments with the shared noise and among themselves, one step on."""
    y = frame.free("Y")
    a, b, a2, b2 = frame.A(), frame.B(), frame.A(RIGHT), frame.B(RIGHT)
    z, z2 = frame.S(n) * b, frame.S(n, RIGHT) * b2
    steps = [
        frame.step(
            r"Noise $\zeta$ of unit variance, the same at every step of an epoch. At the start of the epoch "
            r"the state does not know it; with $s_j=As_{j-1}+B\zeta$ the joint moment "
            r"$Z_j=\langle s_j\zeta\rangle$ obeys $Z_{j+1}=AZ_j+B$, solved by $Z_j=S_jB$.",
            frame.S(n + 1) * b, a * z + b,
        ),
        frame.step(
            r"With any covariance $\hat Y$ at the start, $Y_j=A^j\hat YA^{j\top}+S_jBB^\top S_j^\top$ obeys "
            r"$Y_{j+1}=AY_jA^\top+AZ_jB^\top+BZ_j^\top A^\top+BB^\top$.",
            _state(frame, n + 1, y),
            a * _state(frame, n, y) * a2.T + a * z * b2.T + b * z2.T * a2.T + frame.BB,
        ),
    ]
    return steps


def _closing(frame: Frame) -> list[Step]:
    """Periodicity fixes the start."""
    m, w = steps_per_epoch, frame.free("W")
    s, s2, p, p2 = frame.S(m), frame.S(m, RIGHT), frame.power(m), frame.power(m, RIGHT)
    y = s * w * s2.T
    return [frame.step(
        r"The next epoch starts as this one did, $Y=A^MYA^{M\top}+S_MBB^\top S_M^\top$. The solution is "
        r"$Y=S_MWS_M^\top$ with $W=A^MWA^{M\top}+BB^\top$, because $S_M$ commutes with $A^M$: for any "
        r"$\hat W$",
        y - p * y * p2.T - s * frame.BB * s2.T,
        s * (w - p * w * p2.T - frame.BB) * s2.T,
    )]


def _total(frame: Frame) -> Any:
    """Sum of Y_j over the positions of an epoch."""
    m, x = steps_per_epoch, frame.X()
    s, s2 = frame.S(m), frame.S(m, RIGHT)
    return s * x * s2.T + _square(frame, m)


def _square(frame: Frame, k: Any) -> Any:
    """Sum of S_j BB' S_j'^T over j < k."""
    x = frame.X()
    s, s2, p, p2 = frame.S(k), frame.S(k, RIGHT), frame.power(k), frame.power(k, RIGHT)
    inner = k * frame.BB - s * frame.BB - frame.BB * s2.T + x - p * x * p2.T
    return frame.R() * inner * frame.R(RIGHT).T


def _sum_over_epoch(frame: Frame) -> list[Step]:
    y, x, m = frame.free("Y"), frame.X(), steps_per_epoch
    a, a2 = frame.A(), frame.A(RIGHT)
    s, s2 = frame.S(m), frame.S(m, RIGHT)

    def bridge(k: Any) -> Any:
        return y - frame.power(k) * y * frame.power(k, RIGHT).T

    term = frame.power(n) * y * frame.power(n, RIGHT).T
    steps = [
        frame.step(
            r"Average over the epoch, first part: $V=\sum_{j<M}A^jYA^{j\top}$ telescopes, "
            r"$V-AVA^\top=Y-A^MYA^{M\top}$, each term adding",
            bridge(n + 1) - bridge(n), term - a * term * a2.T,
        ),
        frame.step(
            r"which periodicity makes $S_MBB^\top S_M^\top$. The same equation holds for $S_MXS_M^\top$, "
            r"so that is $V$.",
            s * x * s2.T - a * (s * x * s2.T) * a2.T, s * frame.BB * s2.T,
        ),
        frame.step(
            r"Second part: $\sum_{j<n}S_jBB^\top S_j^\top$ in closed form, by induction: it grows by the "
            r"right term,",
            _square(frame, n + 1) - _square(frame, n), frame.S(n) * frame.BB * frame.S(n, RIGHT).T,
        ),
    ]
    first = _square(frame, sp.S.One).subs({})
    steps.append(frame.step(
        "and its first term, $S_0BB^\\top S_0^\\top$, is zero.", first, 0 * frame.BB,
    ))
    return steps


def _lag_recursion(frame: Frame) -> Step:
    y = frame.free("C")
    z = frame.define("Z'_{j}", frame.free("D") * frame.B(RIGHT))

    def moment(k: Any) -> Any:
        return frame.power(k) * y + frame.S(k) * frame.B() * z.T

    return frame.step(
        r"Two times of one epoch: $C_{j,\tau}=\langle s_{j+\tau}s_j^\top\rangle$ obeys "
        r"$C_{j,\tau+1}=AC_{j,\tau}+BZ_j^\top$, so from $C_{j,0}=Y_j$ follows "
        r"$A^\tau Y_j+S_\tau BZ_j^\top$.",
        moment(n + 1), frame.A() * moment(n) + frame.B() * z.T,
    )


def _ramp(frame: Frame, k: Any) -> Any:
    """Sum of S'_j over 1 <= j <= k."""
    right = frame.identity * k - frame.A(RIGHT) * frame.S(k, RIGHT)
    return right * frame.R(RIGHT)


def _crossed(frame: Frame, k: Any, rest: Any) -> Any:
    """Sum of S_i BB' S'_{i+rest}^T over 1 <= i <= k."""
    x, bb = frame.X(), frame.BB
    later = frame.power(rest, RIGHT).T
    paired = x - bb - frame.power(k) * (x - bb) * frame.power(k, RIGHT).T
    inner = (
        k * bb - frame.A() * frame.S(k) * bb
        - bb * frame.S(k, RIGHT).T * frame.A(RIGHT).T * later + paired * later
    )
    return frame.R() * inner * frame.R(RIGHT).T


def _at_lag(frame: Frame, tau: Any) -> Any:
    """M times the averaged covariance at lag tau <= M."""
    m = steps_per_epoch
    return (
        frame.power(tau) * _total(frame)
        + frame.S(tau) * frame.BB * _ramp(frame, m).T
        - _crossed(frame, tau, m - tau)
    )


def _lags(frame: Frame) -> list[Step]:
    b = frame.B()
    bb = frame.BB
    return [
        _lag_recursion(frame),
        frame.step(
            r"When $i=j+\tau-M$ steps lie in the next epoch the old noise no longer acts: "
            r"$(S_\tau-S_i)B$ takes the place of $S_\tau B$, starting right at $i=0$, and each step is a "
            r"factor $A$.",
            (frame.S(n + _m + 1) - frame.S(n + 1)) * b, frame.A() * ((frame.S(n + _m) - frame.S(n)) * b),
        ),
        frame.step(
            r"Sums over the positions, by induction: $\sum_{j=1}^{n}S_j$ grows by $S_{n+1}$,",
            _ramp(frame, n + 1) - _ramp(frame, n), frame.S(n + 1, RIGHT),
        ),
        frame.step(
            r"and $\sum_{i=1}^{n}S_iBB^\top S_{i+m}^\top$, to be taken away with $n=\tau$, $m=M-\tau$, "
            r"grows by",
            _crossed(frame, n + 1, _m) - _crossed(frame, n, _m),
            frame.S(n + 1) * bb * frame.S(n + 1 + _m, RIGHT).T,
        ),
        frame.step("It starts with the right first term.", _crossed(frame, sp.S.One, _m),
                   bb * frame.S(_m + 1, RIGHT).T),
        frame.step(
            r"So does the other.", _ramp(frame, sp.S.One), frame.identity,
        ),
    ]

