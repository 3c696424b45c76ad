"""A square to draw into, and beside it what a network says of the drawing, computed in the browser.

Two components: `bring` hands bytes to the page (a network as ONNX, or pictures) and shows nothing,
`draw_board` draws and answers. So a network is sent once, however often the board's settings change.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.draw_subject import DrawSubject
from dashboard.language import _
from dashboard.panels.film import joined
from dashboard.panels.styles import styles
from dashboard.theme import DARK, LIGHT

HERE = Path(__file__).resolve().parent

PIECES = (
    "draw_prepare", "draw_strokes", "draw_runtime", "draw_show", "draw_pictures", "draw_pen", "draw"
)  # fmt: skip

_BRING = st.components.v2.component(
    "descent_draw_data",
    html="<span></span>\n<!-- draw_data.js shows nothing -->",
    js=joined("draw_runtime", "draw_data"),
)
_BOARD = st.components.v2.component(
    "descent_draw",
    html='<div class="descent-draw"></div>\n<!-- filled by draw.js -->',
    css=styles("range", "draw"),
    js=joined(*PIECES),
)


@dataclass(frozen=True)
class Drawn:
    """What stands on the board. `picture` is what the network got, [channels, height, width] from 0 to 1,
    None where nothing is drawn; `outputs` are the browser's by name, flat; empty where it can't compute them.
    """

    id: str
    network: str  # the one that was asked
    strokes: str  # packed (dashboard/drawn_strokes.py)
    chosen: int  # the class that is explained; -1: the one that is said
    brush: int  # steps of 1,023
    number: int  # of the picture of the test data on the board; 0: none
    picture: np.ndarray | None
    outputs: Mapping[str, np.ndarray]
    milliseconds: float  # that the browser took


@dataclass(frozen=True)
class Checked:
    """What the browser said of many pictures: outputs by name, flat, and how long all took."""

    check: str
    count: int
    seconds: float
    outputs: Mapping[str, np.ndarray]


def bring(content: bytes, key: str) -> None:
    """Gives bytes of `dashboard.draw_subject.packed` to the page; the key must be unique on it."""
    _BRING(key=key, data=content, height=1)


def before_board(key: str, shape: tuple[int, int, int]) -> Drawn | None:
    """What the board of that key last told, before it is called."""
    said = st.session_state.get(key)
    text = said.get("drawn") if said is not None else None
    return _drawn(text, shape) if text else None


def draw_board(
    key: str,
    subject: DrawSubject,
    network: str,
    *,
    runtime: str = "",
    strokes: str = "",
    given: int = 0,
    chosen: int = -1,
    brush: int = 60,
    centred: bool = True,
    number: int = 0,
    pictures: str = "",
    check: str = "",
    answer: tuple[str, Mapping[str, np.ndarray]] | None = None,
    words: Mapping[str, str] | None = None,
) -> tuple[Drawn | None, Checked | None]:
    """Draws the board and gives what stands on it.

    `network` and `pictures` are the ids under which they were brought, `runtime` the address of ONNX Runtime,
    "" where there is none: then `answer`, an id of `Drawn` and outputs, is what is shown. With another
    `given` than before, `strokes` replace what is drawn. A new `check`: all `pictures` are answered. `words`
    take the place of some of `board_words`.
    """
    about = subject.about
    result = _BOARD(
        key=key,
        data={
            "network": network,
            "runtime": runtime,
            "strokes": strokes,
            "given": given,
            "chosen": chosen,
            "brush": brush,
            "centred": centred,
            "number": number,
            "pictures": pictures,
            "check": check,
            "answer": None if answer is None else {"id": answer[0], "outputs": _texts(answer[1])},
            "shape": list(subject.shape),
            "classes": subject.classes,
            "layers": about["layers"],
            "field": about["field"],
            "preparation": about["preparation"],
            "palettes": {"light": _colours(LIGHT), "dark": _colours(DARK)},
            "words": {**board_words(), **(words or {})},
        },
        on_drawn_change=_nothing,
        on_checked_change=_nothing,
    )
    drawn = _drawn(result.drawn, subject.shape) if result.drawn else None
    return drawn, _checked(result.checked) if result.checked else None


def board_words() -> dict[str, str]:
    """Every word that the board says, in the chosen language."""
    return {
        "pen": _("Pen"),
        "eraser": _("Eraser"),
        "brush": _("Width"),
        "colour": _("Colour of the pen"),
        "undo": _("Undo"),
        "clear": _("Clear"),
        "file": _("Picture"),
        "stays": _("A picture from this machine; it stays in the browser"),
        "camera": _("Camera"),
        "shoot": _("Take it"),
        "previous": _("Previous test picture"),
        "next": _("Next test picture"),
        "sheet": _(
            "Draw here. With keys: arrows move the pen, Space puts it down and lifts it, Control Z undoes, "
            "Delete clears"
        ),
        "bars": _("Probability of each class"),
        "bar": _("{name}, {share}; explain this class"),
        "explain": _("Press to see what speaks for this class"),
        "seen": _("What the network gets"),
        "why": _("What speaks for a class (orange) and against it (blue)"),
        "why_class": _("What speaks for {name} (orange) and against it (blue)"),
        "legend": _("Layers, each on a scale of its own: orange above zero, blue below"),
        "layer": _("What layer {name} says"),
        "empty": _("Nothing is drawn yet: draw with the mouse, a finger or the arrow keys."),
        "faint": _("There is too little ink to find a drawing in it."),
        "said": _("The network says {name}."),
        "test": _("Picture {n} of the test data, which is {name}."),
        "thinking": _("The network is on its way."),
        "bad_file": _("This file is no picture that the browser can read, or larger than 30 MB."),
        "no_camera": _("There is no camera, or the browser was not allowed to use it."),
        "no_browser": _("The browser could not run the network, so PyTorch answers on the server."),
    }


def _texts(outputs: Mapping[str, np.ndarray]) -> dict[str, str]:
    return {
        name: base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")
        for name, values in outputs.items()
    }


def _numbers(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f4")


def _drawn(text: str, shape: tuple[int, int, int]) -> Drawn | None:
    """The browser is not ours: what it sends is taken apart with care, and what doesn't fit is dropped."""
    try:
        said = json.loads(text)
        picture = _numbers(said["picture"]).reshape(shape) if said["picture"] else None
        if picture is not None and not np.isfinite(picture).all():
            return None
        return Drawn(
            id=str(said["id"]),
            network=str(said["network"]),
            strokes=str(said["strokes"]),
            chosen=int(said["chosen"]),
            brush=int(said["brush"]),
            number=int(said["number"]),
            picture=picture,
            outputs={str(name): _numbers(values) for name, values in said["outputs"].items()},
            milliseconds=float(said["milliseconds"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _checked(text: str) -> Checked | None:
    try:
        said = json.loads(text)
        outputs = {str(name): _numbers(values) for name, values in said["outputs"].items()}
        return Checked(str(said["check"]), int(said["count"]), float(said["seconds"]), outputs)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _colours(palette: Any) -> dict[str, Any]:
    return {"diverging": palette.diverging, "sequential": palette.sequential}


def _nothing() -> None:
    """A value only comes back to Python when a callback is named for it."""
