"""One damaged run among good ones: a clear sentence, and the others live on."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from logs.__main__ import main
from logs.catalog import RunCatalog
from logs.directory import RunDirectory, write_json
from logs.info import read_info
from logs.reader import RunReader
from logs.status import Status, write_status
from logs.vocabulary import SCHEMA_VERSION
from logs.writer import RunWriter


def truncated(directory: RunDirectory) -> None:
    directory.run_json.write_bytes(directory.run_json.read_bytes()[:100])


def emptied(directory: RunDirectory) -> None:
    directory.run_json.write_bytes(b"")


def missing(directory: RunDirectory) -> None:
    directory.run_json.unlink()
    os.utime(directory.path, (1, 1))


def newer(directory: RunDirectory) -> None:
    write_json(directory.run_json, {**read_info(directory).to_dict(), "schema_version": SCHEMA_VERSION + 1})


def foreign(directory: RunDirectory) -> None:
    shutil.rmtree(directory.path)
    (directory.path / "version_0").mkdir(parents=True)
    (directory.path / "events.out.tfevents.1.host").write_bytes(b"\x00\x01")
    os.utime(directory.path, (1, 1))


def torn_status(directory: RunDirectory) -> None:
    directory.status_json.write_text('{"state": "runn')


def foreign_status(directory: RunDirectory) -> None:
    write_json(directory.status_json, {"state": "COMPLETED"})


def torn_labels(directory: RunDirectory) -> None:
    directory.labels_json.write_text("[]")


def folder_for_a_file(directory: RunDirectory) -> None:
    directory.run_json.unlink()
    directory.run_json.mkdir()


DAMAGES: dict[Callable[[RunDirectory], None], str] = {
    truncated: "run.json is not whole JSON",
    emptied: "run.json is empty",
    missing: "has no run.json",
    newer: f"has format version {SCHEMA_VERSION + 1} and this program reads up to {SCHEMA_VERSION}; update",
    foreign: "has no run.json; it is no run",
    torn_status: "status.json is not whole JSON",
    foreign_status: "says state is 'COMPLETED'",
    torn_labels: "labels.json holds a list, not an object",
    folder_for_a_file: "run.json can't be read",
}


@pytest.mark.parametrize(
    ("damage", "sentence"), DAMAGES.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_a_damaged_run_is_a_row_with_a_sentence_beside_good_ones(
    runs, make_run, damage, sentence: str
) -> None:
    good, bad = make_run(), make_run()
    damage(bad)
    rows = {row.id: row for row in RunCatalog(runs).rows()}
    assert set(rows) == {good.id, bad.id}
    assert rows[good.id].broken is None
    assert sentence in (rows[bad.id].broken or "")
    assert bad.id in (rows[bad.id].broken or "")  # the path is named
    assert RunCatalog(runs).find(bad.id).id == bad.id
    assert len(RunCatalog(runs).frame()) == 2


def test_what_can_be_read_of_a_damaged_run_is_shown(runs, make_run) -> None:
    bad = make_run("failed", model="resnet20", name="deep")
    torn_labels(bad)
    (row,) = RunCatalog(runs).rows()
    assert (row.model, row.state, row.name) == ("resnet20", "failed", "deep")
    newer(bad)
    (row,) = RunCatalog(runs).rows()
    assert (row.info, row.state) == (None, "failed")


def test_a_missing_status_is_no_damage(runs, make_run) -> None:
    bad = make_run(pid=0)
    bad.status_json.unlink()
    (row,) = RunCatalog(runs).rows()
    assert (row.broken, row.state, row.status) == (None, "lost", None)


def test_a_mended_run_is_whole_again_at_the_next_look(runs, make_run) -> None:
    directory = make_run()
    whole = directory.run_json.read_bytes()
    truncated(directory)
    catalog = RunCatalog(runs)
    assert catalog.rows()[0].broken is not None
    directory.run_json.write_bytes(whole)
    assert catalog.rows()[0].broken is None


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_run_that_may_not_be_read_says_so(runs, make_run, monkeypatch: pytest.MonkeyPatch) -> None:
    good, closed = make_run(), make_run()
    if os.geteuid() == 0:  # root reads everything: the refusal is staged
        real = Path.read_bytes

        def read_bytes(self: Path) -> bytes:
            if self.parent == closed.path:
                raise PermissionError(13, "Permission denied", str(self))
            return real(self)

        monkeypatch.setattr(Path, "read_bytes", read_bytes)
        rows = {row.id: row for row in RunCatalog(runs).rows()}
    else:
        closed.path.chmod(0)
        try:
            rows = {row.id: row for row in RunCatalog(runs).rows()}
        finally:
            closed.path.chmod(0o700)
    assert "run.json may not be read; give yourself read permission" in (rows[closed.id].broken or "")
    assert rows[good.id].broken is None


def test_a_run_that_vanishes_while_runs_are_listed_breaks_nothing(runs, make_run) -> None:
    kept = make_run()
    done = threading.Event()

    def come_and_go() -> None:
        for _ in range(30):
            shutil.rmtree(make_run().path)
        done.set()

    worker = threading.Thread(target=come_and_go)
    worker.start()
    catalog = RunCatalog(runs)
    while not done.is_set():
        assert kept.id in {row.id for row in catalog.rows()}
    worker.join()


def test_a_status_replaced_again_and_again_is_never_seen_in_half(runs, make_run) -> None:
    directory = make_run("stopped")
    done = threading.Event()

    def write() -> None:
        for step in range(200):
            write_status(directory, Status("stopped", step=step, error="x" * (step * 50)))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    catalog = RunCatalog(runs)
    while not done.is_set():
        assert [row.broken for row in catalog.rows()] == [None]
    writer.join()
    assert catalog.rows()[0].status is not None
    assert catalog.rows()[0].status.step == 199


@pytest.fixture
def written(runs: Path) -> RunDirectory:
    """A finished run with one part of scalars, and a stray file in every folder."""
    with RunWriter.create(runs, model="net", dataset="data", name="written") as run:
        for step in range(100):
            run.log(step, {"loss": 1 / (step + 1)}, split="train")
        run.text(1, "note", "hello")
    for folder in (run.directory.path, run.directory.scalars, run.directory.media):
        (folder / "Thumbs.db").write_bytes(b"\x00")
        (folder / "._000000-000000.parquet").write_bytes(b"\x00")  # macOS leaves these on foreign disks
    return run.directory


def test_foreign_files_in_a_run_change_nothing(runs, written, capsys) -> None:
    assert RunCatalog(runs).rows()[0].broken is None
    assert main(["show", "written", "--runs", str(runs)]) == 0
    assert "100" in capsys.readouterr().out
    assert main(["repair", "written", "--runs", str(runs)]) == 0
    assert capsys.readouterr().out == f"{written.id}: nothing to mend\n"


def test_a_truncated_part_is_one_sentence_and_repair_keeps_the_rest(runs, written, capsys) -> None:
    resumed = RunWriter.resume(written.path)
    resumed.log(100, {"loss": 0.25}, split="train")
    resumed.finish("finished")
    whole = next(written.scalars.glob("[0-9]*.parquet"))
    newest = whole.with_name("000900-000900.parquet")
    newest.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert RunCatalog(runs).rows()[0].broken is None  # a list doesn't open parts
    for words in (["show", "written"], ["tail", "written"], ["export", "written"]):
        assert main([*words, "--runs", str(runs)]) == 2
        error = capsys.readouterr().err
        assert "000900-000900.parquet is damaged" in error
        assert "python -m logs repair" in error
        assert len(error.splitlines()) == 1
    assert main(["repair", "written", "--runs", str(runs)]) == 0
    assert "set scalars/000900-000900.parquet aside" in capsys.readouterr().out.replace(os.sep, "/")
    assert len(RunReader(written.path).curve("loss", "train").step) == 101


def test_a_part_of_a_newer_version_says_update(runs, written, capsys) -> None:
    part = next(written.scalars.glob("[0-9]*.parquet"))
    table = pq.read_table(part)
    newer_still = {b"descent.schema_version": str(SCHEMA_VERSION + 1).encode()}
    pq.write_table(table.replace_schema_metadata(newer_still), part)
    assert main(["tail", "written", "--runs", str(runs)]) == 2
    error = capsys.readouterr().err
    assert f"version {SCHEMA_VERSION + 1}" in error
    assert "update" in error
    assert main(["repair", "written", "--runs", str(runs)]) == 2  # it is not damaged: it stays
    assert part.exists()


def test_a_lost_run_whose_status_never_came_is_shown(runs, written, capsys) -> None:
    written.status_json.unlink()
    assert main(["list", "--runs", str(runs)]) == 0
    assert main(["show", "written", "--runs", str(runs)]) == 0
    assert "written" in capsys.readouterr().out
