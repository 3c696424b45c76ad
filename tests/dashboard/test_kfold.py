"""The page of K-folds: a form that starts one, a study while it trains and after, two compared."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard import kfold_study
from tests.training import fold_studies
from training import kfold
from training.fold_schemes import fold_plan

BASE = ["--dataset", "digits", "--epochs", "2", "--visdom", "off", "--way", "alone", "--engine", "serial"]
NAMES = {
    "linear": ["--model", "linear", "--folds", "3"],
    "wide": ["--model", "linear", "--folds", "3", "--seed", "1"],
    "hold-out": ["--model", "linear", "--scheme", "holdout"],
    "nested": [
        *("--model", "linear", "--scheme", "nested", "--folds", "2", "--inner-folds", "2"),
        *("--set", "learning_rate=0.1,0.001", "--dataset", "iris", "--batch-size", "16"),
    ],
    "repeated": ["--model", "linear", "--scheme", "repeated", "--folds", "2", "--repeats", "2"],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Finished studies by the names above, each in a folder of runs of its own."""
    made = {}
    for name, options in NAMES.items():
        folder = tmp_path_factory.mktemp(name)
        assert kfold.main([*BASE, *options, "--runs", str(folder)]) == 0
        made[name] = folder
    return made


@pytest.fixture
def study(trained: dict[str, Path], runs: Path) -> Iterator[Callable[[str], str]]:
    """study("linear") puts that study among the runs and gives its id."""
    kfold_study._KNOWN.clear()

    def put(name: str) -> str:
        for folder in trained[name].iterdir():
            shutil.copytree(folder, runs / folder.name)
        (led,) = [folder for folder in trained[name].iterdir() if (folder / "folds").is_dir()]
        return led.name

    yield put
    kfold_study._KNOWN.clear()


@pytest.fixture
def said(words: Callable) -> Callable[[Any], str]:
    return lambda page: words(page).replace("\\", "")


def test_without_studies_the_page_offers_an_example_and_the_form(open_page: Callable, said: Callable) -> None:
    page = open_page("kfold")
    assert "No K-fold yet" in said(page)
    assert [button.label for button in page.button if button.key == "kfold_example"]
    assert "python -m training.kfold --epochs 20 --folds 10" in page.code[0].value


def test_the_form_is_the_address_and_the_command(
    open_page: Callable, figures: Callable, said: Callable
) -> None:
    page = open_page("kfold", study="new", kfold_model="linear", kfold_folds="4", kfold_epochs="7")
    command = page.code[0].value
    assert "--model linear" in command
    assert "--epochs 7 --folds 4" in command
    assert "4 trainings" in said(page)
    assert "Who would be in which fold" in figures(page)


def test_what_a_study_cannot_be_is_said_before_it_starts(open_page: Callable, said: Callable) -> None:
    page = open_page("kfold", study="new", kfold_folds="999")
    assert "fewer than the 999 parts" in said(page)
    assert page.button(key="kfold_start").disabled


def test_a_wrong_setting_in_the_address_is_answered_in_a_sentence(
    open_page: Callable, said: Callable
) -> None:
    page = open_page("kfold", study="new", kfold_folds="many", kfold_model="no such")
    assert "folds of the address is 'many'" in said(page)
    assert "no such" in said(page)
    assert "--folds 10" in page.code[0].value, "the default stands in its place"


def test_nested_folds_ask_for_candidates(open_page: Callable, said: Callable) -> None:
    page = open_page("kfold", study="new", kfold_scheme="nested", kfold_folds="3")
    assert "--scheme nested" in page.code[0].value
    assert "--set learning_rate=0.01,0.001" in page.code[0].value
    assert "21 trainings" in said(page), "3 folds, each after 2 candidates on 3 inner folds"


def test_an_unknown_study_is_said_with_the_nearest(
    study: Callable, open_page: Callable, said: Callable
) -> None:
    study("linear")
    assert "no such" in said(open_page("kfold", study="no such"))


def test_a_run_that_is_no_study_leads_to_its_own_page(
    make_run: Callable, open_page: Callable, said: Callable
) -> None:
    assert "no K-fold" in said(open_page("kfold", study=make_run().name))


