"""Names and characters: Greek letters spelled out, look-alikes told apart."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["GREEK", "GREEK_LETTERS", "is_plain", "look_alike", "plain"]

#: Greek letters that a formula may use; capitals that look Latin and omicron are left out
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ϑ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu",
    "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "ϱ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon",
    "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta",
    "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}
#: names of letters in LaTeX, with the variants that mean the same letter
GREEK_LETTERS = {
    **{name: name for name in GREEK.values()},
    **{f"var{name}": name for name in ("epsilon", "theta", "rho", "phi", "pi", "sigma", "kappa")},
}
#: letters of other scripts that look Latin
_TWINS = dict(zip(
    "аеорсухіјѕԁԛԝАВЕКМНОРСТХУІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧοⅼ",
    "aeopcyxijsdqwABEKMHOPCTXYIJSABEZHIKMNOPTYXol", strict=True,
))
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def plain(name: str) -> str:
    r"""The one spelling of a name: ``λ'``, ``\lambda'``, ``lambda_prime`` and ``lambda'`` are the same.

    Examples
    --------
    >>> plain("λ"), plain("lambda_"), plain(r"\lambda'"), plain("q_{12}"), plain(r"\eta_{\max}")
    ('lambda', 'lambda', 'lambda_prime', 'q_12', 'eta_max')
    """
    name = re.sub(r"\\(text|mathrm|mathit|rm|operatorname)\b\s*", "", name.strip())
    name = re.sub(r"\\([A-Za-z]+)", lambda m: GREEK_LETTERS.get(m[1], m[1]), name)
    name = "".join(GREEK.get(c, c) for c in name).replace("{", "").replace("}", "").replace("\\", "")
    return name.replace("'", "_prime").rstrip("_")


def is_plain(name: str) -> bool:
    """Whether it is a name: letters, digits and single underscores, beginning with a letter."""
    return _PLAIN.fullmatch(name) is not None and "__" not in name


def look_alike(character: str) -> str:
    """The ASCII character that a foreign one looks like, or ''."""
    if character in _TWINS:
        return _TWINS[character]
    try:
        folded = unicodedata.normalize("NFKC", character)
    except ValueError:
        return ""
    return folded if len(folded) == 1 and folded.isascii() and folded.isprintable() else ""
