"""The scheme's noise as a sum of elementary noises: same step, same epoch, other epoch."""

from __future__ import annotations

import sympy as sp

from derivations.step import Step
from theory.formula import Formula
from theory.sampling import SamplingScheme
from theory.symbols import batch_size, lag, noise_variance, samples, steps_per_epoch

__all__ = ["autocovariance_steps", "covariance_steps"]

_M, _N, _S = steps_per_epoch, samples, batch_size
#: an epoch long enough that all kinds of pairs of steps differ; step k has position ((k-1) mod 5) + 1
_LENGTH = 5
_PAIRS = (
    ("Two steps of one epoch", (2, 4)),
    ("Two steps of one epoch, the last included", (2, 5)),
    ("Two positions in different epochs", (2, 8)),
    ("The same position in different epochs", (2, 7)),
    ("The last position in different epochs", (5, 10)),
)


def covariance_steps(scheme: SamplingScheme) -> list[Step]:
    """Check the weights of the components against sampling without replacement."""
    steps = [] if _sum(scheme, (2, 2)) == 1 else [Step(
        because=f"The noise of {scheme.name}, in units of $c$, as a sum of elementary noises of unit "
        f"variance "
        f"({_names(scheme)}). A step has the variance of one full batch:",
        lhs=_sum(scheme, (2, 2)), rhs=sp.S.One,
    )]
    if scheme.lasting in ("sample", "batch", "own") or scheme.draw_epoch is not None:
        return steps
    given = {_N: _M * _S} if scheme.last_batch == "forbidden" else {}
    variance = 1 / _S - 1 / _N
    if any("last-step" in c.name for c, _ in scheme.noise):
        last = _N - (_M - 1) * _S
        steps.append(Step(
            because="The last batch holds $N-(M-1)S$ samples and has the variance of its own size,",
            lhs=_sum(scheme, (5, 5)), rhs=(1 / last - 1 / _N) / variance, given=given,
        ))
    for words, pair in _PAIRS:
        apart = (pair[0] - 1) // _LENGTH != (pair[1] - 1) // _LENGTH
        same = pair[0] % _LENGTH == pair[1] % _LENGTH
        independent = apart and scheme.lasting == "epoch"
        if not independent and same and pair[0] % _LENGTH == 0:
            last = _N - (_M - 1) * _S if scheme.last_batch == "kept" else _S
            expected = (1 / last - 1 / _N) / variance
        elif independent:
            expected = sp.S.Zero
        else:
            expected = sp.S.One if same else -1 / _N / variance
        total = _sum(scheme, pair)
        if total == 0 and expected == 0:
            continue  # no elementary noise correlates them, and none should
        reason = "are independent" if independent else (
            "have the same noise" if same else r"share a pass without replacement, $-C_0/N$ over "
            r"$C_0(1/S-1/N)$"
        )
        steps.append(Step(
            because=f"{words} {reason}:", lhs=total, rhs=expected, given=given,
        ))
    return steps


def autocovariance_steps(scheme: SamplingScheme, formula: Formula) -> list[Step]:
    """Averaged over the position, at lags 1..M-1."""
    inside, outside = sp.symbols("r_{in} r_{out}")
    given = dict(formula.where) | {inside: _sum(scheme, (2, 4)), outside: _sum(scheme, (2, 8))}
    return [*covariance_steps(scheme), Step(
        because=r"Of the $M$ positions $k$ in an epoch, $M-\tau$ have $k+\tau$ in the same epoch and "
        r"$\tau$ in "
        r"the next; the average over the position is the weighted mean of the two covariances, in units "
        r"of $c$.",
        lhs=noise_variance * ((_M - lag) * inside + lag * outside) / _M, rhs=formula.compact,
        given=given, domain=formula.valid_if,
    )]


def _names(scheme: SamplingScheme) -> str:
    return ", ".join(component.name for component, _ in scheme.noise)


def _sum(scheme: SamplingScheme, pair: tuple[int, int]) -> sp.Expr:
    """Covariance of two steps: the weights of the components that correlate them."""
    return sp.Add(*(
        sp.sympify(w, strict=True) for c, w in scheme.noise if c.correlated(*pair, _LENGTH)
    ), evaluate=False)
