"""The tabs of losses that are about probabilities: softmax with its Jacobian, and entropy."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.language import _
from dashboard.panels.bound_slider import bound_scale
from dashboard.panels.softmax_board import Rows, softmax_board

SOFTMAX, ENTROPY = "losses_softmax", "losses_entropy"  # of the address
LOGITS: Rows = [[2, 1, 0, -1], [1, 0, 0, 0]]
SHARES: Rows = [[0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25]]
TEMPERATURES = (0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


def losses_softmax(words: Mapping[str, str]) -> None:
    """Logits to move; the probabilities and the Jacobian follow."""
    temperature = bound_scale(_("Temperature"), TEMPERATURES, 1.0, "losses_temperature", width=320)
    softmax_board("losses_jacobian", SOFTMAX, LOGITS, "jacobian", float(temperature))
    st.latex(
        r"\frac{\partial p_i}{\partial z_i} = \frac{p_i (1 - p_i)}{T},"
        r"\qquad \frac{\partial p_i}{\partial z_j} = -\frac{p_i\, p_j}{T} \quad (i \ne j)"
    )
    st.caption(words["softmax"])


def losses_entropy(words: Mapping[str, str]) -> None:
    """Two distributions to move; their entropies follow."""
    softmax_board("losses_entropies", ENTROPY, SHARES, "entropy")
    st.latex(r"I(p) = -\log_2 p, \qquad H(q) = \textstyle\sum_c q_c\, I(q_c)")
    st.latex(r"H(q, p) = \textstyle\sum_c q_c\, I(p_c) = H(q) + \mathrm{KL}(q \,\|\, p)")
    st.caption(words["entropy"])
