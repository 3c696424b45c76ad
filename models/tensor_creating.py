"""Operations that make tensors, or change what a cell is: its type, where it lies, how it is stored."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from models.tensor_operation import DOCUMENTATION, Argument, Given, Moved, Operation, generated
from models.tensor_texts import LARGEST

DTYPES = (
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
)  # fmt: skip
SHAPE = Argument("shape", "2, 3", "sizes of each dimension", "text", reads="sizes")
SEED = Argument("seed", 0, "another number, other draws", "integer", low=0, high=20)


def _arange(start: float, end: float, step: float) -> Tensor:
    if step and (end - start) / step > LARGEST:
        raise ValueError(
            f"from {start:g} to {end:g} in steps of {step:g} are more than the {LARGEST} numbers that are "
            f"drawn; "
            "take larger steps"
        )
    return torch.arange(start, end, step)


def _tensor(numbers: Any) -> Tensor:
    return torch.tensor(numbers)


def _zeros(shape: tuple[int, ...]) -> Tensor:
    return torch.zeros(shape)


def _ones(shape: tuple[int, ...]) -> Tensor:
    return torch.ones(shape)


def _full(shape: tuple[int, ...], value: float) -> Tensor:
    return torch.full(shape, value)


def _eye(rows: int, columns: int) -> Tensor:
    return torch.eye(rows, columns)


def _drawn(draw: Any, shape: tuple[int, ...], seed: int) -> Tensor:
    return draw(shape, generator=torch.Generator().manual_seed(seed))


def _to_layout(x: Tensor, layout: torch.layout) -> Tensor:
    if layout == torch.strided:
        return x.to_dense()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # compressed layouts are said to be in beta
        return x.to_sparse(layout=layout)


def _layout_line(layout: torch.layout) -> str:
    return "x.to_dense()" if layout == torch.strided else f"x.to_sparse(layout={layout})"


CREATING = (
    Operation(
        "tensor", "tensor", "create",
        "A tensor of the numbers you write. Whole numbers give int64, others float32: the first surprise in "
        "many a program, since a mean or a gradient needs floats.",
        r"\text{out}_{ij} = \text{the number in row } i \text{, column } j", generated("torch.tensor"),
        _tensor, "torch.tensor({numbers})", (),
        (Argument("numbers", "1, 2, 3; 4, 5, 6", "commas in a row, semicolons between rows, bars between "
        "sheets",
                  "text", reads="numbers"),),
        origin=None,
    ),
    Operation(
        "zeros", "zeros", "create", "All cells 0: how biases and sums begin.",
        r"\text{out}_{ij} = 0", generated("torch.zeros"),
        _zeros, "torch.zeros({shape})", (), (SHAPE,), origin=None,
    ),
    Operation(
        "ones", "ones", "create", "All cells 1.",
        r"\text{out}_{ij} = 1", generated("torch.ones"),
        _ones, "torch.ones({shape})", (), (SHAPE,), origin=None,
    ),
    Operation(
        "full", "full", "create", "All cells the same number.",
        r"\text{out}_{ij} = v", generated("torch.full"),
        _full, "torch.full({shape}, {value})", (),
        (SHAPE, Argument("value", 7.0, "in every cell", low=-10.0, high=10.0, step=0.5, symbol="v")),
        origin=None,
    ),
    Operation(
        "arange", "arange", "create",
        "Numbers from start, as far apart as step says, to just before end: end itself is not among them.",
        r"\text{out}_i = a + i\,s, \quad i = 0, \dots, \lceil (b - a) / s \rceil - 1",
        generated("torch.arange"),
        _arange, "torch.arange({start}, {end}, {step})", (),
        (
            Argument("start", 0.0, "the first number", low=-10.0, high=10.0, step=0.5, symbol="a"),
            Argument("end", 10.0, "where it ends, itself left out", low=-10.0, high=10.0, step=0.5,
            symbol="b"),
            Argument("step", 2.0, "how far apart", low=-5.0, high=5.0, step=0.25, symbol="s"),
        ),
        origin=None,
    ),
    Operation(
        "linspace", "linspace", "create", "As many numbers as you ask for, evenly spread, both ends among "
        "them.",
        r"\text{out}_i = a + i\,\frac{b - a}{n - 1}", generated("torch.linspace"),
        torch.linspace, "torch.linspace({start}, {end}, "
        "{steps})",
        (),
        (
            Argument("start", 0.0, "the first number", low=-10.0, high=10.0, step=0.5, symbol="a"),
            Argument("end", 1.0, "the last number", low=-10.0, high=10.0, step=0.5, symbol="b"),
            Argument("steps", 5, "how many", "integer", low=0, high=24, symbol="n"),
        ),
        origin=None,
    ),
    Operation(
        "eye", "eye", "create", "1 on the diagonal, 0 elsewhere: the matrix that changes nothing.",
        r"\text{out}_{ij} = \delta_{ij}", generated("torch.eye"),
        _eye, "torch.eye({rows}, {columns})", (),
        (
            Argument("rows", 3, "how many rows", "integer", low=0, high=9),
            Argument("columns", 4, "how many columns", "integer", low=0, high=9),
        ),
        origin=None,
    ),
    Operation(
        "rand", "rand", "create", "Numbers drawn evenly from 0 to 1; the same seed gives the same numbers.",
        r"\text{out}_{ij} \sim \mathcal{U}(0, 1)", generated("torch.rand"),
        lambda shape, seed: _drawn(torch.rand, shape, seed),
        "torch.rand({shape}, generator=torch.Generator().manual_seed({seed}))", (), (SHAPE, SEED),
        origin=None,
    ),
    Operation(
        "randn", "randn", "create", "Numbers drawn from the standard normal distribution: how weights begin.",
        r"\text{out}_{ij} \sim \mathcal{N}(0, 1)", generated("torch.randn"),
        lambda shape, seed: _drawn(torch.randn, shape, seed),
        "torch.randn({shape}, generator=torch.Generator().manual_seed({seed}))", (), (SHAPE, SEED),
        origin=None,
    ),
    Operation(
        "randint", "randint", "create", "Whole numbers drawn evenly from low to just below high.",
        r"\text{out}_{ij} \sim \mathcal{U}\{l, \dots, h - 1\}", generated("torch.randint"),
        lambda low, high, shape, seed: torch.randint(
            low, high, shape, generator=torch.Generator().manual_seed(seed)
        ),
        "torch.randint({low}, {high}, {shape}, generator=torch.Generator().manual_seed({seed}))", (),
        (
            Argument("low", 0, "the smallest", "integer", low=-20, high=20, symbol="l"),
            Argument("high", 10, "one above the largest", "integer", low=-20, high=20, symbol="h"),
            SHAPE, SEED,
        ),
        origin=None,
    ),
    Operation(
        "dtype", "to another dtype", "create",
        "The same numbers in other cells: fewer bytes hold fewer digits or a shorter range. float16 ends at "
        "65,504, "
        "bfloat16 keeps about three digits, whole numbers are cut towards 0. What does not fit into a whole "
        "number's range comes out as anything.",
        r"\text{out}_{ij} = \text{the nearest that the type has}", DOCUMENTATION + "tensor_attributes.html",
        lambda x, dtype: x.to(dtype), "x.to({dtype})",
        (Given(shape="2, 3", kinds=("typed", "counting", "mixed", "random"), typed="0.1, 1.5, -2.7; "
        "3.14159265, "
               "100.3, 70000"),),
        (Argument("dtype", "float16", "what a cell holds", "choice", choices=DTYPES, reads="dtype"),),
        origin=Moved(lambda numbered, inputs, dtype: numbered[0]),
    ),
    Operation(
        "device", "to another device", "create",
        "Where the cells lie: the processor's memory, a graphics card's, or nowhere. On the meta device a "
        "tensor has a shape and no memory: sizes can be worked out without any numbers.",
        r"\text{out}_{ij} = x_{ij}", DOCUMENTATION + "tensor_attributes.html",
        lambda x, device: x.to(device), "x.to({device})", (Given(),),
        (Argument("device", "meta", "where the cells lie", "choice", choices=("cpu", "meta", "cuda",
        "mps")),),
        origin=Moved(lambda numbered, inputs, device: numbered[0]),
    ),
    Operation(
        "layout", "to another layout", "create",
        "How cells are stored: strided, each in its place; or sparse, only those that are not 0, with their "
        "coordinates (COO), or row by row (CSR), or column by column (CSC).",
        r"\text{out}_{ij} = x_{ij}", DOCUMENTATION + "sparse.html",
        _to_layout, _layout_line,
        (Given(shape="3, 4", kinds=("typed", "counting", "mixed", "random"), typed="0, 0, 3, 0; 4, 0, 0, 0; "
        "0, 5, 0, "
               "6"),),
        (Argument("layout", "sparse_coo", "how cells are stored", "choice",
                  choices=("strided", "sparse_coo", "sparse_csr", "sparse_csc"), reads="layout"),),
        origin=Moved(lambda numbered, inputs, layout: numbered[0]),
    ),
)  # fmt: skip
