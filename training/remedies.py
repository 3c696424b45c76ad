"""What helps a training that fits too little, too much, or not at all: each remedy changes a configuration.

    config = REMEDIES["dropout"].apply(config)          # with its usual strength
    config = REMEDIES["l2"].apply(config, 0.01)         # with one of one's own

`training.diagnosis` says which of them to try; the page of guided runs has a button for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.catalog import Catalog, Parameter, Value
from training.config import ConfigError, RunConfig
from training.transforms import TRANSFORMS, Transform

Change = Callable[[RunConfig, Any], RunConfig]  # configuration, strength


@dataclass(frozen=True)
class Remedy:
    """A row of REMEDIES. `strength` is the one thing to set; None where there is nothing to set."""

    name: str
    title: str
    summary: str
    source: str
    against: tuple[str, ...]  # names of training.diagnosis.DIAGNOSES
    change: Change
    strength: Parameter | None = None

    def apply(self, config: RunConfig, strength: Value | None = None) -> RunConfig:
        """The changed configuration. ConfigError where the configuration has nothing that it could change,
        or has it as it should be already.
        """
        changed = self.change(config, self.checked(strength))
        if changed == config:
            raise ConfigError(
                f"{self.name} changes nothing here: this configuration is that way already; try another "
                "strength or another remedy"
            )
        return changed

    def checked(self, strength: Value | None) -> Value | None:
        """The strength, or the usual one for None. ConfigError for one that can't be."""
        if self.strength is None:
            if strength is not None:
                raise ConfigError(f"{self.name} has no strength to set, and {strength!r} was given")
            return None
        try:
            return self.strength.check(self.strength.default if strength is None else strength, self.name)
        except ValueError as error:
            raise ConfigError(str(error)) from None

    def fits(self, config: RunConfig) -> bool:
        """Whether it can change this configuration."""
        try:
            self.apply(config)
        except ConfigError:
            return False
        return True


def _more_data(config: RunConfig, factor: Any) -> RunConfig:
    if not config.train_samples:
        raise ConfigError(
            "train_samples is 0: all samples are used already; more_data needs a part of them, such as "
            "--train-samples 200, or new data"
        )
    return config.replace(train_samples=config.train_samples * factor)


def _resized(config: RunConfig, share: float) -> RunConfig:
    """Each hidden layer's width times `share`, at least 1."""
    width = config.settings.get("hidden_width")
    if width is None or config.settings.get("hidden_layers") == 0:
        raise ConfigError(
            f"model is {config.model}, which has no hidden width to change; choose another model, such as "
            "--model mlp"
        )
    return config.replace(hidden_width=max(1, round(int(width) * share)))


def _of_model(config: RunConfig, name: str, value: Any) -> RunConfig:
    """A setting of the chosen model, where it has one of that name."""
    if name not in config.model_settings:
        raise ConfigError(
            f"model is {config.model}, which has no {name}; choose one that has, such as --model mlp"
        )
    return config.replace(**{name: value})


def _early_stopping(config: RunConfig, patience: Any) -> RunConfig:
    return config.replace(early_stopping=patience, keep="best")


def _label_smoothing(config: RunConfig, share: Any) -> RunConfig:
    return config.replace(label_smoothing=share)


def _less_regularisation(config: RunConfig, _strength: Any) -> RunConfig:
    free: dict[str, Any] = {"weight_decay": 0.0, "l1": 0.0, "label_smoothing": 0.0, "transforms": ()}
    if config.settings.get("dropout"):
        free["dropout"] = 0.0
    return config.replace(**free)


def _rate(config: RunConfig, factor: float) -> RunConfig:
    return config.replace(learning_rate=float(f"{config.learning_rate * factor:.6g}"))


def _augmentation(transform: Transform) -> Remedy:
    """A row of TRANSFORMS as a remedy; its strength is the transform's own first setting."""
    strength = transform.parameters[0] if transform.parameters else None

    def change(config: RunConfig, value: Any) -> RunConfig:
        names = (*(name for name in config.transforms if name != transform.name), transform.name)
        settings = {} if strength is None else {strength.name: value}
        return config.replace(transforms=names, **settings)

    return Remedy(
        name=transform.name,
        title=transform.title,
        summary=transform.summary,
        source=transform.source,
        against=("overfitting",),
        change=change,
        strength=strength,
    )


