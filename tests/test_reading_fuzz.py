"""Both readers against 100,000 random texts: a reading or a refusal, at once, and nothing else.

The bulk is drawn by a plain seeded generator (``random.Random``, no shrinking): mutations of real formulas,
formulas from a grammar, soups of tokens, random Unicode, nested brackets, large numbers. Hypothesis then
looks for smaller counterexamples with a few thousand derandomised examples of the same kinds. An audit hook
watches both: no file is opened, nothing is imported, executed or started, and the only source that reaches
Python's parser (for ``ast``) consists of operators, brackets and the reader's own identifiers ``t0``, ``t1``.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from theory import formula_by_slug
from theory.errors import TheoryError
from theory.export import formula_record
from theory.reading import Reading, ReadingError, read_condition, read_latex, read_text
from theory.typeset import formula_latex

INPUTS = 100_000
HYPOTHESIS_EXAMPLES = 1_500
#: seconds for one input, on a machine that does something else too; alone, the slowest takes a tenth
SLOWEST = 1.0

SLUGS = (
    "white-weight-variance", "white-weight-autocovariance", "white-weight-spectrum", "flat-correlation-time",
    "reshuffled-noise-spectrum", "reshuffled-velocity-variance", "correlation-time-steep", "stability-limit",
    "reshuffled-weight-variance-iterated-sums", "critical-damping-curvature", "kinetic-weight-variance",
    "cross-mode-velocity-covariance", "reshuffled-weight-variance-small-step", "loss-fluctuation",
    "averaged-white-weight-variance", "sgd-reshuffled-weight-variance",
)
TEXTS = (
    "eta*c/(lambda*(2 - eta*lambda))", "<theta^2> = eta*c/2", "2*lambda*V = eta*c",
    "-c*(M - |h|)/(M*(M - 1))", "Sum((M - h)*cos(omega*h), (h, 1, M - 1))",
    "Piecewise((c, tau < 1), (0, True))", "s = 1 + beta\ns**2 - 4*beta",
    "c*A*B where A = sqrt(beta), B = exp(-eta*lambda*M)", "LucasSequence(1, M, 1 + beta - eta*lambda, beta)",
    "Var(theta) = 0.5e-3*eta^2 # comment", "η·c/(2·λ) − ½", "a = 10**9; b = a**a; eta**b",
)
LATEX = (
    r"\langle\theta^2\rangle = \frac{\eta c}{2\lambda}", r"R(h) = -C \, \frac{M - |h|}{M (M-1)}",
    r"\sum_{h=1}^{M-1} \left(M-h\right) \cos(\omega h) + c", r"\sqrt[3]{1-\beta^{M}} e^{-\eta\lambda}",
    r"\begin{cases} c & \text{if } \tau = 0 \\ -\frac{c}{M-1} & \text{otherwise}\end{cases}",
    r"s c \quad\text{where}\quad s = 1+\beta", r"\lambda_{\text{cross}} = \frac{3(1-\beta)}{\eta M}",
)
TEXT_WORDS = """
    eta beta lambda c M S N tau j omega d rho nu alpha x y where and or True pi sqrt exp log cos Abs Mod Max
    Sum Piecewise LucasSequence ( ) ( ) ( ) + - * / ** ^ , ; = == < <= > >= != | | 0 1 2 3 10 64 65 0.5 1e9
    1e-3 99 η λ ² √ ≤ · ' " . : [ ] { } \\ @ # _ __x__ lambda: import def f' %d <theta^2>
