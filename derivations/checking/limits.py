"""In which limits a claim becomes right: exact expansions of the ratio of the claim to the truth.

Each limit is one expansion in Laurent series over a field of rational functions; an iterated limit
expands the limit of the ratio again. What has no such expansion gives no finding.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from derivations.checking.series_approach import APPROACHES
from derivations.checking.series_declared import DeclaredLimit, read_limit
from derivations.checking.series_positive import ROOT_OF_MOMENTUM
from derivations.checking.series_ratio import unmoved
from derivations.checking.series_search import OutOfTimeError, Search
from derivations.checking.target import Target
from derivations.evaluation import NotRationalError
from derivations.factored import factored
from theory.symbols import curvature, learning_rate, momentum

__all__ = [
    "DeclaredLimit", "Findings", "LimitFinding", "by_product", "declared_status", "find_limits", "read_limit",
]

#: operations of a leading error that is still factored
_MOST = 400


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
    variables
        What moves where, in the order in which the limits are taken: ``("learning_rate", "0")``.
    declared
        It is the limit that the claim declares.
    also
        Limits that say the same, because only learning_rate*curvature enters.
    """

    limit: str
    ratio: sp.Expr
    order: sp.Rational | None
    leading_error: sp.Expr | None
    in_scope: bool
    variables: tuple[tuple[str, str], ...] = ()
    declared: bool = False
    also: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The limit with those that say the same: "learning_rate -> 0 (or curvature -> 0)"."""
        return self.limit + (f" (or {' or '.join(self.also)})" if self.also else "")


class Findings(tuple[LimitFinding, ...]):
    """Findings, and in ``missed`` why the declared limit is not among them; "" where it is."""

    missed: str = ""


def find_limits(
    claim: sp.Expr, target: Target, *, declared: str | DeclaredLimit = "", seconds: float = 5
) -> Findings:
    """The limits in which claim / truth tends to a number other than 0.

    Ratio 1 comes first, limits in scope before the others. A limit that is ``declared`` comes before
    all and is reported whatever the ratio tends to, a function of the other parameters, 0 or infinity
    included; where it is not there, :func:`declared_status` says why. A claim that is a constant multiple
    of the truth gives nothing.

    Raises
    ------
    TheoryError
        If ``declared`` is not understood.
    """
    if isinstance(declared, str):
        declared = read_limit(declared) if declared.strip() else DeclaredLimit(())
    search = Search(claim, target, time.monotonic() + seconds)
    first: dict[tuple[str, ...], LimitFinding] = {}
    rest: dict[tuple[str, ...], LimitFinding] = {}
    missed = "no time left" if declared.names else ""
    try:
        chain = search.declared(declared.names)
        if chain:
            first[chain] = replace(_finding(search, chain, declared.phrase), declared=True)
            missed = ""
        elif declared.names:
            missed = search.obstacle(declared.names)
        for chain in search.chains():
            if chain not in first:
                rest[chain] = _finding(search, chain)
    except OutOfTimeError:
        pass
    merged = _merged(first | rest, search)
    found = Findings(sorted(merged, key=lambda f: (not f.declared, f.ratio != 1, not f.in_scope)))
    found.missed = missed
    return found


def declared_status(findings: Iterable[LimitFinding], declared: str | DeclaredLimit) -> str:
    """What became of the declared limit, among the findings of :func:`find_limits`.

    "holds", "fails: the ratio tends to 2*momentum", "not taken: neither side contains samples"; "" if no
    limit is declared.
    """
    if not (declared.names if isinstance(declared, DeclaredLimit) else declared.strip()):
        return ""
    for finding in findings:
        if finding.declared:
            return "holds" if finding.ratio == 1 else f"fails: the ratio tends to {finding.ratio}"
    return f"not taken: {getattr(findings, 'missed', '') or 'no expansion of the ratio was found'}"


def _merged(found: dict[tuple[str, ...], LimitFinding], search: Search) -> list[LimitFinding]:
    """One finding for a limit in the learning rate and the same one in the curvature.

    They are the same where the ratio depends on the product of the two only; the declared one stays, else
    that in the learning rate.
    """
    kept = dict(found)
    for chain, finding in found.items():
        twin = tuple("learning_rate" if name == "curvature" else name for name in chain)
        other = found.get(twin)
        if twin == chain or other is None or not _same(finding, other):
            continue
        if not by_product(search.claim, search.truth):
            break
        stays, goes = (chain, twin) if finding.declared else (twin, chain)
        kept[stays] = replace(kept[stays], also=(*kept[stays].also, kept.pop(goes).limit))
    return list(kept.values())


def _same(a: LimitFinding, b: LimitFinding) -> bool:
    if a.ratio != b.ratio or a.order != b.order:
        return False
    return a.leading_error == b.leading_error


def by_product(claim: sp.Expr, truth: sp.Expr) -> bool:
    """Whether claim/truth depends on learning_rate and curvature through their product only."""
    table = {learning_rate: sp.Symbol("product", positive=True) / curvature}
    return unmoved(claim.xreplace(table), truth.xreplace(table), APPROACHES["curvature"])


def _oriented(error: sp.Expr) -> sp.Expr:
    """As a product of powers, 1 - momentum and steps_per_epoch - 1 positive, where it is rational."""
    if error.has(sp.exp) or sp.count_ops(error) > _MOST:
        return error
    try:
        return factored(error).expression
    except NotRationalError:
        return error


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
        leading_error=None if outcome.error is None else _oriented(outcome.error.subs(back)),
        in_scope=all(a.in_scope for a in approaches),
        variables=tuple(v for a in approaches for v in a.variables),
    )
