"""The same laws with named intermediate quantities, for pairs whose single fraction is too long."""

from __future__ import annotations

from functools import cached_property

import sympy as sp

from theory.engine.mode import Mode, ModePair
from theory.engine.named_matrix import NamedMatrix, NameList
from theory.engine.present import presentation
from theory.engine.rational_matrix import RationalMatrix
from theory.engine.setting import Setting

__all__ = ["StagedSetting"]


class StagedSetting:
    """A :class:`Setting` whose pair is made of :class:`NamedMatrix`.

    What depends on the hyperparameters alone (A, B, the resolvent R and the white law X) is
    computed as cancelled fractions and named; everything with powers of A is built on the names.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.names = NameList()

    @cached_property
    def pair(self) -> ModePair[NamedMatrix]:
        """The pair of modes with named entries."""
        left = self._mode("left")
        right = self._mode("right") if self.setting.cross else left
        white = self._named(self.setting.pair.white, "X")
        return ModePair(left=left, right=right, known_white=white)

    def row(self, row: RationalMatrix) -> NamedMatrix:
        """A row vector of numbers or hyperparameters."""
        return self._named(row, "d")

    def _mode(self, side: str) -> Mode[NamedMatrix]:
        mode = self.setting.pair.left if side == "left" else self.setting.pair.right
        prime = "'" if side == "right" else ""
        table = self.setting.replacements
        generators = {
            s: tuple(table[u] for u in self.setting.generators[side, s])
            for s in self.setting.segments
        }
        return Mode(
            transition=self._named(mode.transition, f"A{prime}"),
            injection=self._named(mode.injection, f"B{prime}"),
            generators=generators,
            layout=self.setting.layout,
            delayed=mode.delayed,
            known_resolvent=self._named(mode.resolvent, f"R{prime}"),
        )

    def _named(self, matrix: RationalMatrix, label: str) -> NamedMatrix:
        rows, columns = matrix.shape
        shown = presentation(self.setting)
        entries = tuple(
            tuple(shown.factored(*matrix.entry(i, j)) for j in range(columns))
            for i in range(rows)
        )
        return NamedMatrix(names=self.names, entries=entries).labelled(label)

    def value(self, matrix: NamedMatrix) -> sp.Expr:
        """The single entry of a 1 x 1 matrix."""
        return matrix.entries[0][0]
