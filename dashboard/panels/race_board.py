"""A race of optimizers in the browser: surface, relief, losses and table, to play, scrub and begin anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.film import joined
from dashboard.panels.styles import styles
from dashboard.theme import DARK, LIGHT, Palette

HERE = Path(__file__).resolve().parent

_RACE = st.components.v2.component(
    "descent_race",
    html='<div class="descent-race"></div>\n<!-- filled by race_board.js -->',
    css=styles("range", "race_board"),
    js=joined("race_surface", "race_relief", "race_loss", "race_board"),
    isolate_styles=False,  # benchmarks/pages.py looks into it; its styles name nothing but its own
)


def race_board(key: str, picture: dict[str, Any], moved: Callable[[str], None]) -> None:
    """Shows what `race_picture` made. `moved` is called with "x,y" when a hand has put the start there,
    before the page (or the fragment) is run again.
    """

    def told() -> None:
        said = st.session_state[key].get("start")
        if said:
            moved(str(said))

    _RACE(
        key=key,
        data={
            **picture,
            "palettes": {"light": _colors(LIGHT), "dark": _colors(DARK)},
            "words": {
                "play": _("Play"),
                "pause": _("Pause"),
                "scrub": _("Step of the race"),
                "speed": _("Speed"),
                "counter": _("step {step} of {steps}"),
                "map": _("The surface from above, with the paths"),
                "map_help": _("Click or drag to set the start; the arrow keys move it too."),
                "relief": _("The surface as a relief, with the paths"),
                "relief_help": _(
                    "Drag to turn it. Height and shade are the same: logarithmic where it is high."
                ),
                "loss": _("Loss above the lowest minimum"),
                "value": _("the surface is at"),
                "step": _("step"),
                "optimizer": _("optimizer"),
                "rate": _("learning rate"),
                "place": _("where it is"),
                "gap": _("loss above the minimum"),
                "reached": _("minimum, and since when"),
                "below": _("below 1e-16"),
                "not_yet": _("at none"),
                "left": _("left at step {step}"),
                "focus": _("Show this one, the others faint"),
            },
        },
        on_start_change=told,
    )


def _colors(palette: Palette) -> dict[str, Any]:
    return {
        "sequential": palette.sequential[1:],
        "categorical": palette.categorical,
        "star": palette.categorical[1],
    }
