"""``sgd-theory verify``: table, JSON, exit codes, bad input; the ladder itself is in test_agreement."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from theory.closed_forms import Entry, entry_by_slug
from theory.formula import Formula
from validation.command_line import main
from validation.evidence import RUNGS, RungResult, ladder
from validation.evidence.result import judged

SLUG = "white-weight-variance"
LIMIT = "continuous-time-weight-variance"


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["verify", *arguments, "--json", "--processes", "1"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, found


def test_json_has_the_documented_keys_and_plain_figures(capsys: pytest.CaptureFixture[str]) -> None:
    code, record = run_json(capsys, SLUG, LIMIT, "--rungs", "dimension,proved,exact,enclosed,solved")
    assert code == 0
    assert list(record) == ["results", "summary", "passed"]
    assert record["passed"] is True
    assert [row["slug"] for row in record["results"]] == [SLUG, LIMIT]
    for row in record["results"]:
        assert list(row["rungs"]) == ["proved", "exact", "enclosed", "solved", "dimension"]
        for cell in row["rungs"].values():
            assert set(cell) == {"verdict", "reason", "figures"}
            assert cell["verdict"] == "pass"
            assert cell["reason"]
            assert all(isinstance(x, (int, float, str)) for x in cell["figures"].values())
    exact = record["results"][0]["rungs"]["exact"]["figures"]
    assert 0 < exact["false_identity_survives"] < 1e-12
    assert exact["outside"] > 0
    assert record["summary"]["proved"] == {"pass": 2}


def test_the_table_names_every_rung_and_ends_with_sums(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", SLUG, "--rungs", "proved,dimension", "--processes", "1"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["FORMULA", "PROVED", "DIMENSION"]
    assert out[1].startswith(SLUG)
    assert out[-2:] == ["proved: 1 pass", "dimension: 1 pass"]


def test_the_table_bounds_the_chance_of_a_false_identity(capsys: pytest.CaptureFixture[str]) -> None:
    """Whole numbers alone leave nothing to chance: a bound of zero, which nothing is below."""
    moment = "batch-third-cumulant"
    _, record = run_json(capsys, moment, SLUG, "--rungs", "exact")
    figures = {row["slug"]: row["rungs"]["exact"]["figures"] for row in record["results"]}
    assert figures[moment]["false_identity_survives"] == 0
    assert main(["verify", moment, SLUG, "--rungs", "exact", "--processes", "1"]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[1:3])
    assert rows[moment] == "pass (p <= 0)"
    assert rows[SLUG] == f"pass (p <= {figures[SLUG]['false_identity_survives']:.5g})"


def _only(monkeypatch: pytest.MonkeyPatch, result: RungResult) -> None:
    """A ladder of one rung that gives this result."""
    def check(entry: Entry, formula: Formula) -> RungResult:
        return result

    monkeypatch.setattr(ladder, "_LADDER", (("proved", check),))


@pytest.mark.parametrize(
    ("verdict", "code"), [("fail", 1), ("vacuous", 1), ("not-applicable", 0), ("pass", 0)]
)
def test_the_exit_code_counts_failures_and_vacuous_checks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verdict: Any, code: int
) -> None:
    _only(monkeypatch, RungResult(slug=SLUG, rung="proved", verdict=verdict, reason="because of this"))
    found, record = run_json(capsys, SLUG, "--rungs", "proved")
    assert found == code
    assert record["passed"] is (code == 0)
    assert record["results"][0]["rungs"]["proved"]["verdict"] == verdict
    assert main(["verify", SLUG, "--rungs", "proved", "--processes", "1"]) == code
    out = capsys.readouterr().out
    assert ("because of this" in out) == (verdict != "pass")


def test_a_wrong_formula_in_the_catalogue_exits_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = entry_by_slug(SLUG)
    wrong = replace(entry.formula, compact=2 * entry.formula.compact)
    monkeypatch.setitem(entry.__dict__, "formula", wrong)
    code, record = run_json(capsys, SLUG, "--rungs", "proved,exact,enclosed,solved,dimension")
    assert code == 1
    rungs = record["results"][0]["rungs"]
    assert {name: cell["verdict"] for name, cell in rungs.items()} == {
        "proved": "fail", "exact": "fail", "enclosed": "fail", "solved": "fail", "dimension": "pass",
    }


def test_a_formula_that_cannot_be_computed_has_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(entry: Entry, formula: Formula) -> RungResult:
        raise ZeroDivisionError("a zero denominator")

    monkeypatch.setattr(ladder, "_LADDER", (("proved", check),))
    assert main(["verify", SLUG, "--rungs", "proved", "--processes", "1"]) == 1
    assert f"FAIL: {SLUG}, proved: ZeroDivisionError: a zero denominator" in capsys.readouterr().out


def test_the_table_says_once_why_a_rung_does_not_apply(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "stability-limit", LIMIT, "--rungs", "simulated", "--processes", "1"]) == 0
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("n.a.: ")]
    assert "a limit or definition: no run is in the limit" in line
    assert line.endswith(f"(stability-limit, {LIMIT})")


def test_the_order_is_kept_and_a_formula_given_twice_is_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    _, record = run_json(capsys, LIMIT, SLUG, LIMIT, "--rungs", "dimension")
    assert [row["slug"] for row in record["results"]] == [LIMIT, SLUG]


def test_a_check_without_points_reads_vacuous(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _only(monkeypatch, judged(SLUG, "proved", 0, "all is well"))
    assert main(["verify", SLUG, "--rungs", "proved", "--processes", "1"]) == 1
    assert "VACUOUS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["white-weight-varianse"], "did you mean 'white-weight-variance'"),
        ([SLUG, "--rungs", "proven"], "did you mean 'proved'"),
        ([SLUG, "--rungs", " , "], "names no rung"),
        ([SLUG, "--processes", "0"], "processes must lie in 1..64; got 0"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: Sequence[str], words: str
) -> None:
    assert main(["verify", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_progress_stays_off_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", SLUG, "--rungs", "dimension", "--processes", "1"]) == 0
    assert capsys.readouterr().err == ""


def test_the_help_documents_every_rung_and_key(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["verify", "--help"])
    text = capsys.readouterr().out
    for word in (*RUNGS, "results", "summary", "passed", "vacuous", "not-applicable", "exit codes"):
        assert word in text


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for left-over processes under /proc")
def test_an_interrupt_ends_all_processes() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "validation.command_line", "verify", "--processes", "2"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, text=True,
        preexec_fn=_hear_interrupts,
    )
    try:
        time.sleep(4)
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert error == "sgd-theory: interrupted\n"
    deadline = time.monotonic() + 10
    while _members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not _members(process.pid)


def _hear_interrupts() -> None:
    """A test run in the background of a shell inherits deaf ears."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _members(session: int) -> list[str]:
    """Processes of a session that are still there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(stat.parent.name)
    return found
