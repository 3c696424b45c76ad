"""The table of laboratories: what a page starts in the background that is no plain training."""

from __future__ import annotations

from dataclasses import dataclass

from models.catalog import Catalog


@dataclass(frozen=True)
class Lab:
    """A row of LABS. Its name is the kind of the runs it makes; `module` has `main(arguments) -> int`."""

    name: str
    title: str
    module: str
    page: str  # the name of the page that shows these runs
    query: str = "run={run}"  # what its address says beside, so that it shows one run


LABS = Catalog(
    "laboratory",
    [
        Lab("playground", "Playground", "training.playground", "playground", "playground_film={run}"),
        Lab("curve", "Fit a curve", "training.curve", "fit_curve", "fit_run={run}"),
        Lab(
            "bias",
            "Bias and variance",
            "training.bias_variance",
            "fit_curve",
            "fit_tab=Bias+and+variance&fit_run={run}",
        ),
        Lab(
            "double_descent",
            "Double descent",
            "training.double_descent",
            "double_descent",
            "descent_tab=Trained+networks&descent_run={run}",
        ),
        Lab("landscape", "Loss landscape", "training.landscape", "landscape", "landscape_run={run}"),
        Lab(
            "inspection",
            "A look into a checkpoint",
            "training.inspection",
            "inspect_model",
            "inspect_look={run}",
        ),
    ],
)
