"""The stationary law in balls: where the rung *enclosed* looks, and the truth there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import acb, acb_mat, arb

from theory.closed_forms import Entry
from theory.evaluate.balls import BallArithmetic
from theory.evaluate.conditions import difference_program
from theory.symbols import curvature
from validation.evidence.numbers import to_ball, to_fmpq
from validation.evidence.rule_entries import rule_entries
from validation.evidence.subjects.additive_noise.ball_law import ball_moment
from validation.reference import noise_autocovariance

__all__ = ["ball_points", "ball_truth"]


def ball_points(entry: Entry, names: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Irrational and extreme points inside the stability region, with their names."""
    base = _irrational(entry, names, 7)
    yield "an irrational point", base
    yield "another irrational point", _irrational(entry, names, 4, shift=1)
    rate = base.get("learning_rate", arb(1))
    for label, name, value in (
        ("learning_rate * curvature = 1e-12", "curvature", arb("1e-12") / rate),
        ("momentum = 1 - 1e-9", "momentum", 1 - arb("1e-9")),
        ("momentum = 0", "momentum", arb(0)),
    ):
        if name in base:
            yield label, {**base, name: value}
    if "curvature" in base:
        limit = _stability_limit(entry, base)
        yield "1e-12 below the stability limit", {
            **base, "curvature": limit * (1 - arb("1e-12"))
        }
        if "second_curvature" in base:
            yield "two nearly equal directions", {
                **base, "second_curvature": base["curvature"] * (1 + arb("1e-12"))
            }
    if _long_epochs(entry, base):
        for steps in (10**4, 10**9):
            yield f"M = {steps}", {**base, **_wholes(entry, names, steps)}
            if "curvature" in base:
                yield f"M = {steps}, learning_rate * curvature = 1e-12", {
                    **base, **_wholes(entry, names, steps), "curvature": arb("1e-12") / rate,
                }
    elif "steps_per_epoch" in base:  # step by step, or lag by lag
        steps = 20 if "frequency" in base else 120
        yield f"M = {steps}", {**base, **_wholes(entry, names, steps)}


def _long_epochs(entry: Entry, point: Mapping[str, Any]) -> bool:
    """Whether the solver takes an epoch of any length by powers: averages over fresh epochs."""
    if entry.scheme.periodic or entry.quantity.startswith("noise") or "frequency" in point:
        return False
    return "steps_per_epoch" in point and not {"lag", "position"} & point.keys()


def _irrational(entry: Entry, names: tuple[str, ...], steps: int, shift: int = 0) -> dict[str, Any]:
    pi, root = arb.pi(), arb(2 + shift).sqrt()
    values: dict[str, Any] = {
        "learning_rate": root / 10, "momentum": pi / (4 + shift), "curvature": pi / 3 - shift * root / 3,
        "second_curvature": root / 2, "noise_variance": root * pi / 3, "frequency": pi / 7 * (1 + shift),
        "dampening": root / 5, "weight_decay": pi / 20, "immediate_discount": root / 3,
        "averaging_rate": pi / 9,
    }
    values |= _wholes(entry, names, steps)
    return {name: values[name] for name in names}


def _wholes(entry: Entry, names: tuple[str, ...], steps: int) -> dict[str, int]:
    """Whole numbers that belong together; no batch lacks, or leaves out, just one sample."""
    batch = 5
    rest = {"dropped": 3, "kept": -2}.get(entry.scheme.last_batch, 0)
    beyond = entry.quantity.endswith("beyond")
    wholes = {
        "steps_per_epoch": steps, "batch_size": batch, "samples": batch * steps + rest,
        "lag": steps + 5 if beyond else 3, "position": max(1, steps - 2),
    }
    return {name: value for name, value in wholes.items() if name in names}


def _stability_limit(entry: Entry, point: Mapping[str, Any]) -> arb:
    """The curvature at which the last condition of the rule that falls with it becomes an equality."""
    found: list[arb] = []
    for relation in sp.And.make_args(entry.rule.valid_if):
        if curvature in relation.free_symbols:
            program = difference_program(relation)
            values = {n: to_ball(v) for n, v in point.items()}
            at = [program.run({**values, "curvature": arb(k)}, {}, BallArithmetic()) for k in (0, 1)]
            limit = at[0] / (at[0] - at[1])
            if limit > 0:
                found.append(limit)
    return min(found, key=lambda x: float(x.mid()))


_OUTPUTS: Mapping[str, tuple[str, str]] = {
    "weight-variance": ("weights", "weights"),
    "velocity-variance": ("velocity", "velocity"),
    "weight-velocity-covariance": ("weights", "velocity"),
    "weight-covariance": ("weights", "weights"),
    "velocity-covariance": ("velocity", "velocity"),
    "weight-autocovariance": ("weights", "weights"),
    "weight-autocovariance-beyond": ("weights", "weights"),
}


def ball_truth(entry: Entry, point: Mapping[str, Any]) -> arb:
    """The quantity in balls at the current precision, not through its formula."""
    name = entry.quantity
    flat = name.startswith("flat-")
    if name.startswith("noise") or name == "weight-spectrum":
        return _noise_or_spectrum(entry, point)
    if name.endswith("correlation-time"):
        parts = [
            ball_moment(entry, point, kind, kind, flat=flat) for kind in ("weights", "velocity")
        ]
        return 2 * parts[0] / parts[1]
    if name == "loss-fluctuation":
        return ball_moment(entry, point, "weights", "weights") * to_ball(point["curvature"]) / 2
    base = name.removeprefix("flat-").removeprefix("cross-").removesuffix("-at-position")
    return ball_moment(
        entry, point, *_OUTPUTS[base], lag=int(point.get("lag", 0)), position=point.get("position"),
        flat=flat,
    )


def _noise_or_spectrum(entry: Entry, point: Mapping[str, Any]) -> arb:
    """From the exact autocovariance of the noise; the spectrum of the weights by one complex solve."""
    steps = int(point.get("steps_per_epoch", 1))
    exact = {n: v for n, v in point.items() if not isinstance(v, arb)}
    exact |= {"steps_per_epoch": steps, "noise_variance": Fraction(1)}
    scale = to_ball(point["noise_variance"])
    if entry.quantity == "noise-autocovariance":
        return scale * arb(to_fmpq(noise_autocovariance(entry.scheme, exact)))
    strengths = [
        arb(to_fmpq(noise_autocovariance(entry.scheme, {**exact, "lag": h}))) for h in range(steps)
    ]
    omega = to_ball(point["frequency"])
    total = strengths[0] + 2 * sum(
        (r * (omega * h).cos() for h, r in enumerate(strengths) if h), arb(0)
    )
    if entry.quantity == "weight-spectrum":
        total *= _response_power(entry, point, omega)
    return scale * total


def _response_power(entry: Entry, point: Mapping[str, Any], omega: arb) -> arb:
    rows, b = rule_entries(entry.rule, point, point["curvature"])
    n = entry.rule.state_size
    z = acb(omega.cos(), omega.sin())
    system = acb_mat(n, n, [(z if i == j else 0) - rows[i][j] for i in range(n) for j in range(n)])
    response = system.solve(acb_mat(n, 1, [acb(x) for x in b]))[0, 0]
    return response.real * response.real + response.imag * response.imag
