"""Films of the playground in the browser, which computes every picture itself from the weights.

Two components: `bring_film` hands a film's bytes to the page and shows nothing, `film_player` shows the films
that were brought. So what plays is left alone while new parts arrive, and a film that no longer grows is not
sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.styles import styles
from dashboard.theme import DARK, LIGHT, Palette
from models.activations import ACTIVATIONS

HERE = Path(__file__).resolve().parent
PIECES = ("element", "film_network", "film_store", "film_picture", "film_diagram", "film_curves", "film")


def joined(*pieces: str) -> str:
    """JavaScript files as one module: a component takes one."""
    return "\n".join((HERE / f"{piece}.js").read_text(encoding="utf-8") for piece in pieces)


_BRING = st.components.v2.component(
    "descent_film_data",
    html="<span></span>\n<!-- film_data.js shows nothing -->",
    js=joined("film_store", "film_data"),
)
_PLAYER = st.components.v2.component(
    "descent_film",
    html='<div class="descent-film" role="group" tabindex="0" hidden></div>\n<!-- filled by film.js -->',
    css=styles("range", "film"),
    js=joined(*PIECES),
)


def bring_film(content: bytes, key: str) -> None:
    """Gives the page a film (film_bytes), or its newer state; the key must be unique on the page."""
    _BRING(key=key, data=content, height=1)


def film_player(
    key: str,
    current: str,
    reference: str = "",
    *,
    play: bool = False,
    epoch: int | None = None,
    seed: int | None = None,
    show: str = "probability",
    metric: str = "loss",
    log: bool = False,
    validation: bool = True,
    titles: Mapping[str, str] | None = None,
) -> dict[str, Any] | None:
    """Shows the film of the run `current`, beside the one of `reference` where one is named.

    `play`: it begins to play when it is first shown, else it rests at `epoch` (None: at its end). `seed` is a
    place among the seeds, None the mean of all. When the reader has let the film rest, the page (or the
    fragment) is run once with a dict of `film`, its run, and `epoch`, None for the end; else None.
    """
    result = _PLAYER(
        key=key,
        data={
            "current": current,
            "reference": reference or None,
            "play": play,
            "epoch": epoch,
            "seed": seed,
            "show": show,
            "metric": metric,
            "log": log,
            "validation": validation,
            "titles": dict(titles or {"current": "", "reference": "", "difference": ""}),
            "words": film_words(),
            "palettes": {"light": _colors(LIGHT), "dark": _colors(DARK)},
        },
        on_rested_change=_nothing,
    )
    return dict(result.rested) if result.rested else None


def film_words() -> dict[str, Any]:
    """Every word that the player says, in the chosen language."""
    return {
        "film": _("Film of the training; space plays and pauses, arrow keys step"),
        "play": _("Play"),
        "pause": _("Pause"),
        "first": _("To the beginning"),
        "last": _("To the end"),
        "back": _("One frame back"),
        "forward": _("One frame on"),
        "epoch": _("Epoch"),
        "epochs": _("epoch"),
        "speed": _("Speed"),
        "counter": _("epoch {epoch} of {epochs}"),
        "plane": _("What the network says over the plane, with the points"),
        "network": _("The network: what each neuron says over the plane, and the weights"),
        "curves": _("Loss or accuracy over the epochs"),
        "train": _("train"),
        "validation": _("validation"),
        "band": _("lowest to highest seed"),
        "before": _("the other film"),
        "metrics": {"loss": _("loss"), "accuracy": _("accuracy")},
        "ending": _("Seed {seed} ended early: {said}"),
        "drawn": _("network drawn: seed {seed}"),
        "deviation": _("± {points} points over the seeds"),
        "point": _("a point of {class}, {split}"),
        "weight": _("weight"),
        "bias": _("bias"),
        "largest": _("at most {value} in size"),
        "silent": _("silent everywhere here"),
        "input": _("input"),
        "inputs": _("inputs"),
        "output": _("output"),
        "neuron": _("neuron {unit} of layer {layer}"),
        "activations": {row.name: row.title for row in ACTIVATIONS},
    }


def _colors(palette: Palette) -> dict[str, Any]:
    return {
        "diverging": palette.diverging,
        "sequential": palette.sequential,
        "categorical": palette.categorical,
        "quiet": palette.quiet,
    }


def _nothing() -> None:
    """A trigger only comes back to Python when a callback is named for it."""
