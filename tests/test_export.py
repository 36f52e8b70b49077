"""Exports run elsewhere and give the same exact numbers."""

from __future__ import annotations

import json
import operator
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from theory import CATALOGUE, Formula, formula_by_slug, stationary_law
from theory.errors import TheoryError, UnknownNameError
from theory.export import (
    condition_text,
    formula_record,
    numpy_function,
    to_c,
    to_maxima,
    to_python,
    to_wolfram,
)
from theory.export.assignments import identifier
from theory.numbers import each
from theory.optimizers import rule_by_name
from theory.population import ARRIVAL_TIMES, MarkedProduct, expand_over
from theory.sampling import scheme_by_name
from theory.sequences import LucasSequence

POINT: dict[str, Any] = {
    "learning_rate": Fraction(1, 10), "momentum": Fraction(4, 5), "curvature": Fraction(3, 10),
    "second_curvature": Fraction(7, 10), "noise_variance": Fraction(2, 3),
    "steps_per_epoch": Fraction(5), "batch_size": Fraction(3), "samples": Fraction(14),
    "lag": Fraction(2), "position": Fraction(3), "frequency": Fraction(4, 7),
    "dampening": Fraction(1, 8), "weight_decay": Fraction(1, 20),
    "immediate_discount": Fraction(3, 7), "averaging_rate": Fraction(2, 9),
    "curvature_variance": Fraction(1, 11), "label_variance": Fraction(3, 2),
    "curvature_gradient_covariance": Fraction(-2, 9), "displacement": Fraction(5, 3),
    "negative_curvature": Fraction(2, 7),
    "sample_curvature": (Fraction(1, 2), Fraction(-3), Fraction(2, 3)),
    "sample_gradient": (Fraction(1), Fraction(-2, 5), Fraction(3, 4)),
}
SLUGS = [entry.slug for entry in CATALOGUE]


def point(formula: Formula) -> dict[str, Any]:
    """A rational point inside the formula's region."""
    values = {s.name: POINT[s.name] for s in formula.parameters}
    if formula.slug.startswith("dropped") and "samples" in values:
        values["samples"] = Fraction(17)
    if "beyond" in formula.slug:
        values["lag"] = Fraction(8)
    return values


def samples(formula: Formula) -> list[dict[sp.Symbol, sp.Rational]]:
    """The population at that point."""
    columns = [[(s, sp.Rational(str(v))) for v in POINT[s.name]] for s in formula.per_sample]
    return [dict(row) for row in zip(*columns, strict=True)]


def run_python(formula: Formula, values: dict[str, Any]) -> Any:
    scope: dict[str, Any] = {}
    exec(to_python(formula), scope)
    return scope[identifier(formula.slug)](**values)


def decimal(formula: Formula, digits: int) -> mpmath.mpf:
    return mpmath.mpf(formula.evaluate(digits=digits, **point(formula)))


@pytest.mark.parametrize("slug", SLUGS)
def test_exported_python_is_exact_on_fractions(slug: str) -> None:
    formula = formula_by_slug(slug)
    with mpmath.workdps(40):
        value = run_python(formula, point(formula))
        if isinstance(value, Fraction):
            value = mpmath.mpf(value.numerator) / value.denominator
        assert mpmath.almosteq(value, decimal(formula, 38), rel_eps=mpmath.mpf(10) ** -35)


def test_exported_python_gives_the_reference_value() -> None:
    values = {
        "learning_rate": Fraction(1, 10), "curvature": Fraction(3, 10), "momentum": Fraction(9, 10),
        "steps_per_epoch": 7, "noise_variance": 1,
    }
    exact = run_python(formula_by_slug("reshuffled-weight-variance"), values)
    assert exact == Fraction(1648760847497, 7917000000000)


@pytest.mark.parametrize("slug", SLUGS)
def test_numpy_function_takes_arrays(slug: str) -> None:
    formula = formula_by_slug(slug)
    names = [s.name for s in formula.parameters if not s.is_integer]
    values: dict[str, Any] = {
        n: int(v) if n not in names and v.denominator == 1 else each(float, v)
        for n, v in point(formula).items()
    }
    name = names[0] if names else formula.parameters[0].name  # whole numbers alone
    values[name] = np.array([values[name]] * 3)
    result = numpy_function(formula)(**values)
    assert result.shape == (3,)
    np.testing.assert_allclose(result, float(decimal(formula, 20)), rtol=1e-9)


