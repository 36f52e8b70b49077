"""What ``predict`` says of a design or a batch that loses something: names, numbers, the way out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from theory.errors import TheoryError
from theory.optimizers import rule_by_name
from theory.sampling import scheme_by_name
from validation.conditioning import conditioning
from validation.data import load_data
from validation.dependence import full_condition_number, relations
from validation.predict import predict
from validation.regression import Regression

RNG = np.random.default_rng(6)
X = RNG.standard_normal((40, 4))
Y = RNG.standard_normal(40)


def notes(features: np.ndarray, *names: str) -> str:
    return "\n".join(conditioning(Regression(features=features, targets=Y, names=names)).notes)


def test_relations_name_few_columns() -> None:
    """Three relations of eight columns, of very different scales; each names its own columns alone."""
    table = np.column_stack([X, X[:, 0] - X[:, 1], 1e6 * X[:, 2] + X[:, 3], 5e-9 * X[:, 0], np.zeros(40)])
    found = relations(table, 1e-14)
    assert [(r.column, r.others) for r in found] == [(4, (0, 1)), (5, (2, 3)), (6, (0,))]
    assert all(r.residual < 1e-13 for r in found)
    assert relations(X, 1e-14) == ()


def test_a_full_condition_number_is_that_of_the_singular_values() -> None:
    q = np.linalg.qr(X)[0]
    assert full_condition_number(q * np.array([1.0, 0.5, 0.1, 1e-5])) == pytest.approx(1e10, rel=1e-9)
    assert math.isinf(full_condition_number(np.column_stack([X, X[:, 0]])))
    assert math.isinf(full_condition_number(X[:3]))


def test_dependent_columns_are_named() -> None:
    found = notes(np.column_stack([X[:, :2], X[:, 0] + 2 * X[:, 1]]), "a", "b", "sum")
    assert "1 of 3 directions have no curvature" in found
    assert "column 'sum' is a linear combination of 'a', 'b' (to " in found
    assert "drop one of them" in found
    assert "the condition number is infinite, to rounding" in found


def test_nearly_dependent_columns_come_with_the_true_condition_number() -> None:
    near = np.column_stack([X[:, :2], X[:, 0] + X[:, 1] + 1e-8 * X[:, 2]])
    found = notes(near, "a", "b", "near")
    assert "column 'near' is a linear combination of 'a', 'b' (to " in found
    true = f"{full_condition_number(near):.3g}"
    assert f"the condition number is {true}, above 1 / rank tolerance = 1e+14" in found
    (relation,) = relations(near, 1e-14)
    assert 1e-9 < relation.residual < 1e-8


def test_reasons_already_given_are_not_given_again() -> None:
    constant = np.column_stack([X[:, 0], np.full(40, 3.0), np.ones(40)])
    found = notes(constant, "a", "k", "intercept")
    assert "columns 'k', 'intercept' are constant" in found
    assert "linear combination" not in found
    assert "linear combination" not in notes(RNG.standard_normal((40, 60)))  # fewer samples than features
    assert not notes(X)


def test_many_relations_are_counted() -> None:
    found = notes(np.column_stack([X[:, :2], *(k * X[:, :1] for k in range(2, 10))]))
    assert found.count("linear combination") == 5
    assert "... and 3 more" in found


def test_a_batch_of_everything_says_so() -> None:
    problem = Regression(features=X, targets=Y)
    for scheme, silent in (("reshuffled", True), ("with-replacement", False)):
        made = predict(
            problem, rule_by_name("sgd"), scheme_by_name(scheme), batch_size=40,
            hyperparameters={"learning_rate": 0.1},
        )
        assert any("batch_size = 40 is not below the 40 samples" in note for note in made.notes) is silent
        assert made.variances.any() != silent


@pytest.mark.parametrize("cell", ["NA", "n/a", "null", "?", ""])
def test_missing_values_are_called_missing(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"a,b,y\n1,2,3\n4,{cell},6\n7,8,1\n", encoding="utf-8")
    with pytest.raises(TheoryError, match=r"line 3, column 'b': missing or infinite value .*; remove"):
        load_data(path)
