"""The command line: the JSON contract, exact numbers, and every way to be refused."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from theory import CATALOGUE
from validation.command_line import main
from validation.commands import COMMANDS

Run = Callable[..., str]
Json = Callable[..., Any]

REFERENCE = (
    "reshuffled-weight-variance", "learning_rate=1/10", "curvature=3/10", "momentum=9/10",
    "steps_per_epoch=7", "noise_variance=1",
)
WHITE = ("white-weight-variance", "learning_rate=0.1", "momentum=0.9", "noise_variance=1")
SGD = (
    "--learning-rate", "0.02", "--momentum", "0.5", "--batch-size", "4", "--sampling", "reshuffled",
)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that must succeed; its stdout."""

    def call(*arguments: str) -> str:
        code = main(arguments)
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return captured.out

    return call


@pytest.fixture
def read(run: Run) -> Json:
    """Run a command with ``--json``; the strict JSON it prints."""

    def call(*arguments: str) -> Any:
        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is no JSON")

        return json.loads(run(*arguments, "--json"), parse_constant=refuse)

    return call


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that must fail with code 2 and one line on stderr; that line."""

    def call(*arguments: str) -> str:
        try:
            code = main(arguments)
        except SystemExit as stop:  # argparse
            code = int(str(stop.code))
        captured = capsys.readouterr()
        assert code == 2
        assert captured.out == ""
        assert captured.err.count("\n") == 1, captured.err
        return captured.err

    return call


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A regression of 40 samples as CSV."""
    rng = np.random.default_rng(11)
    x = rng.normal(size=(40, 3)) * np.array([2.0, 1.0, 0.5])
    y = x @ np.array([1.0, -1.0, 0.5]) + rng.normal(size=40)
    path = tmp_path / "table.csv"
    rows = [",".join(map(repr, map(float, (*a, b)))) for a, b in zip(x, y, strict=True)]
    path.write_text("\n".join(["one,two,three,price", *rows]) + "\n", encoding="utf-8")
    return path


RECORD = {
    "slug": str, "title": str, "expression": str, "latex": str, "valid_if": str, "unit": str,
    "source": str, "parameters": list, "letters": dict, "compact": str, "where": dict,
    "difference": str,
}


def assert_types(record: dict[str, Any], types: dict[str, Any]) -> None:
    for key, kind in types.items():
        assert key in record, key
        assert isinstance(record[key], kind), (key, record[key])


# list, show


def test_list_has_every_formula_with_the_contracts_keys(read: Json) -> None:
    records = read("list")
    assert [r["slug"] for r in records] == [entry.slug for entry in CATALOGUE]
    assert len(records) >= 30
    for record in records:
        assert_types(record, RECORD)
        assert all(isinstance(name, str) for name in record["parameters"])
        assert record["published"] is None or isinstance(record["published"], str)


def test_list_is_a_table(run: Run) -> None:
    lines = run("list").splitlines()
    assert lines[0].split() == ["SLUG", "RULE", "SAMPLING", "QUANTITY"]
    assert len(lines) == len(CATALOGUE) + 1
    assert len(run("list", "crossover").splitlines()) == 2


def test_show_gives_the_record(read: Json) -> None:
    record = read("show", "stability-limit", "--symbols", r"curvature=h_{i,j},momentum=\mu")
    assert_types(record, RECORD)
    assert record["parameters"] == ["momentum", "curvature"]
    assert record["unit"] == "parameter**2/loss"
    assert record["valid_if"] == "0 <= momentum < 1 and curvature > 0"
    assert record["letters"] == {"momentum": r"\mu", "curvature": "h_{i,j}"}
    assert r"\mu" in record["latex"]
    assert "h_{i,j}" in record["latex"]


def test_show_for_a_reader(run: Run) -> None:
    page = run("show", "flat-weight-variance")
    for part in ("valid if: learning_rate > 0 and 0 <= momentum < 1", "unit: parameter**2",
                 "published as: ", "0.772", "steps_per_epoch  M"):
        assert part in page


@pytest.mark.parametrize(
    ("flag", "part"),
    [("--latex", r"\frac{"), ("--python", "def white_weight_variance(*, learning_rate"),
     ("--wolfram", "whiteWeightVariance[learningRate_"), ("--maxima", "white_weight_variance(learn")],
)
def test_show_as_code(run: Run, read: Json, flag: str, part: str) -> None:
    printed = run("show", "white-weight-variance", flag)
    assert part in printed
    record = read("show", "white-weight-variance", flag)
    assert record["latex" if flag == "--latex" else "code"].strip() == printed.strip()


