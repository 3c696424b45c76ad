"""An operation on tensors: what goes in, the line of PyTorch, what comes out, where each cell came from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from models.catalog import Parameter, checked_settings
from models.projections import Projection
from models.tensor_errors import explained
from models.tensor_storage import numbered as numbers_of_cells
from models.tensor_texts import (
    LARGEST,
    index_of,
    literal,
    numbers_of,
    part_sizes_of,
    sizes_of,
    whole_numbers_of,
)

MOST_OUT = 192  # cells that all results together may have
DOCUMENTATION = "https://docs.pytorch.org/docs/stable/"
GROUPS = ("create", "shape", "indexing", "joining", "reducing", "algebra", "distributions")
READERS: dict[str, Callable[[str], Any]] = {
    "sizes": sizes_of,
    "whole numbers": whole_numbers_of,
    "part sizes": part_sizes_of,
    "numbers": numbers_of,
    "index": index_of,
    "dimension": lambda said: None if said == "all" else int(said),
    "dtype": lambda said: getattr(torch, said),
    "layout": lambda said: getattr(torch, said),
}
REFUSALS = (RuntimeError, IndexError, ValueError, TypeError, AssertionError, NotImplementedError)


def generated(name: str) -> str:
    """The address of a function's page in PyTorch's documentation, from its name: "torch.Tensor.view"."""
    return f"{DOCUMENTATION}generated/{name}.html"


class RefusedError(ValueError):
    """PyTorch's error for arguments that don't fit: `said` is its text, `why` a sentence with the way out.
    `inputs`: the tensors that were made before.
    """

    def __init__(self, said: str, why: str, lines: Sequence[str] = (), inputs: Sequence[Tensor] = ()) -> None:
        super().__init__(f"{said} {why}")
        self.said, self.why, self.lines, self.inputs = said, why, tuple(lines), tuple(inputs)


@dataclass(frozen=True)
class Argument(Parameter):
    """A Parameter that may be typed as a text or a word; `reads` names the row of READERS that reads it."""

    reads: str = ""

    def value(self, settings: Mapping[str, Any]) -> Any:
        """As the operation takes it. ValueError names the argument, and what its reader says."""
        said = settings[self.name]
        if not self.reads:
            return said
        try:
            return READERS[self.reads](str(said))
        except ValueError as problem:
            raise ValueError(f"{self.name}: {problem}") from None


# What the numbers of a tensor are, and the PyTorch that makes them.
NUMBERS = {
    "counting": "torch.arange({low}, {high}).reshape({shape})",
    "mixed": "(torch.arange({low}, {high}) * 37 % 97 - 48).reshape({shape})",
    "random": "torch.randn({shape}, generator=torch.Generator().manual_seed({seed}))",
    "symmetric": "torch.randn({shape}, generator=torch.Generator().manual_seed({seed}))",
    "typed": "torch.tensor({typed})",
}


@dataclass(frozen=True)
class Given:
    """A tensor that goes in. `kinds`: what its numbers may be, the first by default. A `whole` one holds
    places (int64) and is typed. `start`: the first number where they count.
    """

    name: str = "x"
    shape: str = "2, 3"
    kinds: tuple[str, ...] = ("counting", "mixed", "random", "typed")
    typed: str = "3, -1, 2; 0, 5, -4"
    whole: bool = False
    start: int = 0
    about: str = "sizes of each dimension, at most three"

    @property
    def arguments(self) -> tuple[Argument, ...]:
        typed = Argument(
            f"{self.name}_typed", self.typed,
            "commas between numbers, semicolons between rows, bars between sheets", "text", reads="numbers",
        )  # fmt: skip
        if self.kinds == ("typed",):
            return (typed,)
        shape = Argument(f"{self.name}_shape", self.shape, self.about, "text", reads="sizes")
        numbers = Argument(
            f"{self.name}_numbers", self.kinds[0], "what the cells hold", "choice", choices=self.kinds
        )
        return (shape, numbers, *((typed,) if "typed" in self.kinds else ()))

    def line(self, settings: Mapping[str, Any]) -> str:
        """The PyTorch that makes the tensor. ValueError for a text that can't be read."""
        kind = self._kind(settings)
        if kind == "typed":
            return f"{self.name} = torch.tensor({literal(self._typed(settings))})"
        shape = self._shape(settings)
        low, high = float(self.start), float(self.start + math.prod(shape))
        written = NUMBERS[kind].format(low=low, high=high, shape=shape, seed=self.start)
        turned = f"\n{self.name} = {self.name} + {self.name}.transpose(-2, -1)" if kind == "symmetric" else ""
        return f"{self.name} = {written}{turned}"

    def made(self, settings: Mapping[str, Any]) -> Tensor:
        """The tensor that the line makes. ValueError as there, RuntimeError (PyTorch's) as in `line`."""
        kind = self._kind(settings)
        if kind == "typed":
            return torch.tensor(self._typed(settings))
        shape = self._shape(settings)
        if kind in ("random", "symmetric"):
            drawn = torch.randn(shape, generator=torch.Generator().manual_seed(self.start))
            return drawn + drawn.transpose(-2, -1) if kind == "symmetric" else drawn
        counted = torch.arange(float(self.start), float(self.start + math.prod(shape)))
        return (counted if kind == "counting" else counted * 37 % 97 - 48).reshape(shape)

    def _kind(self, settings: Mapping[str, Any]) -> str:
        return str(settings.get(f"{self.name}_numbers", "typed"))

    def _argument(self, name: str) -> Argument:
        return next(argument for argument in self.arguments if argument.name == f"{self.name}_{name}")

    def _typed(self, settings: Mapping[str, Any]) -> Any:
        numbers = self._argument("typed").value(settings)
        if not self.whole:
            return _as_floats(numbers)
        if any(isinstance(number, float) for number in _flat(numbers)):
            raise ValueError(f"{self.name} holds places, and some are no whole numbers; write 0, 1, 2 ...")
        return numbers

    def _shape(self, settings: Mapping[str, Any]) -> tuple[int, ...]:
        shape: tuple[int, ...] = self._argument("shape").value(settings)
        if len(shape) > 3 or any(size < 0 for size in shape):
            raise ValueError(
                f"{self.name} has the sizes {', '.join(map(str, shape))}; at most three, none below 0, are "
                f"drawn"
            )
        return shape


