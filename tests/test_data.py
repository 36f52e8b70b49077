"""Data sets of the user's own, and every way they can be wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from theory.errors import MissingPackageError, TheoryError, UnknownNameError
from validation.data import BUNDLED, DataError, load_data


@pytest.mark.parametrize(
    ("name", "shape"),
    [("digits", (1797, 64)), ("diabetes", (442, 10)), ("linnerud", (20, 3)), ("wine", (178, 13)),
     ("iris", (150, 4)), ("breast-cancer", (569, 30))],
)
def test_bundled_sets_have_their_published_shape(name: Any, shape: Any) -> None:
    data = load_data(name, intercept=False)
    assert data.features.shape == shape
    assert data.targets.shape == shape[:1]
    with_intercept = load_data(name)
    np.testing.assert_array_equal(with_intercept.features[:, -1], 1.0)
    assert with_intercept.feature_names[-1] == "intercept"
    assert name in BUNDLED


def test_digits_predict_the_digit() -> None:
    assert set(load_data("digits").targets) == set(range(10))


def test_linnerud_keeps_other_targets_out_of_the_features() -> None:
    data = load_data("linnerud", target="Pulse", intercept=False)
    assert data.target_name == "Pulse"
    assert data.feature_names == ("Chins", "Situps", "Jumps")


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [("a,b,y\n1,2,3\n4,5,6\n", None, [3, 6]), ("a,b,y\n1,2,3\n4,5,6\n", "a", [1, 4]),
     ("a;b;y\n1;2;3\n4;5;6\n", "1", [2, 5]), ("1\t2\t3\n4\t5\t6\n", -3, [1, 4]),
     ("0,1,target\n1,2,3\n\n4,5,6\n", "target", [3, 6])],
)
def test_csv_targets_by_name_and_index(
    tmp_path: Path, text: Any, target: Any, expected: Any,
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text)
    data = load_data(path, target=target, intercept=False)
    np.testing.assert_array_equal(data.targets, expected)
    assert data.features.shape == (2, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "is empty"), ("a,b\n1,2\n", "has 1 samples and 1 features"),
     ("a,b\n1,2\n3\n", "line 3 has 1 cells, the first line has 2"),
     ("a,b\n1,2\n3,red\n", "line 3, column 'b': 'red' is no number; encode or drop"),
     ("a,b\n1,2\n,4\n", "line 3, column 'a': missing or infinite value ''; remove or fill"),
     ("a,b\n1,nan\n3,4\n", "line 2, column 'b': missing or infinite value 'nan'"),
     ("a,b\n1,2\n3,inf\n", "line 3, column 'b': missing or infinite value 'inf'"),
     ("a,b,a\n1,2,3\n4,5,6\n", "columns 0 and 2 have the same name 'a'; rename one"),
     ("1.5,abc\n1,2\n3,4\n", "line 1, column 'column 1': 'abc' is no number")],
)
def test_csv_errors_name_row_and_column(tmp_path: Path, text: Any, message: Any) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        load_data(path)


def test_wrong_column_names_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("height,weight\n1,2\n3,4\n")
    with pytest.raises(UnknownNameError, match="no column 'wieght': did you mean 'weight'"):
        load_data(path, target="wieght")
    with pytest.raises(UnknownNameError, match=r"no column 7: it has 2 columns, 0\.\.1"):
        load_data(path, target=7)


def test_missing_file_unknown_set_and_encoding(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(DataError, match=r"no file .*: did you mean 'mine.csv'"):
        load_data(tmp_path / "mime.csv")
    with pytest.raises(UnknownNameError, match="'digit': did you mean 'digits'"):
        load_data("digit")
    (tmp_path / "latin.csv").write_bytes(b"gr\xf6\xdfe,y\n1,2\n3,4\n")
    with pytest.raises(DataError, match="no UTF-8 text"):
        load_data(tmp_path / "latin.csv")


def test_npz_by_default_by_name_and_by_index(tmp_path: Path) -> None:
    x, y = np.arange(8.0).reshape(4, 2) ** 2, np.arange(4)
    np.savez(tmp_path / "a.npz", X=x, y=y, inputs=-x, labels=2 * y)
    data = load_data(tmp_path / "a.npz", intercept=False)
    np.testing.assert_array_equal(data.features, x)
    np.testing.assert_array_equal(data.targets, y)
    named = load_data(tmp_path / "a.npz", array="inputs", target="labels", intercept=False)
    np.testing.assert_array_equal(named.features, -x)
    np.testing.assert_array_equal(named.targets, 2 * y)
    np.testing.assert_array_equal(load_data(tmp_path / "a.npz", target=0).targets, x[:, 0])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [({"X": np.eye(3)}, "no array 'y'"), ({"x": np.eye(3), "y": np.ones(3)}, "arrays are x, y"),
     ({"X": np.eye(3), "y": np.ones(4)}, "'X' has 3 rows but 'y' has 4"),
     ({"X": np.ones(3), "y": np.ones(3)}, r"must have shape \(N, d\)"),
     ({"X": np.eye(3), "y": np.ones((3, 2))}, r"must have shape \(N,\)"),
     ({"X": np.array([[1, np.nan]] * 3), "y": np.ones(3)}, "row 1 of the data, column 'column 1'"),
     ({"X": np.array([["a"]] * 3), "y": np.ones(3)}, "not real numbers"),
     ({"X": np.array([[object()]]), "y": np.ones(1)}, "pickled objects are refused")],
)
def test_npz_errors(tmp_path: Path, arrays: Any, message: Any) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, allow_pickle=True, **arrays)
    with pytest.raises(TheoryError, match=message):
        load_data(path)


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    for content in (b"", b"not an archive", b"PK\x03\x04broken"):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(DataError, match="cannot be read"):
            load_data(tmp_path / "bad.npz")


def test_without_scikit_learn_the_message_has_the_command(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'sgd-theory\[report\]'"):
        load_data("digits")
