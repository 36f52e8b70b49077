r"""LaTeX as tokens: spacing, sizes and layout are dropped, unknown commands refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

from theory.reading.bounds import DIGITS, LONG_DIGITS, NODES
from theory.reading.error import ReadingError
from theory.reading.spelling import GREEK, GREEK_LETTERS
from theory.reading.text_tokens import require_short, stranger

__all__ = ["ACCENTS", "FONTS", "FRACTIONS", "FUNCTIONS", "LatexToken", "tokenize_latex"]

#: letter decorations that belong to a name, and fonts that do not
ACCENTS = ("bar", "hat", "tilde", "overline", "vec", "dot", "widehat", "widetilde")
FONTS = ("mathbf", "boldsymbol", "bm", "mathcal", "mathbb", "mathsf", "mathfrak", "mathit")
FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac")
#: functions by their command
FUNCTIONS = {"cos": "cos", "sin": "sin", "exp": "exp", "log": "log", "ln": "log", "max": "Max", "min": "Min"}
_TEXT = ("text", "mathrm", "textrm", "textit", "textbf", "operatorname", "rm", "mbox")
_DISPLAYS = (
    "aligned", "align", "align*", "equation", "equation*", "split", "gathered", "gather", "gather*",
    "multline", "multline*", "eqnarray", "eqnarray*", "displaymath", "math", "alignedat", "flalign",
)
_DROPPED = frozenset((
    "quad", "qquad", "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "nonumber", "notag",
    "big", "bigl", "bigr", "Big", "Bigl", "Bigr", "bigg", "biggl", "biggr", "Bigg", "Biggl", "Biggr",
    "enspace", "thinspace", "middle", "allowbreak", "hfill", "noindent", "hspace*",
))
#: dropped with the group behind them
_DROPPED_WITH_GROUP = (
    "phantom", "hphantom", "vphantom", "label", "tag", "tag*", "hspace", "vspace", "mspace",
)
_SAME = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "slash": "/", "lt": "<", "gt": ">", "le": "<=",
    "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=", "ne": "!=", "neq": "!=",
    "approx": "=", "simeq": "=", "equiv": "=", "coloneqq": "=", "triangleq": "=", "lbrack": "[",
    "rbrack": "]", "lbrace": r"\{", "rbrace": r"\}", "vert": "|", "mid": "|", "lvert": "lvert",
    "rvert": "rvert", "langle": "langle", "rangle": "rangle", "prime": "'", "colon": ":",
}
_KEPT = frozenset((
    *GREEK_LETTERS, *ACCENTS, *FONTS, *FUNCTIONS, *FRACTIONS, "sqrt", "sum", "bmod",
    "infty", "ell", "to", "rightarrow", "lim", "star", "dagger", "top", "otherwise",
))
_HINTS = {
    "pm": r"write two claims, one with + and one with -", "mp": "write two claims, one with each sign",
    "prod": "write the product out, or as a power", "int": "write the value of the integral",
    "partial": "write the derivative out", "nabla": "write the derivative out",
    "binom": "write the binomial coefficient out", "propto": "write = and the factor",
    "sim": "write = for equality", "over": r"write \frac{a}{b}", "choose": "write the coefficient out",
    "tan": r"write \frac{\sin x}{\cos x}", "cot": r"write \frac{\cos x}{\sin x}",
    "tanh": "write it in exponentials", "sinh": "write it in exponentials",
    "cosh": "write it in exponentials", "coth": "write it in exponentials",
    "det": "write the number", "operatorname*": r"write \operatorname",
    "mathop": r"write \operatorname", "ldots": r"write all terms, or \sum_{h=1}^{M}",
    "cdots": r"write all terms, or \sum_{h=1}^{M}", "dots": r"write all terms, or \sum_{h=1}^{M}",
    "lVert": r"write |x|", "rVert": "write |x|", "|": "write |x|", "in": "conditions are given apart",
    "substack": "write one index with its range", "pmod": r"write \bmod", "gets": "write =",
}
_PATTERN = re.compile(
    r"(?P<space>\s+|~|%[^\n]*|\\[,;:!> ]|\\\n)|(?P<row>\\\\(?:\[[^\]\n]{0,20}\])?)"
    r"|(?P<command>\\(?:[A-Za-z]+\*?|.))|(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
    rf"|(?P<letter>[A-Za-z{''.join(GREEK)}])|(?P<symbol><=|>=|:=|[-+*/^_={{}}()\[\]<>,;.:|&!'$@?\"`#])",
    re.DOTALL,
)
_SIGNS = {"·": "*", "×": "*", "⋅": "*", "−": "-", "≤": "<=", "≥": ">=", "≠": "!=", "⟨": "langle",
          "⟩": "rangle", "′": "'", "≈": "="}


@dataclass(frozen=True, slots=True)
class LatexToken:
    """One token.

    Attributes
    ----------
    kind
        ``number``, ``letter`` (also Greek, spelled out), ``word`` (the text of a ``\\text``),
        ``command``, ``symbol``, ``row`` or ``end``.
    text
        What it is, synonyms made one: ``*`` for ``\\cdot``.
    place, end
        Offsets in the text.
    """

    kind: str
    text: str
    place: int
    end: int

    def is_(self, *texts: str) -> bool:
        """Whether it is one of these symbols or commands."""
        return self.kind in ("symbol", "command", "row", "end") and self.text in texts


def tokenize_latex(text: str) -> list[LatexToken]:
    """The tokens of a text, an ``end`` token last.

    Raises
    ------
    ReadingError
        For characters, commands and environments that are not read, and numbers that are too long.
    """
    require_short(text)
    tokens: list[LatexToken] = []
    open_: list[LatexToken] = []
    first = len(text) - len(text.lstrip("$ \n\t"))  # dollar signs may stand around the whole formula
    last = len(text.rstrip("$ \n\t.,;"))
    place, long_digits = 0, 0
    while place < len(text):
        match = _PATTERN.match(text, place)
        if match is None:
            if text[place] == "\\":
                raise ReadingError("a backslash without a command", text=text, place=place,
                                   suggestion="remove it, or write the command's name")
            if text[place] not in _SIGNS:
                raise stranger(text, place)
            tokens.append(LatexToken("symbol", _SIGNS[text[place]], place, place + 1))
            place += 1
            continue
        kind, word, start = str(match.lastgroup), match[0], place
        place = match.end()
        if kind == "number":
            long_digits += _digits(text, start, word)
            if long_digits > LONG_DIGITS:
                raise ReadingError(f"long numbers of more than {LONG_DIGITS} digits together", text=text,
                                   place=start, suggestion="write letters for the numbers")
            tokens += _number(word, start, tokens)
        elif kind == "letter":
            tokens.append(LatexToken("letter", GREEK.get(word, word), start, place))
        elif kind == "row":
            tokens.append(LatexToken("row", "\\\\", start, place))
        elif kind == "symbol":
            if word in "$@?\"`#!" and word != "$":
                raise stranger(text, start)
            if word != "$":
                tokens.append(LatexToken("symbol", "=" if word == ":=" else word, start, place))
            elif first < start < last:
                raise ReadingError("a second formula between dollar signs", text=text, place=start,
                                   suggestion="give one formula at a time, without its sentence")
        elif kind == "command":
            place = _command(text, start, place, word[1:], tokens, open_)
        if len(tokens) > NODES:
            raise ReadingError(f"more than {NODES} numbers, names and operators", text=text, place=start,
                               suggestion="name parts of the formula and define them behind it")
    if open_:
        raise ReadingError(f"this {open_[-1].text} is never ended", text=text, place=open_[-1].place,
                           suggestion=rf"write \end{{{open_[-1].text}}}")
    return [*tokens, LatexToken("end", "the end", len(text), len(text))]


def _command(
    text: str, start: int, place: int, name: str, tokens: list[LatexToken], open_: list[LatexToken]
) -> int:
    """One command; returns the place behind what it takes."""
    if name.endswith("*") and name not in _DROPPED_WITH_GROUP:
        name, place = name[:-1], place - 1
    if name in ("left", "right"):
        return _delimiter(text, place, name, tokens)
    if name in _DROPPED or name in ("[", "]", "(", ")"):
        return place
    if name in ("{", "}"):
        tokens.append(LatexToken("symbol", "\\" + name, start, place))
    elif name in ("begin", "end"):
        return _environment(text, start, place, name, tokens, open_)
    elif name in _DROPPED_WITH_GROUP:
        return _group(text, start, place, name)[1]
    elif name in _TEXT:
        inside, place = _group(text, start, place, name)
        tokens.append(LatexToken("word", inside.strip(" ~,.:;"), start, place))
    elif name in GREEK_LETTERS:
        tokens.append(LatexToken("letter", GREEK_LETTERS[name], start, place))
    elif name in _SAME:
        tokens.append(LatexToken("symbol", _SAME[name], start, place))
    elif name in _KEPT:
        tokens.append(LatexToken("command", name, start, place))
    else:
        shown = name if name.isascii() and name.isprintable() else f"U+{ord(name[0]):04X}"
        raise ReadingError(
            f"the command \\{shown[:24]} is not read", text=text, place=start,
            suggestion=_HINTS.get(name, r"write it with \frac, \sqrt, \sum, powers, subscripts and brackets"),
        )
    return place


def _delimiter(text: str, place: int, side: str, tokens: list[LatexToken]) -> int:
    r"""Behind ``\left`` or ``\right``: a dot is invisible, a bar knows its side."""
    match = re.compile(r"\s*(\.|\||\\[lr]?vert\b)").match(text, place)
    if match is None:
        return place
    if match[1] != ".":
        word = "lvert" if side == "left" else "rvert"
        tokens.append(LatexToken("symbol", word, match.start(1), match.end()))
    return match.end()


def _environment(
    text: str, start: int, place: int, command: str, tokens: list[LatexToken], open_: list[LatexToken]
) -> int:
    name, behind = _group(text, start, place, command)
    if name not in _DISPLAYS and name != "cases":
        raise ReadingError(f"the environment {name[:24]!r} is not read", text=text, place=start,
                           suggestion="read are aligned, align, equation, split, gathered and cases")
    token = LatexToken("command", name, start, behind)
    if command == "begin":
        if len(open_) > 8:
            raise ReadingError("environments more than 8 deep", text=text, place=start)
        open_.append(token)
    elif not open_ or open_.pop().text != name:
        raise ReadingError(f"{name!r} ends here, but was not the last to begin", text=text, place=start,
                           suggestion=rf"write \begin{{{name}}} before")
    if name == "cases":
        tokens.append(LatexToken("command", "begin" if command == "begin" else "end", start, behind))
    return behind


def _group(text: str, start: int, place: int, name: str) -> tuple[str, int]:
    """The raw text of the group behind a command, and the place behind it; groups inside are refused."""
    match = re.compile(r"\s*\{([^{}\\\n]{0,80})\}|\s*([A-Za-z0-9])").match(text, place)
    if match is None:
        raise ReadingError(f"\\{name} needs plain text in braces", text=text, place=start,
                           suggestion=rf"write \{name}{{...}} with letters and digits inside")
    inside = match[1] if match[1] is not None else match[2]
    for offset, c in enumerate(inside):
        if not (c.isascii() and c.isprintable()):
            raise stranger(text, match.start(1) + offset)
    return inside, match.end()


def _number(word: str, start: int, tokens: list[LatexToken]) -> list[LatexToken]:
    r"""The tokens of a number; ``\frac12`` is one half."""
    if tokens and tokens[-1].is_(*FRACTIONS) and word.isdigit() and len(word) > 1:
        parts = [word[0], word[1], *([word[2:]] if word[2:] else [])]
        return [LatexToken("number", part, start + min(i, 2), start + min(i, 2) + len(part))
                for i, part in enumerate(parts)]
    return [LatexToken("number", word, start, start + len(word))]


def _digits(text: str, place: int, word: str) -> int:
    digits = sum(c.isdigit() for c in word)
    if digits > DIGITS:
        raise ReadingError(f"a number of {digits} digits; at most {DIGITS} are read", text=text, place=place,
                           suggestion="write a shorter number, or a letter for it")
    return digits if digits > 3 else 0
