"""Image operations: what is done to pictures before, or in place of, a network."""

import streamlit as st

from dashboard.language import _, texts
from dashboard.navigation import link
from dashboard.panels.bounded import said_problems
from dashboard.panels.image_board import image_board
from dashboard.panels.source import show_source
from dashboard.panels.try_this import Setting, try_this
from training.image_operations import code_of, operated
from training.picture_noise import psnr, ssim, with_noise
from training.sample_pictures import read_picture

DEFAULTS: dict[str, Setting] = {"image_picture": "temple", "image_noise": "none"}
words = texts("image_operations")

st.title(_("Image operations"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "image", DEFAULTS)
image_board(words)
with problems:
    said_problems(words["bad_address"], "image_")
st.caption(words["networks"])
with st.container(horizontal=True):
    link("convolution", _("The window that slides, number by number"), icon=":material/grid_on:")
    link("regularization", _("Pictures changed at random while a network trains"), icon=":material/zoom_in:")
    link("inspect_model", _("How a trained network bears noise and blur"), icon=":material/biotech:")
show_source(__file__, operated, code_of, with_noise, psnr, ssim, read_picture)
