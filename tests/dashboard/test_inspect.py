"""The page that looks into a network, without a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from streamlit.testing.v1 import AppTest

from dashboard.charts.network_graph import graph_dot
from dashboard.inspect_subject import Subject
from dashboard.model_card import model_card
from dashboard.panels.inspect_export import weights_file
from dashboard.panels.inspect_file import own_fit, subject_of_file, weights_of_file
from dashboard.panels.inspect_provenance import provenance
from models.fitting import fitting
from models.graph import Graph, Node
from models.zoo import build_model
from training.checkpoints import Checkpoint, Network, save_checkpoint
from training.foreign import examine


@pytest.fixture
def inspected_run(make_run: Callable[..., Path]) -> Path:
    """A finished run with the checkpoint of a small network for pictures of digits."""
    run = make_run(kind="train", model="lenet5")
    for name, seed in (("best", 1), ("last", 2)):
        torch.manual_seed(seed)
        network = build_model("lenet5", (1, 8, 8), 10)
        position = {"step": 20, "epoch": seed, "batch": 0}
        info = {"classes": [str(digit) for digit in range(10)], "dataset": "digits", "task": "classification"}
        described = Network("lenet5", {}, (1, 8, 8), 10)
        save_checkpoint(
            run / "checkpoints", name, Checkpoint(described, network.state_dict(), position, info)
        )
    return run


def test_without_a_run_the_page_says_what_to_do(
    open_page: Callable[..., AppTest], words: Callable[..., str]
) -> None:
    assert "No run has saved a checkpoint yet" in words(open_page("inspect_model"))


def test_the_tabs_that_need_no_data(
    inspected_run: Path,
    open_page: Callable[..., AppTest],
    words: Callable[..., str],
    figures: Callable[..., dict[str, Any]],
) -> None:
    page = open_page("inspect_model")
    facts = dict(page.dataframe[0].value.itertuples(index=False))
    assert facts["Network"] == "lenet5"
    assert len(facts["SHA-256"]) == 64
    page.query_params["inspect_tab"] = "Structure"
    page.query_params["inspect_times"] = "true"
    page.query_params["inspect_depth"] = "1"
    page.run()
    table = page.dataframe[0].value
    assert table["parameters"].iloc[0] == 61_706 - 0
    assert (table["milliseconds"] > 0).any()
    assert "features" in " ".join(table["layer"])
    assert "PyTorch's flop counter" not in words(page)
    assert {"Parameters"} <= figures(page).keys()
    page = open_page("inspect_model", inspect_tab="Weights", inspect_tensor="classifier.weight")
    assert {"Spread", "Norm of each unit's weights", "Singular values"} <= figures(page).keys()
    changed = page.dataframe[1].value
    assert (changed["relative"] > 0).any()
    page = open_page("inspect_model", inspect_tab="Export")
    card = page.code[0].value
    assert "# `lenet5`" in card
    assert "Nothing was measured with these very weights" not in card


def test_senseless_settings_are_said(
    inspected_run: Path, open_page: Callable[..., AppTest], words: Callable[..., str]
) -> None:
    said = words(open_page("inspect_model", inspect_checkpoint="none", inspect_from="moon", inspect_tab="x"))
    assert "inspect_checkpoint in the address is 'none'" in said.replace("\\", "")
    assert "inspect_from in the address is 'moon'" in said.replace("\\", "")


def test_a_stranger_s_file_becomes_a_subject(tmp_path: Path) -> None:
    """What the page does with an upload, without the page: examined, matched, filled."""
    network = build_model("resnet20", (3, 32, 32), 10).eval()
    found = examine(save(network.state_dict()))
    state = weights_of_file(found)
    fit = next(fit for fit in fitting(state) if fit.name == "resnet20")
    subject = subject_of_file(found, "theirs.safetensors", state, fit)
    assert subject.network is not None
    assert torch.equal(subject.network(torch.ones(1, 3, 32, 32)), network(torch.ones(1, 3, 32, 32)))
    assert provenance(subject)["Network"] == "resnet20"
    assert subject_of_file(found, "theirs.safetensors", state, None).network is None
    reread = examine(weights_file(subject))
    assert all(torch.equal(reread.tensors[name], tensor) for name, tensor in state.items())


def test_a_checkpoint_of_ours_says_which_network_it_is(inspected_run: Path) -> None:
    found = examine((inspected_run / "checkpoints" / "best.safetensors").read_bytes())
    fit = own_fit(found)
    assert (fit.name, fit.input_shape, fit.outputs) == ("lenet5", (1, 8, 8), 10)
    subject = subject_of_file(found, "best.safetensors", weights_of_file(found), fit)
    assert subject.class_names == tuple("0123456789")
    assert subject.position["step"] == 20


def test_a_header_that_lies_gives_numbers_without_a_network() -> None:
    for network in ({"model": "mlp", "settings": {}, "input_shape": [5], "outputs": 2}, {"model": "no such"}):
        described = {"network": network, "info": {"classes": "no list"}, "position": [1]}
        found = examine(save({"weights/a": torch.ones(2, 2)}, metadata={"descent": json.dumps(described)}))
        subject = subject_of_file(found, "x", weights_of_file(found), own_fit(found))
        assert subject.network is None
        assert subject.class_names == ()


def test_a_graph_quotes_names_and_a_card_shows_them_as_code() -> None:
    dot = graph_dot(Graph((Node(0, 'Evil"]', "a\\b", (1, 2)),), ()))
    assert 'label="a\\\\b\\nEvil\\"]\\n2"' in dot
    subject = Subject("[x](http://evil) | `a`", "file", "0" * 64, 1, {}, None, None)
    assert "# `[x](http://evil) / 'a'`" in model_card(subject, None)