# eval


def test_eval_prints_the_number_alone(run: Run) -> None:
    """1648760847497/7917000000000 to thirty digits."""
    assert run("eval", *REFERENCE, "--digits", "30") == "0.208255759441328786156372363269\n"
    assert run("eval", *REFERENCE) == "0.20825575944132879\n"


def test_eval_json(read: Json) -> None:
    record = read("eval", *REFERENCE, "--digits", "30")
    assert record == {
        "slug": "reshuffled-weight-variance", "digits": 30,
        "value": "0.208255759441328786156372363269",
        "parameters": {
            "learning_rate": "1/10", "curvature": "3/10", "momentum": "9/10",
            "steps_per_epoch": "7", "noise_variance": "1",
        },
    }


def test_decimals_are_read_exactly(run: Run) -> None:
    """The double 0.1 would differ in the 17th digit."""
    for value in ("0.1", "1/10", "1e-1", "0.10"):
        out = run("eval", "continuous-time-weight-variance", f"learning_rate={value}",
                  "curvature=1", "noise_variance=1", "--digits", "40")
        assert float(out) == 0.05
        assert out.strip("0.\n") == "5"


def test_eval_below_the_doubles(run: Run) -> None:
    out = run("eval", "white-velocity-variance", "learning_rate=1e-300", "momentum=0",
              "curvature=1e-10", "noise_variance=1", "--digits", "5")
    assert out == "1.0000e-600\n"


def test_a_sweep_is_csv(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("eval", *WHITE, "curvature=1e-3:10:5:log"))))
    assert [r["curvature"] for r in rows][::4] == ["1e-3", "10"]
    assert [float(r["curvature"]) for r in rows] == pytest.approx([1e-3, 1e-2, 0.1, 1, 10])
    assert list(rows[0]) == ["learning_rate", "momentum", "curvature", "noise_variance", "value"]
    for row in rows:  # each row reproduces itself
        arguments = [f"{n}={v}" for n, v in row.items() if n != "value"]
        assert run("eval", "white-weight-variance", *arguments).strip() == row["value"]


def test_sweeps_make_a_grid_and_whole_numbers_stay_whole(read: Json) -> None:
    record = read(
        "eval", "flat-weight-variance", "learning_rate=1", "noise_variance=1", "momentum=0:1/2:2",
        "steps_per_epoch=2:10:12:log", "--digits", "6",
    )
    assert_types(record, {"slug": str, "digits": int, "parameters": dict, "swept": list, "rows": list})
    assert record["swept"] == ["momentum", "steps_per_epoch"]
    points = [(r["parameters"]["momentum"], r["parameters"]["steps_per_epoch"]) for r in record["rows"]]
    assert points[:8] == [("0", str(m)) for m in (2, 3, 4, 5, 6, 7, 9, 10)]
    assert points[8] == ("1/2", "2")
    values = {p: r["value"] for p, r in zip(points, record["rows"], strict=True)}
    assert values["0", "5"] == "1.00000"  # (M + 1) / 6


