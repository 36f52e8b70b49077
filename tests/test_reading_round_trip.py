"""Every formula of the catalogue, printed and read again, is the same formula."""

from __future__ import annotations

import pytest
import sympy as sp

from derivations.step import Step
from theory import CATALOGUE, formula_by_slug
from theory.export import formula_record
from theory.formula import Formula
from theory.reading import Reading, read_condition, read_latex, read_text
from theory.reading.bounds import CHARACTERS
from theory.reading.error import ReadingError
from theory.reading.spelling import plain
from theory.typeset import formula_latex

SLUGS = [entry.slug for entry in CATALOGUE]
#: typesetting takes signs out of sums, -(1 + beta) for -1 - beta: read again they are equal, not identical
TURNED = {
    "white-weight-autocovariance", "reshuffled-velocity-variance", "reshuffled-weight-velocity-covariance",
    "reshuffled-weight-variance-at-position", "reshuffled-velocity-variance-at-position", "correlation-time",
    "kept-batch-weight-variance-at-position",
}


def printed(formula: Formula) -> str:
    """The formula through its named quantities, as ``--json`` gives them."""
    record = formula_record(formula)
    return "".join(f"{name} = {value};\n" for name, value in record["where"].items()) + str(record["compact"])


def require_equal(reading: Reading, formula: Formula) -> None:
    """Every definition and the formula itself, identical or proved equal in the named quantities."""
    names = {sp.Symbol(plain(name.name)): name for name, _ in formula.where}
    read = {names[name]: value.xreplace(names) for name, value in reading.where}
    pairs = [(reading.compact.xreplace(names), formula.compact), *((read[n], v) for n, v in formula.where)]
    assert reading.unknown == ()
    for found, wanted in pairs:
        if found != wanted:
            assert Step(because="read again", lhs=found, rhs=wanted).check().proved, (found, wanted)


@pytest.mark.parametrize("slug", SLUGS)
def test_text(slug: str) -> None:
    formula = formula_by_slug(slug)
    reading = read_text(printed(formula))
    assert reading.expression == formula.expression
    require_equal(reading, formula)
    expression = formula_record(formula)["expression"]
    if len(expression) <= CHARACTERS:
        assert read_text(expression).expression == formula.expression
    assert read_condition(str(formula.valid_if)) == formula.valid_if


@pytest.mark.parametrize("slug", SLUGS)
def test_latex(slug: str) -> None:
    formula = formula_by_slug(slug)
    if formula.per_sample:  # products over samples are read as text alone
        with pytest.raises(ReadingError, match=r"the command \\prod is not read"):
            read_latex(formula.latex())
        return
    for text in (formula.latex(), formula_latex(formula, named=True)):
        reading = read_latex(text)
        assert (reading.expression == formula.expression) == (slug not in TURNED)
        if reading.unknown:  # half the curvature times <theta^2>: the left side is an expression
            assert reading.equation is not None
            assert reading.unknown == (sp.Symbol("<theta^2>"),)
        else:
            require_equal(reading, formula)


def test_most_formulas_are_identical_and_few_too_long() -> None:
    assert len(TURNED) <= len(SLUGS) // 8
    long = [s for s in SLUGS if len(formula_record(formula_by_slug(s))["expression"]) > CHARACTERS]
    assert len(long) <= 5


def test_a_changed_formula_would_be_noticed() -> None:
    """Negative control."""
    formula = formula_by_slug("reshuffled-velocity-variance")
    changed = formula.latex().replace("2 + 2", "2 + 3")
    assert changed != formula.latex()
    with pytest.raises(AssertionError, match="momentum"):
        require_equal(read_latex(changed), formula)
