"""What `--set` understands, and what it refuses with a sentence."""

from __future__ import annotations

import math

import pytest

from training.config import ConfigError, RunConfig
from training.search_space import SearchSpace, shown_value


def space(*texts: str, start: RunConfig | None = None) -> SearchSpace:
    return SearchSpace.parse(texts, start or RunConfig())


def test_values_have_the_type_of_their_field() -> None:
    found = space(
        "hidden-width=16,64", "learning_rate=0.1,1e-3", "batch_norm=true,false", "optimizer=sgd,adam"
    )
    assert [each.values for each in found.dimensions] == [
        (16, 64),
        (0.1, 0.001),
        (True, False),
        ("sgd", "adam"),
    ]


def test_ranges_reach_from_end_to_end() -> None:
    found = space(
        "learning_rate=log:1e-4:1e-1", "dropout=0:0.5", "hidden_layers=int:1:3", "batch_size=log:8:256"
    )
    rate, dropout, layers, batch = found.dimensions
    shares = [place / 1000 for place in range(1001)]
    assert (rate.at(0), rate.at(1)) == (1e-4, 1e-1)
    assert rate.at(0.5) == pytest.approx(math.sqrt(1e-5), rel=1e-3)  # the middle of a logarithmic scale
    assert (dropout.at(0), dropout.at(0.5), dropout.at(1)) == (0, 0.25, 0.5)
    counts = [[layers.at(share) for share in shares].count(number) for number in (1, 2, 3)]
    assert max(counts) - min(counts) <= 2  # every whole number is as likely, the ends too
    assert {type(batch.at(share)) for share in shares} == {int}
    assert (batch.at(0), batch.at(1)) == (8, 256)


def test_a_grid_has_every_combination_and_the_asked_number_of_points() -> None:
    grid = space("learning_rate=log:1e-4:1e-1:4", "hidden_layers=int:1:3").grid()
    assert len(grid) == 12
    assert [point["learning_rate"] for point in grid[::3]] == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert [point["hidden_layers"] for point in grid[:3]] == [1, 2, 3]


def test_a_setting_may_belong_to_a_choice_that_varies_too() -> None:
    found = space("optimizer=momentum,nesterov", "momentum=0.5:0.9")
    config = found.config(RunConfig(), {"optimizer": "nesterov", "momentum": 0.7})
    assert (config.optimizer, config.optimizer_settings["momentum"]) == ("nesterov", 0.7)


def test_parameters_come_back_from_a_configuration() -> None:
    start = RunConfig(model="lenet5")
    found = space("transforms=none,rotation+crop", "learning_rate=0.1,0.2", start=start)
    for point in found.grid():
        assert found.parameters_of(found.config(start, point)) == point
    assert [shown_value(value) for value in found.dimensions[0].values] == ["none", "rotation+crop"]


def test_a_space_survives_run_json() -> None:
    found = space("learning_rate=log:1e-4:1e-1:4", "activation=relu,tanh")
    assert SearchSpace.from_dict(found.to_dict(), RunConfig()) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lerning_rate=1,2", "did you mean 'learning_rate'"),
        ("momentum=0.5,0.9", "choose one that has it: optimizer momentum"),
        ("activation=relu,tanhh", "must be one of identity"),
        ("optimizer=adamm", "did you mean 'adam'"),
        ("learning_rate=0.1:0.01", "swap them"),
        ("dropout=log:0:0.5", "begins above 0"),
        ("learning_rate=lag:1:2", "it is log or int"),
        ("learning_rate=1:2:3:4", "LOW:HIGH"),
        ("learning_rate=1:2:0", "the number of points is '0'"),
        ("dropout=int:0:1", "need not be whole"),
        ("batch_size=0:64", "between 1 and 65536"),
        ("seed=1,2", "--seeds"),
        ("dataset=digits,moons", "one sweep of each"),
        ("device=cpu", "changes nothing that is learned"),
        ("model_settings=1", "by the setting's own name"),
        ("learning_rate", "NAME=A,B,C"),
    ],
)
def test_what_can_not_vary_is_refused_with_the_way_out(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        space(text)
    assert words in str(error.value)


def test_combinations_that_can_not_be_are_refused_before_any_training() -> None:
    with pytest.raises(ConfigError, match=r"validation_share=0.5 test_share=0.6.*must be below 1"):
        space("validation_share=0.1:0.5", "test_share=0.1:0.6")
    with pytest.raises(ConfigError, match="momentum is no setting"):
        space("optimizer=sgd,momentum", "momentum=0.5,0.9")
    with pytest.raises(ConfigError, match="there twice"):
        space("learning_rate=0.1", "learning-rate=0.2")
    with pytest.raises(ConfigError, match="nothing varies"):
        space()


def test_a_grid_of_an_endless_range_or_of_too_much_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"learning_rate=0\.1:1:5"):
        space("learning_rate=0.1:1").grid()
    with pytest.raises(ConfigError, match="1,000,000 combinations"):
        space("learning_rate=0.1:1:1000", "dropout=0:0.5:1000").grid()
