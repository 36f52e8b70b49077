"""Modes and pairs of modes: the symbolic matrices every noise component is propagated with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic

import sympy as sp

from theory.engine.companion import companion_gramian
from theory.engine.matrix import M

__all__ = ["Mode", "ModePair"]

Layout = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Mode(Generic[M]):
    """One direction: A, B and powers of A at symbolic exponents.

    ``generators[segment]`` are the ring's symbols for the sequences of that segment. ``layout``
    says which segments make up a named exponent, e.g. ``{"M": ("lag", "rest")}``; the segment
    ``"1"`` is the matrix itself. With ``delayed`` a power n of a rule that remembers its previous
    weights (one zero eigenvalue) is A times the generators of n - 1.
    """

    transition: M
    injection: M
    generators: Mapping[str, tuple[sp.Symbol, ...]]
    layout: Layout
    delayed: bool = False
    known_resolvent: M | None = None
    _powers: dict[str, M] = field(default_factory=dict, repr=False)

    @cached_property
    def identity(self) -> M:
        return self.transition.identity()

    @cached_property
    def resolvent(self) -> M:
        """R = (I - A)^-1."""
        if self.known_resolvent is not None:
            return self.known_resolvent
        return (self.identity - self.transition).inverse().reduced()

    def power(self, name: str) -> M:
        """A to the exponent called ``name``, linear in the generators of each segment."""
        if name not in self._powers:
            product = self.identity
            for segment in self.layout.get(name, (name,)):
                product = product @ self._segment(segment)
            self._powers[name] = product.reduced()
        return self._powers[name]

    def _segment(self, segment: str) -> M:
        if segment == "1":
            return self.transition
        symbols = self.generators[segment]
        total = self.identity.scale(0)
        power = self.transition if self.delayed else self.identity
        for k, u in enumerate(symbols):
            total = total + power.scale(u if (len(symbols) - 1 - k) % 2 == 0 else -u)
            power = power @ self.transition
        return total

    def sum(self, name: str) -> M:
        """S_n = I + A + ... + A^(n-1) = R (I - A^n)."""
        return self.resolvent @ (self.identity - self.power(name))

    @cached_property
    def epoch_resolvent(self) -> M:
        """Q = (I - A^M)^-1."""
        return (self.identity - self.power("M")).inverse().reduced()


@dataclass(frozen=True, kw_only=True, eq=False)
class ModePair(Generic[M]):
    """Two directions, left (later time, first index) and right."""

    left: Mode[M]
    right: Mode[M]
    known_white: M | None = None

    @cached_property
    def bb(self) -> M:
        """B B'^T."""
        return self.left.injection @ self.right.injection.T

    @cached_property
    def white(self) -> M:
        """X with X = A X A'^T + B B'^T: the law under white noise of unit variance."""
        if self.known_white is not None:
            return self.known_white
        return self._gramian(self.left.transition, self.right.transition).reduced()

    @cached_property
    def epoch_white(self) -> M:
        """W with W = A^M W A'^MT + B B'^T."""
        return self._gramian(self.left.power("M"), self.right.power("M")).reduced()

    @cached_property
    def epoch_start(self) -> M:
        """Y with Y = A^M Y A'^MT + S_M BB'^T S_M'^T, as S_M W S_M'^T: S_M commutes with A."""
        return self.left.sum("M") @ self.epoch_white @ self.right.sum("M").T

    def _gramian(self, left: M, right: M) -> M:
        krylov = []
        for mode, matrix in ((self.left, left), (self.right, right)):
            columns = [mode.injection]
            for _ in range(matrix.shape[0] - 1):
                columns.append((matrix @ columns[-1]).reduced())
            krylov.append(matrix.columns(columns))
        core = companion_gramian(left.invariants(), right.invariants(), same=left is right)
        return krylov[0] @ core @ krylov[1].T
