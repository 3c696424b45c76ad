"""The landscape's script: its points are the checkpoint's own, what is known is not computed again, and what
can't be is a sentence.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from logs.directory import RunDirectory
from logs.info import read_info
from logs.reader import RunReader
from logs.status import read_status
from logs.tables import Table, read_table
from tests.training.conftest import Trained
from training import landscape as landscape_script
from training.config import ConfigError
from training.landscape import main
from training.landscape_chain import ChainLosses
from training.landscape_path import nearest
from training.landscape_settings import KINDS, LandscapeSettings


class Landscapes:
    """Landscapes of one small run, each made by the script in this process."""

    def __init__(self, run: RunReader, root: Path) -> None:
        self.run, self.runs, self.data = run, run.directory.path.parent, root / "data"

    def __call__(self, *options: str, code: int = 0, names: tuple[str, ...] | None = None) -> RunDirectory:
        before = set(self.runs.iterdir())
        given = (self.run.directory.id,) if names is None else names
        places = ["--runs", str(self.runs), "--data", str(self.data), "--samples", "100"]
        assert main([*given, *places, *options]) == code
        (made,) = set(self.runs.iterdir()) - before
        return RunDirectory(made)


def points(directory: RunDirectory) -> Table:
    table = read_table(directory, "points")
    assert table is not None
    return table


@pytest.fixture
def landscapes(train: Trained, tmp_path: Path) -> Landscapes:
    run = train("--dataset", "digits", "--model", "mlp", "--epochs", "4", "--checkpoint-every", "1")
    return Landscapes(run, tmp_path)


def test_the_centre_is_the_checkpoints_own_loss_on_the_test_samples(landscapes: Landscapes) -> None:
    found = points(landscapes("--points", "9", "--samples", "100000"))
    frame = found.frame
    centre = frame[(frame["a"] == 0) & (frame["b"] == 0)]
    for metric in ("loss", "accuracy"):
        own = float(landscapes.run.curve(metric, "test").value[-1])
        assert centre[f"test_{metric}"].item() == pytest.approx(own, rel=1e-6)
    assert found.about["level"] == 9
    assert found.about["run"] == landscapes.run.directory.id
    assert len(frame) == 81


@pytest.mark.parametrize("kind", KINDS.names())
def test_every_kind_is_a_run_with_its_points_and_its_directions(landscapes: Landscapes, kind: str) -> None:
    row = KINDS[kind]
    other = ["--other-checkpoint", "epoch-0001", "--curve-steps", "50"] if row.ends else []
    made = landscapes("--kind", kind, "--points", "9" if row.plane else "13", *other)
    found = points(made)
    assert len(found.frame) == (81 if row.plane else 13)
    assert np.isfinite(found.frame["train_loss"]).all()
    assert len(found.about["axes"]) == (2 if row.plane else 1)
    tensors = load_file(made.path / "directions.safetensors")
    assert {name.split("/")[0] for name in tensors} == (
        {"centre", "first", "second"} if row.plane else {"centre", "first"}
    )
    assert read_info(made).kind == "landscape"
    status = read_status(made)
    assert status is not None
    assert status.state == "finished"
    path = read_table(made, "path")
    assert (path is None) == (kind == "line")
    if kind == "connection":
        assert path is not None
        along = path.frame
        assert along["epoch"].iloc[[0, -1]].tolist() == [0, 1]
        assert along["distance"].max() < 1e-4 * found.about["distance"], "the curve lies in the plane"
        assert along["b"].iloc[[0, -1]].abs().max() < 1e-6 < along["b"].max()
        assert path.about["of"] == "curve"
    if kind == "between":
        assert path is not None
        at_ends = [frame_at(found, a)["test_loss"] for a in (0.0, 1.0)]
        assert path.frame["test_loss"].tolist() == pytest.approx(at_ends, rel=1e-5)


def frame_at(table: Table, a: float) -> Any:
    return table.frame.loc[(table.frame["a"] - a).abs().idxmin()]


def test_a_trainings_checkpoints_are_drawn_on_any_plane_at_the_nearest_point(landscapes: Landscapes) -> None:
    """On the plane of the path itself that is where the path has them."""
    own = read_table(landscapes("--kind", "trajectory", "--points", "9"), "path")
    made = landscapes("--kind", "plane", "--points", "9", "--checkpoint", "last")
    path = read_table(made, "path")
    assert own is not None
    assert path is not None
    assert path.frame["checkpoint"].tolist() == own.frame["checkpoint"].tolist()
    assert path.frame["test_loss"].tolist() == pytest.approx(own.frame["test_loss"].tolist(), rel=1e-6)
    assert path.frame["distance"].iloc[-1] == pytest.approx(0, abs=1e-4)
    assert (path.frame["distance"][:-2] > 0.1).all(), "a random plane is far from the path"
    assert read_table(landscapes("--points", "9", "--no-path"), "path") is None


def test_the_nearest_point_is_least_squares_also_where_directions_are_not_at_right_angles() -> None:
    first, second, offset = (torch.randn(7, dtype=torch.float64) for _ in range(3))
    a, b, distance = nearest({"w": offset}, {"w": first}, {"w": second})
    matrix = np.stack([first.numpy(), second.numpy()], axis=1)
    truth, left, *_ = np.linalg.lstsq(matrix, offset.numpy(), rcond=None)
    assert [a, b, distance**2] == pytest.approx([*truth, *left])


def test_the_path_has_every_checkpoint_with_its_own_loss_and_its_distance(landscapes: Landscapes) -> None:
    made = landscapes("--kind", "trajectory", "--points", "9", "--samples", "100000")
    path = read_table(made, "path")
    assert path is not None
    assert path.frame["checkpoint"].tolist() == [
        "epoch-0001",
        "epoch-0002",
        "epoch-0003",
        "epoch-0004",
        "last",
    ]
    assert path.frame["a"].iloc[-1] == path.frame["b"].iloc[-1] == 0
    assert 0.5 < sum(path.about["shares"][:2]) <= 1
    assert (path.frame["train_loss"].diff().dropna()[:3] < 0).all(), "it was still learning"
    about = points(made).about
    assert about["a_range"][0] < path.frame["a"].min() <= path.frame["a"].max() < about["a_range"][1]


def test_a_line_between_two_networks_begins_at_one_and_ends_at_the_other(landscapes: Landscapes) -> None:
    made = landscapes(
        "--kind", "between", "--other-checkpoint", "epoch-0001", "--points", "13", "--span", "1"
    )
    frame = points(made).frame
    path = read_table(landscapes("--kind", "trajectory", "--points", "9"), "path")
    assert path is not None
    losses = dict(zip(path.frame["checkpoint"], path.frame["train_loss"], strict=True))
    assert frame["train_loss"].iloc[0] == pytest.approx(losses["last"], rel=1e-5)
    assert frame["train_loss"].iloc[-1] == pytest.approx(losses["epoch-0001"], rel=1e-5)


def test_points_of_an_earlier_landscape_are_taken_over(
    landscapes: Landscapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = points(landscapes("--points", "9"))
    asked: list[float] = []
    row = ChainLosses.row

    def counted(self: ChainLosses, a: float, b: list[float]) -> dict[str, torch.Tensor]:
        asked.extend(b)
        return row(self, a, b)

    monkeypatch.setattr(ChainLosses, "row", counted)
    second = points(landscapes("--points", "13"))
    assert len(asked) == 169 - 25, "13 x 13 shares 5 x 5 points with 9 x 9"
    assert second.about["key"] == first.about["key"]
    asked.clear()
    landscapes("--points", "13")
    assert not asked
    landscapes("--points", "9", "--seed", "1")
    assert len(asked) == 81, "other directions are another landscape"


def test_a_slow_network_is_sketched_from_a_tenth_of_the_samples_first(
    train: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = ("--train-samples", "200", "--batch-size", "100")
    run = train("--dataset", "digits", "--model", "lenet5", "--epochs", "1", *size, small=False)
    written: list[tuple[bool, int, int]] = []
    write = landscape_script.write_points

    def seen(job: landscape_script.Work, level: int, errors: Any) -> None:
        write(job, level, errors)
        table = points(job.run.directory)
        written.append((table.about["sketch"], table.about["level"], table.about["samples"]["test"]))

    monkeypatch.setattr(landscape_script, "write_points", seen)
    made = Landscapes(run, tmp_path)("--points", "9", "--samples", "200")
    assert written[0] == (True, 5, 20)
    assert written[-1] == (False, 9, 200)
    assert all(level for _, level, _ in written), "no picture is taken back"
    key = points(made).about["key"]
    written.clear()
    Landscapes(run, tmp_path)("--points", "9", "--samples", "200")
    assert written[0] == (False, 5, 200), "what is known needs no sketch"
    assert points(made).about["key"] == key


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_loses_nothing_that_was_computed(
    landscapes: Landscapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    row = ChainLosses.row

    def deadly(self: ChainLosses, a: float, b: list[float]) -> dict[str, torch.Tensor]:
        asked.append(len(b))
        if len(asked) == 5 and os.getpid() != parent:
            time.sleep(0.3)  # what was found before is taken in meanwhile
            os.kill(os.getpid(), signal.SIGKILL)
        return row(self, a, b)

    parent = os.getpid()
    monkeypatch.setattr(ChainLosses, "row", deadly)
    options = ["--runs", str(landscapes.runs), "--data", str(landscapes.data), "--samples", "100"]
    options += ["--points", "9", "--workers", "1"]
    child = os.fork()
    if not child:
        main([landscapes.run.directory.id, *options])
        os._exit(0)  # not reached
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    asked.clear()
    made = landscapes("--points", "9", "--workers", "1")
    assert sum(asked) == 81 - 4 * 5, "four rows of the first level were done"
    assert len(points(made).frame) == 81
    assert not (made.path / "points.journal").exists()


def test_a_run_deleted_while_its_landscape_is_computed_leaves_what_was_found(
    landscapes: Landscapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ChainLosses.row

    def deleting(self: ChainLosses, a: float, b: list[float]) -> dict[str, torch.Tensor]:
        shutil.rmtree(landscapes.run.directory.path, ignore_errors=True)
        return row(self, a, b)

    monkeypatch.setattr(ChainLosses, "row", deleting)
    made = landscapes("--points", "9", code=1)
    status = read_status(made)
    assert status is not None
    assert status.state == "failed"
    assert "there is no checkpoint" in status.error
    assert points(made).about["level"] == 9


def test_a_landscape_deleted_while_it_is_computed_ends_with_a_sentence(
    landscapes: Landscapes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row, before = ChainLosses.row, set(landscapes.runs.iterdir())

    def deleting(self: ChainLosses, a: float, b: list[float]) -> dict[str, torch.Tensor]:
        for made in set(landscapes.runs.iterdir()) - before:
            shutil.rmtree(made, ignore_errors=True)
        return row(self, a, b)

    monkeypatch.setattr(ChainLosses, "row", deleting)
    options = ["--runs", str(landscapes.runs), "--data", str(landscapes.data), "--samples", "100"]
    assert main([landscapes.run.directory.id, *options, "--points", "9"]) == 1
    said = capsys.readouterr()
    assert "was deleted while the landscape was computed" in said.out
    assert "Traceback" not in said.out + said.err


def test_losses_that_are_no_numbers_are_holes(
    landscapes: Landscapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ChainLosses.row

    def torn(self: ChainLosses, a: float, b: list[float]) -> dict[str, torch.Tensor]:
        found = row(self, a, b)
        if a > 0.9:
            found["test"][:, 0] = torch.inf
            found["train"][:, 0] = torch.nan
        return found

    monkeypatch.setattr(ChainLosses, "row", torn)
    made = landscapes("--points", "13")
    frame = points(made).frame
    far = frame["a"] > 0.9
    assert np.isinf(frame.loc[far, "test_loss"]).all()
    assert np.isnan(frame.loc[far, "train_loss"]).all()
    assert np.isfinite(frame.loc[~far, "test_loss"]).all()
    status = read_status(made)
    assert status is not None
    assert status.state == "finished"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--checkpoint", "bets"), "there is no checkpoint"),
        (("--kind", "between", "--other-checkpoint", "best"), "same network"),
        (("--kind", "between", "--other-run", "nobody"), "nobody"),
    ],
)
def test_what_can_not_be_is_a_failed_run_with_a_sentence(
    landscapes: Landscapes, options: tuple[str, ...], sentence: str
) -> None:
    status = read_status(landscapes(*options, code=1))
    assert status is not None
    assert status.state == "failed"
    assert sentence in status.error


def test_a_run_that_is_gone_is_named(landscapes: Landscapes) -> None:
    name = landscapes.run.directory.id
    shutil.rmtree(landscapes.run.directory.path)
    status = read_status(landscapes(code=1, names=(name,)))
    assert status is not None
    assert name in status.error


def test_a_checkpoint_of_another_network_is_refused(landscapes: Landscapes, train: Trained) -> None:
    other = train("--dataset", "digits", "--model", "mlp", "--epochs", "1", "--hidden-layers", "1")
    made = landscapes("--kind", "between", "--other-run", other.directory.id, code=1)
    status = read_status(made)
    assert status is not None
    assert "different networks" in status.error


def test_settings_that_can_not_be_are_refused_before_anything_is_written(
    landscapes: Landscapes, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(landscapes.runs.iterdir())
    assert main(["--runs", str(landscapes.runs)]) == 2
    assert "no run is named" in capsys.readouterr().err
    assert main([landscapes.run.directory.id, "--runs", str(landscapes.runs), "--points", "20"]) == 2
    assert "one of 9, 13, 25, 49" in capsys.readouterr().err
    assert set(landscapes.runs.iterdir()) == before


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"kind": "plan"}, "did you mean 'plane'"),
        ({"kind": "line", "points": 9}, "a line has one of 13"),
        ({"preview": True, "statistics": "recomputed"}, "one of preview and recomputed"),
        ({"normalisation": "filters"}, "did you mean 'filter'"),
    ],
)
def test_settings_name_the_value_and_the_way_out(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        LandscapeSettings(run="any", **settings)


def test_numbers_are_rows_with_errors_and_a_spectrum_whose_shares_sum_to_one(landscapes: Landscapes) -> None:
    made = landscapes("--points", "9", "--numbers")
    numbers, spectrum = read_table(made, "numbers"), read_table(made, "spectrum")
    assert numbers is not None
    assert spectrum is not None
    values = dict(zip(numbers.frame["name"], numbers.frame["value"], strict=True))
    assert {"eigenvalue 1", "trace", "SAM sharpness", "box sharpness", "gradient noise scale"} <= set(values)
    assert values["eigenvalue 1"] >= values["eigenvalue 2"] > 0
    frame = spectrum.frame
    assert np.trapezoid(frame["density"], frame["value"]) == pytest.approx(1, abs=0.01)


def test_a_curve_between_two_networks_lies_no_higher_than_the_line(
    landscapes: Landscapes, train: Trained
) -> None:
    other = train("--dataset", "digits", "--model", "mlp", "--epochs", "4", "--seed", "1")
    made = landscapes(
        "--kind",
        "between",
        "--other-run",
        other.directory.id,
        "--points",
        "13",
        "--connect",
        "--curve-steps",
        "300",
    )
    curve = read_table(made, "curve")
    assert curve is not None
    assert curve.frame["line"].iloc[[0, -1]].tolist() == pytest.approx(
        curve.frame["curve"].iloc[[0, -1]].tolist()
    )
    assert curve.frame["curve"].max() <= curve.frame["line"].max() + 1e-6
