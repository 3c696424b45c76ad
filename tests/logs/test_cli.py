"""`python -m logs`: tables, answers in one sentence, and no traceback whatever happens."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pyarrow.csv
import pytest

from logs import commands
from logs.__main__ import main
from logs.catalog import RunCatalog
from logs.directory import RunDirectory
from logs.labels import change_labels
from logs.requests import Request, take_requests
from logs.writer import RunWriter

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def finished(runs: Path) -> RunDirectory:
    """A finished run of 20 steps and 2 epochs."""
    with RunWriter.create(
        runs,
        model="mlp",
        dataset="digits",
        config={"hidden_width": 64},
        name="first",
        tags=("quick",),
        higher_is_better={"accuracy": True},
    ) as run:
        for step in range(1, 21):
            run.log(step, {"loss": 1 / step}, split="train", epoch=step / 10)
        for epoch in (1, 2):
            run.log(
                epoch * 10,
                {"loss": 0.5 / epoch, "accuracy": 0.4 * epoch},
                split="validation",
                epoch=float(epoch),
            )
        run.progress(epoch=2.0, epochs=2, step=20, steps=20, rate=100.0)
        return run.directory


def call(*words: str, runs: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command as a person calls it."""
    return subprocess.run(
        [sys.executable, "-m", "logs", *words, "--runs", str(runs)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        **options,
    )


def test_list_shows_each_run_in_an_aligned_row(runs, finished, make_run, capsys) -> None:
    make_run("failed", created=1_000_000_000.0, name="数字\x1b[31m")
    (runs / "foreign").mkdir()
    assert main(["list", "--runs", str(runs)]) == 0
    header, first, second, third, *rest = capsys.readouterr().out.splitlines()
    assert header.split() == [
        "run",
        "name",
        "state",
        "done",
        "epoch",
        "loss",
        "best",
        "started",
        "took",
        "tags",
    ]
    assert first.startswith(finished.id)
    assert first[header.index("state") :].startswith("finished")
    for word in ("first", "100%", "0.25", "accuracy 0.8", "quick"):
        assert word in first
    assert "数字\\x1b[31m" in second
    assert "broken" in third
    assert any("foreign has no run.json" in line for line in rest)


def test_list_as_json_is_for_other_programs(runs, finished, make_run, capsys) -> None:
    make_run("failed", {"last": {"train": {"loss": float("nan")}}}, created=1.0)
    assert main(["list", "--json", "--runs", str(runs)]) == 0
    first, second = json.loads(
        capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON")
    )
    assert (first["id"], first["state"], first["name"]) == (finished.id, "finished", "first")
    assert first["info"]["config"] == {"hidden_width": 64}
    assert first["status"]["best"]["validation"]["accuracy"]["value"] == 0.8
    assert second["status"]["last"]["train"]["loss"] == "NaN"


def test_list_by_state(runs, finished, make_run, capsys) -> None:
    make_run("failed")
    main(["list", "--state", "finished", "--json", "--runs", str(runs)])
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == [finished.id]


def test_an_empty_folder_says_what_to_do_next(runs, capsys) -> None:
    assert main(["list", "--runs", str(runs)]) == 0
    assert "start one: python -m training.train" in capsys.readouterr().out


def test_the_folder_of_runs_comes_from_the_environment(runs, finished, capsys, monkeypatch) -> None:
    monkeypatch.setenv("DESCENT_RUNS", str(runs))
    assert main(["list"]) == 0
    assert finished.id in capsys.readouterr().out


@pytest.mark.parametrize("named", ["id", "name", "ending", "path", "latest"])
def test_show_tells_all_about_one_run(runs, finished, capsys, named: str) -> None:
    text = {
        "id": finished.id,
        "name": "first",
        "ending": finished.id[-4:],
        "path": str(finished.path),
        "latest": "latest",
    }[named]
    assert main(["show", text, "--runs", str(runs)]) == 0
    shown = capsys.readouterr().out
    for words in ("first", finished.id, "finished", "step 20 of 20", "hidden_width", "64", "quick", "commit"):
        assert words in shown
    (line,) = [line for line in shown.splitlines() if line.startswith("accuracy")]
    assert line.split()[:6] == ["accuracy", "validation", "2", "0.8", "0.8", "20"]


def test_show_of_a_broken_run_says_what_is_wrong(runs, make_run, capsys) -> None:
    directory = make_run("failed", {"error": "ValueError: no\x1b[0m"})
    assert main(["show", directory.id, "--runs", str(runs)]) == 0
    assert "failed: ValueError: no\\x1b[0m" in capsys.readouterr().out
    directory.run_json.write_text("{")
    assert main(["show", directory.id, "--runs", str(runs)]) == 0
    assert "run.json is not whole JSON" in capsys.readouterr().out


def test_tail_shows_the_newest_values(runs, finished, capsys) -> None:
    assert main(["tail", "first", "-n", "2", "--runs", str(runs)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "step 20  epoch 2.000  train  loss 0.05",
        "step 20  epoch 2.000  validation  accuracy 0.8  loss 0.25",
    ]


def test_tail_of_output_shows_what_the_process_printed(runs, finished, capsys) -> None:
    assert main(["tail", "first", "--output", "--runs", str(runs)]) == 2
    assert "has no output.log" in capsys.readouterr().err
    finished.output_log.write_text("".join(f"line {number}\n" for number in range(100)) + "\x1b[2J")
    assert main(["tail", "first", "--output", "-n", "2", "--runs", str(runs)]) == 0
    assert capsys.readouterr().out.splitlines() == ["line 99", "\\x1b[2J"]


def test_tail_follows_a_run_to_its_end_and_shows_each_value_once(runs, capsys, monkeypatch) -> None:
    monkeypatch.setattr(commands, "POLL_SECONDS", 0.01)
    run = RunWriter.create(runs, model="net", dataset="data")
    run.log(0, {"loss": 0.0}, split="train")

    def train() -> None:
        for step in range(1, 200):
            run.log(step, {"loss": float(step)}, split="train")
            if step % 50 == 0:
                threading.Event().wait(0.05)
        run.finish("finished")

    trainer = threading.Thread(target=train)
    trainer.start()
    assert main(["tail", "latest", "--follow", "-n", "1000", "--runs", str(runs)]) == 0
    trainer.join()
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == [f"step {step}  train  loss {step}" for step in range(200)]
    assert last == "finished"


def test_export_writes_what_was_logged(runs, finished, tmp_path, capsys) -> None:
    path = tmp_path / "values.csv"
    assert main(["export", "first", "--format", "csv", "--output", str(path), "--runs", str(runs)]) == 0
    assert capsys.readouterr().out.strip() == str(path)
    assert pyarrow.csv.read_csv(path).num_rows == 24
    result = call("export", "first", "--format", "jsonl", runs=runs)
    assert result.returncode == 0, result.stderr
    assert len([json.loads(line) for line in result.stdout.splitlines()]) == 24


def test_stop_leaves_a_request_for_a_running_run(runs, finished, capsys) -> None:
    run = RunWriter.create(runs, model="net", dataset="data", name="live")
    try:
        assert main(["stop", "live", "--runs", str(runs)]) == 0
        taken = take_requests(run.directory) or run.requests()
        assert taken == [Request("stop")]
    finally:
        run.finish("stopped")
    assert main(["stop", "live", "--runs", str(runs)]) == 2
    assert "is not running: it is stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "goes"), [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_remove_asks_first(runs, finished, capsys, monkeypatch, answer: str, goes: bool) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert main(["remove", "first", "--runs", str(runs)]) == (0 if goes else 1)
    assert f"move {finished.id} to the trash? [y/N]" in capsys.readouterr().out
    assert finished.path.exists() is not goes


def test_a_removed_run_comes_back_and_the_trash_can_be_emptied(runs, finished, capsys) -> None:
    assert main(["remove", "first", "--yes", "--runs", str(runs)]) == 0
    assert f"python -m logs restore {finished.id}" in capsys.readouterr().out
    assert main(["list", "--trash", "--runs", str(runs)]) == 0
    assert capsys.readouterr().out == f"{finished.id}\n"
    assert main(["restore", finished.id, "--runs", str(runs)]) == 0
    assert [row.id for row in RunCatalog(runs).rows()] == [finished.id]
    assert main(["remove", "first", "-y", "--runs", str(runs)]) == 0
    assert main(["empty-trash", "-y", "--runs", str(runs)]) == 0
    assert main(["restore", finished.id, "--runs", str(runs)]) == 2


def test_a_running_run_is_not_removed(runs, capsys) -> None:
    with RunWriter.create(runs, model="net", dataset="data", name="live") as run:
        assert main(["remove", "live", "--yes", "--runs", str(runs)]) == 2
        assert f"is running; stop it first: python -m logs stop {run.directory.id}" in capsys.readouterr().err


def test_repair_folds_what_a_killed_process_left(runs, finished, make_run, capsys) -> None:
    code = (
        "import os, sys; from logs import RunWriter;"
        "run = RunWriter.create(sys.argv[1], model='net', dataset='data', name='killed');"
        "run.log(1, {'loss': 0.5}, split='train'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(runs)], cwd=REPOSITORY, check=False)
    killed = RunCatalog(runs).find("killed")
    assert killed.state == "lost"
    assert list(killed.path.glob("scalars-*.wal"))
    make_run().run_json.write_text("{")
    assert main(["repair", "--all", "--runs", str(runs)]) == 1  # one of them has no readable run.json
    printed = capsys.readouterr()
    assert f"{killed.id}: folded 1 rows of" in printed.out
    assert f"{finished.id}: nothing to mend" in printed.out
    assert "run.json is not whole JSON" in printed.err
    assert not list(killed.path.glob("scalars-*.wal"))
    assert main(["tail", "killed", "--runs", str(runs)]) == 0
    assert capsys.readouterr().out == "step 1  train  loss 0.5\n"
    assert main(["repair", "killed", "--runs", str(runs)]) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "firts"], "did you mean 'first'?"),
        (["show", "missing/run"], "no run in"),
        (["show", str(REPOSITORY)], "has no run.json; it is no run"),
        (["export", "first", "--format", "cvs"], "no export format is named 'cvs'; did you mean 'csv'?"),
        (["export", "first", "--output", "."], "is a folder; name a file in it"),
        (["export", "first", "--output", "missing/folder/file.csv"], "No such file or directory"),
        (["restore", "first"], "no run is named 'first'"),
        (["repair"], "name a run, or say --all"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_is_one_sentence_and_exit_status_2(
    runs, finished, capsys, words: list[str], sentence: str
) -> None:
    assert main([*words, "--runs", str(runs)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sentence in printed.err
    assert len(printed.err.splitlines()) == 1


def test_a_folder_of_runs_that_is_a_file_is_one_sentence(tmp_path, capsys) -> None:
    (tmp_path / "runs").write_text("")
    assert main(["list", "--runs", str(tmp_path / "runs")]) == 2
    assert "can't be listed as a folder of runs" in capsys.readouterr().err


def test_a_terminal_without_unicode_shows_names_all_the_same(runs, make_run) -> None:
    change_labels(make_run(), name="数字")
    result = call("list", runs=runs, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert result.returncode == 0, result.stderr
    assert "\\u6570\\u5b57" in result.stdout


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes and signals")
def test_a_closed_pipe_and_ctrl_c_are_quiet(runs, finished) -> None:
    command = f"{sys.executable} -m logs export first --runs {runs} | head -n 1"
    result = subprocess.run(
        ["bash", "-c", command], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    assert result.stdout.startswith('"step"')
    run = RunWriter.create(runs, model="net", dataset="data", name="live")
    run.log(1, {"loss": 1.0})
    process = subprocess.Popen(
        [sys.executable, "-m", "logs", "tail", "live", "--follow", "--runs", str(runs)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "loss 1" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == ""
        assert process.returncode == 130
    finally:
        process.kill()
        process.wait()
        run.finish("finished")
