"""Softmax, the activation of a whole vector: five logits and a temperature."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
import torch

from dashboard.charts.activation_sums import softmax_chart
from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.plot import plot
from models.softmax import entropy, tempered_softmax

LOGITS = (2.0, 1.0, 0.5, 0.0, -1.0)
TEMPERATURES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)


def activation_softmax(words: Mapping[str, str]) -> None:
    """Sliders at the left, probabilities beside them."""
    left, right = beside("activations_softmax")
    with left:
        temperature = float(bound_scale(_("Temperature"), TEMPERATURES, 1.0, "activations_temperature"))
        logits = [
            float(bound_slider(f"$z_{place + 1}$", -5.0, 5.0, start, f"activations_z{place + 1}", 0.1))
            for place, start in enumerate(LOGITS)
        ]
    vector = torch.tensor(logits, dtype=torch.float64)
    tempered, plain = tempered_softmax(vector, temperature), tempered_softmax(vector)
    with right:
        chart = softmax_chart(logits, tempered.numpy(), plain.numpy())
        plot(chart, "activations_softmax", height=400, description=_("Probabilities of softmax"))
        said = _("Entropy **{bits:.2f} bits** of {most:.2f}: 0 is certain, {most:.2f} is no idea.")
        st.markdown(said.format(bits=entropy(tempered), most=entropy(torch.full((5,), 0.2))))
        st.latex(r"p_i = \frac{e^{z_i / T}}{\sum_j e^{z_j / T}}")
        st.caption(words["softmax"])
