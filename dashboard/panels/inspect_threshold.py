"""One class against all others: both curves, and a threshold that a slider moves along them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from dashboard.charts.thresholds import threshold_chart
from dashboard.language import _
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from training.evaluation import best_threshold, threshold_curve


@st.fragment  # the slider redraws this part alone
def threshold_part(
    targets: np.ndarray, shares: np.ndarray, names: Sequence[str], words: Mapping[str, str]
) -> None:
    """`targets` [samples], `shares` [samples, classes]."""
    st.subheader(_("Thresholds"))
    st.caption(words["thresholds"])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        options = [str(place) for place in range(len(names))]
        first = "1" if len(names) == 2 else "0"
        chosen = int(
            named_choice(
                _("Class"), options, first, "inspect_class", lambda place: names[int(place)], width=240
            )
        )
        with st.container(width=420):
            threshold = bound_slider(
                _("Threshold"), 0.0, 1.0, 0.5, "inspect_threshold", step=0.01,
                about=_("A sample is taken for the class from this probability on."),
            )  # fmt: skip
    curve = threshold_curve(targets, shares[:, chosen], positive=chosen)
    if not curve.positives or not curve.negatives:
        st.info(_("All samples are of one kind here: there is nothing to tell apart."))
        return
    point = curve.at(float(threshold))
    figure = threshold_chart(
        curve.false_positive_rate,
        curve.recall,
        curve.precision,
        curve.area,
        curve.average_precision,
        curve.positives / len(targets),
        (point.false_positive_rate, point.recall, point.precision),
    )
    plot(figure, "inspect_thresholds", height=380, description=_("Thresholds of one class"))
    best = best_threshold(curve)
    st.markdown(
        _(
            "At {threshold:.2f}: **{right:,}** of {all:,} found, **{wrong:,}** false alarms · precision "
            "{precision:.1%} · recall {recall:.1%} · F1 {f1:.3f}. The best F1, {best_f1:.3f}, "
            "is at {best:.2f}."
        ).format(
            threshold=threshold,
            right=point.true_positives,
            all=curve.positives,
            wrong=point.false_positives,
            precision=point.precision,
            recall=point.recall,
            f1=point.f1,
            best=best,
            best_f1=curve.at(best).f1,
        )
    )
