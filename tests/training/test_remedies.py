"""Remedies: each changes a configuration as it says, and refuses one that it can't change."""

from __future__ import annotations

import pytest

from training.config import ConfigError, RunConfig
from training.remedies import REMEDIES, Remedy, remedies_against
from training.transforms import TRANSFORMS

START = RunConfig(
    dataset="digits",
    train_samples=100,
    batch_size=16,
    learning_rate=0.01,
    epochs=10,
    model_settings={"hidden_width": 64},
    weight_decay=0.1,
)

CHANGED = {  # what each remedy of the usual strength makes of START
    "more_data": {"train_samples": 400},
    "smaller_network": {"hidden_width": 8},
    "l1": {"l1": 1e-4},
    "l2": {"weight_decay": 0.003},
    "dropout": {"dropout": 0.5},
    "early_stopping": {"early_stopping": 8, "keep": "best"},
    "label_smoothing": {"label_smoothing": 0.1},
    "larger_network": {"hidden_width": 512},
    "longer": {"epochs": 30},
    "higher_rate": {"learning_rate": 0.1},
    "lower_rate": {"learning_rate": 0.001},
    "less_regularisation": {"weight_decay": 0.0},
    "clip_gradients": {"clip_norm": 1.0},
    "batch_norm": {"batch_norm": True},
    **{name: {"transforms": (name,)} for name in TRANSFORMS.names()},
}


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.name)
def test_a_remedy_changes_what_it_says_and_nothing_else(remedy: Remedy) -> None:
    start = START if remedy.name != "early_stopping" else START.replace(keep="last")
    changed = remedy.apply(start)
    expected = start.replace(**CHANGED[remedy.name])
    assert changed == expected
    assert remedy.fits(start)


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.name)
def test_a_remedy_says_where_it_comes_from_and_what_it_is_against(remedy: Remedy) -> None:
    assert remedy.summary.endswith(".")
    assert remedy.source
    assert remedy.against
    if remedy.strength is not None:
        assert remedy.checked(None) == remedy.strength.default


def test_every_transform_is_a_remedy_against_overfitting() -> None:
    against = [remedy.name for remedy in remedies_against("overfitting")]
    assert set(TRANSFORMS.names()) < set(against)
    assert {"more_data", "l1", "l2", "dropout", "early_stopping", "label_smoothing", "smaller_network"} < set(
        against
    )


def test_a_strength_of_ones_own_is_checked() -> None:
    assert REMEDIES["dropout"].apply(START, 0.2).settings["dropout"] == 0.2
    assert REMEDIES["rotation"].apply(START, "5").settings["rotation_degrees"] == 5.0
    with pytest.raises(ConfigError, match=r"dropout of dropout is 2.*between 0.05 and 0.95"):
        REMEDIES["dropout"].apply(START, 2)
    with pytest.raises(ConfigError, match="no strength"):
        REMEDIES["batch_norm"].apply(START, 1)


def test_remedies_add_up() -> None:
    config = START
    for name in ("flip", "crop", "dropout", "l1"):
        config = REMEDIES[name].apply(config)
    assert config.transforms == ("flip", "crop")
    assert (config.settings["dropout"], config.l1) == (0.5, 1e-4)


@pytest.mark.parametrize(
    ("name", "config", "sentence"),
    [
        ("more_data", RunConfig(), "all samples are used already"),
        ("smaller_network", RunConfig(model="linear"), "no hidden width"),
        ("smaller_network", RunConfig(model_settings={"hidden_layers": 0}), "no hidden width"),
        ("dropout", RunConfig(model="linear"), "has no dropout"),
        ("less_regularisation", RunConfig(), "that way already"),
        ("flip", RunConfig(dataset="two_moons"), "needs images"),
    ],
)
def test_what_a_remedy_cannot_change_is_said(name: str, config: RunConfig, sentence: str) -> None:
    assert not REMEDIES[name].fits(config)
    with pytest.raises(ConfigError, match=sentence):
        REMEDIES[name].apply(config)
