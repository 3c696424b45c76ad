"""The script: exit codes, sentences, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from logs.directory import RunDirectory
from logs.info import read_info
from logs.reader import RunReader
from training.arguments import command_line, config_from, parser
from training.config import RunConfig
from training.train import directions, explained, main

ROOT = Path(__file__).resolve().parents[2]
LONG = ["--epochs", "10000", "--visdom", "off", "--batch-size", "16"]


def started(runs: Path, *options: str) -> tuple[subprocess.Popen[str], RunDirectory]:
    """A training in a process of its own that has made its first steps, and its folder."""
    command = [sys.executable, "-m", "training.train", "--runs", str(runs), *LONG, *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for path in runs.glob("*/run.json"):
            if ("loss", "train") in RunReader(path.parent).metrics():
                return process, RunDirectory(path.parent)
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    process.kill()
    raise AssertionError("the training made no step in two minutes")


def ended(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=60)
    return said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals between processes; requests do it there")
def test_a_signal_ends_a_training_after_its_step_with_a_checkpoint(tmp_path, number):
    process, directory = started(tmp_path)
    process.send_signal(number)
    said = ended(process)
    assert process.returncode == 0
    reader = RunReader(directory.path)
    assert reader.status().state == "stopped"
    assert f"--resume {directory.id}" in said
    saved = json.loads((directory.checkpoints / "last.json").read_text())["position"]["step"]
    assert reader.curve("loss", "train").step[-1] == saved


def test_a_request_to_stop_ends_a_training_from_outside(tmp_path):
    from logs.requests import send_request

    process, directory = started(tmp_path)
    send_request(directory, "stop")
    ended(process)
    assert process.returncode == 0
    assert RunReader(directory.path).status().state == "stopped"


def test_a_wrong_option_ends_with_a_sentence_and_no_run(tmp_path, capsys):
    assert main(["--runs", str(tmp_path / "runs"), "--model", "mpl"]) == 2
    assert "error: no model is named 'mpl'; did you mean 'mlp'?" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_an_unknown_run_is_named_with_the_way_out(tmp_path, capsys):
    assert main(["--runs", str(tmp_path), "--from-run", "nothing"]) == 2
    assert "no run is named 'nothing'" in capsys.readouterr().err


def test_data_that_are_missing_fail_the_run_with_a_sentence(train):
    run = train("--dataset", "table", "--path", "nowhere.csv", "--target", "price", code=1)
    status = run.status()
    assert status.state == "failed"
    assert "nowhere.csv" in status.error
    assert "Traceback" not in run.output()


def test_a_fault_of_the_program_fails_the_run_with_its_traceback_in_the_output(train, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("training.loop.evaluate", broken)
    run = train("--epochs", "1", code=1)
    assert run.status().error == "RuntimeError: a fault"
    assert "Traceback (most recent call last)" in run.output()
    assert run.curve("loss", "train").step[-1] == 7  # what was logged before is kept


def test_out_of_memory_says_what_to_make_smaller():
    error = RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
    assert "use a smaller --batch-size" in explained(error, RunConfig(batch_size=512))
    assert "batch of 512" in explained(error, RunConfig(batch_size=512))


def test_run_json_holds_what_repeats_the_run(train):
    run = train("--epochs", "1", "--seed", "7", "--name", "a name", "--tags", "x,y")
    info = read_info(run.directory)
    assert (info.seed, info.name, info.tags) == (7, "a name", ("x", "y"))
    config = RunConfig.from_dict(info.config)
    assert list(info.command[3:]) == command_line(config)
    assert config_from(parser().parse_args(list(info.command[3:]))) == config
    assert info.higher_is_better == directions()


def test_a_run_json_copied_elsewhere_is_enough_to_run_again(train, tmp_path):
    run = train("--epochs", "1")
    copied = tmp_path / "elsewhere.json"
    copied.write_bytes(run.directory.run_json.read_bytes())
    assert train("--from-run", str(copied)).info.config == run.info.config


def test_the_output_of_a_training_in_a_terminal_is_in_its_folder_too(train, capsys):
    run = train("--epochs", "1")
    said = capsys.readouterr().out
    assert "epoch 1/1  validation loss" in said
    assert run.output().strip() == said.strip()


def test_a_closed_pipe_or_a_full_disk_under_the_output_does_not_end_a_training(train, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("builtins.print", broken)
    assert train("--epochs", "1").status().state == "finished"


def test_regression_is_measured_in_the_unit_of_its_target(train, tmp_path):
    table = tmp_path / "prices.csv"
    rows = [f"{x},{1000 * x + 50_000}" for x in range(200)]
    table.write_text("\n".join(["size,price", *rows]) + "\n")
    options = ["--dataset", "table", "--path", str(table), "--target", "price", "--model", "linear"]
    run = train(*options, "--epochs", "60", "--optimizer", "adam", "--learning-rate", "0.05", small=False)
    error = run.curve("mae", "validation").value
    assert error[0] > 10_000  # the deviation of the prices is 58,000
    assert error[-1] < 2_000
    predictions = run.predictions("test").to_pandas()
    assert predictions["target"].between(50_000, 250_000).all()
    assert abs(predictions["target"] - predictions["prediction"]).mean() < 2_000
