"""The page of K-folds in a browser: the example starts with one click and is watched; samples answer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.places import place_of
from training import kfold

OPTIONS = ["--model", "linear", "--epochs", "2", "--visdom", "off", "--way", "alone", "--engine", "serial"]


@pytest.fixture(scope="module")
def study(dashboard: Any) -> str:
    """A finished study of two repeats of two folds."""
    options = [
        *OPTIONS,
        "--scheme",
        "repeated",
        "--folds",
        "2",
        "--repeats",
        "2",
        "--runs",
        str(dashboard.runs),
    ]
    before = set(dashboard.runs.iterdir())
    assert kfold.main(options) == 0
    (led,) = [folder for folder in set(dashboard.runs.iterdir()) - before if (folder / "folds").is_dir()]
    return led.name


def test_the_example_starts_with_one_click_and_is_watched_to_its_end(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("kfold"))
    page.get_by_role("button", name="Start the example").click()
    expect(page).to_have_url(re.compile("study=.*digits"), timeout=60_000)
    expect(page.get_by_text("95% interval").first).to_be_visible(timeout=90_000)
    expect(page.get_by_text("finished").first).to_be_visible(timeout=90_000)
    expect(page.get_by_role("figure", name="Curves of the folds").locator(".trace").first).to_be_visible()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_disabled()


def test_the_page_is_readable_in_both_appearances(new_page: Any, dashboard: Any, study: str) -> None:
    for scheme in ("light", "dark"):
        page = new_page(color_scheme=scheme)
        page.goto(dashboard.page("kfold", study=study))
        expect(page.get_by_role("figure", name="Scores of the folds").locator(".trace").first).to_be_visible()
        expect(page.get_by_text("corrected for training parts that overlap").first).to_be_visible()


def test_a_click_on_a_sample_says_which_networks_miss_it(page: Any, dashboard: Any, study: str) -> None:
    page.goto(dashboard.page("kfold", study=study, kfold_tab="Hard+samples"))
    gallery = page.get_by_role("figure", name="Samples that the networks get wrong")
    points = gallery.locator(".scatterlayer .trace").last.locator("path.point")
    expect(points.nth(5)).to_be_visible()
    box = place_of(points.nth(5))
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile(r"kfold_sample=\d+"))
    sample = re.search(r"kfold_sample=(\d+)", page.url)
    assert sample is not None
    expect(page.get_by_text(f"Sample {int(sample[1]):,}", exact=True)).to_be_visible()


def test_a_setting_of_the_form_is_in_the_address_and_comes_back(
    page: Any, dashboard: Any, study: str
) -> None:
    page.goto(dashboard.page("kfold", study="new"))
    folds = page.get_by_label("Folds", exact=True)
    folds.fill("4")
    folds.press("Enter")
    expect(page).to_have_url(re.compile("kfold_folds=4"))
    expect(page.get_by_text("4 trainings").first).to_be_visible()
    page.reload()
    expect(page.get_by_text("4 trainings").first).to_be_visible()


def test_the_list_of_runs_shows_the_study_as_one_row_that_leads_to_its_page(
    page: Any, dashboard: Any, study: str
) -> None:
    page.goto(dashboard.page("run", run=study))
    page.get_by_role("link", name=re.compile("all 4 trainings")).click()
    expect(page).to_have_url(re.compile(f"kfold.*study={study}"))
    expect(page.get_by_text("corrected for training parts that overlap").first).to_be_visible()
