r"""The stationary mean under batches without replacement: orders in the noise, correlations, sums."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derivations.derivation import Derivation
from derivations.frame import Frame, n
from derivations.mean_shift_flat import flat_direction_steps
from derivations.powers import power_steps, sum_steps
from derivations.step import Step
from theory.closed_forms.entry import Entry
from theory.engine.mean_shift import mean_shift_formula
from theory.errors import TheoryError
from theory.formula import Formula
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from theory.symbols import curvature, curvature_gradient_covariance, steps_per_epoch

__all__ = ["derive_mean_shift"]

_M, _lambda, _chi = steps_per_epoch, curvature, curvature_gradient_covariance
_small = sp.Symbol("epsilon", positive=True)
_delta, _xi, _pair = sp.symbols("Delta xi rho")
_SETTING = (
    r"A quadratic loss in one direction. The batch of step $k$ has curvature $\lambda+\Delta_k$ and gradient "
    r"noise $\xi_k$ at the minimum; over the $M$ batches $\sum\Delta=\sum\xi=0$, and $\chi$ is the average "
    r"of $\Delta\xi$. Every order of the batches is equally likely.",
    r"All fluctuations carry a factor $\epsilon$; the mean is taken to second order in it. $s_k$ is the "
    r"state, its first entry the weight, measured from the minimum.",
)


def derive_mean_shift(entry: Entry, formula: Formula) -> Derivation:
    """The derivation of an entry whose quantity is the shift of the mean.

    Raises
    ------
    TheoryError
        If the scheme is neither reshuffled nor shuffled once, with equal batches.
    """
    exact = formula if entry.exact else mean_shift_formula(entry.rule, entry.scheme)
    steps = _shift(entry.rule, entry.scheme, exact)
    if not entry.exact:
        steps += flat_direction_steps(exact, formula)
    return Derivation(
        slug=formula.slug, title=formula.title, steps=tuple(steps), result=formula,
        setting=(f"Update rule {entry.rule.name}, scheme {entry.scheme.name}.", *_SETTING),
    )


def _shift(rule: LinearRule, scheme: SamplingScheme, formula: Formula) -> list[Step]:
    """1. orders in the fluctuations, 2. correlation of two batches, 3. powers, 4. push, 5. its answer."""
    if scheme.name not in _PUSHED:
        raise TheoryError(
            f"the shift of the mean is proved for {', '.join(_PUSHED)}; got the scheme {scheme.name!r}"
        )
    frame = Frame(rule=rule, scheme=scheme, when="mean", domain=formula.valid_if)
    slope = frame.define("A'", rule.transition.diff(_lambda).as_immutable())
    push_steps, push = _PUSHED[scheme.name](frame, slope)
    return [
        _orders(frame, slope), _correlation(frame), *power_steps(frame), *sum_steps(frame), *push_steps,
        *_answer(frame, push, formula),
    ]


def _answer(frame: Frame, push: Any, formula: Formula) -> list[Step]:
    """The mean that stands still under the average push."""
    mean = frame.define(r"\mu", frame.R() * push)
    return [
        frame.step(
            r"The average $\mu$ over the epoch obeys $\mu=A\mu$ plus the average push, because the mean at "
            r"the end of an epoch is that at its start. The solution is unique below the stability limit:",
            frame.A() * mean + push, mean,
        ),
        frame.step(
            "Its first entry is the printed formula.", frame.rows("weights") * mean, formula.expression,
        ),
    ]


def _orders(frame: Frame, slope: sp.MatrixSymbol) -> Step:
    """One step of the rule, order by order in the fluctuations."""
    size = frame.size
    zero, one, two = (sp.ImmutableMatrix(sp.symbols(f"s^{k}_1:{size + 1}")) for k in range(3))
    a, b = frame.A(), frame.B()
    state = zero + _small * one + _small**2 * two
    after = frame.rule.step(tuple(state), lambda point: (_lambda + _small * _delta) * point + _small * _xi)
    x0, x1, x2 = (frame.define(f"s^{{({k})}}", v) for k, v in enumerate((zero, one, two)))
    return Step(
        because=r"One step of the rule takes $s$ to $(A+\epsilon\Delta A')s+\epsilon B\xi$ with "
        r"$A'=\partial A/\partial\lambda$. Order by order, $s^{(0)}$ dies out, $s^{(1)}$ is pushed by "
        r"the noise, and $s^{(2)}$ by the curvature of the batch that meets $s^{(1)}$.",
        lhs=sp.ImmutableMatrix(after),
        rhs=a * x0 + _small * (a * x1 + _delta * (slope * x0) + _xi * b)
        + _small**2 * (a * x2 + _delta * (slope * x1)),
        given=frame.given, domain=frame.domain, modulo=(_small, 3),
    )


def _correlation(frame: Frame) -> Step:
    """Of the curvature of one batch and the noise of another."""
    return Step(
        because=r"Two steps with different batches of one permutation have the same "
        r"$\rho=\mathbb E[\Delta_k\xi_l]$, whichever they are. With $\sum_l\xi_l=0$, "
        r"$\mathbb E[\Delta_k\sum_l\xi_l]=\chi+(M-1)\rho$ vanishes for $\rho=-\chi/(M-1)$.",
        lhs=_chi + (_M - 1) * _pair, rhs=sp.S.Zero, given={_pair: -_chi / (_M - 1)}, domain=frame.domain,
    )


def _reshuffled(frame: Frame, slope: sp.MatrixSymbol) -> tuple[list[Step], Any]:
    """Only the earlier steps of the same epoch are known to a batch."""
    b = frame.B()

    def total(k: Any) -> Any:
        return frame.R() * (k * frame.identity - frame.S(k))

    pair = -_chi / (_M - 1)
    return [
        frame.step(
            r"In an epoch with its own permutation $s^{(1)}_{k-1}=\sum_{j<k}A^{k-1-j}B\xi_j$ plus what "
            r"earlier epochs left, which this epoch's batches do not know. So step $k$ pushes the mean by "
            r"$\rho A'S_{k-1}B$. The sum of the first $n$ of these has $\sum_{k\le n}S_{k-1}=R(n-S_n)$, "
            r"which grows by $S_n$",
            total(n + 1) - total(n), frame.S(n),
        ),
        frame.step("from 0 at $n=1$.", total(sp.S.One), sp.ZeroMatrix(frame.size, frame.size)),
        *_response_form(frame, slope, total(_M), pair),
    ], (pair / _M) * (slope * total(_M) * b)


def _response_form(
    frame: Frame, slope: sp.MatrixSymbol, total: Any, pair: sp.Expr
) -> list[Step]:
    """Where the gradient is taken at the weights and nothing else pulls them back."""
    w, b = frame.rows("weights"), frame.B()
    rule = frame.rule
    first = sp.eye(frame.size)[0, :]
    if sp.Matrix(rule.transition.diff(_lambda)) != sp.Matrix(rule.injection) * first:
        return []
    return [frame.step(
        r"Here $A'=Bw$ with the row $w$ of the weights, and $wRB=-1/\lambda$. So $\lambda\mu$ is "
        r"$-\frac\rho M\sum_{n=0}^{M-2}(M-1-n)\Psi_n$ with the responses $\Psi_n=wA^nB$.",
        _lambda * (w * frame.R() * ((pair / _M) * (slope * total * b))), -(pair / _M) * (w * total * b),
    )]


def _shuffled_once(frame: Frame, slope: sp.MatrixSymbol) -> tuple[list[Step], Any]:
    """Every batch comes back after M steps."""
    b, last = frame.B(), frame.power(_M - 1)
    met = frame.Q() * last
    pair = -_chi / (_M - 1)
    return [
        frame.step(
            r"With one permutation for the whole run, $s^{(1)}_{k-1}=\sum_{h\ge1}A^{h-1}B\xi_{k-h}$. The "
            r"lags $h=M,2M,\dots$ meet the same batch again: $G=\sum_{p\ge1}A^{pM-1}$ is "
            r"$A^{M-1}+A^MG$,",
            last + frame.power(_M) * met, met,
        ),
        frame.step(
            r"and all lags together $\sum_{h\ge1}A^{h-1}=R=I+AR$. Each lag counts $\rho$, those of the same "
            r"batch $\chi-\rho$ more.",
            frame.identity + frame.A() * frame.R(), frame.R(),
        ),
    ], (_chi - pair) * (slope * met * b) + pair * (slope * frame.R() * b)


_PUSHED = {"reshuffled": _reshuffled, "shuffled-once": _shuffled_once}
