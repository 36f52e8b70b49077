"""One convention: how a claim written in it is translated into the project's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp

from derivations.checking.replacing import replaced

__all__ = ["Convention"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Convention:
    r"""A way of writing the same quantity.

    With the claim E in its own hyperparameters, the translation is

    .. math:: E \mapsto \bigl(f\,E^p\bigr)\big|_{\text{replace}} .

    Attributes
    ----------
    name
        Permanent name.
    summary
        Completes "right ...": ``with the learning rate of exponential-average momentum``. Of an
        explanation, completes "perhaps meant: ...": ``the kinetic energy v^2/2``.
    replace
        The claim's hyperparameters in those of the project.
    factor
        f, in the claim's hyperparameters.
    power
        p: 2 for a standard deviation.
    rules, quantities
        Names to which it applies; for a rule also the one inside ``averaged:``. Empty for all.
    rereads
        Symbols that it takes for something else than they are declared to be; no convention for a claim
        whose author has declared them.
    absent
        Symbols that a claim in this convention cannot contain.
    """

    name: str
    summary: str
    replace: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    factor: sp.Expr = sp.S.One
    power: int = 1
    rules: tuple[str, ...] = ()
    quantities: tuple[str, ...] = ()
    rereads: tuple[sp.Symbol, ...] = ()
    absent: tuple[sp.Symbol, ...] = ()

    def applies(self, rule: str, quantity: str) -> bool:
        """Whether this convention exists for a rule and a quantity, by name."""
        inner = rule.removeprefix("averaged:")
        return (not self.rules or inner in self.rules) and (
            not self.quantities or quantity in self.quantities
        )

    def translate(self, claim: sp.Expr) -> sp.Expr:
        """The claim in the project's convention; no simplification."""
        scaled = claim if self.power == 1 else claim**self.power
        if self.factor != 1:
            scaled = scaled * self.factor
        return replaced(scaled, self.replace) if self.replace else scaled
