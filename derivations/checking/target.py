"""What a claim is compared with: the formula of a slug, or of any pair and quantity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from theory.closed_forms import entry_by_slug
from theory.closed_forms.entry import Model
from theory.formula import Formula
from theory.law import stationary_law
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme
from theory.symbols import PARAMETERS

__all__ = ["Target", "target_by_slug", "target_of_pair"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """The truth: a proved formula, with the rule, the scheme and the quantity it belongs to.

    ``exact`` is False for a catalogue formula that is itself a limit; ``model`` as in the catalogue's
    :class:`~theory.closed_forms.Entry`.
    """

    name: str
    formula: Formula
    rule: LinearRule
    scheme: SamplingScheme
    quantity: str
    exact: bool = True
    model: Model = "stationary"

    @cached_property
    def truth(self) -> sp.Expr:
        """The closed form in the parameters alone."""
        return self.formula.expression

    @cached_property
    def unit(self) -> tuple[int, int]:
        """Exponents of (loss, parameter)."""
        return self.formula.unit

    @cached_property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        return self.formula.parameters

    @cached_property
    def domain(self) -> sp.Basic:
        """What the symbols' own domains say (learning_rate > 0, 0 <= momentum < 1 is *not* among
        them: that is part of ``formula.valid_if``)."""
        own = [p.symbol for p in PARAMETERS.values()]
        parts = [s > 0 if s.is_positive else s >= 0 for s in own if s.is_nonnegative]
        return sp.And(*parts)


def target_by_slug(slug: str) -> Target:
    """The catalogue formula called ``slug``; UnknownNameError if there is none."""
    entry = entry_by_slug(slug)
    return Target(
        name=slug, formula=entry.formula, rule=entry.rule, scheme=entry.scheme,
        quantity=entry.quantity, exact=entry.exact, model=entry.model,
    )


def target_of_pair(rule: LinearRule, scheme: SamplingScheme, quantity: str) -> Target:
    """A quantity of any rule and scheme; errors as :meth:`theory.StationaryLaw.quantity`."""
    formula = stationary_law(rule, scheme).quantity(quantity)
    return Target(name=formula.slug, formula=formula, rule=rule, scheme=scheme, quantity=quantity)
