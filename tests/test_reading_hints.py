"""What a referee or a student writes that no formula contains: each with what to write instead."""

from __future__ import annotations

import pytest
import sympy as sp

from theory.reading import (
    DEFAULT_NOTATION,
    ReadingError,
    read_latex,
    read_text,
    unknown_names_message,
)
from theory.symbols import curvature, frequency, lag, learning_rate, momentum

_wave = sp.exp(-sp.I * frequency)


@pytest.mark.parametrize(("text", "column", "hint"), [
    ("eta*c/2 + O(eta**2)", 11, r"drop the O\(\.\.\.\) and give --limit instead"),
    ("eta + o(eta)", 7, r"drop the O\(\.\.\.\)"),
    ("eta*oo", 5, "limits are given apart from the claim"),
    ("c/infinity", 3, "limits are given apart"),
    ("Sum(beta**h, (h, 1, oo))", 21, "an infinite sum(.|\n)*write its closed form"),
    ("eta*tr(H)", 5, "formulas are of one direction"),
    ("eta*Tr(H)/2", 5, "formulas are of one direction"),
])
def test_hints_of_text(text: str, column: int, hint: str) -> None:
    with pytest.raises(ReadingError, match=hint) as caught:
        read_text(text)
    assert (caught.value.line, caught.value.column) == (1, column)


@pytest.mark.parametrize(("text", "hint"), [
    (r"\eta c + O(\eta^2)", r"drop the O\(\.\.\.\) and give --limit instead"),
    (r"\eta c + \mathcal{O}\left(\eta^2\right)", r"drop the O\(\.\.\.\)"),
    (r"\eta c + o(1)", r"drop the O\(\.\.\.\)"),
    (r"\eta \infty", "limits are given apart from the claim"),
    (r"\frac{c}{\infty}", "limits are given apart from the claim"),
    (r"\sum_{h=1}^{\infty} \beta^h", "an infinite sum(.|\n)*write its closed form"),
    (r"\sum_{h=1}^\infty \beta^h", "an infinite sum"),
    (r"\eta \operatorname{Tr}(H)", "formulas are of one direction"),
    (r"\mathrm{tr} H", "formulas are of one direction"),
])
def test_hints_of_latex(text: str, hint: str) -> None:
    with pytest.raises(ReadingError, match=hint):
        read_latex(text)


def test_a_declared_letter_is_no_remainder() -> None:
    own = DEFAULT_NOTATION.with_names({"O": "eta"})
    assert read_latex(r"O(1 + \beta)", own).expression == learning_rate * (1 + momentum)


def test_the_imaginary_unit_is_read_beside_a_frequency_in_an_exponent() -> None:
    assert read_text("exp(-i*omega)").expression == _wave
    assert read_text("exp(-I*omega*tau)").expression == _wave**lag
    assert read_text("exp(-(i*tau)*omega)").expression == sp.exp(-sp.I * frequency * lag)
    reading = read_latex(r"\left|1 - \beta e^{-i\omega}\right|^2")
    assert sp.expand(reading.expression - (1 - momentum * _wave) * (1 - momentum / _wave)) == 0
    assert reading.unknown == ()


@pytest.mark.parametrize("text", [
    "Abs((1 + exp(i*omega))**60)", "Abs(((a + b + c + d)**4 + exp(i*omega))**8)",
    "Abs(exp(i*omega) + Sum(h, (h, 1, M)))", "Abs(1 + exp(i*omega*(a + b + c)**60))",
])
def test_a_modulus_that_would_be_dear_is_refused(text: str) -> None:
    with pytest.raises(ReadingError, match="the absolute value of a complex number like this is not read"):
        read_text(text)


@pytest.mark.parametrize("text", ["i*omega", "exp(i*tau)", "exp(i + omega)", "cos(i*omega)"])
def test_elsewhere_i_is_a_letter(text: str) -> None:
    reading = read_text(text)
    assert [s.name for s in reading.unknown] == ["i"]
    assert not reading.expression.has(sp.I)


def test_an_i_that_means_something_stays_what_it_is() -> None:
    own = DEFAULT_NOTATION.with_names({"i": "lambda"})
    assert read_text("exp(-i*omega)", own).expression == sp.exp(-curvature * frequency)
    assert not read_text("Sum(exp(i*omega), (i, 1, M))").expression.has(sp.I)
    assert not read_text("i = eta; exp(i*omega)").expression.has(sp.I)


def test_unknown_names_are_told_without_the_whole_table() -> None:
    message = unknown_names_message(read_text("zz*etta*e*i"))
    assert "'etta' (line 1, column 4), near eta and beta" in message
    assert "'e' (line 1, column 9): a power of Euler's number is exp(x)" in message
    assert "read in an exponent with a frequency" in message
    assert message.endswith(
        "Declared are, among others, eta, beta, lambda, c, M, B, N, tau and the parameters' own names, such "
        "as learning_rate"
    )
    own = DEFAULT_NOTATION.with_names({"gamma": "eta"})
    assert "among others, gamma, eta" in unknown_names_message(read_text("zz", own), own)
