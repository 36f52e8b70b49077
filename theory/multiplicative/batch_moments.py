r"""Joint moments of batch averages within one pass without replacement.

For quantities :math:`x^{(1)},\dots,x^{(q)}` of the samples with zero mean, and batches
:math:`B_{k_1},\dots,B_{k_q}` of one pass,

.. math:: \mathbb E\Big[\prod_{\alpha}\frac1{S_{k_\alpha}}\sum_{n\in B_{k_\alpha}}x^{(\alpha)}_n\Big]
          = \sum_\pi c_\pi \prod_{b\in\pi} S_{k_b}^{1-|b|}\,[k_\alpha \text{ equal within } b] ,

a sum over the set partitions :math:`\pi` of the factors. The slots of the pass hold distinct samples
unless they coincide, and a sum over distinct samples is a Möbius sum over partitions, in which single
factors vanish. So :math:`c_\pi` is a rational number of N times moments of the population: the joint
one, :math:`m_{1\dots q}`, and for four factors also the three products of pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from math import factorial, perm

__all__ = ["Partition", "coefficients", "joint_coefficients", "pair_coefficients"]

Partition = frozenset[frozenset[int]]


def _partitions(items: tuple[int, ...]) -> list[Partition]:
    """All set partitions."""
    if not items:
        return [frozenset()]
    first, out = items[0], []
    for rest in _partitions(items[1:]):
        out.append(rest | {frozenset({first})})
        out += [(rest - {block}) | {block | {first}} for block in rest]
    return out


def _finer(one: Partition, other: Partition) -> bool:
    return all(any(block <= big for big in other) for block in one)


def _moebius(fine: Partition, coarse: Partition) -> int:
    """Möbius function of the partition lattice between ``fine`` and ``coarse``."""
    out = 1
    for block in coarse:
        parts = sum(1 for b in fine if b <= block)
        out *= (-1) ** (parts - 1) * factorial(parts - 1)
    return out


@cache
def coefficients(
    factors: int, samples: int, blocks: tuple[tuple[int, ...], ...]
) -> Mapping[Partition, Fraction]:
    r""":math:`c_\pi` in front of one product of population moments.

    Parameters
    ----------
    factors
        q, from 2 to 4.
    samples
        N.
    blocks
        Which moments: ``((0, 1, 2),)`` for :math:`m_{123}`, ``((0, 1), (2, 3))`` for
        :math:`m_{12}m_{34}`. Moments are averages over the population.
    """
    wanted = frozenset(frozenset(block) for block in blocks)
    everything = _partitions(tuple(range(factors)))
    distinct: dict[Partition, Fraction] = {}
    for slots in everything:
        # slots of one block hold the same sample, different blocks distinct samples
        share = _moebius(slots, wanted) if _finer(slots, wanted) else 0
        ways = perm(samples, len(slots))  # none, if there are fewer samples than slots
        distinct[slots] = Fraction(share * samples ** len(wanted), ways) if ways else Fraction(0)
    out: dict[Partition, Fraction] = {}
    for slots in sorted(everything, key=len, reverse=True):  # the finest first
        finer = (out[other] for other in out if other != slots and _finer(other, slots))
        out[slots] = distinct[slots] - sum(finer, Fraction(0))
    return out


def joint_coefficients(factors: int, samples: int) -> Mapping[Partition, Fraction]:
    r""":math:`c_\pi` of the joint moment :math:`m_{1\dots q}`."""
    return coefficients(factors, samples, (tuple(range(factors)),))


def pair_coefficients(samples: int) -> tuple[Fraction, Fraction]:
    r"""(own, shared): :math:`\mathbb E[x_ky_l] = m_{xy}\,(\text{own}\,\delta_{kl}/S_k+\text{shared})`.

    :math:`\frac N{N-1}` and :math:`-\frac1{N-1}`.
    """
    found = joint_coefficients(2, samples)
    together, apart = frozenset({frozenset({0, 1})}), frozenset({frozenset({0}), frozenset({1})})
    return found[together], found[apart]
