"""Parts of a page that draw themselves again while something runs, and rest when nothing does."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def live(draw: Callable[[], bool], active: bool, interval: float = 1.0, idle: float | None = None) -> None:
    """Draw now, then every `interval` seconds while `active`, else every `idle` seconds (None: not at all).

    `draw` says whether it should go on: when its answer is no longer `active`, the whole page runs once and
    sets the new pace. Only what `draw` writes is redrawn, so the page doesn't move under the reader.
    """
    in_full_run = True  # a fragment's timer can only change with the page; asking again in there would loop

    @st.fragment(run_every=interval if active else idle)
    def part() -> None:
        goes_on = draw()
        if not in_full_run and goes_on != active:
            st.rerun()

    part()
    in_full_run = False
