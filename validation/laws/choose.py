"""Which method for which run."""

from __future__ import annotations

from dataclasses import replace

from theory.errors import AccuracyError, TheoryError, UnstableError, require_known
from validation.laws.closure import AveragedClosureMethod, ClosureMethod
from validation.laws.epoch_map import EpochMapMethod
from validation.laws.independent import IndependentStepsMethod
from validation.laws.law import Method, Run, WeightLaw
from validation.laws.limit import beyond_the_limit
from validation.laws.moving import solve_moving
from validation.laws.units import solve_in_units

__all__ = ["METHODS", "full_law", "method_by_name"]

_EXACT, _CLOSURE = IndependentStepsMethod(), ClosureMethod()
_AVERAGED, _SAMPLED = AveragedClosureMethod(), EpochMapMethod()
METHODS: tuple[Method, ...] = (_EXACT, _CLOSURE, _AVERAGED, _SAMPLED)

_MEMORY = 3e9
#: seconds that sampling gets at least, whatever the closure took
_LEAST_SECONDS = 1.0
#: error estimate up to which a closure stands although the sampled map found no law
_TRUSTED = 0.3
#: share of the limit of independent batches below which there is no doubt that a law exists
_INSIDE = 0.25
#: and above which none is looked for by expansions where an epoch has so many steps: its own limit was
#: within 3 % of that of independent batches on diabetes (34 steps)
_BEYOND, _LONG = 1.1, 20


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

    Independent steps are solved exactly, and so are epochs of so few samples that all their orders can be
    taken. For a permutation per epoch it is otherwise the position-resolved closure where time and memory
    allow, else the averaged one; where its error estimate exceeds the accuracy and time is left,
    permutations are sampled, and the better of the two is returned. Time is nominal, counted operations over
    the speed of an ordinary core: the choice and the result are functions of the run alone.

    Raises
    ------
    UnstableError
        Beyond the mean-square limit.
    TheoryError
        If the method does not know the scheme, or none does.
    UnknownNameError
        If there is no such method.
    """
    return solve_moving(lambda moving: _law(moving, method), run)


def _law(run: Run, method: str | None) -> WeightLaw:
    if method is not None:
        chosen = method_by_name(method)
        if not chosen.covers(run):
            good = ", ".join(m.name for m in METHODS if m.covers(run)) or "none"
            raise TheoryError(f"method {method!r} does not cover {run.scheme.name!r}; choose from: {good}")
        try:
            return solve_in_units(chosen, run)
        except UnstableError as error:
            raise error if chosen is _EXACT else beyond_the_limit(run, error) from None
    if _EXACT.covers(run):
        return solve_in_units(_EXACT, run)
    if _CLOSURE.covers(run):
        return _for_epochs(run)
    if _SAMPLED.covers(run):
        try:
            return solve_in_units(_SAMPLED, run)
        except UnstableError as error:
            raise beyond_the_limit(run, error) from None
    raise TheoryError(
        f"scheme {run.scheme.name!r} draws by its own function: the joint moments of its batches are "
        "not known. Use a built-in scheme, or the published theory, or simulate"
    )


def _for_epochs(run: Run) -> WeightLaw:
    fits = _CLOSURE.cost(run) <= run.seconds and _CLOSURE.memory(run) <= _MEMORY
    closure = _CLOSURE if fits else _AVERAGED
    limit, found, failure = run.mean_square_limit, None, None
    rate = run.rate
    beyond = limit is not None and rate > limit
    sampled = _SAMPLED.covers(run) and _SAMPLED.fits(run)
    if _SAMPLED.enumerates(run) or (beyond and sampled):
        try:  # beyond the limit there is most likely no law, and expansions are slow to find out
            return solve_in_units(_SAMPLED, run)
        except (UnstableError, AccuracyError) as error:
            raise beyond_the_limit(run, error) from None
    if limit is not None and rate > _BEYOND * limit and len(run.sizes) >= _LONG:
        raise beyond_the_limit(run, None)  # which an expansion would take long to find out
    try:
        found = solve_in_units(closure, run)
    except (UnstableError, AccuracyError) as error:
        failure = error
    if found is not None and found.worst <= run.accuracy:
        return found
    rest = replace(run, seconds=max(run.seconds - closure.cost(run), min(_LEAST_SECONDS, run.seconds)))
    if _SAMPLED.covers(run) and _SAMPLED.fits(rest):
        try:
            other = solve_in_units(_SAMPLED, rest)
        except (UnstableError, AccuracyError) as error:
            failure = error
        else:
            return other if found is None or other.worst < found.worst else found
    inside = limit is not None and rate < _INSIDE * limit  # rounding, not the law, made sampling fail
    if found is not None and (failure is None or inside or found.worst < _TRUSTED):
        return found
    if isinstance(failure, AccuracyError) and not beyond:
        raise failure  # numbers that were not found say nothing of the limit
    raise beyond_the_limit(run, failure)