def test_numpy_function_takes_arrays_of_whole_numbers() -> None:
    formula = formula_by_slug("reshuffled-weight-variance")
    values: dict[str, Any] = {
        "learning_rate": 0.1, "momentum": 0.9, "curvature": 0.5, "noise_variance": 1.0,
    }
    steps = np.array([2, 50, 3])
    expected = formula.evaluate(steps_per_epoch=steps, **values)
    np.testing.assert_allclose(
        numpy_function(formula)(steps_per_epoch=steps, **values), np.asarray(expected, float),
        rtol=1e-9,
    )


def test_numpy_function_is_accurate_in_flat_directions() -> None:
    formula = formula_by_slug("reshuffled-weight-variance")
    curvatures = np.array([0.0, 1e-300, 1e-9, 0.3])
    point = {"learning_rate": 0.1, "momentum": 0.9, "noise_variance": 1.0, "steps_per_epoch": 100}
    found = numpy_function(formula)(curvature=curvatures, **point)
    assert found[2] == pytest.approx(12.8716, rel=1e-5)
    exact = [float(formula.evaluate(digits=20, curvature=x, **point)) for x in curvatures]
    np.testing.assert_allclose(found, exact, rtol=1e-15)
    single = formula.to_numpy()(curvature=1e-9, **point)
    assert isinstance(single, float)
    assert single == found[2]


def test_headers_say_where_digits_are_lost() -> None:
    """Flat directions or long epochs: where the exported code cancels, and only there."""
    warning = "loses about 3*log10(1/(learning_rate*curvature)) digits in flat directions"
    for export in (to_python, to_c, to_wolfram, to_maxima):
        code = export(formula_by_slug("reshuffled-weight-variance"))
        assert code.count(warning) == 1
        assert "up to 50 steps per epoch, use reshuffled-weight-variance-iterated-sums)" in code
        assert warning in export(formula_by_slug("loss-fluctuation"))
        assert "iterated-sums" not in export(formula_by_slug("loss-fluctuation"))
        for slug in ("stability-limit", "flat-weight-variance"):
            assert "digits" not in export(formula_by_slug(slug))
        sums = export(formula_by_slug("reshuffled-weight-variance-iterated-sums"))
        assert warning not in sums
        assert "digits in long epochs" in sums


def test_floats_lose_the_digits_that_the_headers_say() -> None:
    """Measured: 15 digits less what the note says, two more for luck."""
    for slug, steps, curvature, lost in (
        ("reshuffled-weight-variance", 10, 1e-2, 9), ("reshuffled-weight-variance", 100, 3.0, 2),
        ("reshuffled-weight-variance-iterated-sums", 10, 1e-8, 2),
        ("reshuffled-weight-variance-iterated-sums", 50, 1e-8, 6),
        ("reshuffled-weight-variance-iterated-sums", 100, 1.0, 8),
    ):
        formula = formula_by_slug(slug)
        values: dict[str, Any] = {"learning_rate": 0.1, "momentum": 0.9, "curvature": curvature,
                                  "noise_variance": 1.0, "steps_per_epoch": steps}
        assert run_python(formula, values) == pytest.approx(
            formula.evaluate(**values), rel=10.0 ** (lost - 13)
        )


def test_numpy_function_names_what_is_wrong() -> None:
    function = numpy_function(formula_by_slug("stability-limit"))
    with pytest.raises(UnknownNameError, match="did you mean 'momentum'"):
        function(momentun=0.9, curvature=1.0)
    with pytest.raises(TheoryError, match="needs curvature"):
        function(momentum=0.9)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_record_reads_back(slug: str) -> None:
    """``compact`` through ``where``, and ``expression`` where it is short, have the exact value."""
    formula = formula_by_slug(slug)
    record = json.loads(json.dumps(formula_record(formula)))
    values: dict[str, Any] = {
        n: sp.Rational(v.numerator, v.denominator)
        for n, v in point(formula).items() if not isinstance(v, tuple)
    }
    assert list(point(formula)) == record["parameters"]
    values["LucasSequence"] = LucasSequence
    values |= {s.name: s for s in (*formula.per_sample, *ARRIVAL_TIMES)}
    values["MarkedProduct"] = lambda *parts: expand_over(MarkedProduct(*parts), samples(formula))
    if len(record["expression"]) < 2_000:
        whole = sp.sympify(record["expression"], locals=values)
    for name, text in record["where"].items():
        values[name] = sp.sympify(text, locals=values)
    staged = sp.sympify(record["compact"], locals=values).doit()
    if len(record["expression"]) < 2_000:
        assert whole.doit() == staged
    with mpmath.workdps(30):
        assert mpmath.almosteq(
            mpmath.mpmathify(staged.evalf(30)), decimal(formula, 28), rel_eps=mpmath.mpf(10) ** -25
        )


