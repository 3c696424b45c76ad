"""A layer's real weights under the operations: parts of them, origins in their storage, the whole."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.tensor_operation import Held, Moved, RefusedError, performed
from models.tensor_operations import TENSOR_OPERATIONS
from models.tensor_storage import MOST_STORED, laid_out, numbered, storage_cells
from models.tensor_texts import index_of, sizes_of
from models.tensor_whole import MOST_WHOLE, fact_of, on_whole, spectrum, usual_part

SHAPES = [(64, 64), (6, 3, 5, 5), (40,), ()]
ROWS = [
    row
    for row in TENSOR_OPERATIONS
    if row.shows == "cells" and any(given.name == "x" and not given.whole for given in row.inputs)
]


def weights(shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def part(tensor: Tensor, text: str) -> Tensor:
    keys = index_of(text).keys
    return tensor[keys[0] if len(keys) == 1 else keys]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_operation_works_on_a_part_of_any_layer(row: Any, shape: tuple[int, ...]) -> None:
    wanted = sizes_of(next(given.shape for given in row.inputs if given.name == "x"))
    cut = part(weights(shape), usual_part(shape, wanted))
    assert cut.dim() == len(wanted)
    try:
        outcome = performed(row, held={"x": Held(cut, ("x = w[...]",))})
    except RefusedError:
        # a smaller layer than the operation's own example, or one that no view of a part can be had of
        assert tuple(cut.shape) != wanted or row.name in ("view", "device")
        return
    layouts, storages = laid_out([*outcome.inputs, *outcome.outputs])
    assert layouts[0].strides == tuple(cut.stride())
    stored = storages[layouts[0].storage]
    at = dict(zip(stored.places, stored.values, strict=True))
    assert [at[cell] for cell in layouts[0].cells] == layouts[0].values
    assert len(stored.places) <= max(MOST_STORED, 3 * len(layouts[0].cells) + 3 * 192)
    if isinstance(row.origin, Moved) and row.origin.by is None and len(row.inputs) == 1:
        for output, cells in zip(outcome.outputs, outcome.origins or [], strict=True):
            for value, came in zip(output.flatten().tolist(), cells, strict=True):
                assert not came or value == cut.flatten()[came[0] - 1].item()


def test_strides_by_hand_reach_beyond_the_part() -> None:
    """What is read from outside the part came from no cell of it."""
    whole = torch.arange(64.0).reshape(8, 8)
    outcome = performed(
        TENSOR_OPERATIONS["as_strided"],
        {"size": "2, 3", "stride": "8, 1", "offset": 1},
        held={"x": Held(whole[:2, :3], ("x = w[:2, :3]",))},
    )
    assert outcome.outputs[0].tolist() == [[1, 2, 3], [9, 10, 11]]
    assert outcome.origins == [[[2], [3], [], [5], [6], []]]
    assert numbered(whole[:2, :3], 1).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_storage_cells_are_what_as_strided_reads() -> None:
    base = torch.arange(60)
    for view in (
        base[7],
        base.reshape(3, 4, 5).permute(2, 0, 1)[1:, ::2],
        base[:4].reshape(4, 1).expand(4, 3),
    ):
        assert torch.equal(storage_cells(view), view)


def test_of_a_large_storage_only_what_is_read_is_shown() -> None:
    whole = weights((64, 64))
    _, (storage,) = laid_out([whole[3:5, 10:12], whole[3:5, 10:12].T])
    assert storage.places == [201, 202, 203, 204, 265, 266, 267, 268]
    assert storage.values == whole.flatten()[storage.places].tolist()
    assert storage.bytes == 64 * 64 * 4


def test_facts_are_pytorchs() -> None:
    whole = weights((30, 20))
    fact = fact_of("w", whole)
    assert (fact.shape, fact.dtype, fact.strides, fact.bytes) == ((30, 20), "float32", (20, 1), 2400)
    np.testing.assert_allclose(
        (fact.least, fact.mean, fact.largest), (whole.min(), whole.mean(), whole.max()), rtol=1e-5
    )
    (turned,) = on_whole(TENSOR_OPERATIONS["transpose"], whole, {})
    assert (turned.kind, turned.strides) == ("view", (1, 20))
    facts = on_whole(TENSOR_OPERATIONS["svd"], whole, {})
    assert [each.name for each in facts] == ["U", "S", "Vh"]
    assert facts[1].largest == pytest.approx(torch.linalg.matrix_norm(whole, 2).item(), rel=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (sparse,) = on_whole(TENSOR_OPERATIONS["layout"], whole, {"layout": "sparse_csr"})
    assert sparse.strides is None
    (nowhere,) = on_whole(TENSOR_OPERATIONS["device"], whole, {})
    assert (nowhere.least, nowhere.bytes) == (None, 0)


def test_what_cannot_be_done_on_the_whole_is_said() -> None:
    with pytest.raises(ValueError, match="takes 2 tensors"):
        on_whole(TENSOR_OPERATIONS["matmul"], weights((3, 3)), {})
    with pytest.raises(ValueError, match="choose a smaller one"):
        on_whole(TENSOR_OPERATIONS["sum"], torch.zeros(MOST_WHOLE + 1), {})
    with pytest.raises(RefusedError, match="square"):
        on_whole(TENSOR_OPERATIONS["inv"], weights((3, 4)), {})


def test_a_spectrum_stands_out_of_random_numbers() -> None:
    """One strong direction in noise: numpy's singular values, and the largest above all random ones."""
    noise = weights((40, 3, 5, 5))
    layer = noise + 3 * torch.linspace(-1, 1, 40)[:, None, None, None] * torch.ones(3, 5, 5)
    sizes, random = spectrum(layer)
    np.testing.assert_allclose(
        sizes, np.linalg.svd(layer.flatten(1).double().numpy(), compute_uv=False), rtol=1e-9
    )
    assert sizes[0] > 2 * random[0]
    assert random.square().sum().item() == pytest.approx(sizes.square().sum().item(), rel=0.1)
    with pytest.raises(ValueError, match="no matrix"):
        spectrum(weights((7,)))


@pytest.mark.parametrize(
    ("shape", "wanted", "text"),
    [
        ((64, 64), (2, 3), ":2, :3"),
        ((6, 1, 5, 5), (3, 3), "0, 0, :3, :3"),
        ((64, 64), (1, 4, 1), "None, :4, :1"),
        ((10,), (3, 4), "None, :4"),
        ((2, 2), (3, 4), ":2, :2"),
        ((), (), "..."),
    ],
)
def test_the_usual_part_has_the_wanted_dimensions(
    shape: tuple[int, ...], wanted: tuple[int, ...], text: str
) -> None:
    assert usual_part(shape, wanted) == text
