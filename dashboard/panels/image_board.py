"""One operation on one picture: its settings, the picture before and after, and both as numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts.levels import levels_chart
from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice, named_switch
from dashboard.panels.picture_choice import chosen_picture, noisy_picture
from dashboard.panels.picture_wipe import picture_wipe
from dashboard.panels.plot import plot
from models.catalog import Parameter
from training.image_operations import OPERATIONS, code_of, families, operated, shown_extras
from training.picture_noise import psnr, ssim

COMPARED = "Filters"  # the family whose answers are held against the picture without noise
NOISE, CLEAN = "salt_and_pepper", "none"  # that filters open with, and the other families
WIDE = 210  # pixels of a control: three beside each other
USUAL = {COMPARED: "median"}  # what a family opens with, where that is not its first row


@st.fragment
def image_board(words: Mapping[str, str]) -> None:
    """The operation and the picture; what the operation's own sliders move runs again by itself."""
    family = named_switch(
        _("Operations"), families(), COMPARED, "image_family", _, on_change=_usual_noise
    )  # fmt: skip
    names = [row.name for row in OPERATIONS if row.family == family]
    name = named_switch(
        _("Operation"), names, USUAL.get(family, names[0]), f"image_{family.lower()}",
        lambda name: _(OPERATIONS[name].title), label_visibility="collapsed",
    )  # fmt: skip
    left, right = beside("image_board")
    with left:
        clean = chosen_picture(words)
        noisy = noisy_picture(clean, words, NOISE if family == COMPARED else CLEAN)
    with right:
        _before_and_after(name, clean, noisy, words)
        _about(name)


def _usual_noise() -> None:
    """Another family is chosen: noise is what filters are for, and hides what the others do. What the reader
    has chosen otherwise stays.
    """
    if st.session_state.get("image_noise") in (NOISE, CLEAN):
        st.session_state["image_noise"] = NOISE if st.session_state["image_family"] == COMPARED else CLEAN


@st.fragment  # without picture, upload and noise: half the elements
def _before_and_after(name: str, clean: np.ndarray, noisy: np.ndarray, words: Mapping[str, str]) -> None:
    row = OPERATIONS[name]
    settings: dict[str, Any] = {}
    if row.parameters:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            settings = {each.name: _control(each, name) for each in row.parameters}
    result = operated(noisy, name, settings)
    extras = [(_sentence(_(title)), shown) for title, shown in shown_extras(noisy, name, settings)]
    if noisy is not clean:
        extras.append((_("Without noise"), clean))
    given = _("Before") if noisy is clean else _("With noise")
    picture_wipe("image_wipe", (given, noisy), (_(row.title), result), extras)
    if row.family == COMPARED:
        st.markdown(_table(clean, noisy, name, result))
        st.caption(words["quality"])
    chart = levels_chart(noisy, result)
    plot(chart, "image_levels", 260, description=_("Levels before and after"), note=words["levels"])
    st.code(code_of(name, settings), language="python")
    st.caption(words["code"])


def _control(each: Parameter, name: str) -> Any:
    """A widget for one parameter of an operation."""
    label = _sentence(_(each.description)) + (f" ${each.symbol}$" if each.symbol else "")
    key = f"image_{name}_{each.name}"
    if each.kind == "choice":
        return named_choice(label, each.choices, str(each.default), key, _, width=WIDE)
    about = _("in {unit}").format(unit=_(each.unit)) if each.unit else None
    if each.kind == "integer":
        low, high, start = (int(value or 0) for value in (each.low, each.high, each.default))
        return bound_slider(label, low, high, start, key, int(each.step or 1), about, width=WIDE)
    low, high, start = (float(value or 0) for value in (each.low, each.high, each.default))  # type: ignore[assignment]
    return float(bound_slider(label, low, high, start, key, float(each.step or 0.1), about, width=WIDE))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _table(clean: np.ndarray, noisy: np.ndarray, name: str, result: np.ndarray) -> str:
    """The chosen filter beside all others with their usual settings, as Markdown: a table is one element."""
    head = [f"| | {_('PSNR')} | {_('SSIM')} |", "|:--|--:|--:|"]
    chosen = _line(f"**{_(OPERATIONS[name].title)}**", result, clean)
    return "\n".join([*head, *(chosen if line == _HERE else line for line in _usual(clean, noisy, name))])


_HERE = "the chosen one"
_USUAL = "image_usual"  # of the session: what the last pictures gave, for they may be the reader's own


def _usual(clean: np.ndarray, noisy: np.ndarray, name: str) -> tuple[str, ...]:
    """The table's other lines, which stay as they are while the chosen filter's sliders move."""
    kept = st.session_state.get(_USUAL)
    if kept is not None and kept[0] == name and _same(kept[1], clean) and _same(kept[2], noisy):
        return kept[3]
    lines = [_line(_("As it is given"), noisy, clean)]
    for row in OPERATIONS:
        if row.family == COMPARED:
            title = _("{title}, usual settings").format(title=_(row.title))
            lines.append(_HERE if row.name == name else _line(title, operated(noisy, row.name), clean))
    st.session_state[_USUAL] = (name, clean, noisy, tuple(lines))
    return tuple(lines)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one is other or np.array_equal(one, other)


def _line(title: str, picture: np.ndarray, clean: np.ndarray) -> str:
    decibels = psnr(picture, clean)
    said = "∞" if math.isinf(decibels) else f"{decibels:.1f} dB"
    return f"| {title} | {said} | {ssim(picture, clean):.3f} |"


def _about(name: str) -> None:
    row = OPERATIONS[name]
    with st.container(border=True):
        if row.formula:
            st.latex(row.formula)
        st.markdown(f"**{_(row.title)}** · {_(row.summary)}")
        st.caption(plain(row.source))
