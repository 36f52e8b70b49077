"""Formulas read from text: what they mean, what is refused, where and with which suggestion."""

from __future__ import annotations

import contextlib
import re
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from calls import calls_of
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import symbols
from theory.errors import TheoryError
from theory.reading import (
    DEFAULT_NOTATION,
    ReadingError,
    read_condition,
    read_latex,
    read_text,
    unknown_names_message,
)
from theory.reading.spelling import GREEK, look_alike, plain
from theory.sequences import LucasSequence
from theory.symbols import PARAMETERS

eta, beta, lam = symbols.learning_rate, symbols.momentum, symbols.curvature
c, M, tau, omega = symbols.noise_variance, symbols.steps_per_epoch, symbols.lag, symbols.frequency
h = sp.Symbol("h", integer=True)

MEANINGS: dict[str, Any] = {
    "learning_rate*curvature": eta * lam,
    "eta*c/(lambda*(2 - eta*lambda))": eta * c / (lam * (2 - eta * lam)),
    "η*c/(λ·(2 − η·λ))": eta * c / (lam * (2 - eta * lam)),
    "lr*lam*lambda_": eta * lam**2,
    "λ'*lambda'*lambda_prime": symbols.second_curvature**3,
    "S*B*N*j*d*rho*nu*alpha": symbols.batch_size**2 * symbols.samples * symbols.position * symbols.dampening
    * symbols.weight_decay * symbols.immediate_discount * symbols.averaging_rate,
    "-eta^2": -(eta**2),
    "beta^2^3": beta**8,
    "beta²": beta**2,
    "√(1 - β)": sp.sqrt(1 - beta),
    "0.1*c": c / 10,
    "1e-3*c": c / 1000,
    "-|tau - M|": -sp.Abs(tau - M),
    "||tau - M| - 2|": sp.Abs(sp.Abs(tau - M) - 2),
    "Sum((M - h)*cos(omega*h), (h, 1, M - 1))": sp.Sum((M - h) * sp.cos(omega * h), (h, 1, M - 1)),
    "LucasSequence(1, M, 1 + beta - eta*lambda, beta)": LucasSequence(1, M, 1 + beta - eta * lam, beta),
    "exp(-eta*lambda*M)*log(beta)": sp.exp(-eta * lam * M) * sp.log(beta),
    "pi*Mod(tau, M)": sp.pi * sp.Mod(tau, M, evaluate=False),
    "Min(tau, M) + Max(tau, M)": sp.Min(tau, M) + sp.Max(tau, M),
    "2*(beta + c)/M": sp.Mul(2, beta + c, 1 / M),
    "(eta\n  *c) # a comment": eta * c,
    "eta*\nc\n/M": eta * c / M,
}


@pytest.mark.parametrize("text", MEANINGS)
def test_meaning(text: str) -> None:
    reading = read_text(text)
    assert reading.expression == MEANINGS[text]
    assert (reading.left, reading.where, reading.equation, reading.unknown) == ("", (), None, ())


def test_every_parameter_reads_as_itself() -> None:
    for name, parameter in PARAMETERS.items():
        assert read_text(name).expression == parameter.symbol


def test_an_index_of_a_sum_is_bound_whatever_its_letter_means_outside() -> None:
    bound = sp.Symbol("tau", integer=True)
    reading = read_text("tau*Sum(|tau|, (tau, -M, M))")
    assert reading.expression == tau * sp.Sum(sp.Abs(bound), (bound, -M, M))
    assert reading.expression.has(sp.Abs)  # |tau| = tau would hold of the lag, which is never negative
    assert reading.unknown == ()


def test_cases_keep_their_conditions() -> None:
    reading = read_text("Piecewise((c, tau < 1), (-c/(M - 1), 1 <= tau and tau < M), (0, True))")
    first, second, last = reading.expression.args
    assert first.args == (c, sp.StrictLessThan(tau, 1, evaluate=False))
    assert second.args[1] == sp.And(sp.Le(1, tau, evaluate=False), sp.Lt(tau, M, evaluate=False))
    assert last.args == (0, sp.true)


@pytest.mark.parametrize("left", [
    "<theta^2>", "⟨θ²⟩", "sigma_theta^2", "Var(theta)", "E[v^2]", "R(tau)", "S_theta(omega)", "V", "T_c",
    "<theta_{k+tau} theta_k>", "sigma**2", "lambda",
])
def test_a_left_side_that_names_the_quantity(left: str) -> None:
    reading = read_text(f"{left} = eta*c")
    assert reading.left == left
    assert reading.expression == eta * c
    assert reading.equation is None
    assert reading.unknown == ()


