"""The list of pages and the files of views/ say the same; nothing in dashboard/ hides another module."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from dashboard.navigation import VIEWS, page_file, run_address, views
from dashboard.settings import REPOSITORY

DASHBOARD = REPOSITORY / "dashboard"


def test_every_page_is_listed_and_every_listed_page_is_there() -> None:
    listed = {view.name for view in views()}
    present = {file.stem for file in VIEWS.glob("*.py")} - {"__init__"}
    assert listed == present, "add the page to dashboard/navigation.py, or delete its file"


def test_the_tour_of_the_readme_names_every_page() -> None:
    tour = (REPOSITORY / "README.md").read_text("utf-8").partition("## The tour")[2].partition("\n## ")[0]
    assert [view.title for view in views() if f"**{view.title}**" not in tour] == []


def test_no_name_in_the_dashboard_hides_another_module() -> None:
    """Streamlit puts dashboard/ on the import path: a file settings.py there is also `import settings`."""
    ours = {path.name for path in REPOSITORY.iterdir() if path.is_dir() and path.name[0] != "."} | {"start"}
    taken = set(sys.stdlib_module_names) | ours
    names = {path.stem for path in DASHBOARD.iterdir() if path.suffix == ".py" or path.is_dir()} - {
        "__init__"
    }
    assert not names & taken, "rename it: it would be imported instead of the other one"


def test_titles_icons_and_addresses_are_there_and_unique() -> None:
    assert len({view.title for view in views()}) == len(views())
    for view in views():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", view.name), view
        assert view.icon.startswith(":material/"), "an emoji needs a font that not every machine has"
        assert view.about.endswith("."), view


def test_an_unknown_page_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="known: home"):
        page_file("nowhere")


def test_a_page_is_linked_by_its_file() -> None:
    assert Path(page_file("runs")) == VIEWS / "runs.py"


def test_a_runs_address_is_relative_to_the_other_pages() -> None:
    assert run_address("20260101T000000Z-mlp-digits-ab12") == "run?run=20260101T000000Z-mlp-digits-ab12"


def test_views_are_short_and_leave_html_alone() -> None:
    for file in VIEWS.glob("*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 120, file
    for file in DASHBOARD.rglob("*.py"):
        assert "unsafe_allow_html" not in file.read_text(encoding="utf-8"), file


def test_charts_know_nothing_of_streamlit() -> None:
    for file in (DASHBOARD / "charts").glob("*.py"):
        assert not re.search(
            r"^\s*(import|from) streamlit", file.read_text(encoding="utf-8"), re.MULTILINE
        ), file
