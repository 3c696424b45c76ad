"""The form as data: controls from the tables, an address that says the same, errors in their place."""

from __future__ import annotations

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from dashboard.form_state import (
    applicable,
    config_of,
    controls,
    given_of,
    place_of,
    problem_of,
    query_of,
    read_query,
    with_value,
)
from dashboard.panels.control import label_of, number_text, scale_of, step_of, widget_of
from dashboard.presets import PRESETS
from models.catalog import Parameter
from training.config import RunConfig


def control_named(name: str, given: dict) -> object:
    return next(item for item in controls(given) if item.name == name)


def test_an_untouched_form_is_the_default_configuration() -> None:
    assert config_of({}) == RunConfig()
    assert query_of({}) == {}


def test_every_field_and_every_setting_of_the_chosen_rows_has_a_control() -> None:
    for config in (RunConfig(), *(preset.config() for preset in PRESETS)):
        names = [item.name for item in controls(given_of(config))]
        wanted = {field.name for field in RunConfig.fields()} | set(config.settings)
        assert set(names) == wanted
        assert len(names) == len(set(names))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_is_a_valid_configuration_that_survives_the_address(preset: object) -> None:
    config = preset.config()  # type: ignore[attr-defined]
    given, problems = read_query(query_of(given_of(config)))
    assert not problems
    assert config_of(given) == config


def test_a_configuration_survives_the_form_to_the_last_digit() -> None:
    config = RunConfig(learning_rate=0.0012345678901234567, tags=("a", "b c"), transforms=("flip",)).replace(
        batch_norm=True, hidden_width=17
    )
    given, problems = read_query(query_of(given_of(config)))
    assert (config_of(given), problems) == (config, [])


def test_what_equals_the_default_is_left_out_of_the_address() -> None:
    moved = with_value({}, control_named("hidden_width", {}), 128)  # type: ignore[arg-type]
    assert query_of(moved) == {"hidden_width": "128"}
    back = with_value(moved, control_named("hidden_width", moved), 64)  # type: ignore[arg-type]
    assert query_of(back) == {}


def test_another_model_brings_its_own_settings_and_the_former_ones_wait() -> None:
    given = {"hidden_width": 128, "model": "linear"}
    assert "hidden_width" not in [item.name for item in controls(given)]
    assert applicable(given) == {"model": "linear"}
    assert applicable({**given, "model": "mlp"}) == {"hidden_width": 128}


def test_an_untouched_learning_rate_follows_the_optimizer() -> None:
    sgd, adam = (control_named("learning_rate", {"optimizer": name}) for name in ("sgd", "adam"))
    assert sgd.value != adam.value  # type: ignore[attr-defined]
    assert "learning_rate" not in query_of({"optimizer": "sgd"})


def test_a_value_that_no_row_has_is_told_and_the_rest_of_the_address_counts() -> None:
    given, problems = read_query({"model": "resnet2", "epochs": "7", "hidden_width": "many"})
    assert given == {"epochs": 7}
    assert "did you mean 'resnet20'?" in problems[0]
    assert "hidden_width" in problems[1]


def test_what_belongs_to_another_page_is_passed_over() -> None:
    assert read_query({"run": "x", "compare": "y"}) == ({}, [])


@hypothesis_given(
    st.dictionaries(st.sampled_from(["epochs", "model", "noise", "tags", "seed"]), st.text(max_size=30))
)
def test_no_address_breaks_the_form(query: dict[str, str]) -> None:
    given, _problems = read_query(query)
    controls(given)


def test_values_that_do_not_go_together_are_told_at_the_control_they_name() -> None:
    problem, place = problem_of({"batch_size": 512, "train_samples": 100})
    assert "512" in problem
    assert place in ("batch_size", "train_samples")
    assert problem_of({}) == ("", "")


def test_a_sentence_belongs_to_the_option_it_names_first() -> None:
    assert (
        place_of("batch_size is 9, more than train_samples", ["train_samples", "batch_size"]) == "batch_size"
    )
    assert place_of("nothing here", ["epochs"]) == ""
    assert place_of("the batch_sizes", ["batch_size"]) == ""  # whole words


PARAMETERS = [item.parameter for item in controls({})]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_every_option_has_a_widget_and_a_label(parameter: Parameter) -> None:
    assert widget_of(parameter) in ("choice", "flag", "text", "number", "slider", "log_slider")
    assert widget_of(parameter, exact=True) not in ("slider", "log_slider")
    assert label_of(parameter)[0].isupper()


@pytest.mark.parametrize(
    ("parameter", "widget"),
    [
        (Parameter("a", 1, "", "integer", low=0, high=20), "slider"),
        (Parameter("a", 0, "", "integer", low=0, high=10_000), "number"),
        (Parameter("a", 0, "", "integer", low=0), "number"),
        (Parameter("a", 1.0, "", low=1e-8, high=1.0, log=True), "log_slider"),
        (Parameter("a", 0.0, "", low=0.0, high=1.0), "number"),
        (Parameter("a", 0.15, "", low=0.01, high=0.9), "slider"),
        (Parameter("a", 15.0, "", low=0.0, high=180.0, step=1.0), "slider"),
        (Parameter("a", False, "", "flag"), "flag"),
        (Parameter("a", "x", "", "choice", choices=("x", "y")), "choice"),
        (Parameter("a", "", "", "path"), "text"),
    ],
)
def test_the_widget_follows_from_the_row(parameter: Parameter, widget: str) -> None:
    assert widget_of(parameter) == widget


def test_a_logarithmic_slider_has_round_stops_and_the_exact_value() -> None:
    stops = scale_of(Parameter("rate", 0.001, "", low=1e-4, high=0.1, log=True), 0.00123, 0.001)
    assert stops[0] == 1e-4
    assert stops[-1] == 0.1
    assert 0.00123 in stops
    assert stops == sorted(set(stops))
    whole = scale_of(Parameter("size", 64, "", "integer", low=1, high=1000, log=True), 100)
    assert {1, 32, 64, 100, 128, 512, 1000} <= set(whole)
    assert all(isinstance(stop, int) for stop in whole)


def test_a_slider_moves_in_round_steps() -> None:
    assert step_of(Parameter("a", 0.5, "", low=0.01, high=0.9)) == 0.01
    assert step_of(Parameter("a", 3, "", "integer", low=0, high=9)) == 1
    assert step_of(Parameter("a", 0.5, "", low=0.0, high=1.0, step=0.05)) == 0.05


def test_numbers_are_short_and_exact() -> None:
    assert [number_text(value) for value in (0.003, 1e-8, 4096, 1.0, 0.00123)] == [
        "0.003",
        "1e-08",
        "4,096",
        "1",
        "0.00123",
    ]
