"""The report's evidence table and gallery: nothing is lost, and what failed is seen."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from derivations.checking.gallery import CheckedClaim, load_gallery
from derivations.checking.report import ClaimReport, Finding
from validation.evidence import RUNGS, RungResult
from validation.report.claim_math import claim_math
from validation.report.error_map_figure import error_map_figure
from validation.report.gallery_section import gallery_section
from validation.report.ladder_section import ladder_section

pytest.importorskip("latex2mathml")

GALLERY = load_gallery()
_VOID = {"br", "meta"}


class _Balanced(HTMLParser):
    """Raises where a tag is closed that is not the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag


def require_balanced(page: str) -> None:
    parser = _Balanced()
    parser.feed(page)
    assert not parser.open


def results(**changed: str) -> list[RungResult]:
    """One formula on every rung; ``changed`` gives other verdicts by rung."""
    return [
        RungResult(
            slug="white-weight-variance", rung=rung, verdict=changed.get(rung, "pass"),  # type: ignore[arg-type]
            reason=f"reason <of> {rung}", figures={"points": 12, "steps": 3, "deviation_in_tolerances": 1e-3},
        )
        for rung in RUNGS
    ]


def test_the_table_shows_every_rung_and_its_figures() -> None:
    page = ladder_section(results(simulated="not-applicable"))
    require_balanced(page)
    assert "1 formulas: 5 checks passed, 0 failed</b>; 1 not applicable" in page
    assert 'class="verdict bad"' not in page
    assert "3 steps" in page
    assert "12 points" in page
    assert page.count("reason &lt;of&gt; simulated") == 2  # on hover and below the table
    assert "sgd-theory verify" in ladder_section(results()[:4], ("simulated",))


@pytest.mark.parametrize(("verdict", "words"), [
    ("fail", "5 checks passed, 1 failed"), ("vacuous", "5 checks passed, 0 failed, 1 tested nothing"),
])
def test_what_failed_is_seen(verdict: str, words: str) -> None:
    page = ladder_section(results(exact=verdict))
    require_balanced(page)
    assert words in page
    assert 'class="verdict bad"' in page
    assert f"✗ {verdict}" in page
    assert "white-weight-variance, exact: reason &lt;of&gt; exact" in page


def test_the_map_of_an_approximation_colours_its_error() -> None:
    axes = [{"name": "x", "values": [0.1, 20000.0]}, {"name": "<y>", "values": [1.0, 2.0]}]
    page = error_map_figure({"axes": axes, "grid": [[0.005, -0.05], [0.5, None]]})
    require_balanced(page)
    for part in ("20000", "&lt;y&gt; = 2: relative error -0.05", "x = 20000, &lt;y&gt; = 2: no value"):
        assert part in page
    colors = [page.count(color) for color in ("#1a7f37", "#d9a400", "#c01c28", "#dddddd")]
    assert colors == [2, 2, 2, 2]  # one cell each, and the legend
    assert error_map_figure({}) == error_map_figure({"axes": axes[:1], "grid": [[1.0]]}) == ""


def checked(name: str, verdict: str) -> CheckedClaim:
    exhibit = next(e for e in GALLERY if e.name == name)
    finding = Finding(verdict=verdict, summary="a < b", evidence="because")  # type: ignore[arg-type]
    report = ClaimReport(
        claim=exhibit.entry.claim, against=exhibit.entry.against, verdict=finding.verdict,
        diagnosis=(finding, finding), evidence="because", seconds=1.0,
        witness={"point": {"momentum": "1/2"}, "claim": "1", "formula": "2", "exact": "2", "exact_by": "sum"},
    )
    return CheckedClaim(name=name, entry=exhibit.entry, report=report)


def test_the_gallery_shows_verdict_evidence_and_witness() -> None:
    page = gallery_section([
        checked("liu2021_weight_variance", "equivalent"),
        checked("slip_missing_term", "missing-or-extra-term"),
    ])
    require_balanced(page)
    assert "2 claims, all verdicts as the files state" in page
    for part in ("liu2021: weight variance", "slip missing term", "A &lt; b.", "momentum = 1/2", "because"):
        assert part in page
    assert page.index("claim-liu2021_weight_variance") < page.index("claim-slip_missing_term")


def test_a_verdict_that_is_not_the_files_is_seen() -> None:
    page = gallery_section([checked("liu2021_weight_variance", "different")])
    assert "1 verdicts not as the files state: liu2021_weight_variance" in page
    assert 'class="verdict bad"' in page
    assert "different (expected equivalent)" in page


@pytest.mark.parametrize("exhibit", GALLERY, ids=lambda exhibit: exhibit.name)
def test_every_claim_is_typeset(exhibit: object) -> None:
    entry = exhibit.entry  # type: ignore[attr-defined]
    shown = claim_math(entry)
    require_balanced(shown)
    assert ("<math" in shown) == (entry.expect != "unreadable"), shown
