"""Loss landscapes: the loss around a network, along its training, or between two."""

import streamlit as st

from dashboard.charts.landscape import contour_chart, picture_of, surface_chart
from dashboard.language import _, texts
from dashboard.panels.bounded import said_problems
from dashboard.panels.landscape_compare import compare_tab
from dashboard.panels.landscape_tab import landscape_tab
from dashboard.panels.source import show_source
from dashboard.panels.try_this import Setting, try_this
from dashboard.settings import read_settings

DEFAULTS: dict[str, Setting] = {
    "landscape_kind": "plane", "landscape_normalisation": "filter", "landscape_whose": "test",
    "landscape_what": "loss", "landscape_log": True, "landscape_clip": 1.0,
}  # fmt: skip
words = texts("landscape")
settings = read_settings()

st.title(_("Loss landscape"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "landscape", DEFAULTS)
contents = {_("One landscape"): landscape_tab, _("Compare"): compare_tab}
boxes = st.tabs(list(contents), key="landscape_tab", bind="query-params", on_change="rerun")
for draw, box in zip(contents.values(), boxes, strict=True):
    if box.open:
        with box:
            draw(settings, words)
with problems:
    said_problems(words["bad_address"], "landscape_")
show_source(__file__, picture_of, surface_chart, contour_chart)
