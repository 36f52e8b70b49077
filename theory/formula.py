"""A formula is data: a closed form with its name, condition, unit and source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, overload

import sympy as sp

from theory.symbols import PARAMETERS, frequency

__all__ = ["Formula"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Formula:
    """One closed form.

    Attributes
    ----------
    slug
        Permanent name.
    title
        What it computes, in words.
    compact
        The closed form, in the symbols of :mod:`theory.symbols` and the names of ``where``.
    where
        Named quantities, in order: each may use the parameters and earlier names.
    valid_if
        The exact condition under which the quantity exists and this form holds.
    unit
        Exponents of (loss, parameter).
    source
        Reference with equation number, or "new here".
    left
        LaTeX of what the formula equals; ``$curvature`` and the like stand for the letters.
    derive_flat_limit
        Derives the closed form at zero curvature, where this one has a removable singularity;
        :attr:`flat_limit` calls it once.
    bounded_when_flat
        The quantity stays finite as a curvature goes to zero, with or without a closed form there.
    scale
        For quantities that change sign: the positive formula whose 1e-15 bounds the error.
    elsewhere
        What holds at lags outside ``valid_if``, for the message of the error there; ``{sibling}``
        stands for the slug without "-beyond".
    silent_at_one_step
        The scheme has no noise at M = 1; the value there is exactly 0.
    published
        The published form, where there is one, in the same symbols.
    difference
        What differs from the published form; begins with "none" where they are equal.
    """

    slug: str
    title: str
    compact: sp.Expr
    valid_if: sp.Basic
    unit: tuple[int, int]
    where: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()
    source: str = "new here"
    left: str = ""
    derive_flat_limit: Callable[[], Formula] | None = field(default=None, repr=False)
    bounded_when_flat: bool = False
    scale: Formula | None = None
    elsewhere: str = ""
    silent_at_one_step: bool = False
    published: sp.Expr | None = None
    difference: str = ""

    @cached_property
    def expression(self) -> sp.Expr:
        """The closed form in the parameters alone."""
        known: dict[sp.Symbol, sp.Expr] = {}
        for name, value in self.where:
            known[name] = value.xreplace(known)
        return self.compact.xreplace(known)

    @property
    def published_agrees(self) -> bool:
        """Whether there is a published form and it is the same: ``difference`` begins with none."""
        return self.published is not None and self.difference.replace(";", " ").split()[:1] == ["none"]

    @cached_property
    def flat_limit(self) -> Formula | None:
        """The exact limit of zero curvature, or None where there is none."""
        return None if self.derive_flat_limit is None else self.derive_flat_limit()

    @cached_property
    def at_zero_frequency(self) -> Formula:
        """The same formula at frequency 0, where every cosine is exactly 1."""
        rest = {frequency: sp.Integer(0)}
        where = tuple((name, value.subs(rest)) for name, value in self.where)
        return replace(self, compact=self.compact.subs(rest), where=where)

    @cached_property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The parameters it depends on, in the order of :mod:`theory.symbols`."""
        names = {name for name, _ in self.where}
        used = set(self.compact.free_symbols) | self.valid_if.free_symbols
        for _, value in self.where:
            used |= value.free_symbols
        used -= names
        order = [p.symbol for p in PARAMETERS.values()]
        return tuple(sorted(used, key=lambda s: (order.index(s) if s in order else 99, s.name)))

    @cached_property
    def per_sample(self) -> tuple[sp.Symbol, ...]:
        """The parameters of which every sample of a population has its own: lists of N numbers."""
        return tuple(s for s in self.parameters if s.name in PARAMETERS and PARAMETERS[s.name].per_sample)

    @overload
    def evaluate(self, *, digits: int, **values: Any) -> str: ...

    @overload  # a float, or an array where a value is one: the checker cannot tell which
    def evaluate(self, *, digits: None = None, **values: Any) -> Any: ...

    def evaluate(self, *, digits: int | None = None, **values: Any) -> Any:
        """Accurate numbers; see :func:`theory.evaluate.evaluate`."""
        from theory.evaluate import evaluate

        return evaluate(self, values, digits=digits)

    def to_numpy(self) -> Callable[..., Any]:
        """A plain accurate function of arrays, by name; see :func:`theory.export.numpy_function`."""
        from theory.export import numpy_function

        return numpy_function(self)

    def to_json(self, symbols: Mapping[str, str] | None = None) -> str:
        """JSON with slug, title, expression, latex, valid_if, unit, source and parameters."""
        import json

        from theory.export import formula_record

        return json.dumps(formula_record(self, symbols), ensure_ascii=False)

    def to_python(self) -> str:
        """Self-contained Python code; see :func:`theory.export.to_python`."""
        from theory.export import to_python

        return to_python(self)

    def to_c(self) -> str:
        """Self-contained C99 code; see :func:`theory.export.to_c`."""
        from theory.export import to_c

        return to_c(self)

    def latex(self, symbols: Mapping[str, str] | None = None) -> str:
        """LaTeX of the closed form, with other letters for parameters if ``symbols`` says so."""
        from theory.typeset import formula_latex

        return formula_latex(self, symbols)

    def _repr_latex_(self) -> str:
        from theory.typeset import formula_latex

        return rf"$\displaystyle {formula_latex(self, named=True)}$"

    def __str__(self) -> str:
        return f"{self.slug}: {self.title}\n{self.compact}\nvalid if {self.valid_if}"
