"""Claim files: what is read, and where a broken line is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derivations.checking.claim_file import (
    KEYS,
    BrokenClaim,
    ClaimEntry,
    parse_claims,
    read_claim_file,
    read_notation,
)
from theory.errors import TheoryError

SHARED = """\
# two claims that share their letters
source: a paper
notation:
    gamma = learning_rate
    sigma2 = batch_size*max(a, b), h = curvature
against: white-weight-variance
---
claim: gamma*sigma2/(2*h)
limit: learning_rate -> 0
expect: equivalent-in-limit
---
claim: \\frac{\\gamma
    c}{2 h}
  + 1
format: latex
notation: c = noise_variance
against: heavy-ball / reshuffled / weight-variance
where: 0 <= beta < 1,
    gamma*h < 2
note: in two lines:
    the note
"""


def broken(text: str) -> BrokenClaim:
    """The only broken claim of a file."""
    (found,) = [entry for entry in parse_claims(text) if isinstance(entry, BrokenClaim)]
    return found


def entries(text: str) -> list[ClaimEntry]:
    return [entry for entry in parse_claims(text) if isinstance(entry, ClaimEntry)]


def test_a_claim_takes_over_what_the_first_block_shares() -> None:
    first, second = parse_claims(SHARED)
    assert first == ClaimEntry(
        claim="gamma*sigma2/(2*h)", places=((8, 8),), against="white-weight-variance", source="a paper",
        notation={
            "gamma": "learning_rate", "sigma2": "batch_size*max(a, b)", "h": "curvature",
        },
        limit="learning_rate -> 0", expect="equivalent-in-limit",
    )
    assert isinstance(second, ClaimEntry)
    assert second.claim == "\\frac{\\gamma\nc}{2 h}\n+ 1"
    assert second.latex
    assert second.against == "heavy-ball / reshuffled / weight-variance"
    assert second.notation["c"] == "noise_variance"
    assert second.notation["gamma"] == "learning_rate"
    assert second.where == "0 <= beta < 1, gamma*h < 2"
    assert second.note == "in two lines: the note"
    assert second.limit == second.expect == ""


def test_a_place_in_the_claim_is_a_place_in_the_file() -> None:
    second = entries(SHARED)[1]
    assert second.place(1, 1) == (12, 8)
    assert second.place(2, 3) == (13, 7)
    assert second.place(3, 1) == (14, 3)
    assert second.place(9, 1) == (14, 3)


def test_line_ends_and_the_mark_of_the_encoding_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "one.claim"
    path.write_bytes(b"\xef\xbb\xbfclaim: eta*c\r\nagainst: white-weight-variance\r\n")
    (entry,) = read_claim_file(path)
    assert entry == ClaimEntry(claim="eta*c", places=((1, 8),), against="white-weight-variance")


@pytest.mark.parametrize(("line", "place", "message"), [
    ("claims: x", (6, 1), r"unknown key 'claims': did you mean 'claim'\? known are source, notation"),
    ("nonsense", (6, 9), r"expected 'key: value', found 'nonsense'; indent a line that continues"),
    ("\\frac{a}{b}: 1", (6, 1), "expected 'key: value'"),
    ("against: other", (6, 1), "'against' stands in line 5 already; keep one, and separate claims"),
    ("where:", (6, 7), "'where' has no value"),
    ("format: word", (6, 9), r"format 'word' is unknown: known are text, latex"),
    ("expect: equivalnt", (6, 9), r"expect 'equivalnt' is unknown: did you mean 'equivalent'\?"),
    ("notation: a = b, = c", (6, 18), "expected 'name = meaning', found '= c'"),
    ("notation: a = b, c", (6, 18), "expected 'name = meaning', found 'c'"),
    ("notation: a = b, a = d", (6, 18), "'a' means 'b' already; keep one"),
    ("notation: 2a = b", (6, 11), "'2a' is no name"),
    ("notation:\n    a = b\n      c d", (8, 7), "expected 'name = meaning', found 'c d'"),
    ("note: \x07", (6, 7), r"character U\+0007 does not print; remove it"),
    ("note: \u202eabc", (6, 7), r"character U\+202E does not print; remove it"),
    ("note: " + 6000 * "x", (6, 5001), "6006 characters in one line; at most 5000"),
])
def test_a_broken_line_spoils_its_own_claim_only(
    line: str, place: tuple[int, int], message: str
) -> None:
    text = f"claim: a\nagainst: x\n---\nclaim: b\nagainst: y\n{line}\n---\nclaim: d\nagainst: z\n"
    found = broken(text)
    assert (found.line, found.column) == place
    assert [entry.claim for entry in entries(text)] == ["a", "d"]
    with pytest.raises(TheoryError, match=message):
        raise TheoryError(str(found))


def test_a_broken_line_of_what_is_shared_is_left_out_and_named() -> None:
    text = (
        "souce: x\n    y\nnotation:\n  g = momentum\n  h\nexpect: maybe\nagainst: z\n---\nclaim: a\n---\n"
        "claim: b\n"
    )
    found = parse_claims(text)
    assert [str(entry)[:16] for entry in found[:3]] == [
        "line 1, column 1", "line 5, column 3", "line 6, column 9",
    ]
    assert all("the claims below are read without this line" in str(entry) for entry in found[:3])
    assert [(e.claim, e.against, dict(e.notation)) for e in entries(text)] == [
        ("a", "z", {"g": "momentum"}), ("b", "z", {"g": "momentum"}),
    ]


@pytest.mark.parametrize(("text", "place", "message"), [
    ("", (1, 1), "no claim here; write 'claim: FORMULA'"),
    ("# only a comment\n---\n", (1, 1), "no claim here"),
    ("source: x\n", (1, 1), "this block has no 'claim: FORMULA'"),
    ("claim: a\n---\nsource: x\n", (3, 1), "only the first block of several may leave it out"),
    ("   a\nclaim: b\n", (1, 1), "an indented line continues a value, and there is none yet"),
])
def test_a_file_without_a_claim_says_so(text: str, place: tuple[int, int], message: str) -> None:
    found = broken(text)
    assert (found.line, found.column) == place
    assert message in found.message
    assert str(found).startswith(f"line {place[0]}, column {place[1]}: ")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TheoryError, match=r"cannot read .*missing.* No such file"):
        read_claim_file(tmp_path / "missing")
    path = tmp_path / "latin"
    path.write_bytes(b"claim: a\nnote: \xe9\n")
    with pytest.raises(TheoryError, match="line 2: byte 15 is no UTF-8"):
        read_claim_file(path)
    path.write_text("claim: " + "a\n " * 100_000, encoding="utf-8")
    with pytest.raises(TheoryError, match="longer than 200000 bytes; split it"):
        read_claim_file(path)


def test_the_size_of_a_file_is_bounded() -> None:
    with pytest.raises(TheoryError, match="201 claims in one file; at most 200"):
        parse_claims("---\n".join(["claim: a\n"] * 201))
    assert len(parse_claims("---\n".join(["claim: a\n"] * 200))) == 200
    with pytest.raises(TheoryError, match="200001 characters of claims; at most 200000"):
        parse_claims("x" * 200_001)


def test_notation_of_the_command_line() -> None:
    assert read_notation("gamma=learning_rate, s=max(a, b)") == {"gamma": "learning_rate", "s": "max(a, b)"}
    assert read_notation(" ") == {}
    with pytest.raises(TheoryError, match="notation, column 5: expected 'name = meaning', found 'c'"):
        read_notation("a=b,c")


_line = st.one_of(
    st.text(max_size=30),
    st.builds("{}: {}".format, st.sampled_from(KEYS), st.text(max_size=20)),
    st.sampled_from(["---", "    a = b", "claim: eta", "", "#", "notation:", "\tx"]),
)


@settings(derandomize=True, max_examples=400)
@given(st.lists(_line, max_size=12).map("\n".join))
def test_every_text_is_read_or_refused_with_a_place(text: str) -> None:
    lines = text.split("\n")
    for entry in parse_claims(text):
        line, column = (entry.line, entry.column) if isinstance(entry, BrokenClaim) else entry.place()
        assert 1 <= line <= len(lines)
        assert column >= 1
        if isinstance(entry, ClaimEntry):
            assert entry.claim
            assert lines[line - 1][column - 1 :].rstrip() == entry.claim.split("\n")[0]
