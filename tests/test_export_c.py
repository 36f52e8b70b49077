"""The C export of the whole catalogue compiles without a warning and gives the right numbers."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import pytest

from theory import CATALOGUE, formula_by_slug, stationary_law
from theory.export import to_c
from theory.export.assignments import identifier
from theory.formula import Formula
from theory.optimizers import averaged, quasi_hyperbolic
from theory.sampling import shuffled_once
from validation.reference import Point, sample_points

SLUGS = [entry.slug for entry in CATALOGUE]
#: the closed forms cancel a few digits at the moderate points drawn here, and none more than these
TOLERANCE = {"double": 1e-10, "long double": 1e-13}
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror")


def compiler() -> str:
    """The C compiler, or skip."""
    program = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if program is None:
        pytest.skip("no C compiler (cc, gcc or clang) is installed: the exported code cannot be run")
    return program


def arguments(formula: Formula, point: Point) -> list[str]:
    """Numbers, then the size of the population and its arrays."""
    def number(value: Any) -> str:
        return f"(REAL){value.numerator}/{value.denominator}"

    found = [number(point[s.name]) for s in formula.parameters if s not in formula.per_sample]
    arrays = [point[s.name] for s in formula.per_sample]
    if arrays:
        found.append(str(len(arrays[0])))
    return [*found, *(f"(const REAL[]){{{', '.join(map(number, array))}}}" for array in arrays)]


def run_all(real: str, formulas: list[tuple[Formula, tuple[Point, ...]]], folder: Path) -> list[str]:
    """Values of the formulas at their points, from one program."""
    code = [to_c(formula) for formula, _ in formulas]
    lines = ["#include <stdio.h>", "int main(void)", "{"]
    for formula, points in formulas:
        for point in points:
            given = ", ".join(arguments(formula, point))
            lines.append(f'    printf("%.20Lg\\n", (long double){identifier(formula.slug)}({given}));')
    source, program = folder / "all.c", folder / "all"
    source.write_text("\n".join([*code, *lines, "    return 0;", "}\n"]), encoding="utf-8")
    subprocess.run(
        [compiler(), *FLAGS, f"-DREAL={real}", "-o", str(program), str(source), "-lm"],
        capture_output=True, check=True, timeout=120,
    )
    done = subprocess.run([str(program)], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split()


@pytest.mark.parametrize("real", TOLERANCE)
def test_the_compiled_catalogue_has_the_exact_values(real: str, tmp_path: Path) -> None:
    formulas = [(e.formula, sample_points(e)) for e in CATALOGUE]
    found = iter(run_all(real, formulas, tmp_path))
    tested = 0
    for formula, points in formulas:
        for point in points:
            value = mpmath.mpf(next(found))
            expected = mpmath.mpf(formula.evaluate(digits=30, **point))
            if formula.scale is not None:  # changes sign: its error is that of the positive formula
                scale = mpmath.mpf(formula.scale.evaluate(
                    digits=30, **{s.name: point[s.name] for s in formula.scale.parameters}
                ))
            else:
                scale = abs(expected)
            assert abs(value - expected) <= TOLERANCE[real] * scale, (formula.slug, point)
            tested += 1
    assert tested == 3 * len(SLUGS)
    assert next(found, None) is None


def test_pairs_outside_the_catalogue_compile_too(tmp_path: Path) -> None:
    formula = stationary_law(averaged(quasi_hyperbolic()), shuffled_once()).weight_variance
    point = {
        "learning_rate": "1/10", "momentum": "4/5", "curvature": "3/10", "noise_variance": "2/3",
        "steps_per_epoch": "5", "immediate_discount": "3/7", "averaging_rate": "2/9",
    }
    exact: Point = {name: Fraction(value) for name, value in point.items()}
    (value,) = run_all("double", [(formula, (exact,))], tmp_path)
    assert float(value) == pytest.approx(formula.evaluate(**exact), rel=1e-11)


POINT: Point = {
    "learning_rate": Fraction(1, 10), "momentum": Fraction(4, 5), "curvature": Fraction(3, 10),
    "noise_variance": Fraction(2, 3), "steps_per_epoch": 10**6,
}


def test_a_million_steps_are_cheap_and_right(tmp_path: Path) -> None:
    formula = formula_by_slug("reshuffled-weight-variance")
    (value,) = run_all("double", [(formula, (POINT,))], tmp_path)
    assert float(value) == pytest.approx(formula.evaluate(**POINT), rel=1e-11)


def test_a_wrong_export_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: one sign of one formula changed in the C code."""
    formula = formula_by_slug("white-weight-variance")
    monkeypatch.setitem(globals(), "to_c", lambda f: f.to_c().replace("1 - momentum", "1 + momentum"))
    (value,) = run_all("double", [(formula, (POINT,))], tmp_path)
    exact = formula.evaluate(**{s.name: POINT[s.name] for s in formula.parameters})
    assert float(value) == pytest.approx(exact / 9, rel=1e-11)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_comment_states_condition_unit_and_source(slug: str) -> None:
    formula = formula_by_slug(slug)
    head, _, rest = formula.to_c().partition("*/")
    for part in (formula.title, "valid if ", "unit ", f"source: {formula.source}"):
        assert part in head, part
    assert rest.count(f"REAL {identifier(slug)}(REAL ") == 1
    assert ("loses about" in head) == ("loses about" in formula.to_python())
