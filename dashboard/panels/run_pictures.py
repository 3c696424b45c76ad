"""The pictures that a run logged, at one moment chosen by a slider."""

from __future__ import annotations

import streamlit as st

from dashboard.charts.samples import data_url, enlarged
from dashboard.language import _
from dashboard.panels.escape import plain
from dashboard.panels.step_slider import step_slider
from logs.media_reader import Image
from logs.reader import RunReader


def run_pictures(reader: RunReader, nothing: str, legend: str) -> None:
    """Chooses one of the logged names and one moment; `legend` explains our own grid of predictions."""
    reader.refresh()
    names = sorted({entry.name for entry in reader.media("image")})
    if not names:
        st.info(nothing)
        return
    name = names[0]
    if len(names) > 1:
        name = st.selectbox(_("Picture"), names, key="run_picture", bind="query-params") or names[0]
    logged = {entry.step: entry for entry in reader.media("image", name)}
    step = step_slider(sorted(logged), {at: entry.epoch for at, entry in logged.items()}, "run_picture_step")
    chosen = reader.load(logged[step])
    assert isinstance(chosen, Image)
    if name == "predictions":
        st.caption(legend)
    st.image(data_url(enlarged(chosen.png)), alt=_("Pictures logged as {name}").format(name=name))
    if chosen.caption:
        with st.expander(_("In words")):
            st.markdown(plain(chosen.caption))
