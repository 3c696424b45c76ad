"""A graph of numbers on a page: forward and back step by step, its leaves edited, in the browser."""

from __future__ import annotations

import json
from pathlib import Path

import streamlit as st

from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.panels.styles import styles
from models.computation import Graph
from models.operations import OPERATIONS

HERE = Path(__file__).resolve().parent
PIECES = ("backprop_math", "backprop")  # a component takes one module
LARGEST = 1e6

_BOARD = st.components.v2.component(
    "descent_backprop",
    html='<div class="descent-backprop"></div>\n<!-- filled by backprop.js -->',
    css=styles("range", "backprop"),
    js="\n".join(
        (HERE / f"{piece}.js").read_text(encoding="utf-8") for piece in ("backprop_math", "backprop")
    ),
)


def backprop_board(key: str, graph: Graph, name: str, values_at: str, step_at: str) -> Graph:
    """Draws the graph; gives it with the values that the reader has set, which the address keeps at
    `values_at`, as it keeps the step at `step_at`. `name` tells one graph from another.
    """
    usual = [leaf.value for leaf in graph.leaves()]
    values, step = _values(values_at, usual), _step(step_at)
    text = f"{name}|{_packed(values)}|{step}"
    told, given = f"{key}_told", f"{key}_given"
    if text != st.session_state.get(told):  # from elsewhere than the board, which shall show it
        st.session_state[given] = int(st.session_state.get(given, 0)) + 1
        st.session_state[told] = text
    shown = graph.with_values(values)
    result = _BOARD(
        key=key,
        data={
            "nodes": [
                {
                    "name": node.name, "operation": node.operation, "parents": list(node.parents),
                    "value": node.value, "kind": node.kind, "place": node.place, "learns": learns,
                }
                for node, learns in zip(shown.nodes, shown.learning(), strict=True)
            ],
            "name": name,
            "given": st.session_state[given],
            "step": step,
            "symbols": {row.name: row.symbol for row in OPERATIONS},
            "rules": {row.name: list(row.rules) for row in OPERATIONS},
            "words": _words(),
        },
        on_told_change=_nothing,
    )  # fmt: skip
    if not result.told or result.told == st.session_state.get(f"{key}_heard"):
        return shown
    st.session_state[f"{key}_heard"] = result.told
    try:
        said = json.loads(result.told)
        found, step = [float(value) for value in said["values"]], int(said["step"])
        changed = graph.with_values(found)
    except (ValueError, KeyError, TypeError):  # the browser is not ours
        return shown
    if said.get("name") != name or not all(abs(value) <= LARGEST for value in found):
        return shown  # it still tells of the graph before
    st.session_state[told] = f"{name}|{_packed(found)}|{step}"
    _keep(values_at, "" if _packed(found) == _packed(usual) else _packed(found))
    _keep(step_at, "" if step == -1 else str(step))
    return changed


def _packed(values: list[float]) -> str:
    return ",".join(f"{value:.6g}" for value in values)


def _keep(key: str, text: str) -> None:
    if text:
        st.query_params[key] = text
    elif key in st.query_params:
        del st.query_params[key]


def _said(key: str) -> str:
    if key in st.session_state:  # a "try this" has set it
        _keep(key, str(st.session_state.pop(key)))
    return st.query_params.get(key, "")


def _values(key: str, usual: list[float]) -> list[float]:
    said = _said(key)
    if not said:
        return usual
    try:
        found = [float(value) for value in said.split(",")]
    except ValueError:
        found = []
    if len(found) != len(usual) or not all(abs(value) <= LARGEST for value in found):
        words = _("{name} in the address is {value}; it must be {n} numbers after commas.")
        noted_problem(key, words.format(name=key, value=repr(said[:60]), n=len(usual)))
        _keep(key, "")
        return usual
    return found


def _step(key: str) -> int:
    said = _said(key)
    if not said:
        return -1
    if said == "-1" or (said.isdecimal() and len(said) < 5):
        return int(said)
    words = _("{name} in the address is {value}; it must be a whole number of steps, or -1 for the end.")
    noted_problem(key, words.format(name=key, value=repr(said[:60])))
    return -1


def _words() -> dict[str, str]:
    return {
        "first": _("To the beginning"),
        "back": _("One step back"),
        "play": _("Play"),
        "forward": _("One step on"),
        "last": _("To the end"),
        "step": _("Step"),
        "count": _("step {n} of {of}"),
        "numbers": _("Numbers to change"),
        "value": _("Value of {name}"),
        "descend": _("One step of gradient descent"),
        "rate": _("Learning rate"),
        "node": _("Node {name}"),
        "at": _("At"),
        "begin": _("Nothing is computed yet. Go on step by step, or play."),
        "fixed": _("A constant: no gradient is wanted."),
        "not_yet": _("Not every way back has been gone yet."),
    }


def _nothing() -> None:
    """A value only comes back to Python when a callback is named for it."""
