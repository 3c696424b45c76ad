"""Studies: every member ends once, whatever is killed, stopped or fails; the same numbers either way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from logs.catalog import RunSummary, read_summary
from logs.directory import RunDirectory, read_json
from logs.reader import RunReader
from logs.requests import send_request
from logs.status import read_status
from logs.writer import RunWriter
from training import kfold, study_script
from training.alone import train_alone
from training.checkpoints import build_from_checkpoint
from training.config import RunConfig
from training.console import Console
from training.data import load_data
from training.fold_study import FoldOptions
from training.jobs import Job, all_members, members
from training.kfold import main
from training.launch import launch_study, stop
from training.pictures import confusion_counts, histogram
from training.splits import Split
from training.stacked import Place
from training.stacked_pictures import confusions, histograms
from training.studies import WATCH_SECONDS, Driver, Means
from training.tasks import TASKS
from training.together import MANY, train_together
from training.train import main as train_main

CONFIG = RunConfig(epochs=3, train_samples=300, visdom="off").replace(hidden_width=16)
SMALL = ("--train-samples", "300", "--hidden-width", "16", "--epochs", "3", "--visdom", "off")
REPOSITORY = Path(__file__).resolve().parents[2]


def folds(config: RunConfig, count: int, data: Path, study: str = "study") -> list[Job]:
    options = FoldOptions("stratified", count)
    return options.study(config, options.plan(config, data), study, data).jobs({})


def by_fold(runs: Path, study: str = "study") -> dict[int, RunSummary]:
    return {dict(key)["fold"]: row for key, row in members(runs, study).items()}


def column(reader: RunReader, name: str) -> np.ndarray:
    """What the network said of the test samples."""
    return np.array(reader.predictions("test")[name].to_pylist())


def drive(runs: Path, *options: str, code: int = 0) -> RunDirectory:
    """Runs the script in this process; the study's directory."""
    where = () if "--resume" in options else SMALL
    assert main([*where, "--runs", str(runs), "--data", str(runs / "data"), *options]) == code
    (study,) = (row for row in map(_summary, runs.iterdir()) if row is not None and row.kind == "kfold")
    return study.directory


def _summary(path: Path) -> RunSummary | None:
    return read_summary(RunDirectory(path)) if (path / "run.json").is_file() else None


