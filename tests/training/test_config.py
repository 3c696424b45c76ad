"""RunConfig: valid when it exists, one list of fields, and errors with a way out."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from models.zoo import MODELS
from training.config import ConfigError, RunConfig
from training.datasets import DATASETS
from training.fields import GROUPS
from training.optimizers import OPTIMIZERS


def test_the_default_configuration_is_valid_and_complete():
    config = RunConfig()
    assert config.learning_rate == OPTIMIZERS[config.optimizer].default_learning_rate
    assert set(config.model_settings) == {parameter.name for parameter in MODELS[config.model].parameters}


def test_setting_names_are_unique_across_families_and_differ_from_fields():
    owners: dict[str, str] = {each.name: "a field" for each in RunConfig.fields()}
    for each in RunConfig.fields():
        names = {
            parameter.name
            for row in (each.table if each.settings else ()) or ()
            for parameter in row.parameters
            if parameter.name not in each.skip
        }
        for name in names:
            assert name not in owners, f"{name} of {each.name} is also {owners[name]}; rename one"
            owners[name] = each.name


def test_every_field_stands_in_a_group_and_says_what_it_is():
    for each in RunConfig.fields():
        assert each.group in GROUPS
        assert each.parameter.description


def test_a_configuration_survives_json():
    config = RunConfig(
        optimizer="momentum",
        optimizer_settings={"momentum": 0.8},
        learning_rate=0.1 + 0.2,
        tags=("a", "b"),
        seed=2**32 - 1,
    )
    again = RunConfig.from_dict(json.loads(json.dumps(config.to_dict(), allow_nan=False)))
    assert again == config
    assert again.learning_rate == 0.1 + 0.2


def test_a_configuration_can_be_hashed_copied_and_pickled():
    config = RunConfig(model_settings={"hidden_width": 32})
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 - our own bytes
    assert copy.deepcopy(config) == config
    assert len({config, RunConfig(model_settings={"hidden_width": 32})}) == 1


def test_settings_are_read_only():
    with pytest.raises(TypeError):
        RunConfig().model_settings["hidden_width"] = 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "mpl"}, "no model is named 'mpl'; did you mean 'mlp'?"),
        ({"optimizer": "adamm"}, "did you mean 'adam'?"),
        ({"epochs": 0}, "epochs of the run is 0; it must be between 1"),
        ({"epochs": 2.5}, "must be a whole number"),
        ({"learning_rate": float("inf")}, "learning_rate"),
        ({"learning_rate": "fast"}, "must be a finite number"),
        ({"l1": -1}, "l1 of the run is -1; it must be"),
        ({"validation_share": 0.6, "test_share": 0.5}, "leave nothing to train on"),
        ({"train_samples": 10, "batch_size": 64}, "batch_size is 64, more than the 10 train_samples"),
        ({"visdom": "somewhere"}, "must be auto, off, or an address"),
        ({"device": "tpu"}, "must be one of auto, cpu, cuda, mps"),
        ({"model": "lenet5", "dataset": "two_moons"}, "needs images"),
        ({"dataset": "two_moons", "transforms": ("flip",)}, "flip needs images"),
        ({"dataset": "digits", "task": "regression"}, "task is regression, and digits serves"),
        ({"transforms": ("flipp",)}, "did you mean 'flip'?"),
        ({"model_settings": {"hidden_widht": 3}}, "did you mean 'hidden_width'?"),
        ({"loss": "mse"}, "loss is mse, and for digits it must be one of"),
        ({"loss": "hinge", "label_smoothing": 0.1}, "has no labels to smooth"),
        ({"loss": "hinge", "transforms": ("mixup",)}, "needs one right class"),
        ({"name": "two\nlines"}, "one line"),
        ({"tags": ("a,b",)}, "a comma separates them"),
        ({"group": "--"}, "which no command line can carry"),
    ],
)
def test_what_can_not_be_is_refused_with_the_value_the_rule_and_the_way_out(changes, said):
    with pytest.raises(ConfigError) as refused:
        RunConfig(**changes)
    assert said in str(refused.value)


def test_an_unknown_field_of_a_file_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="no field 'batchsize'; did you mean 'batch_size'"):
        RunConfig.from_dict({"batchsize": 3})


def test_replace_reaches_a_setting_by_its_own_name():
    config = RunConfig().replace(hidden_width=48, epochs=3)
    assert (config.model_settings["hidden_width"], config.epochs) == (48, 3)


def test_replace_keeps_what_was_set_when_the_choice_changes_and_the_new_one_has_it():
    config = RunConfig(optimizer="adam").replace(beta1=0.5).replace(optimizer="adamw")
    assert config.optimizer_settings["beta1"] == 0.5
    assert "beta1" not in config.replace(optimizer="sgd").optimizer_settings


def test_an_untouched_learning_rate_follows_the_optimizer_and_a_chosen_one_stays():
    assert RunConfig().replace(optimizer="sgd").learning_rate == OPTIMIZERS["sgd"].default_learning_rate
    assert RunConfig(learning_rate=0.5).replace(optimizer="sgd").learning_rate == 0.5


def test_replace_says_who_has_a_setting_that_the_choice_lacks():
    with pytest.raises(ConfigError, match="optimizer momentum"):
        RunConfig(optimizer="adam").replace(momentum=0.5)
    with pytest.raises(ConfigError, match="did you mean 'hidden_width'"):
        RunConfig().replace(hiden_width=5)


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda row: row.name)
def test_every_data_set_has_a_model_that_suits_it(dataset):
    suited = []
    for model in MODELS:
        try:
            suited.append(RunConfig(model=model.name, dataset=dataset.name))
        except ConfigError:
            continue
    assert suited
