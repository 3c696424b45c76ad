"""Descent's dashboard: `streamlit run dashboard/app.py`, from any folder."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Streamlit puts this folder first for the length of a run, and our imports start one folder up. It takes one
# copy away when the first run ends and leaves the path alone from then on. Were an entry in front removed
# while another thread imports, that thread would pass over a folder and miss a module.
if sys.path[0] != str(HERE.parent):
    ours = (str(HERE.parent), str(HERE))
    sys.path = [ours[0], *(path for path in sys.path if path not in ours), ours[1], ours[1]]

import streamlit as st  # noqa: E402 - the path above comes first

from dashboard.navigation import pages  # noqa: E402
from dashboard.warm_up import warm_up  # noqa: E402

st.set_page_config(
    page_title="Descent",
    page_icon=str(HERE / "icon.svg"),  # a page's own icon would be fetched from another machine for the tab
    layout="wide",
    initial_sidebar_state=220,  # pixels
)
st.logo(str(HERE / "logo.svg"), icon_image=str(HERE / "icon.svg"), size="large")
st.html(HERE / "style.css")
page = st.navigation(pages())
warm_up()
page.run()
