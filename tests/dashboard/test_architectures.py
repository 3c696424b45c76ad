"""The page of architectures: the points of networks and runs, the tree, the block, and any address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from dashboard.architecture_look import every_network, facts_of, known_points, trained_networks
from dashboard.charts.architectures import AXES, block_chart, facts_frame, size_chart, tree_chart
from logs.catalog import RunCatalog
from logs.writer import RunWriter
from models.families import FAMILIES
from models.zoo import MODELS
from training.config import RunConfig
from training.fields import Settings

SMALL = {"lenet5", "resnet20"}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two networks, so that nothing takes long."""

    def small(shape: Any) -> Any:
        return [subject for subject in every_network(shape) if subject.model in SMALL]

    monkeypatch.setattr("dashboard.panels.architecture_networks.every_network", small)


def finished(runs: Path, accuracy: float, **changes: Any) -> None:
    config = RunConfig(model="lenet5", dataset="fashion_mnist").replace(**changes)
    about = {"model": config.model, "dataset": config.dataset, "config": config.to_dict()}
    with RunWriter.create(runs, **about) as run:
        run.log(1, {"accuracy": accuracy}, split="test", epoch=1)


def test_every_network_of_pictures_is_a_point() -> None:
    assert {one.model for one in every_network((1, 28, 28))} == {
        row.name for row in MODELS if row.inputs == "image"
    }


def test_the_best_run_of_each_network_with_its_settings_is_a_point(runs: Path) -> None:
    finished(runs, 0.7)
    finished(runs, 0.9)
    finished(runs, 0.8, pooling="maximum")
    subjects = trained_networks(RunCatalog(runs).rows())
    assert sorted(subject.accuracy for subject in subjects) == [0.8, 0.9]
    points = [point for point in known_points(subjects, False) if point]
    assert [point.facts.parameters for point in points] == [61_706, 61_706]
    assert "run?run=" in facts_frame(points)["run"][0]


def test_a_network_that_cannot_be_built_any_more_is_no_error() -> None:
    assert facts_of("lenet5", Settings({"of": "an older version"}), (1, 28, 28), 10) is None
    assert facts_of("alexnet", Settings({"sized_for": "paper"}), (1, 28, 28), 10) is None


@pytest.mark.parametrize("axis", AXES, ids=lambda row: row.name)
def test_any_number_can_be_on_either_axis(axis: Any) -> None:
    subjects = [one for one in every_network((1, 28, 28)) if one.model in SMALL]
    points = [point for point in known_points(subjects, axis.name == "time") if point]
    figure = size_chart(points, axis, AXES["parameters"])
    go.Figure(figure.to_dict())  # checks what the quick way did not
    shown = {text for trace in figure.data for text in trace.text}
    assert shown == (set() if axis.name == "accuracy" else SMALL)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda row: row.name)
def test_every_family_is_in_the_tree_and_has_its_block_drawn(family: Any) -> None:
    tree = go.Figure(tree_chart(family.name).to_dict())
    assert family.name in tree.data[-1].customdata
    block = go.Figure(block_chart(family).to_dict())
    said = [note.text for note in block.layout.annotations]
    assert all(layer in said for way in family.block for layer in way)


def test_the_page_shows_networks_and_the_family_of_the_address(open_page: Any, words: Any) -> None:
    page = open_page("architectures", arch_family="densenet", arch_x="depth")
    assert "Every layer sees all layers before it" in words(page)
    assert set(page.dataframe[0].value["network"]) == SMALL


def test_without_runs_the_page_says_how_to_make_some(open_page: Any, words: Any) -> None:
    assert "training.zoo_table" in words(open_page("architectures", arch_of="runs"))


def test_a_senseless_address_is_answered(open_page: Any) -> None:
    page = open_page("architectures", arch_x="beauty", arch_family="cats", arch_of="7", arch_pictures="1")
    said = " ".join(str(warning.value) for warning in page.warning).replace("\\", "")
    assert all(name in said for name in ("arch_x", "arch_family", "arch_of", "arch_pictures"))


def test_two_networks_in_one_place_have_names_apart() -> None:
    from dashboard.charts.architectures import _sides

    assert _sides([(10.0, 5.0), (10.2, 5.1), (10.0, 7.0)]) == ["top center", "bottom center", "top center"]
