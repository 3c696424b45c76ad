"""Studies and their members in lists and links: one row for many trainings, and a way between them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.panels.run_store import run_catalog
from dashboard.panels.study_header import seconds_left
from dashboard.study_runs import is_member, is_study, kind_words, members_of, page_of, without_members
from logs.catalog import RunSummary
from logs.removal import remove


@pytest.fixture
def study(make_run: Callable) -> tuple[Path, list[Path]]:
    """A 2-fold study named "mine" and its two folds."""
    led = make_run(
        name="mine", kind="kfold", steps=0, study={"scheme": "stratified", "folds": 2, "repeats": 1}
    )
    folds = [
        make_run(name=f"part {fold}", kind="fold", group=led.name, member={"repeat": 0, "fold": fold})
        for fold in range(2)
    ]
    return led, folds


def rows(runs: Path) -> dict[str, RunSummary]:
    return {run.name: run for run in run_catalog(runs).rows()}


def listed(page) -> list[str]:
    return sorted(page.dataframe[0].value["name"])


def test_members_are_known_by_their_group_and_place(study: tuple, runs: Path, make_run: Callable) -> None:
    make_run(name="alone", group="an experiment")  # a group of a person's own is no study
    known = rows(runs)
    assert [name for name, run in known.items() if is_study(run)] == ["mine"]
    assert sorted(name for name, run in known.items() if is_member(run)) == ["part 0", "part 1"]
    assert kind_words(known["part 1"]) == "repeat 1 · fold 2"
    assert kind_words(known["mine"]) == "2-fold"
    assert kind_words(known["alone"]) == ""
    assert {run.name for run in without_members(list(known.values()))} == {"mine", "alone"}
    assert len(members_of(study[0].name, list(known.values()))) == 2


def test_members_whose_study_is_gone_are_listed_again(study: tuple, runs: Path) -> None:
    remove(rows(runs)["mine"].directory)
    assert {run.name for run in without_members(list(rows(runs).values()))} == {"part 0", "part 1"}


def test_a_study_opens_its_own_page(study: tuple, runs: Path) -> None:
    known = rows(runs)
    assert page_of(known["part 0"]) == ("run", {"run": known["part 0"].id})
    assert page_of(known["mine"])[0] in ("kfold", "run")


def test_the_list_shows_a_study_as_one_row_until_its_folds_are_asked_for(
    study: tuple, make_run: Callable, open_page: Callable
) -> None:
    make_run(name="alone")
    assert listed(open_page("runs")) == ["alone", "mine"]
    page = open_page("runs", runs_members="true")
    assert listed(page) == ["alone", "mine", "part 0", "part 1"]
    kinds = dict(zip(page.dataframe[0].value["name"], page.dataframe[0].value["kind"], strict=True))
    assert kinds == {
        "alone": "",
        "mine": "2-fold",
        "part 0": "repeat 1 · fold 1",
        "part 1": "repeat 1 · fold 2",
    }


def test_a_list_without_studies_has_no_switch_and_no_column_for_them(
    make_run: Callable, open_page: Callable
) -> None:
    make_run()
    page = open_page("runs")
    assert "kind" not in page.dataframe[0].value
    assert not [toggle for toggle in page.toggle if toggle.key == "runs_members"]


def test_chosen_folds_are_compared_though_the_list_hides_them(
    study: tuple, open_page: Callable, figures: Callable
) -> None:
    page = open_page("runs", compare=[fold.name for fold in study[1]])
    drawn = figures(page)["Curves of the chosen runs"]["data"]
    assert [trace["name"] for trace in drawn] == ["part 0", "part 1"]


def test_home_counts_a_study_once(study: tuple, open_page: Callable) -> None:
    assert listed(open_page("home")) == ["mine"]


def test_a_member_says_whose_it_is(study: tuple, open_page: Callable) -> None:
    page = open_page("run", run=study[1][1].name)
    links = [link.proto.label for link in page.get("page_link")]
    assert any("fold 2 of mine" in label.replace("\\", "") for label in links)


def test_a_member_without_its_study_says_so(
    study: tuple, open_page: Callable, words: Callable, runs: Path
) -> None:
    remove(rows(runs)["mine"].directory)
    assert "its study is no longer here" in words(open_page("run", run=study[1][0].name))


def test_a_study_goes_to_the_trash_and_comes_back_with_its_folds(
    study: tuple, open_page: Callable, runs: Path
) -> None:
    led, folds = study
    page = open_page("runs", compare=[led.name])
    page.button(key="runs_remove").click().run()
    assert not rows(runs)
    assert sorted(path.name for path in (runs / ".trash").iterdir()) == sorted(p.name for p in (led, *folds))
    assert [button.key for button in page.button if str(button.key).startswith("restore_")] == [
        f"restore_{led.name}"
    ]
    page.button(key=f"restore_{led.name}").click().run()
    assert not page.exception
    assert len(rows(runs)) == 3


def test_the_time_left_is_what_the_work_so_far_lets_expect(make_run: Callable, runs: Path) -> None:
    make_run(name="goes on", kind="kfold", steps=1, state="running", study={"folds": 2})
    run = rows(runs)["goes on"]
    assert run.info is not None
    assert run.status is not None
    silent = replace(run.status, eta_seconds=math.nan, process_started=time.time() - 30)
    started = replace(run, info=replace(run.info, created=time.time() - 30), status=silent)
    assert seconds_left(started, 0.25) == pytest.approx(90, abs=2)
    assert math.isnan(seconds_left(started, 0.01)), "too early to say"
    assert math.isnan(seconds_left(replace(run, status=None), 0.5))
    resumed = replace(started, status=replace(silent, process_started=time.time() - 10))
    assert math.isnan(seconds_left(resumed, 0.25)), "it did not work all the time since it was made"
    own = replace(started, status=replace(silent, eta_seconds=7.0))
    assert seconds_left(own, 0.25) == 7, "the study knows best"
    assert math.isnan(seconds_left(own, 0.01)), "and after its first trainings it can't know either"
