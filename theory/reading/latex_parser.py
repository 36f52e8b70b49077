r"""LaTeX of one formula to a tree, by recursive descent.

Side by side means a product: ``M(M - 1)``. A sum sign takes the product behind it, a function without
brackets the plain letters and numbers behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NoReturn

from theory.reading import tree
from theory.reading.bounds import DEEPEST
from theory.reading.error import ReadingError
from theory.reading.functions import INFINITE_SUM, LIMITS_APART, ONE_DIRECTION, REMAINDER
from theory.reading.latex_names import subscript_text, wide_name
from theory.reading.latex_tokens import ACCENTS, FONTS, FRACTIONS, FUNCTIONS, LatexToken
from theory.reading.spelling import is_plain, plain

__all__ = ["Family", "LatexParser"]

_RELATIONS = ("<", "<=", ">", ">=", "=", "!=")
_CLOSING = {"(": ")", "[": "]", r"\{": r"\}", "{": "}", "lvert": "rvert"}
_NAMED = ("letter", "word")


@dataclass(frozen=True, slots=True)
class Family:
    """What ``U_{...}`` stands for.

    Attributes
    ----------
    k
        Which sequence; None if a raised ``(k)`` says so.
    invariants
        Their trees; empty while the sequence is being defined, when ``U_{n}`` is read as the name
        ``U_{n}`` itself.
    """

    k: int | None
    invariants: tuple[tree.Node, ...] = ()


@dataclass(slots=True)
class LatexParser:
    """Reads the tokens of one formula from ``at`` on; the last token is an ``end``.

    Attributes
    ----------
    families
        Sequences by their plain letter.
    declared
        Names that the notation declares: ``e`` is Euler's number unless it is one of them.
    """

    text: str
    tokens: Sequence[LatexToken]
    families: Mapping[str, Family] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()
    at: int = 0
    _depth: int = 0
    _bars: list[bool] = field(default_factory=lambda: [False])

    def formula(self) -> tree.Node:
        """The whole row of tokens as one formula.

        Raises
        ------
        ReadingError
            At the token that cannot stand where it stands.
        """
        node = self.total()
        if not self.now.is_("the end") or self.now.kind != "end":
            self.refuse_rest()
        return node

    @property
    def now(self) -> LatexToken:
        return self.tokens[self.at]

    def take(self) -> LatexToken:
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def refuse(self, token: LatexToken, message: str, suggestion: str = "") -> NoReturn:
        raise ReadingError(message, text=self.text, place=token.place, suggestion=suggestion)

    def refuse_rest(self) -> NoReturn:
        """The row should have ended here."""
        token = self.now
        if token.is_(*_RELATIONS):
            self.refuse(token, f"the relation {token.text!r} stands in a formula",
                        "write 'left = right' with one '='; conditions are given apart from the claim")
        if token.is_(")", "]", "}", r"\}", "rvert", "rangle", "|"):
            self.refuse(token, f"{_shown(token)} was never opened", "remove it, or open one before")
        if token.is_(","):
            self.refuse(token, "a comma stands inside a formula", "definitions follow behind it")
        if token.is_("infty", "lim", "to", "rightarrow"):
            self.refuse(token, f"{_shown(token)} stands in a formula", LIMITS_APART)
        self.refuse(token, f"{_shown(token)} stands where the formula should go on or end")

    @contextmanager
    def deeper(self, token: LatexToken) -> Iterator[None]:
        self._depth += 1
        if self._depth > DEEPEST:
            self.refuse(token, f"brackets, powers and functions more than {DEEPEST} deep",
                        "name a part of the formula and define it behind")
        yield
        self._depth -= 1

    def total(self) -> tree.Node:
        """Terms with signs between them."""
        terms: list[tree.Node] = []
        start = self.now
        while True:
            negative, sign = self._sign(first=not terms)
            if sign is None and terms:
                break
            term = self.term()
            if negative:
                minus = tree.Number(term.place, Fraction(-1))
                term = tree.Product(term.place, ((minus, False), (term, False)))
            terms.append(term)
        return terms[0] if len(terms) == 1 else tree.Total(start.place, tuple(terms))

    def _sign(self, *, first: bool) -> tuple[bool, LatexToken | None]:
        """Signs before a term; a second one may follow the first, as in ``a + - b``."""
        negative, sign, count = False, None, 0
        while self.now.is_("+", "-"):
            sign = self.take()
            negative, count = negative != (sign.text == "-"), count + 1
            if count > 2:
                self.refuse(sign, "three signs in a row", "write one sign")
        return negative, sign

    def term(self) -> tree.Node:
        """Factors side by side, or joined by signs of multiplication and division."""
        factors: list[tuple[tree.Node, bool]] = []
        below, divisor_open, start = False, False, self.now
        while True:
            token = self.now
            if token.is_("*", "/"):
                if not factors:
                    self.refuse(token, f"{_shown(token)} has nothing on its left")
                below, divisor_open = token.text == "/", False
                self.take()
            elif factors and not self.begins_factor(token):
                break
            elif divisor_open:
                self.refuse(token, "it is not clear whether this stands below the '/'",
                            r"write \frac{...}{...}, or brackets around what stands below")
            elif factors and token.kind == "number" and not self.tokens[self.at - 1].is_("*", "/"):
                self.refuse(token, "a number stands behind a factor",
                            r"write it in front, or \cdot between them, or ^{...} for a power")
            negative = False
            if self.tokens[self.at - 1].is_("*", "/") and self.at:
                negative, _ = self._sign(first=True)
            first = self.now
            factor = self.factor()
            if negative:
                minus = tree.Number(factor.place, Fraction(-1))
                factor = tree.Product(factor.place, ((minus, False), (factor, False)))
            factors.append((factor, below))
            divisor_open = below and not first.is_("(", "[", "{", r"\{", "sqrt", *FRACTIONS)
            below = False
        if len(factors) == 1 and not factors[0][1]:
            return factors[0][0]
        return tree.Product(start.place, tuple(factors))

    def begins_factor(self, token: LatexToken) -> bool:
        """Whether a factor may begin with this token; a bar closes if one is open here."""
        if token.is_("|"):
            return not self._bars[-1]
        if token.kind in ("number", *_NAMED):
            return not (token.kind == "word" and token.text in _STOP_WORDS)
        if token.kind == "command":
            return token.text not in ("end", "bmod", "to", "rightarrow", "otherwise", "infty", "star", "top")
        return token.is_("(", "[", "{", r"\{", "lvert", "langle")

    def factor(self) -> tree.Node:
        """An atom with its power."""
        token = self.now
        if token.kind in _NAMED or token.is_(*ACCENTS, *FONTS):
            return self.named()
        if token.kind == "number":
            self.take()
            return self.powered(tree.Number(token.place, Fraction(token.text)))
        if token.is_("(", "[", r"\{", "{"):
            return self.powered(self.bracket())
        if token.is_("|", "lvert"):
            return self.powered(self.absolute())
        if token.is_("langle"):
            return self.powered(self.average())
        if token.is_(*FRACTIONS):
            return self.fraction()
        if token.is_("sqrt"):
            return self.powered(self.root())
        if token.is_("sum"):
            return self.series()
        if token.is_(*FUNCTIONS):
            return self.function()
        if token.is_("begin"):
            return self.cases()
        if token.kind == "end":
            self.refuse(token, "the formula ends here, and something is missing")
        if token.is_("infty", "lim", "to", "rightarrow"):
            self.refuse(token, f"{_shown(token)} stands in a formula", LIMITS_APART)
        self.refuse(token, f"{_shown(token)} stands where a number, a name or a bracket is expected")

    def bracket(self) -> tree.Node:
        """What stands in a pair of brackets."""
        opening = self.take()
        closing = _CLOSING[opening.text]
        self._bars.append(False)
        with self.deeper(opening):
            node = self.total()
        self._bars.pop()
        if not self.now.is_(closing):
            if self.now.kind == "end":
                self.refuse(opening, f"this {_shown(opening)} is never closed",
                            f"write {closing!r} where it ends")
            if self.now.is_(*_CLOSING.values()):
                self.refuse(self.now, f"{_shown(self.now)} closes {_shown(opening)}",
                            f"write {closing!r}, or open with its partner")
            self.refuse_rest()
        self.take()
        return node

    def absolute(self) -> tree.Node:
        opening = self.take()
        self._bars.append(opening.text == "|")
        with self.deeper(opening):
            node = self.total()
        self._bars.pop()
        if not self.now.is_("|" if opening.text == "|" else "rvert"):
            if self.now.kind == "end":
                self.refuse(opening, "this bar is never closed", "write | where it ends")
            self.refuse_rest()
        self.take()
        return tree.Call(opening.place, "Abs", (node,))

    def average(self) -> tree.Node:
        r"""``\langle\theta^2\rangle``: one name, as it is written."""
        opening = self.take()
        while not self.now.is_("rangle"):
            if self.now.kind == "end" or self.now.is_("langle", "=", "row"):
                self.refuse(opening, r"this \langle has no \rangle")
            self.take()
        inside = self.text[opening.end : self.take().place]
        return tree.Name(opening.place, "<" + "".join(inside.replace("\\", " ").split()) + ">")

    def powered(self, base: tree.Node) -> tree.Node:
        """The base, to the power that follows it if one does."""
        if not self.now.is_("^"):
            return base
        exponent = self.exponent(self.take())
        if self.now.is_("^"):
            self.refuse(self.now, "a second power", "write {a^{b}}^{c} or a^{b c}")
        return tree.Power(base.place, base, exponent)

    def exponent(self, sign: LatexToken) -> tree.Node:
        token = self.now
        if token.is_("{"):
            return self.bracket()
        if token.kind == "number":
            if len(token.text) > 1:
                self.refuse(token, f"only the first digit of {token.text} would be raised",
                            f"write ^{{{token.text}}}")
            self.take()
            return tree.Number(token.place, Fraction(token.text))
        if token.kind == "letter":
            self.take()
            return tree.Name(token.place, token.text)
        if token.is_("*", "star", "dagger", "top"):
            self.refuse(token, "a star or dagger as exponent", r"write it as a subscript, \theta_{\star}")
        self.refuse(token if token.kind != "end" else sign, "no exponent follows", "write ^{...}")

    def argument(self, command: LatexToken) -> tree.Node:
        r"""The argument of ``\frac`` and ``\sqrt``: a group, or one letter or digit."""
        token = self.now
        if token.is_("{"):
            return self.bracket()
        if token.kind == "number" and "." not in token.text:
            if len(token.text) > 1:
                self.refuse(token, f"only the first digit of {token.text[:24]} would be the argument",
                            "write it in braces")
            self.take()
            return tree.Number(token.place, Fraction(token.text))
        if token.kind == "letter":
            self.take()
            return tree.Name(token.place, token.text)
        self.refuse(token if token.kind != "end" else command, rf"\{command.text} has no argument here",
                    rf"write \{command.text}{{...}}")

    def fraction(self) -> tree.Node:
        command = self.take()
        first = self.at
        above = self.argument(command)
        second = self.at
        below = self.argument(command)
        if self._differential(first) and self._differential(second):
            self.refuse(command, "this looks like a derivative",
                        "write its value, or the d behind its factor")
        if self.now.is_("^"):
            self.refuse(self.now, "a power of a fraction without brackets",
                        r"write \left(\frac{a}{b}\right)^{2}")
        return tree.Product(command.place, ((above, False), (below, True)))

    def _differential(self, at: int) -> bool:
        """Whether a group begins with a d and another letter."""
        d, letter = self.tokens[at + 1], self.tokens[min(at + 2, len(self.tokens) - 1)]
        return self.tokens[at].is_("{") and d.kind == "letter" and d.text == "d" and letter.kind == "letter"

    def root(self) -> tree.Node:
        command = self.take()
        degree: tree.Node | None = self.bracket() if self.now.is_("[") else None
        radicand = self.argument(command)
        if degree is None:
            return tree.Call(command.place, "sqrt", (radicand,))
        one = tree.Number(command.place, Fraction(1))
        inverse = tree.Product(command.place, ((one, False), (degree, True)))
        return tree.Power(command.place, radicand, inverse)

    def series(self) -> tree.Node:
        r"""``\sum_{h=1}^{M-1}`` and the product behind it."""
        command = self.take()
        index, low, high = "", None, None
        for _ in range(2):
            if self.now.is_("_"):
                self.take()
                if not self.now.is_("{"):
                    break
                self.take()
                token = self.take()
                if token.kind != "letter" or not self.now.is_("="):
                    self.refuse(token, "the index of the sum is not clear", r"write \sum_{h=1}^{M-1}")
                self.take()
                index, low = token.text, self.total()
                if not self.take().is_("}"):
                    self.refuse(token, "the range of the sum is not clear", r"write \sum_{h=1}^{M-1}")
            elif self.now.is_("^"):
                if any(t.is_("infty") for t in self.tokens[self.at + 1 : self.at + 4 - self._bare()]):
                    self.refuse(command, "an infinite sum", INFINITE_SUM)
                high = self.exponent(self.take())
        if not index or low is None or high is None:
            self.refuse(command, "a sum needs its index and both ends", r"write \sum_{h=1}^{M-1}")
        with self.deeper(command):
            body = self.term()
        return tree.Series(command.place, body, index, low, high)

    def _bare(self) -> int:
        """2 behind ``^`` without braces, where the end of a sum is one token."""
        return 0 if self.tokens[min(self.at + 1, len(self.tokens) - 1)].is_("{") else 2

    def function(self) -> tree.Node:
        command = self.take()
        name = FUNCTIONS[command.text]
        power = self.exponent(self.take()) if self.now.is_("^") else None
        if isinstance(power, tree.Product | tree.Total):
            self.refuse(command, "a power of a function that is no number or letter",
                        rf"write \left(\{command.text} x\right)^{{...}}")
        with self.deeper(command):
            arguments = self.arguments(command, name)
        if self.now.is_("^") and power is None and not self.tokens[self.at - 1].is_(*_CLOSING.values()):
            self.refuse(self.now, "a power behind a function", rf"write \{command.text}^{{2}} x")
        node: tree.Node = tree.Call(command.place, name, arguments)
        if power is not None:
            return tree.Power(command.place, node, power)
        return self.powered(node)

    def arguments(self, command: LatexToken, name: str) -> tuple[tree.Node, ...]:
        r"""In brackets, or the plain factors behind: ``\cos 2\omega``."""
        if self.now.is_("{") and self.tokens[self.at + 1].is_("(") and name not in ("Max", "Min"):
            node = self.bracket()
            return (node,)
        if self.now.is_("(", "[", r"\{") and name in ("Max", "Min"):
            opening = self.take()
            found = [self.total()]
            while self.now.is_(","):
                self.take()
                found.append(self.total())
            if not self.take().is_(_CLOSING[opening.text]):
                self.refuse(opening, "this bracket is never closed")
            return tuple(found)
        if self.now.is_("(", "[", "{", r"\{"):
            return (self.bracket(),)
        factors: list[tuple[tree.Node, bool]] = []
        while self.now.kind == "letter" or self.now.is_(*FRACTIONS) or (
            self.now.kind == "number" and not factors
        ):
            factors.append((self.factor(), False))
        if not factors:
            self.refuse(self.now if self.now.kind != "end" else command, rf"\{command.text} has no argument",
                        rf"write \{command.text}\left(...\right)")
        return (factors[0][0] if len(factors) == 1 else tree.Product(factors[0][0].place, tuple(factors)),)

    def cases(self) -> tree.Node:
        r"""``\begin{cases} a & \text{if } x < 1 \\ b & \text{otherwise} \end{cases}``."""
        begin = self.take()
        pieces: list[tuple[tree.Node, tree.Node]] = []
        with self.deeper(begin):
            while not self.now.is_("end"):
                value = self.total()
                if self.now.is_(","):
                    self.take()
                if not self.now.is_("&"):
                    self.refuse(self.now, "a case has no condition", r"write 'value & \text{if } x < 1 \\'")
                self.take()
                pieces.append((value, self.condition()))
                if self.now.is_("\\\\"):
                    self.take()
                elif not self.now.is_("end"):
                    self.refuse_rest()
        self.take()
        return tree.Cases(begin.place, tuple(pieces))

    def condition(self) -> tree.Node:
        while self.now.kind == "word" and self.now.text.lower() in ("if", "for", "when", "where"):
            self.take()
        if (self.now.kind == "word" and self.now.text.lower() in ("otherwise", "else")) or (
            self.now.is_("otherwise")
        ):
            return tree.Truth(self.take().place, True)
        parts: list[tree.Node] = []
        start = self.now
        while True:
            left = self.total()
            if not self.now.is_(*_RELATIONS):
                self.refuse(self.now, "a relation is expected in the condition", r"write x < 1 or x \le 1")
            while self.now.is_(*_RELATIONS):
                sign = self.take()
                right = self.total()
                parts.append(tree.Relation(left.place, sign.text, left, right))
                left = right
            if not (self.now.is_(",") or (self.now.kind == "word" and self.now.text.lower() == "and")):
                break
            self.take()
        return parts[0] if len(parts) == 1 else tree.Junction(start.place, "and", tuple(parts))

    def named(self) -> tree.Node:
        """A name with its decorations, a sequence term, or Euler's number to a power."""
        first = self.now
        base, called = wide_name(self)
        while self.now.is_("'"):
            self.take()
            base += "'"
        if self.now.is_("^") and self.tokens[self.at + 1].is_("{") and self.tokens[self.at + 2].is_("'"):
            self.at += 3
            base += "'"
            if not self.take().is_("}"):
                self.refuse(first, "a prime inside a power", "write the prime behind the letter")
        family = self.families.get(plain(base))
        if family is not None and self.now.is_("_", "^"):
            return self.sequence(first, plain(base), family)
        if base == "e" and self.now.is_("^") and "e" not in self.declared:
            exponent = self.exponent(self.take())
            return tree.Call(first.place, "exp", (exponent,))
        power: tree.Node | None = None
        if self.now.is_("^") and self._subscript_behind_power():
            power = self.exponent(self.take())
        if self.now.is_("_"):
            base += "_" + subscript_text(self, base)
        name = plain(base)
        if not is_plain(name) or len(name) > 60:
            self.refuse(first, f"the name {name[:24]!r} is not read",
                        "a name is a letter, with letters and digits below")
        if name in ("O", "o") and self.now.is_("(", "[") and name not in self.declared:
            self.refuse(first, f"the remainder {name}(...) stands in a formula", REMAINDER)
        if called and name in ("Tr", "tr", "trace"):
            self.refuse(first, f"the function {name} is not read", ONE_DIRECTION)
        if called and self.now.is_("(", "["):
            self.refuse(first, f"the function {name} is not read",
                        r"read are \sqrt, \exp, \log, \cos, \sin, \max, \min")
        node = tree.Name(first.place, name)
        return self.powered(node) if power is None else tree.Power(first.place, node, power)

    def _subscript_behind_power(self) -> bool:
        r"""Whether ``^{...}`` or ``^2`` is followed by a subscript, as in ``\sigma^2_\theta``."""
        depth = 0
        for i in range(self.at + 1, min(self.at + 30, len(self.tokens))):
            depth += self.tokens[i].is_("{") - self.tokens[i].is_("}")
            if depth == 0:
                return self.tokens[min(i + 1, len(self.tokens) - 1)].is_("_")
        return False

    def sequence(self, first: LatexToken, letter: str, family: Family) -> tree.Node:
        """``U_{M}``, ``u^{(2)}_{M}``: a term of a sequence that the text defines."""
        k = family.k
        if k is None:
            k = self.raised_index(first, letter)
        if not self.now.is_("_"):
            self.refuse(self.now, f"{letter} is a sequence without its index", f"write {letter}_{{M}}")
        self.take()
        with self.deeper(first):
            n = self.argument(LatexToken("command", letter, first.place, first.end))
        if not family.invariants:  # while it is being defined
            index = "".join(self.text[first.place : self.tokens[self.at - 1].end].split())
            return tree.Name(first.place, index)
        return self.powered(tree.SequenceTerm(first.place, k, n, family.invariants))

    def raised_index(self, first: LatexToken, letter: str) -> int:
        """The (k) of ``u^{(k)}``."""
        signs = self.tokens[self.at : self.at + 5]
        if [t.text for t in signs[:3]] != ["^", "{", "("] or len(signs) < 5 or signs[3].kind != "number" or (
            not signs[4].is_(")") or not signs[3].text.isdigit() or len(signs[3].text) > 2
        ):
            self.refuse(first, f"{letter} is a family of sequences, and none is named",
                        f"write {letter}^{{(0)}}_{{M}}")
        self.at += 5
        if not self.take().is_("}"):
            self.refuse(first, f"{letter} is a family of sequences", f"write {letter}^{{(0)}}_{{M}}")
        return int(signs[3].text)


_STOP_WORDS = ("where", "with", "and", "if", "for", "otherwise", "else", "when", "or")


def _shown(token: LatexToken) -> str:
    """The token as it is written, for a message."""
    if token.kind in ("row", "end"):
        return "a line end" if token.kind == "row" else "the end"
    if token.text in ("lvert", "rvert"):
        return "'|'"
    command = token.kind == "command" or token.text in ("langle", "rangle")
    return f"'{chr(92) * command}{token.text[:24]}'"
