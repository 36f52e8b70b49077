"""A simulation beside its prediction, for a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from validation.commands.output import aligned_table, short
from validation.commands.predict import summary

if TYPE_CHECKING:
    from validation.predict import Prediction
    from validation.problem import Problem

__all__ = ["simulation_page"]

_UNITS = (("years", 365.25 * 86400), ("days", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))


def simulation_page(problem: Problem, made: Prediction, record: dict[str, Any], speed: float) -> str:
    """The record of :func:`simulation_record`, at a speed in steps per second."""
    verdict = record["verdict"]
    lines = [
        *summary(problem, made),
        f"simulated: {record['noise']} noise, {record['replicas']} replicas, {record['burn_in']} + "
        f"{record['epochs']} epochs, seed {record['seed']}", "", *_table(record), "",
        f"verdict: {verdict['outcome']}{_in_how_many(verdict)}",
    ]
    if verdict["comparisons"]:
        lines += _verdict(verdict) + _mean_verdict(record["mean_verdict"])
    return "\n".join(lines + _way_out(record, speed))


def _table(record: dict[str, Any]) -> list[str]:
    rows = []
    for i, d in enumerate(record["directions"]):
        size = d["variance"] or None
        rows.append((
            str(i), short(d["curvature"]), short(d["variance"]), short(d["measured_variance"]),
            short(size and d["measured_variance"] / size), short(size and d["standard_error"] / size),
            _z(d["z"]), short(d["mean_shift"]), short(d["measured_mean"]), short(d["mean_standard_error"]),
            _z(d["mean_z"]),
        ))
    names = (
        "#", "curvature", "variance", "measured", "ratio", "+-", "z", "mean shift", "measured", "+-", "z"
    )
    table = aligned_table(names, rows, right=True).split("\n")
    alarms = set(record["verdict"]["alarms"]) | set(record["mean_verdict"]["alarms"])
    notes = [
        "<-- disagrees" if i in alarms else "" if d["status"] == "resolved" else d["status"]
        for i, d in enumerate(record["directions"])
    ]
    return [table[0], *(f"{line}  {note}".rstrip() for line, note in zip(table[1:], notes, strict=True))]


def _z(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _in_how_many(verdict: dict[str, Any]) -> str:
    if not verdict["comparisons"] or verdict["fine_directions"] == verdict["moving_directions"]:
        return ""
    return f" ({verdict['fine_directions']} of {verdict['moving_directions']} directions could be judged)"


def _verdict(verdict: dict[str, Any]) -> list[str]:
    reached, asserted = verdict["resolution"], verdict["asserted_resolution"]
    return [
        f"  variances: {len(verdict['alarms'])} alarms in {verdict['comparisons']} directions at a "
        f"false-alarm rate of {verdict['false_alarm_rate']:g} for all together" + _word(verdict),
        f"  asserted resolution {asserted:.2%}: too few replicas or too short a burn-in for every direction"
        if reached is None else
        f"  {verdict['fine_directions']} directions would show an error of {reached:.2%} with probability "
        f"99.9 % (asserted {asserted:.2%}); negative control "
        f"{'caught' if verdict['negative_control'] else 'NOT caught'}",
    ]


def _word(verdict: dict[str, Any]) -> str:
    """What counts as the error of the prediction."""
    unsure = verdict["within_error_estimate"]
    if not unsure:
        return "; the prediction taken at its word"
    names = ", ".join(map(str, unsure))
    return (
        f"; the prediction taken at its word, in {names} (where that raises an alarm) within its error "
        "estimate"
    )


def _mean_verdict(verdict: dict[str, Any]) -> list[str]:
    return [
        f"verdict on the means: {verdict['outcome']}",
        f"  {len(verdict['alarms'])} alarms in {verdict['comparisons']} directions at a false-alarm rate of "
        f"{verdict['false_alarm_rate']:g} for all together (limit |z| {verdict['threshold']:.1f})"
        + _word(verdict),
        f"  each would show an error of {verdict['resolution']:.2g} standard deviations of the weights with "
        f"probability 99.9 %; negative control {'caught' if verdict['negative_control'] else 'NOT caught'}",
        f"  without a shift the mean would be refuted in {verdict['refuted_without_shift']} directions",
    ]


def _way_out(record: dict[str, Any], speed: float) -> list[str]:
    """The options that would judge every direction, and how long that takes here."""
    needed, verdict = record["to_judge_all"], record["verdict"]
    if needed is None:
        return []
    moving = verdict["moving_directions"]
    options = " ".join(f"--{n.replace('_', '-')} {needed[n]}" for n in ("burn_in", "epochs", "replicas"))
    seconds = needed["steps"] / speed
    advice = "" if seconds < 86400 else (
        f"; the condition number, {record['condition_number']:.3g}, makes flat directions slow: rescale the "
        "columns"
    )
    return [
        f"{moving - verdict['fine_directions']} of {moving} directions not judged at a resolution of "
        f"{verdict['asserted_resolution']:.2%}: {options} would judge all, in about {_duration(seconds)} "
        f"here{advice}"
    ]


def _duration(seconds: float) -> str:
    name, unit = next((u for u in _UNITS if seconds >= u[1]), _UNITS[-1])
    return f"{seconds / unit:.2g} {name}"