def test_a_left_side_that_is_an_expression() -> None:
    reading = read_text("2*lambda*V = eta*c")
    V = sp.Symbol("V")
    assert reading.equation == (2 * lam * V, eta * c)
    assert reading.expression == eta * c
    assert reading.unknown == (V,)
    assert reading.places == {"V": (1, 10)}
    average = read_text("lambda*<theta^2> = eta*c/2")
    assert average.equation == (lam * sp.Symbol("<theta^2>"), eta * c / 2)


def test_a_stationarity_condition_is_an_equation() -> None:
    reading = read_text("V = (1 - eta*lambda)**2*V + eta**2*c")
    V = sp.Symbol("V")
    assert reading.equation == (V, (1 - eta * lam) ** 2 * V + eta**2 * c)


@pytest.mark.parametrize("text", [
    "s = 1 + beta\nz = s**2\nc*z/s", "s = 1 + beta; z = s**2; V = c*z/s", "z = s**2; s = 1 + beta; c*z/s",
    "c*z/s where s = 1 + beta, z = s^2", "V = c*z/s\n  where s = 1 + beta\n  where z = s**2",
    "c*z\n/s, with z = s**2 and s = 1 + beta",
])
def test_definitions(text: str) -> None:
    reading = read_text(text)
    s, z = sp.symbols("s z")
    assert reading.compact == c * z / s
    assert dict(reading.where) == {s: 1 + beta, z: s**2}
    assert [name for name, _ in reading.where] == [s, z]
    assert reading.expression == c * (1 + beta)
    assert reading.unknown == ()


def test_definitions_may_redefine_a_letter() -> None:
    reading = read_text("c = 2*beta; eta*c")
    assert reading.expression == 2 * eta * beta


def test_own_notation_exchanges_letters() -> None:
    notation = DEFAULT_NOTATION.with_names({
        r"\lambda": "learning_rate", "k": "lambda", "sigma2": "batch_size*noise_variance", "μ": "momentum",
    })
    reading = read_text("lambda*sigma2/(2*S*k*(1 - mu))", notation)
    assert reading.expression == eta * c / (2 * lam * (1 - beta))
    assert read_latex(r"\frac{\lambda}{k}", notation).expression == eta / lam


def test_own_notation_is_checked() -> None:
    with pytest.raises(TheoryError, match=r"notation, g: .*'learningrate'.*near learning_rate"):
        DEFAULT_NOTATION.with_names({"g": "learningrate"})
    with pytest.raises(TheoryError, match="'2x' is no name"):
        DEFAULT_NOTATION.with_names({"2x": "beta"})
    with pytest.raises(TheoryError, match="second '='"):
        DEFAULT_NOTATION.with_names({"x": "y = beta"})
    with pytest.raises(ReadingError, match="did you mean 2\\*beta"):
        DEFAULT_NOTATION.with_names({"x": "2 beta"})


def test_undeclared_names_are_told() -> None:
    reading = read_text("gamma*U_M/(k*learning_rat)\n + gamma")
    assert [s.name for s in reading.unknown] == ["gamma", "U_M", "k", "learning_rat"]
    assert reading.places["gamma"] == (1, 1)
    assert all(not s._assumptions_orig for s in reading.unknown)
    message = unknown_names_message(reading)
    assert "'learning_rat' (line 1, column 14), near learning_rate" in message
    assert "a Lucas sequence has to be defined" in message
    assert unknown_names_message(read_text("eta")) == ""


def test_conditions() -> None:
    region = read_condition("0 <= momentum < 1, eta*lambda < 2*(1+beta)")
    assert region == sp.And(
        sp.Le(0, beta, evaluate=False), sp.Lt(beta, 1, evaluate=False),
        sp.Lt(eta * lam, 2 * (1 + beta), evaluate=False),
    )
    assert read_condition("eta > 0") == sp.Gt(eta, 0, evaluate=False)  # kept, though always true
    assert read_condition("M >= 2 or tau = 0") == sp.Or(
        sp.Ge(M, 2, evaluate=False), sp.Eq(tau, 0, evaluate=False))
    assert read_condition("(0 <= beta) & (beta < 1)") == read_condition("0 <= beta and beta < 1")
    assert read_condition("(beta < 1) | (M > 2)") == read_condition("beta < 1 or M > 2")
    assert read_condition("|tau| < M") == sp.Lt(tau, M, evaluate=False)
    assert read_condition("  # nothing") == sp.true
    with pytest.raises(ReadingError, match="a formula stands where a condition is expected"):
        read_condition("eta*c")


