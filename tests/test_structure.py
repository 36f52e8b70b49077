"""The project's own rules: direction of imports, catalogue, generated text, packaging."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from theory import CATALOGUE, formula_by_slug
from theory.errors import TheoryError
from theory.symbols import PARAMETERS
from theory.units import formula_unit
from validation.readme import updated

ROOT = Path(__file__).parent.parent
#: what each package may import
ALLOWED = {
    "theory": {"theory"},
    "derivations": {"theory", "derivations"},
    "validation": {"theory", "derivations", "validation"},
}
REQUIRED = {
    "white-weight-variance", "white-velocity-variance", "reshuffled-noise-autocovariance",
    "reshuffled-noise-spectrum", "reshuffled-weight-variance", "reshuffled-velocity-variance",
    "reshuffled-weight-autocovariance", "reshuffled-weight-variance-at-position",
    "dropped-batch-weight-variance", "shuffled-once-weight-variance", "crossover-curvature",
    "flat-weight-variance", "correlation-time", "loss-fluctuation", "cross-mode-covariance",
}


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_follow_the_flow_of_data(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            tops = {name.split(".")[0] for name in names} & {*ALLOWED, "tests"}
            assert tops <= ALLOWED[package], f"{path}: {tops}"


def test_import_is_light() -> None:
    code = "import theory, sys; print(sorted({'numpy', 'scipy', 'matplotlib', 'numba'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_core_needs_no_optional_package() -> None:
    code = (
        "import sys\n"
        "for name in ('numba', 'matplotlib', 'sklearn', 'tqdm', 'latex2mathml'): sys.modules[name] = None\n"
        "from theory import formula_by_slug\n"
        "print(formula_by_slug('white-velocity-variance').evaluate(\n"
        "    learning_rate='0.1', momentum='0.5', curvature=1, noise_variance=1, digits=3))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0.0138"


def test_catalogue() -> None:
    slugs = [entry.slug for entry in CATALOGUE]
    assert len(slugs) == len(set(slugs)) >= 30
    assert set(slugs) >= REQUIRED
    for entry in CATALOGUE:
        formula = entry.formula
        assert formula.slug == entry.slug
        assert formula.title
        assert formula.source
        assert [int(power) for power in formula_unit(formula)] == list(formula.unit)
        assert {s.name for s in formula.parameters} <= set(PARAMETERS), formula.slug
        assert (formula.published is None) == (not formula.difference), formula.slug


def test_readme_table_is_up_to_date() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert updated(text) == text, "run `python -m validation.readme`"


def test_readme_examples_run() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.S):
        exec(compile(block, "README.md", "exec"), names)  # our own text
    first = re.findall(r"# (array\(.*\))", text)[0]
    law = names["law"]
    values = law.weight_variance.evaluate(  # type: ignore[attr-defined]
        learning_rate=0.1, momentum=0.9, noise_variance=1.0, steps_per_epoch=100,
        curvature=names["np"].logspace(-9, 1, 5),  # type: ignore[attr-defined]
    )
    assert repr(values) == first


def test_every_package_is_installed() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in ALLOWED
        for path in (ROOT / package).rglob("__init__.py")
    }
    assert listed == found


def test_letters_must_be_distinct() -> None:
    formula = formula_by_slug("white-weight-variance")
    assert formula.latex({"learning_rate": r"\gamma"}).count(r"\gamma") == 2
    for symbols in ({"learning_rate": "h", "curvature": "h"}, {"curvature": r"\eta"}, {"curvature": "U"}):
        with pytest.raises(TheoryError, match=r"the letter .* is taken by"):
            formula.latex(symbols)


def test_latex_has_no_double_signs() -> None:
    for entry in CATALOGUE:
        text = entry.formula.latex()
        assert not re.search(r"[+-]\s*[+-]", text), entry.slug


def test_a_formula_says_what_it_is() -> None:
    formula = formula_by_slug("white-weight-variance")
    assert formula._repr_latex_().startswith(r"$\displaystyle \langle\theta^2\rangle = \frac")
    assert str(formula).startswith("white-weight-variance: weight variance")
