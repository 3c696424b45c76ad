"""Every tensor operation over drawn arguments: its printed line is run, its origins proved by changes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.tensor_operation import (
    GROUPS,
    READERS,
    Argument,
    Mixed,
    Operation,
    Outcome,
    RefusedError,
    performed,
    values_of,
)
from models.tensor_operations import TENSOR_OPERATIONS, of_group
from models.tensor_storage import laid_out, offset_of, relation
from models.tensor_texts import index_of, literal, numbers_of, sizes_of

EVERY = pytest.mark.parametrize("row", TENSOR_OPERATIONS, ids=lambda row: row.name)
DRAWN = [row for row in TENSOR_OPERATIONS if row.shows == "cells"]
MOVING = [row for row in DRAWN if row.inputs]
# Looked up once: what checks types samples them by chance, which no strategy may do
ARGUMENTS = {row.name: row.arguments for row in TENSOR_OPERATIONS}
EQUATIONS = (
    "ij,jk->ik",
    "ij,ij->",
    "i,j->ij",
    "ij,kj->ik",
    "ijk,jk->i",
    "ii,ij->j",
    "ij,jk->ix",
    "i1->",
    "...j,j",
)
BY_VALUE = ("mask", "masked_fill", "sort", "topk")  # they look at the cells to decide what moves


def lists(low: int, high: int, most: int) -> st.SearchStrategy[str]:
    """Texts such as "2, 3"."""
    return st.lists(st.integers(low, high), max_size=most).map(lambda sizes: ", ".join(map(str, sizes)))


def grids(low: int, high: int) -> st.SearchStrategy[str]:
    """Texts such as "0, 1; 1, 0"."""
    sides = st.tuples(st.integers(1, 3), st.integers(1, 3))
    rows = sides.flatmap(lambda side: st.lists(
        st.lists(st.integers(low, high), min_size=side[1], max_size=side[1]), min_size=side[0],
        max_size=side[0]
    ))  # fmt: skip
    return rows.map(lambda found: "; ".join(", ".join(map(str, row)) for row in found))


SHAPES = lists(0, 4, 3)
INDICES = st.lists(
    st.sampled_from(("0", "1", "-1", "5", ":", "1:", "::2", "-2:", "0:2", "[0, 1]", "[1]", "...", "None",
    "::-1")),
    min_size=1, max_size=4,
).map(", ".join)  # fmt: skip


def drawn_argument(argument: Argument) -> st.SearchStrategy[Any]:
    """Any value that its control can be given."""
    if argument.name == "equation":
        return st.sampled_from(EQUATIONS)
    if argument.kind == "choice":
        return st.sampled_from([choice for choice in argument.choices if choice not in ("cuda", "mps")])
    if argument.kind == "flag":
        return st.booleans()
    if argument.kind == "integer":
        return st.integers(int(argument.low or 0), min(50, int(argument.high or 0)))
    if argument.kind == "number":
        return st.floats(float(argument.low or 0), float(argument.high or 0)).map(
            lambda number: round(number, 2)
        )
    if argument.reads == "index":
        return INDICES
    if argument.reads == "numbers":
        return grids(0, 2) if argument.name == "index_typed" else grids(-9, 9)
    if argument.name.endswith("_shape"):
        return SHAPES
    return lists(-1, 4, 3)


@st.composite
def drawn_settings(draw: st.DrawFn, row: Operation) -> dict[str, Any]:
    """Some of the row's arguments, drawn; the others keep their defaults."""
    return {each.name: draw(drawn_argument(each)) for each in ARGUMENTS[row.name] if draw(st.booleans())}


def run_lines(lines: tuple[str, ...], row: Operation) -> tuple[Tensor, ...]:
    """What the printed lines give, as a person would run them."""
    space: dict[str, Any] = {"torch": torch}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # compressed layouts are in beta
        exec("\n".join(lines), space)
    found = tuple(space[name] for name in row.outputs)
    return tuple(found[0]) if row.outputs == ("parts",) else found


def outcome_or_problem(row: Operation, drawn: dict[str, Any]) -> Outcome | ValueError:
    try:
        return performed(row, drawn)
    except ValueError as problem:
        return problem


def same(one: Tensor, other: Tensor) -> bool:
    if one.device.type == "meta" or other.device.type == "meta":
        return one.shape == other.shape and one.dtype == other.dtype and one.device == other.device
    one, other = one.to_dense(), other.to_dense()
    return one.dtype == other.dtype and torch.allclose(one.double(), other.double(), 0, 0, equal_nan=True)