def test_a_study_says_what_its_score_is_worth(
    study: Callable, open_page: Callable, figures: Callable, said: Callable
) -> None:
    page = open_page("kfold", study=study("linear"))
    assert "95% interval" in said(page)
    assert "corrected for training parts that overlap" in said(page)
    assert "1,797 samples are right" in said(page)
    assert "Trained one by one" in said(page)
    drawn = figures(page)
    assert [trace["name"] for trace in drawn["Curves of the folds"]["data"]][1:4] == [
        "fold 1",
        "fold 2",
        "fold 3",
    ]
    assert "Scores of the folds" in drawn
    table = page.dataframe[0].value
    assert list(table["fold"]) == ["fold 1", "fold 2", "fold 3"]
    assert list(table["state"]) == [["finished"]] * 3
    assert table["test"].between(30, 100).all(), "in percent"
    assert list(table["test_size"]) == [599, 599, 599]


def test_the_score_is_chosen_before_a_fold_has_logged_it(
    study: Callable, open_page: Callable, figures: Callable, runs: Path
) -> None:
    identity = study("linear")
    for folder in runs.iterdir():
        if folder.name != identity:
            shutil.rmtree(folder)
    page = open_page("kfold", study=identity)
    metric = next(box for box in page.button_group if box.key == "kfold_metric")
    assert metric.value in ("accuracy", ["accuracy"]), "it would stay at another once it is there"
    assert list(page.dataframe[0].value["state"]) == [["waiting"]] * 3


def test_the_split_is_drawn_with_all_its_parts(
    study: Callable, open_page: Callable, figures: Callable
) -> None:
    page = open_page("kfold", study=study("repeated"), kfold_tab="Split")
    figure = figures(page)["Who is in which fold"]
    assert [trace["name"] for trace in figure["data"][1:]] == ["train", "validation", "test"]
    assert figure["layout"]["yaxis"]["ticktext"][-1] == "repeat 2 · fold 2"
    assert figure["layout"]["xaxis"]["ticktext"] == [str(digit) for digit in range(10)]


def test_classes_show_confusion_rates_and_honesty(
    study: Callable, open_page: Callable, figures: Callable
) -> None:
    page = open_page("kfold", study=study("linear"), kfold_tab="Classes", kfold_class="3")
    drawn = figures(page)
    assert {"Pooled confusion matrix", "ROC", "Precision and recall"} <= set(drawn)
    assert drawn["ROC"]["layout"]["title"]["text"] == "ROC: 3 against the rest"
    assert "Stated confidence against what is right" in drawn


def test_a_choice_in_the_address_is_named_as_it_is_or_as_it_is_shown(
    study: Callable, open_page: Callable, said: Callable
) -> None:
    identity = study("linear")
    for spelling in ("target", "share of the true class"):
        page = open_page("kfold", study=identity, kfold_tab="Classes", kfold_norm=spelling)
        assert page.segmented_control(key="kfold_norm").value == "target"
        assert page.query_params["kfold_norm"] == "target", "a link means the same in every language"
    page.segmented_control(key="kfold_norm").set_value("counts").run()
    assert "kfold_norm" not in page.query_params
    wrong = open_page("kfold", study=identity, kfold_tab="Classes", kfold_norm="rows")
    assert "'rows'; it can be counts, target, prediction" in said(wrong)


def test_where_numbers_are_predicted_no_tab_speaks_of_classes(
    runs: Path, open_page: Callable, figures: Callable
) -> None:
    table = runs.parent / "line.csv"
    table.write_text("x,y\n" + "".join(f"{x / 40},{x / 10}\n" for x in range(40)))
    options = [*BASE, "--dataset", "table", "--path", str(table), "--target", "y", "--model", "linear"]
    assert kfold.main([*options, "--batch-size", "8", "--folds", "2", "--runs", str(runs)]) == 0
    identity = next(folder.name for folder in runs.iterdir() if (folder / "folds").is_dir())
    page = open_page("kfold", study=identity, kfold_tab="Predictions")
    assert [tab.label for tab in page.tabs][2] == "Predictions"
    assert "Out-of-fold predictions over targets" in figures(page)


def test_folds_that_failed_are_marked_with_the_reason_and_left_out_of_the_count(
    runs: Path, open_page: Callable, figures: Callable, said: Callable
) -> None:
    plan = fold_plan("stratified", fold_studies.CLASSES, None, 150, 5)
    some, every = fold_studies.study(runs, plan), fold_studies.study(runs, plan)
    for place in range(5):
        state = "failed" if place in (0, 2) else "finished"
        fold_studies.member(runs, some, plan, place, state=state)
        fold_studies.member(runs, every, plan, place, state="failed")
    page = open_page("kfold", study=some)
    assert "3 of 5 folds:" in said(page)
    assert "Folds 1, 3 failed: the loss became nan at step 3" in said(page)
    names = [trace["name"] for trace in figures(page)["Curves of the folds"]["data"]]
    assert {"failed", "mean of 3"} <= set(names)
    assert "Of 3 of 5 folds: 90 predictions" in said(open_page("kfold", study=some, kfold_tab="Classes"))
    for tab in ("Folds", "Classes", "Hard samples", "Compare", "Seeds"):
        page = open_page("kfold", study=every, kfold_tab=tab, kfold_with=some)
        assert "No fold has a score, and none will come" in said(page)
        assert "appears when two folds have finished" not in said(page)


