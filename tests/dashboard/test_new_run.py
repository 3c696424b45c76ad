"""The form's page: it says what it stands for, refuses what can't be, and starts what can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.data_look import look_at
from dashboard.network_look import network_look
from dashboard.panels.time_estimate import Trials, work_of
from models.zoo import MODELS
from training.config import RunConfig
from training.datasets import DATASETS
from training.estimate import Estimate

Open = Callable[..., AppTest]
Words = Callable[[AppTest], str]


@pytest.fixture(autouse=True)
def no_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started to time a few steps."""
    estimate = Estimate(60.0, "a guess of the test")
    monkeypatch.setattr("dashboard.panels.time_estimate.from_runs", lambda config, rows: estimate)


def command(page: AppTest) -> str:
    return str(page.code[0].value)


def start_button(page: AppTest) -> Any:
    return page.button(key="new_run_start")


def test_the_command_follows_the_sliders(open_page: Open) -> None:
    page = open_page("new_run")
    assert command(page) == "python -m training.train"
    page.select_slider(key="new_run_mlp_hidden_width").set_value(128).run()
    assert command(page) == "python -m training.train --hidden-width 128"
    assert page.query_params["hidden_width"] == "128"


def test_another_model_shows_its_own_settings(open_page: Open) -> None:
    page = open_page("new_run")
    page.selectbox(key="new_run_run_model").select("lenet5").run()
    assert not page.exception
    assert page.selectbox(key="new_run_lenet5_activation").value == "tanh"
    with pytest.raises(KeyError):
        page.select_slider(key="new_run_mlp_hidden_width")
    assert "--model lenet5" in command(page)


def test_a_link_fills_the_form(open_page: Open) -> None:
    page = open_page("new_run", epochs="7", learning_rate="0.0123", optimizer="sgd", group="linked")
    assert page.select_slider(key="new_run_run_learning_rate").value == 0.0123
    assert page.text_input(key="new_run_run_group").value == "linked"
    assert not page.warning


def test_a_link_with_a_wrong_name_says_the_nearest(open_page: Open, words: Words) -> None:
    page = open_page("new_run", model="resnet2", epochs="7")
    assert "resnet20" in words(page)
    assert "--epochs 7" in command(page)


def test_what_can_not_be_trained_is_told_where_it_belongs_and_not_started(
    open_page: Open, words: Words, runs: Path
) -> None:
    page = open_page("new_run", batch_size="512", train_samples="100")
    assert start_button(page).disabled
    assert len(page.error) == 2  # in the form, and where the button is
    assert "512" in page.error[0].value
    assert not list(runs.iterdir())


def test_a_preset_fills_the_form(open_page: Open) -> None:
    page = open_page("new_run", epochs="99")
    page.button(key="preset_two_moons").click().run()
    assert "--dataset two_moons" in command(page)
    assert "99" not in command(page)
    assert page.query_params["dataset"] == "two_moons"


def test_the_form_starts_from_a_run(open_page: Open, make_run: Any) -> None:
    config = RunConfig(epochs=3, name="first").replace(hidden_width=99)
    run = make_run(config=config.to_dict())
    page = open_page("new_run", **{"from": run.name})
    assert "--hidden-width 99" in command(page)
    assert "--epochs 3" in command(page)
    assert "first" not in command(page)  # a name of its own


def test_a_run_of_another_program_is_no_start_for_the_form(
    open_page: Open, make_run: Any, words: Words
) -> None:
    run = make_run(config={"their": "own"})
    page = open_page("new_run", **{"from": run.name})
    assert "another program" in words(page)
    assert command(page) == "python -m training.train"


def test_the_button_launches_this_configuration(
    open_page: Open, make_run: Any, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(name="just started")
    asked = []

    def launch(config: RunConfig, folder: Path, data: Path) -> str:
        asked.append((config, folder))
        return str(run.name)

    monkeypatch.setattr("training.launch.launch", launch)
    page = open_page("new_run", epochs="4")
    start_button(page).click().run()
    assert asked == [(RunConfig(epochs=4), runs)]
    assert page.title[0].value == "just started"


def test_a_training_that_does_not_start_says_why(
    open_page: Open, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.launch import LaunchError

    def launch(*_: Any) -> str:
        raise LaunchError("the training did not start: no such data")

    monkeypatch.setattr("training.launch.launch", launch)
    page = open_page("new_run")
    start_button(page).click().run()
    assert "no such data" in words(page)


def test_exact_numbers_can_be_typed(open_page: Open) -> None:
    page = open_page("new_run")
    page.toggle(key="new_run_exact").set_value(True).run()
    page.number_input(key="new_run_run_learning_rate").set_value(0.00456).run()
    assert "--learning-rate 0.00456" in command(page)


@pytest.mark.parametrize("model", MODELS, ids=lambda row: row.name)
def test_the_network_is_as_large_as_its_table_says(model: Any) -> None:
    inputs, outputs = model.example()
    settings = {parameter.name: parameter.default for parameter in model.parameters}
    layers = network_look(model.name, settings, tuple(inputs.shape[1:]), outputs)
    assert sum(layer.parameters for layer in layers) == model.parameter_count
    assert all(layer.name and layer.shape for layer in layers)


@pytest.mark.parametrize("name", ["digits", "two_moons", "spirals"])
def test_a_data_set_that_is_here_shows_samples(name: str, tmp_path: Path) -> None:
    settings = {parameter.name: parameter.default for parameter in DATASETS[name].parameters}
    looked = look_at(name, settings, "auto", 0, tmp_path)
    assert looked.samples > 0
    assert looked.outputs >= 1
    assert looked.pictures is not None or looked.points is not None


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda row: row.name)
def test_looking_at_a_data_set_downloads_nothing(
    dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a page must not call another machine")

    monkeypatch.setattr("socket.socket.connect", refuse)
    settings = {parameter.name: parameter.default for parameter in dataset.parameters}
    looked = look_at(dataset.name, settings, "auto", 0, tmp_path)
    assert looked.title == dataset.title
    assert list(tmp_path.iterdir()) == []
    if dataset.download_bytes:
        assert looked.pictures is None
        assert looked.outputs  # from the hints, so that the network's size can be told


def test_equal_work_shares_a_trial_and_more_epochs_are_no_other_work() -> None:
    assert work_of(RunConfig(epochs=3, name="x")) == work_of(RunConfig(epochs=300))
    assert work_of(RunConfig()) != work_of(RunConfig().replace(hidden_width=65))


def test_a_trial_is_asked_once_for_the_same_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def trial(config: RunConfig, data: Path) -> Estimate:
        asked.append(config.epochs)
        return Estimate(1.0, "test")

    monkeypatch.setattr("dashboard.panels.time_estimate.from_trial", trial)
    trials = Trials()
    first = trials.ask(RunConfig(epochs=10), tmp_path)
    assert first.result(10).seconds == 1.0
    assert trials.ask(RunConfig(epochs=20), tmp_path) is first
    assert asked == [1]


def test_a_network_of_pictures_on_points_is_refused_before_it_is_started(
    open_page: Open, words: Words
) -> None:
    page = open_page("new_run", model="lenet5", dataset="two_moons")
    assert start_button(page).disabled
    assert "lenet5 needs images" in words(page).replace("\\", "")


def test_data_that_can_not_be_read_is_told_before_it_is_started(open_page: Open, words: Words) -> None:
    page = open_page("new_run", dataset="table", path="no/such/file.csv")
    assert start_button(page).disabled
    assert "file.csv" in words(page).replace("\\", "")