def test_a_sweep_goes_to_a_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "sweep.csv"
    assert run("eval", *WHITE, "curvature=1:2:3", "--output", str(path)) == ""
    assert path.read_text(encoding="utf-8").count("\n") == 4
    assert [p.name for p in tmp_path.iterdir()] == ["sweep.csv"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("reshuffled-wieght-variance",), "did you mean 'reshuffled-weight-variance'"),
        ((*WHITE, "curvatur=1"), "did you mean 'curvature'"),
        (WHITE, "needs curvature"),
        ((*WHITE, "curvature"), "'curvature' is no name=value pair"),
        ((*WHITE, "curvature=1", "curvature=2"), "given twice"),
        ((*WHITE, "curvature=one"), "curvature = 'one' is not a number"),
        ((*WHITE, "curvature=nan"), "curvature = 'nan' is not a number"),
        ((*WHITE, "curvature=inf"), "curvature = 'inf' is not a number"),
        ((*WHITE, "curvature=1/0"), "curvature = '1/0' is not a number"),
        ((*WHITE, "curvature=-1"), "curvature = -1 is outside its domain: it must be > 0"),
        ((*WHITE, "curvature=0"), "no stationary law at curvature = 0"),
        ((*WHITE, "curvature=38"), "the limit is learning_rate = 0.1"),
        ((*REFERENCE[:-2], "noise_variance=1", "steps_per_epoch=2.5"), "is not a whole number"),
        ((*REFERENCE[:-2], "noise_variance=1", "steps_per_epoch=0"), "outside its domain"),
        ((*WHITE, "curvature=1", "--digits", "0"), "digits = 0 must be"),
        ((*WHITE, "curvature=1", "--digits", "many"), "digits must be a whole number; got 'many'"),
        ((*WHITE, "curvature=1:2"), "'1:2' is no sweep: write a:b:n"),
        ((*WHITE, "curvature=1:2:3:lin"), "is no sweep"),
        ((*WHITE, "curvature=1:2:1"), "a sweep has 2 to 1000000 points; got 1"),
        ((*WHITE, "curvature=0:2:3:log"), "a log sweep needs ends above 0"),
        ((*WHITE, "curvature=1:100:3"), "no stationary law"),
        ((*WHITE, "curvature=1", "--output", "x.csv"), "--output writes sweeps"),
        ((*WHITE, "curvature=1:2:3", "--output", "/no/such/x.csv"), "No such file or directory"),
    ],
)
def test_eval_refuses(refused: Run, arguments: tuple[str, ...], match: str) -> None:
    assert match in refused("eval", *arguments)


def test_a_sweep_that_fails_writes_nothing(refused: Run, tmp_path: Path) -> None:
    path = tmp_path / "sweep.csv"
    refused("eval", *WHITE, "curvature=1:100:3", "--output", str(path))
    assert list(tmp_path.iterdir()) == []
    path.mkdir()
    assert "it is a folder" in refused("eval", *WHITE, "curvature=1:2:3", "--output", str(path))
    assert list(tmp_path.iterdir()) == [path]


# derive, convert


def test_derive_json(read: Json) -> None:
    record = read("derive", "white-weight-variance")
    assert_types(record, {"slug": str, "title": str, "proved": bool, "steps": list, "formula": dict})
    assert record["proved"]
    for step in record["steps"]:
        assert_types(step, {"because": str, "lhs": str, "rhs": str, "verdict": str})
    assert_types(record["formula"], RECORD)


def test_derive_prints(run: Run, tmp_path: Path) -> None:
    assert "PROVED" in run("derive", "white-weight-variance")
    assert "PROVED" not in run("derive", "white-weight-variance", "--markdown")
    latex = run("derive", "white-weight-variance", "--latex", "--symbols", "curvature=h")
    assert r"\begin{document}" in latex
    path = tmp_path / "white.ipynb"
    run("derive", "white-weight-variance", "--notebook", str(path))
    assert json.loads(path.read_text(encoding="utf-8"))["nbformat"] == 4
    assert [p.name for p in tmp_path.iterdir()] == ["white.ipynb"]


def test_derive_takes_any_pair(read: Json) -> None:
    record = read(
        "derive", "--rule", "sgd", "--sampling", "fresh-batches", "--quantity", "weight-variance"
    )
    assert record["proved"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("whit-weight-variance",), "did you mean 'white-weight-variance'"),
        ((), "give a SLUG, or all of --rule, --sampling, --quantity"),
        (("--rule", "sgd", "--quantity", "weight-variance"), "missing: --sampling"),
        (("white-weight-variance", "--rule", "sgd"), "give a SLUG or --rule"),
        (("--rule", "adam", "--sampling", "reshuffled", "--quantity", "weight-variance"), "unknown rule"),
        (("--rule", "sgd", "--sampling", "shufled", "--quantity", "weight-variance"),
         "unknown sampling scheme 'shufled'"),
        (("--rule", "sgd", "--sampling", "reshuffled", "--quantity", "weight-varianc"),
         "did you mean 'weight-variance'"),
        (("white-weight-variance", "--symbols", "curvature"), "is no NAME=LETTER pair"),
        (("white-weight-variance", "--symbols", "curvatur=h"), "did you mean 'curvature'"),
    ],
)
def test_derive_refuses(refused: Run, arguments: tuple[str, ...], match: str) -> None:
    assert match in refused("derive", *arguments)


