"""Is a confidence of 90% right nine times of ten? And what one temperature for all logits does about it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from dashboard.charts.reliability import reliability_chart
from dashboard.language import _
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.plot import plot
from training.calibration import calibration
from training.evaluation import temperature, tempered


@st.fragment
def calibration_part(targets: np.ndarray, shares: np.ndarray, words: Mapping[str, str]) -> None:
    """`targets` [samples], `shares` [samples, classes]."""
    st.subheader(_("Calibration"))
    st.caption(words["calibration"])
    left, right = st.columns([3, 2], gap="medium")
    with right:
        value = bound_slider(
            _("Temperature"), 0.25, 4.0, 1.0, "inspect_temperature", step=0.05,
            about=_("Every logit is divided by it: above 1 the network becomes less sure, its answers stay."),
        )  # fmt: skip
    found = calibration(targets, tempered(shares, float(value)) if value != 1 else shares)
    with left:
        plot(
            reliability_chart(
                found.edges, found.counts, found.confidence, found.accuracy, series=_("this network")
            ),
            "inspect_reliability", height=380, description=_("Stated confidence and accuracy"),
        )  # fmt: skip
    with right:
        st.metric(_("Expected calibration error"), f"{found.expected_error:.2%}")
        st.markdown(_(found.reading))
        if len(targets) >= 4:
            best = temperature(targets, shares)
            st.markdown(
                _(
                    "The temperature of the smallest log loss is **{value:.2f}**. Chosen on one half of the "
                    "samples and judged on the other, it takes the error from {before:.2%} to {after:.2%}."
                ).format(value=best.value, before=best.before, after=best.after)
            )
        for warning in found.warnings:
            st.caption(f":material/warning: {_(warning)}")
