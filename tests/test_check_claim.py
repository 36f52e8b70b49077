"""What the checker answers, one test per verdict; and that it never says equivalent without a proof."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from calls import calls_of

from derivations import check_claim
from derivations.checking.check_entry import find_target
from derivations.checking.compare import Comparison
from derivations.checking.report import VERDICTS, ClaimReport
from derivations.checking.target import target_of_pair
from derivations.checking.within import Found, Work
from theory import heavy_ball, reshuffled
from theory.errors import TheoryError, UnknownNameError
from theory.reading import DEFAULT_NOTATION

WHITE = "eta*(1+beta)*c/(lambda*(1-beta)*(2*(1+beta)-eta*lambda))"
RESHUFFLED_BY_ROOTS = """
s = 1 + beta - eta*lambda
r = sqrt(s^2 - 4*beta)
zp = (s + r)/2
zm = (s - r)/2
cp = zp*(1 - zm^2)/((zp - zm)*(1 + zp*zm))
cm = -zm*(1 - zp^2)/((zp - zm)*(1 + zp*zm))
white = eta*(1+beta)*c/(lambda*(1-beta)*(2*(1+beta)-eta*lambda))
white*(1 - 2/(M*(M-1))*Sum((M-h)*(cp*zp^h + cm*zm^h), (h, 1, M-1)))
"""


def finding(report: ClaimReport, verdict: str) -> Any:
    return next(f for f in report.diagnosis if f.verdict == verdict)


@pytest.mark.parametrize(("claim", "slug"), [
    (WHITE, "white-weight-variance"),
    (f"<theta^2> = {WHITE}", "white-weight-variance"),
    (RESHUFFLED_BY_ROOTS, "reshuffled-weight-variance"),
    (RESHUFFLED_BY_ROOTS, "reshuffled-weight-variance-iterated-sums"),
    ("-c*(M-|tau|)/(M*(M-1))", "reshuffled-noise-autocovariance"),
])
def test_equivalent(claim: str, slug: str) -> None:
    report = check_claim(claim, slug)
    assert report.verdict == "equivalent", report
    assert report.evidence.startswith("proved")
    assert report.witness is None


def test_an_equation_is_solved_for_its_quantity() -> None:
    claim = "2*lambda*V*(1-beta)*(2*(1+beta)-eta*lambda) = 2*eta*(1+beta)*c"
    assert check_claim(claim, "white-weight-variance").verdict == "equivalent"


@pytest.mark.parametrize(("claim", "slug", "says"), [
    ("gamma*(1+mu)*c/(h*(1-mu)*(2*(1+mu)-gamma*h))", "white-weight-variance", "gamma as the learning rate"),
    ("eta*(1-beta)*(1+beta)*c/(lambda*(1-beta)*(2*(1+beta)-eta*(1-beta)*lambda))",
     "white-weight-variance", "dampening|exponential"),
    ("eta*(1+beta)*c/(S*lambda*(1-beta)*(2*(1+beta)-eta*lambda))", "white-weight-variance", "sample"),
    ("2*c/((1-beta)*(2*(1+beta)-eta*lambda))", "white-velocity-variance", "velocity|buffer|learning rate"),
])
def test_equivalent_under(claim: str, slug: str, says: str) -> None:
    import re

    report = check_claim(claim, slug)
    assert report.verdict == "equivalent-under", report
    assert report.evidence.startswith("proved")
    assert re.search(says, " ".join(f.summary for f in report.diagnosis)), report.summary


@pytest.mark.parametrize(("claim", "slug", "limit", "contains"), [
    (WHITE, "reshuffled-weight-variance", "", "steps_per_epoch -> oo"),
    ("eta*c/(2*lambda*(1-beta))", "white-weight-variance", "", "learning_rate -> 0"),
    ("M*eta^2*c/(6*(1-beta)^2)", "flat-weight-variance", "", "steps_per_epoch -> oo"),
    ("eta*c/(2*lambda)", "white-weight-variance", "learning_rate -> 0, momentum -> 0", "momentum -> 0"),
])
def test_equivalent_in_the_limit(claim: str, slug: str, limit: str, contains: str) -> None:
    report = check_claim(claim, slug, limit=limit)
    assert report.verdict == "equivalent-in-limit", report
    found = finding(report, "equivalent-in-limit").data
    assert contains in found["limit"]
    assert found["leading_relative_error"]
    assert found["map"]
    assert report.witness is not None


def test_a_limit_in_momentum_alone_is_only_diagnosis() -> None:
    report = check_claim("eta*c/(lambda*(2-eta*lambda))", "white-weight-variance")
    assert report.verdict == "wrong-by-factor"
    assert "momentum -> 0" in finding(report, "equivalent-in-limit").data["limit"]


@pytest.mark.parametrize(("claim", "factor"), [
    ("2*eta*(1+beta)*c/(lambda*(1-beta)*(2*(1+beta)-eta*lambda))", "2"),
    ("eta*(1+beta)*c/(lambda*(2*(1+beta)-eta*lambda))", "1 - momentum"),
    ("eta*c/(lambda*(1-beta))", "(-curvature*learning_rate + 2*momentum + 2)/(momentum + 1)"),
])
def test_wrong_by_a_factor(claim: str, factor: str) -> None:
    report = check_claim(claim, "white-weight-variance")
    assert report.verdict == "wrong-by-factor", report
    assert finding(report, "wrong-by-factor").data["factor"] == factor
    assert finding(report, "wrong-by-factor").data["meaning"]
    assert report.witness is not None
    assert report.witness["exact"] == report.witness["formula"]


def test_a_missing_term() -> None:
    report = check_claim("(1 + beta - eta*lambda)^2", "damping-discriminant")
    assert report.verdict == "missing-or-extra-term"
    assert finding(report, report.verdict).data == {"kind": "missing", "term": "-4*momentum"}


def test_an_extra_term() -> None:
    report = check_claim("(1 + beta - eta*lambda)^2 - 4*beta + eta*lambda", "damping-discriminant")
    assert finding(report, "missing-or-extra-term").data["kind"] == "extra"


def test_different_with_a_witness() -> None:
    claim = "eta*c/lambda*(1+beta^2+eta*lambda)/(3-beta-eta*lambda^2*c)"
    report = check_claim(claim, "white-weight-variance")
    assert report.verdict == "different", report
    witness = report.witness
    assert witness is not None
    assert witness["claim"] != witness["formula"] == witness["exact"]
    assert all(len(value) < 8 for value in witness["point"].values()), "small rational values"


def test_outside() -> None:
    report = check_claim(WHITE, "white-weight-variance", where="0 <= beta < 1")
    assert report.verdict == "outside"
    assert [f.verdict for f in report.diagnosis] == ["outside", "equivalent"]
    inside = check_claim(WHITE, "white-weight-variance", where="0 <= beta < 1, eta*lambda < 2*(1+beta)")
    assert inside.verdict == "equivalent"


def test_unreadable_points_at_the_character() -> None:
    report = check_claim("c/(M(M-1))", "reshuffled-noise-autocovariance")
    assert report.verdict == "unreadable"
    assert finding(report, "unreadable").data["column"] in (4, 5)
    assert "M*(M-1)" in report.summary


def test_undecided_says_what_was_tried() -> None:
    report = check_claim(RESHUFFLED_BY_ROOTS, "reshuffled-weight-variance", seconds=0.001)
    assert report.verdict == "undecided"
    assert "not decided within 0.001 s" in report.summary


def test_agreement_at_points_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checker whose proof engine gives up must not fall back on numbers."""
    monkeypatch.setattr(Comparison, "proved", False)
    report = check_claim(WHITE, "white-weight-variance")
    assert report.verdict == "undecided"
    assert "no proof was found" in report.summary


