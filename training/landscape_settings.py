"""What a landscape can be told: its command line, the form of its page, and the `config` of its run."""

from __future__ import annotations

from dataclasses import dataclass

from models.catalog import Catalog
from training.directions import NORMALISATIONS
from training.fields import option
from training.lab_settings import LabSettings
from training.landscape_grid import LINE_LEVELS, PLANE_LEVELS

DEVICES = ("auto", "cpu", "cuda", "mps")
STATISTICS = ("saved", "recomputed")


@dataclass(frozen=True)
class Kind:
    """A row of KINDS: what is cut."""

    name: str
    title: str
    summary: str
    plane: bool  # two directions
    span: float  # how far it goes from the centre, in lengths of a direction
    ends: bool = False  # it joins two networks


KINDS: Catalog[Kind] = Catalog(
    "kind of landscape",
    [
        Kind("plane", "Plane", "Two random directions through the checkpoint.", True, 1.0),
        Kind("line", "Line", "One random direction through the checkpoint.", False, 1.0),
        Kind(
            "between",
            "Between two networks",
            "The straight line from one checkpoint to another, and beyond both ends; on request also a "
            "trained curve of low loss that joins them (Garipov et al. 2018, arXiv:1802.10026).",
            False,
            1.5,
            ends=True,
        ),
        Kind(
            "connection",
            "Low way between two networks",
            "The plane through two checkpoints and a trained curve of low loss that joins them (Garipov et "
            "al. 2018, arXiv:1802.10026): the curve lies in it as a whole.",
            True,
            1.3,
            ends=True,
        ),
        Kind(
            "trajectory",
            "Path of the training",
            "The plane of the two directions in which saved checkpoints differ most, with the path on it.",
            True,
            1.2,
        ),
        Kind(
            "hessian",
            "Steepest curvature",
            "The plane of the two directions in which the loss bends most: the Hessian's top eigenvectors.",
            True,
            0.25,
        ),
    ],
)


@dataclass(frozen=True)
class LandscapeSettings(LabSettings):
    """Everything that decides what a landscape shows."""

    run: str = option("", "the run whose network is looked at", "Data", "text")
    checkpoint: str = option("best", "of that run: best, last, epoch-0001 ...", "Data", "text")
    other_run: str = option(
        "", "of a kind with two ends: the run at the other end; empty: the same run", "Data", "text"
    )
    other_checkpoint: str = option("last", "of a kind with two ends: its checkpoint", "Data", "text")
    samples: int = option(
        2000, "training samples that are measured, and as many test samples", "Data", "integer",
        low=1, high=1_000_000, log=True,
    )  # fmt: skip
    kind: str = option("plane", "what is cut", "Model", table=KINDS)
    normalisation: str = option("filter", "how random directions are scaled", "Model", table=NORMALISATIONS)
    ignore_biasbn: bool = option(
        True, "biases and batch norm's own numbers stay where they are (the paper's biasbn)", "Model", "flag"
    )
    orthogonal: bool = option(True, "the two random directions are at right angles", "Model", "flag")
    span: float = option(
        None, "how far from the centre, in lengths of a direction; None: as the kind has it", "Model",
        low=0.001, high=100.0, log=True, optional=True,
    )  # fmt: skip
    points: int = option(
        25, f"points a side of the finest level: {PLANE_LEVELS} of a plane, {LINE_LEVELS} of a line", "Model",
        "integer", low=9, high=193,
    )  # fmt: skip
    statistics: str = option(
        "saved", "batch norm's mean and variance at each point: as saved, or of the samples there", "Model",
        "choice", choices=STATISTICS,
    )  # fmt: skip
    path: bool = option(
        True,
        "a plane has the training's saved checkpoints drawn on it, where there are some",
        "Model",
        "flag",
    )
    connect: bool = option(
        False, "with --kind between: also train a curve of low loss from one to the other", "Model", "flag"
    )
    curve_steps: int = option(
        1000, "updates that train the curve of low loss", "Model", "integer", low=10, high=100_000, log=True
    )
    numbers: bool = option(
        False,
        "also eigenvalues, trace and spectrum of the Hessian, sharpness, gradient noise",
        "Model",
        "flag",
    )
    preview: bool = option(
        False, "convolutions in bfloat16: about twice as fast, three digits", "Run", "flag"
    )
    device: str = option("auto", "where it is computed", "Run", "choice", choices=DEVICES)
    workers: int = option(
        0, "threads that share the rows; 0: one per core", "Run", "integer", low=0, high=256
    )

    @property
    def dataset_name(self) -> str:
        return "landscape"

    @property
    def row(self) -> Kind:
        return KINDS[self.kind]

    @property
    def reach(self) -> float:
        """The span, or the kind's own."""
        return self.row.span if self.span is None else self.span

    def check(self) -> None:
        levels = PLANE_LEVELS if self.row.plane else LINE_LEVELS
        if self.points not in levels:
            raise ValueError(
                f"points is {self.points}; a {'plane' if self.row.plane else 'line'} has one of "
                f"{', '.join(map(str, levels))} a side, whose points nest"
            )
        if self.connect and self.kind != "between":
            raise ValueError("connect is set, and only --kind between is a line between two ends")
        if self.preview and self.statistics == "recomputed":
            raise ValueError("preview takes the saved statistics; use one of preview and recomputed")