def test_hard_samples_are_pictures_and_one_says_which_networks_miss_it(
    study: Callable, open_page: Callable, figures: Callable, said: Callable
) -> None:
    identity = study("repeated")
    page = open_page("kfold", study=identity, kfold_tab="Hard samples")
    figure = figures(page)["Samples that the networks get wrong"]
    keys = figure["data"][-1]["customdata"]
    assert len(figure["layout"]["images"]) == len(keys) == 48
    assert f"Sample {keys[0]:,}** is" in said(page)
    assert "2 of 2 networks miss it" in said(page)
    other = open_page("kfold", study=identity, kfold_tab="Hard samples", kfold_sample=str(keys[3]))
    assert f"Sample {keys[3]:,}** is" in said(other)
    assert next(iter(other.dataframe[0].value["network"])).startswith("repeat 1 · fold")
    wrong = open_page("kfold", study=identity, kfold_tab="Hard samples", kfold_sample="²")
    assert "kfold_sample in the address is '²'" in said(wrong)


def test_one_split_says_what_it_is_worth_and_what_it_leaves_open(
    study: Callable, open_page: Callable, said: Callable
) -> None:
    page = open_page("kfold", study=study("hold-out"))
    assert "samples are right, each judged by a network that never saw it" in said(page)
    assert "only more folds can say" in said(page)
    assert "appears when two folds have finished" not in said(page), "it never would"


def test_nested_folds_show_what_each_chose(study: Callable, open_page: Callable, said: Callable) -> None:
    page = open_page("kfold", study=study("nested"))
    assert "nested 2-fold" in said(page)
    assert set(page.dataframe[0].value["chose"]) <= {"learning rate 0.1", "learning rate 0.001"}


def test_two_studies_of_the_same_folds_are_compared(
    study: Callable, open_page: Callable, figures: Callable, said: Callable
) -> None:
    first, second = study("linear"), study("wide")
    page = open_page("kfold", study=first, kfold_tab="Compare", kfold_with=second)
    assert {"Difference of the scores in each fold", "What is believed of the difference"} <= set(
        figures(page)
    )
    titles = " ".join(box.label for box in page.expander)
    assert "Corrected paired t test" in titles
    assert "McNemar" in titles
    assert "The seeds differ" in said(page)


def test_studies_of_other_folds_are_refused_with_the_way_out(
    study: Callable, open_page: Callable, said: Callable
) -> None:
    first, second = study("linear"), study("repeated")
    page = open_page("kfold", study=first, kfold_tab="Compare", kfold_with=second)
    assert "one has 3 folds and the other 4" in said(page)
    assert (
        "no other study here is named"
        in said(open_page("kfold", study=first, kfold_tab="Compare", kfold_with="nobody")).lower()
    )


def test_seeds_are_told_from_samples(
    study: Callable, open_page: Callable, figures: Callable, said: Callable
) -> None:
    first, _ = study("linear"), study("wide")
    page = open_page("kfold", study=first, kfold_tab="Seeds")
    assert "Scores by fold and seed" in figures(page)
    assert "of the variance is the folds'" in said(page)
    assert "--seed 2" in page.code[0].value


def test_the_tests_are_tried_on_equal_learners(
    study: Callable, open_page: Callable, figures: Callable
) -> None:
    page = open_page("kfold", study=study("linear"), kfold_tab="Tests on trial", kfold_alarm_studies="100")
    assert {"False alarms of each test", "Coverage of each interval"} <= set(figures(page))


def test_a_damaged_study_is_said_and_the_page_stays(
    study: Callable, open_page: Callable, said: Callable, runs: Path
) -> None:
    identity = study("linear")
    (runs / identity / "folds" / "assignment.parquet").write_bytes(b"torn")
    assert "assignment.parquet" in said(open_page("kfold", study=identity))


def test_a_form_from_a_study_has_its_settings(study: Callable, open_page: Callable) -> None:
    page = open_page("kfold", study="new", kfold_from=study("wide"))
    command = page.code[0].value
    assert "--model linear" in command
    assert "--seed 1" in command
    assert "--folds 3" in command
    assert "--way alone" in command
