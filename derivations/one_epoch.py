r"""One epoch without replacement: the drift, its regularizer, its limits; the way out of a saddle."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy as sp

from derivations.derivation import Derivation
from derivations.frame import n
from derivations.step import Step
from theory.closed_forms.entry import Entry
from theory.errors import TheoryError
from theory.formula import Formula
from theory.symbols import (
    curvature,
    curvature_gradient_covariance,
    curvature_variance,
    displacement,
    learning_rate,
    negative_curvature,
    noise_variance,
    steps_per_epoch,
)

__all__ = ["ONE_EPOCH", "derive_one_epoch"]

_M, _eta, _lambda, _kappa = steps_per_epoch, learning_rate, curvature, negative_curvature
_chi, _psi, _delta, _c = curvature_gradient_covariance, curvature_variance, displacement, noise_variance
_small = sp.Symbol("epsilon", positive=True)
_a, _xi, _pair = sp.symbols("A xi rho")
_zero, _one, _two = sp.symbols("delta_0 delta_1 delta_2")
_p = 1 - _eta * _lambda
_DRIFT, _LIMIT = sp.symbols("D D_0")

_SETTING = (
    r"Plain SGD in one direction. Batch $l$ of the epoch has curvature $\lambda+A_l$ and gradient "
    r"$\xi_l+(\lambda+A_l)\delta$ at the displacement $\delta$ from the point where the mean gradient "
    r"vanishes; $\sum_lA_l=\sum_l\xi_l=0$. $\psi$, $\chi$ and $c$ are the averages of $A_l^2$, $A_l\xi_l$ "
    r"and $\xi_l^2$ over the $M$ batches.",
    r"Every order of the batches is equally likely. All fluctuations carry a factor $\epsilon$; the mean "
    r"is taken to second order in it. $p=1-\eta\lambda$.",
)


def derive_one_epoch(entry: Entry, formula: Formula) -> Derivation:
    """The derivation of an entry whose model is "one-epoch", from the table of this file.

    Raises
    ------
    TheoryError
        If there is none.
    """
    if entry.slug not in ONE_EPOCH:
        raise TheoryError(f"no derivation for {entry.slug!r}; there is one for {', '.join(ONE_EPOCH)}")
    return Derivation(
        slug=formula.slug, title=formula.title, setting=_SETTING, result=formula,
        steps=tuple(ONE_EPOCH[entry.slug](formula)),
    )


def _powers_sum(k: sp.Expr) -> sp.Expr:
    """1 + p + ... + p^(k-1)."""
    return (1 - _p**k) / (1 - _p)


def _slope_weight(k: sp.Expr) -> sp.Expr:
    return (1 - _p**k - k * (1 - _p) * _p ** (k - 1)) / (1 - _p) ** 2


def _bend_weight(k: sp.Expr) -> sp.Expr:
    return k * (k - 1) * _p ** (k - 2) / 2


def _sums() -> list[Step]:
    """The two sums over pairs of steps, by induction in the number of steps."""
    return [
        Step(because=r"The sum $S_n=1+p+\dots+p^{n-1}$ is $(1-p^n)/(1-p)$: it grows by $p^n$,",
             lhs=_powers_sum(n + 1) - _powers_sum(n), rhs=_p**n),
        Step(because=r"from $S_0=0$.", lhs=_powers_sum(sp.S.Zero), rhs=sp.S.Zero),
        Step(because=r"The weight $s_n=\sum_{i<n}p^{n-1-i}S_i$ obeys $s_{n+1}=ps_n+S_n$; so does its closed "
             r"form,",
             lhs=_slope_weight(n + 1), rhs=_p * _slope_weight(n) + _powers_sum(n)),
        Step(because=r"from $s_0=0$.", lhs=_slope_weight(sp.S.Zero), rhs=sp.S.Zero),
    ]


def _correlations() -> list[Step]:
    given = {_pair: -_chi / (_M - 1)}
    after = (1 - _eta * (_lambda + _small * _a)) * (_zero + _small * _one + _small**2 * _two)
    return [
        Step(because=r"A step multiplies by $1-\eta(\lambda+\epsilon A)$ and adds $-\eta\epsilon\xi$. Order "
             r"by order: $\delta_0$ is gradient descent, $\delta_1$ is pushed by $\xi+A\delta_0$, and "
             r"$\delta_2$ by $A\delta_1$.",
             lhs=after - _eta * _small * _xi,
             rhs=_p * _zero + _small * (_p * _one - _eta * (_xi + _a * _zero))
             + _small**2 * (_p * _two - _eta * _a * _one),
             modulo=(_small, 3)),
        Step(because=r"Two different steps use different batches. Let $\rho=\mathbb E[A_k\xi_l]$ for "
             r"$k\ne l$, the same for every pair because the batches are exchangeable. With $\sum_l\xi_l=0$, "
             r"$\mathbb E[A_k\sum_l\xi_l]=\chi+(M-1)\rho$ vanishes for $\rho=-\chi/(M-1)$; in the same way "
             r"$\mathbb E[A_kA_l]=-\psi/(M-1)$.",
             lhs=_chi + (_M - 1) * _pair, rhs=sp.S.Zero, given=given),
    ]


def _mean(k: sp.Expr) -> sp.Expr:
    """The drift after k of the M steps."""
    return -_eta**2 * (_chi * _slope_weight(k) + _psi * _delta * _bend_weight(k)) / (_M - 1)


def _drift_steps() -> list[Step]:
    memory = _eta**2 * (_chi * _powers_sum(n) + _psi * _delta * n * _p ** (n - 1)) / (_M - 1)
    return [
        *_correlations(), *_sums(),
        Step(because=r"After $n$ steps $\delta_1=-\eta\sum_{j\le n}p^{n-j}(\xi_j+A_jp^{j-1}\delta)$. The "
             r"next batch knows each of these pushes through $\rho$ alone: it adds "
             r"$-\eta\mathbb E[A_{n+1}\delta_1]=-\frac{\eta^2}{M-1}(\chi S_n+\psi\delta np^{n-1})$ to the "
             r"mean of $\delta_2$, which therefore is the combination of $s_n$ and "
             r"$w_n=\frac{n(n-1)}2p^{n-2}$ that grows by it,",
             lhs=_mean(n + 1), rhs=_p * _mean(n) - memory),
        Step(because=r"from 0. With replacement $\rho=0$: nothing is added, and the mean is that of "
             r"gradient descent.",
             lhs=_mean(sp.S.Zero), rhs=sp.S.Zero),
    ]


def _drift(formula: Formula) -> list[Step]:
    return [*_drift_steps(), Step(
        because="The drift after all $M$ steps is the printed formula.", lhs=_mean(_M), rhs=formula.compact,
        domain=formula.valid_if,
    )]


def _smith(formula: Formula) -> list[Step]:
    x = _eta * _small
    series = 1 - _M * x + _M * (_M - 1) * x**2 / 2
    total = sp.Symbol("f")
    slope = sp.diff(series, _small)
    power = (1 - _eta * _small) ** _M
    loss = _eta / 4 * (_c + 2 * _chi * _delta + (_lambda**2 + _psi) * _delta**2)
    descent = _eta / 4 * _lambda**2 * _delta**2
    return [
        *_drift_steps(),
        Step(because=r"Let $\lambda=\epsilon\to0$. The power $f=p^M$ obeys $(1-\eta\epsilon)f'=-\eta Mf$ "
             r"with $f(0)=1$; so does its series, up to the order that is needed.",
             lhs=(1 - x) * slope + _eta * _M * total, rhs=sp.S.Zero, given={total: series},
             modulo=(_small, 2)),
        Step(because=r"The drift over the printed one, to leading order:",
             lhs=_DRIFT / _LIMIT, rhs=sp.S.One, modulo=(_small, 1), domain=formula.valid_if,
             given={_DRIFT: _mean(_M).subs(_lambda, _small), _LIMIT: formula.compact, power: series,
                    (1 - _eta * _small) ** (_M - 1): series / (1 - x),
                    (1 - _eta * _small) ** (_M - 2): series / (1 - x) ** 2}),
        Step(because=r"It is the published one. The modified loss is $L+\frac\eta{4M}\sum_l\nabla L_l^2$, "
             r"whose second term averages to $\frac\eta4[c+2\chi\delta+(\lambda^2+\psi)\delta^2]$. Its part "
             r"$\frac\eta4\lambda^2\delta^2$ belongs to gradient descent itself; $M$ steps down the rest "
             r"are",
             lhs=-_M * _eta * sp.diff(loss - descent, _delta), rhs=formula.compact, domain=formula.valid_if),
    ]


def _weight(formula: Formula) -> list[Step]:
    sign = sp.Symbol("sigma_n")

    def edge(k: sp.Expr, turn: sp.Expr) -> sp.Expr:
        return (1 - turn + 2 * k * turn) / 4

    return [
        *_drift_steps(),
        Step(because=r"The drift $-\frac{\eta^2}{M-1}(\chi s_M+\psi w_M\delta)$ is minus the slope of "
             r"$\frac{\eta^2}{2(M-1)}(cs_M+2\chi s_M\delta+\psi w_M\delta^2)$: the regularizer.",
             lhs=-sp.diff(_eta**2 / (2 * (_M - 1)) * (
                 _c * _slope_weight(_M) + 2 * _chi * _slope_weight(_M) * _delta
                 + _psi * _bend_weight(_M) * _delta**2), _delta),
             rhs=_mean(_M)),
        Step(because=r"$s_n$ is a polynomial in $p$. At $p=1$, a flat direction, its recursion "
             r"$s_{n+1}=s_n+n$ gives $n(n-1)/2$.",
             lhs=(n + 1) * n / 2, rhs=n * (n - 1) / 2 + n),
        Step(because=r"At $p=-1$, the edge of stability $\eta\lambda=2$, $S_n=(1-\sigma_n)/2$ with "
             r"$\sigma_n=(-1)^n$, and $s_{n+1}=-s_n+S_n$ gives $s_n=(1-\sigma_n+2n\sigma_n)/4$,",
             lhs=edge(n + 1, -sign), rhs=-edge(n, sign) + (1 - sign) / 2),
        Step(because=r"that is $n/2$ for even $n$", lhs=edge(n, sign), rhs=n / 2, given={sign: sp.S.One}),
        Step(because=r"and $-(n-1)/2$ for odd $n$: $(-1)^n\lfloor n/2\rfloor$, which does not decay.",
             lhs=edge(n, sign), rhs=-(n - 1) / 2, given={sign: sp.S.NegativeOne}),
        Step(because="The recursion's last step, to all $M$ steps of the epoch, gives the printed weight.",
             lhs=_p * _slope_weight(_M - 1) + _powers_sum(_M - 1), rhs=formula.compact,
             domain=formula.valid_if),
    ]


def _escape(formula: Formula) -> list[Step]:
    p = 1 + _eta * _kappa
    ratio, fresh, grown = sp.symbols("r F P")
    pair = sp.Symbol("rho_0")

    def plain(k: sp.Expr) -> sp.Expr:
        return (p**k - 1) / (p - 1)

    def squares(k: sp.Expr) -> sp.Expr:
        return (p ** (2 * k) - 1) / (p**2 - 1)

    shuffled = _eta**2 * ((_c - pair) * squares(_M) + pair * plain(_M) ** 2)
    return [
        Step(because=r"At a saddle, in a direction of curvature $-\kappa$ that does not fluctuate, $\delta_k="
             r"p\,\delta_{k-1}-\eta\xi_k$ with $p=1+\eta\kappa$. The sum $\sum_{i<n}p^i$ grows by $p^n$,",
             lhs=plain(n + 1) - plain(n), rhs=p**n),
        Step(because=r"from 0;", lhs=plain(sp.S.Zero), rhs=sp.S.Zero),
        Step(because=r"the sum $\sum_{i<n}p^{2i}$ by $p^{2n}$,",
             lhs=squares(n + 1) - squares(n), rhs=p ** (2 * n)),
        Step(because=r"from 0.", lhs=squares(sp.S.Zero), rhs=sp.S.Zero),
        Step(because=r"Without replacement two different steps have $\mathbb E[\xi_k\xi_l]=\rho_0$ with "
             r"$c+(M-1)\rho_0=0$.",
             lhs=_c + (_M - 1) * pair, rhs=sp.S.Zero, given={pair: -_c / (_M - 1)}),
        Step(because=r"So one epoch from the saddle has the mean square "
             r"$\eta^2[(c-\rho_0)\sum p^{2i}+\rho_0(\sum p^i)^2]$, and fresh batches $\eta^2c\sum p^{2i}$. "
             r"The first is $r$ times the second, with the printed ratio $r$.",
             lhs=shuffled, rhs=formula.compact * (_eta**2 * _c * squares(_M)),
             given={pair: -_c / (_M - 1)}, domain=formula.valid_if),
        Step(because=r"Every later epoch multiplies the displacement by $P=p^M$ and adds an independent one "
             r"of mean zero: $V\mapsto P^2V+V_1$ for both. If $V=rF$ and $V_1=rF_1$, the next is $r$ times "
             r"the next: the ratio is the same after any number of epochs.",
             lhs=grown**2 * (ratio * fresh) + ratio * _two, rhs=ratio * (grown**2 * fresh + _two)),
        Step(because="The printed ratio is",
             lhs=shuffled / (_eta**2 * _c * squares(_M)), rhs=formula.compact,
             given={pair: -_c / (_M - 1)}, domain=formula.valid_if),
    ]


ONE_EPOCH: Mapping[str, Callable[[Formula], list[Step]]] = {
    "epoch-drift": _drift,
    "epoch-drift-smith-limit": _smith,
    "epoch-regularizer-weight": _weight,
    "saddle-escape-ratio": _escape,
}