"""
TEXT_TOKENS = [*TEXT_WORDS.split(), " ", "\n", "\t", "\r\n", "\0", "\ud800", "\u202e", "а", "２"]
LATEX_WORDS = r"""
    \eta \beta \lambda c M S N \tau \omega x y e z q U U_{M} W_{M} U_{n+1} U_{n} U_{n-1} U_{0} F_{n}
    u^{(1)}_{M} z^{n} \bmod \frac{ \frac \tfrac12 \sqrt \sqrt[ \sum \sum_{h=1}^{M} \cos \exp \log \max
    \left( \right) \Bigl[ \Bigr] \lvert \rvert | | ( ) [ ] { } { } { } ^ _ ^{ _{ ^2 ' & \\ , \, \quad = < \le
    + - * / \cdot \langle \rangle \text{where} \text{if} \mathrm{lr} \begin{cases} \end{cases}
    \begin{aligned} \end{aligned} \bar \mathbb{E} \infty \lim \to \pm \def \input{a} $ 0 1 2 3 12 64 65 0.5
    \phantom{=} \Big/ . : %
"""
LATEX_TOKENS = [*LATEX_WORDS.split(), " ", "\n", "\\", "\0", "\ud800", "а", "η"]

LATE_IMPORTS = (
    "physics.units.util", "sets.handlers.add", "sets.handlers.comparison", "sets.handlers.functions",
    "sets.handlers.intersection", "sets.handlers.issubset", "sets.handlers.mul", "sets.handlers.power",
    "sets.handlers.union", "calculus.util", "solvers.inequalities", "solvers.solveset",
)
WATCHED = (
    "open", "exec", "compile", "import", "os.", "subprocess.", "socket.", "shutil.", "ctypes.", "pickle.",
    "marshal.", "tempfile.", "urllib.", "code.", "builtins.input", "webbrowser.",
)
OWN_SOURCE = re.compile(rb"(t[0-9]+|and|or|[-+*/(),]|\*\*|[<>]=?|==|!=| )*")


class Watch:
    """What an audit hook saw while it was on; hooks stay for the life of the process."""

    on = False
    seen: list[str] = []  # noqa: RUF012 (one list, filled by the hook)

    @classmethod
    def hook(cls, event: str, arguments: tuple[Any, ...]) -> None:
        if not cls.on or not event.startswith(WATCHED):
            return
        if event == "compile":
            source = arguments[0]
            raw = source.encode() if isinstance(source, str) else source
            own = isinstance(raw, bytes) and OWN_SOURCE.fullmatch(raw) is not None
            if own and arguments[1] in ("<unknown>", b"<unknown>"):
                return
        cls.seen.append(f"{event} {str(arguments)[:200]}")


sys.addaudithook(Watch.hook)


@contextmanager
def watched() -> Iterator[None]:
    Watch.seen.clear()
    Watch.on = True
    try:
        yield
    finally:
        Watch.on = False
    assert Watch.seen == []


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[str]]:
    """Real formulas; what SymPy itself imports late is imported here."""
    for module in LATE_IMPORTS:
        import_module(f"sympy.{module}")
    formulas = [formula_by_slug(slug) for slug in SLUGS]
    records = [formula_record(f) for f in formulas]
    text = [*TEXTS, *(r["compact"] for r in records), *(r["valid_if"] for r in records)]
    latex = [*LATEX, *(formula_latex(f, named=True) for f in formulas)]
    text, latex = [t for t in text if len(t) < 700], [t for t in latex if len(t) < 700]
    for reader, formulas_ in ((read_text, text), (read_condition, text), (read_latex, latex)):
        for formula in formulas_:
            outcome(reader, formula)
    found = {"text": text, "latex": latex}
    rng = random.Random("first")
    for number in range(4_000):
        outcome(read_latex if number % 2 else read_text, draw(rng, found, number % 2 == 1)[1])
    return found


def outcome(reader: Callable[[str], Any], text: str) -> str:
    """'read' or 'refused'; everything else is an error of the test."""
    error: ReadingError | None = None
    started = time.process_time()  # of this process: the machine may be busy
    try:
        found = reader(text)
        assert isinstance(found, Reading) or found.is_Boolean or found.is_Relational
        result = "read"
    except ReadingError as refusal:
        error, result = refusal, "refused"
    spent = time.process_time() - started
    assert spent < SLOWEST, f"{spent:.2f} s for {text[:200]!r}"
    assert error is None or (min(error.line, error.column) >= 1 and error.message in str(error))
    return result


def mutated(rng: random.Random, formulas: list[str], tokens: list[str]) -> str:
    """A real formula, cut and changed in a few places."""
    text = rng.choice(formulas)
    if len(text) > 120:
        start = rng.randrange(len(text) - 60)
        text = text[start : start + rng.randrange(20, 160)] if rng.random() < 0.8 else text
    for _ in range(rng.randrange(4)):
        a = rng.randrange(len(text) + 1)
        b = min(len(text), a + rng.randrange(6))
        kind = rng.randrange(5)
        if kind == 0:
            text = text[:a] + text[b:]
        elif kind == 1:
            text = text[:a] + rng.choice(tokens) + text[a:]
        elif kind == 2:
            text = text[:a] + text[a:b] * 2 + text[b:]
        elif kind == 3:
            text = text[:a] + chr(rng.randrange(0x110000)) + text[b:]
        else:
            other = rng.choice(formulas)
            c = rng.randrange(len(other) + 1)
            text = text[:a] + other[c : c + 20] + text[b:]
    return text


def grammatical(rng: random.Random, latex: bool, depth: int = 0) -> str:
    """A formula that is well formed, whatever it means."""
    kind = rng.randrange(9) if depth < 4 else 0

    def part() -> str:
        return grammatical(rng, latex, depth + 1)

    names = (r"\eta", r"\beta", r"\lambda", "c", "M", r"\tau", "x", r"\lambda'") if latex else (
        "eta", "beta", "lambda", "c", "M", "tau", "x", "λ'")
    if kind <= 1:
        return rng.choice((*names, str(rng.randrange(12)), "0.25"))
    if kind == 2:
        return f"{part()} {rng.choice('+-')} {part()}"
    if kind == 3:
        return rf"\left({part()}\right)\left({part()}\right)" if latex else f"({part()})*({part()})"
    if kind == 4:
        return rf"\frac{{{part()}}}{{{part()}}}" if latex else f"({part()})/({part()})"
    if kind == 5:
        power = rng.choice(("2", "3", "-1", "M", "64", "99", part()))
        return rf"\left({part()}\right)^{{{power}}}" if latex else f"({part()})**({power})"
    if kind == 6:
        name = rng.choice(("sqrt", "exp", "log", "cos", "sin", "Abs"))
        command = rf"\sqrt{{{part()}}}" if name == "sqrt" else (
            rf"\left|{part()}\right|" if name == "Abs" else rf"\{name}\left({part()}\right)")
        return command if latex else f"{name}({part()})"
    if kind == 7:
        if latex:
            return rf"\sum_{{h={part()}}}^{{{part()}}} \left({part()} h\right)"
        return f"Sum(({part()})*h, (h, {part()}, {part()}))"
    if latex:
        first = f"{part()} & {part()} < {part()}"
        return rf"\begin{{cases}} {first} \\ {part()} & \text{{otherwise}} \end{{cases}}"
    return rng.choice((
        f"Piecewise(({part()}, {part()} < {part()}), ({part()}, True))", f"Max({part()}, {part()})",
        f"LucasSequence({rng.randrange(3)}, {part()}, {part()}, {part()})", f"Mod({part()}, {part()})",
    ))


def bomb(rng: random.Random, latex: bool) -> str:
    """Nested, long, or large."""
    size = int(10 ** rng.uniform(0, 3.3))
    opening = rng.choice(
        ("(", "{", "[", "|", r"\left(", r"\frac{", r"\sqrt{", "x^{", "x_{", r"\cos{", "-", r"\bar",
         r"\begin{cases}", r"\sum_{h=1}^{M}") if latex else
        ("(", "[", "|", "sqrt(", "x**(", "-", "<", "Abs(", "Sum(", "Piecewise((", "2**", "f'")
    )
    ending = rng.choice((")", "}", "]", "|", r"\right)", "))", "", "*2", "+1"))
    digits = rng.choice("0123456789") * size
    return rng.choice((
        opening * size, opening * size + "x" + ending * size, digits, f"x**{digits}", f"10**10**{digits}",
        f"x^{{{digits}}}", f"1e{digits}", f"0.{digits}", ("x" + rng.choice("+-*/;,=\n &")) * size + "x",
        rng.choice(("\\", "'", '"', "\n", ";", "#", "%", "&", "\\\\", "$")) * size,
        "\n".join(["a1 = x", *(f"a{i + 1} = a{i}*a{i} + a{i}" for i in range(1, min(size, 60))), "a2*a1"]),
    ))


def unicode_soup(rng: random.Random) -> str:
    return "".join(
        chr(rng.choice((rng.randrange(0x80), rng.randrange(0x500), rng.randrange(0x110000)))) for _ in
        range(rng.randrange(40))
    )


def draw(rng: random.Random, corpus: dict[str, list[str]], latex: bool) -> tuple[str, str]:
    """One input and its kind."""
    tokens = LATEX_TOKENS if latex else TEXT_TOKENS
    kind = rng.choices(("mutated", "grammatical", "soup", "unicode", "bomb"), (45, 15, 30, 9, 1))[0]
    if kind == "mutated":
        return kind, mutated(rng, corpus["latex" if latex else "text"], tokens)
    if kind == "grammatical":
        return kind, grammatical(rng, latex)
    if kind == "soup":
        return kind, rng.choice(("", " ")).join(rng.choice(tokens) for _ in range(rng.randrange(25)))
    return kind, unicode_soup(rng) if kind == "unicode" else bomb(rng, latex)


def test_a_hundred_thousand_inputs_are_read_or_refused(corpus: dict[str, list[str]]) -> None:
    rng = random.Random("readers")
    count: Counter[tuple[str, str]] = Counter()
    with watched():
        for number in range(INPUTS):
            latex = number % 2 == 1
            kind, text = draw(rng, corpus, latex)
            plain = read_text if number % 8 else read_condition
            reader: Callable[[str], Any] = read_latex if latex else plain
            count[kind, outcome(reader, text)] += 1
    assert sum(count.values()) == INPUTS >= 100_000
    for kind in ("mutated", "grammatical"):  # the fuzz reaches the inside: many are read, many refused
        assert min(count[kind, "read"], count[kind, "refused"]) > 1_000, count


short = settings(derandomize=True, max_examples=HYPOTHESIS_EXAMPLES, deadline=None, database=None,
                 suppress_health_check=list(HealthCheck))


@short
@given(text=st.text(max_size=60) | st.lists(st.sampled_from(TEXT_TOKENS), max_size=25).map(" ".join))
def test_text_is_read_or_refused(text: str) -> None:
    for reader in (read_text, read_condition):
        outcome(reader, text)


@short
@given(text=st.text(max_size=60) | st.lists(st.sampled_from(LATEX_TOKENS), max_size=25).map(" ".join))
def test_latex_is_read_or_refused(text: str) -> None:
    outcome(read_latex, text)


@short
@given(seed=st.integers(0, 2**32), latex=st.booleans())
def test_well_formed_formulas_are_read_or_refused(seed: int, latex: bool) -> None:
    outcome(read_latex if latex else read_text, grammatical(random.Random(seed), latex))


def test_the_watch_sees_files_code_and_imports() -> None:
    """Negative control of the audit hook."""
    acts: tuple[Callable[[], Any], ...] = (
        lambda: open(__file__, "rb").close(), lambda: exec("1"), lambda: compile("t0.x", "<unknown>", "eval"),
    )
    for act in acts:
        with pytest.raises(AssertionError, match=r"open|exec|compile"), watched():
            act()


def test_an_error_that_is_no_refusal_would_be_noticed() -> None:
    """Negative control of ``outcome``."""
    with pytest.raises(ZeroDivisionError, match="division"):
        outcome(lambda text: 1 // len(text), "")
    assert issubclass(ReadingError, TheoryError)
