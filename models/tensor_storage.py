"""How a tensor lies in memory: its storage, the strides through it, and which tensors share one.

https://docs.pytorch.org/docs/stable/tensor_view.html and https://docs.pytorch.org/docs/stable/storage.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

MOST_STORED = (
    192  # cells of a storage that are all shown; of a larger one those that are read, and neighbours
)


@dataclass(frozen=True)
class Layout:
    """A tensor in its storage.

    `cells`: for each element, in the order of its indices,
    the storage cell that it reads; -1 for none (a zero
    of a sparse tensor, or no memory at all). `storage`: the number of its storage in `stored`.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...] | None  # steps in cells along each dimension; None: no strides
    offset: int  # the storage cell of the first element
    dtype: str
    kind: str  # strided, sparse_coo ...
    bytes_each: int
    values: list[float | bool | None]  # one for each element; None: no memory
    cells: list[int]
    storage: int | None


@dataclass(frozen=True)
class Storage:
    """The numbers of a piece of memory, in order, and how many bytes it has.

    `places`: the cell that each number lies in. Of a large storage, such as that of a whole layer, only what
    is read is here, with a neighbour on either side of each stretch.
    """

    values: list[float | bool]
    bytes: int
    places: list[int] = field(default_factory=list)


def laid_out(tensors: Sequence[Tensor]) -> tuple[list[Layout], list[Storage]]:
    """Each tensor's layout, and the storages they read: those that share memory name the same one."""
    layouts: list[Layout] = []
    stored: list[Tensor] = []  # one tensor for each storage
    known: dict[int, int] = {}  # by address
    for tensor in tensors:
        if tensor.device.type == "meta":
            layouts.append(_layout(tensor, [None] * tensor.numel(), [-1] * tensor.numel(), None))
            continue
        numbers = tensor.detach()
        if tensor.layout != torch.strided:
            numbers = tensor.values() if tensor.layout != torch.sparse_coo else tensor.coalesce().values()
        address = numbers.untyped_storage().data_ptr()
        if address not in known or not address:  # no address: nothing is stored, and nothing shared
            known[address] = len(stored)
            stored.append(numbers)
        if tensor.layout == torch.strided:
            cells, values = storage_cells(tensor).flatten().tolist(), tensor.detach().flatten().tolist()
        else:
            cells, values = _sparse_cells(tensor), tensor.detach().to_dense().flatten().tolist()
        layouts.append(_layout(tensor, values, cells, known[address]))
    storages = [
        _storage(numbers, (cell for layout in layouts if layout.storage == place for cell in layout.cells))
        for place, numbers in enumerate(stored)
    ]
    return layouts, storages


def _storage(tensor: Tensor, read: Iterable[int]) -> Storage:
    memory = tensor.untyped_storage()
    count = memory.nbytes() // tensor.element_size()
    everything = tensor.as_strided((count,), (1,), 0)
    if count <= MOST_STORED:
        return Storage(everything.tolist(), memory.nbytes(), list(range(count)))
    near = {each for cell in set(read) if cell >= 0 for each in (cell - 1, cell, cell + 1)}
    places = sorted(cell for cell in near if 0 <= cell < count)
    return Storage(everything[places].tolist(), memory.nbytes(), places)


def storage_cells(tensor: Tensor) -> Tensor:
    """For each element the storage cell that it reads: offset + sum of index times stride (int64)."""
    cells = torch.tensor(tensor.storage_offset())
    for size, step in zip(tensor.shape, tensor.stride(), strict=True):
        cells = cells[..., None] + torch.arange(size) * step
    return cells


def numbered(tensor: Tensor, first: int) -> Tensor:
    """Its elements' numbers from `first` on in place of its values, laid out as it is; storage cells that it
    does not read hold 0. So a view of the numbers says which elements a view of the tensor reads.
    """
    numbers = torch.arange(first, first + tensor.numel()).reshape(tensor.shape)
    if tensor.layout != torch.strided or tensor.device.type == "meta" or 0 in tensor.stride():
        return numbers
    count = tensor.untyped_storage().nbytes() // tensor.element_size()
    if count == tensor.numel() and tensor.is_contiguous():
        return numbers
    memory = torch.zeros(count, dtype=torch.int64)
    laid = memory.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
    return laid.copy_(numbers)


def _layout(tensor: Tensor, values: list[float | bool | None], cells: list[int], place: int | None) -> Layout:
    strided = tensor.layout == torch.strided
    return Layout(
        tuple(tensor.shape),
        tuple(tensor.stride()) if strided else None,
        int(tensor.storage_offset()) if strided else 0,
        str(tensor.dtype).removeprefix("torch."),
        str(tensor.layout).removeprefix("torch."),
        tensor.element_size(),
        values,
        cells,
        place,
    )


def _sparse_cells(tensor: Tensor) -> list[int]:
    """For each element the place of its value among those that are stored, or -1."""
    coordinates = tensor.to_sparse_coo().coalesce()
    count = coordinates.values().numel()
    if tensor.layout == torch.sparse_csc:  # column by column, coordinates go row by row
        rows, columns = coordinates.indices()
        order = torch.argsort(columns * tensor.shape[0] + rows)
        places = torch.empty(count, dtype=torch.long)
        places[order] = torch.arange(count)
    else:
        places = torch.arange(count)
    numbered = torch.sparse_coo_tensor(
        coordinates.indices(), places + 1, coordinates.shape, check_invariants=False
    )
    return [int(cell) - 1 for cell in numbered.to_dense().flatten().tolist()]


def coordinates(tensor: Tensor) -> dict[str, list[Any]]:
    """What a sparse tensor stores beside its values, by PyTorch's names; nothing of a strided one."""
    names = {
        torch.sparse_coo: ("indices",),
        torch.sparse_csr: ("crow_indices", "col_indices"),
        torch.sparse_csc: ("ccol_indices", "row_indices"),
    }.get(tensor.layout, ())
    stored = tensor.coalesce() if tensor.layout == torch.sparse_coo else tensor
    return {name: getattr(stored, name)().tolist() for name in names}


def relation(result: Tensor, given: Tensor) -> str:
    """ "same" (the very tensor), "view" (it reads the same storage) or "copy" (storage of its own)."""
    if result is given:
        return "same"
    if "meta" in (result.device.type, given.device.type) or torch.strided not in (
        result.layout,
        given.layout,
    ):
        return "copy"
    if result.layout != given.layout or result.device != given.device:
        return "copy"
    address = result.untyped_storage().data_ptr()
    return "view" if address and address == given.untyped_storage().data_ptr() else "copy"


def offset_of(index: Sequence[int], layout: Layout) -> int:
    """The storage cell of an element: offset + sum of index times stride."""
    strides = layout.strides or ()
    return layout.offset + sum(place * step for place, step in zip(index, strides, strict=True))
