"""The reader's own points: painted by hand, which the address holds, or a CSV file, which stays here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.language import _, count
from dashboard.painted_points import (
    FOLDER,
    keep_points,
    packed_points,
    painted_csv,
    points_file,
    unpacked_points,
)
from dashboard.panels.bounded import noted_problem
from dashboard.panels.named_choice import named_choice
from dashboard.panels.painter import painter
from dashboard.settings import Settings
from training.points import Points, PointsError, parse_points, read_points

WAYS = ("painted", "file")
PAINTED = "playground_painted"  # in the address: the points, packed
FILE = "playground_file"  # in the address: the name that the file has among the runs


def own_points(settings: Settings, words: Mapping[str, str]) -> dict[str, Any]:
    """`points`, the path of a CSV file, with what is to be written there as `csv`; or a sentence:
    `hint` where nothing has been given yet, `problem` where it can't be used.
    """
    titles = {"painted": _("Painted by hand"), "file": _("From a CSV file")}
    way = named_choice(_("Where from"), WAYS, WAYS[0], "playground_way", titles.__getitem__)
    return _painted(settings, words) if way == "painted" else _file(settings, words)


def own_values(points: str) -> dict[str, Any]:
    """What the widgets say for the file of a run's own points; nothing for a file that a person named."""
    path = Path(points)
    if path.parent.name != FOLDER:
        return {}
    return {"playground_way": "file", FILE: path.stem}


def _painted(settings: Settings, words: Mapping[str, str]) -> dict[str, Any]:
    text = _painted_text()
    now = painter("playground_painter", text)
    if now != text:
        st.session_state[PAINTED] = text = now
    if text:
        st.query_params[PAINTED] = text
    elif PAINTED in st.query_params:
        del st.query_params[PAINTED]
    csv = painted_csv(unpacked_points(text))
    try:
        parse_points(csv)
    except PointsError as problem:
        return {"problem": str(problem)} if text else {"hint": words["paint"]}
    return {"points": str(points_file(settings.runs, csv)), "csv": csv}


def _painted_text() -> str:
    """What has been painted; the address is read once, and what it says amiss is remembered."""
    if PAINTED not in st.session_state:
        said = st.query_params.get(PAINTED, "")
        try:
            said = packed_points(unpacked_points(said))
        except ValueError as problem:
            noted_problem(PAINTED, str(problem))
            said = ""
        st.session_state[PAINTED] = said
    return str(st.session_state[PAINTED])


def _file(settings: Settings, words: Mapping[str, str]) -> dict[str, Any]:
    uploaded = st.file_uploader(
        _("CSV file"), type=["csv", "txt", "tsv"], key="playground_upload", help=words["csv"]
    )
    if uploaded is not None:
        return _uploaded(uploaded.getvalue(), settings)
    named = str(st.session_state.get(FILE) or st.query_params.get(FILE, ""))
    path = settings.runs / FOLDER / f"{named}.csv"
    if not re.fullmatch(r"[0-9a-f]{16}", named):
        return {"hint": words["no_file"]}
    try:
        _say(read_points(path))
    except PointsError as problem:
        return {"problem": str(problem)}
    return {"points": str(path)}


def _uploaded(content: bytes, settings: Settings) -> dict[str, Any]:
    try:
        text = content.decode("utf-8-sig")
        _say(parse_points(text))
        path = keep_points(settings.runs, text)
    except UnicodeDecodeError:
        return {"problem": _("The file is no UTF-8 text; save it as CSV in UTF-8.")}
    except (PointsError, OSError) as problem:
        return {"problem": str(problem)}
    st.query_params[FILE] = st.session_state[FILE] = path.stem
    return {"points": str(path)}


def _say(points: Points) -> None:
    said = count(len(points), "{n} point", "{n} points")
    st.caption(f"{said} · {', '.join(points.class_names)}".replace("$", r"\$"))
