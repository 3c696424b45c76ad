"""Descent's dashboard: `streamlit run dashboard/app.py`, from any folder."""

import sys
from pathlib import Path

REPOSITORY = str(Path(__file__).resolve().parent.parent)
# Streamlit puts this folder first, and our imports start one folder up. The script runs often: no duplicates.
sys.path[:] = [REPOSITORY, *(path for path in sys.path if path != REPOSITORY)]

import streamlit as st  # noqa: E402 - the path above comes first

from dashboard.navigation import pages  # noqa: E402
from dashboard.warm_up import warm_up  # noqa: E402

HERE = Path(__file__).resolve().parent
st.set_page_config(
    page_title="Descent",
    page_icon=str(HERE / "icon.svg"),  # a page's own icon would be fetched from another machine for the tab
    layout="wide",
    initial_sidebar_state=220,  # pixels
)
st.logo(str(HERE / "logo.svg"), icon_image=str(HERE / "icon.svg"), size="large")
page = st.navigation(pages())
warm_up()
page.run()