@dataclass(frozen=True)
class Moved:
    """Cells are carried, none is changed: run over numbered cells the operation says where each came from.

    `by(numbered, inputs, **values)`: in place of the operation, where it decides by the cells' values.
    `told(numbered, inputs, **values)`: for each result the cell that said which to take, as an index does.
    """

    by: Callable[..., Any] | None = None
    told: Callable[..., Tensor] | None = None


@dataclass(frozen=True)
class Mixed:
    """Each result is computed from cells: from those that change it at a point drawn at random.

    `like`: in place of the operation, where its own slope is zero; it must read the same cells.
    """

    like: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Operation:
    """A row of TENSOR_OPERATIONS: one operation on tensors.

    `function(*inputs, **values)` gives a tensor or several. `code` is the same as a line of PyTorch, with
    {argument} for each argument, or a function of the written arguments that gives it. `sign`: what stands
    between input cells where a result is spelled out, with {argument}s; "pairs": products of each two, added
    up.
    """

    name: str
    title: str
    group: str  # of GROUPS
    summary: str
    formula: str  # LaTeX
    source: str
    function: Callable[..., Any]
    code: str | Callable[..., str]
    inputs: tuple[Given, ...] = (Given(),)
    own: tuple[Argument, ...] = ()
    outputs: tuple[str, ...] = ("out",)
    origin: Moved | Mixed | None = field(default_factory=Moved)  # None: nothing goes in
    verb: str = ""  # such as "the sum of"
    sign: str = ""
    setup: str = ""  # lines before the one that counts, with {argument}s
    aligned: bool = False  # the shapes of two inputs are broadcast
    shows: str = "cells"  # or "samples" (a histogram), or "projection" (of a real data set)
    distribution: Callable[..., torch.distributions.Distribution] | None = None
    projection: Callable[..., Projection] | None = None  # of a real data set: function gives its coordinates

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """Those of the inputs, then its own."""
        return (*(each for given in self.inputs for each in given.arguments), *self.own)


@dataclass(frozen=True)
class Outcome:
    """What an operation gave. `origins`: for each output and each of its cells the input cells it came from,
    numbered from 1 on through all inputs; None: there are too many cells to draw.
    """

    names: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    lines: tuple[str, ...]
    origins: list[list[list[int]]] | None = None
    values: dict[str, Any] = field(default_factory=dict)  # the operation's own arguments