def test_a_logarithm_is_told_apart_by_values() -> None:
    report = check_claim("log(eta*lambda)*c/lambda^2", "white-weight-variance")
    assert report.verdict == "different"


def test_undeclared_symbols_are_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"momentun.*momentum"):
        check_claim("eta*c/(2*lambda*(1-momentun*foo))", "white-weight-variance")


def test_own_notation_and_any_pair() -> None:
    target = target_of_pair(heavy_ball(), reshuffled(), "weight-variance-at-last-position")
    notation = DEFAULT_NOTATION.with_names({"gamma": "learning_rate", "T": "steps_per_epoch"})
    report = check_claim("gamma^2*c/(6*(1-beta)^2)*T", target, notation=notation)
    assert report.verdict in VERDICTS
    assert report.against == target.name
    assert report.verdict != "equivalent"


@pytest.mark.parametrize(("options", "message"), [
    ({"where": "beta > 1, beta < 0"}, "contradict"),
    ({"seconds": 0}, r"seconds = 0 must lie in \(0, 600\]"),
    ({"limit": "banana -> 0"}, "banana"),
])
def test_bad_options(options: Any, message: str) -> None:
    with pytest.raises(TheoryError, match=message):
        check_claim("eta*c/(2*lambda)", "white-weight-variance", **options)


def test_unknown_slug() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'white-weight-variance'"):
        check_claim("c", "white-weight-varianc")


