"""The entries of a rule's matrices at a point, by its own programs, in rational numbers or in balls."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from flint import arb

from theory.evaluate.balls import BallArithmetic
from theory.evaluate.compiler import compile_program
from theory.evaluate.program import Program
from theory.optimizers import LinearRule
from theory.symbols import learning_rate
from validation.evidence.numbers import RationalArithmetic, to_ball, to_fmpq

__all__ = ["rule_entries"]


@lru_cache(maxsize=64)
def _programs(rule: LinearRule) -> tuple[tuple[Program, ...], tuple[Program, ...]]:
    return (
        tuple(compile_program(e) for e in rule.transition),
        tuple(compile_program(e) for e in rule.injection),
    )


def rule_entries(
    rule: LinearRule, point: Mapping[str, Any], curvature: Any
) -> tuple[list[list[Any]], list[Any]]:
    """A, row by row, and B; balls if the curvature or a hyperparameter is one. Shapes (n, n) and (n,)."""
    given = {s.name: point[s.name] for s in (learning_rate, *rule.parameters)} | {"curvature": curvature}
    balls = any(isinstance(value, arb) for value in given.values())
    arithmetic: Any = BallArithmetic() if balls else RationalArithmetic()
    values = {name: (to_ball if balls else to_fmpq)(value) for name, value in given.items()}
    transition, injection = ([p.run(values, {}, arithmetic) for p in part] for part in _programs(rule))
    n = rule.state_size
    return [transition[i * n : (i + 1) * n] for i in range(n)], injection