def test_convert(read: Json, run: Run, refused: Run) -> None:
    record = read("convert", "ema-momentum", "heavy-ball", "learning_rate=1", "momentum=0.9")
    assert record == {
        "from": "ema-momentum", "to": "heavy-ball",
        "given": {"learning_rate": "1", "momentum": "0.9"},
        "hyperparameters": {"learning_rate": "1/10", "momentum": "9/10"},
    }
    assert "momentum = momentum" in run("convert", "ema-momentum", "heavy-ball")
    assert "nesterov cannot follow heavy-ball" in refused(
        "convert", "heavy-ball", "nesterov", "learning_rate=1", "momentum=0.9"
    )
    assert "did you mean 'momentum'" in refused(
        "convert", "ema-momentum", "heavy-ball", "learning_rate=1", "momentun=0.9"
    )


# predict, simulate

PREDICTED = {
    "data": str, "target": str, "samples": int, "batch_size": int, "steps_per_epoch": int,
    "rule": str, "sampling": str, "loss": str, "hyperparameters": dict, "stability_limit": float,
    "crossover_curvature": float, "crossover_note": str, "loss_fluctuation": float,
    "directions": list,
}
DIRECTION = {"curvature": float, "noise_variance": float, "variance": float, "white_variance": float}


def test_predict_json(read: Json, table: Path) -> None:
    record = read("predict", str(table), "--target", "price", *SGD)
    assert_types(record, PREDICTED)
    assert (record["rule"], record["sampling"]) == ("heavy-ball", "reshuffled")
    assert record["steps_per_epoch"] == 10
    assert len(record["directions"]) == 4
    for direction in record["directions"]:
        assert_types(direction, DIRECTION)
    curvatures = [d["curvature"] for d in record["directions"]]
    assert curvatures == sorted(curvatures, reverse=True)
    assert record["crossover_curvature"] == pytest.approx(3 * 0.5 / (0.02 * 10), rel=1e-14)
    assert record["stability_limit"] == pytest.approx(2 * 1.5 / curvatures[0], rel=1e-14)


def test_predict_bundled_digits(read: Json) -> None:
    record = read("predict", "digits", "--learning-rate", "1e-4", "--momentum", "0.9",
                  "--batch-size", "3", "--sampling", "reshuffled")
    assert (record["samples"], record["steps_per_epoch"]) == (1797, 599)
    flat = [d for d in record["directions"] if d["curvature"] == 0]
    assert len(flat) >= 3
    assert all(d["variance"] == 0 for d in flat)


def test_options_change_the_problem(read: Json, table: Path) -> None:
    plain = read("predict", str(table), *SGD)
    assert plain["target"] == "price"
    bare = read("predict", str(table), *SGD, "--no-intercept")
    assert len(bare["directions"]) == 3
    doubled = read("predict", str(table), *SGD, "--loss", "mse")
    assert doubled["directions"][0]["curvature"] == pytest.approx(
        2 * plain["directions"][0]["curvature"], rel=1e-14
    )
    low_rank = read("predict", str(table), *SGD, "--rank-tolerance", "0.5")
    assert low_rank["directions"][-1]["curvature"] == 0
    other = read("predict", str(table), *SGD, "--rule", "pytorch-sgd", "--weight-decay", "1/8")
    assert other["hyperparameters"] == {
        "learning_rate": 0.02, "momentum": 0.5, "dampening": 0.0, "weight_decay": 0.125,
    }
    white = read("predict", str(table), *SGD[:-1], "fresh-batches")
    assert white["crossover_curvature"] is None
    assert "independent" in white["crossover_note"]
    assert all(d["published_variance"] == d["white_variance"] for d in white["directions"])
    assert white["method"] == "exact"


def test_predict_for_a_reader_and_a_figure(run: Run, table: Path, tmp_path: Path) -> None:
    path = tmp_path / "law.svg"
    page = run("predict", str(table), *SGD, "--plot", str(path))
    for part in ("40 samples, 4 directions", "stability limit", "crossover curvature", f"wrote {path}"):
        assert part in page
    assert "<svg" in path.read_text(encoding="utf-8")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["law.svg", "table.csv"]


