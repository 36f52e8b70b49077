"""What a check found, for a reader at a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from derivations.checking.claim_file import ClaimEntry
    from derivations.checking.report import ClaimReport, Finding

__all__ = ["claim_page"]

_WIDTH = 100
#: the values of a witness, in the order in which they are shown
_VALUES = ("claim", "formula", "exact")


def claim_page(report: ClaimReport, entry: ClaimEntry | None = None) -> str:
    """Verdict first, then one sentence, the diagnosis, the evidence and the witness."""
    lines = [f"{report.verdict.upper().replace('-', ' ')}  (against {report.against})"]
    if report.verdict == "unreadable":  # a caret points at the character: keep the lines
        lines += [f"  {line}" for line in report.summary.split("\n")]
    else:
        lines += _wrapped(report.summary, "  ")
    if entry is not None and entry.expect:
        met = "as expected" if entry.expect == report.verdict else f"expected: {entry.expect}"
        lines.append(f"  {met}")
    lines.append("")
    lines += _field("claim", " ".join(report.claim.split()))
    if entry is not None:
        lines += _field("source", entry.source)
    lines += _field("evidence", report.evidence)
    if len(report.diagnosis) > 1:
        lines += ["", "what holds as well"]
        for finding in report.diagnosis[1:]:
            lines += _finding(finding)
    shown = [] if report.witness is None else list(_witness(dict(report.witness)))
    lines += ["", *shown] if shown else []
    lines += ["", f"{report.seconds:.1f} s", ""]
    return "\n".join(lines)


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent if first is None else first, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )


def _field(name: str, text: str) -> list[str]:
    return _wrapped(text, " " * 10, f"{name:<10}") if text else []


def _finding(finding: Finding) -> Iterator[str]:
    yield from _wrapped(f"{finding.verdict}: {finding.summary}", "    ", "  - ")
    yield from _wrapped(finding.evidence, "    ")


def _witness(witness: dict[str, object]) -> Iterator[str]:
    """The point, and what claim, formula and solver say there; nothing where no value exists."""
    rows = [(name, _decimal(str(witness[name]))) for name in _VALUES if witness.get(name) is not None]
    if not rows:
        return
    point = witness.get("point")
    where = ", ".join(f"{n} = {v}" for n, v in point.items()) if isinstance(point, dict) else str(point)
    yield from _wrapped(f"at {where}", " " * 10, f"{'witness':<10}")
    width = max(len(value) for _, value in rows)
    for name, value in rows:
        how = f"   {witness.get('exact_by') or ''}" if name == "exact" else ""
        yield f"  {name:<10}{value:<{width}}{how}".rstrip()


def _decimal(value: str) -> str:
    """A fraction with its decimal value beside it."""
    try:
        number = Fraction(value)
        decimal = f"{float(number):.8g}"
    except (ValueError, ArithmeticError):
        return value
    return value if "/" not in value else f"{value} = {decimal}"
