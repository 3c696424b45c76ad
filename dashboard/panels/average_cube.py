"""One tensor as a cube for each normalisation, in the browser: point at a cell, and its average lights up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from jaxtyping import Float
from torch import Tensor

from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.panels.film import joined
from dashboard.theme import DARK, LIGHT
from models.normalisation import EPSILON, NORMALISATIONS, averaged_sets, normalised

HERE = Path(__file__).resolve().parent
TILT = 83  # degrees at most


@dataclass(frozen=True)
class Setting:
    """What a hand sets on the cubes, and the address keeps."""

    name: str  # as the browser tells it
    key: str  # as the address has it
    usual: str
    fits: Callable[[str], bool]


def _fits_cell(said: str) -> bool:
    return re.fullmatch(r"[1-9]\d?-[1-9]\d?-[1-9]\d?", said) is not None


def _fits_turn(said: str) -> bool:
    if re.fullmatch(r"-?\d{1,3},-?\d{1,2}", said) is None:
        return False
    yaw, tilt = map(int, said.split(","))
    return abs(yaw) <= 180 and abs(tilt) <= TILT


SETTINGS = (
    Setting("at", "normalisation_cell", "1-1-1", _fits_cell),
    Setting("shown", "normalisation_shown", "before", lambda said: said in ("before", "after")),
    Setting("turn", "normalisation_turn", "34,29", _fits_turn),
)

_CUBES = st.components.v2.component(
    "descent_cubes",
    html='<div class="descent-cubes"></div>\n<!-- filled by average_cube.js -->',
    css=(HERE / "average_cube.css").read_text(encoding="utf-8"),
    js=joined("element", "average_cube"),
)


def average_cube(
    values: Float[Tensor, "samples channels side side"],
    settings: Mapping[str, Mapping[str, Any]],
    scale: float,
    shift: float,
) -> None:
    """A cube for each row of NORMALISATIONS. `settings` are those rows' own, by name. The chosen cell, which
    numbers are shown and how the cubes are turned stand in the address.
    """
    samples, channels, side = values.shape[0], values.shape[1], values.shape[2]
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
            **{setting.name: _from_address(setting) for setting in SETTINGS},
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
        on_shown_change=_nothing,
        on_turn_change=_nothing,
    )
    for setting in SETTINGS:
        _into_address(setting, getattr(result, setting.name))


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


def _from_address(setting: Setting) -> str:
    """What the address says; what it says amiss is remembered."""
    if setting.key in st.session_state:  # a "try this" has set it; no widget of Streamlit's holds it
        st.query_params[setting.key] = str(st.session_state.pop(setting.key))
    said = st.query_params.get(setting.key, setting.usual)
    if setting.fits(said):
        return said
    rule = {
        "at": _("sample, channel and place, like {example}").format(example="1-3-2"),
        "shown": _("before or after"),
        "turn": _("two angles in degrees, to the side and down, like {example}").format(example="34,29"),
    }[setting.name]
    words = _("{name} in the address is {value}; it must be {rule}.")
    noted_problem(setting.key, words.format(name=setting.key, value=repr(said), rule=rule))
    return setting.usual


def _into_address(setting: Setting, told: object) -> None:
    """What the board says again is no news: a link may have moved it since."""
    heard = f"{setting.key}_told"
    if told is None or told == st.session_state.get(heard) or not setting.fits(str(told)):
        return
    st.session_state[heard] = told
    if told == setting.usual:
        st.query_params.pop(setting.key, None)
    else:
        st.query_params[setting.key] = str(told)


def _nothing() -> None:
    """A value only comes back to Python when a callback is named for it."""
