"""``sgd-theory check``: the answers, the JSON contract, and every way to be refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from derivations.checking.report import VERDICTS
from validation.command_line import main

WHITE = ("--as", "white-weight-variance")
SGD = ("--rule", "sgd", "--sampling", "fresh-batches", "--quantity", "weight-variance")
RIGHT = "eta*(1 + beta)*c/(lambda*(1 - beta)*(2*(1 + beta) - eta*lambda))"


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Check = Callable[..., Answer]
KEYS = {
    "claim": str, "against": str, "verdict": str, "summary": str, "diagnosis": list, "evidence": str,
    "seconds": float,
}


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    def call(*arguments: str) -> Answer:
        try:
            code = main(("check", *arguments))
        except SystemExit as stop:  # argparse
            code = int(str(stop.code))
        return Answer(code, *capsys.readouterr())

    return call


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    def give(raw: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))

    return give


def report(answer: Answer) -> dict[str, Any]:
    """The JSON of one claim, with the contract's keys."""
    record: dict[str, Any] = json.loads(answer.out)
    for key, kind in KEYS.items():
        assert isinstance(record[key], kind), key
    assert record["verdict"] in VERDICTS
    assert record["witness"] is None or isinstance(record["witness"]["point"], dict)
    for finding in record["diagnosis"]:
        assert set(finding) >= {"verdict", "summary", "evidence", "data"}
    return record


# answers


def test_a_right_claim(check: Check) -> None:
    answer = check(RIGHT, *WHITE)
    assert answer.code == 0
    assert answer.err == ""
    assert answer.out.startswith("EQUIVALENT  (against white-weight-variance)\n")
    assert "proved" in answer.out


def test_a_wrong_claim_names_its_factor_and_a_witness(check: Check) -> None:
    answer = check("2*" + RIGHT, *WHITE, "--json")
    assert answer.code == 0
    record = report(answer)
    assert record["verdict"] == "wrong-by-factor"
    assert record["diagnosis"][0]["data"]["factor"] == "2"
    assert {"point", "claim", "formula", "exact"} <= set(record["witness"])
    shown = check("2*" + RIGHT, *WHITE).out
    assert shown.startswith("WRONG BY FACTOR")
    lines = [line.split() for line in shown.splitlines()]
    assert any(line[:1] == ["witness"] for line in lines)
    assert [line[0] for line in lines if line[:1] in (["formula"], ["exact"])] == ["formula", "exact"]


def test_a_pair_outside_the_catalogue_and_the_claims_own_letters(check: Check) -> None:
    answer = check(
        "gamma*s/(h*(2 - gamma*h))", *SGD, "--notation", "gamma=learning_rate, s=noise_variance, h=curvature",
        "--where", "gamma*h < 2", "--json",
    )
    assert report(answer)["verdict"] == "equivalent"


def test_a_region_that_is_too_large(check: Check) -> None:
    answer = check(RIGHT, *WHITE, "--where", "0 <= beta < 1, eta > 0", "--json")
    assert report(answer)["verdict"] == "outside"


def test_latex_and_a_declared_limit(check: Check) -> None:
    answer = check(
        r"\frac{M \eta^2 c}{6 (1-\beta)^2}", "--latex", "--as", "flat-weight-variance", "--limit",
        "steps_per_epoch -> oo", "--json",
    )
    assert report(answer)["verdict"] == "equivalent-in-limit"


@pytest.mark.parametrize("claim", ["-c*(M-tau)/(M*(M-1))", "-h"])
def test_a_claim_may_begin_with_a_minus_sign(check: Check, claim: str) -> None:
    answer = check(claim, "--as", "reshuffled-noise-autocovariance", "--json")
    if claim == "-h":  # help, as everywhere
        assert "usage: sgd-theory check" in answer.out
    else:
        assert report(answer)["verdict"] == "equivalent"
        assert report(answer)["claim"] == claim


def test_a_formula_from_standard_input(check: Check, stdin: Callable[[bytes], None]) -> None:
    stdin(RIGHT.encode() + b"\n")
    assert report(check("-", *WHITE, "--json"))["verdict"] == "equivalent"
    stdin(b"claim: " + RIGHT.encode() + b"\nagainst: white-weight-variance\n")
    (record,) = json.loads(check("-", "--json").out)["claims"]
    assert record["verdict"] == "equivalent"


# files

CLAIMS = """\
# three good blocks and two bad lines
notation: gamma = learning_rate
---
claim: gamma*(1 + beta)*c/(lambda*(1 - beta)*(2*(1 + beta) - gamma*lambda))
expect: equivalent
source: a paper
---
claim: gamma
agianst: white-weight-variance
---
claim: gamma*c/(lambda*(2 - gamma*lambda))
against: sgd / fresh-batches / weight-variance
expect: different
---
claim: c
against: no-such-formula
"""


