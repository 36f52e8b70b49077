r"""Spectra: the Fejér kernel by induction, the transfer function, and their product.

Everything is rational in :math:`z=e^{i\omega/2}` and its power :math:`z^M`, which are generators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from derivations.derivation import Derivation
from derivations.frame import n
from derivations.noise_covariance import autocovariance_steps, covariance_steps
from derivations.step import Step
from theory.errors import TheoryError
from theory.formula import Formula
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from theory.sequences import LucasSequence
from theory.symbols import frequency, noise_variance, steps_per_epoch

__all__ = ["derive_noise_autocovariance", "derive_spectrum"]

_z = sp.Symbol("z", nonzero=True)
_q = _z**2


def _ratio(exponent: Any) -> sp.Expr:
    """(z^n - z^-n) / (z - 1/z)."""
    power = _z**exponent
    return (power - 1 / power) / (_z - 1 / _z)


def _trigonometry(expression: sp.Expr) -> dict[Any, Any]:
    """Cosines and the sequences of the Fejér kernel in z.

    Raises
    ------
    TheoryError
        If a sequence has other invariants than the kernel's, 2 cos(omega/2) and 1.
    """
    given: dict[Any, Any] = {}
    for atom in expression.atoms(sp.cos):
        times = sp.cancel(atom.args[0] / frequency)
        given[atom] = (_z ** (2 * times) + _z ** (-2 * times)) / 2
    for sequence in expression.atoms(LucasSequence):
        k, index, *invariants = sequence.args
        if invariants != [2 * sp.cos(frequency / 2), 1]:
            raise TheoryError(f"{sequence} is no sequence of the Fejér kernel, of 2*cos(frequency/2) and 1")
        given[sequence] = _ratio(index if k == 1 else index - 1)
    return given


def derive_noise_autocovariance(
    rule: LinearRule, scheme: SamplingScheme, formula: Formula
) -> Derivation:
    """Pairs of steps counted by kind."""
    steps = autocovariance_steps(scheme, formula)
    if formula.published is not None:
        steps.append(Step(
            because=f"The published form ({formula.source}) agrees.", lhs=formula.compact,
            rhs=formula.published, domain=formula.valid_if,
        ))
    prose = (f"Sampling scheme {scheme.name}: the covariance of the batch noise of two steps that lie "
             r"$1\le\tau\le M-1$ steps apart, averaged over the position in the epoch.",)
    return Derivation(
        slug=formula.slug, title=formula.title, setting=prose, steps=tuple(steps), result=formula,
    )


def derive_spectrum(
    rule: LinearRule, scheme: SamplingScheme, formula: Formula, *, weights: bool
) -> Derivation:
    r"""S(omega), or |T|² S(omega).

    Raises
    ------
    TheoryError
        If the scheme has an elementary noise without a derivation.
    """
    steps = [*covariance_steps(scheme)]
    parts = []
    for component, weight in scheme.noise:
        more, value = _component(component.name)
        steps += more
        parts.append(sp.sympify(weight, strict=True) * value)
    noise = sp.Add(*parts)
    if weights:
        steps += _transfer(rule)
        response = _squared(rule)
    else:
        response = sp.S.One
    given = _trigonometry(formula.compact)
    steps.append(Step(
        because=r"Together, with $\cos l\omega=\frac12(z^{2l}+z^{-2l})$: the printed formula.",
        lhs=noise_variance * response * noise, rhs=formula.compact, given=given, domain=formula.valid_if,
    ))
    if formula.published is not None:
        both = {**given, **_trigonometry(formula.published)}
        steps.append(Step(
            because=f"The published form ({formula.source}) agrees.", lhs=formula.compact,
            rhs=formula.published, given=both, domain=formula.valid_if,
        ))
    where = " (the power of the lines at multiples of $2\\pi/M$)" if scheme.periodic else ""
    prose = (
        f"Sampling scheme {scheme.name}" + (f", update rule {rule.name}" if weights else "")
        + rf"{where}. $S(\omega)=\sum_hR(h)e^{{-i\omega h}}$ with the averaged autocovariance $R$; "
        r"$z=e^{i\omega/2}$.",
    )
    return Derivation(
        slug=formula.slug, title=formula.title, setting=prose, steps=tuple(steps), result=formula,
    )


def _component(name: str) -> tuple[list[Step], sp.Expr]:
    """Spectrum of an elementary noise."""
    m = steps_per_epoch
    if name in ("white", "periodic"):
        return [], sp.S.One
    if name in ("last-step", "periodic-last-step"):
        return [], 1 / m
    if name == "shared-in-epoch":
        return _fejer(), _ratio(m) ** 2 / m
    if name == "frozen":
        return _constant_lines(), m * sp.KroneckerDelta(frequency, 0)
    raise TheoryError(f"no derivation for the spectrum of the elementary noise {name!r}")


def _constant_lines() -> list[Step]:
    power, q = sp.Symbol("p"), sp.Symbol("q")
    grown = (1 - power * q) / (1 - q) - (1 - power) / (1 - q)
    return [
        Step(because=r"A constant has lines $\sum_{h<M}q^h=(1-q^M)/(1-q)$, $q=e^{-i\omega}$; with $p=q^n$ "
        r"the sum grows by $q^n$.",
             lhs=grown, rhs=power),
        Step(because=r"On a line other than zero $q^M=1$, so the sum is zero; at $\omega=0$ it is $M$.",
             lhs=(1 - power) / (1 - q), rhs=sp.S.Zero, given={power: sp.S.One}),
    ]


def _fejer() -> list[Step]:
    def kernel(k: Any) -> sp.Expr:
        return _ratio(k) ** 2

    def dirichlet(k: Any) -> sp.Expr:
        return _ratio(2 * k + 1)

    return [
        Step(
            because=r"Noise shared within an epoch has $R(h)=1-|h|/M$. First "
            r"$D_n=\sum_{|h|\le n}z^{2h}$ in closed form: from $D_0=1$ it grows by the two terms",
            lhs=dirichlet(n + 1) - dirichlet(n), rhs=_q ** (n + 1) + _q ** (-n - 1),
        ),
        Step(
            because=r"Then $\sum_{|h|<n}(n-|h|)z^{2h}$ grows by $D_n$, from $1$ at $n=1$: it is the square",
            lhs=kernel(n + 1) - kernel(n), rhs=dirichlet(n),
        ),
        Step(
            because=r"of a sequence that obeys the recurrence of trace $2\cos(\omega/2)=z+1/z$ and "
            r"determinant "
            r"$1$: $U_{n+1}=(z+1/z)\,U_n-U_{n-1}$.",
            lhs=_ratio(n + 2), rhs=(_z + 1 / _z) * _ratio(n + 1) - _ratio(n),
        ),
    ]


def _at(rule: LinearRule, point: sp.Expr) -> sp.Expr:
    """T at a point, as (row) adjugate B / det."""
    z = sp.Dummy("z")
    return rule.transfer_function(z).subs(z, point)


def _squared(rule: LinearRule) -> sp.Expr:
    return _at(rule, _q) * _at(rule, 1 / _q)


def _transfer(rule: LinearRule) -> list[Step]:
    """The response to noise z^(2k) is T z^(2k)."""
    size, a, b = rule.state_size, rule.transition, rule.injection
    adjugate = (_q * sp.eye(size) - a).adjugate() * b * _q
    bottom = rule.characteristic_polynomial(sp.Dummy("z"))
    bottom = bottom.subs(next(s for s in bottom.free_symbols if isinstance(s, sp.Dummy)), _q)
    state = (adjugate / bottom).applyfunc(sp.together)
    point = sp.MatrixSymbol("s", size, 1)
    matrix, column = sp.MatrixSymbol("A", size, size), sp.MatrixSymbol("B", size, 1)
    given: Mapping[Any, Any] = {
        matrix: a.as_immutable(), column: b.as_immutable(), point: state.as_immutable(),
    }
    return [
        Step(
            because=r"Noise $\xi_k=z^{2k}$ makes a state $s\,z^{2k}$ with $z^2s=As+z^2B$.",
            lhs=_q * point, rhs=matrix * point + _q * column, given=given,
        ),
        Step(
            because=r"Its first entry is the transfer function $T$; the spectrum of the weights is "
            r"$T(z^2)T(z^{-2})$ times that of the noise.",
            lhs=state[0], rhs=_at(rule, _q),
        ),
    ]
