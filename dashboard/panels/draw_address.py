"""What stands on the drawing board, in the page's address: the session has it while the page is open."""

from __future__ import annotations

import streamlit as st

from dashboard.draw_subject import TESTED, DrawSubject
from dashboard.drawn_strokes import unpacked_strokes
from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.panels.draw_board import Drawn

STROKES, CLASS, BRUSH, NUMBER = "draw_strokes", "draw_class", "draw_brush", "draw_picture"
TOLD, HANDED, GIVEN = "draw_told", "draw_handed", "draw_given"


def take(drawn: Drawn | None, subject: DrawSubject) -> None:
    """What the board tells for the first time stands in the address from now on. What it told before does not
    count: a link or a sentence may have set something since.
    """
    if drawn is None or drawn.id == st.session_state.get(TOLD):
        return
    st.session_state[TOLD] = drawn.id
    _to_address(drawn, subject)


def _to_address(drawn: Drawn, subject: DrawSubject) -> None:
    """What was drawn stands in the address, and is what the board has from now on."""
    values = {
        STROKES: drawn.strokes,
        CLASS: subject.classes[drawn.chosen] if 0 <= drawn.chosen < len(subject.classes) else "",
        BRUSH: str(drawn.brush) if drawn.brush != usual_brush(subject) else "",
        NUMBER: str(drawn.number) if drawn.number else "",
    }
    st.session_state[HANDED] = drawn.strokes
    for name, value in values.items():
        st.session_state[name] = value
        if value:
            if st.query_params.get(name) != value:
                st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]


def _said(name: str) -> str:
    """The session's value, begun with the address's."""
    if name not in st.session_state:
        st.session_state[name] = st.query_params.get(name, "")
    return str(st.session_state[name])


def strokes() -> str:
    text = _said(STROKES)
    try:
        unpacked_strokes(text)
    except ValueError as problem:
        noted_problem(STROKES, str(problem))
        st.session_state[STROKES] = text = ""
    return text


def given() -> int:
    """Counts how often the strokes came from elsewhere than the hand: then they replace what is drawn."""
    if st.session_state[STROKES] != st.session_state.get(HANDED):
        st.session_state[HANDED] = st.session_state[STROKES]
        st.session_state[GIVEN] = int(st.session_state.get(GIVEN, 0)) + 1
    return int(st.session_state.get(GIVEN, 0))


def chosen_class(subject: DrawSubject) -> int:
    name = _said(CLASS)
    if name and name not in subject.classes:
        words = _(
            "{name} in the address is {value}; it can be {options}. The class that is said is explained."
        )
        noted_problem(
            CLASS, words.format(name=CLASS, value=repr(name), options=", ".join(subject.classes[:12]))
        )
        st.session_state[CLASS] = name = ""
    return subject.classes.index(name) if name else -1


def brush(subject: DrawSubject) -> int:
    return _whole(BRUSH, 8, 200) or usual_brush(subject)


def number() -> int:
    return _whole(NUMBER, 1, TESTED)


def _whole(name: str, low: int, high: int) -> int:
    """A whole number of the address; 0 where it says none, or none that can be."""
    text = _said(name)
    if not text:
        return 0
    if text.isdecimal() and low <= int(text) <= high:
        return int(text)
    words = _("{name} in the address is {value}; it must be a whole number between {low} and {high}.")
    noted_problem(name, words.format(name=name, value=repr(text), low=low, high=high))
    st.session_state[name] = ""
    return 0


def usual_brush(subject: DrawSubject) -> int:
    """As thick as the data's own lines, for a drawing that fills two thirds of the board."""
    usual = subject.about["preparation"]
    share = float(usual["stroke"]) / max(float(usual["box"]), 1.0)
    return int(min(200, max(8, 4 * round(share * 1023 * 2 / 3 / 4))))
