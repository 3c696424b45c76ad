"""Networks side by side: what each is before it learns, and what those that were trained have reached."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from logs.catalog import RunSummary
from models.architecture import Architecture, architecture_of, seconds_per_sample
from models.families import FAMILIES
from models.model import InputShape
from models.zoo import MODELS, build_model
from training.datasets import DATASETS
from training.fields import Settings

PICTURES: dict[str, InputShape] = {"28": (1, 28, 28), "32": (3, 32, 32), "64": (3, 64, 64)}
CLASSES = 10


@dataclass(frozen=True)
class Subject:
    """A network to be looked at: a row of MODELS as it is, or that of a run."""

    model: str
    settings: Settings
    input_shape: InputShape
    outputs: int
    accuracy: float = math.nan  # on test data, of a run
    run: str = ""  # its id

    @property
    def family(self) -> str:
        """The title of its family; that of a network from elsewhere is its place of origin."""
        name = MODELS[self.model].family
        return FAMILIES[name].title if name else self.model.partition("/")[0]


@dataclass(frozen=True)
class Point:
    """A network with its facts."""

    subject: Subject
    facts: Architecture
    seconds: float = math.nan  # for one picture, where that was measured

    @property
    def title(self) -> str:
        return self.subject.model

    @property
    def field_pixels(self) -> float:
        """The receptive field's height in the picture, in pixels."""
        return float(self.facts.field.visible[0]) if self.facts.field else math.nan


def every_network(input_shape: InputShape) -> list[Subject]:
    """The networks that take pictures, with their own settings."""
    rows = (row for row in MODELS if row.inputs == "image")
    return [Subject(row.name, Settings(), input_shape, CLASSES) for row in rows]


def trained_networks(runs: Iterable[RunSummary]) -> list[Subject]:
    """Of the finished runs that classify pictures: for each network with its settings and data, the best."""
    best: dict[Any, Subject] = {}
    for run in runs:
        score = run.last("accuracy", "test")
        shape, outputs = _samples(run)
        if run.state != "finished" or math.isnan(score) or shape is None:
            continue
        settings = Settings(_settings(run.config))
        key = (run.model, settings, run.dataset)
        if key not in best or score > best[key].accuracy:
            best[key] = Subject(run.model, settings, shape, outputs, score, run.id)
    return list(best.values())


def _samples(run: RunSummary) -> tuple[InputShape | None, int]:
    """The shape of the run's samples, where they are pictures of a known size, and the number of classes."""
    if run.dataset not in DATASETS or run.config.get("model") != run.model or run.model not in MODELS:
        return None, 0
    row = DATASETS[run.dataset]
    known = row.input_shape is not None and len(row.input_shape) == 3
    return (row.input_shape if known else None), row.num_classes or CLASSES


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    found = config.get("model_settings")
    return dict(found) if isinstance(found, Mapping) else {}


@lru_cache(maxsize=512)
def facts_of(model: str, settings: Settings, input_shape: InputShape, outputs: int) -> Architecture | None:
    """Computed once for the whole server; None for a run whose network can't be built any more."""
    try:
        return architecture_of(model, input_shape, outputs, settings)
    except (ValueError, KeyError):
        return None


@lru_cache(maxsize=512)
def seconds_of(model: str, settings: Settings, input_shape: InputShape, outputs: int) -> float:
    """Seconds of processor time for one picture, measured here once."""
    with torch.random.fork_rng(devices=[]):
        drawn = any(parameter.name == "initializer" for parameter in MODELS[model].parameters)
        given = {**settings, "initializer": "default"} if drawn else dict(settings)
        network = build_model(model, input_shape, outputs, given)
    return seconds_per_sample(network, input_shape, batch=8, rounds=3)


def known_points(subjects: Sequence[Subject], measured: bool) -> Iterable[Point | None]:
    """The points one by one, as they are computed; None for a network that can't be built."""
    for subject in subjects:
        key = (subject.model, subject.settings, subject.input_shape, subject.outputs)
        facts = facts_of(*key)
        if facts is None:
            yield None
        else:
            yield Point(subject, facts, seconds_of(*key) if measured else math.nan)
