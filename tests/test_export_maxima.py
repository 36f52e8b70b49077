r"""The Maxima export of the whole catalogue, executed by Maxima: values, and the identities themselves.

Identities: at a fixed number of steps per epoch, Maxima solves the stationary equation of the
epoch-lifted system symbolically and proves, all hyperparameters being symbols, that the exported
formula is the same rational function. With :math:`s_j=A^js_0+H_j\xi` after j steps,

.. math:: P = A^MPA'^{M\top} + H_MCH_M'^\top \quad\text{or}\quad L_0 = A^ML_0 + H_M

for noise drawn afresh in every epoch, or kept for the whole run. The covariance C of the batches is
written down from sampling without replacement, not taken from the project's elementary noises.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mpmath
import pytest
import sympy as sp

from theory import CATALOGUE, Formula, formula_by_slug
from theory.closed_forms import Entry, entry_by_slug
from theory.export import to_maxima
from theory.export.assignments import identifier
from theory.symbols import curvature, second_curvature, steps_per_epoch
from validation.reference import Point, exact_value, sample_points

LAW = r"""
fpprec: 45$ display2d: false$ ratprint: false$ ratmx: true$ scalarmatrixp: false$
/* [A^0, ..., A^K] and [H_0, ..., H_K] */
powers(A, K) := block([out: [ident(length(A))]],
  for j: 1 thru K do out: endcons(last(out) . A, out), out)$
drives(A, B, K) := block([H: zeromatrix(length(A), K), out],
  out: [H],
  for j: 1 thru K do (
    H: A . H,
    H: genmatrix(lambda([r, i], if i = j then B[r, 1] else H[r, i]), length(A), K),
    out: endcons(H, out)), out)$
/* P = left . P . transpose(right) + Q */
fixed_point(left, right, Q) := block([P, unknowns],
  P: genmatrix(lambda([i, j], concat(p, i, "_", j)), length(left), length(right)),
  unknowns: flatten(args(P)),
  subst(linsolve(flatten(args(P - left . P . transpose(right) - Q)), unknowns), P))$
