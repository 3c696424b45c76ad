"""What the laboratories of curves are told: the samples, and how the networks are built and trained."""

from __future__ import annotations

from dataclasses import dataclass

from training.curve_networks import CURVED, NetworkPlan
from training.curve_points import EXAMPLE, parsed_points
from training.fields import option
from training.lab_settings import LabSettings
from training.true_functions import MOST_NOISE, MOST_SAMPLES, TRUE_FUNCTIONS, CurveData, own_points, sampled

POINTS = "points"  # in place of a true function: a reader's own points
WIDTHS = (1, 2, 3, 4, 5, 6, 8, 12, 16, 20, 24, 32)
WIDEST = 128
VALIDATION = 0.25  # of the samples, kept from the training to say when to stop


@dataclass(frozen=True)
class CurveSettings(LabSettings):
    """What networks of several widths are fitted to, and how."""

    function: str = option("sine", "the truth", "Data", choices=(POINTS,), table=TRUE_FUNCTIONS)
    points: str = option("", "own points, such as -0.5,1.2;0,0.3 (with --function points)", "Data", "text")
    samples: int = option(
        20, "samples of the true function", "Data", "integer", low=3, high=MOST_SAMPLES, log=True
    )
    noise: float = option(
        0.3, "standard deviation of the noise in the values", "Data", low=0, high=MOST_NOISE
    )
    hidden_layers: int = option(2, "hidden layers", "Model", "integer", low=1, high=4)
    widths: tuple[int, ...] = option(
        WIDTHS,
        "units of each hidden layer: the capacities",
        "Model",
        "integer",
        low=1,
        high=WIDEST,
        several=True,
    )
    activation: str = option("tanh", "of the hidden layers", "Model", "choice", choices=CURVED)
    steps: int = option(
        300, "updates, each on all samples", "Optimisation", "integer", low=10, high=20_000, log=True
    )
    learning_rate: float = option(
        0.03, "of Adam at the start; it falls to a fiftieth", "Optimisation", low=1e-4, high=1.0, log=True
    )
    ridge: float = option(0.0, "L2: times the weights' squares", "Regularisation", low=0, high=10)
    lasso: float = option(0.0, "L1: times the weights' absolute values", "Regularisation", low=0, high=10)
    dropout: float = option(
        0.0, "share of hidden units left out at each step", "Regularisation", low=0, high=0.9
    )
    jitter: float = option(
        0.0,
        "augmentation: deviation of noise in the places, anew at each step",
        "Regularisation",
        low=0,
        high=1,
    )
    patience: int = option(
        0, "early stopping: steps without a better validation error; 0: off", "Regularisation", "integer",
        low=0, high=10_000, unit="steps",
    )  # fmt: skip

    def check(self) -> None:
        if not self.widths:
            raise ValueError("widths is empty; name at least one, such as 8")
        if self.function == POINTS:
            own_points(parsed_points(self.points or EXAMPLE), self.seed)
        if self.patience and self.stopping_samples < 2:
            raise ValueError(
                f"early stopping keeps a quarter of the samples to look at, and that is less than 2 here; "
                f"set patience to 0 instead of {self.patience}, or take more samples"
            )

    @property
    def stopping_samples(self) -> int:
        """How many samples early stopping keeps from the training."""
        return round(VALIDATION * len(self.data().x)) if self.patience else 0

    def data(self) -> CurveData:
        """What is fitted."""
        if self.function == POINTS:
            return own_points(parsed_points(self.points or EXAMPLE), self.seed)
        return sampled(TRUE_FUNCTIONS[self.function], self.samples, self.noise, self.seed)

    def plan(self) -> NetworkPlan:
        """How each network is trained."""
        return NetworkPlan(
            self.hidden_layers,
            self.activation,
            self.learning_rate,
            self.steps,
            self.ridge,
            self.lasso,
            self.dropout,
            self.jitter,
            self.patience,
        )

    @property
    def model_name(self) -> str:
        return "networks"

    @property
    def dataset_name(self) -> str:
        return self.function
