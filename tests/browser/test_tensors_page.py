"""The page of tensors in a browser: origins light up as PyTorch has them, cells move, sliders redraw."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import torch
from playwright.sync_api import expect

from logs.writer import RunWriter
from models.tensor_operation import performed
from models.tensor_operations import TENSOR_OPERATIONS
from models.tensor_storage import laid_out
from training.checkpoints import Checkpoint, Network, save_checkpoint

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch


def board(page: Any) -> Any:
    return page.locator(".descent-tensors")


def cell(page: Any, tensor: int, number: int) -> Any:
    return board(page).locator(f"[data-tensor='{tensor}'][data-cell='{number}']")


def shown(page: Any, dashboard: Any, **query: str) -> None:
    page.goto(dashboard.page("tensors", **query))
    expect(board(page)).to_have_attribute("data-at", "1.000", timeout=STARTING)  # the move has ended


@pytest.mark.parametrize(
    ("name", "settings", "looked"),
    [
        ("permute", {"dims": "2,0,1"}, 5),
        ("matmul", {}, 6),
        ("amax", {"dim": "0"}, 2),
        ("as_strided", {"size": "2,3", "stride": "5,1"}, 4),
    ],
)
def test_what_lights_up_is_what_pytorch_read(
    page: Any, dashboard: Any, name: str, settings: dict[str, str], looked: int
) -> None:
    row = TENSOR_OPERATIONS[name]
    query = {f"tensors_{name}_{key}": value for key, value in settings.items()}
    shown(page, dashboard, tensors_group=row.group, **{f"tensors_{row.group}": name}, **query)
    outcome = performed(row, settings)
    place = len(outcome.inputs)
    cell(page, place, looked).hover()
    assert outcome.origins is not None
    origins = outcome.origins[0][looked]
    expect(board(page)).to_have_attribute("data-lit", json.dumps(origins, separators=(",", ":")))
    layout = laid_out([*outcome.inputs, *outcome.outputs])[0][place]
    lit = json.loads(board(page).get_attribute("data-stored"))
    assert f"{layout.storage}:{layout.cells[looked]}" in lit
    said = board(page).locator(".said")
    value = layout.values[looked]
    expect(said).to_contain_text(f"{value:g}")
    expect(said).to_contain_text(f"storage cell {layout.cells[looked]} = ")


def test_cells_move_under_the_slider_and_by_themselves(page: Any, dashboard: Any) -> None:
    shown(page, dashboard, tensors_shape="transpose")
    scrub = board(page).locator(".scrub")
    scrub.fill("500")
    expect(board(page)).to_have_attribute("data-at", "0.500")
    moving = int(board(page).get_attribute("data-moving"))
    assert 1 < moving <= 6  # some have arrived, some have not set out
    placed = board(page).get_attribute("data-ahead")
    scrub.fill("520")
    expect(board(page)).to_have_attribute("data-at", "0.520")
    assert board(page).get_attribute("data-ahead") != placed
    board(page).locator(".play").click()
    expect(board(page)).to_have_attribute("data-at", "1.000")
    expect(board(page)).to_have_attribute("data-moving", "0")
    assert int(board(page).get_attribute("data-frames")) > 10


def test_a_slider_and_the_keyboard_and_the_address(page: Any, dashboard: Any) -> None:
    shown(page, dashboard, tensors_shape="transpose")
    slider = page.get_by_role("slider", name="dim1")
    slider.focus()
    slider.press("ArrowLeft")
    expect(board(page)).to_have_attribute("data-shapes", "[[2,3],[2,3]]")
    expect(page).to_have_url(re.compile("tensors_transpose_dim1=0"))
    board(page).locator("svg").press("ArrowRight")
    expect(board(page).locator(".said")).to_contain_text("out[0, 0] = x[0, 0] = 0")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(page.get_by_text("PyTorch refuses")).to_be_visible()
    expect(board(page)).to_have_attribute("data-shapes", "[[2,3]]")


def test_a_real_layer_is_drawn_in_its_own_storage(page: Any, dashboard: Any) -> None:
    run = RunWriter.create(dashboard.runs, model="mlp", dataset="digits", config={})
    run.finish("finished")
    weights = torch.randn((20, 30), generator=torch.Generator().manual_seed(1))
    checkpoint = Checkpoint(Network("mlp", {}, (30,), 20), {"output.weight": weights}, {"step": 1})
    save_checkpoint(run.directory.checkpoints, "best", checkpoint)
    shown(page, dashboard, tensors_shape="transpose")
    page.get_by_role("paragraph").filter(has_text=re.compile("^x from a trained network$")).click()
    expect(page).to_have_url(re.compile("tensors_trained=true"))
    expect(board(page).locator(".in .quiet")).to_have_text("float32 · strides (30, 1)")
    expect(board(page).locator(".storage .gap")).to_have_count(1)
    cell(page, 1, 1).hover()  # out[0, 1] = x[1, 0]
    expect(board(page).locator(".said")).to_contain_text(f"out[0, 1] = x[1, 0] = {weights[1, 0]:.6g}")
    expect(board(page).locator(".said")).to_contain_text("storage cell 30 = 0 + 0·1 + 1·30")
    expect(board(page).locator("[data-storage='0'][data-cell='30']")).to_have_class(re.compile("lit"))
    part = page.get_by_role("textbox", name="Part of it")
    part.fill("-1, 25:")
    part.press("Enter")
    expect(page.get_by_text("PyTorch refuses")).to_be_visible()  # a row has no second dimension to swap
    part.fill("18:, 25:")
    part.press("Enter")
    expect(board(page)).to_have_attribute("data-shapes", "[[2,5],[5,2]]")


def test_a_choice_lasts_while_it_is_not_on_the_page(page: Any, dashboard: Any) -> None:
    """Streamlit begins a box that comes back with its first option, and says so one answer later."""
    shown(page, dashboard, tensors_group="create", tensors_create="layout")
    for name in ("zeros", "to another layout", "zeros", "to another layout"):
        page.get_by_role("radio", name=name, exact=True).click()
        expect(
            page.get_by_role("code").filter(has_text="zeros" if name == "zeros" else "to_sparse")
        ).to_be_visible()
    page.get_by_role("paragraph").filter(has_text=re.compile("^Storage$")).click()
    expect(page).to_have_url(re.compile("tensors_storage=false"))
    expect(page.get_by_role("code").filter(has_text="to_sparse(layout=torch.sparse_coo)")).to_be_visible()
