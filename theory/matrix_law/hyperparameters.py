"""Hyperparameters of a rule and a scheme: read exactly, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import symbols
from theory.errors import TheoryError, UnstableError, require_known
from theory.evaluate.inputs import check_domain
from theory.noise import NoiseComponent
from theory.numbers import exact_number
from theory.optimizers import LinearRule
from theory.sampling import SamplingScheme

__all__ = ["Hyperparameters", "read_hyperparameters"]

_EPOCH = (symbols.steps_per_epoch, symbols.samples, symbols.batch_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """Exact values.

    Attributes
    ----------
    values
        By name: the learning rate and the rule's own parameters.
    steps
        M; 1 for schemes that know no epoch.
    has_epochs
        Whether M was given.
    parts
        Components of the noise with their weights; empty if there is no noise at all.
    """

    values: Mapping[str, Fraction]
    steps: int
    has_epochs: bool
    parts: tuple[tuple[NoiseComponent, Fraction], ...]


def read_hyperparameters(
    rule: LinearRule, scheme: SamplingScheme, values: Mapping[str, Any]
) -> Hyperparameters:
    """Check names, finiteness, whole numbers and domains.

    Raises
    ------
    UnknownNameError
        For a name neither the rule nor the scheme knows.
    UnstableError
        If a condition of the rule on its parameters alone fails, e.g. momentum < 1.
    TheoryError
        For a missing, non-finite or out-of-domain value.
    """
    own = (symbols.learning_rate, *rule.parameters)
    known = {s.name: s for s in (*own, *_EPOCH)}
    for name in values:
        require_known(name, known, f"parameter of {rule.name} under {scheme.name}")
    needed = [s.name for s in (*own, *scheme.parameters)]
    missing = [n for n in needed if n not in values]
    if missing:
        raise TheoryError(
            f"{rule.name} under {scheme.name} needs {', '.join(missing)}: give a value for each"
        )
    exact = {name: exact_number(name, value) for name, value in values.items()}
    for name, value in exact.items():
        check_domain(known[name], value)
    table = {known[n]: sp.Rational(v.numerator, v.denominator) for n, v in exact.items()}
    for condition in rule.domain:
        if sp.sympify(condition, strict=True).subs(table) != sp.true:
            raise UnstableError(
                f"{rule.name} needs {condition}; got "
                + ", ".join(f"{s} = {float(table[s]):.6g}" for s in condition.free_symbols)
            )
    whole = {s.name: int(exact[s.name]) for s in _EPOCH if s.name in exact}
    steps = whole.get("steps_per_epoch", 1)
    return Hyperparameters(
        values={s.name: exact[s.name] for s in own},
        steps=steps,
        has_epochs="steps_per_epoch" in whole,
        parts=scheme.weights(steps, whole.get("samples"), whole.get("batch_size")),
    )