@pytest.mark.parametrize("slug", SLUGS)
def test_the_condition_is_python_and_holds_inside(slug: str) -> None:
    formula = formula_by_slug(slug)
    condition = condition_text(formula)
    assert eval(condition, {"__builtins__": {}}, point(formula)) is True
    outside = {n: each(operator.neg, v) for n, v in point(formula).items()}
    assert eval(condition, {"__builtins__": {}}, outside) is False


def test_bounds_of_one_parameter_are_merged() -> None:
    text = condition_text(formula_by_slug("reshuffled-weight-autocovariance"))
    assert text.startswith("learning_rate > 0 and 0 <= momentum < 1 and curvature > 0")
    assert "steps_per_epoch >= 2 and 0 <= lag <= steps_per_epoch" in text


def test_record_takes_other_letters() -> None:
    formula = formula_by_slug("stability-limit")
    record = formula_record(formula, {"curvature": "h"})
    assert record["letters"] == {"momentum": r"\beta", "curvature": "h"}
    assert "h" in record["latex"]
    assert "lambda" not in record["latex"]
    with pytest.raises(UnknownNameError, match="did you mean 'curvature'"):
        formula_record(formula, {"curvatur": "h"})


def test_pairs_outside_the_catalogue_export_too() -> None:
    formula = stationary_law(rule_by_name("nesterov"), scheme_by_name("shuffled-once")).weight_variance
    exact = run_python(formula, point(formula))
    assert isinstance(exact, Fraction)
    assert float(exact) == pytest.approx(float(decimal(formula, 20)), rel=1e-15)


@pytest.mark.parametrize("slug", SLUGS)
def test_wolfram_code_is_well_formed(slug: str) -> None:
    """Not run, for want of an interpreter: brackets, names, and every name defined before its use."""
    formula = formula_by_slug(slug)
    code = re.sub(r"\(\*.*?\*\)", "", to_wolfram(formula), flags=re.S)
    closes = {")": "(", "]": "[", "}": "{"}
    open_brackets: list[str] = []
    for ch in code:
        if ch in "([{":
            open_brackets.append(ch)
        elif ch in closes:
            assert open_brackets.pop() == closes[ch], slug
    assert not open_brackets
    head, _, body = code[code.rindex("\n\n") if "\n\n" in code else 0 :].strip().partition(":=")
    arguments = re.findall(r"(\w+)_\b", head)
    assert [name.removeprefix("each").lower() for name in arguments] == [
        s.name.replace("_", "") for s in formula.parameters
    ]
    assert "_" not in body
    assert "**" not in body
    assert body.count(";") == len(re.findall(r"^  \w+ = ", body, flags=re.M))
    known = {*arguments, "LucasSequence", "Module", "Sqrt", "Cos", "Exp", "E", "Pi"}
    if formula.per_sample:
        known |= {"MarkedProduct", "Function", "Integrate", "Expand", "Transpose"}
        known |= {re.sub("^each(.)", lambda m: m[1].lower(), name) for name in arguments}
        known |= {variable.name for variable in ARRIVAL_TIMES}
    local = re.match(r"\s*Module\[\{([^}]*)\},", body)
    if local is not None:
        body = body[local.end() :]
    for line in body.strip().splitlines():
        name, _, value = line.rpartition(" = ")
        assert set(re.findall(r"[A-Za-z]\w*", value)) <= known, (slug, line[:80])
        known |= {name.strip()}


def test_wolfram_names_have_no_underscores() -> None:
    code = to_wolfram(formula_by_slug("reshuffled-weight-variance"))
    head = code[code.index("reshuffledWeightVariance[") :]
    assert head.startswith("reshuffledWeightVariance[learningRate_, momentum_, curvature_,")
    assert "_" not in head.split(":=", 1)[1]
    assert "LucasSequence[0, stepsPerEpoch," in head


def test_wolfram_definition_by_hand() -> None:
    r"""The companion construction, translated line by line, against the project's sequences."""
    for d, n in ((2, 0), (2, 5), (3, 1), (3, 6)):
        e = [Fraction(3, 2), Fraction(2, 5), Fraction(1, 7)][:d]
        companion = sp.Matrix(d, d, lambda i, j, d=d, e=e: (
            (-1) ** (d - 1 - i) * sp.Rational(e[d - 1 - i].numerator, e[d - 1 - i].denominator)
            if j == d - 1 else int(i == j + 1)
        ))
        for k in range(d):
            expected = LucasSequence(k, n, *(sp.Rational(v.numerator, v.denominator) for v in e))
            assert (-1) ** (d - 1 - k) * (companion**n)[k, 0] == expected


def test_generated_python_is_free_of_project_imports(tmp_path: Path) -> None:
    code = to_python(formula_by_slug("averaged-reshuffled-weight-variance"))
    assert "theory" not in code
    assert "import" not in code
