"""The gallery page of the report: claims from papers, typeset, each with what the checker found."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from derivations.checking.gallery import CheckedClaim
from derivations.checking.report import Finding, VerdictName
from theory.closed_forms import CATALOGUE
from validation.report.claim_math import claim_math, data_latex
from validation.report.error_map_figure import error_map_figure
from validation.report.page import math

__all__ = ["gallery_section"]

#: right ones first
_ORDER: tuple[VerdictName, ...] = (
    "equivalent", "equivalent-under", "equivalent-in-limit", "wrong-by-factor", "missing-or-extra-term",
    "outside", "different", "undecided", "unreadable",
)
_KEY = re.compile(r"([a-z]+\d{4})_")
_VALUES = (("claim", "the claim says"), ("formula", "the formula says"), ("exact", "the exact value is"))
_FIGURES = (
    ("leading_relative_error", "relative error to leading order:"), ("factor", "claim over formula:"),
    ("term", "the term:"),
)


def gallery_section(checked: Sequence[CheckedClaim]) -> str:
    """Summary, overview and one article per claim, by verdict."""
    ranked = sorted(checked, key=lambda c: (_ORDER.index(c.report.verdict), c.name))
    return _summary(checked) + _overview(ranked) + "".join(_article(claim) for claim in ranked)


def _summary(checked: Sequence[CheckedClaim]) -> str:
    wrong = [c.name for c in checked if not c.as_expected]
    slowest = max((c.report.seconds for c in checked), default=0.0)
    count = Counter(c.report.verdict for c in checked)
    verdicts = ", ".join(f"{count[name]} {_words(name)}" for name in _ORDER if count[name])
    text = (
        "all verdicts as the files state" if not wrong
        else f"{len(wrong)} verdicts not as the files state: {', '.join(wrong)}"
    )
    return (
        f'<p class="verdict{" bad" if wrong else ""}"><b>{len(checked)} claims, {html.escape(text)}</b>: '
        f"{verdicts}. The slowest took {slowest:.1f} s.</p>"
        "<p>Published formulas, approximations and deliberate mistakes, held against the exact laws of this "
        "page with <code>sgd-theory check</code>. Sources say what is adapted and what is constructed.</p>"
    )


def _overview(checked: Sequence[CheckedClaim]) -> str:
    rows = "".join(
        f'<tr><td><a href="#claim-{c.name}">{_title(c.name)}</a></td><td class="words">{_badge(c)}</td>'
        f'<td class="words">{_against(c.entry.against)}</td><td>{c.report.seconds:.1f} s</td></tr>'
        for c in checked
    )
    return (
        "<details><summary>all claims at a glance</summary><table><tr><th>claim</th><th class='words'>verdict"
        f"</th><th class='words'>held against</th><th>time</th></tr>{rows}</table></details>"
    )


def _article(checked: CheckedClaim) -> str:
    entry, report = checked.entry, checked.report
    facts = [f"source: {html.escape(entry.source)}", f"held against {_against(entry.against)}"]
    if entry.where:
        facts.append(f"claimed where <code>{html.escape(entry.where)}</code>")
    if entry.limit:
        facts.append(f"claimed in the limit <code>{html.escape(entry.limit)}</code>")
    parts = [
        f'<article class="claim v-{report.verdict}" id="claim-{checked.name}">',
        f"<h3>{_title(checked.name)} {_badge(checked)}</h3>",
        claim_math(entry),
    ]
    if report.verdict == "unreadable":
        parts.append(f"<pre>{html.escape(report.summary)}</pre>")
    else:
        parts.append(f"<p>{html.escape(_sentence(report.summary))}</p>{_figure(report.diagnosis[0])}")
    parts.append(f'<p class="tag">{" · ".join(facts)}</p>')
    parts.append(f'<p class="tag">evidence: {html.escape(report.evidence)}</p>')
    if entry.note:
        parts.append(f'<p class="tag">{html.escape(_sentence(entry.note))}</p>')
    if report.witness is not None:
        parts.append(_witness(report.witness))
    parts.append(_map(report.diagnosis[0]))
    parts.append(_also(report.diagnosis[1:]))
    return "".join([*parts, "</article>\n"])


def _badge(checked: CheckedClaim) -> str:
    verdict = checked.report.verdict
    missed = "" if checked.as_expected else f" (expected {_words(checked.entry.expect)})"
    return f'<span class="badge v-{verdict}">{_words(verdict)}{missed}</span>'


def _words(verdict: str) -> str:
    return verdict.replace("-", " ")


def _title(name: str) -> str:
    """``kuhn2023_flat_weight_variance`` as a reader writes it."""
    return html.escape(_KEY.sub(r"\1: ", name).replace("_", " "))


def _against(name: str) -> str:
    shown = f"<code>{html.escape(name)}</code>"
    known = any(entry.slug == name for entry in CATALOGUE)
    return f'<a href="#{html.escape(name)}">{shown}</a>' if known else shown


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."


def _witness(witness: Mapping[str, Any]) -> str:
    point = witness.get("point")
    where = (
        ", ".join(f"{name} = {value}" for name, value in point.items())
        if isinstance(point, Mapping) else str(point)
    )
    how = f" ({html.escape(str(witness['exact_by']))})" if witness.get("exact_by") else ""
    values = "; ".join(
        f"{words} <b>{html.escape(str(witness[key]))}</b>{how if key == 'exact' else ''}"
        for key, words in _VALUES if witness.get(key) is not None
    )
    return f'<p class="tag">Witness at {html.escape(where)}: {values}</p>' if values else ""


def _figure(finding: Finding) -> str:
    """The factor, the term or the leading error, typeset."""
    for key, words in _FIGURES:
        text = finding.data.get(key)
        if isinstance(text, str):
            shown = math(rf"\displaystyle {data_latex(text)}")
            return f'<p class="tag">{words} {shown}</p>'
    return ""


def _map(finding: Finding) -> str:
    """Where an approximation is good, if that was mapped over two numbers."""
    figure = error_map_figure(finding.data.get("map") or {})
    if not figure:
        return ""
    return f'<details class="tag"><summary>where it is good to 1 % and 10 %</summary>{figure}</details>'


def _also(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    items = "".join(
        f"<li><b>{_words(f.verdict)}</b>: {html.escape(f.summary)} <i>{html.escape(f.evidence)}</i></li>"
        for f in findings
    )
    count = len(findings)
    return (
        f'<details class="tag"><summary>what holds as well ({count} finding{"s" * (count > 1)})</summary>'
        f"<ul>{items}</ul></details>"
    )
