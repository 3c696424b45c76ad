"""Descent's dashboard: `streamlit run dashboard/app.py`, from any folder."""

import sys
from pathlib import Path

REPOSITORY = str(Path(__file__).resolve().parent.parent)
if sys.path[0] != REPOSITORY:  # Streamlit puts this folder first; our imports start one folder up
    sys.path.insert(0, REPOSITORY)

import streamlit as st  # noqa: E402 - the path above comes first

from dashboard.navigation import pages  # noqa: E402

st.set_page_config(page_title="Descent", page_icon="🏔️", layout="wide")
page = st.navigation(pages())
page.run()
