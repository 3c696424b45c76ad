"""Runs of laboratories, whose settings are no training's, on the pages of all runs."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.lab_runs import is_lab, lab_page, lab_query
from dashboard.navigation import views
from dashboard.panels.run_actions import where_again, why_not_resumed
from logs.catalog import RunCatalog, RunSummary
from training.labs import LABS, Lab
from training.playground import main

Open = Callable[..., AppTest]
Words = Callable[[AppTest], str]


@pytest.fixture
def lab_run(runs: Path) -> RunSummary:
    """A real playground, of a second."""
    assert (
        main(["--runs", str(runs), "--samples", "40", "--epochs", "3", "--seeds", "2", "--name", "mine"]) == 0
    )
    (run,) = RunCatalog(runs).rows()
    return run


def test_the_pages_of_all_runs_show_it_like_any_other(
    lab_run: RunSummary, open_page: Open, words: Words
) -> None:
    assert is_lab(lab_run)
    for page, query in (("home", {}), ("runs", {}), ("run", {"run": lab_run.id})):
        shown = open_page(page, **query)
        assert not shown.exception
        assert not shown.error, page
    page = open_page("run", run=lab_run.id)
    assert "mine" in words(page)


@pytest.mark.parametrize(
    "tab", ["Pictures", "Weights", "Confusion", "Test samples", "Configuration", "Checkpoints", "Output"]
)
def test_every_tab_of_its_page_opens(tab: str, lab_run: RunSummary, open_page: Open) -> None:
    page = open_page("run", run=lab_run.id, run_tab=tab)
    assert not page.exception
    assert not page.error


def test_its_page_tells_the_command_that_repeats_it(lab_run: RunSummary, open_page: Open) -> None:
    page = open_page("run", run=lab_run.id, run_tab="Configuration")
    commands = [code.value for code in page.code]
    assert any("python -m training.playground --name mine --samples 40" in command for command in commands)


def test_the_form_of_trainings_does_not_take_its_settings(
    lab_run: RunSummary, open_page: Open, words: Words
) -> None:
    page = open_page("new_run", **{"from": lab_run.id})
    assert page.warning
    assert not page.exception


def test_it_leads_to_its_laboratory_where_that_has_a_page(
    lab_run: RunSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = views()[0]
    listed = [*views(), type(there)("playground", "Playground", there.icon, "")]
    monkeypatch.setattr("dashboard.lab_runs.views", lambda: listed)
    assert lab_page(lab_run) == "playground"
    assert where_again(lab_run) == ("playground", {"playground_film": lab_run.id})
    monkeypatch.setattr("dashboard.lab_runs.views", lambda: [there])
    assert lab_page(lab_run) == ""
    assert where_again(lab_run)[0] == ""
    assert "starts anew" in why_not_resumed(lab_run)


def test_a_training_has_no_laboratory(make_run: Callable[..., Path], runs: Path) -> None:
    make_run(config={"model": "mlp"})
    (run,) = RunCatalog(runs).rows()
    assert not is_lab(run)
    assert where_again(run) == ("new_run", {"from": run.id})


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_every_laboratory_has_a_script_and_an_address_of_its_runs(lab: Lab, lab_run: RunSummary) -> None:
    assert callable(importlib.import_module(lab.module).main)
    assert lab_run.info is not None
    run = dataclasses.replace(lab_run, info=dataclasses.replace(lab_run.info, kind=lab.name))
    assert run.id in lab_query(run).values()
