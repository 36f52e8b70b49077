"""Everything about a formula that is prepared once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import sympy as sp

from theory.evaluate.compiler import compile_program
from theory.evaluate.kernels import Kernel, kernel_for
from theory.evaluate.precision import calibrated_weights
from theory.evaluate.program import Program
from theory.formula import Formula
from theory.symbols import noise_variance

__all__ = ["Compiled", "compiled"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Compiled:
    """A formula's program, parameters and predicted precision."""

    program: Program
    parameters: tuple[sp.Symbol, ...]
    proportional_to_noise: bool

    @cached_property
    def kernel(self) -> Kernel | None:
        """See :func:`theory.evaluate.kernels.kernel_for`."""
        return kernel_for(self.program, self.parameters)

    @cached_property
    def weights(self) -> dict[str, float]:
        """See :func:`theory.evaluate.precision.calibrated_weights`."""
        return calibrated_weights(self.program, tuple(s.name for s in self.parameters))


_CACHE: WeakKeyDictionary[Formula, Compiled] = WeakKeyDictionary()


def compiled(formula: Formula) -> Compiled:
    """Compile a formula, once per object."""
    found = _CACHE.get(formula)
    if found is None:
        program = compile_program(formula.compact, formula.where)
        found = Compiled(
            program=program,
            parameters=formula.parameters,
            proportional_to_noise=noise_variance in sp.Mul.make_args(formula.expression),
        )
        _CACHE[formula] = found
    return found
