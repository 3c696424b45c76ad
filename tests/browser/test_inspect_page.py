"""The page that looks into a network, in a browser: its structure drawn, and files of strangers."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import expect
from safetensors.torch import save

from logs.writer import RunWriter
from models.zoo import build_model
from training.checkpoints import Checkpoint, Network, save_checkpoint

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch
EXAMINING = 60_000  # so does the process in quarantine


@pytest.fixture(scope="module")
def network(dashboard: Any) -> str:
    """A run with one checkpoint of a resnet18; its id."""
    run = RunWriter.create(dashboard.runs, model="resnet18", dataset="digits")
    made = build_model("resnet18", (3, 32, 32), 10)
    described = Network("resnet18", {}, (3, 32, 32), 10)
    position = {"step": 0, "epoch": 0, "batch": 0}
    save_checkpoint(run.directory.checkpoints, "best", Checkpoint(described, made.state_dict(), position))
    run.finish()
    return str(run.directory.id)


def upload(page: Any, name: str, content: bytes) -> None:
    page.locator('input[type="file"]').set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )


def test_the_structure_of_a_network_is_drawn(page: Any, dashboard: Any, network: str) -> None:
    page.goto(dashboard.page("inspect_model", inspect_tab="Structure", inspect_graph_depth="1"))
    expect(page.get_by_text("11,173,962").first).to_be_visible(timeout=STARTING)
    expect(
        page.get_by_role("figure", name="Parameters", exact=True).locator(".bars .point").first
    ).to_be_visible(timeout=STARTING)
    expect(page.locator('[data-testid="stGraphVizChart"] svg .node').first).to_be_visible(timeout=STARTING)
    page.get_by_role("radio", name="Multiply-adds", exact=True).click()
    expect(
        page.get_by_role("figure", name="Multiply-adds", exact=True).locator(".bars .point").first
    ).to_be_visible()
    expect(page).to_have_url(re.compile("inspect_measure=compute"))


def test_a_hostile_file_is_refused_and_the_page_lives_on(page: Any, dashboard: Any, tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    content = io.BytesIO()
    torch.save({"weight": torch.zeros(3), "evil": Runs()}, content)
    page.goto(dashboard.page("inspect_model", inspect_from="file"))
    expect(page.get_by_text("Choose a file of weights")).to_be_visible(timeout=STARTING)
    upload(page, "evil.pt", content.getvalue())
    expect(page.get_by_text("This file is not opened")).to_be_visible(timeout=EXAMINING)
    expect(page.get_by_text("foreign globals:")).to_be_visible()
    assert not (tmp_path / "ran").exists()
    upload(page, "good.safetensors", save(build_model("lenet5", (1, 28, 28), 10).state_dict()))
    expect(page.get_by_text("This file is not opened")).to_be_hidden(timeout=EXAMINING)
    expect(page.get_by_text("These numbers fit")).to_be_visible(timeout=EXAMINING)
    page.get_by_role("tab", name="Weights").click()
    expect(
        page.get_by_role("figure", name="Spread", exact=True).locator(".bars .point").first
    ).to_be_visible()
