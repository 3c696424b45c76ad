"""The page of all runs: listed, filtered, compared, removed and brought back; broken ones among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("runs")


def listed(page) -> list[str]:
    return list(page.dataframe[0].value["name"])


def test_without_runs_the_page_says_how_to_start_one(open_page: Callable, words: Callable) -> None:
    page = open_page("runs")
    assert "No run yet" in words(page)
    assert not page.dataframe


def test_all_runs_are_listed_the_newest_first(open_page: Callable, make_run: Callable) -> None:
    make_run(name="first")
    make_run(name="second", state="failed")
    page = open_page("runs")
    assert sorted(listed(page)) == ["first", "second"]
    assert sorted(state for (state,) in page.dataframe[0].value["state"]) == ["failed", "finished"]


def test_the_address_filters_and_sorts(open_page: Callable, make_run: Callable) -> None:
    make_run(name="wasp", tags=("x",))
    make_run(name="ant", model="lenet5")
    make_run(name="cat", state="stopped")
    assert listed(open_page("runs", runs_sort="name")) == ["ant", "cat", "wasp"]
    assert listed(open_page("runs", runs_model=["lenet5"])) == ["ant"]
    assert listed(open_page("runs", runs_state=["stopped"])) == ["cat"]
    assert listed(open_page("runs", runs_tag=["x"])) == ["wasp"]
    # ids are searched too, and end in random hexadecimal digits: a text of them alone would find others
    assert listed(open_page("runs", runs_text="was")) == ["wasp"]


def test_a_filter_that_nothing_passes_says_so(
    open_page: Callable, make_run: Callable, words: Callable
) -> None:
    make_run()
    assert "No run matches" in words(open_page("runs", runs_text="no such run"))


def test_a_broken_run_is_listed_with_its_sentence(
    open_page: Callable, make_run: Callable, broken_run: Path, words: Callable
) -> None:
    make_run(name="good")
    page = open_page("runs")
    assert len(listed(page)) == 2
    said = words(page).replace("\\", "")
    assert broken_run.name in said
    assert "run.json" in said


def test_chosen_runs_are_laid_over_each_other(
    open_page: Callable, make_run: Callable, figures: Callable
) -> None:
    one = make_run(name="one", config={"learning_rate": 0.1, "seed": 0})
    two = make_run(name="two", config={"learning_rate": 0.2, "seed": 0})
    page = open_page("runs", compare=[one.name, two.name])
    drawn = figures(page)["Curves of the chosen runs"]["data"]
    assert [trace["name"] for trace in drawn] == ["one", "two"]
    assert drawn[0]["line"]["color"] != drawn[1]["line"]["color"]
    differences = page.dataframe[1].value
    assert list(differences.index) == ["learning_rate"]
    assert list(differences.iloc[0]) == ["0.1", "0.2"]


def test_every_setting_of_the_curves_is_in_the_address(
    open_page: Callable, make_run: Callable, figures: Callable
) -> None:
    run = make_run()
    page = open_page(
        "runs",
        compare=[run.name],
        compare_metric="accuracy",
        compare_split=["train"],
        compare_x="epoch",
        compare_smoothing="0.5",
        compare_log_y="true",
    )
    figure = figures(page)["Curves of the chosen runs"]
    assert figure["layout"]["xaxis"]["title"]["text"] == "epoch"
    assert figure["layout"]["yaxis"]["title"]["text"] == "accuracy"
    assert figure["layout"]["yaxis"]["type"] == "log"
    assert len(figure["data"]) == 2, "the raw curve and the smoothed one"


def test_a_name_in_the_address_that_is_no_run_is_passed_over(
    open_page: Callable, make_run: Callable, words: Callable
) -> None:
    make_run()
    assert "Tick one or more rows" in words(open_page("runs", compare=["<b>gone</b>"]))


def test_a_run_whose_log_is_damaged_does_not_hide_the_others(
    open_page: Callable, make_run: Callable, figures: Callable
) -> None:
    good, bad = make_run(name="good"), make_run(name="bad")
    for part in (bad / "scalars").glob("*.parquet"):
        part.write_bytes(part.read_bytes()[:40])
    page = open_page("runs", compare=[good.name, bad.name])
    assert "good" in [trace["name"] for trace in figures(page)["Curves of the chosen runs"]["data"]]


def test_a_chosen_run_goes_to_the_trash_and_comes_back(open_page: Callable, make_run: Callable) -> None:
    run = make_run(name="a")
    make_run(name="b")
    page = open_page("runs", compare=[run.name])
    page.button(key="runs_remove").click().run()
    assert not page.exception
    assert listed(page) == ["b"]
    page.button(key=f"restore_{run.name}").click().run()
    assert sorted(listed(page)) == ["a", "b"]


def test_the_trash_is_emptied_only_when_asked(open_page: Callable, make_run: Callable, runs: Path) -> None:
    run = make_run()
    page = open_page("runs", compare=[run.name])
    page.button(key="runs_remove").click().run()
    assert (runs / ".trash" / run.name).is_dir()
    page.button(key="trash_empty").click().run()
    assert not page.exception
    assert not (runs / ".trash" / run.name).exists()


def test_the_selection_is_cleared(open_page: Callable, make_run: Callable, words: Callable) -> None:
    run = make_run()
    page = open_page("runs", compare=[run.name])
    page.button(key="runs_clear").click().run()
    assert "Tick one or more rows" in words(page)
    assert "compare" not in page.query_params


def test_ticks_follow_their_runs_when_rows_move(open_page: Callable, make_run: Callable) -> None:
    run = make_run(name="one")
    page = open_page("runs", compare=[run.name])
    make_run(name="newer")
    page.run()
    row = listed(page).index("one")
    assert page.session_state["runs_table"]["selection"]["rows"] == [row]