/* batches of one pass share N samples: -C_0/N, and C_0 (1/S_k - 1/N) on the diagonal; unit: a full batch */
noise(M, N, S, last, K, kept) := genmatrix(lambda([k, l], block([p: mod(k - 1, M), q: mod(l - 1, M)],
  if kept or floor((k - 1)/M) = floor((l - 1)/M)
  then ((if p # q then 0 elseif p = M - 1 then 1/last else 1/S) - 1/N)/(1/S - 1/N) else 0)), K, K)$
/* cov(j, l) is the covariance of the states after j and l steps of an epoch; j may reach beyond it */
solve_fresh(A, B, A2, M, K) := (
  pw: powers(A, K), pw2: powers(A2, K), dr: drives(A, B, K), dr2: drives(A2, B, K),
  P: fixed_point(pw[M + 1], pw2[M + 1], dr[M + 1] . C . transpose(dr2[M + 1])),
  cov(j, l) := pw[j + 1] . P . transpose(pw2[l + 1]) + dr[j + 1] . C . transpose(dr2[l + 1]))$
solve_kept(A, B, M) := (
  period: M,
  pw: powers(A, M), dr: drives(A, B, M),
  L: invert(ident(length(A)) - pw[M + 1]) . dr[M + 1],
  L: makelist(pw[j] . L + dr[j], j, 1, M),
  cov(j, l) := L[mod(j, period) + 1] . C . transpose(L[mod(l, period) + 1]))$
/* batch curvature of variance curvature_variance: the stationary second moment */
fluctuating(A, B) := block([P, D, unknowns],
  D: diff(A, curvature),
  P: genmatrix(lambda([i, j], concat(p, i, "_", j)), length(A), length(A)),
  unknowns: flatten(args(P)),
  subst(linsolve(flatten(args(P - A . P . transpose(A) - curvature_variance*D . P . transpose(D)
    - noise_variance*B . transpose(B))), unknowns), P))$
ww(j, h) := cov(j + h, j)[1, 1]$
wv(j) := cov(j, j)[1, 1] - cov(j, j - 1)[1, 1]$
vv(j) := cov(j, j)[1, 1] - cov(j, j - 1)[1, 1] - cov(j - 1, j)[1, 1] + cov(j - 1, j - 1)[1, 1]$
/* epochs of plain SGD: the mean power of the last weight over all orders of the samples */
epoch(order) := block([w: displacement], for n in order do w: w - learning_rate*(n[1]*w + n[2]), w)$
over_orders(samples, power) := block([every: listify(permutations(samples))],
  apply("+", map(lambda([order], epoch(order)^power), every))/length(every))$
T(z) := (z*invert(z*ident(length(A)) - A) . B)[1, 1]$
"""

#: what a quantity is in terms of the solution; j a position, h a lag
STATED = {
    "weight-variance": "mean(ww(j, 0))", "weight-covariance": "mean(ww(j, 0))",
    "velocity-variance": "mean(vv(j))", "velocity-covariance": "mean(vv(j))",
    "weight-velocity-covariance": "mean(wv(j))", "loss-fluctuation": "curvature/2*mean(ww(j, 0))",
    "correlation-time": "2*mean(ww(j, 0))/mean(vv(j))", "weight-autocovariance": "mean(ww(j, h))",
    "weight-autocovariance-beyond": "mean(ww(j, h))", "noise-autocovariance": "mean(C[j + h, j])",
    "weight-variance-at-position": "ww(j, 0)", "velocity-variance-at-position": "vv(j)",
    "noise-spectrum": "spectrum()", "weight-spectrum": "T(w^2)*T(w^-2)*spectrum()",
}
#: steps per epoch; a few rules are left out where Maxima takes a minute
STEPS = {"quasi-hyperbolic-reshuffled-weight-variance": (2, 4), "averaged-reshuffled-weight-variance": (2, 3)}
#: limits and definitions, from the exports of others; each expression is zero or one, as stated
LIMITS = {
    "stability-limit": "subst(stability_limit(momentum, curvature), learning_rate, charpoly(A, -1))",
    "damping-discriminant":
        "damping_discriminant(learning_rate, momentum, curvature)"
        " - (mat_trace(A)^2 - 4*determinant(A))",
    "critical-damping-curvature":
        "subst([curvature = critical_damping_curvature(learning_rate, s^2), momentum = s^2],"
        " mat_trace(A)^2 - 4*determinant(A))",
    "crossover-curvature":
        "kinetic_weight_variance(learning_rate, momentum,"
        " crossover_curvature(learning_rate, momentum, M), 1)"
        " - flat_weight_variance_long_epoch(learning_rate, momentum, 1, M)",
    "correlation-time-flat":
        "correlation_time_flat(momentum, M) - 2*flat_weight_variance_long_epoch(1, momentum, 1, M)"
        "/white_velocity_variance(1, momentum, 0, 1)",
    "continuous-time-weight-variance":
        "subst(0, x, ratsimp(white_weight_variance(x, 0, curvature, 1)"
        "/continuous_time_weight_variance(x, curvature, 1))) - 1",
    "kinetic-weight-variance":
        "subst(0, x, ratsimp(white_weight_variance(x^2, 1 - k*x, curvature, 1)"
        "/kinetic_weight_variance(x^2, 1 - k*x, curvature, 1))) - 1",
    "kinetic-velocity-variance":
        "subst(0, x, ratsimp(white_velocity_variance(x^2, 1 - k*x, curvature, 1)"
        "/kinetic_velocity_variance(x^2, 1 - k*x, 1))) - 1",
    "flat-weight-variance-long-epoch":  # momentum^M is smaller than any power of 1/M
        "subst(0, x, ratsimp(subst(M = 1/x, ratsubst(0, momentum^M, flat_weight_variance(1, momentum, 1, M))"
        "/flat_weight_variance_long_epoch(1, momentum, 1, M)))) - 1",
    "kinetic-flat-weight-variance":  # (1 - k/M)^M = exp(-k) (1 + a/M), with a bounded
        "subst(0, x, ratsimp(subst([momentum = 1 - k*x, M = 1/x],"
        " ratsubst(exp(-k)*(1 + a/M), momentum^M, flat_weight_variance(1, momentum, 1, M)))"
        "/kinetic_flat_weight_variance(1, 1 - k*x, 1, 1/x))) - 1",
}
#: neither: their index of a sequence goes to infinity, which Maxima has no closed form for
WITHOUT_IDENTITY = {"reshuffled-weight-variance-long-epoch", "reshuffled-weight-variance-small-step"}


def matrix(value: sp.Matrix) -> str:
    rows = (f"[{', '.join(str(x).replace('**', '^') for x in value.row(i))}]" for i in range(value.rows))
    return f"matrix({', '.join(rows)})"


def call(formula: Formula, given: dict[str, object] | Point) -> str:
    arguments = (argument(given.get(s.name, s)) for s in formula.parameters)
    return f"{identifier(formula.slug)}({', '.join(arguments)})"


def argument(value: object) -> str:
    """A number, or the list of a population."""
    return f"[{', '.join(map(str, value))}]" if isinstance(value, (list, tuple)) else str(value)


#: of the fluctuating law P, in the words of Maxima
FLUCTUATING = {
    "weight-variance": "P[1, 1]", "velocity-variance": "2*(P[1, 1] - (A . P)[1, 1])",
    "weight-velocity-covariance": "P[1, 1] - (A . P)[1, 1]",
    "weight-autocovariance": "(last(powers(A, h)) . P)[1, 1]",
}
#: Gaussian inputs of variance lambda, labels of variance y, S samples
_LABELS = (
    "[curvature_variance = 2*curvature^2/batch_size, noise_variance = curvature*label_variance/batch_size]"
)


def fluctuating(entry: Entry) -> Iterator[tuple[str, str]]:
    """As :func:`stated`, for independent steps whose batch curvature fluctuates."""
    formula, rule = entry.formula, entry.rule
    code = f"A: {matrix(rule.transition)}$ B: {matrix(rule.injection)}$ P: fluctuating(A, B)$"
    if entry.slug == "mean-square-stability-limit":
        yield code, f"ratsimp(subst({call(formula, {})}, learning_rate, ratsimp(1/P[1, 1])))"
        return
    given = _LABELS if entry.slug.startswith("label-noise") else "[]"
    for lag in (0, 1, 4) if entry.quantity.endswith("autocovariance") else (0,):
        right = f"subst({given}, block([h: {lag}], {FLUCTUATING[entry.quantity]}))"
        yield code, f"ratsimp({call(formula, {'lag': lag})} - {right})"


#: of one epoch without replacement: sums over the pairs of its m steps; p is 1 - learning_rate*curvature
_PAIRS = "sum(sum(p^(m - k)*p^(k - 1 - j)*({}), j, 1, k - 1), k, 2, m)"
_DRIFT = _PAIRS.format(
    "curvature_gradient_covariance + curvature_variance*p^(j - 1)*displacement"
)
ONE_EPOCH = {
    "epoch-drift": f"-learning_rate^2/(m - 1)*{_DRIFT}",
    "epoch-drift-smith-limit": f"-learning_rate^2/(m - 1)*subst(0, curvature, {_DRIFT})",
    "epoch-regularizer-weight": _PAIRS.format("1"),
    "saddle-escape-ratio": "subst(-negative_curvature, curvature, (m*sum(p^(2*k), k, 0, m - 1)"
    " - sum(p^k, k, 0, m - 1)^2)/((m - 1)*sum(p^(2*k), k, 0, m - 1)))",
}


def one_epoch(entry: Entry, steps: int) -> tuple[str, str]:
    """As :func:`stated`, for one epoch without replacement."""
    left = call(entry.formula, {"steps_per_epoch": steps})
    return (
        f"m: {steps}$ p: 1 - learning_rate*curvature$", f"ratsimp({left} - {ONE_EPOCH[entry.slug]})"
    )


#: weights of the lags in the sum of powers of A that pushes the mean
MEMORY = {
    "epoch": "sum(-(m - h)/(m*(m - 1))*pw[h], h, 1, m - 1)",
    "run": "m/(m - 1)*pw[m] . invert(ident(2) - pw[m + 1]) - 1/(m - 1)*invert(ident(2) - A)",
}


def mean_shift(entry: Entry, steps: int) -> tuple[str, str]:
    """As :func:`stated`, for the mean of the law."""
    prepare = (
        f"m: {steps}$ A: {matrix(entry.rule.transition)}$ B: {matrix(entry.rule.injection)}$ "
        f"pw: powers(A, m)$ G: {MEMORY[entry.scheme.lasting]}$"
    )
    right = "(invert(ident(2) - A) . diff(A, curvature) . G . B)[1, 1]*curvature_gradient_covariance"
    if not entry.exact:
        right = f"subst(0, curvature, ratsimp(curvature*{right}))/curvature"
    return prepare, f"ratsimp({call(entry.formula, {'steps_per_epoch': steps})} - {right})"


#: powers of the population x of n numbers, and of the averages of its batches
BATCHES = """n: {n}$ s: {s}$ x: makelist(concat(y, i), i, 1, n - 1)$
x: endcons(-apply("+", x), x)$
power(k) := apply("+", x^k)/n$
every: listify(powerset(setify(makelist(i, i, 1, n)), s))$
moment(k) := lsum((lsum(x[i], i, listify(b))/s)^k, b, every)/length(every)$"""


def batch_moment(entry: Entry, size: int, batch: int) -> tuple[str, str]:
    """As :func:`stated`, for the moments of batch averages over populations of symbols."""
    at = {"samples": size, "batch_size": batch}
    third, joint, pairs = (call(formula_by_slug(slug), at) for slug in BATCH_MOMENTS)
    gap = f"moment(3) - {third}*power(3)"
    if entry.slug != BATCH_MOMENTS[0]:
        gap = f"moment(4) - {joint}*power(4) - {pairs}*power(2)^2"
    return BATCHES.format(n=size, s=batch), f"ratsimp({gap})"


BATCH_MOMENTS = ("batch-third-cumulant", "batch-fourth-moment-joint", "batch-fourth-moment-pairs")


def stated(entry: Entry, steps: int) -> Iterator[tuple[str, str]]:
    """Maxima code that prepares, and the difference that must vanish."""
    formula, scheme = entry.formula, entry.scheme
    kind = entry.quantity.removeprefix("cross-").removeprefix("flat-")
    lags = {
        "weight-autocovariance": range(steps + 1), "weight-autocovariance-beyond": (steps, steps + 1),
        "noise-autocovariance": range(1, steps),
    }.get(kind, (0,))
    white, kept = scheme.lasting == "batch", scheme.lasting == "run"
    m = 1 if white else steps
    whole = scheme.last_batch == "forbidden"
    size, total = ("1", str(steps)) if whole else ("batch_size", "samples")
    last = f"samples - {steps - 1}*batch_size" if scheme.last_batch == "kept" else size
    reach = m if kept and "noise" not in kind else m + max(lags)
    rule = entry.rule
    other = second_curvature if "cross" in entry.quantity else curvature
    second = rule.transition.subs(curvature, other)
    code = [f"A: {matrix(rule.transition)}$ B: {matrix(rule.injection)}$"]
    flag = "true" if kept else "false"
    code.append(
        f"C: ident({reach})$" if white else f"C: noise({m}, {total}, {size}, {last}, {reach}, {flag})$"
    )
    if "noise" not in kind and "spectrum" not in kind:
        code.append(
            f"solve_kept(A, B, {m})$" if kept else f"solve_fresh(A, B, {matrix(second)}, {m}, {reach})$"
        )
    code.append(f"spectrum() := sum(sum(C[j, l]*w^(2*(j - l)), j, 1, {m}), l, 1, {m})/{m}$")
    code.append(f"mean(term) ::= buildq([term], sum(term, j, 1, {m})/{m})$")
    positions = range(1, steps + (scheme.last_batch != "kept")) if "at-position" in kind else (0,)
    unit = "" if kind == "correlation-time" else "noise_variance*"
    for lag in lags:
        for position in positions:
            given: dict[str, object] = {
                "steps_per_epoch": steps, "lag": lag, "position": position, "frequency": "-2*%i*log(w)",
            }
            right = f"{unit}block([h: {lag}, j: {position}], {STATED[kind]})"
            if "flat" in entry.quantity:
                right = f"subst(0, curvature, ratsimp({right}))"
            yield "\n".join(code), f"ratsimp(exponentialize({call(formula, given)}) - {right})"
            code = []


def over_all_orders(entry: Entry) -> Iterator[str]:
    """The exported formula over populations of symbols, less the average over all orders of the samples."""
    power = 1 if entry.quantity == "epoch-mean" else 2
    for size in (1, 2, 3):
        given: dict[str, object] = {
            s.name: [f"{s.name}_{n}" for n in range(size)] for s in entry.formula.per_sample
        }
        rows = ", ".join(f"[sample_curvature_{n}, sample_gradient_{n}]" for n in range(size))
        yield f"ratsimp({call(entry.formula, given)} - over_orders([{rows}], {power}))"


def printed(kind: str, name: str, expression: str) -> str:
    return f'printf(true, "{kind} {name} ~a~%", string({expression}))$'


def program(control: Formula) -> str:
    """The whole catalogue, its values and its identities as one Maxima program."""
    lines = [LAW]
    for entry in CATALOGUE:
        lines.append(to_maxima(entry.formula))
        for place, point in enumerate(sample_points(entry)):
            value = f"block([v: {call(entry.formula, point)}], if ratnump(v) then v else bfloat(v))"
            lines.append(printed("VALUE", f"{entry.slug} {place}", value))
    lines.append(to_maxima(control))
    white = replace(entry_by_slug("reshuffled-weight-variance"), derive=lambda: control)
    for entry in (*CATALOGUE, white):
        slug = entry.formula.slug
        if slug in ONE_EPOCH:
            for steps in (2, 3, 4, 6):
                prepare, gap = one_epoch(entry, steps)
                lines += [prepare, printed("IDENTITY", slug, gap), "kill(m, p)$"]
            continue
        if slug in BATCH_MOMENTS:
            for size, batch in ((4, 2), (5, 1), (5, 3), (6, 2)):
                prepare, gap = batch_moment(entry, size, batch)
                lines += [prepare, printed("IDENTITY", slug, gap), "kill(n, s, x)$"]
            continue
        if entry.quantity == "mean-shift":
            for steps in (2, 3, 5):
                prepare, gap = mean_shift(entry, steps)
                lines += [prepare, printed("IDENTITY", slug, gap), "kill(m)$"]
            continue
        if not entry.exact:
            if slug in LIMITS:
                lines.append(f"A: {matrix(entry.rule.transition)}$")
                lines.append(printed("IDENTITY", slug, f"fullratsimp(expand({LIMITS[slug]}))"))
            continue
        if entry.formula.per_sample:
            for gap in over_all_orders(entry):
                lines.append(printed("IDENTITY", slug, gap))
            continue
        if entry.model == "multiplicative":
            for prepare, gap in fluctuating(entry):
                lines += [prepare, printed("IDENTITY", slug, gap)]
            continue
        for steps in STEPS.get(slug, (2, 3, 4)):
            for prepare, gap in stated(entry, steps):
                lines += [prepare, printed("IDENTITY", slug, gap)]
    return "\n".join(lines)


def test_maxima_reproduces_every_value_and_proves_the_identities(tmp_path: Path) -> None:
    maxima = shutil.which("maxima")
    if maxima is None:
        pytest.skip("maxima is not installed (Debian: apt-get install maxima): the export cannot be run")
    right = formula_by_slug("reshuffled-weight-variance")
    control = replace(
        right, slug="wrong-control", compact=right.compact.subs(steps_per_epoch, steps_per_epoch + 1)
    )
    script = tmp_path / "all.mac"
    script.write_text(program(control), encoding="utf-8")
    done = subprocess.run(
        [maxima, "--very-quiet", f"--batch={script}"], capture_output=True, text=True, timeout=300,
        check=False, stdin=subprocess.DEVNULL,
    )
    output = done.stdout.replace("\\\n", "")
    values = dict(line[6:].rsplit(" ", 1) for line in output.splitlines() if line.startswith("VALUE "))
    identities: dict[str, list[str]] = {}
    for line in output.splitlines():
        if line.startswith("IDENTITY "):
            _, slug, gap = line.split(" ", 2)
            identities.setdefault(slug, []).append(gap)

    for entry in CATALOGUE:
        for place, point in enumerate(sample_points(entry)):
            expected, key = exact_value(entry.formula, point), f"{entry.slug} {place}"
            assert key in values, f"Maxima did not get through {key}: {output[-2000:]}"
            if expected.is_Rational:
                assert values[key] == str(expected), key
            else:
                with mpmath.workdps(45):
                    found = mpmath.mpf(values[key].replace("b", "e"))
                    assert mpmath.almosteq(found, mpmath.mpf(str(sp.N(expected, 44))), rel_eps=1e-38), key
    assert len(values) == 3 * len(CATALOGUE)

    assert "0" not in identities.pop("wrong-control"), "the control was proved"
    assert {slug for slug, gaps in identities.items() if any(gap != "0" for gap in gaps)} == set()
    assert set(identities) == {entry.slug for entry in CATALOGUE} - WITHOUT_IDENTITY
