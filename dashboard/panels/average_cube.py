"""One tensor as a cube for each normalisation, in the browser: point at a cell, and its average lights up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from jaxtyping import Float
from torch import Tensor

from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.theme import DARK, LIGHT
from models.normalisation import EPSILON, NORMALISATIONS, averaged_sets, normalised

HERE = Path(__file__).resolve().parent
CELL = "normalisation_cell"
FIRST = "1-1-1"  # sample, channel, place, counted from 1

_CUBES = st.components.v2.component(
    "descent_cubes",
    html='<div class="descent-cubes"></div>\n<!-- filled by average_cube.js -->',
    css=(HERE / "average_cube.css").read_text(encoding="utf-8"),
    js=(HERE / "average_cube.js").read_text(encoding="utf-8"),
)


def average_cube(
    values: Float[Tensor, "samples channels side side"],
    settings: Mapping[str, Mapping[str, Any]],
    scale: float,
    shift: float,
) -> None:
    """A cube for each row of NORMALISATIONS. `settings` are those rows' own, by name. The chosen cell stands
    in the address.
    """
    samples, channels, side = values.shape[0], values.shape[1], values.shape[2]
    at = _at()
    result = _CUBES(
        key="normalisation_cubes",
        data={
            "shape": [samples, channels, side * side],
            "side": side,
            "values": values.flatten().tolist(),
            "kinds": [_kind(name, values, settings.get(name, {})) for name in NORMALISATIONS.names()],
            "scale": scale,
            "shift": shift,
            "epsilon": EPSILON,
            "at": at,
            "palettes": {"light": LIGHT.diverging, "dark": DARK.diverging},
            "words": {
                "before": _("Before"),
                "after": _("After"),
                "samples": _("samples"),
                "channels": _("channels"),
                "places": _("places"),
                "chosen": _("Sample {sample}, channel {channel}, row {row}, column {column}: {value}"),
                "set": _("Over {n} numbers: mean {mean}, variance {variance}"),
                "squares": _("Over {n} numbers: mean square {variance}"),
                "keys": _("Arrow keys choose a number; with Shift, up and down go through the samples"),
            },
        },
        on_at_change=_nothing,
    )
    told = result.at
    if told is not None and told != st.session_state.get(_TOLD) and _fits(str(told)):
        st.session_state[_TOLD] = told  # what the board says again is no news: a link may have moved it since
        st.query_params[CELL] = str(told)


_TOLD = "normalisation_cell_told"


def _kind(name: str, values: Tensor, settings: Mapping[str, Any]) -> dict[str, Any]:
    row = NORMALISATIONS[name]
    problem = ""
    try:
        sets = averaged_sets(tuple(values.shape), name, settings)
        normalised(values, name, settings)
    except ValueError as refused:
        problem = str(refused)
        sets = averaged_sets(tuple(values.shape), "layer")
    found = {"title": _(row.title), "sets": sets.flatten().tolist(), "centred": row.centred}
    return {"name": name, "problem": problem, **found}


def _at() -> str:
    """Which cell is chosen, as the address says."""
    if CELL in st.session_state:  # a "try this" has set it; no widget of Streamlit's holds it
        st.query_params[CELL] = str(st.session_state.pop(CELL))
    said = st.query_params.get(CELL, FIRST)
    if not _fits(said):
        words = _("{name} in the address is {value}; it must be sample, channel and place, like {example}.")
        noted_problem(CELL, words.format(name=CELL, value=repr(said), example="1-3-2"))
        return FIRST
    return said


def _fits(said: str) -> bool:
    return re.fullmatch(r"[1-9]\d?-[1-9]\d?-[1-9]\d?", said) is not None


def _nothing() -> None:
    """A value only comes back to Python when a callback is named for it."""
