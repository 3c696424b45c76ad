"""Convolution and pooling: a window slides over numbers, and the sum is written out."""

import streamlit as st

from dashboard.language import _, texts
from dashboard.panels.bounded import said_problems
from dashboard.panels.convolution_stack import convolution_stack
from dashboard.panels.convolution_window import convolution_window
from dashboard.panels.source import show_source
from dashboard.panels.try_this import Setting, try_this
from dashboard.settings import read_settings
from models.convolution_stack import stack_rows
from models.sliding import output_size, slid_channels

DEFAULTS: dict[str, Setting] = {
    "convolution_kind": "convolution", "convolution_kernel": "example", "convolution_stride": 1,
    "convolution_padding": 0, "convolution_dilation": 1, "convolution_mode": "zeros",
    "convolution_side": 3, "convolution_input": "hand", "convolution_digit": 0, "convolution_factor": 2,
    "convolution_numbers": "", "convolution_weights": "", "convolution_in": 1, "convolution_out": 1,
    "convolution_groups": 1,
}  # fmt: skip
words = texts("convolution")

st.title(_("Convolution and pooling"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "convolution", DEFAULTS)
st.subheader(_("A window slides"))
convolution_window(read_settings(), words)
st.subheader(_("A stack of layers"))
try_this(words["try_stack"], "convolution_stack")
convolution_stack(words)
with problems:
    said_problems(words["bad_address"], "convolution_")
show_source(__file__, slid_channels, output_size, stack_rows)
