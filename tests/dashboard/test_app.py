"""The dashboard starts from any folder, for this machine alone."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from dashboard.settings import REPOSITORY, VISDOM, read_settings

DASHBOARD = REPOSITORY / "dashboard"


def test_it_opens_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Callable
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_page("home").title[0].value == "Descent"


def test_the_repository_comes_first_on_the_import_path(
    monkeypatch: pytest.MonkeyPatch, open_page: Callable
) -> None:
    monkeypatch.setattr(sys, "path", [str(DASHBOARD), *sys.path])
    open_page("home")
    open_page("home")
    assert sys.path[0] == str(REPOSITORY)
    assert sys.path.count(str(REPOSITORY)) == 1, "the path must not grow with each run"


def test_no_run_after_the_first_changes_the_import_path(
    monkeypatch: pytest.MonkeyPatch, open_page: Callable
) -> None:
    """Else a thread that imports at that moment could pass over a folder, and PyTorch imports only once."""
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(DASHBOARD)])
    open_page("home")
    after_the_first = sys.path

    class Guarded(list):
        def changed(self, *_: object) -> None:
            raise AssertionError("the import path was changed while the dashboard ran")

        insert = remove = append = __setitem__ = __delitem__ = pop = changed

    guarded = Guarded(after_the_first)
    monkeypatch.setattr(sys, "path", guarded)
    assert open_page("home").title[0].value == "Descent"
    assert sys.path is guarded
    assert sys.path[-1] == str(DASHBOARD)


def test_a_test_without_a_server_starts_no_background_import(
    monkeypatch: pytest.MonkeyPatch, open_page: Callable
) -> None:
    started = []
    monkeypatch.setattr("dashboard.warm_up._started", lambda: started.append(True))
    open_page("home")
    assert not started


def test_its_settings_lie_where_streamlit_finds_them_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings beside the app hold wherever it is started; in the repository's root they would not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "_main_script_path", str(DASHBOARD / "app.py"))
    assert config.get_config_files("config.toml")[-1] == str(DASHBOARD / ".streamlit" / "config.toml")


def test_it_listens_to_this_machine_alone_and_calls_nobody() -> None:
    with (DASHBOARD / ".streamlit" / "config.toml").open("rb") as file:
        settings = tomllib.load(file)
    assert settings["server"]["address"] == "127.0.0.1"
    assert settings["server"]["enableXsrfProtection"] is True
    assert settings["server"]["enableCORS"] is True
    assert settings["server"]["enableStaticServing"] is True
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["runner"] == {"magicEnabled": False, "postScriptGC": False}


def test_every_setting_is_one_that_streamlit_knows() -> None:
    with (DASHBOARD / ".streamlit" / "config.toml").open("rb") as file:
        settings = tomllib.load(file)
    known = set(config.get_config_options())

    def dotted(above: str, table: dict) -> list[str]:
        found = []
        for name, value in table.items():
            path = f"{above}{name}"
            found += dotted(f"{path}.", value) if isinstance(value, dict) else [path]
        return found

    assert set(dotted("", settings)) <= known


def test_folders_are_named_by_the_environment() -> None:
    plain = read_settings({})
    assert plain.runs == REPOSITORY / "runs"
    assert plain.data == REPOSITORY / "data"
    assert plain.visdom == VISDOM
    named = read_settings({"DESCENT_RUNS": "some/runs", "DESCENT_DATA": "", "DESCENT_VISDOM": "http://h:1/"})
    assert named.runs == Path.cwd() / "some" / "runs"
    assert named.data == REPOSITORY / "data"
    assert named.visdom == "http://h:1"


@pytest.mark.parametrize("name", ["home", "runs"])
def test_a_folder_of_runs_that_is_none_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Callable, words: Callable
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DESCENT_RUNS", str(tmp_path / "file"))
    said = words(open_page(name)).replace("\\", "")
    assert str(tmp_path / "file") in said
    assert "DESCENT_RUNS" in said


def test_a_part_that_rests_asks_for_the_page_once_when_it_wakes() -> None:
    """`live` must not ask for a new run of the page in a run of the page: that would never end."""

    def script() -> None:
        import streamlit as st

        from dashboard.panels.live import live

        st.session_state["drawn"] = st.session_state.get("drawn", 0) + 1
        live(lambda: True, active=False)

    page = AppTest.from_function(script).run(timeout=30)
    assert not page.exception
    assert page.session_state["drawn"] == 1
