"""A study in Visdom: curves over one another, a table, the members' own panes, one stop for all."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from logs.visdom_panes import CONTROLS, environment_name
from logs.visdom_studies import MAX_ENVIRONMENTS, StudyPicture, StudyStream, member_title
from logs.writer import RunWriter
from tests.visdom_servers import RunningVisdom, absent_visdom, hanging_server, running_visdom, wait_until

FAST = 0.05


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVisdom]:
    with running_visdom(tmp_path_factory.mktemp("visdom")) as running:
        yield running


class Study:
    """A study of so many folds, of which each has logged five epochs."""

    def __init__(self, runs: Path, folds: int) -> None:
        self.run = RunWriter.create(
            runs, model="mlp", dataset="digits", kind="kfold", config={"model": "mlp"}
        )
        self.members = []
        for fold in range(folds):
            with RunWriter.create(
                runs,
                model="mlp",
                dataset="digits",
                kind="fold",
                group=self.run.directory.id,
                member={"repeat": 0, "fold": fold},
                config={"note": "<script>"},
            ) as member:
                for epoch in range(1, 6):
                    values = {"loss": (fold + 1) / epoch, "accuracy": math.nan if fold == 1 else 0.5}
                    member.log(10 * epoch, values, split="validation", epoch=epoch)
                    member.log(10 * epoch, {"epoch_loss": fold + epoch}, split="train", epoch=epoch)
                    member.log(10 * epoch, {"loss": 99.0}, split="train", epoch=epoch)
                member.finish("finished")
                self.members.append(member.directory)

    def stream(self, address: str, interval: float = FAST) -> StudyStream:
        lines: list[str] = []
        stream = StudyStream(self.run.directory, lambda: list(self.members), address, interval, lines.append)
        return stream.start()

    def windows(self, server: RunningVisdom) -> dict:
        return server.windows(environment_name(self.run.directory.id))


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    made = Study(tmp_path / "runs", 3)
    with made.run:
        yield made


def test_every_members_curve_is_in_one_pane(server: RunningVisdom, study: Study) -> None:
    stream = study.stream(server.address)
    wait_until(lambda: "members loss validation" in study.windows(server), "the curves are drawn")
    assert stream.close()
    windows = study.windows(server)
    for fold, trace in enumerate(windows["members loss validation"]["content"]["data"]):
        assert trace["name"] == f"repeat 1, fold {fold + 1}"
        assert trace["x"] == [10, 20, 30, 40, 50]
        assert trace["y"] == pytest.approx([(fold + 1) / epoch for epoch in range(1, 6)])
    train = windows["members loss train"]["content"]["data"]
    assert train[2]["y"] == [3, 4, 5, 6, 7]  # the epochs' means, not the last batches
    assert windows["members accuracy validation"]["content"]["data"][1]["y"] == [None] * 5


def test_the_table_links_to_each_members_own_panes(server: RunningVisdom, study: Study) -> None:
    assert study.stream(server.address).close(timeout=20)
    text = study.windows(server)["members"]["content"]
    for member in study.members:
        assert f"/env/{environment_name(member.id)}" in text
        assert "curves loss" in server.windows(environment_name(member.id))
    assert text.count("finished") == 3
    assert "<script" not in str(study.windows(server))


def test_the_members_take_turns_over_one_connection(server: RunningVisdom, study: Study) -> None:
    threads = threading.active_count()
    stream = study.stream(server.address)
    wait_until(
        lambda: all(server.windows(environment_name(member.id)) for member in study.members), "all are shown"
    )
    assert threading.active_count() == threads + 1
    assert len({own.connection for own in stream._sessions.values()}) == 1
    assert stream.close(timeout=20)


def test_a_large_study_fills_twenty_environments_at_most(server: RunningVisdom, tmp_path: Path) -> None:
    study = Study(tmp_path / "runs", MAX_ENVIRONMENTS + 3)
    with study.run:
        assert study.stream(server.address).close(timeout=60)
    shown = [bool(server.windows(environment_name(member.id))) for member in study.members]
    assert sum(shown) == MAX_ENVIRONMENTS
    assert len(study.windows(server)["members loss validation"]["content"]["data"]) == len(study.members)


def test_stop_in_the_controls_asks_the_whole_study(
    server: RunningVisdom, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = study.stream(server.address)
    environment = environment_name(study.run.directory.id)
    wait_until(lambda: CONTROLS in study.windows(server), "the controls are there")
    event = {"event_type": "PropertyUpdate", "eid": environment, "target": CONTROLS, "propertyId": 0}
    assert stream._session is not None
    connection, pressed = stream._session.connection, [{**event, "value": "Stop"}]
    hear = connection.event
    # The stream's own thread hears it: the connection is for one thread at a time
    monkeypatch.setattr(connection, "event", lambda *given: pressed.pop() if pressed else hear(*given))
    asked: list[str] = []  # by the run's own thread, which takes what its folder holds

    def heard() -> bool:
        asked.extend(request.kind for request in study.run.requests())
        return bool(asked)

    wait_until(heard, "the run hears of it")
    assert asked == ["stop"]
    assert stream.close(timeout=20)


def test_a_server_that_comes_late_gets_the_whole_study(tmp_path: Path, study: Study) -> None:
    with absent_visdom(tmp_path) as late:
        stream = study.stream(late.address)
        late.start()
        wait_until(lambda: "members" in study.windows(late), "the study is shown")
        late.kill()
        late.start()
        wait_until(lambda: "members" in study.windows(late), "the study is shown again")
        assert stream.close(timeout=20)
        assert all(server_has(late, member.id) for member in study.members)


def server_has(server: RunningVisdom, run_id: str) -> bool:
    return bool(server.windows(environment_name(run_id)))


def test_a_server_that_hangs_delays_nobody(study: Study) -> None:
    with hanging_server() as address:
        stream = study.stream(address)
        study.run.finish("finished")
        stream.close(timeout=10)


def test_nothing_is_drawn_again_where_nothing_changed(study: Study) -> None:
    picture = StudyPicture(study.run.directory, lambda: list(study.members), "http://127.0.0.1:1")
    first = picture.panes()
    assert picture.panes() is first


def test_a_member_that_is_just_being_made_is_left_out(study: Study, tmp_path: Path) -> None:
    study.members.append(type(study.members[0])(tmp_path / "runs" / "not-there"))
    picture = StudyPicture(study.run.directory, lambda: list(study.members), "http://127.0.0.1:1")
    curves = next(pane for pane in picture.panes() if pane.window == "members loss validation")
    assert len(curves.data) == 3


def test_a_members_title_is_for_a_person() -> None:
    assert member_title({"repeat": 0, "fold": 3, "which": "left"}) == "repeat 1, fold 4, which left"
