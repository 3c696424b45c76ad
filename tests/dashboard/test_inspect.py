"""The page that looks into a network, without a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from models.zoo import build_model
from training.checkpoints import Checkpoint, Network, save_checkpoint


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


def test_provenance_and_structure_of_a_checkpoint(
    inspected_run: Path, open_page: Callable[..., AppTest], words: Callable[..., str]
) -> None:
    page = open_page("inspect_model")
    facts = dict(page.dataframe[0].value.itertuples(index=False))
    assert facts["Network"] == "lenet5"
    assert len(facts["SHA-256"]) == 64
    page = open_page("inspect_model", inspect_tab="Structure", inspect_checkpoint="last")
    table = page.dataframe[0].value
    assert table["parameters"].iloc[0] > 10_000
    assert "senseless" not in words(page)


def test_senseless_settings_are_said(
    inspected_run: Path, open_page: Callable[..., AppTest], words: Callable[..., str]
) -> None:
    said = words(open_page("inspect_model", inspect_checkpoint="none", inspect_from="moon", inspect_tab="x"))
    assert "inspect_checkpoint in the address is 'none'" in said.replace("\\", "")
    assert "inspect_from in the address is 'moon'" in said.replace("\\", "")
