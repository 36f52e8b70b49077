r"""Formulas read from LaTeX: what they mean, what is refused, where and with which suggestion."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sympy as sp

from theory import symbols
from theory.reading import ReadingError, read_latex, unknown_names_message
from theory.sequences import LucasSequence

eta, beta, lam = symbols.learning_rate, symbols.momentum, symbols.curvature
c, M, tau, omega = symbols.noise_variance, symbols.steps_per_epoch, symbols.lag, symbols.frequency
h = sp.Symbol("h", integer=True)
x, y = sp.symbols("x y")

MEANINGS: dict[str, Any] = {
    r"\frac{\eta c}{2\lambda}": eta * c / (2 * lam),
    r"\tfrac12\,\eta\dfrac c\lambda": eta * c / (2 * lam),
    r"M(M-1)": M * (M - 1),
    r"\left[ M \left(M-1\right) \right]": M * (M - 1),
    r"\Bigl[\eta \bigl(1-\beta\bigr)\Bigr]\Big/\bigl(\lambda M\bigr)": eta * (1 - beta) / (lam * M),
    r"\lambda'\lambda^{\prime}{\lambda'}^2": symbols.second_curvature**4,
    r"\beta^{M+1}": beta ** (M + 1),
    r"\sqrt{1-\beta} \sqrt[3]{\beta}": sp.sqrt(1 - beta) * beta ** sp.Rational(1, 3),
    r"\sum_{h=1}^{M-1} (M-h) \cos(\omega h) + c": c + sp.Sum((M - h) * sp.cos(omega * h), (h, 1, M - 1)),
    r"\cos 2\omega - \cos^2\omega": sp.cos(2 * omega) - sp.cos(omega) ** 2,
    r"\cos{\left(2 \omega \right)}": sp.cos(2 * omega),
    r"e^{-\eta\lambda M}": sp.exp(-eta * lam * M),
    r"\exp\left(-\eta\right) \ln\beta": sp.exp(-eta) * sp.log(beta),
    r"\lvert M-\tau\rvert + \left|M-\tau\right| + |M-\tau|": 3 * sp.Abs(M - tau),
    r"M\,|M - |x||": M * sp.Abs(M - sp.Abs(x)),
    r"\eta \cdot c \times 2": 2 * eta * c,
    r"10^{-3}\,c": c / 1000,
    r"0.5 c": c / 2,
    r"$\eta c$": eta * c,
    r"\[\eta c.\]": eta * c,
    r"\begin{equation}\eta c\end{equation}": eta * c,
    r"\begin{cases} c & \text{if } \tau = 0 \\ 0 & \text{otherwise} \end{cases}":
        sp.Piecewise((c, sp.Eq(tau, 0, evaluate=False)), (0, True), evaluate=False),
    r"\mathrm{lr}\, c % a comment": eta * c,
    r"{\eta}^{2}": eta**2,
    r"\max\left(\tau, M\right)": sp.Max(tau, M),
    "η λ − c": eta * lam - c,
    r"x^{y} / (2 M)": x**y / (2 * M),
}


@pytest.mark.parametrize("text", MEANINGS)
def test_meaning(text: str) -> None:
    assert read_latex(text).expression == MEANINGS[text]


@pytest.mark.parametrize(("text", "name"), [
    (r"\lambda_{\text{cross}}", "lambda_cross"), (r"\eta_{\max}", "eta_max"), (r"\bar\eta", "eta_bar"),
    (r"q_{12}", "q_12"), (r"\hat{\theta}_k", "theta_hat_k"), (r"\sigma_\theta", "sigma_theta"),
    (r"x_{i,j}", "x_ij"), (r"\lambda_\times", "lambda_times"), (r"\mathbf{H}", "H"), ("U_M", "U_M"),
    (r"\theta'", "theta_prime"), (r"\mathcal L", "L"),
])
def test_names(text: str, name: str) -> None:
    reading = read_latex(text + " c")
    assert reading.expression == sp.Symbol(name) * c
    assert reading.unknown == (sp.Symbol(name),)
    assert reading.places == {name: (1, 1)}


def test_a_sequence_without_a_definition_is_a_name_with_a_hint() -> None:
    assert "a Lucas sequence has to be defined" in unknown_names_message(read_latex("c U_M"))
    with pytest.raises(ReadingError, match=r"the sequence U is not defined(.|\n)*U_\{n\+1\} = "):
        read_latex(r"U_{M-\tau}")


@pytest.mark.parametrize("left", [
    r"\langle\theta^2\rangle", r"\langle\theta_{k+\tau}\theta_k\rangle", r"R(\tau)", r"S_\theta(\omega)", "V",
    r"\mathbb{E}[v^2]", r"\operatorname{Var}(\theta)", r"\sigma_\theta^2", r"\lambda_\times", r"\eta_{\max}",
    r"\lim_{\lambda\to0}\langle\theta^2\rangle", r"\langle\theta\,\theta'\rangle",
])
def test_a_left_side_that_names_the_quantity(left: str) -> None:
    reading = read_latex(f"{left} = \\eta c")
    assert reading.left == left
    assert reading.expression == eta * c
    assert reading.equation is None
    assert reading.unknown == ()


def test_a_left_side_that_is_an_expression() -> None:
    reading = read_latex(r"2\lambda V \approx \eta c")
    assert reading.equation == (2 * lam * sp.Symbol("V"), eta * c)
    reading = read_latex(r"\tfrac12\lambda\langle\theta^2\rangle = \eta c")
    assert reading.equation == (lam * sp.Symbol("<theta^2>") / 2, eta * c)
    reading = read_latex(r"\langle v^2\rangle = \beta\langle v^2\rangle + c")
    average = sp.Symbol("<v^2>")
    assert reading.equation == (average, beta * average + c)


@pytest.mark.parametrize("text", [
    r"c \frac{z}{s} \quad\text{where}\quad s = 1+\beta, z = s^2",
    r"\begin{aligned} V &= c \frac{z}{s} \\ s &= 1 + \beta \\ z &= s^{2} \end{aligned}",
    r"V = c \frac{z}{s}, \quad s = 1 + \beta, \quad z = s^2.",
])
def test_definitions(text: str) -> None:
    reading = read_latex(text)
    s, z = sp.symbols("s z")
    assert reading.compact == c * z / s
    assert dict(reading.where) == {s: 1 + beta, z: s**2}
    assert reading.expression == c * (1 + beta)


LUCAS = r"U_{n+1} = (1+\beta-\eta\lambda) U_{n} - \beta U_{n-1}, U_0 = 0, U_1 = 1"


def test_sequences_by_their_recursion() -> None:
    trace = 1 + beta - eta * lam
    reading = read_latex(rf"c U_{{M+1}}^2 \\ {LUCAS}")
    assert reading.expression == c * LucasSequence(1, M + 1, trace, beta) ** 2
    for companion in (r"W_n = (1+\beta-\eta\lambda) U_{n} - U_{n+1}", r"W_{n} = \beta U_{n-1}"):
        reading = read_latex(rf"c\, W_{{M}} \\ {LUCAS}, \quad {companion}")
        assert reading.expression == c * LucasSequence(0, M, trace, beta)


REFUSED = {
    r"\input{/etc/passwd}": (1, 1, r"command \\input is not read", ""),
    r"\def\a{b}": (1, 1, r"command \\def is not read", ""),
    r"\eta \write18{x}": (1, 6, r"command \\write is not read", ""),
    r"\begin{tikzpicture}": (1, 1, "environment 'tikzpicture' is not read", ""),
    r"\pm\eta": (1, 1, r"command \\pm", "two claims"),
    r"\eta c/2\lambda": (1, 9, "not clear whether this stands below", r"\\frac"),
    r"\frac{\eta c}{2 \lambda": (1, 14, r"'\{' is never closed", r"'\}'"),
    r"\left(1 - \beta\right]": (1, 22, r"'\]' closes '\('", ""),
    r"\beta^12": (1, 7, "only the first digit", r"\^\{12\}"),
    r"\beta 2": (1, 7, "a number stands behind a factor", ""),
    r"\frac{dV}{dt}": (1, 1, "looks like a derivative", ""),
    r"\sum_h h": (1, 1, "needs its index and both ends", r"\\sum_\{h=1\}"),
    r"\eta < 2": (1, 6, "relation '<' stands", "conditions"),
    r"\eta c, \quad 0 \le \beta < 1": (1, 17, "relation '<=' stands", "conditions"),
    r"\eta \\ c": (1, 9, "a second formula begins", "one claim"),
    r"\eta & = \\ ": (1, 9, "nothing stands right of '='", ""),
    r"\operatorname{tr}(H)": (1, 1, "function tr is not read", ""),
    r"\theta^*": (1, 8, "star or dagger", "subscript"),
    r"\tan\omega": (1, 1, r"command \\tan", r"\\frac"),
    r"\infty": (1, 1, r"'\\infty' stands in a formula", "limits"),
    r"10^{10^{10}}": (1, 1, "exponent 10000000000", ""),
    "\\eta\0": (1, 5, r"U\+0000", ""),
    "\\eta\ud800": (1, 5, "half of a character", ""),
    "\\eta \u0430": (1, 6, "CYRILLIC SMALL LETTER A", "write 'a'"),
    "\\": (1, 1, "a backslash without a command", ""),
    "": (1, 1, "no formula here", ""),
    r"\text{a {b}}": (1, 1, r"\\text needs plain text", ""),
    r"c U_M \\ U_{n+1} = U_{n} + 1, U_0=0, U_1=1": (1, 28, "needs one U", ""),
    r"c U_M \\ U_{n+1} = 2 U_{n} - U_{n-1}, U_0=1, U_1=1": (1, 10, "does not begin with 0 and 1", ""),
    r"c W_M \\ U_{n+1} = 2 U_{n} - U_{n-1}, U_0=0, U_1=1, W_n = 3 U_{n} - U_{n+1}": (
        1, 53, "W is not the companion of U", ""),
    "\n\\eta\n + )": (3, 4, "stands where a number", ""),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:30].encode("ascii", "replace").decode())
def test_refusals_point_at_the_character(text: str) -> None:
    line, column, message, suggestion = REFUSED[text]
    with pytest.raises(ReadingError, match=message) as caught:
        read_latex(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert re.search(suggestion, caught.value.suggestion)
