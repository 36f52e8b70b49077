"""How long the batch noise is remembered: for its epoch, or for ever."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from theory import symbols
from theory.errors import TheoryError
from theory.sampling.scheme import SamplingScheme
from theory.solvers.rational import Rows

__all__ = ["integer", "split_noise", "steps_of"]


def integer(numbers: Mapping[str, Fraction], name: str) -> int | None:
    value = numbers.get(name)
    if value is not None and (value.denominator != 1 or value < 1):
        raise TheoryError(f"{name} must be an integer >= 1; got {float(value):.6g}")
    return None if value is None else int(value)


def steps_of(scheme: SamplingScheme, numbers: Mapping[str, Fraction]) -> int:
    """M as given, or from N and S; checked against them where the noise depends on them."""
    steps, n, s = (integer(numbers, k) for k in ("steps_per_epoch", "samples", "batch_size"))
    if n is None or s is None:
        if steps is None and symbols.steps_per_epoch in scheme.parameters:
            raise TheoryError(
                f"scheme {scheme.name!r} needs steps_per_epoch, or samples and batch_size"
            )
        return steps or 1
    counted = scheme.steps_per_epoch(n, s)
    fewer = scheme.last_batch == "dropped" and steps is not None and steps < counted
    matters = symbols.samples in scheme.parameters and not fewer
    if steps is not None and steps != counted and matters:
        raise TheoryError(
            f"steps_per_epoch = {steps}, but {scheme.name} makes {counted} batches of "
            f"{s} from {n} samples; leave steps_per_epoch out"
        )
    return steps or counted


@lru_cache(maxsize=32)
def split_noise(
    scheme: SamplingScheme, steps: int, samples: int | None, batch_size: int | None
) -> tuple[Rows, Rows]:
    """Split the covariance over three epochs into what is drawn afresh and what persists."""
    m = steps
    whole = scheme.noise_covariance(m, samples=samples, batch_size=batch_size, epochs=3)
    blocks = {
        (e, f): tuple(row[f * m : (f + 1) * m] for row in whole[e * m : (e + 1) * m])
        for e in range(3) for f in range(3)
    }
    within, across = blocks[0, 0], blocks[1, 0]
    if any(b != (within if e == f else across) for (e, f), b in blocks.items()):
        raise TheoryError(
            f"scheme {scheme.name!r}: the solvers need epochs that are alike, and noise that is "
            f"remembered for one epoch or for ever; take steps_per_epoch = the whole period"
        )
    rest = tuple(
        tuple(x - y for x, y in zip(row, kept, strict=True))
        for row, kept in zip(within, across, strict=True)
    )
    return rest, across
