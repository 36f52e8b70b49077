"""Data and hyperparameters that lose something or have no law: said, never silent, never NaN."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from theory.errors import TheoryError, UnstableError
from theory.multiplicative import SampleQuadratics
from theory.optimizers import rule_by_name
from theory.sampling import scheme_by_name
from validation.command_line import main
from validation.predict import Prediction, predict
from validation.regression import FloatArray, Regression

SAMPLES = 24
SCHEMES = (
    "reshuffled", "fresh-batches", "with-replacement", "shuffled-once", "kept-batch", "dropped-batch",
    "shuffled-once-unequal",
)


def data(d: int = 3, samples: int = SAMPLES, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, d))
    return x, x @ np.arange(1, d + 1.0) + rng.normal(size=samples)


def law(
    x: FloatArray, y: FloatArray, *, size: int = 3, scheme: str = "reshuffled", share: float = 0.02,
    rule: str = "heavy-ball", decay: float = 0.0, seconds: float = 2.0, **options: Any,
) -> Prediction:
    """Predicted at a share of one over the largest curvature; with no NaN in what JSON would say."""
    problem = Regression(features=x, targets=y, weight_decay=decay, **options)
    values: dict[str, float] = {"momentum": 0.5}
    if decay:
        values |= {"weight_decay": decay, "dampening": 0.0}
    with np.errstate(all="ignore"):
        values["learning_rate"] = share / problem.curvatures[0]
    made = predict(
        problem, rule_by_name(rule), scheme_by_name(scheme), batch_size=size, hyperparameters=values,
        seconds=seconds,
    )
    json.dumps(made.record(), allow_nan=False)
    assert (made.variances >= 0).all()
    assert (made.relative_error_estimate >= 0).all()
    return made


def save(path: Path, x: FloatArray, y: FloatArray) -> Path:
    np.savez(path, X=x, y=y)
    return path


@pytest.fixture
def page(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        code = main(list(arguments))
        out = capsys.readouterr()
        return out.out if not code else out.err

    return run


PLAIN = ("--learning-rate", "0.01", "--momentum", "0.5", "--batch-size", "3", "--sampling", "reshuffled")


def test_a_rank_deficient_design_goes_on_in_its_range(tmp_path: Path, page: Callable[..., str]) -> None:
    """A column that is a sum of two others: one direction rests, the law of the predictions is the same."""
    x, y = data()
    wide = np.column_stack([x, x[:, 0] + x[:, 1]])
    made = law(wide, y)
    assert made.flat_directions == 1
    assert made.record()["flat_directions"] == 1
    assert made.condition_number == pytest.approx(made.curvatures[0] / made.curvatures[2], rel=1e-14)
    assert made.variances[3] == made.mean_shift[3] == 0
    assert any("1 of 4 directions have no curvature" in note for note in made.notes)
    # the column counts as linear predictors do: features through the range have the same spread
    basis = Regression(features=wide, targets=y).directions[:, :3]
    ranged = law(wide @ basis, y)
    np.testing.assert_allclose(made.variances[:3], ranged.variances, rtol=1e-9)
    text = page("predict", str(save(tmp_path / "a.npz", wide, y)), "--no-intercept", *PLAIN)
    assert "note: 1 of 4 directions have no curvature" in text
    assert "condition number" in text


def test_a_constant_column_beside_the_intercept(tmp_path: Path, page: Callable[..., str]) -> None:
    x, y = data()
    x[:, 1] = 3.0
    text = page("predict", str(save(tmp_path / "a.npz", x, y)), *PLAIN)
    assert "columns 'column 1', 'intercept' are constant" in text
    assert not any("constant" in note for note in law(x, y).notes)  # alone it is an intercept


def test_an_ill_conditioned_design_says_how_many_digits_are_lost() -> None:
    x, y = data()
    noise = np.random.default_rng(1).normal(size=SAMPLES)
    made = law(np.column_stack([x, x[:, 0] * (1 + 1e-6 * noise)]), y)
    assert made.condition_number > 1e11
    assert any("of 16 digits the flattest direction loses 6" in note for note in made.notes)
    assert law(x, y).notes == ()


def test_columns_too_small_to_count_are_named() -> None:
    x, y = data()
    made = law(x * [1e-7, 1.0, 1e7], y)
    assert made.flat_directions == 2
    assert any(note.startswith("columns too small") and "0, 1;" in note for note in made.notes)


def test_more_features_than_samples_fit_perfectly() -> None:
    made = law(*data(10, 6), size=2)
    assert not made.variances.any()
    assert any("fewer samples (6) than features (10)" in note for note in made.notes)
    assert any("perfect fit" in note for note in made.notes)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_perfect_fit_makes_no_noise(scheme: str) -> None:
    x, _ = data()
    made = law(x, x @ [1.0, 1.0, 1.0], scheme=scheme, size=4)
    assert made.method == "exact"
    assert not made.variances.any()
    assert not made.published_variances.any()
    assert made.excess_loss == 0
    assert any("perfect fit" in note for note in made.notes)


def test_weight_decay_makes_a_perfect_fit_noisy() -> None:
    x, _ = data()
    assert (law(x, x @ [1.0, 1.0, 1.0], rule="pytorch-sgd", decay=0.01).variances > 0).all()


def test_duplicated_samples_are_samples() -> None:
    x, y = data(3, 8)
    assert (law(np.repeat(x, 3, axis=0), np.repeat(y, 3)).variances > 0).all()
    alike = law(np.tile(x[:1], (SAMPLES, 1)), data()[1])
    assert alike.flat_directions == 2
    assert (alike.variances > 0).tolist() == [True, False, False]


@pytest.mark.parametrize("where", ["features", "targets"])
def test_one_sample_that_dominates(where: str) -> None:
    """An outlier of 1e6: the law is sampled or expanded, never negative."""
    x, y = data()
    (x if where == "features" else y)[0] *= 1e6
    share = 0.02 if where == "features" else 0.01
    assert (law(x, y, share=share).variances > 0).all()


@pytest.mark.parametrize("power", [-240, 240])
@pytest.mark.parametrize("scheme", ["reshuffled", "fresh-batches", "shuffled-once"])
def test_the_unit_of_the_features_does_not_matter(power: int, scheme: str) -> None:
    x, y = data()
    plain, far = (law(x * s, y * s, scheme=scheme, seconds=60) for s in (1.0, 2.0**power))
    gap = np.abs(far.variances / plain.variances - 1)
    if scheme == "shuffled-once":  # sampled: a slow machine may draw fewer permutations
        assert (gap <= 2 * (far.relative_error_estimate + plain.relative_error_estimate)).all()
    else:
        assert (gap <= 1e-9).all()


@pytest.mark.parametrize("size", [1e-150, 1e150, 1e-170, 1e170])
def test_squares_that_leave_the_range_are_refused(
    size: float, tmp_path: Path, page: Callable[..., str]
) -> None:
    x, y = data()
    with pytest.raises(TheoryError, match=r"their squares overflow or vanish\. Rescale"):
        law(x * size, y)
    text = page("predict", str(save(tmp_path / "a.npz", x * size, y)), "--no-intercept", *PLAIN)
    assert "overflow or vanish" in text


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("samples", "size"), [(2, 1), (3, 1), (4, 2), (6, 6), (7, 3)])
def test_few_samples(scheme: str, samples: int, size: int) -> None:
    if samples % size and scheme in ("reshuffled", "shuffled-once"):
        return
    made = law(*data(1, samples), size=size, scheme=scheme)
    full = size == samples and scheme != "with-replacement"
    assert bool(made.variances.any()) is not full


def test_a_batch_larger_than_the_data(tmp_path: Path, page: Callable[..., str]) -> None:
    x, y = data()
    with pytest.raises(TheoryError, match=r"batch_size must lie in 1\.\.24.*got 25"):
        law(x, y, size=25)
    arguments = ("--learning-rate", "0.01", "--momentum", "0.5", "--batch-size", "25")
    text = page("predict", str(save(tmp_path / "a.npz", x, y)), *arguments, "--sampling", "reshuffled")
    assert "batch_size must lie in 1..24" in text


@pytest.mark.parametrize("name", ["a.npz", "a.csv"])
def test_missing_values_are_found(name: str, tmp_path: Path, page: Callable[..., str]) -> None:
    x, y = data()
    x[4, 1] = np.nan
    path = tmp_path / name
    if name == "a.npz":
        save(path, x, y)
    else:
        np.savetxt(path, np.column_stack([x, y]), delimiter=",", header="a,column 1,c,y", comments="")
    text = page("predict", str(path), *PLAIN)
    where = "row 5 of the data" if name == "a.npz" else "line 6"  # the first line has the names
    assert f"{where}, column 'column 1'" in text
    assert "nan" in text
    assert "remove or fill it" in text
    with pytest.raises(TheoryError, match=r"features\[4, 1\] is nan; remove or fill that sample"):
        law(x, y)
    y[2], x[4, 1] = np.inf, 0.0
    with pytest.raises(TheoryError, match=r"targets\[2\] is inf"):
        law(x, y)


def test_one_sample_is_no_regression(tmp_path: Path, page: Callable[..., str]) -> None:
    x, y = data(3, 1)
    with pytest.raises(TheoryError, match="at least 2 samples"):
        law(x, y)
    text = page("predict", str(save(tmp_path / "a.npz", x, y)), *PLAIN)
    assert "has 1 samples" in text


def test_names_are_one_a_column() -> None:
    x, y = data()
    with pytest.raises(TheoryError, match="names must name every column of features; got 1 for 3"):
        law(x, y, names=("a",))


def test_quadratic_losses_with_a_common_minimum_make_no_noise() -> None:
    """From Hessians and gradients, whose difference at the minimum is rounding."""
    rng = np.random.default_rng(3)
    factors = rng.normal(size=(SAMPLES, 2, 3))
    hessians = factors.swapaxes(1, 2) @ factors
    problem = SampleQuadratics.from_hessians(hessians, -(hessians @ [1.0, -2.0, 0.3]))
    made = predict(
        problem, rule_by_name("sgd"), scheme_by_name("reshuffled"), batch_size=3,
        hyperparameters={"learning_rate": 0.01},
    )
    assert not made.variances.any()
    assert any("perfect fit" in note for note in made.notes)


@pytest.mark.parametrize("scheme", ["dropped-batch", "kept-batch", "fresh-batches", "shuffled-once-unequal"])
def test_beyond_the_mean_square_limit_of_real_data(scheme: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One and a half times that of independent batches; the mean still converges, and the error says so."""
    pytest.importorskip("sklearn")
    arguments = ["predict", "diabetes", "--no-intercept", "--momentum", "0.9", "--batch-size", "13"]
    code = main([*arguments, "--learning-rate", "136", "--sampling", scheme])
    line = capsys.readouterr().err
    assert code == 2
    assert "learning_rate = 136 is" in line
    assert "mean-square" in line
    assert "90.9" in line
    assert "its limit is 417.374" in line
    assert "the mean may still converge" in line or "the mean still converges" in line


