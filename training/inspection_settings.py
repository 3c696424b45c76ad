"""What a look into a checkpoint can be told where it takes longer than a page may wait."""

from __future__ import annotations

from dataclasses import dataclass

from models.catalog import Catalog
from training.fields import option
from training.inspected import SPLITS
from training.lab_settings import LabSettings


@dataclass(frozen=True)
class Look:
    """A row of LOOKS: what is computed. `table` is where the result lies."""

    name: str
    title: str
    summary: str
    table: str


LOOKS: Catalog[Look] = Catalog(
    "look",
    [
        Look("predictions", "Predictions", "What the network says of every sample of a split.", "answers"),
        Look(
            "corruptions",
            "Scores under corruptions",
            "The score on pictures made worse in five steps: noise, blur, rotation and more.",
            "corruptions",
        ),
        Look(
            "tsne", "t-SNE", "The layer before the last, laid out so that neighbours stay together.", "tsne"
        ),
    ],
)


@dataclass(frozen=True)
class InspectionSettings(LabSettings):
    """Everything that decides what such a look finds."""

    run: str = option("", "the run whose network is looked into", "Data", "text")
    checkpoint: str = option("best", "of that run: best, last, epoch-0001 ...", "Data", "text")
    look: str = option("predictions", "what is computed", "Data", "choice", table=LOOKS)
    split: str = option("test", "whose samples", "Data", "choice", choices=SPLITS)
    samples: int = option(
        1000, "samples, drawn by the seed; all where there are fewer", "Data", "integer", low=10, high=200_000
    )
    dimensions: int = option(2, "dimensions of t-SNE: 2, or 3", "Model", "integer", low=2, high=3)
    perplexity: float = option(
        30.0, "about how many neighbours of a sample count in t-SNE", "Model", low=2.0, high=200.0
    )
    iterations: int = option(500, "steps of t-SNE", "Model", "integer", low=50, high=5000)

    @property
    def row(self) -> Look:
        return LOOKS[self.look]

    @property
    def dataset_name(self) -> str:
        return "inspection"
