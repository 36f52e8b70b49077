"""In which limits a claim becomes right: exact expansions of the ratio of the claim to the truth.

Each limit is one expansion in Laurent series over a field of rational functions; an iterated limit
expands the limit of the ratio again. What has no such expansion gives no finding.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from derivations.checking.series_approach import APPROACHES
from derivations.checking.series_declared import read_limit
from derivations.checking.series_positive import ROOT_OF_MOMENTUM
from derivations.checking.series_search import OutOfTimeError, Search
from derivations.checking.target import Target
from theory.symbols import momentum

__all__ = ["LimitFinding", "find_limits"]


@dataclass(frozen=True, kw_only=True)
class LimitFinding:
    """The claim over the truth tends to ``ratio``.

    Attributes
    ----------
    limit
        Which limit, everything else fixed; several are taken in the order written.
    ratio
        The limit of claim / truth; 1 where they agree.
    order, leading_error
        claim / truth - ratio ~ ``leading_error``, of this order in the variable that moves last; None
        where the ratio is reached faster than any power of it.
    in_scope
        The limit is made of learning_rate -> 0, steps_per_epoch -> oo and samples -> oo only.
    """

    limit: str
    ratio: sp.Expr
    order: sp.Rational | None
    leading_error: sp.Expr | None
    in_scope: bool


def find_limits(
    claim: sp.Expr, target: Target, *, declared: str = "", seconds: float = 5
) -> tuple[LimitFinding, ...]:
    """The limits in which claim / truth tends to a number other than 0.

    Ratio 1 comes first, limits in scope before the others. A limit that is ``declared`` comes before
    all and is reported whatever the ratio tends to, a function of the other parameters, 0 or infinity
    included. A claim that is a constant multiple of the truth gives nothing.

    Raises
    ------
    TheoryError
        If ``declared`` is not understood.
    """
    names, phrase = read_limit(declared) if declared.strip() else ((), "")
    search = Search(claim, target, time.monotonic() + seconds)
    first: list[LimitFinding] = []
    rest: list[LimitFinding] = []
    try:
        chain = search.declared(names)
        if chain:
            first.append(_finding(search, chain, phrase))
        for chain in search.chains():
            finding = _finding(search, chain)
            if all(finding.limit not in f.limit for f in first):
                rest.append(finding)
    except OutOfTimeError:
        pass
    return (*first, *sorted(rest, key=lambda f: (f.ratio != 1, not f.in_scope)))


def _finding(search: Search, chain: Sequence[str], phrase: str = "") -> LimitFinding:
    outcome = search.outcome(tuple(chain))
    assert outcome is not None  # chains are only reported with an outcome
    approaches = [APPROACHES[name] for name in chain]
    text = ", ".join(a.text for a in approaches)
    for base in sorted(outcome.conditions, key=str):
        text += f" (where |{base}| < 1)"
    back = {ROOT_OF_MOMENTUM: sp.sqrt(momentum)}
    return LimitFinding(
        limit=f"{phrase} ({text})" if phrase and phrase not in text else text,
        ratio=outcome.ratio.subs(back), order=outcome.order,
        leading_error=None if outcome.error is None else outcome.error.subs(back),
        in_scope=all(a.in_scope for a in approaches),
    )
