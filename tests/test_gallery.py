"""The gallery: every claim gets the verdict that its file states, and the checker can say no."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

import derivations
from derivations.checking.check_entry import check_entry, find_target
from derivations.checking.claim_file import ClaimEntry
from derivations.checking.gallery import Exhibit, check_exhibit, check_gallery, load_gallery
from derivations.checking.report import VERDICTS
from theory.errors import TheoryError, UnknownNameError

GALLERY = load_gallery()
BY_NAME = {exhibit.name: exhibit for exhibit in GALLERY}
#: the papers of the gallery by key, with what a source must name
PAPERS = {
    "kuhn2023": "2306.05300", "liu2021": "2012.03636", "mandt2017": "1704.04289",
    "kunin2021": "2107.09133", "ziyin2022": "2102.05375", "paquette2021": "2102.04396",
    "dai2021": "2112.00987", "mulayoff2023": "2306.07850", "polyak1964": "1964",
    "smith2021": "2101.12176", "beneventano2023": "2312.16143",
}


@pytest.mark.parametrize("exhibit", GALLERY, ids=lambda exhibit: exhibit.name)
def test_a_claim_gets_the_verdict_of_its_file(exhibit: Exhibit) -> None:
    report = check_exhibit(exhibit).report
    assert report.verdict == exhibit.entry.expect, report.summary
    assert report.diagnosis[0].verdict == report.verdict
    assert report.summary
    assert json.dumps(report.to_json(), allow_nan=False)
    if report.verdict in ("equivalent", "equivalent-under"):
        assert report.evidence.startswith("proved")
    elif report.verdict != "unreadable":
        assert report.witness is not None
        assert report.witness["point"]


def test_the_gallery_is_large_and_covers_the_verdicts() -> None:
    assert len(GALLERY) >= 25
    found = {exhibit.entry.expect for exhibit in GALLERY}
    assert found >= set(VERDICTS) - {"undecided"}
    assert sum(exhibit.entry.latex for exhibit in GALLERY) >= 5


def test_every_claim_names_its_source() -> None:
    for exhibit in GALLERY:
        key = exhibit.name.partition("_")[0]
        if key in PAPERS:
            assert PAPERS[key] in exhibit.entry.source, exhibit.name
        else:
            assert exhibit.entry.source.startswith((
                "constructed:", "re-derived here:", "new here:", "classical:", "finite-population sampling",
            )), exhibit.name
        assert exhibit.entry.note, exhibit.name


@pytest.mark.parametrize("name", [
    "liu2021_weight_variance", "kuhn2023_flat_weight_variance", "convention_ema", "sum_over_lags",
])
def test_a_claim_that_is_spoilt_gets_another_verdict(name: str) -> None:
    entry = BY_NAME[name].entry
    spoilt = replace(entry, claim=f"3*({entry.claim})/2")
    report = check_entry(spoilt)
    assert report.verdict not in ("equivalent", "equivalent-under", "equivalent-in-limit")
    assert report.verdict != "unreadable", report.summary


def test_the_gallery_is_checked_in_order() -> None:
    some = [BY_NAME["shuffled_once_noise"], BY_NAME["unreadable_implied_product"]]
    seen: list[str] = []
    checked = check_gallery(seen.append, exhibits=some)
    assert [c.name for c in checked] == seen == [e.name for e in some]
    assert all(c.as_expected for c in checked)
    assert not replace(checked[0], entry=replace(checked[0].entry, expect="different")).as_expected


def test_what_a_claim_is_held_against() -> None:
    assert find_target("white-weight-variance").name == "white-weight-variance"
    target = find_target("nesterov / shuffled-once / velocity-variance")
    assert (target.rule.name, target.scheme.name) == ("nesterov", "shuffled-once")
    for name, message in (
        ("white-weight-varianc", "white-weight-variance"),
        ("nestrov / reshuffled / weight-variance", "did you mean 'nesterov'"),
        ("nesterov / reshufled / weight-variance", "did you mean 'reshuffled'"),
        ("nesterov / reshuffled / weight-varianc", "did you mean 'weight-variance'"),
    ):
        with pytest.raises(UnknownNameError, match=message):
            find_target(name)
    for name in ("", "nesterov / reshuffled", "a / b / c / d"):
        with pytest.raises(TheoryError, match="names no formula: give a slug"):
            find_target(name)
    with pytest.raises(TheoryError, match="no closed form at zero curvature for weight-variance"):
        find_target("heavy-ball / fresh-batches / flat-weight-variance")


def test_a_claim_must_name_its_formula() -> None:
    entry = ClaimEntry(claim="eta*c/(lambda*(2 - eta*lambda))")
    with pytest.raises(TheoryError, match="names no formula: add a line 'against: SLUG'"):
        check_entry(entry)
    assert check_entry(entry, against="sgd / fresh-batches / weight-variance").verdict == "equivalent"


def test_a_notation_that_cannot_be_read() -> None:
    entry = replace(BY_NAME["liu2021_plain_sgd"].entry, notation={"gamma": "learning_rat"})
    with pytest.raises(TheoryError, match="learning_rat"):
        check_entry(entry)


def test_the_checker_is_imported_when_it_is_first_used() -> None:
    code = (
        "import sys, derivations\n"
        "assert 'theory.reading' not in sys.modules\n"
        "print(derivations.check_claim('2*(1 + beta)/lambda', 'stability-limit').verdict)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "equivalent\n"
    with pytest.raises(AttributeError, match="module 'derivations' has no attribute 'check_claims'"):
        _ = derivations.check_claims  # type: ignore[attr-defined]