def test_the_claims_of_a_file(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "claims.txt"
    path.write_text(CLAIMS, encoding="utf-8")
    answer = check("--file", str(path), *WHITE, "--json")
    assert answer.code == 2
    record = json.loads(answer.out)
    assert [claim["verdict"] for claim in record["claims"]] == ["equivalent", "equivalent"]
    assert [claim["line"] for claim in record["claims"]] == [4, 11]
    assert record["claims"][0]["source"] == "a paper"
    assert [(b["line"], b["column"]) for b in record["broken"]] == [(9, 1), (15, 8)]
    assert f"{path}, line 9, column 1: unknown key 'agianst': did you mean 'against'?" in answer.err
    assert f"{path}, line 15, column 8: " in answer.err
    assert "no-such-formula" in answer.err
    shown = check("--file", str(path), *WHITE)
    assert shown.code == 2
    assert shown.out.count("EQUIVALENT") == 2
    assert "as expected" in shown.out
    assert "expected: different" in shown.out


def test_a_good_file_exits_with_zero(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "one.claim"
    path.write_text(f"claim: 2*{RIGHT}\nagainst: white-weight-variance\n", encoding="utf-8")
    answer = check("--file", str(path), "--json")
    assert answer.code == 0
    assert json.loads(answer.out)["claims"][0]["verdict"] == "wrong-by-factor"
    assert json.loads(answer.out)["broken"] == []


def test_an_unreadable_claim_of_a_file_points_into_the_file(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "one.claim"
    path.write_text("against: white-weight-variance\nclaim:\n    eta*c/(2*lambda\n", encoding="utf-8")
    answer = check("--file", str(path), "--json")
    assert answer.code == 2
    assert json.loads(answer.out)["claims"][0]["verdict"] == "unreadable"
    assert f"{path}, line 3, column " in answer.err


def test_a_file_with_one_formula(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "formula.txt"
    path.write_text(RIGHT + "\n", encoding="utf-8")
    assert report(check("--file", str(path), *WHITE, "--json"))["verdict"] == "equivalent"


# refusals


def test_an_unreadable_claim_is_reported_and_refused(check: Check) -> None:
    answer = check("eta*c/(2*lambda", *WHITE, "--json")
    assert answer.code == 2
    assert report(answer)["verdict"] == "unreadable"
    assert "^" in answer.err
    plain = check("eta*c/(2*lambda", *WHITE)
    assert (plain.code, plain.out) == (2, "")
    assert plain.err == answer.err


@pytest.mark.parametrize(("arguments", "message"), [
    ((), "give a CLAIM (in quotes) or --file FILE, one of the two"),
    (("eta", "--file", "x"), "give a CLAIM (in quotes) or --file FILE, one of the two"),
    (("eta",), "give --as SLUG, or all of --rule, --sampling, --quantity"),
    (("eta", "--rule", "sgd"), "missing: --sampling, --quantity"),
    (("eta", *WHITE, "--rule", "sgd"), "got --as and --rule"),
    (("eta", "--as", "white-weight-varianc"), "did you mean 'white-weight-variance'"),
    (("eta", "--rule", "sgd", "--sampling", "reshufled", "--quantity", "weight-variance"), "'reshuffled'"),
    (("eta", "--rule", "sgd", "--sampling", "fresh-batches", "--quantity", "flat-weight-variance"),
     "no closed form at zero curvature"),
    (("eta", *WHITE, "--seconds", "0"), "seconds = 0.0 must lie in"),
    (("eta", *WHITE, "--seconds", "nan"), "seconds"),
    (("eta", *WHITE, "--notation", "gamma"), "expected 'name = meaning', found 'gamma'"),
    (("eta + c*lamda_top**2", *WHITE), "'lamda_top' (line 1, column 9)"),
    (("eta*c/lambda", *WHITE, "--where", "eta < 1, eta > 2"), ""),
    (("eta*c/lambda", *WHITE, "--limit", "nonsense -> 7"), "nonsense"),
    (("--file", "no/such/file", *WHITE), "No such file"),
    (("eta", "c", *WHITE), "unrecognized arguments"),
])
def test_bad_input_is_refused_by_name(check: Check, arguments: tuple[str, ...], message: str) -> None:
    answer = check(*arguments)
    assert (answer.code, answer.out) == (2, ""), answer
    assert answer.err.startswith("sgd-theory")
    assert message in answer.err
    assert "Traceback" not in answer.err


def test_input_that_is_no_text(check: Check, stdin: Callable[[bytes], None]) -> None:
    stdin(b"eta*\xff")
    assert "standard input, line 1: byte 4 is no UTF-8 text" in check("-", *WHITE).err
    stdin(b"(" * 2_000_001)
    assert "standard input is longer than 2000000 bytes" in check("-", *WHITE).err


def test_an_interrupt_ends_the_check(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("derivations.checking.check_entry.find_target", stop)
    answer = check("eta", *WHITE)
    assert (answer.code, answer.err) == (130, "sgd-theory: interrupted\n")