@EVERY
def test_the_row_says_what_a_page_needs(row: Operation) -> None:
    assert row.group in GROUPS
    assert row.summary.endswith(".")
    assert row.source.startswith("https://")
    named = row.source.rsplit("/", 1)[1]
    if "/generated/" in row.source:  # the page of a function that PyTorch has
        place: Any = torch
        for part in named.removesuffix(".html").split(".")[1:]:
            place = getattr(place, part)
    if row.distribution is not None:
        assert hasattr(torch.distributions, row.source.rsplit(".", 1)[1])
    for argument in row.arguments:
        assert argument.check(argument.default, row.name) == argument.default
        assert not argument.reads or argument.reads in READERS


def test_every_group_has_operations_and_an_unknown_one_is_refused() -> None:
    assert sum(len(of_group(group)) for group in GROUPS) == len(TENSOR_OPERATIONS)
    assert all(of_group(group) for group in GROUPS)
    with pytest.raises(ValueError, match="there are create"):
        of_group("shapes")


@pytest.mark.parametrize("row", DRAWN, ids=lambda row: row.name)
@settings(max_examples=7, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_the_printed_line_gives_what_is_shown_or_a_refusal_says_why(
    row: Operation, data: st.DataObject
) -> None:
    outcome = outcome_or_problem(row, data.draw(drawn_settings(row)))
    if isinstance(outcome, RefusedError):
        assert outcome.why, f"no explanation of: {outcome.said}"
        with pytest.raises(Exception) as refused:  # whatever PyTorch raises
            run_lines(outcome.lines, row)
        assert str(refused.value).strip().split("\n")[0] == outcome.said
        return
    if isinstance(outcome, ValueError):
        assert len(str(outcome)) > 30  # a sentence of ours: a text that can't be read, too many cells
        return
    wanted = run_lines(outcome.lines, row)
    assert len(wanted) == len(outcome.outputs) == len(outcome.names)
    assert all(same(*pair) for pair in zip(outcome.outputs, wanted, strict=True))
    assert outcome.origins is not None
    assert [len(cells) for cells in outcome.origins] == [output.numel() for output in outcome.outputs]
    check_storage(row, outcome)


def check_storage(row: Operation, outcome: Outcome) -> None:
    """Each element is the storage cell it is said to read, by the formula of strides; views share memory."""
    tensors = [*outcome.inputs, *outcome.outputs]
    layouts, storages = laid_out(tensors)
    for layout in layouts:
        if layout.storage is None:
            continue
        stored = storages[layout.storage].values
        for index, cell, value in zip(np.ndindex(layout.shape), layout.cells, layout.values, strict=True):
            assert value == (stored[cell] if cell >= 0 else 0) or value != value
            assert layout.strides is None or offset_of(index, layout) == cell
    for result in outcome.outputs:
        for tensor in outcome.inputs:
            if result.device.type == "meta" or not result.numel():
                continue
            said, before = relation(result, tensor), result.to_dense().clone()
            kept = tensor.clone()
            tensor.add_(1 if tensor.dtype == torch.int64 else 0.5)
            assert (said != "copy") == (not same(before, result))
            tensor.copy_(kept)


@st.composite
def plain_settings(draw: st.DrawFn, row: Operation) -> dict[str, Any]:
    """As above with random numbers in x, so that nothing is equal by chance, and no sizes of 1."""
    found = draw(drawn_settings(row))
    for each in row.inputs:
        if each.kinds != ("typed",):
            found[f"{each.name}_numbers"] = "random"
            said = found.get(f"{each.name}_shape", each.shape)
            found[f"{each.name}_shape"] = (
                said.replace("0", "2").replace("1", "3") if row.name != "expand" else said
            )
    return found


@pytest.mark.parametrize("row", MOVING, ids=lambda row: row.name)
@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_a_result_changes_with_exactly_the_cells_it_comes_from(row: Operation, data: st.DataObject) -> None:
    drawn = data.draw(plain_settings(row))
    try:
        outcome = performed(row, drawn)
    except ValueError:
        return
    if row.name in ("dtype", "device"):  # every cell stays where it is; a type may hide a change
        assert outcome.origins == [[[cell + 1] for cell in range(outcome.inputs[0].numel())]]
        return
    values = values_of(row, drawn)[1]
    steps = (1e-4,) if row.name in BY_VALUE else (0.37, 1e3, -1e3)
    first = 1
    for place, tensor in enumerate(outcome.inputs):
        cells = range(tensor.numel()) if not row.inputs[place].whole else range(0)
        for cell in list(cells)[:: max(1, tensor.numel() // 5)]:
            changed = [torch.zeros(output.numel(), dtype=torch.bool) for output in outcome.outputs]
            for step in steps:
                moved = [each.clone() for each in outcome.inputs]
                moved[place].view(-1)[cell] += step
                try:
                    found = row.function(*moved, **values)
                except RuntimeError:  # a matrix that has become singular
                    continue
                found = found if isinstance(found, tuple | list) else (found,)
                for noted, before, after in zip(changed, outcome.outputs, found, strict=True):
                    differs = before.to_dense().flatten() != after.to_dense().flatten()
                    noted.logical_or_(differs & ~before.to_dense().flatten().isnan())
            assert outcome.origins is not None
            for noted, origins, output in zip(changed, outcome.origins, outcome.outputs, strict=True):
                said = torch.tensor([first + cell in each for each in origins], dtype=torch.bool)
                assert bool((noted <= said).all()), "a cell changes with one that is not among its origins"
                if certain(row, output, values):
                    assert bool((noted == said).all()), "an origin that changes nothing"
        first += tensor.numel()


def certain(row: Operation, output: Tensor, values: dict[str, Any]) -> bool:
    """Whether each cell that is read shows in the result: a place or a truth may stay what it is."""
    if (
        row.name in ("all", "argmax")
        or output.to_dense().isnan().any()
        or values.get("low", 0) > values.get("high", 1) - 1
    ):
        return False
    if row.name == "low_rank" and values["rank"] >= min(output.shape[-2:]):
        return False  # with every singular value it is x itself
    if row.name in ("eigh", "svd") and min(output.shape[-2:] or (0,)) < 2:
        return False  # a matrix of one number has the vector 1, whatever it is
    return isinstance(row.origin, Mixed) or not (row.name in ("sort", "topk") and output.dtype == torch.int64)


@pytest.mark.parametrize(
    "row", [row for row in TENSOR_OPERATIONS if row.distribution], ids=lambda row: row.name
)
def test_samples_are_those_of_the_printed_lines(row: Operation) -> None:
    before = torch.get_rng_state()
    outcome = performed(row, {"samples": 200, "seed": 3})
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(outcome.outputs[0], run_lines(outcome.lines, row)[0])
    assert not torch.equal(outcome.outputs[0], performed(row, {"samples": 200, "seed": 4}).outputs[0])


@given(text=INDICES, shape=st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_an_index_is_read_as_python_reads_it(text: str, shape: list[int]) -> None:
    index, x = index_of(text), torch.arange(torch.Size(shape).numel()).reshape(shape)
    try:
        wanted = eval(f"x[{text}]", {"x": x})  # noqa: S307 - a text of this test's own
    except (IndexError, ValueError) as problem:
        with pytest.raises(type(problem)):
            x[index.keys]
        return
    assert torch.equal(x[index.keys], wanted)
    assert torch.equal(eval(f"x[{literal(index)}]", {"x": x}), wanted)  # noqa: S307


@pytest.mark.parametrize(
    "text", ["", "x", "1;2", "__import__('os')", "[0", "0:1:2:3", "[a]", "1..2", "0 1", "1e3"]
)
def test_what_is_no_index_is_refused_and_never_run(text: str) -> None:
    with pytest.raises(ValueError, match=r"no index|no part|no list"):
        index_of(text)


@pytest.mark.parametrize("text", ["", "a, b", "1, 2; 3", "1, 2 | 3", ", ".join("1" * 97), "1; ; 2"])
def test_what_are_no_numbers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no numbers|different lengths|more than"):
        numbers_of(text)
    assert numbers_of("1, 2; 3, 4 | 5, 6; 7, 8") == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert numbers_of("1, 2.5") == [1.0, 2.5]


@pytest.mark.parametrize("text", ["2, x", "1.5", "2 3", "100, 100", "9999999999", "1,2,3,4,5,6,7,8,9"])
def test_what_are_no_sizes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"whole numbers|cells that are drawn"):
        sizes_of(text)
    assert sizes_of("(2, 3)") == (2, 3)
    assert sizes_of("") == ()


def test_too_many_cells_are_refused_with_a_way_out() -> None:
    with pytest.raises(ValueError, match="make it smaller"):
        performed(TENSOR_OPERATIONS["repeat"], {"times": "9, 9"})
    with pytest.raises(ValueError, match="larger steps"):
        performed(TENSOR_OPERATIONS["arange"], {"step": 1e-9})
