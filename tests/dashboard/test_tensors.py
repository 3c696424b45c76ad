"""The page of tensors: default, extreme and senseless settings; a new row; charts; what the board is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch

from dashboard.charts.tensor_projection import (
    directions_chart,
    pictures_chart,
    projection_chart,
    shares_chart,
)
from dashboard.charts.tensor_samples import expected_density, is_discrete, samples_chart
from dashboard.language import texts
from dashboard.panels.tensor_board import board_data
from dashboard.panels.try_this import suggestions
from models.tensor_operation import Argument, Given, Operation, generated, performed
from models.tensor_operations import TENSOR_OPERATIONS
from models.tensor_whole import spectrum
from training.checkpoints import Checkpoint, Network, save_checkpoint

DISTRIBUTIONS = {
    "normal": scipy.stats.norm(0, 1),
    "uniform": scipy.stats.uniform(0, 1),
    "laplace": scipy.stats.laplace(0, 1),
    "student_t": scipy.stats.t(3),
    "cauchy": scipy.stats.cauchy(0, 1),
    "exponential": scipy.stats.expon(),
    "gamma": scipy.stats.gamma(2),
    "beta": scipy.stats.beta(2, 5),
    "log_normal": scipy.stats.lognorm(0.5),
    "bernoulli": scipy.stats.bernoulli(0.3),
    "binomial": scipy.stats.binom(20, 0.4),
    "geometric": scipy.stats.geom(0.3, loc=-1),  # PyTorch counts the failures alone
    "poisson": scipy.stats.poisson(4),
}


@pytest.fixture
def visit(open_page: Callable) -> Callable[..., Any]:
    return lambda **query: open_page("tensors", **query)


def board(page: Any) -> dict[str, Any]:
    sent = [item.proto.mixed.json or item.proto.json for item in page.get("bidi_component")]
    return next(data for data in map(json.loads, filter(None, sent)) if "tensors" in data)


def test_the_page_opens_with_a_transpose_that_copies_nothing(visit: Any, words: Callable) -> None:
    page = visit()
    data = board(page)
    assert [tensor["shape"] for tensor in data["tensors"]] == [[2, 3], [3, 2]]
    assert [tensor["strides"] for tensor in data["tensors"]] == [[3, 1], [1, 3]]
    assert len(data["storages"]) == 1
    assert data["origins"] == [[[1], [4], [2], [5], [3], [6]]]
    assert page.code[0].value == "x = torch.arange(0.0, 6.0).reshape((2, 3))\nout = x.transpose(0, 1)"
    assert "A view" in words(page)
    assert not page.warning
    assert not page.error


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"tensors_shape": "permute", "tensors_permute_x_shape": "4,4,6"}, "A view"),
        ({"tensors_group": "create", "tensors_create": "layout"}, "indices() = [[0, 1, 2, 2], [2, 0, 1, 3]]"),
        ({"tensors_group": "create", "tensors_create": "device"}, "A copy"),
        ({"tensors_shape": "contiguous", "tensors_contiguous_turned": "false"}, "The same tensor"),
        ({"tensors_shape": "broadcast"}, "Aligned from the right, each pair"),
        ({"tensors_shape": "reshape", "tensors_reshape_x_shape": "", "tensors_reshape_shape": ""}, "A view"),
        ({"tensors_group": "algebra", "tensors_algebra": "lda", "tensors_lda_data": "digits"}, "Each dot"),
        ({"tensors_group": "distributions", "tensors_distributions": "cauchy"}, "Heavy tails"),
    ],
)  # fmt: skip
def test_settings_are_shown_and_said(visit: Any, words: Callable, query: dict[str, str], said: str) -> None:
    page = visit(**query)
    assert said in words(page)
    assert not page.warning
    assert not page.error


def test_what_pytorch_refuses_is_said_with_a_way_out(visit: Any, words: Callable) -> None:
    page = visit(tensors_shape="broadcast", tensors_broadcast_y_shape="2,4")
    assert "make them equal" in page.error[0].value
    assert "The size of tensor a (3) must match" in page.code[0].value
    assert "dimension -2 has sizes 3 and 2" in words(page)
    assert [tensor["name"] for tensor in board(page)["tensors"]] == ["x", "y"]


def test_a_senseless_link_is_said_and_the_page_lives(visit: Any) -> None:
    page = visit(tensors_group="shapes", tensors_shape="transposed", tensors_transpose_dim0="99")
    said = " ".join(warning.value for warning in page.warning).replace("\\", "")
    for part in ("'shapes'", "'transposed'", "between -4 and 3"):
        assert part in said
    page = visit(tensors_transpose_x_shape="two", tensors_transpose_x_numbers="primes")
    said = " ".join(warning.value for warning in page.warning).replace("\\", "")
    assert "no list of up to 8 whole numbers" in said
    assert "'primes'" in said
    page = visit(tensors_group="indexing", tensors_index_index="__import__('os')")
    assert "no part of an index" in page.warning[0].value


@pytest.fixture
def layer(make_run: Callable[..., Path]) -> tuple[str, torch.Tensor]:
    """A run whose checkpoint has a layer of 20 x 30 weights: its id, and the weights."""
    run = make_run()
    drawn = torch.randn((20, 30), generator=torch.Generator().manual_seed(1))
    network = Network("mlp", {}, (30,), 20)
    weights = {"output.bias": torch.zeros(20), "output.weight": drawn, "seen": torch.tensor(3)}
    save_checkpoint(run / "checkpoints", "best", Checkpoint(network, weights, {"step": 1}))
    return run.name, drawn


def test_a_layer_of_a_real_run_is_what_an_operation_works_on(
    visit: Any, words: Callable, layer: tuple[str, torch.Tensor]
) -> None:
    run, drawn = layer
    page = visit(tensors_trained="true")
    data = board(page)
    assert data["tensors"][0]["strides"] == [30, 1]  # the layer's own
    assert data["tensors"][0]["values"] == drawn[:2, :3].flatten().tolist()
    assert data["storages"][0]["bytes"] == 20 * 30 * 4
    assert data["storages"][0]["places"] == [0, 1, 2, 3, 29, 30, 31, 32, 33]
    code = page.code[0].value
    assert f'load_file("runs/{run}/checkpoints/best.safetensors")["weights/output.weight"]' in code
    assert "x = w[:2, :3]" in code
    assert "| `out` | (30, 20) | float32 | (1, 30) | 2,400 bytes, a view |" in words(page)
    assert list(page.selectbox(key="tensors_weight").options) == [
        "output.bias (20,)", "output.weight (20, 30)",
    ]  # fmt: skip
    page.selectbox(key="tensors_weight").select("output.bias").run()
    assert board(page)["tensors"][0]["shape"] == [1, 3]


def test_the_spectrum_of_a_real_layer(visit: Any, figures: Any, layer: tuple[str, torch.Tensor]) -> None:
    page = visit(tensors_trained="true", tensors_group="algebra", tensors_algebra="svd")
    trained, random = figures(page)["Singular values of the whole tensor"]["data"]
    wanted = spectrum(layer[1])
    np.testing.assert_allclose(trained["y"], wanted[0])
    np.testing.assert_allclose(random["y"], wanted[1])


def test_a_senseless_part_or_no_run_is_said(visit: Any, words: Callable, make_run: Callable) -> None:
    assert "No trained network yet" in words(visit(tensors_trained="true"))
    run = make_run()
    network = Network("mlp", {}, (30,), 20)
    save_checkpoint(run / "checkpoints", "best", Checkpoint(network, {"w": torch.ones(20, 30)}, {"step": 1}))
    part = "tensors_transpose_x_part_20x30"
    for text, said in (
        ("90, 1", "is no part of w"),
        (":", "more than the 96"),
        ("a b", "no part of an index"),
    ):
        page = visit(tensors_trained="true", **{part: text})
        assert said in page.warning[0].value.replace("\\", "")
    (run / "checkpoints" / "best.safetensors").write_bytes(b"torn")
    assert "no whole checkpoint" in visit(tensors_trained="true").error[0].value.replace("\\", "")


@pytest.mark.parametrize("place", range(5))
def test_every_suggestion_leads_to_its_operation(visit: Any, place: int) -> None:
    row = suggestions(texts("tensors")["try"])[place]
    page = visit()
    page.button(key=f"tensors_try_{place}").click().run()
    assert not page.exception
    assert not page.warning
    assert bool(page.error) == (row.sentence == "Why view refuses")
    settings = dict(row.settings)
    assert page.session_state["tensors_group"] == settings["tensors_group"]


def test_a_new_row_is_on_the_page(visit: Any, monkeypatch: pytest.MonkeyPatch, words: Callable) -> None:
    """One row is all that a new operation needs: controls, board, code and origins follow."""
    row = Operation(
        "narrow",
        "narrow",
        "indexing",
        "A stretch of a dimension.",
        r"\text{out}_i = x_{i + s}",
        generated("torch.narrow"),
        lambda x, start, length: x.narrow(0, start, length),
        "x.narrow(0, {start}, {length})",
        (Given(shape="6"),),
        (
            Argument("start", 1, "the first", "integer", low=0, high=5),
            Argument("length", 3, "how many", "integer"),
        ),
    )
    monkeypatch.setitem(TENSOR_OPERATIONS._rows, "narrow", row)
    page = visit(tensors_group="indexing", tensors_indexing="narrow", tensors_narrow_start="2")
    assert not [warning.value for warning in page.warning]
    assert board(page)["origins"] == [[[3], [4], [5]]]
    assert page.code[0].value.endswith("out = x.narrow(0, 2, 3)")
    assert "A stretch of a dimension." in words(page)


@pytest.mark.parametrize(
    "row", [row for row in TENSOR_OPERATIONS if row.shows == "cells"], ids=lambda row: row.name
)
def test_what_the_board_is_told_is_json_and_fits(row: Operation) -> None:
    outcome = performed(row)
    data = json.loads(json.dumps(board_data(row, outcome), allow_nan=False))
    assert len(data["tensors"]) == len(outcome.inputs) + len(outcome.outputs)
    for tensor, told in zip([*outcome.inputs, *outcome.outputs], data["tensors"], strict=True):
        assert len(told["values"]) == len(told["cells"]) == tensor.numel()
    assert [len(cells) for cells in data["origins"]] == [output.numel() for output in outcome.outputs]


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_samples_stand_beside_the_density_that_scipy_gives(name: str) -> None:
    row, theirs = TENSOR_OPERATIONS[name], DISTRIBUTIONS[name]
    assert row.distribution is not None
    ours = row.distribution(
        **{each.name: each.default for each in row.own if each.name not in ("samples", "seed")}
    )
    discrete = is_discrete(ours)
    places = np.arange(0, 12) if discrete else np.linspace(-3, 4, 57) + 1e-3
    if name == "bernoulli":
        places = places[:2]
    wanted = theirs.pmf(places) if discrete else theirs.pdf(places)
    np.testing.assert_allclose(expected_density(ours, places), wanted, rtol=2e-3, atol=1e-6)
    bars, curve = samples_chart(performed(row, {"samples": 2000}).outputs[0], ours).data
    if discrete:
        assert sum(bars.y) == pytest.approx(1)
    else:
        assert 0.9 < sum(bars.y) * bars.width <= 1 + 1e-9
    assert curve.mode == ("markers" if discrete else "lines")
    assert "nan" in samples_chart(torch.tensor([2.0]), ours).layout.title.text  # one sample has no spread


def test_projection_charts_have_their_data() -> None:
    points, labels = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), np.array([0, 1, 1])
    first, second = projection_chart(points, labels, ("a", "b"), "direction").data
    assert (list(first.x), list(second.y)) == ([0.0], [3.0, 5.0])
    assert len(projection_chart(points[:, :1], labels, ("a", "b"), "direction").data) == 2
    _, line = shares_chart(np.array([0.7, 0.2, 0.1]), 2, True).data
    np.testing.assert_allclose(line.y, [0.7, 0.9, 1.0])
    assert len(shares_chart(np.array([3.0]), 1, False).data) == 1
    assert list(directions_chart(np.eye(4), list("abcd")).data[2].y) == [0, 0, 1, 0]
    assert len(pictures_chart([np.eye(8), np.zeros((8, 8))], ["one", "none"], signed=True).data) == 2