REMEDIES: Catalog[Remedy] = Catalog(
    "remedy",
    [
        Remedy(
            "more_data",
            "More data",
            "Several times as many training samples: the surest remedy, where there are more.",
            "Banko and Brill 2001, doi:10.3115/1073012.1073017",
            ("overfitting",),
            _more_data,
            Parameter("data_factor", 4, "times as many training samples", "integer", low=2, high=100),
        ),
        Remedy(
            "smaller_network",
            "Smaller network",
            "Fewer units in each hidden layer, so that less can be learned by heart.",
            "Geman, Bienenstock and Doursat 1992, doi:10.1162/neco.1992.4.1.1",
            ("overfitting",),
            lambda config, factor: _resized(config, 1 / factor),
            Parameter("narrower", 8, "the width of hidden layers is divided by", "integer", low=2, high=4096),
        ),
        Remedy(
            "l1",
            "L1",
            "The sum of all |w| is paid for: weights that do little become zero.",
            "Tibshirani 1996, doi:10.1111/j.2517-6161.1996.tb02080.x",
            ("overfitting",),
            lambda config, value: config.replace(l1=value),
            Parameter("l1", 1e-4, "price of each |w|", low=1e-8, high=1.0, log=True, symbol=r"\lambda"),
        ),
        Remedy(
            "l2",
            "L2",
            "Every update pulls the weights towards zero, large ones most (weight decay).",
            "Krogh and Hertz 1991, A Simple Weight Decay Can Improve Generalization",
            ("overfitting",),
            lambda config, value: config.replace(weight_decay=value),
            Parameter(
                "weight_decay", 0.003, "pull towards zero", low=1e-8, high=1.0, log=True, symbol=r"\lambda"
            ),
        ),
        Remedy(
            "dropout",
            "Dropout",
            "At each update a random part of the hidden units is silent, so that none relies on another.",
            "Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
            ("overfitting",),
            lambda config, value: _of_model(config, "dropout", value),
            Parameter("dropout", 0.5, "share of the units that are silent", low=0.05, high=0.95, step=0.05),
        ),
        Remedy(
            "early_stopping",
            "Early stopping",
            "Training ends when the validation data has not been done better for a while, and the best "
            "weights are kept.",
            "Prechelt 1998, doi:10.1007/3-540-49430-8_3",
            ("overfitting",),
            _early_stopping,
            Parameter(
                "patience", 8, "epochs without a better score", "integer", low=1, high=1000, unit="epochs"
            ),
        ),
        *(_augmentation(transform) for transform in TRANSFORMS),
        Remedy(
            "label_smoothing",
            "Label smoothing",
            "A share of each target goes to all classes, so that no output need become extreme.",
            "Szegedy et al. 2016, arXiv:1512.00567, section 7",
            ("overfitting",),
            _label_smoothing,
            Parameter("label_smoothing", 0.1, "share spread over all classes", low=0.01, high=0.9, step=0.01),
        ),
        Remedy(
            "larger_network",
            "Larger network",
            "More units in each hidden layer, so that it can express what it has to learn.",
            "Goodfellow, Bengio and Courville 2016, Deep Learning, section 5.2",
            ("underfitting", "plateau"),
            _resized,
            Parameter("wider", 8, "the width of hidden layers is multiplied by", "integer", low=2, high=64),
        ),
        Remedy(
            "longer",
            "Longer training",
            "More passes over the training data.",
            "Goodfellow, Bengio and Courville 2016, Deep Learning, section 11.4",
            ("underfitting", "too_early"),
            lambda config, factor: config.replace(epochs=config.epochs * factor),
            Parameter("epochs_factor", 3, "times as many epochs", "integer", low=2, high=100),
        ),
        Remedy(
            "higher_rate",
            "Higher learning rate",
            "Larger steps, for a loss that creeps or never left its start.",
            "Smith 2017, arXiv:1506.01186",
            ("underfitting", "plateau"),
            _rate,
            Parameter("rate_times", 10.0, "the learning rate is multiplied by", low=1.1, high=1e4, log=True),
        ),
        Remedy(
            "less_regularisation",
            "Less regularisation",
            "No penalty, no dropout, no label smoothing and no augmentation: they hold the fit back.",
            "Goodfellow, Bengio and Courville 2016, Deep Learning, section 11.4.1",
            ("underfitting",),
            _less_regularisation,
        ),
        Remedy(
            "lower_rate",
            "Lower learning rate",
            "Smaller steps, for a loss that climbs or jumps to and fro.",
            "Bengio 2012, arXiv:1206.5533, section 3.1.1",
            ("diverging", "plateau"),
            lambda config, factor: _rate(config, 1 / factor),
            Parameter("rate_divided", 10.0, "the learning rate is divided by", low=1.1, high=1e4, log=True),
        ),
        Remedy(
            "clip_gradients",
            "Clipped gradients",
            "A gradient that is longer than this is shortened, so that no single step goes far.",
            "Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063",
            ("diverging",),
            lambda config, value: config.replace(clip_norm=value),
            Parameter("clip_norm", 1.0, "longest gradient allowed", low=1e-3, high=1000.0, log=True),
        ),
        Remedy(
            "batch_norm",
            "Batch normalisation",
            "Each hidden unit is normalised over the batch, so that signals neither die nor explode.",
            "Ioffe and Szegedy 2015, arXiv:1502.03167",
            ("plateau", "diverging"),
            lambda config, _strength: _of_model(config, "batch_norm", True),
        ),
    ],
)


def remedies_against(diagnosis: str) -> list[Remedy]:
    """The rows that help against it, in the order of the table."""
    return [remedy for remedy in REMEDIES if diagnosis in remedy.against]
