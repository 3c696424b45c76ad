"""PyTorch takes seconds to import: that is done while the first page is read, not when the form is opened;
here for the forms, and in a process that waits for a laboratory's button.
"""

from __future__ import annotations

import importlib
import threading

import streamlit as st

SLOW = (
    "training.config", "training.launch", "training.estimate", "sklearn.metrics", "scipy.interpolate",
    "torchvision", "models.summary", "models.graph", "models.timing",
)  # fmt: skip
PAUSE = 1.0  # seconds, in which the first page draws itself


def warm_up() -> None:
    """Imports what the slower pages need, once, in the background; not in tests, which have no server."""
    if st.runtime.exists() and type(st.runtime.get_instance()) is st.runtime.Runtime:
        _started()


@st.cache_resource(show_spinner=False)
def _started() -> threading.Timer:
    timer = threading.Timer(PAUSE, _import_all)
    timer.daemon = True  # whoever ends the server doesn't wait for it
    timer.start()
    return timer


def _import_all() -> None:
    for name in SLOW:
        importlib.import_module(name)
    from training.warm import spares

    spares().keep()  # so that a laboratory's first picture is there half a second after the button
    importlib.import_module("torch._dynamo")  # the first optimizer of a process does so