REFUSED = {
    # text: (line, column, message, suggestion)
    "10**10**10": (1, 1, "the exponent 10000000000 is beyond 64", "letter"),
    "eta**65": (1, 1, "the exponent 65 is beyond 64", "letter"),
    "((2**64)**64)**64": (1, 2, "powers of numbers grow", "letters"),
    "a = 10**9; b = 10**a; b": (1, 16, "the exponent 1000000000", ""),
    "(x**64)**64": (1, 2, "like powers", ""),
    "M(M - 1)": (1, 2, "'M' is not a function", r"did you mean M\*\(M - 1\)\?"),
    "-c*(M - tau)/(M(M - 1))": (1, 16, "'M' is not a function", r"did you mean M\*\(M - 1\)\?"),
    "2 eta": (1, 3, "no operator between '2' and 'eta'", r"did you mean 2\*eta\?"),
    "2eta": (1, 2, "no operator", r"did you mean 2\*eta\?"),
    "(1 + beta)(1 - beta)": (1, 11, "no operator", r"did you mean \(\.\.\.\)\*\(1 - beta\)\?"),
    "__import__('os').system('x')": (1, 1, "name '__import__' is not read", "single underscores"),
    "eta.__class__": (1, 4, "character '.'", "no parts"),
    "eta.real": (1, 4, "character '.'", "no parts"),
    "f'{eta}'": (1, 1, "f-string", "quotes"),
    'f"{eta}"': (1, 1, "f-string", "quotes"),
    "'eta'": (1, 1, "character", "quotes"),
    "lambda x: x": (1, 9, "character ':'", ""),
    "[x for x in y]": (1, 4, "'for' is a word of a programming language", ""),
    "(x := 3)": (1, 4, "':=' is not read", "definition"),
    "max(*x)": (1, 5, r"'\*' stands where", ""),
    "exp(x=2)": (1, 6, "a second '='", ""),
    "x if y else z": (1, 3, "'if' is a word", ""),
    "et\u0430*c": (1, 3, r"CYRILLIC SMALL LETTER A, U\+0430\) only looks like 'a'", "write 'a'"),
    "２*eta": (1, 1, "FULLWIDTH DIGIT TWO.*only looks like '2'", "write '2'"),
    "ο*eta": (1, 1, "GREEK SMALL LETTER OMICRON.*only looks like 'o'", "write 'o'"),
    "eta\0*c": (1, 4, r"U\+0000", ""),
    "eta\ud800": (1, 4, "half of a character", "UTF-8"),
    "eta\u202e*c": (1, 4, r"U\+202E", ""),
    "9" * 41: (1, 1, "more than 40 digits", "letter"),
    "1e99999999": (1, 1, "more than 40 digits", ""),
    r"\frac{1}{2}": (1, 1, r"'\\\\' is not read", "--latex"),
    "(eta": (1, 1, "never closed", ""),
    "eta)": (1, 4, "never opened", ""),
    "": (1, 1, "no formula here", ""),
    "eta*": (1, 5, "ends here", ""),
    "eta*\n\n(c + )": (3, 6, "stands where a number", ""),
    "eta = ": (1, 6, "a formula is expected", ""),
    "a = b = c": (1, 7, "a second '='", ""),
    "eta == c": (1, 5, "'==' compares", "one '='"),
    "eta < c": (1, 5, "relation '<' stands in a formula", "conditions"),
    "eta, c": (1, 1, "a list with commas", ""),
    "eta*c\nbeta": (2, 1, "a second formula begins", "one claim"),
    "s = 2\n- s*c": (2, 1, "may go on", "';'"),
    "x = y; y = x; 2*x": (1, 1, "'x' is defined through itself", ""),
    "a = 1; a = 2; a*c": (1, 8, "'a' is defined twice", ""),
    "1/0": (1, 3, "division by zero", ""),
    "log(0)": (1, 1, "logarithm of 0", ""),
    "sqrt(-2)": (1, 1, "root of a negative number", ""),
    "tan(omega)": (1, 1, "function tan is not read", r"sin\(x\)/cos\(x\)"),
    "cos": (1, 1, "cos is a function", r"cos\(\.\.\.\)"),
    "cos()": (1, 5, "stands where", ""),
    "cos(omega, 2)": (1, 1, "cos with 2 arguments", r"cos\(x\)"),
    "Sum(h, 3)": (1, 8, "no range", r"\(h, 1, M - 1\)"),
    "exp(10**9*log(7))": (1, 1, "logarithm in an exponent", ""),
    "LucasSequence(1, 10**9, 1, 1)": (1, 1, "n of LucasSequence", ""),
    "LucasSequence(2, M, 1, 1)": (1, 1, "k of LucasSequence", ""),
    "True*c": (1, 1, "a condition stands where a formula", ""),
    "Piecewise((1, Piecewise((2, tau < 1), (3, True)) < M), (0, True))": (
        1, 15, "cases stand inside a condition", ""),
    "±eta": (1, 1, "'±'", "two claims"),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:30].encode("ascii", "replace").decode())
