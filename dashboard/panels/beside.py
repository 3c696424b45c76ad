"""A form and, beside it, what it moves; above it in a narrow window (`dashboard/style.css` says how)."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def beside(
    key: str, shares: tuple[int, int] = (1, 3), form_below: bool = False
) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The form's place and the other one, as wide as `shares` say; the key must be unique on the page.

    `form_below`: a long form, which in a narrow window goes below what it moves.
    """
    with st.container(key=f"beside_below_{key}" if form_below else f"beside_{key}"):
        form, rest = st.columns(shares, gap="medium")
    return form, rest
