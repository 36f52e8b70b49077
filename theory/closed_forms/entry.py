"""A catalogue entry: a permanent slug and how its formula is obtained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import sympy as sp

from theory.formula import Formula
from theory.law import stationary_law
from theory.optimizers import LinearRule, heavy_ball
from theory.sampling import SamplingScheme

__all__ = ["Entry", "Model", "limit_entry", "pair_entry"]


Model = Literal["stationary", "multiplicative", "one-epoch"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One formula of the catalogue.

    Attributes
    ----------
    slug
        Permanent name.
    derive
        Makes the formula; called once.
    rule, scheme, quantity
        The pair and the quantity it is a case or a limit of, for derivations and solvers.
    exact
        False for a limit or expansion, which the exact quantity only approaches.
    model
        What the quantity belongs to: the ``"stationary"`` law under noise that does not depend on the
        weights, that under independent steps with ``"multiplicative"`` noise, or ``"one-epoch"``
        without replacement (and the mean that such epochs settle at).
    """

    slug: str
    derive: Callable[[], Formula]
    rule: LinearRule
    scheme: SamplingScheme
    quantity: str
    exact: bool = True
    model: Model = "stationary"

    @cached_property
    def formula(self) -> Formula:
        return self.derive()


def pair_entry(
    slug: str, scheme: SamplingScheme, quantity: str, *, rule: LinearRule | None = None,
    title: str = "", source: str = "new here", published: sp.Expr | None = None,
    difference: str = "",
) -> Entry:
    """A quantity of one pair under a permanent name; the rule is heavy ball unless given."""
    chosen = heavy_ball() if rule is None else rule

    def derive() -> Formula:
        law = stationary_law(chosen, scheme)
        found = law.quantity(quantity)
        return replace(
            found, slug=slug, title=title or f"{found.title} ({chosen.name}, {scheme.name})",
            source=source, published=published, difference=difference,
        )

    return Entry(slug=slug, derive=derive, rule=chosen, scheme=scheme, quantity=quantity)


def limit_entry(formula: Formula, scheme: SamplingScheme, quantity: str) -> Entry:
    """A limit or expansion, stated as a formula of its own and proved in ``derivations``."""
    return Entry(
        slug=formula.slug, derive=lambda: formula, rule=heavy_ball(), scheme=scheme,
        quantity=quantity, exact=False,
    )