@pytest.mark.parametrize(("claim", "slug", "most"), [  # four times what it takes
    ("eta*c/(2*lambda)", "white-weight-variance", 25_000_000),
    (WHITE, "white-weight-variance", 40_000),
    (RESHUFFLED_BY_ROOTS, "reshuffled-weight-variance", 6_000_000),
    (RESHUFFLED_BY_ROOTS, "reshuffled-weight-variance-iterated-sums", 8_000_000),
])
def test_a_verdict_takes_few_calls(
    claim: str, slug: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(work: Work, seconds: float) -> Found:  # in this process, where calls can be counted
        *_, report = work()
        assert isinstance(report, ClaimReport)
        return Found(report=report, so_far=None, tried=())

    monkeypatch.setattr(importlib.import_module("derivations.checking.check"), "run_within", here)
    assert calls_of(lambda: check_claim(claim, slug), most) > 1000


def test_the_report_is_json() -> None:
    record = check_claim("eta*c/(2*lambda)", "white-weight-variance").to_json()
    assert set(record) == {
        "claim", "against", "verdict", "summary", "diagnosis", "evidence", "witness", "seconds",
    }
    assert json.loads(json.dumps(record, allow_nan=False)) == record


PLAIN = "sgd / fresh-batches / weight-variance"
NOISE = "reshuffled-noise-autocovariance"
FLAT = "flat-weight-variance-long-epoch"


@pytest.mark.parametrize(("claim", "against", "options", "verdict"), [
    # one power too many is a factor, whatever the numbers of a test point
    ("eta*c/(lambda**2*(2-eta*lambda))", PLAIN, {}, "wrong-by-factor"),
    ("eta**2*c/(lambda*(2-eta*lambda))", PLAIN, {}, "wrong-by-factor"),
    # N = M S where the scheme forces it
    ("N*eta**2*c/(6*S*(1-beta)**2)", FLAT, {}, "equivalent-under"),
    ("-S*c*(M-tau)/(M*(N-S))", NOISE, {}, "equivalent-under"),
    # a name written in full means what it says: right for batches of one sample, wrong for S of them
    ("samples*eta**2*c/(6*(1-beta)**2)", FLAT, {}, "equivalent-under"),
    # an off-by-one is no convention
    ("-c*(M-tau+1)/(M*(M-1))", NOISE, {}, "equivalent-in-limit"),
    # right on the claimed special case; a branch that is wrong somewhere
    ("eta*c/(lambda*(2-eta*lambda))", "white-weight-variance", {"where": "beta = 0"}, "equivalent"),
    (f"Piecewise(({WHITE}, eta*lambda<1), (0, True))", "white-weight-variance", {}, "different"),
    # the region goes along with a renaming and with a convention
    ("alpha*c/(h*(2-alpha*h))", PLAIN, {"where": "alpha*h < 3"}, "outside"),
    ("eta*sigma2/(S*lambda*(2-eta*lambda))", PLAIN, {"where": "eta*lambda < 3"}, "outside"),
    # what authors leave unsaid is not held against them
    (WHITE, "white-weight-variance", {"where": "eta*lambda < 2*(1+beta)"}, "equivalent"),
    # finite populations in letters
    ("C_0*(N-S)/(N*S)*eta/(lambda*(2-eta*lambda))", PLAIN, {}, "equivalent-under"),
    ("-C_0*(M-tau)/(M*N)", NOISE, {}, "equivalent-under"),
    # a declared limit that fails does not make room for another one
    ("eta*c/(lambda*(2-eta*lambda))", "white-weight-variance", {"limit": "N -> oo"}, "wrong-by-factor"),
    # a sum that runs backwards at M = 2
    (r"\left(4+\sum_{k=5}^{M}1\right)\frac{-c(M-\tau)}{M^2(M-1)}", NOISE, {"latex": True}, "different"),
    ("max(1, eta*lambda)*c", "white-weight-variance", {}, "different"),
    ("beta**beta**beta**beta**beta**beta*c", "white-weight-variance", {}, "different"),
    ("0", "white-weight-variance", {}, "different"),
])
def test_what_a_referee_tried(claim: str, against: str, options: Any, verdict: str) -> None:
    report = check_claim(claim, find_target(against), **options)
    assert report.verdict == verdict, report


@pytest.mark.parametrize(("claim", "latex"), [
    (r"\langle\theta^4\rangle = \frac{\eta c}{\lambda(2-\eta\lambda)}", True),
    (r"\langle v^2\rangle = \frac{\eta c}{\lambda(2-\eta\lambda)}", True),
    ("velocity_variance = eta*c/(lambda*(2-eta*lambda))", False),
])
def test_a_left_side_that_names_another_quantity_is_refused(claim: str, latex: bool) -> None:
    with pytest.raises(TheoryError, match="choose that quantity with --as or --quantity"):
        check_claim(claim, find_target(PLAIN), latex=latex)


def test_a_region_with_a_typo_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"learnin_rate.*did you mean learning_rate"):
        check_claim(WHITE, "white-weight-variance", where="learnin_rate*lambda < 2")


def test_the_witness_lies_in_the_claimed_region() -> None:
    report = check_claim(f"3*{WHITE}", "white-weight-variance", where="beta = 1/2, eta = 1, lambda = 1")
    assert report.witness is not None
    stated = {"momentum": "1/2", "learning_rate": "1", "curvature": "1"}
    assert stated.items() <= report.witness["point"].items()


def test_explanations_are_no_verdicts() -> None:
    report = check_claim("eta^2*c/((1-beta)*(2*(1+beta)-eta*lambda))", "white-velocity-variance")
    assert report.verdict == "wrong-by-factor"
    assert "equivalent-under" not in {f.verdict for f in report.diagnosis}


def test_a_defect_of_the_checker_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Comparison) -> bool:
        raise KeyError("a defect")

    monkeypatch.setattr(Comparison, "proved", property(broken))
    with pytest.raises(TheoryError, match=r"the checker itself failed .*KeyError"):
        check_claim(WHITE, "white-weight-variance")
