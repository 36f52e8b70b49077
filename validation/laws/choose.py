"""Which method for which run."""

from __future__ import annotations

from theory.errors import TheoryError, UnstableError, require_known
from validation.laws.closure import AveragedClosureMethod, ClosureMethod
from validation.laws.epoch_map import EpochMapMethod
from validation.laws.independent import IndependentStepsMethod
from validation.laws.law import Method, Run, WeightLaw
from validation.laws.units import solve_in_units

__all__ = ["METHODS", "full_law", "method_by_name"]

_EXACT, _CLOSURE = IndependentStepsMethod(), ClosureMethod()
_AVERAGED, _SAMPLED = AveragedClosureMethod(), EpochMapMethod()
METHODS: tuple[Method, ...] = (_EXACT, _CLOSURE, _AVERAGED, _SAMPLED)

#: multiplications a second on two ordinary cores, in large matrix products and in the sampled map
_SPEED, _SAMPLING_SPEED = 2e10, 2e9
_MEMORY = 3e9


def method_by_name(name: str) -> Method:
    """One of :data:`METHODS`.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    table = {method.name: method for method in METHODS}
    return table[require_known(name, table, "method")]


def full_law(run: Run, method: str | None = None) -> WeightLaw:
    """The law by the method named, or by the cheapest that is accurate enough.

    Independent steps are solved exactly. For a permutation per epoch it is the position-resolved
    closure where time and memory allow, else the averaged one; where its error estimate exceeds the
    accuracy and time is left, permutations are sampled, and the better of the two is returned.

    Raises
    ------
    UnstableError
        Beyond the mean-square limit.
    TheoryError
        If the method does not know the scheme, or none does.
    UnknownNameError
        If there is no such method.
    """
    if method is not None:
        chosen = method_by_name(method)
        if not chosen.covers(run):
            good = ", ".join(m.name for m in METHODS if m.covers(run)) or "none"
            raise TheoryError(f"method {method!r} does not cover {run.scheme.name!r}; choose from: {good}")
        return solve_in_units(chosen, run)
    if _EXACT.covers(run):
        return solve_in_units(_EXACT, run)
    if _CLOSURE.covers(run):
        return _for_epochs(run)
    if _SAMPLED.covers(run):
        return solve_in_units(_SAMPLED, run)
    raise TheoryError(
        f"scheme {run.scheme.name!r} draws by its own function: the joint moments of its batches are "
        "not known. Use a built-in scheme, or the published theory, or simulate"
    )


def _for_epochs(run: Run) -> WeightLaw:
    fits = _CLOSURE.cost(run) <= _SPEED * run.seconds and _CLOSURE.memory(run) <= _MEMORY
    first: Method = _CLOSURE if fits else _AVERAGED
    sampled = _SAMPLED.covers(run) and _SAMPLED.cost(run) <= _SAMPLING_SPEED * run.seconds
    try:
        found = solve_in_units(first, run)
    except UnstableError:
        if not sampled:
            raise
        return solve_in_units(_SAMPLED, run)
    if found.worst <= run.accuracy or not sampled:
        return found
    other = solve_in_units(_SAMPLED, run)
    return other if other.worst < found.worst else found
