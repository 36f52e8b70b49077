"""What a check found, for a reader at a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from derivations.checking.claim_file import ClaimEntry
    from derivations.checking.report import ClaimReport, Finding

__all__ = ["claim_page"]

_WIDTH = 100
#: words for the values of a witness, in the order in which they are shown
_VALUES = (("claim", "claim"), ("formula", "formula"), ("exact", "exact (independent solver)"))


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
    if report.witness is not None:
        lines += ["", *_witness(dict(report.witness))]
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
    point = witness.get("point")
    where = ", ".join(f"{n} = {v}" for n, v in point.items()) if isinstance(point, dict) else str(point)
    yield from _wrapped(f"at {where}", "  ", "witness ")
    rows = [(words, str(witness[key])) for key, words in _VALUES if witness.get(key) is not None]
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        yield f"  {name:<{width}}  {_decimal(value)}"


def _decimal(value: str) -> str:
    """A fraction with its decimal value beside it; very long fractions by their value alone."""
    from fractions import Fraction

    try:
        number = Fraction(value)
    except (ValueError, ZeroDivisionError):
        return value
    decimal = f"{float(number):.10g}"
    return decimal if value == decimal else f"{decimal}  = {value}" if len(value) <= 60 else f"{decimal}"
