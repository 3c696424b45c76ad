"""The page of one run: finished, running, failed, foreign, broken, removed, unknown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from logs.catalog import RunCatalog
from logs.labels import read_labels
from logs.requests import waiting_requests
from logs.writer import RunWriter

Open = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Figures = Callable[[AppTest], dict[str, dict[str, Any]]]

NAMES = ["zero", "one", "two"]


@pytest.fixture
def full_run(runs: Path) -> Path:
    """A finished run with one of everything that a training logs, in three epochs."""
    generator = np.random.default_rng(0)
    with RunWriter.create(
        runs, model="mlp", dataset="digits", config={"model": "mlp", "dataset": "digits"}
    ) as run:
        for epoch in (1, 2, 3):
            step = 10 * epoch
            run.log(step, {"loss": 1 / epoch, "accuracy": epoch / 4}, split="train", epoch=epoch)
            run.log(step, {"epoch_loss": 1.1 / epoch}, split="train", epoch=epoch)
            run.log(step, {"loss": 1.2 / epoch, "accuracy": epoch / 5}, split="validation", epoch=epoch)
            run.log(step, {"learning_rate": 0.1, "gradient_norm": 2.0}, epoch=epoch)
            picture = np.full((8, 8), 60 * epoch, np.uint8)
            run.image(step, "predictions", picture, "validation", epoch=epoch, caption=f"epoch *{epoch}*")
            for name in (
                "weights/hidden.linear1.weight",
                "gradients/hidden.linear1.weight",
                "weights/output.bias",
            ):
                run.histogram(step, name, *np.histogram(generator.normal(0, epoch, 100), 16), epoch=epoch)
            counts = np.diag([epoch, 5, 5]) + np.eye(3)[::-1]
            run.matrix(step, "confusion", counts, NAMES, split="validation", epoch=epoch)
        target = np.array([0, 1, 2, 2])
        said = np.array([0, 1, 0, 1])
        chances = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.6, 0.2, 0.2], [0.05, 0.93, 0.02]])
        run.predictions(
            "test",
            index=[7, 8, 9, 11],
            target=target,
            prediction=said,
            probabilities=chances,
            step=30,
            epoch=3,
        )
    return Path(run.directory.path)


def button(page: AppTest, key: str) -> Any:
    return page.button(key=key)


def test_without_a_run_the_page_says_how_to_start_one(open_page: Open, words: Words) -> None:
    assert "No run yet" in words(open_page("run"))


def test_without_a_choice_the_page_offers_the_runs(open_page: Open, make_run: Any, words: Words) -> None:
    run = make_run(name="alpha")
    page = open_page("run")
    assert any("alpha" in item.value for item in page.get("page_link"))
    page.selectbox[0].select(run.name).run()
    assert page.query_params["run"] == run.name
    assert page.title[0].value == "alpha"


def test_an_unknown_run_is_answered_with_the_nearest(open_page: Open, make_run: Any, words: Words) -> None:
    run = make_run()
    page = open_page("run", run=run.name[:-1] + "~")
    assert run.name in words(page).replace("\\", "")
    assert not page.tabs


def test_a_finished_run_shows_its_state_curves_and_figures(
    open_page: Open, full_run: Path, words: Words, figures: Figures
) -> None:
    page = open_page("run", run=full_run.name)
    assert "finished" in words(page)
    assert list(figures(page)) == ["loss", "accuracy", "learning rate", "gradient norm"]
    loss = figures(page)["loss"]
    assert [line["name"] for line in loss["data"]] == ["train", "train (epoch)", "validation"]
    assert any(metric.label == "best validation accuracy" for metric in page.metric)


def test_buttons_that_do_not_apply_are_off_and_say_why(open_page: Open, full_run: Path) -> None:
    page = open_page("run", run=full_run.name)
    assert button(page, "run_stop").disabled
    assert "isn't running" in button(page, "run_stop").help
    assert button(page, "run_resume").disabled
    assert "finished" in button(page, "run_resume").help


def test_a_running_run_can_be_stopped_and_not_removed(open_page: Open, make_run: Any) -> None:
    run = make_run(state="running")
    page = open_page("run", run=run.name)
    assert not button(page, "run_stop").disabled
    button(page, "run_stop").click().run()
    from logs.directory import RunDirectory

    asked = waiting_requests(RunDirectory(run))
    taken = RunCatalog(run.parent).find(run.name).state  # its own thread may have taken the request already
    assert asked or taken in ("running", "stopped")


def test_a_failed_run_says_why(open_page: Open, make_run: Any, words: Words) -> None:
    run = make_run(state="failed")
    assert "it broke" in words(open_page("run", run=run.name))


def test_a_removed_run_can_be_brought_back_from_its_own_page(
    open_page: Open, full_run: Path, runs: Path, words: Words
) -> None:
    page = open_page("run", run=full_run.name)
    button(page, "run_remove").click().run()
    assert not full_run.exists()
    assert "in the trash" in words(page)
    button(page, "run_undo").click().run()
    assert full_run.exists()
    assert page.tabs


def test_name_tags_and_note_are_kept_beside_the_run(open_page: Open, full_run: Path) -> None:
    from logs.directory import RunDirectory

    page = open_page("run", run=full_run.name)
    next(item for item in page.text_input if item.label == "Name").set_value("renamed")
    page.text_area[0].set_value("why")
    next(item for item in page.button if item.label == "Save").click().run()
    labels = read_labels(RunDirectory(full_run))
    assert (labels.name, labels.note) == ("renamed", "why")
    assert page.title[0].value == "renamed"


def test_pictures_follow_the_newest_and_stay_where_a_person_put_them(open_page: Open, full_run: Path) -> None:
    page = open_page("run", run=full_run.name, run_tab="Pictures")
    page.session_state["run_tab"] = "Pictures"  # a browser sends the open tab with each rerun
    slider = page.select_slider(key="run_picture_step")
    assert slider.value == 30
    slider.set_value(20).run()
    assert page.select_slider(key="run_picture_step").value == 20
    page.run()
    assert page.select_slider(key="run_picture_step").value == 20


def test_histograms_are_chosen_by_kind_and_layer(open_page: Open, full_run: Path, figures: Figures) -> None:
    page = open_page("run", run=full_run.name, run_tab="Weights")
    assert page.selectbox(key="run_layer").options == ["hidden.linear1.weight", "output.bias"]
    figure = figures(page)["weights/hidden.linear1.weight over time"]
    assert figure["data"][0]["type"] == "heatmap"
    page = open_page("run", run=full_run.name, run_tab="Weights", run_histogram_kind="gradients")
    assert page.selectbox(key="run_layer").options == ["hidden.linear1.weight"]


def test_the_confusion_matrix_names_classes_and_mistakes(
    open_page: Open, full_run: Path, figures: Figures
) -> None:
    page = open_page("run", run=full_run.name, run_tab="Confusion")
    assert figures(page)["Confusion matrix"]["data"][0]["type"] == "heatmap"
    mistakes = page.dataframe[0].value
    assert list(mistakes["class"]) == ["zero", "two"]
    shares = open_page("run", run=full_run.name, run_tab="Confusion", run_confusion_norm="target")
    assert shares.selectbox(key="run_confusion_norm").value == "target", "by its name, as on the K-fold page"


def test_test_samples_begin_with_the_most_confident_mistake(
    open_page: Open, full_run: Path, words: Words
) -> None:
    page = open_page("run", run=full_run.name, run_tab="Test samples")
    assert "2 of 4" in words(page)
    frame = page.dataframe[0].value
    assert list(frame["index"]) == [11, 9]
    assert list(frame["prediction"]) == ["one", "zero"]


@pytest.mark.parametrize(
    "tab",
    ["Curves", "Pictures", "Weights", "Confusion", "Test samples", "Configuration", "Checkpoints", "Output"],
)
def test_a_run_of_three_lines_has_every_tab(open_page: Open, runs: Path, words: Words, tab: str) -> None:
    run = RunWriter.create(runs, model="theirs", dataset="own")
    run.log(1, {"loss": 0.5})
    run.finish()
    page = open_page("run", run=run.directory.id, run_tab=tab)
    assert not page.error
    assert button(page, "run_again").disabled
    if tab in ("Pictures", "Weights", "Confusion", "Test samples", "Checkpoints", "Output", "Configuration"):
        assert page.info or tab == "Configuration"


def test_a_broken_run_says_what_is_wrong_and_can_be_removed(
    open_page: Open, broken_run: Path, words: Words
) -> None:
    page = open_page("run", run=broken_run.name)
    assert "run.json" in words(page).replace("\\", "")
    button(page, "run_remove").click().run()
    assert not broken_run.exists()


def test_markup_in_names_and_captions_stays_text(open_page: Open, make_run: Any) -> None:
    run = make_run(name="**bold** <b>x</b> $y$")
    page = open_page("run", run=run.name)
    assert "**bold**" not in page.title[0].value
    assert page.title[0].value.replace("\\", "") == "**bold** <b>x</b> $y$"
