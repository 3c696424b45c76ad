"""Tensors: an operation, its arguments, cells that move, the storage they read, the line of PyTorch."""

import streamlit as st

from dashboard.language import _, texts
from dashboard.navigation import link
from dashboard.panels.bounded import said_problems
from dashboard.panels.source import show_source
from dashboard.panels.tensor_operation import tensor_operation
from dashboard.panels.try_this import try_this
from models.tensor_operation import origins_of, performed
from models.tensor_storage import laid_out
from models.tensor_whole import on_whole, spectrum

words = texts("tensors")

st.title(_("Tensors"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "tensors")
tensor_operation(words)
with st.container(border=True):
    st.markdown(words["real"])
    with st.container(horizontal=True):
        link("inspect_model", _("Tensors of a trained network"), icon=":material/biotech:")
        link("convolution", _("Convolution"), icon=":material/grid_on:")
        link("new_run", _("Start a training"), icon=":material/add_circle:")
with problems:
    said_problems(words["bad_address"], "tensors_")
show_source(__file__, performed, origins_of, laid_out, on_whole, spectrum)