def test_refusals_point_at_the_character(text: str) -> None:
    line, column, message, suggestion = REFUSED[text]
    with pytest.raises(ReadingError, match=message) as caught:
        read_text(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert re.search(suggestion, caught.value.suggestion)
    str(caught.value).encode("utf-8")  # prints anywhere, half characters included


def test_the_caret_stands_under_the_character() -> None:
    with pytest.raises(ReadingError, match="not a function") as caught:
        read_text("V = 2*\n  -c*(M - tau)/(M(M - 1))")
    _, shown, caret, _ = str(caught.value).splitlines()
    assert shown[caret.index("^")] == "("
    assert shown[: caret.index("^")].endswith("/(M")


LARGE = {
    "1 MB of brackets": "(" * 10**6, "1 MB of braces": "{" * 10**6, "a long number": "9" * 100_000,
    "long, but short enough": "9" * 39_000, "brackets": "(" * 19_000, "pairs": "(" * 1000 + "x" + ")" * 1000,
    "signs": "-" * 30_000 + "x", "a tower": "2" + "**2" * 9_000, "a long sum": "x" + "+x" * 15_000,
    "a long product": "x" + "*x" * 3_000, "bars": "|" * 30_000, "nested calls": "cos(" * 9_000,
    "names": "x" * 39_999, "quotes": "f'" * 15_000, "semicolons": "x;" * 9_000, "lines": "\n" * 39_999,
    "doubling": "\n".join(["a0 = x", *(f"a{i + 1} = a{i}*(a{i} + 1)" for i in range(200)), "a200*c"]),
    "numeric roots": "\n".join(
        ["a0 = 2", *(f"a{i + 1} = sqrt(a{i} + 1)*sqrt(a{i} + 2)" for i in range(7)), "a7*c"]),
    "fractions": "+".join(f"1/{p}" for p in range(100, 999)),
    "functions": "+".join(f"cos(x{i} + 3*pi)" for i in range(600)),
    "powers": "*".join(f"x**(y + {i})" for i in range(600)),
    "roots": "+".join(f"{i}**(1/3)" for i in range(600)),
}


@pytest.mark.parametrize("reader", [read_text, read_condition, read_latex])
@pytest.mark.parametrize("case", LARGE)
def test_large_texts_take_few_calls(case: str, reader: Any) -> None:
    def read() -> None:
        with contextlib.suppress(ReadingError):  # a few are within all bounds for one of the readers
            reader(LARGE[case])

    calls_of(read, 5_000_000)  # the dearest takes 2 million, less than a second


@pytest.mark.parametrize("case", sorted(LARGE))
def test_large_texts_are_refused(case: str) -> None:
    with pytest.raises(ReadingError, match="line"):
        read_text(LARGE[case])


def test_what_is_no_string_is_refused() -> None:
    with pytest.raises(ReadingError, match="a formula is a string; got int"):
        read_text(3)  # type: ignore[arg-type]


@settings(derandomize=True, max_examples=200, deadline=None)
@given(a=st.integers(0, 10**6), b=st.integers(1, 10**6), digits=st.integers(0, 6))
def test_numbers_are_exact(a: int, b: int, digits: int) -> None:
    value = Fraction(a, 10**digits)
    text = f"{a // 10**digits}.{a % 10**digits:0{digits}d}" if digits else str(a)
    assert read_text(f"({text})/{b}").expression == sp.Rational(value.numerator, value.denominator * b)


def test_spelling() -> None:
    assert {plain(letter) for letter in GREEK} == set(GREEK.values())
    assert [plain(n) for n in ("λ'", r"\lambda'", "lambda_", r"q_{12}", r"\eta_{\text{eff}}")] == [
        "lambda_prime", "lambda_prime", "lambda", "q_12", "eta_eff"]
    assert [look_alike(x) for x in "аЕ２ο"] == ["a", "E", "2", "o"]
    assert look_alike("字") == ""
