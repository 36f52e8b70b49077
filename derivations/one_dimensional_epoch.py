r"""One epoch without replacement in one dimension: a recursion on the last sample, solved by integrals.

Proved for every N, by induction on the number of samples, with the samples as symbols: the steps are
identities of polynomials in what one more sample adds. What they rest on is said in the setting: the
recursion itself, how a marked product grows by one sample, and that integrals are linear. The orders of
2 and of 3 samples are written out besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

import sympy as sp

from derivations.derivation import Derivation
from derivations.step import Step
from theory.closed_forms.entry import Entry
from theory.formula import Formula
from theory.population import ARRIVAL_TIMES, MarkedProduct, expand_over
from theory.symbols import displacement, learning_rate, sample_curvature, sample_gradient

__all__ = ["derive_one_dimensional_epoch"]

_t, _r = ARRIVAL_TIMES
_eta, _delta = learning_rate, displacement
_h, _g = sample_curvature, sample_gradient
_N, _j, _k = sp.symbols("N j k", positive=True)
_P, _M, _A, _B, _L = sp.symbols("P M A B L")
_DP, _DM, _DA, _DB, _DL = (sp.Symbol(rf"\dot{{{name}}}") for name in "PMABL")
_f, _df, _x, _w, _a, _b = sp.symbols(r"f \dot{f} x w a b")
_Phi, _I, _J, _K, _G, _Q, _c = sp.symbols("Phi I J K G Q c_{1}")
#: so many samples are written out
_WRITTEN_OUT = (2, 3)

_SETTING = (
    r"Every sample n is used once, in uniformly random order: $\theta\to x_n\theta-\eta g_n$ with "
    r"$x_n=1-\eta h_n$. Of the orders of a set of N samples each sample is the last of one N-th, and the "
    r"rest are the orders of the other samples. So the mean m and the mean square s obey "
    r"$N\,m=\sum_n(x_nm_{\setminus n}-\eta g_n)$ and "
    r"$N\,s=\sum_n(x_n^2s_{\setminus n}-2\eta x_ng_nm_{\setminus n}+\eta^2g_n^2)$, where $\setminus n$ "
    r"leaves out the sample n. Together with their values for no sample at all, $\delta$ and $\delta^2$, "
    r"these equations have one solution. The formula is shown to be it, for every N.",
    r"A product P over the samples with factors f, and the sum M of products in which the factor of one "
    r"sample gives way to its weight w, grow by one more sample as $P\to fP$, $M\to fM+wP$. A dot is a "
    r"derivation: it obeys the product rule, and the weights are constants.",
)


def derive_one_dimensional_epoch(entry: Entry, formula: Formula) -> Derivation:
    """The derivation of the mean, or of the mean square, which needs the mean."""
    first = entry.quantity == "epoch-mean"
    steps = [*_mean(), *_written_out(formula, first)] if first else [
        *_mean(), *_twice(), *_pairs(), *_square(), *_written_out(formula, first)
    ]
    proved = _mean_expression() if first else _square_expression()
    symbol = sp.Symbol("m" if first else "s")
    steps.append(Step(
        because="That is the printed formula, at every $N$.", lhs=symbol, rhs=formula.compact,
        given={symbol: proved, **dict(formula.where)},
    ))
    return Derivation(
        slug=formula.slug, title=formula.title, setting=_SETTING, steps=tuple(steps), result=formula
    )


def _integral(body: sp.Expr) -> sp.Expr:
    return sp.Integral(body, (_t, 0, 1))


def _mean_expression() -> sp.Expr:
    x = _eta * _h
    return _delta * MarkedProduct(1 - x) - _eta * _integral(MarkedProduct(1 - x * _t, _g))


def _square_expression() -> sp.Expr:
    x = _eta * _h
    product = MarkedProduct(1 - x)
    offset = -_eta * _integral(MarkedProduct(1 - x * _t, _g))
    same = _integral(MarkedProduct(1 - x * _t * (2 - x), _g**2))
    pairs = sp.Integral(
        _r * MarkedProduct(1 - x * _r * (1 + _t * (1 - x)), _g * (1 - x), _g), (_t, 0, 1), (_r, 0, 1)
    )
    return _delta**2 * product**2 + 2 * _delta * product * offset + _eta**2 * (same + 2 * pairs)


def _mean() -> Iterator[Step]:
    """m solves its recursion."""
    linear = {_f: 1 - _eta * _h * _t, _df: -_eta * _h}
    yield Step(
        because=r"Let $f=1-\eta ht$, and let the dot be the derivative in $t$. The factor is linear, and "
        r"$x$ is its value at $t=1$:",
        lhs=_f + (1 - _t) * _df, rhs=1 - _eta * _h, given=linear,
    )
    yield from _one_mark(r"$x$", "t")
    yield from _by_parts()
    yield Step(
        because=r"At $t=0$ all factors are 1, so $M(0)=G$, the sum of the weights. With $I=\int_0^1M\,dt$ "
        r"the sum of $x_nI_{\setminus n}$ is therefore",
        lhs=(_N - 1) * _I + (_I - _G), rhs=_N * _I - _G,
    )
    yield Step(
        because=r"With weights $g$, $m=\delta\Phi-\eta I$, $\Phi$ the product of all $x$, solves "
        r"the recursion:",
        lhs=_delta * _N * _Phi - _eta * (_N * _I - _G) - _eta * _G, rhs=_N * (_delta * _Phi - _eta * _I),
    )


def _one_mark(value: str, time: str) -> Iterator[Step]:
    """Sums over the sample left out, of products without and with one mark, by induction."""
    end = {_x: _f + (1 - _t) * _df}
    yield Step(
        because=rf"Let $X$ be the sum over $n$ of {value} of $n$ times the product of the factors of the "
        rf"other samples. Then $X=NP+(1-{time})\dot P$: true of no sample, and one more sample turns X into "
        r"$fX+xP$, which is the same expression for $N+1$ samples.",
        lhs=_f * (_N * _P + (1 - _t) * _DP) + _x * _P,
        rhs=(_N + 1) * _f * _P + (1 - _t) * (_f * _DP + _df * _P), given=end,
    )
    yield Step(
        because=rf"The same with one mark: the sum over $n$ of {value} of $n$ times $M$ of the other samples "
        rf"is $(N-1)M+(1-{time})\dot M$, by the same induction.",
        lhs=_f * ((_N - 1) * _M + (1 - _t) * _DM) + _w * (_N * _P + (1 - _t) * _DP) + _x * _M,
        rhs=_N * (_f * _M + _w * _P) + (1 - _t) * (_f * _DM + _df * _M + _w * _DP), given=end,
    )


def _by_parts() -> Iterator[Step]:
    yield Step(
        because=r"For a polynomial $M$ in $t$, $\int_0^1(1-t)\dot M\,dt=\int_0^1M\,dt-M(0)$. A constant "
        r"gives 0 on both sides, and the power $t^k$",
        lhs=_k * (1 / _k - 1 / (_k + 1)), rhs=1 / (_k + 1),
    )


def _twice() -> Iterator[Step]:
    """The part of one sample twice."""
    x = 1 - _eta * _h
    yield Step(
        because=r"The mean square. First the sample that is marked twice: let $f=1-\eta ht(2-\eta h)$ and "
        r"$w=g^2$. This factor is linear in $t$ too, and at $t=1$ it is $x^2$:",
        lhs=_f + (1 - _t) * _df, rhs=x**2,
        given={_f: 1 - _eta * _h * _t * (2 - _eta * _h), _df: -_eta * _h * (2 - _eta * _h)},
    )
    yield Step(
        because=r"The steps above hold for any linear factor and its value at 1. So, with $J=\int_0^1M\,dt$ "
        r"and $G$ the sum of $g^2$, the sum of $x_n^2J_{\setminus n}$ is",
        lhs=(_N - 1) * _J + (_J - _G), rhs=_N * _J - _G,
    )


def _pairs() -> Iterator[Step]:
    """The part of two different samples."""
    x = 1 - _eta * _h
    q = 1 - _eta * _h * _r * (1 + _t * x)
    dot = _r * (1 - _r) * sp.diff(q, _r) + (1 - _t) * sp.diff(q, _t)
    yield Step(
        because=r"Now two different samples: let $f=1-\eta hr(1+tx)$, and let the dot be the derivation "
        r"$r(1-r)\partial_r+(1-t)\partial_t$. Then",
        lhs=_r * _f + _df, rhs=_r * x**2, given={_f: q, _df: dot},
    )
    end = {_x: _f + _df / _r}
    yield Step(
        because=r"Let $A$ and $B$ have one mark, with weights $a=gx$ and $b=g$, and $L$ both. As above, the "
        r"sum over $n$ of $r\,x_n^2$ times P of the others is $NrP+\dot P$, and with one mark "
        r"$(N-1)rA+\dot A$; with two marks it is $(N-2)rL+\dot L$, because one more sample, "
        r"$L\to fL+bA+aB$, gives",
        lhs=_f * ((_N - 2) * _r * _L + _DL) + _b * ((_N - 1) * _r * _A + _DA)
        + _a * ((_N - 1) * _r * _B + _DB) + _r * _x * _L,
        rhs=(_N - 1) * _r * (_f * _L + _b * _A + _a * _B)
        + (_f * _DL + _df * _L + _b * _DA + _a * _DB), given=end,
    )
    yield Step(
        because=r"Integrated over the unit square, $\iint r(1-r)\partial_rL=\iint(2r-1)L$: of $r^jt^k$,",
        lhs=_j * (1 / (_j + 1) - 1 / (_j + 2)) / (_k + 1),
        rhs=(2 / (_j + 2) - 1 / (_j + 1)) / (_k + 1),
    )
    whole = sp.Symbol(r"\bar{L}")
    yield Step(
        because=r"and $\iint(1-t)\partial_tL=\iint L-Q$ with $Q=\int_0^1L(r,0)\,dr$, as before. With "
        r"$K=\iint rL$ and $\bar L=\iint L$, the sum of $x_n^2K_{\setminus n}$ is",
        lhs=(_N - 2) * _K + (2 * _K - whole) + (whole - _Q), rhs=_N * _K - _Q,
    )
    yield Step(
        because=r"At $t=0$ the factor is that of the mean, $f=1-\eta hr$, and $L(r,0)$ is the sum over $n$ "
        r"of $x_ng_n$ times M of the others: one more sample adds to it $aM$, and $bP$ to each M, which is "
        r"how $L$ grows, with $B=M$. So $Q$ is the sum of $x_ng_nI_{\setminus n}$.",
        lhs=_a * _M + (_f * _Q + _b * _A), rhs=_f * _L + _b * _A + _a * _B, given={_Q: _L, _M: _B},
    )


def _square() -> Iterator[Step]:
    """s solves its recursion."""
    x, phi = sp.symbols("x Phi")
    yield Step(
        because=r"In $s=\delta^2\Phi^2+2\delta\Phi c_1+c_2$ the term in $\delta^2$ is clear. That in "
        r"$\delta$ is the recursion of $c_1=-\eta I$, the mean from 0, times $2\Phi$: each term of the sum, "
        r"with $\Phi_{\setminus n}=\Phi/x_n$, is",
        lhs=2 * x**2 * (phi / x) * _c - 2 * _eta * x * _g * (phi / x), rhs=2 * phi * (x * _c - _eta * _g),
    )
    yield Step(
        because=r"and $c_2=\eta^2(J+2K)$ solves what is left, "
        r"$N\,c_2=\sum_n(x_n^2c_{2\setminus n}+2\eta^2x_ng_nI_{\setminus n}+\eta^2g_n^2)$:",
        lhs=_eta**2 * ((_N * _J - _G) + 2 * (_N * _K - _Q)) + 2 * _eta**2 * _Q + _eta**2 * _G,
        rhs=_N * _eta**2 * (_J + 2 * _K),
    )


def _written_out(formula: Formula, first: bool) -> Iterator[Step]:
    """All orders of a few samples, against the formula expanded over them."""
    for size in _WRITTEN_OUT:
        population = [
            {_h: sp.Symbol(f"h_{n}", real=True), _g: sp.Symbol(f"g_{n}", real=True)}
            for n in range(1, size + 1)
        ]
        ends = [_end(order) for order in permutations(population)]
        average = sp.Add(*(end if first else end**2 for end in ends)) / len(ends)
        yield Step(
            because=f"All {len(ends)} orders of {size} samples, written out, and the printed formula over "
            "the same samples:",
            lhs=average, rhs=expand_over(formula.expression, population),
        )


def _end(order: tuple[Mapping[sp.Symbol, sp.Expr], ...]) -> sp.Expr:
    theta: sp.Expr = _delta
    for sample in order:
        theta = (1 - _eta * sample[_h]) * theta - _eta * sample[_g]
    return theta
