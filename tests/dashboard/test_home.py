"""Home: with nothing, with finished runs, with one that trains, with a broken one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from dashboard.charts.descent import descend, descent_chart, height


def test_an_empty_home_says_what_to_do(open_page: Callable, words: Callable) -> None:
    page = open_page("home")
    assert "Nothing has been trained here yet" in words(page)
    assert "python -m training.train" in [code.value for code in page.code]
    assert not page.dataframe


def test_the_newest_runs_are_listed(open_page: Callable, make_run: Callable) -> None:
    names = [make_run(name=f"run {number}") for number in range(8)]
    table = open_page("home").dataframe[0].value
    assert len(names) > len(table) == 6


def test_what_trains_now_has_a_card_with_its_progress(
    open_page: Callable, make_run: Callable, words: Callable
) -> None:
    make_run(state="running", name="*live* one")
    page = open_page("home")
    assert any(r"\*live\* one" in link.value for link in page.page_link), "a name is data, not Markdown"
    assert page.progress[0].value == 100
    assert {metric.label for metric in page.metric} >= {"train loss", "validation loss"}
    assert "Nothing is training" not in words(page)


def test_a_finished_run_is_no_longer_training(
    open_page: Callable, make_run: Callable, words: Callable
) -> None:
    make_run()
    assert "Nothing is training" in words(open_page("home"))


def test_a_broken_run_is_mentioned_and_the_page_lives(
    open_page: Callable, make_run: Callable, broken_run: Path, words: Callable
) -> None:
    make_run()
    assert "1 of the runs can't be read" in words(open_page("home"))


def test_every_other_page_has_a_door(open_page: Callable) -> None:
    labels = {link.value for link in open_page("home").page_link}
    assert {"**New run**", "**Runs**", "**Run**"} <= labels


def test_the_picture_shows_a_descent_into_the_deeper_valley() -> None:
    figure = descent_chart()
    x, y = figure.data[1].x, figure.data[1].y
    side = np.linspace(-1.9, 1.9, 200)
    lowest = height(*np.meshgrid(side, side)).min()
    assert height(x[-1], y[-1]) < lowest + 0.01
    assert height(x[0], y[0]) > height(x[-1], y[-1]) + 1


def test_without_momentum_small_steps_only_go_down() -> None:
    path = descend((1.5, 1.5), learning_rate=0.01, momentum=0.0, steps=50)
    levels = height(path[:, 0], path[:, 1])
    assert (np.diff(levels) <= 1e-12).all()
