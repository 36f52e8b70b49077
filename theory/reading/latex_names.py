r"""Names in LaTeX: fonts, accents, words, subscripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from theory.reading.latex_tokens import ACCENTS, FONTS, LatexToken

if TYPE_CHECKING:
    from theory.reading.latex_parser import LatexParser

__all__ = ["subscript_text", "wide_name"]

_BELOW = {"max": "max", "min": "min", "infty": "infty", "star": "star", "dagger": "dagger", "top": "top",
          "*": "times", ",": "", "'": "prime", "ell": "ell", "log": "log", "exp": "exp"}


def wide_name(parser: LatexParser) -> tuple[str, bool]:
    r"""The letter or word at the parser's place, accents included: ``\bar\eta`` is ``eta_bar``.

    Also whether it is a word, which is never a factor in front of a bracket.
    """
    token = parser.take()
    if token.is_(*ACCENTS, *FONTS):
        with parser.deeper(token):
            grouped = parser.now.is_("{")
            if grouped:
                parser.take()
            if parser.now.kind not in ("letter", "word") and not parser.now.is_(*ACCENTS, *FONTS):
                parser.refuse(token, f"\\{token.text} needs a letter", rf"write \{token.text}{{x}}")
            name, _ = wide_name(parser)
            if grouped and not parser.take().is_("}"):
                parser.refuse(token, f"\\{token.text} takes one letter", rf"write \{token.text}{{x}}")
        blackboard = token.text == "mathbb"
        return (name if token.text in FONTS else f"{name}_{token.text}"), blackboard
    return token.text.replace(" ", "_"), token.kind == "word" and len(token.text) > 1


def subscript_text(parser: LatexParser, base: str) -> str:
    r"""What stands below a name, as a part of the name: ``{12}``, ``\text{eff}``, ``\max``, ``\theta``."""
    sign = parser.take()
    if not parser.now.is_("{"):
        return _below(parser, parser.take(), base)
    parser.take()
    parts: list[str] = []
    while not parser.now.is_("}"):
        token = parser.take()
        if token.kind == "end" or len(parts) > 20:
            parser.refuse(sign, "this subscript does not end", "write _{...}")
        parts.append(_below(parser, token, base))
    parser.take()
    return "".join(parts)


def _below(parser: LatexParser, token: LatexToken, base: str) -> str:
    if token.kind in ("letter", "number", "word") and "." not in token.text:
        return token.text.replace(" ", "_").replace("-", "_")
    if token.text in _BELOW and token.kind in ("command", "symbol"):
        return _BELOW[token.text]
    if base[:1] in ("U", "W", "F", "u") and token.kind == "symbol":
        parser.refuse(
            token, f"the sequence {base} is not defined",
            f"define it behind the formula: {base}_{{n+1}} = a {base}_{{n}} - b {base}_{{n-1}}, "
            f"{base}_0 = 0, {base}_1 = 1",
        )
    parser.refuse(token, f"{token.text!r} stands in a subscript", "a subscript is a name or a number")
