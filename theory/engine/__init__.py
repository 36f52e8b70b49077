"""Symbols to closed forms: a rule's matrices and a scheme's noises, propagated and cancelled.

:class:`~theory.engine.setting.Setting` turns a rule into modes with symbolic powers,
:mod:`~theory.engine.law` sums the components' responses, and two matrix types carry the arithmetic:
cancelled fractions, or named quantities where a fraction would be too long.
"""

from __future__ import annotations