def values_of(row: Operation, settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """All settings checked, and the operation's own arguments as its function takes them."""
    checked = checked_settings(row.name, row.arguments, settings)
    return checked, {argument.name: argument.value(checked) for argument in row.own}


@dataclass(frozen=True)
class Held:
    """A tensor that is there already, such as a layer's weights, and the lines that bring it."""

    tensor: Tensor
    lines: tuple[str, ...]


def performed(
    row: Operation,
    settings: Mapping[str, Any] | None = None,
    real: tuple[Tensor, ...] | None = None,
    held: Mapping[str, Held] | None = None,
) -> Outcome:
    """What the operation gives with these settings (defaults where none is given).

    `real`: its inputs, where they are a data set; `held`: some of them by name. ValueError for a setting
    that can't be read, or results too large to be drawn; RefusedError for what PyTorch refuses.
    """
    checked, values = values_of(row, settings or {})
    lines: list[str] = []
    line = ""
    inputs = list(real or ())
    try:
        if real is None:
            for given in row.inputs:
                own = (held or {}).get(given.name)
                line = "\n".join(own.lines) if own else given.line(checked)
                inputs.append(own.tensor if own else given.made(checked))
                lines += line.split("\n")
        line = written(row, values)
        found = row.function(*inputs, **values)
    except REFUSALS as problem:
        if type(problem) is ValueError and not _is_pytorchs(problem):
            raise
        said = str(problem).strip().split("\n")[0]
        raise RefusedError(said, explained(said), [*lines, *line.split("\n")], inputs) from problem
    lines += line.split("\n")
    outputs = tuple(found) if isinstance(found, tuple | list) else (found,)
    if any(size < 0 for output in outputs for size in output.shape):  # PyTorch expands a number to (0, -1)
        raise ValueError("a size of the result is below 0, which PyTorch made and can't use; write 0 or more")
    names = row.outputs
    if len(names) != len(outputs):
        names = tuple(f"{names[0]}[{place}]" for place in range(len(outputs)))
    if row.shows != "cells":
        return Outcome(names, tuple(inputs), outputs, tuple(lines), values=values)
    if sum(output.numel() for output in outputs) > MOST_OUT:
        sizes = ", ".join(str(tuple(output.shape)) for output in outputs)
        raise ValueError(
            f"the result is {sizes}, more than the {MOST_OUT} cells that are drawn; make it smaller"
        )
    origins = origins_of(row, tuple(inputs), values, outputs)
    return Outcome(names, tuple(inputs), outputs, tuple(lines), origins, values)


def written(row: Operation, values: Mapping[str, Any]) -> str:
    """The line of PyTorch (and those before it) with these arguments."""
    words = {name: literal(value) for name, value in values.items()}
    setup = row.setup.format(**words) + "\n" if row.setup else ""
    line = row.code(**values) if callable(row.code) else row.code.format(**words)
    if row.projection is not None:  # from the data to the result, all written by the row
        return line
    return f"{setup}{', '.join(row.outputs)} = {line}"


def origins_of(
    row: Operation, inputs: tuple[Tensor, ...], values: Mapping[str, Any], outputs: tuple[Tensor, ...]
) -> list[list[list[int]]]:
    """For each output, for each of its cells, the numbers of the input cells it came from; of what is moved
    first the cell itself, then the one that said so.
    """
    if row.origin is None or not inputs:
        return [[[] for _ in range(output.numel())] for output in outputs]
    if isinstance(row.origin, Mixed):
        return _by_slope(row.origin.like or row.function, inputs, values)
    numbered, first = [], 1
    for tensor in inputs:
        numbered.append(numbers_of_cells(tensor, first))
        first += tensor.numel()
    if row.origin.by is not None:
        found = row.origin.by(tuple(numbered), inputs, **values)
    else:
        places = [
            tensor if given.whole else numbers
            for given, tensor, numbers in zip(row.inputs, inputs, numbered, strict=True)
        ]
        found = row.function(*places, **values)
    carried = found if isinstance(found, tuple | list) else (found,)
    origins = [[[int(cell)] if cell else [] for cell in each.flatten().tolist()] for each in carried]
    if row.origin.told is not None:
        guides = row.origin.told(tuple(numbered), inputs, **values).flatten().tolist()
        for cells, guide in zip(origins[0], guides, strict=True):
            if guide not in cells:
                cells.append(int(guide))
    return origins


def _by_slope(
    function: Callable[..., Any], inputs: tuple[Tensor, ...], values: Mapping[str, Any]
) -> list[list[list[int]]]:
    """By autograd's Jacobian at numbers drawn at random, where no slope is zero by chance."""
    draw = torch.Generator().manual_seed(1)
    points = [
        torch.rand(tensor.shape, generator=draw, dtype=torch.float64).add(0.5).requires_grad_()
        for tensor in inputs
    ]
    found = function(*points, **values)
    origins = []
    for output in found if isinstance(found, tuple | list) else (found,):
        cells = []
        for cell in output.flatten():
            slopes = torch.autograd.grad(cell, points, retain_graph=True, allow_unused=True)
            flat = [
                torch.zeros(point.numel()) if slope is None else slope.flatten()
                for point, slope in zip(points, slopes, strict=True)
            ]
            cells.append((torch.cat(flat).abs() > 1e-12).nonzero().flatten().add(1).tolist())
        origins.append(cells)
    return origins


def _is_pytorchs(problem: ValueError) -> bool:
    """Whether the error was raised inside PyTorch, or by what called it with an index (its slice steps)."""
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    raised_in = trace.tb_frame.f_globals.get("__name__", "") if trace else ""
    return raised_in.startswith("torch") or str(problem).startswith(
        ("step must be", "slice step", "expected sequence")
    )


def _flat(numbers: Any) -> list[Any]:
    return [each for part in numbers for each in _flat(part)] if isinstance(numbers, list) else [numbers]


def _as_floats(numbers: Any) -> Any:
    return [_as_floats(part) for part in numbers] if isinstance(numbers, list) else float(numbers)


__all__ = [
    "GROUPS",
    "LARGEST",
    "Argument",
    "Given",
    "Held",
    "Mixed",
    "Moved",
    "Operation",
    "Outcome",
    "RefusedError",
]