def test_beyond_the_limits_from_python() -> None:
    x, y = data()
    with pytest.raises(UnstableError, match=r"mean-square .*the mean may still converge"):
        law(x, y, size=1, share=1.2)
    with pytest.raises(UnstableError, match="stability limit of heavy-ball in the steepest direction"):
        law(x, y, size=1, share=4.0)


def test_arrays_instead_of_a_problem_say_what_to_write() -> None:
    from theory import heavy_ball, reshuffled

    x = np.random.default_rng(0).normal(size=(12, 2))
    values = {"learning_rate": 0.01, "momentum": 0.5}
    with pytest.raises(TheoryError, match=r"got a tuple: for arrays Regression\(features=X, targets=y\)"):
        predict((x, x[:, 0]), heavy_ball(), reshuffled(), batch_size=3, hyperparameters=values)  # type: ignore[arg-type]
    problem = Regression(features=x, targets=np.arange(12.0))
    with pytest.raises(TheoryError, match=r"batch_size = 2\.5 is not a whole number"):
        predict(problem, heavy_ball(), reshuffled(), batch_size=2.5, hyperparameters=values)  # type: ignore[arg-type]
    made = predict(problem, heavy_ball(), reshuffled(), batch_size=3.0, hyperparameters=values)  # type: ignore[arg-type]
    assert made.batch_size == 3


def test_a_method_of_the_full_theory_is_refused_for_the_published_one() -> None:
    x, y = data()
    with pytest.raises(TheoryError, match="'closure' is one of the full theory"):
        predict(
            Regression(features=x, targets=y), rule_by_name("sgd"), scheme_by_name("reshuffled"),
            batch_size=3, hyperparameters={"learning_rate": 0.01}, theory="published", method="closure",
        )


def test_a_perfect_fit_drawn_with_replacement_is_no_full_batch_descent() -> None:
    x, _ = data()
    made = law(x, x @ [1.0, 1.0, 1.0], scheme="with-replacement", size=len(x))
    assert any("perfect fit" in note for note in made.notes)
    assert not any("full-batch" in note for note in made.notes)
