"""One configuration: the command line, the form on the dashboard and run.json are all this object.

A RunConfig that exists is valid; nothing below it checks again. The fields are listed once, here, with their
group and range; a choice of model, data set, optimizer, schedule or transform brings the parameters of its
own row along.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.catalog import UnknownNameError, Value, checked_settings
from models.losses import LOSSES
from models.zoo import MODELS, check_input
from training.datasets import DATASETS
from training.fields import Field, Settings, fields_of, option
from training.optimizers import OPTIMIZERS
from training.option_values import carried_over, chosen_settings, field_with_setting, nearest, plain_values
from training.schedules import SCHEDULES
from training.tasks import TASKS
from training.transforms import TRANSFORMS, check_transforms

AUTO = "auto"
SEED_LIMIT = 2**32 - 1  # the largest that PyTorch, NumPy and scikit-learn all take


class ConfigError(ValueError):
    """A configuration that can't be: its text names the value, the rule and the way out."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides what a training computes, and how the run is called."""

    __no_type_check__ = (
        True  # what is given may have any type: __post_init__ converts it or says what is wrong
    )

    model: str = option("mlp", "the network", "Model", table=MODELS, settings="model_settings")
    model_settings: Mapping[str, Value] = field(default_factory=Settings)
    freeze: tuple[str, ...] = option(
        (),
        "weights that stay as they are: patterns of their names, such as stem.*",
        "Model",
        "text",
        several=True,
    )

    dataset: str = option("digits", "the data set", "Data", table=DATASETS, settings="dataset_settings")
    dataset_settings: Mapping[str, Value] = field(default_factory=Settings)
    task: str = option(
        AUTO,
        "what is learned; auto: as the data says",
        "Data",
        choices=(AUTO,),
        table=TASKS,
        settings="task_settings",
    )
    task_settings: Mapping[str, Value] = field(default_factory=Settings)
    batch_size: int = option(
        64, "samples of one update", "Data", "integer", low=1, high=65536, log=True, symbol="B"
    )
    train_samples: int = option(
        0, "training samples used; 0: all of them", "Data", "integer", low=0, unit="samples"
    )
    validation_share: float = option(0.15, "part of the data kept to choose by", "Data", low=0.01, high=0.9)
    test_share: float = option(
        0.15,
        "part of the data kept for the final score; unused where the data set has an official test set",
        "Data",
        low=0.01,
        high=0.9,
    )
    transforms: tuple[str, ...] = option(
        (),
        "random changes of the training images",
        "Data",
        table=TRANSFORMS,
        settings="transform_settings",
        several=True,
    )
    transform_settings: Mapping[str, Value] = field(default_factory=Settings)

    loss: str = option(
        AUTO,
        "what is minimised; auto: as the task says",
        "Optimisation",
        choices=(AUTO,),
        table=LOSSES,
        settings="loss_settings",
        skip=("label_smoothing",),  # a field of its own, for every loss that has it
    )
    loss_settings: Mapping[str, Value] = field(default_factory=Settings)
    optimizer: str = option(
        "adam",
        "how weights follow gradients",
        "Optimisation",
        table=OPTIMIZERS,
        settings="optimizer_settings",
    )
    optimizer_settings: Mapping[str, Value] = field(default_factory=Settings)
    learning_rate: float = option(
        None,  # in a RunConfig that exists it is a number
        "step size; left out: the optimizer's own default",
        "Optimisation",
        low=1e-8,
        high=100.0,
        log=True,
        symbol=r"\eta",
        optional=True,
    )
    schedule: str = option(
        "constant",
        "how the learning rate moves",
        "Optimisation",
        table=SCHEDULES,
        settings="schedule_settings",
    )
    schedule_settings: Mapping[str, Value] = field(default_factory=Settings)
    epochs: int = option(
        30, "passes over the training data", "Optimisation", "integer", low=1, high=10_000, log=True
    )
    clip_norm: float = option(
        0.0, "longest gradient allowed, as a Euclidean norm; 0: any", "Optimisation", low=0.0, high=1000.0
    )

    weight_decay: float = option(
        0.0, "pull of the weights towards zero (L2)", "Regularisation", low=0.0, high=1.0, symbol=r"\lambda"
    )
    l1: float = option(
        0.0, "sum of |w| times this is added to the loss (L1)", "Regularisation", low=0.0, high=1.0
    )
    label_smoothing: float = option(
        0.0, "share of each target spread over all classes", "Regularisation", low=0.0, high=0.9
    )
    early_stopping: int = option(
        0,
        "end after this many epochs without a better validation score; 0: never",
        "Regularisation",
        "integer",
        low=0,
        high=1000,
        unit="epochs",
    )

    keep: str = option(
        "best",
        "the weights the final score is of: best on the validation data, or the last epoch's",
        "Regularisation",
        "choice",
        choices=("best", "last"),
    )

    seed: int = option(0, "start of every random stream", "Run", "integer", low=0, high=SEED_LIMIT)
    device: str = option(
        AUTO,
        "where it computes; auto: cuda, else mps, else cpu",
        "Run",
        "choice",
        choices=(AUTO, "cpu", "cuda", "mps"),
    )
    threads: int = option(
        1, "threads of one PyTorch operation on the CPU", "Run", "integer", low=1, high=256, unit="threads"
    )
    checkpoint_every: int = option(
        0,
        "keep a checkpoint every so many epochs; 0: only the best and the last",
        "Run",
        "integer",
        low=0,
        high=10_000,
        unit="epochs",
    )
    histogram_every: int = option(
        1,
        "log histograms every so many epochs; 0: never",
        "Run",
        "integer",
        low=0,
        high=10_000,
        unit="epochs",
    )
    images_every: int = option(
        1, "log images every so many epochs; 0: never", "Run", "integer", low=0, high=10_000, unit="epochs"
    )
    visdom: str = option(AUTO, "stream to Visdom: auto, off, or the server's address", "Run", "text")
    name: str = option("", "what you call the run", "Run", "text")
    group: str = option("", "runs that belong together share a group", "Run", "text")
    tags: tuple[str, ...] = option((), "labels to find the run by", "Run", "text", several=True)

    def __post_init__(self) -> None:
        """Converts, fills in and checks every field: the one place where configurations are refused."""
        try:
            for each in self.fields():
                object.__setattr__(self, each.name, _checked(each, getattr(self, each.name)))
            for each in self.fields():
                if each.settings:
                    complete = _complete(each, getattr(self, each.name), getattr(self, each.settings))
                    object.__setattr__(self, each.settings, complete)
            if self.learning_rate is None:
                object.__setattr__(self, "learning_rate", OPTIMIZERS[self.optimizer].default_learning_rate)
            _refuse_combinations(self)
        except (ValueError, UnknownNameError) as error:
            raise ConfigError(str(error)) from None

    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        """The options in the order of a form; a Field with a `table` brings its row's own parameters."""
        return fields_of(cls)

    @property
    def settings(self) -> dict[str, Value]:
        """The settings of all chosen rows in one mapping, by name (names are unique across families)."""
        return chosen_settings(self, self.fields())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: numbers, texts, flags, lists and mappings of them."""
        return plain_values(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """The configuration that `to_dict` wrote. What is missing gets its default.

        ConfigError for a name that no field has: a file of a newer version must not half apply.
        """
        names = [attribute.name for attribute in dataclasses.fields(cls)]
        for name in values:
            if name not in names:
                raise ConfigError(
                    f"a configuration has no field {name!r}{nearest(name, names)} it has: {', '.join(names)}"
                )
        return cls(**values)

    def replace(self, **changes: Any) -> RunConfig:
        """This configuration with fields, or settings of a chosen row by their own name, changed.

        `config.replace(hidden_width=64)` reaches `model_settings`. When a choice changes, what was set for
        the former row and the new one also has is kept, and an untouched learning rate follows the new
        optimizer.
        """
        names = {attribute.name for attribute in dataclasses.fields(self)}
        values = {name: getattr(self, name) for name in names} | {
            k: v for k, v in changes.items() if k in names
        }
        try:
            for each in self.fields():
                values[each.name] = _checked(each, values[each.name])
                if each.settings and each.settings not in changes:
                    values[each.settings] = carried_over(each, self, values[each.name])
            untouched = self.learning_rate == OPTIMIZERS[self.optimizer].default_learning_rate
            if untouched and "learning_rate" not in changes and values["optimizer"] != self.optimizer:
                values["learning_rate"] = None
            for name in changes.keys() - names:
                settings = field_with_setting(name, self.fields(), values).settings
                values[settings] = {**values[settings], name: changes[name]}
        except (ValueError, UnknownNameError) as error:
            raise ConfigError(str(error)) from None
        return type(self)(**values)


def _checked(each: Field, value: Any) -> Any:
    """One field's value in its own type; ValueError or UnknownNameError where it can't be."""
    owner = "the run"
    if each.optional and value is None:
        return None
    if each.several:
        items = value.split(",") if isinstance(value, str) else value
        values = tuple(dict.fromkeys(_one_line(each.name, item) for item in items if str(item).strip()))
        if any("," in item for item in values):
            raise ValueError(f"{each.name} is {values!r}; a comma separates them, so none may be in one")
        each.rows(values)
        return values
    if each.table is not None:
        rows = each.rows(value)  # its error names the nearest row
        return rows[0].name if rows else str(value)  # a row may be found by more names than are listed
    if each.parameter.kind == "text":
        return _one_line(each.name, each.parameter.check(value, owner))
    return each.parameter.check(value, owner)


def _one_line(name: str, text: Value) -> str:
    text = str(text).strip()
    if len(text) > 200 or not text.isprintable():
        raise ValueError(f"{name} is {text[:40]!r}; it must be one line of at most 200 characters")
    if text == "--":
        raise ValueError(f"{name} is '--', which no command line can carry; use another word")
    return text


def _complete(each: Field, value: Any, given: Mapping[str, Any]) -> Settings:
    """Every setting of the chosen rows, given or default, checked."""
    owner = ", ".join(row.name for row in each.rows(value)) or f"{each.name} (none is chosen)"
    return Settings(checked_settings(owner, each.parameters(value).values(), given))


def _refuse_combinations(config: RunConfig) -> None:
    """What no single field can know. Sizes that only the loaded data tells are checked by training.data."""
    model, dataset = MODELS[config.model], DATASETS[config.dataset]
    if config.task != AUTO and config.task not in dataset.tasks:
        raise ValueError(
            f"task is {config.task}, and {dataset.name} serves {', '.join(dataset.tasks)}; use --task auto"
        )
    tasks = {config.task} if config.task != AUTO else set(dataset.tasks) - {"embedding"}
    if not tasks & set(model.tasks):
        suited = [row.name for row in MODELS if tasks & set(row.tasks)]
        raise ValueError(
            f"{model.name} serves {', '.join(model.tasks)}, and {dataset.name} is for "
            f"{', '.join(sorted(tasks))}; use one of {', '.join(suited)}"
        )
    if dataset.input_shape is not None:
        check_input(model.name, dataset.input_shape)
        check_transforms(config.transforms, dataset.input_shape)
    _refuse_loss(config, tasks)
    if config.validation_share + config.test_share >= 1:
        raise ValueError(
            f"validation_share {config.validation_share} and test_share {config.test_share} leave nothing "
            "to train on; together they must be below 1"
        )
    if 0 < config.train_samples < config.batch_size:
        raise ValueError(
            f"batch_size is {config.batch_size}, more than the {config.train_samples} train_samples; "
            "make it smaller, or use more samples"
        )
    if config.visdom not in (AUTO, "off") and not config.visdom.startswith(("http://", "https://")):
        raise ValueError(
            f"visdom is {config.visdom!r}; it must be auto, off, or an address such as http://127.0.0.1:8097"
        )


def _refuse_loss(config: RunConfig, tasks: set[str]) -> None:
    """A loss that doesn't suit the task, and what the loss can't do."""
    losses = [TASKS[task].loss for task in tasks] if config.loss == AUTO else [config.loss]
    suited = [row.name for row in LOSSES if tasks & set(row.tasks)]
    if not set(losses) & set(suited):
        raise ValueError(
            f"loss is {config.loss}, and for {config.dataset} it must be one of {', '.join(suited)}"
        )
    smoothed = [name for name in losses if "label_smoothing" in {one.name for one in LOSSES[name].parameters}]
    if config.label_smoothing > 0 and not smoothed:
        raise ValueError(
            f"label_smoothing is {config.label_smoothing}, and the loss {', '.join(losses)} has no labels to "
            "smooth; set it to 0"
        )
    mixing = [name for name in config.transforms if TRANSFORMS[name].changes_targets]
    if mixing and not any(LOSSES[name].soft_targets for name in losses):
        raise ValueError(
            f"{', '.join(mixing)} mixes targets, and the loss {', '.join(losses)} needs one right class a "
            "sample; use --loss auto"
        )
