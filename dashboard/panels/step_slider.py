"""Choosing one of the steps at which something was logged; the newest is followed until another is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.language import _


def step_slider(steps: Sequence[int], epochs: Mapping[int, float], key: str) -> int:
    """The chosen one of the ascending steps, kept in the address; without a choice the newest."""
    newest = steps[-1]
    if len(steps) == 1:
        st.caption(step_title(newest, epochs))
        return newest
    former = st.session_state.get(f"{key}_newest", newest)
    chosen = st.session_state.get(key)
    if chosen is not None and (chosen == former or chosen not in steps):
        st.session_state[key] = newest  # whoever stands at the end stays there
    st.session_state[f"{key}_newest"] = newest
    step = st.select_slider(
        _("Logged at"),
        list(steps),
        value=newest,
        key=key,
        bind="query-params",
        format_func=lambda step: step_title(step, epochs),
    )
    return int(step)


def step_title(step: int, epochs: Mapping[int, float]) -> str:
    """Like "epoch 3 · step 1,200"."""
    epoch = epochs.get(step, math.nan)
    text = _("step {step:,}").format(step=step)
    return text if math.isnan(epoch) else _("epoch {epoch:g}").format(epoch=epoch) + f" · {text}"