def started(runs: Path, *options: str) -> subprocess.Popen[bytes]:
    """The script in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "training.kfold",
        *SMALL,
        "--runs",
        str(runs),
        "--data",
        str(runs / "data"),
    ]
    return subprocess.Popen([*command, *options], cwd=REPOSITORY, stdout=subprocess.DEVNULL)


def until(condition: Any, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def study_of(runs: Path) -> str:
    rows = until(lambda: [row for path in _folders(runs) if (row := _summary(path)) and row.kind == "kfold"])
    return str(rows[0].id)


def _folders(runs: Path) -> list[Path]:
    return list(runs.iterdir()) if runs.is_dir() else []


@pytest.mark.parametrize("keep", ["best", "last"])
def test_fold_three_alone_and_among_ten_is_the_same_run(keep: str, tmp_path: Path) -> None:
    jobs = folds(CONFIG.replace(keep=keep), 10, tmp_path)
    together = train_together(jobs, tmp_path / "together", tmp_path)
    alone = train_alone(jobs[3], tmp_path / "alone", tmp_path)
    many, one = RunReader(tmp_path / "together" / together[3]), RunReader(tmp_path / "alone" / alone)
    only_alone = {("samples_per_second", None)}
    assert set(many.metrics()) == set(one.metrics()) - only_alone
    for metric, split in many.metrics():
        found, expected = many.curve(metric, split), one.curve(metric, split)
        if metric in ("gradient_norm", "parameter_norm", "learning_rate"):  # logged at the ends of epochs
            at_once, by_itself = (dict(zip(each.step, each.value, strict=True)) for each in (found, expected))
            shared = sorted(at_once.keys() & by_itself.keys())
            assert len(shared) >= 3
            pairs = [(at_once[step], by_itself[step]) for step in shared]
            assert np.allclose(*np.array(pairs).T, rtol=2e-3), metric
            continue
        assert list(found.step) == list(expected.step), metric
        assert np.allclose(found.value, expected.value, rtol=2e-3, atol=2e-4), metric
        assert np.allclose(found.epoch, expected.epoch), metric
    assert list(column(many, "index")) == list(jobs[3].split.test if jobs[3].split else [])
    said, expected_said = column(many, "probabilities"), column(one, "probabilities")
    assert np.allclose(said, expected_said, atol=2e-3)


def test_a_member_trained_among_others_has_the_files_of_any_run(tmp_path: Path) -> None:
    jobs = folds(CONFIG, 3, tmp_path)
    ids = train_together(jobs, tmp_path / "runs", tmp_path)
    alone = train_alone(jobs[0], tmp_path / "alone", tmp_path)
    directory, single = RunDirectory(tmp_path / "runs" / ids[0]), RunDirectory(tmp_path / "alone" / alone)
    found, expected = RunReader(directory.path), RunReader(single.path)
    for kind in ("histogram", "matrix"):
        marks = [
            sorted((entry.name, entry.step, entry.split or "") for entry in reader.media(kind))
            for reader in (found, expected)
        ]
        assert marks[0] == marks[1], kind
    drawn = [
        sorted(reader.histograms(), key=lambda each: (each.name, each.step)) for reader in (found, expected)
    ]
    for mine, other in zip(*drawn, strict=True):
        assert np.allclose(mine.edges, other.edges, rtol=1e-2, atol=1e-4), mine.name
    network, about = build_from_checkpoint(directory.checkpoints / "best.safetensors")
    assert about["position"]["epoch"] >= 1
    test = load_data(CONFIG, torch.device("cpu"), tmp_path, jobs[0].split).test
    inputs, targets = next(test.batches(10_000))
    score = float((network(inputs).argmax(dim=1) == targets).float().mean())
    summary = read_summary(directory)
    assert summary.last("accuracy", "test") == pytest.approx(score, abs=1e-6)
    assert summary.info is not None
    assert dict(summary.info.member) == {"repeat": 0, "fold": 0}
    assert summary.state == "finished"
    assert summary.status is not None
    assert summary.status.progress == 1


def test_a_company_of_many_logs_every_step_and_few_pictures(tmp_path: Path) -> None:
    config = RunConfig(dataset="iris", model="linear", epochs=2, batch_size=16, visdom="off", keep="last")
    options = FoldOptions("leave_one_out")
    jobs = options.study(config, options.plan(config, tmp_path), "study", tmp_path).jobs({})[: MANY + 3]
    ids = train_together(jobs, tmp_path / "runs", tmp_path)
    for place in (0, MANY + 2):
        reader = RunReader(tmp_path / "runs" / ids[place])
        assert list(reader.curve("loss", "train").step) == list(range(1, 2 * 10 + 1))
        assert len(reader.curve("accuracy", "test").value) == 1


def test_one_member_that_diverges_has_failed_and_the_others_go_on(tmp_path: Path) -> None:
    jobs = folds(CONFIG.replace(optimizer="sgd", learning_rate=0.05), 4, tmp_path)
    hot = jobs[2].config.replace(learning_rate=100.0, weight_decay=1.0, epochs=10)  # w becomes -99 w
    jobs[2] = replace(jobs[2], config=hot)
    train_together(jobs, tmp_path, tmp_path)
    rows = by_fold(tmp_path)
    assert [rows[fold].state for fold in (0, 1, 3)] == ["finished"] * 3
    assert rows[2].state == "failed"
    assert rows[2].status is not None
    assert "--learning-rate" in rows[2].status.error


def test_a_member_without_usable_samples_has_failed_and_the_others_go_on(tmp_path: Path) -> None:
    jobs = folds(CONFIG, 3, tmp_path)
    empty = Split(np.arange(3), np.arange(3, 6), np.arange(6, 9))
    train_together([jobs[0], replace(jobs[1], split=empty), jobs[2]], tmp_path, tmp_path)
    states = {fold: row.state for fold, row in by_fold(tmp_path).items()}
    assert states == {0: "finished", 1: "failed", 2: "finished"}


@pytest.mark.parametrize("way", ["together", "alone"])
def test_a_judge_ends_single_members(way: str, tmp_path: Path) -> None:
    jobs = folds(CONFIG.replace(epochs=4), 3, tmp_path)

    def judge(epoch: int, scores: Mapping[int, float]) -> Mapping[int, str]:
        worst = max(scores)
        return {worst: "pruned after two epochs"} if epoch == 2 and (way == "alone" or worst == 2) else {}

    if way == "together":
        train_together(jobs, tmp_path, tmp_path, judge=judge)
    else:
        train_alone(jobs[2], tmp_path, tmp_path, judge=judge)
    rows = by_fold(tmp_path)
    assert rows[2].state == "stopped"
    assert rows[2].status is not None
    assert rows[2].status.error == "pruned after two epochs"
    assert rows[2].status.epoch < 4
    assert all(rows[fold].state == "finished" for fold in rows if fold != 2)


def test_a_member_that_is_asked_to_stop_ends_and_the_others_go_on(tmp_path: Path) -> None:
    jobs = folds(CONFIG.replace(epochs=400), 2, tmp_path)
    asked: list[str] = []

    def tick(share: float) -> None:
        if not asked and (rows := by_fold(tmp_path)):
            send_request(rows[0].directory, "stop")
            asked.append(rows[0].id)

    train_together(jobs, tmp_path, tmp_path, tick=tick)
    rows = by_fold(tmp_path)
    assert (rows[0].state, rows[1].state) == ("stopped", "finished")
    assert rows[0].status is not None
    assert 1 <= rows[0].status.epoch < 400


@pytest.mark.parametrize("way", ["together", "alone"])
def test_every_fold_is_trained_once(way: str, tmp_path: Path) -> None:
    study = drive(tmp_path, "--folds", "4", "--way", way, "--engine", "serial")
    rows = by_fold(tmp_path, study.id)
    assert sorted(rows) == [0, 1, 2, 3]
    assert len(all_members(tmp_path, study.id)) == 4
    assert {row.state for row in rows.values()} == {"finished"}
    assert read_json(study.path / "plan.json")["way"] == way
    assert read_summary(study).state == "finished"
    status = read_summary(study).status
    assert status is not None
    assert (status.step, status.steps) == (4, 4)
    tested = np.concatenate([column(RunReader(row.path), "index") for row in rows.values()])
    assert len(np.unique(tested)) == len(tested) == 300


def test_how_far_the_members_of_other_processes_are_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = drive(tmp_path, "--folds", "4", "--epochs", "1", "--engine", "serial")
    run = RunWriter.resume(study.path)
    with run, Console(quiet=True) as console:
        options = FoldOptions("stratified", 4)
        folds = options.study(CONFIG, options.plan(CONFIG, tmp_path), study.id, tmp_path)
        driver = Driver(folds, run, tmp_path, tmp_path, Means(), console, lambda: False)
        rows = [
            replace(row, state="running", status=replace(row.status, epoch=epoch, epochs=4.0))
            for row, epoch in zip(all_members(tmp_path, study.id), (4.0, 3.0, 1.0, 0.0), strict=True)
            if row.status is not None
        ]
        monkeypatch.setattr("training.studies.all_members", lambda runs, study: rows)
        driver.watched -= WATCH_SECONDS
        assert not driver.watch()
        assert run._background.progress["step"] == 2  # 4/4 + 3/4 + 1/4 of a member
        monkeypatch.setattr("training.studies.all_members", lambda runs, study: [])
        driver.watch()  # too soon for another look
        assert run._background.progress["step"] == 2


def test_a_study_that_is_over_trains_nothing_when_it_is_resumed(tmp_path: Path) -> None:
    study = drive(tmp_path, "--folds", "3")
    before = {row.id for row in all_members(tmp_path, study.id)}
    drive(tmp_path, "--resume", study.id)
    assert {row.id for row in all_members(tmp_path, study.id)} == before


def test_what_belongs_to_a_study_is_resumed_by_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = drive(tmp_path, "--folds", "2")
    member = by_fold(tmp_path, study.id)[0]
    for run_id, way_out in ((member.id, f"resume {study.id}"), (study.id, "training.kfold --resume")):
        assert train_main(["--runs", str(tmp_path), "--resume", run_id]) == 2
        assert way_out in capsys.readouterr().err


def test_nested_folds_choose_by_inner_scores(tmp_path: Path) -> None:
    options = ("--scheme", "nested", "--folds", "2", "--inner-folds", "2", "--set", "learning_rate=0.01,1e-7")
    study = drive(tmp_path, *options)
    rows = members(tmp_path, study.id)
    outer = [row for key, row in rows.items() if len(key) == 2]
    assert len(rows) == 2 + 2 * 2 * 2
    assert [row.config["learning_rate"] for row in outer] == [0.01, 0.01]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--folds", "500"), "folds"),
        (("--scheme", "stratifed"), "stratified"),
        (("--folds", "1"), "at least 2"),
        (("--scheme", "nested"), "--set"),
        (("--scheme", "nested", "--set", "learning_rate=0.1"), "name another value"),
        (("--engine", "proceses"), "processes"),
        (("--keep", "last", "--early-stopping", "3"), "early_stopping"),
        (("--batch-size", "290", "--folds", "5"), "batch_size"),
    ],
)
def test_what_cannot_be_is_a_sentence_before_any_training(
    options: Sequence[str], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*SMALL, "--runs", str(tmp_path / "runs"), "--data", str(tmp_path), *options]
    assert main(arguments) == 2
    assert word in capsys.readouterr().err
    assert not _folders(tmp_path / "runs")


@pytest.mark.slow
def test_a_killed_driver_goes_on_where_it_was(tmp_path: Path) -> None:
    process = started(tmp_path, "--folds", "6", "--way", "alone", "--epochs", "60", "--workers", "2")
    study = study_of(tmp_path)
    done = until(lambda: [row.id for row in all_members(tmp_path, study) if row.state == "finished"])
    process.kill()
    process.wait()
    drive(tmp_path, "--resume", study)
    rows = all_members(tmp_path, study)
    assert sorted(dict(row.info.member)["fold"] for row in rows if row.info) == list(range(6))
    assert {row.state for row in rows} == {"finished"}
    assert set(done) <= {row.id for row in rows}


@pytest.mark.slow
def test_the_fold_of_a_killed_worker_is_trained_again(tmp_path: Path) -> None:
    process = started(tmp_path, "--folds", "4", "--way", "alone", "--epochs", "60", "--workers", "2")
    study = study_of(tmp_path)
    running = until(lambda: [row for row in all_members(tmp_path, study) if row.state == "running"])
    assert running[0].info is not None
    os.kill(running[0].info.pid, signal.SIGKILL)
    assert process.wait(timeout=120) == 0
    rows = all_members(tmp_path, study)
    assert sorted(dict(row.info.member)["fold"] for row in rows if row.info) == list(range(4))
    assert {row.state for row in rows} == {"finished"}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["together", "alone"])
def test_a_study_in_the_background_is_stopped_with_its_members(way: str, tmp_path: Path) -> None:
    options = [*SMALL, "--folds", "2", "--epochs", "5000", "--way", way]
    study = launch_study("training.kfold", options, "mlp", "digits", tmp_path, tmp_path)
    until(lambda: [row for row in all_members(tmp_path, study) if row.status and row.status.epoch > 1])
    stop(RunDirectory(tmp_path / study))
    until(lambda: read_summary(RunDirectory(tmp_path / study)).state == "stopped")
    assert {row.state for row in all_members(tmp_path, study)} == {"stopped"}


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_a_study_has_ended_before_its_stream_draws_for_the_last_time(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    @contextlib.contextmanager
    def streamed(config: RunConfig, own: RunDirectory, console: Console) -> Iterator[None]:
        yield
        status = read_status(own)
        seen.append("" if status is None else status.state)

    monkeypatch.setattr(study_script, "_streamed", streamed)
    if state == "failed":
        monkeypatch.setattr(kfold, "read_results", lambda *given: 1 / 0)
    drive(tmp_path, "--folds", "2", code=int(state == "failed"))
    assert seen == [state]


@pytest.mark.parametrize("compiled", [False, True])
def test_histograms_of_many_are_those_of_each(
    compiled: bool, no_kernel: None, request: pytest.FixtureRequest
) -> None:
    if compiled:
        request.getfixturevalue("kernel")
    values = torch.randn(5, 40)
    values[3, :10] = 2.0  # a parameter whose values are all equal
    values[1, 4], values[2, 20], values[4, 39] = float("nan"), float("inf"), float("nan")
    values[0, 3] = 1e35
    places = [Place("a", (10,), 0, 10), Place("b", (30,), 10, 40)]
    counts, edges = histograms(values, places)
    for member, place in np.ndindex(5, 2):
        expected = histogram(values[member, slice(*places[place][2:])])
        assert np.array_equal(counts[member, place], expected[0])
        assert np.array_equal(edges[member, place], expected[1])


def test_confusions_of_many_are_those_of_each() -> None:
    outputs, targets = torch.randn(4, 50, 3), torch.randint(0, 3, (4, 50))
    found = confusions([(np.arange(4), outputs, targets)], TASKS["classification"], 3)
    for place in range(4):
        expected = confusion_counts(targets[place], outputs[place].argmax(dim=1), 3)
        assert np.array_equal(found[place], expected)
