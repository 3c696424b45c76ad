"""The frame of laboratories: settings that are checked, a run that ends as it should, whatever happens."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from logs.reader import RunReader
from logs.requests import send_request
from logs.tables import read_table, write_table
from models.catalog import Value
from training.config import ConfigError
from training.fields import Settings, option
from training.lab_script import LabError, data_root, lab_main, lab_parser, settings_from
from training.lab_settings import LABORATORY, LabSettings
from training.optimizers import OPTIMIZERS


@dataclass(frozen=True)
class Small(LabSettings):
    """Settings of every sort."""

    samples: int = option(10, "points", "Data", "integer", low=1, high=100)
    noise: float = option(0.1, "spread", "Data", low=0.0, high=1.0)
    layers: tuple[int, ...] = option((8, 8), "widths", "Model", "integer", low=1, high=8, several=True)
    ridge: bool = option(False, "pull", "Regularisation", "flag")
    optimizer: str = option("sgd", "rule", "Optimisation", table=OPTIMIZERS, settings="optimizer_settings")
    optimizer_settings: Mapping[str, Value] = dataclasses.field(default_factory=Settings)

    def check(self) -> None:
        if self.samples < len(self.layers):
            raise ValueError(f"samples is {self.samples}, fewer than {len(self.layers)} layers; draw more")

    @property
    def dataset_name(self) -> str:
        return "points"


def nothing(settings: Any, run: Any, should_stop: Callable[[], bool]) -> None:
    """Work that is done."""


def ran(tmp_path: Path, work: Any, *options: str, code: int = 0) -> RunReader:
    runs = tmp_path / "runs"
    assert lab_main("playground", Small, work, ["--runs", str(runs), *options]) == code
    (made,) = runs.iterdir()
    return RunReader(made)


def test_a_laboratory_is_a_run_like_any_other(tmp_path: Path) -> None:
    def work(settings: Small, run: Any, should_stop: Callable[[], bool]) -> None:
        for step in range(1, settings.samples + 1):
            run.log(step, {"loss": 1 / step}, "train")
            run.progress(step=step, steps=settings.samples)
        write_table(run.directory, "found", {"x": [1.0]}, {"noise": settings.noise})

    reader = ran(tmp_path, work, "--samples", "5", "--name", "mine", "--optimizer", "momentum")
    info, status = reader.info, reader.status()
    assert (info.kind, info.name, info.dataset, info.seed) == ("playground", "mine", "points", 0)
    assert info.config[LABORATORY] == "playground"
    assert Small.from_dict(info.config).replace(name="") == Small(samples=5, optimizer="momentum")
    assert "training.playground" in info.command  # what `stop` looks for
    assert (status.state, status.progress) == ("finished", 1.0)
    assert len(reader.curve("loss", "train").step) == 5
    table = read_table(reader.directory, "found")
    assert table is not None
    assert table.about == {"noise": 0.1}


def test_a_run_is_started_again_from_itself(tmp_path: Path) -> None:
    first = ran(tmp_path, nothing, "--samples", "7", "--layers", "3,3")
    parser = lab_parser("playground", Small)
    namespace = parser.parse_args(["--from-run", str(first.directory.path), "--noise", "0.5"])
    assert settings_from(namespace, Small) == Small(samples=7, layers=(3, 3), noise=0.5)


def test_options_and_settings_are_each_other() -> None:
    settings = Small(
        samples=20,
        noise=1e-17,
        layers=(1, 1, 2),
        ridge=True,
        optimizer="momentum",
        optimizer_settings={"momentum": 0.123456789012345},
        name="-dash",
    )
    parsed = lab_parser("playground", Small).parse_args(settings.options())
    assert settings_from(parsed, Small) == settings
    assert Small().options() == []
    assert Small.from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"samples": 0}, "samples of the run is 0; it must be between 1 and 100"),
        ({"layers": "9,1"}, "layers of the run is '9'; it must be between 1 and 8"),
        ({"optimizer": "sdg"}, "did you mean 'sgd'"),
        ({"momentum": 0.5}, "momentum is no setting of what is chosen here"),
        ({"sample": 3}, "nothing is named 'sample'; did you mean 'samples'"),
        ({"samples": 1}, "fewer than 2 layers; draw more"),
        ({"visdom": "nowhere"}, "auto, off, or an address"),
        ({"name": "two\nlines"}, "one line"),
        ({"seed": -1}, "between 0 and"),
    ],
)
def test_what_can_not_be_is_refused_in_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Small().replace(**changes)


def test_a_changed_choice_keeps_what_both_have() -> None:
    settings = Small(optimizer="momentum").replace(momentum=0.5)
    assert settings.settings["momentum"] == 0.5
    assert "momentum" not in settings.replace(optimizer="sgd").settings


def test_a_field_of_a_newer_version_is_refused() -> None:
    with pytest.raises(ConfigError, match="no field 'colour'"):
        Small.from_dict({"colour": 1})


def test_a_script_that_can_not_start_says_why_and_makes_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab_main("playground", Small, nothing, ["--runs", str(tmp_path), "--samples", "0"]) == 2
    assert "between 1 and 100" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_fault_is_told_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def work(settings: Any, run: Any, should_stop: Any) -> None:
        raise LabError("the points are one class; paint another")

    reader = ran(tmp_path, work, code=1)
    assert (reader.status().state, reader.status().error) == (
        "failed",
        "the points are one class; paint another",
    )
    assert "Traceback" not in capsys.readouterr().out


def test_a_fault_of_ours_leaves_its_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def work(settings: Any, run: Any, should_stop: Any) -> None:
        raise KeyError("lost")

    reader = ran(tmp_path, work, code=1)
    assert reader.status().error == "KeyError: 'lost'"
    assert "Traceback" in capsys.readouterr().out


def test_a_request_stops_it(tmp_path: Path) -> None:
    def work(settings: Any, run: Any, should_stop: Callable[[], bool]) -> None:
        assert not should_stop()
        send_request(run.directory, "stop")
        while not should_stop():
            pass
        assert should_stop(), "asked once is asked for good"

    assert ran(tmp_path, work).status().state == "stopped"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_a_signal_stops_it(tmp_path: Path) -> None:
    def work(settings: Any, run: Any, should_stop: Callable[[], bool]) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        while not should_stop():
            pass

    assert ran(tmp_path, work).status().state == "stopped"


def test_the_folder_of_data_sets_reaches_the_work(tmp_path: Path) -> None:
    found = []

    def work(settings: Any, run: Any, should_stop: Any) -> None:
        found.append(data_root())

    before = os.environ.get("DESCENT_DATA")
    ran(tmp_path, work, "--data", str(tmp_path / "sets"))
    assert found == [tmp_path / "sets"]
    assert os.environ.get("DESCENT_DATA") == before
