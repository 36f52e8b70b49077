r"""Joint moments of batch averages without replacement: sums over distinct samples, then over slots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from derivations.derivation import Derivation
from derivations.step import Step
from theory.closed_forms.entry import Entry
from theory.formula import Formula
from theory.symbols import batch_size, samples, steps_per_epoch

__all__ = ["COEFFICIENTS", "derive_batch_moments"]

_N, _S, _M = samples, batch_size, steps_per_epoch
_T = sp.Symbol("S_2", positive=True)
#: population averages: of x y, of x y z, of x y z w, and the sum of the three products of pairs
_m2, _m3, _m4, _mm = sp.symbols("m_2 m_3 m_4 m_22")
_pairs = sp.Symbol("m_P")
#: averages over distinct samples, by how many factors each sample has
_e11, _e21, _e111, _e31, _e22, _e211, _e1111 = sp.symbols("e_11 e_21 e_111 e_31 e_22 e_211 e_1111")
_rest22, _six = sp.symbols("e_22s e_211s")

#: what the distinct averages are; e_22, e_211 for one split into pairs, e_22s for all three of them
_DISTINCT: Mapping[sp.Symbol, sp.Expr] = {
    _e11: -_m2 / (_N - 1),
    _e21: -_m3 / (_N - 1),
    _e111: 2 * _m3 / ((_N - 1) * (_N - 2)),
    _e31: -_m4 / (_N - 1),
    _e22: (_N * _mm - _m4) / (_N - 1),
    _rest22: (_N * _pairs - 3 * _m4) / (_N - 1),
    _e211: (2 * _m4 - _N * _mm) / ((_N - 1) * (_N - 2)),
    _e1111: (_N * _pairs - 6 * _m4) / ((_N - 1) * (_N - 2) * (_N - 3)),
}
#: e_211s, the sum of e_211 over the six pairs: every product of pairs occurs twice
_SIX = (12 * _m4 - 2 * _N * _pairs) / ((_N - 1) * (_N - 2))

#: c by the sizes of the blocks: the coefficient of the joint moment, of 2, 3 and 4 factors
COEFFICIENTS: Mapping[tuple[int, ...], sp.Expr] = {
    (2,): _N / (_N - 1),
    (1, 1): -1 / (_N - 1),
    (3,): _N**2 / ((_N - 1) * (_N - 2)),
    (2, 1): -_N / ((_N - 1) * (_N - 2)),
    (1, 1, 1): 2 / ((_N - 1) * (_N - 2)),
    (4,): _N**2 * (_N + 1) / ((_N - 1) * (_N - 2) * (_N - 3)),
    (3, 1): -_N * (_N + 1) / ((_N - 1) * (_N - 2) * (_N - 3)),
    (2, 2): -_N * (_N - 1) / ((_N - 1) * (_N - 2) * (_N - 3)),
    (2, 1, 1): 2 * _N / ((_N - 1) * (_N - 2) * (_N - 3)),
    (1, 1, 1, 1): -6 / ((_N - 1) * (_N - 2) * (_N - 3)),
}
_SETTING = (
    r"$N$ samples, each with quantities $x,y,z,w$ of mean zero over the samples; $m$ is the average of the "
    r"product of all of them, $m_P$ the sum of the three products of pair averages, "
    r"$m_{22}=\langle xy\rangle\langle zw\rangle$. A batch holds $S$ samples; the slots of one pass hold "
    r"distinct samples, and every choice is equally likely.",
    r"$e_{21}$ is the average of $x_iy_iz_j$ over distinct $i,j$, and so on: the index says how many factors "
    r"each sample has. With $c_\pi$ a joint moment of batch averages is "
    r"$\sum_\pi c_\pi\prod_bS_b^{1-|b|}$ over the partitions whose blocks lie in one batch each.",
)


def derive_batch_moments(entry: Entry, formula: Formula) -> Derivation:
    """The derivation of a moment of a batch average over that of the population."""
    make = {"batch-third-cumulant": _third}.get(entry.slug, _fourth)
    return Derivation(
        slug=formula.slug, title=formula.title, setting=_SETTING, result=formula,
        steps=tuple(make(entry, formula)),
    )


def _step(because: str, lhs: Any, rhs: Any, domain: sp.Basic, **more: Any) -> Step:
    given = {**_DISTINCT, **more.get("given", {})}
    known = {s: e for s, e in more.get("given", {}).items() if s in (_mm, _pairs)}
    given = {s: sp.sympify(e).subs(known) for s, e in given.items()}
    return Step(because=because, lhs=lhs, rhs=rhs, given=given, domain=domain)


def _low_orders(domain: sp.Basic) -> list[Step]:
    """Two and three factors, and their coefficients."""
    c, one = COEFFICIENTS, _N - 1
    return [
        _step(r"Two factors: $\sum_ix_i\sum_jy_j=0$ has the terms $i=j$ and $i\ne j$.",
              _m2 + one * _e11, sp.S.Zero, domain),
        _step(r"Three: $\sum_ix_iy_i\sum_jz_j=0$,", _m3 + one * _e21, sp.S.Zero, domain),
        _step(r"and $\sum_ix_i\sum_jy_j\sum_kz_k=0$, in which two of the three meet in three ways.",
              _m3 + 3 * one * _e21 + one * (_N - 2) * _e111, sp.S.Zero, domain),
        _step(r"Two factors of one batch meet in one slot of $S$: $\frac1S m_2+\frac{S-1}Se_{11}$ is "
              r"$\frac{c_2}S+c_{11}$,",
              _m2 / _S + (_S - 1) / _S * _e11, (c[2,] / _S + c[1, 1]) * _m2, domain),
        _step("those of two batches never meet.", _e11, c[1, 1] * _m2, domain),
        _step(r"Three factors, two in a batch of $S$ and one in a batch of $S_2$: counting slots,",
              (_S * _T * _e21 + _S * (_S - 1) * _T * _e111) / (_S**2 * _T),
              (c[2, 1] / _S + c[1, 1, 1]) * _m3, domain),
        _step("in three batches,", _e111, c[1, 1, 1] * _m3, domain),
        _step("and all in one.", _cube(), (c[3,] / _S**2 + 3 * c[2, 1] / _S + c[1, 1, 1]) * _m3, domain),
    ]


def _cube() -> sp.Expr:
    """E u³ by counting slots."""
    return (_S * _m3 + 3 * _S * (_S - 1) * _e21 + _S * (_S - 1) * (_S - 2) * _e111) / _S**3


def _third(entry: Entry, formula: Formula) -> list[Step]:
    domain, kappa = formula.valid_if, sp.Symbol("kappa_3")
    own = (_N - _S) * (_N - 2 * _S) / (_S**2 * (_N - 1) * (_N - 2)) * _m3
    pass_of = {kappa: own.subs(_N, _M * _S), **{s: e.subs(_N, _M * _S) for s, e in _DISTINCT.items()}}
    several = sp.And(_M >= 3, _M * _S >= 3)
    return [
        *_low_orders(domain),
        Step(because=r"A pass of $M$ batches has $N=MS$. There $\mathbb E[u_1^3]=\kappa_3$ is",
             lhs=_cube(), rhs=kappa, given=pass_of, domain=several),
        Step(because=r"$\mathbb E[u_1^2u_2]=-\kappa_3/(M-1)$,",
             lhs=_e21 / _S + (_S - 1) / _S * _e111, rhs=-kappa / (_M - 1), given=pass_of, domain=several),
        Step(because=r"and $\mathbb E[u_1u_2u_3]=2\kappa_3/((M-1)(M-2))$: what $\sum_ku_k=0$ asks for.",
             lhs=_e111, rhs=2 * kappa / ((_M - 1) * (_M - 2)), given=pass_of, domain=several),
        _step("For any $N$ the third moment, the third cumulant too, is the printed factor times $m_3$.",
              _cube() / _m3, formula.compact, domain),
    ]


def _fourth(entry: Entry, formula: Formula) -> list[Step]:
    """1. averages over distinct samples, 2. coefficients of the joint moment, 3. the part asked for."""
    domain = formula.valid_if
    return [*_four_distinct(domain), *_four_in_batches(domain), _part_of_fourth(entry, formula)]


def _four_distinct(domain: sp.Basic) -> list[Step]:
    """Sums of four factors over all samples vanish, or are known: one equation for each new average."""
    one, given = _N - 1, {_six: _SIX}
    return [
        _step(r"Four factors: $\sum_ix_iy_iz_i\sum_jw_j=0$,", _m4 + one * _e31, sp.S.Zero, domain),
        _step(r"$\sum_ix_iy_i\sum_jz_jw_j=N^2m_{22}$,", _m4 + one * _e22, _N * _mm, domain),
        _step("the sum of that over the three splits into pairs,",
              3 * _m4 + one * _rest22, _N * _pairs, domain),
        _step(r"$\sum_ix_iy_i\sum_jz_j\sum_kw_k=0$, in which $z$ meets $xy$, or $w$, or both, or $z$ and $w$ "
              r"meet alone,",
              _m4 + one * (2 * _e31 + _e22) + one * (_N - 2) * _e211, sp.S.Zero, domain),
        _step("the sum of that over the six pairs, of which two share each product $m_{22}$,",
              6 * _m4 + one * (12 * _e31 + 2 * _rest22) + one * (_N - 2) * _six, sp.S.Zero, domain,
              given=given),
        _step("and the product of all four sums.",
              _m4 + one * (4 * _e31 + _rest22) + one * (_N - 2) * _six
              + one * (_N - 2) * (_N - 3) * _e1111, sp.S.Zero, domain, given=given),
    ]


def _four_in_batches(domain: sp.Basic) -> list[Step]:
    """Which factors share a slot, by how many of them each batch holds; the part in m_4 alone."""
    c = {blocks: value * _m4 for blocks, value in COEFFICIENTS.items()}
    alone = {_mm: sp.S.Zero, _pairs: sp.S.Zero}
    return [
        _step(r"The coefficients of $m_4$ alone: four batches,", _e1111, c[1, 1, 1, 1], domain, given=alone),
        _step(r"two factors in a batch of $S$ and two in others,",
              _e211 / _S + (_S - 1) / _S * _e1111, c[2, 1, 1] / _S + c[1, 1, 1, 1], domain, given=alone),
        _step(r"two in a batch of $S$ and two in one of $S_2$,",
              (_e22 + (_S + _T - 2) * _e211 + (_S - 1) * (_T - 1) * _e1111) / (_S * _T),
              c[2, 2] / (_S * _T) + c[2, 1, 1] * (1 / _S + 1 / _T) + c[1, 1, 1, 1], domain, given=alone),
        _step(r"three in a batch and one in another,",
              (_e31 + 3 * (_S - 1) * _e211 + (_S - 1) * (_S - 2) * _e1111) / _S**2,
              c[3, 1] / _S**2 + 3 * c[2, 1, 1] / _S + c[1, 1, 1, 1], domain, given=alone),
        _step(r"and all in one.", _fourth_power(),
              c[4,] / _S**3 + (4 * c[3, 1] + 3 * c[2, 2]) / _S**2 + 6 * c[2, 1, 1] / _S + c[1, 1, 1, 1],
              domain, given={_six: _SIX.subs(alone), **alone}),
    ]


def _fourth_power() -> sp.Expr:
    """E u^4 by counting slots."""
    return (
        _S * _m4 + _S * (_S - 1) * (4 * _e31 + _rest22) + _S * (_S - 1) * (_S - 2) * _six
        + _S * (_S - 1) * (_S - 2) * (_S - 3) * _e1111
    ) / _S**4


def _part_of_fourth(entry: Entry, formula: Formula) -> Step:
    """In m_4, or in m_2 squared."""
    joint = entry.slug == "batch-fourth-moment-joint"
    part = {_m4: sp.Integer(joint), _pairs: sp.Integer(0 if joint else 3)}
    return Step(
        because=r"With $x=y=z=w$ there is $m_P=3m_2^2$. The part of $\mathbb E[u^4]$, by counting slots, "
        r"that is asked for is the printed factor.",
        lhs=_fourth_power(), rhs=formula.compact, domain=formula.valid_if,
        given={**{s: e.subs(part) for s, e in (*_DISTINCT.items(), (_six, _SIX))}, _m4: part[_m4]},
    )
