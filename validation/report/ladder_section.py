"""The evidence table of the report: one row per formula, one column per rung of the ladder."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence

from validation.evidence import RUNGS, RungResult
from validation.evidence.result import Figure

__all__ = ["ladder_section"]

#: style and sign of each verdict
_SIGNS = {
    "pass": ("pass", "✓ pass"), "fail": ("fail", "✗ fail"), "vacuous": ("fail", "✗ vacuous"),
    "not-applicable": ("na", "– n/a"),
}
#: the rung in words, and the figures shown in its cells with their words
_RUNGS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "proved": (
        "symbolic identity, each step by two independent polynomial engines", (("steps", "steps"),)
    ),
    "exact": (
        "equal rational numbers, at random rational points, to an exact solution that does not use the "
        "formula: the epoch-lifted system, the second moment of one step, or all orders of the samples; with "
        "a bound on the chance p that a false identity survives; nothing exists outside the condition",
        (("points", "points"), ("false_identity_survives", "p ≤")),
    ),
    "enclosed": (
        "rigorous enclosures of formula and solver overlap, at irrational and extreme points; worst "
        "relative radius r", (("points", "points"), ("largest_relative_radius", "r ≤")),
    ),
    "solved": (
        "formula and two floating-point methods with nothing in common agree to 1e-12 times the condition "
        "estimate; worst deviation δ in units of that",
        (("points", "points"), ("deviation_in_tolerances", "δ ≤")),
    ),
    "simulated": (
        "real index sequences, with false-alarm rate and resolution", (("resolution", "resolves"),)
    ),
    "dimension": ("homogeneous in both units", (("points", "points"),)),
}


def ladder_section(results: Sequence[RungResult], not_run: Sequence[str] = ()) -> str:
    """Summary, legend and table; every cell says on hover what was done.

    Parameters
    ----------
    results
        Formula by formula, as ``validation.evidence`` gives them.
    not_run
        Rungs that were left out to keep the report quick.
    """
    rows: dict[str, dict[str, RungResult]] = {}
    for result in results:
        rows.setdefault(result.slug, {})[result.rung] = result
    rungs = [name for name in RUNGS if any(name in row for row in rows.values())]
    head = "".join(f'<th title="{html.escape(_RUNGS[name][0])}">{name}</th>' for name in rungs)
    body = "".join(
        f'<tr><td><a href="#{slug}"><code>{slug}</code></a></td>'
        + "".join(_cell(row.get(name)) for name in rungs) + "</tr>"
        for slug, row in rows.items()
    )
    return (
        _summary(results, len(rows), not_run) + _legend(rungs)
        + f'<div class="scroll"><table class="ladder"><tr><th>formula</th>{head}</tr>{body}</table></div>'
        + _reasons(results)
    )


def _summary(results: Sequence[RungResult], formulas: int, not_run: Sequence[str]) -> str:
    count = Counter(result.verdict for result in results)
    bad = count["fail"] + count["vacuous"]
    left_out = (
        f" Not run here: {', '.join(not_run)} (<code>sgd-theory verify --rungs {','.join(not_run)}</code>)."
        if not_run else ""
    )
    vacuous = f", {count['vacuous']} tested nothing" if count["vacuous"] else ""
    absent = count["not-applicable"]
    aside = f"; {absent} not applicable, for the reasons below the table" if absent else ""
    return (
        f'<p class="verdict{" bad" if bad else ""}"><b>{formulas} formulas: {count["pass"]} checks passed, '
        f"{count['fail']} failed{vacuous}</b>{aside}.{left_out}</p>"
    )


def _legend(rungs: Sequence[str]) -> str:
    items = "".join(
        f"<tr><td><b>{name}</b></td><td class='words'>{html.escape(_RUNGS[name][0])}</td></tr>"
        for name in rungs
    )
    return f'<table class="legend">{items}</table>'


def _cell(result: RungResult | None) -> str:
    if result is None:
        return "<td></td>"
    style, sign = _SIGNS[result.verdict]
    every = "; ".join(f"{name} {_number(value)}" for name, value in result.figures.items())
    note = html.escape(f"{result.reason}{'; ' if every else ''}{every}", quote=True)
    key = _key_figures(result.rung, result.figures) if result.verdict == "pass" else ""
    small = f"<br><small>{html.escape(key)}</small>" if key else ""
    return f'<td class="{style}" title="{note}">{sign}{small}</td>'


def _key_figures(rung: str, figures: Mapping[str, Figure]) -> str:
    """The figures that say how much the verdict is worth."""
    parts = []
    for name, words in _RUNGS[rung][1]:
        if name in figures:
            figure = figures[name]
            percent = name == "resolution" and isinstance(figure, float)
            value = f"{figure:.1%}" if percent else _number(figure)
            counted = words in ("steps", "points")
            shown = words.removesuffix("s") if value == "1" else words
            parts.append(f"{value} {shown}" if counted else f"{words} {value}")
    if figures.get("for_all_whole_numbers") == "false":  # fewer than the recurrence asks: no bound for all
        parts.append(f"only {figures['covered']}, {figures['recurrence_order']} asked")
    return ", ".join(parts)


def _number(value: Figure) -> str:
    return f"{value:.1e}" if isinstance(value, float) else str(value)


def _reasons(results: Sequence[RungResult]) -> str:
    """Why rungs do not apply, each reason once, and what went wrong."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if result.verdict == "not-applicable":
            by_reason.setdefault((result.rung, result.reason), []).append(result.slug)
    items = "".join(
        f"<li><b>{rung}</b>: {html.escape(reason)} <span title='{', '.join(slugs)}'>({_formulas(slugs)})"
        "</span></li>"
        for (rung, reason), slugs in sorted(by_reason.items(), key=lambda kv: RUNGS.index(kv[0][0]))
    )
    wrong = "".join(
        f"<li class='fail'>{html.escape(r.slug)}, {r.rung}: {html.escape(r.reason)}</li>"
        for r in results if r.verdict in ("fail", "vacuous")
    )
    text = f"<p class='tag'>Failed:</p><ul class='tag'>{wrong}</ul>" if wrong else ""
    return text + (f"<p class='tag'>n/a, does not apply:</p><ul class='tag'>{items}</ul>" if items else "")


def _formulas(slugs: Sequence[str]) -> str:
    return slugs[0] if len(slugs) == 1 else f"{len(slugs)} formulas"
