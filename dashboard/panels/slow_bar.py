"""A bar for what is computed while the reader waits, shown only where that takes longer than a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

PATIENCE = 0.3  # seconds


@contextmanager
def slow_bar(label: str) -> Iterator[Callable[[float], None]]:
    """Gives a function that takes the share done. Its place is taken in every run, used or not: what follows
    it on the page stays the same element.
    """
    place, begin = st.empty(), time.monotonic()

    def progress(share: float) -> None:
        if time.monotonic() - begin > PATIENCE:
            place.progress(min(1.0, share), label)

    yield progress
    place.empty()
