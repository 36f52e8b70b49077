"""Real data for a linear regression: bundled sets, CSV and NPZ files; no download, no scaling."""

from __future__ import annotations

import csv
import difflib
import importlib
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.errors import MissingPackageError, TheoryError, UnknownNameError

__all__ = ["BUNDLED", "DataError", "Dataset", "load_data"]

BUNDLED = {
    "digits": "load_digits", "diabetes": "load_diabetes", "linnerud": "load_linnerud",
    "wine": "load_wine", "iris": "load_iris", "breast-cancer": "load_breast_cancer",
}
#: what programs write where there is no value, besides nan
_MISSING = frozenset(("", "na", "n/a", "#n/a", "null", "none", "?", "-", "."))


class DataError(TheoryError):
    """A data file that cannot be used; the message names the row and the column."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """A table of numbers split into features and one target.

    Attributes
    ----------
    features
        Shape (N, d), as found (no scaling), a last column of ones where there is an intercept.
    targets
        Shape (N,).
    feature_names, target_name
        Names of the columns; the intercept is called ``"intercept"``.
    """

    name: str
    features: npt.NDArray[np.float64]
    targets: npt.NDArray[np.float64]
    feature_names: tuple[str, ...]
    target_name: str


def load_data(
    source: str | Path, *, target: str | int | None = None, array: str = "X",
    intercept: bool = True,
) -> Dataset:
    """Load a bundled set by name, or a CSV or NPZ file.

    Parameters
    ----------
    source
        One of ``BUNDLED``, or a path ending in ``.csv`` or ``.npz``. A CSV may have a header row and
        may be separated by commas, semicolons or tabs.
    target
        Column to predict, by name or index (negative from the end). By default the bundled set's own,
        the last column of a CSV, or the array ``y`` of an NPZ, where a name means an array and an
        index a column of the features.
    array
        Name of the feature array in an NPZ.
    intercept
        Whether to append a column of ones.

    Raises
    ------
    DataError
        If the file is missing, empty, ragged, pickled, names two columns alike, has fewer than two
        samples, or a cell is missing, no number or not finite.
    UnknownNameError
        If there is no such set, column or array; the message names the nearest.
    MissingPackageError
        If a bundled set is asked for and scikit-learn is not installed.
    """
    name, suffix = str(source), Path(source).suffix.lower()
    if name in BUNDLED:
        table, names, column = _bundled(name, target)
    elif suffix == ".csv":
        table, names = _csv(_existing(Path(source)))
        column = _column(names, -1 if target is None else target, name)
    elif suffix == ".npz":
        table, names, column = _npz(_existing(Path(source)), array, target)
    else:
        near = difflib.get_close_matches(name, BUNDLED, n=1)
        raise UnknownNameError(
            f"unknown data set {name!r}: {f'did you mean {near[0]!r}? ' if near else ''}"
            f"give a path ending in .csv or .npz, or one of {', '.join(BUNDLED)}"
        )
    if table.shape[0] < 2 or table.shape[1] < 2 - intercept:
        raise DataError(
            f"{name} has {table.shape[0]} samples and {table.shape[1] - 1} features besides the "
            "target; a regression needs at least 2 samples and 1 feature"
        )
    bad = np.argwhere(~np.isfinite(table))
    if bad.size:
        row, col = (int(i) for i in bad[0])
        raise DataError(
            f"{name}: row {row + 1} of the data, column {names[col]!r} is {table[row, col]}; "
            f"remove or fill it ({len(bad)} such cells)"
        )
    features = np.delete(table, column, axis=1)
    kept = [n for i, n in enumerate(names) if i != column]
    if intercept:
        features = np.column_stack([features, np.ones(len(features))])
        kept.append("intercept")
    return Dataset(
        name=Path(name).stem, features=np.ascontiguousarray(features),
        targets=table[:, column].copy(), feature_names=tuple(kept), target_name=names[column],
    )


def _existing(path: Path) -> Path:
    if not path.is_file():
        near = difflib.get_close_matches(
            path.name, [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else [], n=1
        )
        hint = f"did you mean {near[0]!r}?" if near else "check the path"
        raise DataError(f"there is no file {str(path)!r}: {hint}")
    return path


def _column(names: Sequence[str], target: str | int, where: str) -> int:
    """Index of the target column; a name wins over a number written as text."""
    if isinstance(target, str) and target in names:
        return names.index(target)
    try:
        index = int(target)
    except ValueError:
        near = difflib.get_close_matches(str(target), names, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        raise UnknownNameError(
            f"{where} has no column {target!r}: {hint}columns are {shown}"
        ) from None
    if not -len(names) <= index < len(names):
        raise UnknownNameError(
            f"{where} has no column {index}: it has {len(names)} columns, 0..{len(names) - 1}"
        )
    return index % len(names)


def _bundled(
    name: str, target: str | int | None
) -> tuple[npt.NDArray[np.float64], list[str], int]:
    try:
        datasets = importlib.import_module("sklearn.datasets")
    except ImportError as missing:
        raise MissingPackageError(
            f"the bundled data set {name!r} needs scikit-learn, which is not installed: "
            "pip install 'sgd-theory[report]'"
        ) from missing
    bunch: Any = getattr(datasets, BUNDLED[name])()
    own = bunch.target.reshape(len(bunch.target), -1).astype(np.float64)
    own_names = list(bunch.target_names) if own.shape[1] > 1 else ["target"]
    names = [*map(str, bunch.feature_names), *map(str, own_names)]
    column = _column(names, len(bunch.feature_names) if target is None else target, name)
    inputs = len(bunch.feature_names)
    keep = [i for i in range(len(names)) if i < inputs or i == column]  # no other target as feature
    table = np.column_stack([bunch.data, own]).astype(np.float64)[:, keep]
    return table, [names[i] for i in keep], keep.index(column)


def _csv(path: Path) -> tuple[npt.NDArray[np.float64], list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8 text (byte {error.start}); save it as UTF-8") from None
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    if not rows:
        raise DataError(f"{path} is empty; a regression needs at least 2 rows")
    words = [cell.strip() for cell in rows[0][1] if cell.strip() and _number(cell) is None]
    numbers = [cell.strip() for cell in rows[0][1] if _number(cell) is not None]
    # names may be column numbers (0, 1, ..., target); "1.5, abc" is data with a cell that is none
    header = bool(words) and all(cell.isdigit() for cell in numbers)
    names = [c.strip() for c in rows[0][1]] if header else [
        f"column {i}" for i in range(len(rows[0][1]))
    ]
    for name in names:
        places = [i for i, other in enumerate(names) if other == name]
        if name and len(places) > 1:
            raise DataError(
                f"{path}: columns {' and '.join(map(str, places))} have the same name {name!r}; "
                "rename one"
            )
    table = np.empty((len(rows) - header, len(names)))
    for i, (line, row) in enumerate(rows[header:]):
        if len(row) != len(names):
            raise DataError(
                f"{path}, line {line} has {len(row)} cells, the first line has {len(names)}; "
                f"every line needs the same number (separator {delimiter!r})"
            )
        for j, cell in enumerate(row):
            value = _number(cell)
            if value is None or not math.isfinite(value):
                missing = cell.strip().lower() in _MISSING or value is not None
                raise DataError(
                    f"{path}, line {line}, column {names[j]!r}: "
                    + (f"missing or infinite value {cell.strip()!r}; remove or fill it" if missing
                       else f"{cell.strip()!r} is no number; encode or drop that column")
                )
            table[i, j] = value
    return table, names


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _npz(
    path: Path, array: str, target: str | int | None
) -> tuple[npt.NDArray[np.float64], list[str], int]:
    arrays: dict[str, npt.NDArray[np.float64]] = {}
    if isinstance(target, str) and target.removeprefix("-").isdigit():
        target = int(target)
    wanted = [array] if isinstance(target, int) else [array, target or "y"]
    try:
        with np.load(path, allow_pickle=False) as archive:
            stored = list(archive.files)
            for name in wanted:
                if name not in stored:
                    near = difflib.get_close_matches(name, stored, n=1, cutoff=0.4)
                    hint = f"did you mean {near[0]!r}? " if near else ""
                    raise UnknownNameError(
                        f"{path} has no array {name!r}: {hint}arrays are {', '.join(stored)}"
                    )
                raw = archive[name]
                if raw.dtype.kind not in "fiub":
                    raise DataError(f"{path}: array {name!r} holds {raw.dtype}, not real numbers")
                arrays[name] = raw.astype(np.float64)
    except TheoryError:
        raise
    except (ValueError, OSError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} cannot be read ({error}); pickled objects are refused: save plain number "
            "arrays with numpy.savez(path, X=..., y=...)"
        ) from None
    x = arrays[array]
    if x.ndim != 2:
        raise DataError(f"{path}: array {array!r} must have shape (N, d); got {x.shape}")
    names = [f"column {i}" for i in range(x.shape[1])]
    if isinstance(target, int):
        return x, names, _column(names, target, f"array {array!r} of {path}")
    y = arrays[wanted[1]]
    if y.ndim == 0 or y.size != y.shape[0]:
        raise DataError(f"{path}: array {wanted[1]!r} must have shape (N,); got {y.shape}")
    if len(y) != len(x):
        raise DataError(
            f"{path}: {array!r} has {len(x)} rows but {wanted[1]!r} has {len(y)}; both are samples"
        )
    return np.column_stack([x, y.reshape(-1)]), [*names, wanted[1]], x.shape[1]