@pytest.mark.montecarlo
def test_simulate_json(read: Json, table: Path, tmp_path: Path) -> None:
    """Asserts a resolution of 20 %; false-alarm rate 1e-6 over the four directions."""
    path = tmp_path / "law.png"
    arguments = ("simulate", str(table), *SGD, "--resolution", "0.2", "--seed", "5")
    record = read(*arguments, "--plot", str(path))
    assert_types(record, PREDICTED | {"noise": str, "replicas": int, "burn_in": int, "seed": int})
    for direction in record["directions"]:
        assert_types(direction, DIRECTION | {
            "measured_variance": float, "standard_error": float, "z": float, "status": str,
        })
    verdict = record["verdict"]
    assert_types(verdict, {
        "outcome": str, "agrees": bool, "false_alarm_rate": float, "resolution": float,
        "comparisons": int, "alarms": list, "negative_control": bool,
    })
    assert verdict["false_alarm_rate"] == 1e-6
    assert verdict["resolution"] < 0.2
    assert verdict["negative_control"]
    assert verdict["agrees"], record
    assert path.stat().st_size > 0
    assert read(*arguments)["directions"] == record["directions"]


@pytest.mark.montecarlo
def test_simulate_true_regression_for_a_reader(run: Run, table: Path) -> None:
    page = run(
        "simulate", str(table), *SGD, "--noise", "regression", "--replicas", "100", "--epochs", "2",
        "--burn-in", "20",
    )
    assert "regression noise, 100 replicas, 20 + 2 epochs, seed 0" in page
    assert "verdict: " in page


def test_simulate_without_noise_has_nothing_to_compare(read: Json, table: Path) -> None:
    record = read("simulate", str(table), *SGD, "--batch-size", "40")
    assert record["steps_per_epoch"] == 1
    assert record["verdict"]["outcome"] == "nothing-to-compare"
    for direction in record["directions"]:
        assert direction["variance"] == 0
        assert direction["measured_variance"] < 1e-25  # rounding
        assert direction["z"] is None


BAD_PROBLEMS = [
    (("--batch-size", "7"), "'dropped-batch' or 'kept-batch'"),
    (("--batch-size", "41"), "batch_size must lie in 1..40"),
    (("--batch-size", "0"), "batch_size must lie in 1..40"),
    (("--batch-size", "2.5"), "batch_size = 2.5 is not a whole number"),
    (("--learning-rate", "nan"), "learning_rate = 'nan' is not a number"),
    (("--learning-rate", "-0.1"), "learning_rate = -0.1 is outside its domain"),
    (("--learning-rate", "0"), "learning_rate = 0 is outside its domain"),
    (("--learning-rate", "1e-400"), "outside the range of doubles"),
    (("--learning-rate", "9"), "no stationary law: learning_rate = 9 is not below"),
    (("--momentum", "1"), "momentum = 1 is not below 1"),
    (("--rule", "sgd"), "rule 'sgd' has no momentum"),
    (("--weight-decay", "0.1"), "rule 'heavy-ball' has no weight_decay (pytorch-sgd has one)"),
    (("--rule", "averaged:sgd"), "has no momentum"),
    (("--rule", "quasi-hyperbolic"), "needs --immediate-discount"),
    (("--rule", "heavyball"), "did you mean 'heavy-ball'"),
    (("--sampling", "reshuffle"), "did you mean 'reshuffled'"),
    (("--loss", "mae"), "unknown loss 'mae'"),
    (("--rank-tolerance", "2"), "rank_tolerance must lie in"),
    (("--target", "prize"), "did you mean 'price'"),
    (("--target", "9"), "no column 9"),
    (("--plot", "law.docx"), "the name must end in one of"),
    (("--plot", "/no/such/law.png"), "No such file or directory"),
]


@pytest.mark.parametrize(("arguments", "match"), BAD_PROBLEMS)
def test_predict_refuses(
    refused: Run, table: Path, arguments: tuple[str, ...], match: str
) -> None:
    assert match in refused("predict", str(table), *SGD, *arguments)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--noise", "none"), "unknown noise 'none'"),
        (("--replicas", "3"), "replicas = 3 must be at least 20"),
        (("--replicas", "1e3"), "replicas = 1e3 is not a whole number"),
        (("--epochs", "0"), "epochs = 0 must be at least 1"),
        (("--burn-in", "-1"), "burn_in = -1 must be at least 0"),
        (("--seed", "-1"), "seed = -1 must be at least 0"),
        (("--resolution", "0"), "resolution = 0 must lie between 0 and 1"),
        *BAD_PROBLEMS[:3],
    ],
)
def test_simulate_refuses(
    refused: Run, table: Path, arguments: tuple[str, ...], match: str
) -> None:
    assert match in refused("simulate", str(table), *SGD, *arguments)


