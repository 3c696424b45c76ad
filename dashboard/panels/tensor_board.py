"""Tensors as sheets of cells that move, in the browser: what goes in, what comes out, and storage."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.film import joined
from dashboard.panels.styles import styles
from dashboard.theme import DARK, LIGHT
from models.tensor_operation import Mixed, Operation, Outcome
from models.tensor_storage import Layout, laid_out

HERE = Path(__file__).resolve().parent
_BOARD = st.components.v2.component(
    "descent_tensors",
    html='<div class="descent-tensors"></div>\n<!-- filled by tensor_board.js -->',
    css=styles("range", "tensor_board"),
    js=joined("element", "tensor_board"),
)


def tensor_board(key: str, row: Operation, outcome: Outcome, storage: bool) -> None:
    """Shows an outcome that has origins, or inputs alone; `storage`: with the memory below."""
    drawn = board_data(row, outcome)
    _BOARD(
        key=key,
        data={
            **drawn,
            "key": json.dumps([row.name, outcome.lines]),
            "storage": storage,
            "palettes": {
                name: {
                    "sequential": palette.sequential,
                    "diverging": palette.diverging,
                    "accent": palette.categorical[2],  # green beside blue and orange cells
                }
                for name, palette in (("light", LIGHT), ("dark", DARK))
            },
            "words": {
                "board": _("Tensors as cells, from left to right: what goes in, what comes out"),
                "play": _("Move"),
                "pause": _("Pause"),
                "scrub": _("How far the cells have moved"),
                "empty": _("no cells"),
                "storage": _("Storage of"),
                "bytes": _("{bytes} bytes"),
                "stored": _("storage cell"),
                "told": _("by"),
                "read": _("Storage cell {cell} is read by {names}"),
                "point": _("Point at a cell, or press the arrow keys: it shows where it came from."),
            },
        },
    )


def board_data(row: Operation, outcome: Outcome) -> dict[str, Any]:
    """What the browser draws: every tensor's cells, the storages, and the origins of each output cell."""
    tensors = [*outcome.inputs, *outcome.outputs]
    layouts, storages = laid_out(tensors)
    names = [*(given.name for given in row.inputs), *outcome.names]
    return {
        "tensors": [
            _drawn(name, layout, "in" if place < len(outcome.inputs) else "out")
            for place, (name, layout) in enumerate(zip(names, layouts, strict=True))
        ],
        "storages": [
            {
                "values": [_plain(value) for value in storage.values],
                "bytes": storage.bytes,
                "places": storage.places,
            }
            for storage in storages
        ],
        "origins": outcome.origins,
        "moved": not isinstance(row.origin, Mixed),
        "verb": _(row.verb) if row.verb else "",
        "sign": row.sign.format(**outcome.values) if outcome.outputs else "",
    }


def _drawn(name: str, layout: Layout, role: str) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        "shape": layout.shape,
        "strides": layout.strides,
        "offset": layout.offset,
        "dtype": layout.dtype if layout.kind == "strided" else f"{layout.dtype} · {layout.kind}",
        "values": [_plain(value) for value in layout.values],
        "cells": layout.cells,
        "storage": layout.storage,
    }


def _plain(value: float | bool | None) -> float | bool | str | None:
    """As JSON has it: nan and the infinities as words."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
