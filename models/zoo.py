"""The table of networks, collected from the files here that end in SPECS, and building one by name.

Two kinds of names are answered without being listed: `torchvision/<name>` (models/torchvision_models.py) and
`path/to/file.py:ClassName` (models/own.py).
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from models.catalog import Catalog, checked_settings
from models.model import InputShape, Model
from models.own import is_own, own_row
from models.torchvision_models import PREFIX, borrowed_row, torchvision_row


def _collected() -> Iterator[Model]:
    for path in sorted(Path(__file__).parent.glob("*.py")):
        # Read before importing: files that are no networks may be slow to import, or import this one.
        if re.search(r"^SPECS\b", path.read_text("utf-8"), re.MULTILINE):
            yield from importlib.import_module(f"models.{path.stem}").SPECS


class Zoo(Catalog[Model]):
    """The rows of this folder, and on demand one of torchvision or of the reader's own code."""

    def __getitem__(self, name: str) -> Model:
        if is_own(name):
            return own_row(name)
        if isinstance(name, str) and name.startswith(PREFIX):
            return torchvision_row(name)
        return super().__getitem__(name)

    def described(self) -> Iterator[Model]:
        yield from self
        yield borrowed_row("torchvision/NAME")
        yield own_row("FILE.py:CLASS")


MODELS: Catalog[Model] = Zoo("model", _collected())


def check_input(name: str, input_shape: InputShape) -> None:
    """ValueError when the named network cannot take samples of this shape."""
    row = MODELS[name]
    if not input_shape or math.prod(input_shape) < 1:
        raise ValueError(f"samples of shape {input_shape} hold no numbers; the smallest is (1,)")
    if row.inputs == "image" and len(input_shape) != 3:
        raise ValueError(
            f"{name} needs images (channels, height, width), and these samples have shape {input_shape}; "
            "choose mlp, or a data set of images"
        )
    if row.inputs == "plane" and math.prod(input_shape) != 2:
        raise ValueError(
            f"{name} needs points in the plane, two numbers each, and these samples have shape "
            f"{input_shape}; choose mlp, or a data set such as two_moons"
        )


def build_model(
    name: str, input_shape: InputShape, outputs: int, settings: Mapping[str, Any] | None = None
) -> nn.Module:
    """The named network for samples of this shape: it maps [batch, *input_shape] to [batch, outputs].

    Settings left out take their defaults. Its weights come from torch's global generator (torch.manual_seed).
    UnknownNameError for the name, ValueError for a setting, a shape or a number of outputs.
    """
    row = MODELS[name]
    checked = checked_settings(name, row.parameters, settings or {})
    check_input(name, input_shape)
    if outputs < 1:
        raise ValueError(f"{name} is asked for {outputs} outputs; a network has at least 1")
    return row.build(input_shape, outputs, **checked)