def test_bad_files(refused: Run, tmp_path: Path) -> None:
    words = tmp_path / "words.csv"
    words.write_text("a,b\n1,2\nx,4\n", encoding="utf-8")
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, X=np.array([{}], dtype=object), y=np.zeros(1))
    for data, match in (
        (tmp_path / "missing.csv", "there is no file"), (words, "'x' is no number"),
        (pickled, "pickled objects are refused"), ("digit", "did you mean 'digits'"),
    ):
        assert match in refused("predict", str(data), *SGD)


# report


def test_report_calls_the_report(
    read: Json, refused: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import validation.report

    asked: list[Any] = []

    def write(output: Path, *, data: str | None, target: str | None, intercept: bool) -> None:
        asked.append((output, data, target, intercept))
        output.mkdir()
        (output / "index.html").touch()

    monkeypatch.setattr(validation.report, "write_report", write, raising=False)
    folder = tmp_path / "out"
    record = read("report", "--output", str(folder), "--data", "a.csv", "--target", "y")
    assert asked == [(folder, "a.csv", "y", True)]
    assert record == {"output": str(folder), "files": ["index.html"]}
    assert "--data, which is missing" in refused("report", "--target", "y")
    file = tmp_path / "file"
    file.touch()
    assert "it is a file" in refused("report", "--output", str(file))


# the frame


def test_unknown_commands_and_arguments(refused: Run) -> None:
    assert "did you mean 'predict'" in refused("predic", "digits")
    assert "required" in refused()
    assert "unrecognized arguments: --nope" in refused("list", "--nope")
    assert "--learning-rate" in refused("predict", "digits")


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_help_has_examples_and_the_contract(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f"sgd-theory {name}" in text
    assert "examples:" in text
    assert "JSON" in text


def test_an_interrupt_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import validation.commands.list_formulas as command

    def interrupt(arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", interrupt)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "sgd-theory: interrupted\n"


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [("matplotlib.backends.backend_agg", "matplotlib", ("--plot", "law.png")),
     ("sklearn.datasets", "scikit-learn", ())],
)
def test_a_missing_package_names_the_pip_command(
    refused: Run, table: Path, monkeypatch: pytest.MonkeyPatch, module: str, package: str,
    extra: tuple[str, ...],
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    data = "diabetes" if package == "scikit-learn" else str(table)
    message = refused("predict", data, *SGD[:-3], "1", *SGD[-2:], *extra)
    assert package in message
    assert "pip install 'sgd-theory[report]'" in message


def test_simulate_without_numba_names_numba(
    refused: Run, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("kernel", "kernel_gradients"):
        monkeypatch.delitem(sys.modules, f"validation.{module}", raising=False)
    for package in ("numba", "tqdm"):
        monkeypatch.setitem(sys.modules, package, None)
    message = refused("simulate", str(table), *SGD)
    assert "the simulations need numba, which is not installed" in message
    assert "tqdm" not in message


def test_simulate_needs_no_tqdm(
    read: Json, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    record = read("simulate", str(table), *SGD, "--replicas", "20", "--burn-in", "10")
    assert record["replicas"] == 20


def test_every_sampling_scheme_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    from theory.sampling import SCHEMES

    for command in ("predict", "simulate"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        text = "".join(capsys.readouterr().out.split())  # argparse wraps at hyphens
        assert all(name in text for name, _ in SCHEMES)


def test_errors_of_the_system_are_one_line(
    refused: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import validation.commands.list_formulas as command

    def fail(arguments: Any) -> None:
        raise PermissionError(13, "Permission denied", "/some/file")

    monkeypatch.setattr(command, "run", fail)
    assert "'/some/file': Permission denied" in refused("list")


def test_light_commands_import_nothing_heavy() -> None:
    code = (
        "import sys; from validation.command_line import main;"
        f"main({['eval', *REFERENCE]!r}); main(['list']); main(['show', 'stability-limit']);"
        "print(sorted({'numba', 'matplotlib', 'sklearn', 'tqdm', 'scipy.linalg', 'IPython'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_installed_program_survives_a_closed_pipe() -> None:
    program = f"{sys.executable} -m validation.command_line"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {program} list --json | head -n 1"],
        capture_output=True, text=True, check=False,
    )
    assert done.stdout == "[\n"
    assert done.stderr == ""
    assert done.returncode == 141
