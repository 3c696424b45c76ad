"""Show the code: a page's own source, for whoever wants to know how it is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.settings import REPOSITORY


def show_source(view: str, *functions: Callable[..., Any]) -> None:
    """A closed box with the view's file (pass `__file__`) and the functions that compute what it shows."""
    box = st.expander(_("Show the code"), icon=":material/code:", on_change="rerun", key="show_code")
    if not box.open:
        return
    with box:
        page = Path(view).resolve()
        st.caption(f"`{_place(page)}`")
        st.code(page.read_text(encoding="utf-8"), language="python", line_numbers=True, height=420)
        for function in functions:
            source = Path(inspect.getsourcefile(function) or "").resolve()
            st.caption(f"`{function.__name__}` · `{_place(source)}`")
            st.code(inspect.getsource(function), language="python", height="content")


def _place(file: Path) -> str:
    return file.relative_to(REPOSITORY).as_posix() if file.is_relative_to(REPOSITORY) else file.name
