"""The command line and RunConfig say the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalog import Parameter
from training.arguments import command_line, command_text, config_from, parser
from training.config import ConfigError, RunConfig
from training.fields import GROUPS


def parsed(*words: str) -> RunConfig:
    return config_from(parser().parse_args(list(words)))


def test_no_options_are_the_default_configuration():
    assert parsed() == RunConfig()
    assert command_line(RunConfig()) == []


def test_options_reach_fields_and_settings():
    config = parsed(
        "--model", "mlp", "--hidden-width", "200", "--batch-norm", "--epochs", "3", "--tags", "a,b c"
    )
    assert config.model_settings["hidden_width"] == 200
    assert config.model_settings["batch_norm"] is True
    assert (config.epochs, config.tags) == (3, ("a", "b c"))


def test_the_command_line_holds_what_differs_from_the_defaults_and_nothing_else():
    config = RunConfig(optimizer="sgd").replace(hidden_width=200, seed=3)
    assert command_line(config) == ["--hidden-width", "200", "--optimizer", "sgd", "--seed", "3"]
    assert command_text(config).startswith("python -m training.train --hidden-width 200")


def test_options_change_the_configuration_they_start_from():
    start = RunConfig(optimizer="sgd", epochs=7)
    assert config_from(parser().parse_args(["--seed", "5"]), start) == start.replace(seed=5)


def test_a_flag_that_is_on_by_default_can_be_turned_off():
    start = RunConfig().replace(batch_norm=True)
    assert config_from(parser().parse_args(["--no-batch-norm"]), start).model_settings["batch_norm"] is False


def test_a_wrong_value_is_refused_as_by_the_configuration():
    with pytest.raises(ConfigError, match="epochs of the run is '0'; it must be between"):
        parsed("--epochs", "0")
    with pytest.raises(ConfigError, match="momentum is no setting of what is chosen"):
        parsed("--momentum", "0.5")


def test_help_lists_every_field_and_setting_under_its_group():
    text = parser().format_help()
    for group in GROUPS:
        assert f"\n{group}:\n" in text
    for each in RunConfig.fields():
        names = [each.name]
        for row in (each.table or ()) if each.settings else ():
            names += [parameter.name for parameter in row.parameters]
        for name in names:
            assert f"--{name.replace('_', '-')}" in text


# Read before anything is drawn: the checks of types draw random numbers, which hypothesis refuses.
FIELDS = {each.name: each for each in RunConfig.fields()}
ROWS = {name: {row.name: row for row in FIELDS[name].table} for name in ("optimizer", "schedule", "model")}


TAGS = st.text("abc -=", min_size=1, max_size=8).filter(lambda text: text.strip() != "--")


def values_of(parameter: Parameter) -> st.SearchStrategy:
    if parameter.kind == "flag":
        return st.booleans()
    if parameter.kind == "choice":
        return st.sampled_from(parameter.choices)
    if parameter.kind == "integer":
        return st.integers(
            int(parameter.low or 0), int(parameter.high if parameter.high is not None else 10**6)
        )
    if parameter.kind == "number":
        low, high = parameter.low, parameter.high
        return st.floats(low if low is not None else -1e6, high if high is not None else 1e6)
    return (
        st.text("abcdefghijklmnopqrstuvwxyz-_ ./'\"", max_size=20)
        .map(str.strip)
        .filter(lambda text: text != "--")
    )


@st.composite
def choices(draw: st.DrawFn) -> tuple[dict[str, str], dict[str, object]]:
    """Rows of some families, and changes of some fields and settings."""
    changes: dict[str, object] = {}
    chosen = {name: draw(st.sampled_from(list(ROWS[name]))) for name in ("optimizer", "schedule")}
    for name, rows in ROWS.items():
        row = rows[chosen.get(name, "mlp")]
        for parameter in row.parameters:
            if draw(st.booleans()):
                changes[parameter.name] = draw(values_of(parameter))
    for name in ("epochs", "learning_rate", "seed", "l1", "clip_norm", "early_stopping", "name", "group"):
        if draw(st.booleans()):
            changes[name] = draw(values_of(FIELDS[name].parameter))
    changes["tags"] = tuple(draw(st.lists(TAGS, max_size=3)))
    return chosen, changes


@settings(deadline=None, max_examples=30)
@given(choices())
def test_every_configuration_survives_the_command_line(drawn):
    chosen, changes = drawn
    config = RunConfig(**chosen).replace(**changes)
    assert parsed(*command_line(config)) == config


@pytest.mark.parametrize(
    ("typed", "said"),
    [("--hiden-width", "did you mean --hidden-width?"), ("stray", "--help lists what is known")],
)
def test_an_unknown_option_is_answered_with_the_nearest(typed, said, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args([typed, "3"])
    assert f"nothing is named {typed}; {said}" in capsys.readouterr().err
