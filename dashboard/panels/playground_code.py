"""The PyTorch code that stands for the form of a playground."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.language import _
from dashboard.panels.escape import plain
from dashboard.study_options import study_command
from training.playground_code import playground_code
from training.playground_settings import PlaygroundSettings
from training.points import PointsError, parse_points


def code_box(asked: PlaygroundSettings, words: Mapping[str, str], csv: str = "") -> None:
    """A closed box with the script, a button that saves it, and the command that trains the same here."""
    box = st.expander(_("The PyTorch code"), icon=":material/code:", on_change="rerun", key="playground_code")
    if not box.open:
        return
    with box:
        st.caption(words["code"])
        try:
            code = playground_code(asked, parse_points(csv) if csv else None)
        except PointsError as problem:
            st.error(plain(str(problem)))
            return
        st.download_button(
            _("Save it"), code, "playground.py", "text/x-python", icon=":material/download:",
            key="playground_code_save", on_click="ignore",
        )  # fmt: skip
        st.code(code, language="python", height=420)
        st.caption(_("The same from a terminal, with its film, in the project's folder:"))
        st.code(study_command("training.playground", asked.options()), language="bash", wrap_lines=True)
