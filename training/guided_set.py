"""The guided set as data: sizes of a network for a small training set of real images, and their variants.

    variant = Variant.parse("too_large+dropout=0.3")
    config = variant.config(IMAGE_SETS["digits"].config())

`training.guided` trains them, `training.guided_results` reads what came of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.catalog import Catalog, UnknownNameError, Value
from training.config import SEED_LIMIT, ConfigError, RunConfig
from training.remedies import REMEDIES

KIND = "guided"  # of the study's run; its members are of kind "variant"
MOST_SEEDS = 20


@dataclass(frozen=True)
class Size:
    """A row of SIZES: how large a network is for its training set."""

    name: str
    title: str
    summary: str


SIZES: Catalog[Size] = Catalog(
    "size",
    [
        Size("too_small", "Too small", "It can't even learn its training samples."),
        Size("right", "Right", "It learns them, and little more than what they have in common with others."),
        Size("too_large", "Too large", "It learns them by heart."),
    ],
)


@dataclass(frozen=True)
class ImageSet:
    """A row of IMAGE_SETS: a data set with a training that shows all three cases within seconds.

    `changes` make the configuration out of RunConfig's defaults, `sizes` what each of SIZES changes in that.
    """

    name: str  # of the data set
    title: str
    summary: str
    changes: Mapping[str, Any]
    sizes: Mapping[str, Mapping[str, Any]]

    def config(self) -> RunConfig:
        """What all variants start from. The last weights are judged: the best would hide what comes later."""
        return RunConfig().replace(
            dataset=self.name, keep="last", images_every=10, histogram_every=10, **self.changes
        )


IMAGE_SETS: Catalog[ImageSet] = Catalog(
    "image set",
    [
        ImageSet(
            "digits",
            "Digits",
            "8 × 8 pictures of handwritten digits; seconds for a whole set.",
            {"train_samples": 300, "epochs": 60, "batch_size": 16, "learning_rate": 0.002},
            {
                "too_small": {"hidden_layers": 1, "hidden_width": 2},
                "right": {"hidden_layers": 1, "hidden_width": 16},
                "too_large": {"hidden_layers": 6, "hidden_width": 256},
            },
        ),
        ImageSet(
            "fashion_mnist",
            "Fashion-MNIST",
            "28 × 28 pictures of clothes; half a minute for a whole set.",
            {"train_samples": 1000, "epochs": 30, "batch_size": 32, "learning_rate": 0.0005},
            {
                "too_small": {"hidden_layers": 1, "hidden_width": 3},
                "right": {"hidden_layers": 1, "hidden_width": 8},
                "too_large": {"hidden_layers": 3, "hidden_width": 256},
            },
        ),
    ],
)


@dataclass(frozen=True)
class Variant:
    """A size, and the remedies that are applied to it in their order; None: with the usual strength."""

    size: str
    remedies: tuple[tuple[str, Value | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Variant:
        """From "too_large+dropout=0.3+l2". ConfigError names the nearest size or remedy."""
        size, *parts = [part.strip() for part in text.split("+")]
        try:
            SIZES[size]
            remedies = []
            for part in parts:
                name, _equals, said = part.partition("=")
                strength = REMEDIES[name.strip()].checked(said.strip() or None)
                usual = REMEDIES[name.strip()].checked(None)
                remedies.append((name.strip(), None if strength == usual else strength))
        except UnknownNameError as error:
            raise ConfigError(f"{text!r} is no variant: {error}") from None
        names = [name for name, _strength in remedies]
        if len(set(names)) < len(names):
            raise ConfigError(f"{text!r} names a remedy twice; each is applied once")
        return cls(size, tuple(remedies))

    @property
    def text(self) -> str:
        """As `parse` takes it; the usual strengths are left out."""
        return "+".join([self.size, *(_with(name, strength) for name, strength in self.remedies)])

    @property
    def title(self) -> str:
        """For a person: "Too large + Dropout (0.3)"."""
        parts = [
            REMEDIES[name].title + ("" if strength is None else f" ({strength:g})")
            for name, strength in self.remedies
        ]
        return " + ".join([SIZES[self.size].title, *parts])

    def config(self, start: RunConfig) -> RunConfig:
        """The configuration, named after the variant. ConfigError where a remedy has nothing to change."""
        config = start.replace(**image_set_of(start).sizes[self.size])
        for name, strength in self.remedies:
            config = REMEDIES[name].apply(config, strength)
        return config.replace(name=self.title)


SET = tuple(Variant(size.name) for size in SIZES)  # what is trained when nothing else is asked for


@dataclass(frozen=True)
class GuidedOptions:
    """Which variants of a guided set are trained, and how often; valid when it exists."""

    config: RunConfig
    variants: tuple[Variant, ...] = field(default=SET)
    seeds: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise ConfigError(f"seeds is {self.seeds}; it must be between 1 and {MOST_SEEDS}")
        if self.config.seed + self.seeds - 1 > SEED_LIMIT:
            raise ConfigError(
                f"seeds are {self.config.seed} and the next {self.seeds - 1}, and the largest is "
                f"{SEED_LIMIT}; begin with a lower --seed"
            )
        if not self.variants:
            raise ConfigError("there is nothing to train; name a variant, such as --add too_large+dropout")
        for variant in self.variants:
            variant.config(self.config)

    @classmethod
    def of(cls, values: Mapping[str, Any], config: RunConfig) -> GuidedOptions:
        """From parsed options, or from the study in run.json."""
        added: Iterable[str] = values.get("add") or [variant.text for variant in SET]
        variants = tuple(dict.fromkeys(map(Variant.parse, added)))
        return cls(config, variants, int(values.get("seeds", 1)))

    @property
    def title(self) -> str:
        """For a person, of three variants at most: "Too small, Right, Too large"."""
        titles = [variant.title for variant in self.variants]
        more = [f"and {len(titles) - 3} more"] if len(titles) > 3 else []
        return ", ".join([*titles[:3], *more])[:200]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for run.json."""
        return {"add": [variant.text for variant in self.variants], "seeds": self.seeds}


def image_set_of(config: RunConfig) -> ImageSet:
    """The row of the configuration's data set; ConfigError for one without."""
    if config.dataset not in IMAGE_SETS:
        raise ConfigError(
            f"dataset is {config.dataset}, and there is a guided set for {', '.join(IMAGE_SETS.names())} only"
        )
    return IMAGE_SETS[config.dataset]


def set_of(config: RunConfig) -> RunConfig:
    """What two studies of one guided set have in common: nothing of how they run, their names or seeds."""
    fields = {each.name: getattr(RunConfig, each.name) for each in RunConfig.fields() if each.group == "Run"}
    return config.replace(**{**fields, "seed": 0})


def _with(name: str, strength: Value | None) -> str:
    if strength is None:
        return name
    return f"{name}={strength:g}" if isinstance(strength, float) else f"{name}={strength}"
