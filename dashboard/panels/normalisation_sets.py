"""One tensor under every normalisation: what each averages over, and its numbers before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from torch import Tensor

from dashboard.charts.normalisation import numbers_chart, statistics_chart
from dashboard.language import _
from dashboard.panels.average_cube import average_cube
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_switch
from dashboard.panels.plot import plot
from models.normalisation import NORMALISATIONS, example_tensor, normalised

CHANNELS = (1, 2, 3, 4, 6, 8)
MOST = 8  # of what a row of the table counts, such as groups


def normalisation_sets(words: Mapping[str, str]) -> None:
    """Controls at the left; cubes beside them, and one normalisation's numbers under these."""
    left, right = beside("normalisation_sets")
    with left:
        samples = bound_slider(_("Samples"), 1, 4, 3, "normalisation_samples")
        channels = int(bound_scale(_("Channels"), CHANNELS, 6, "normalisation_channels"))
        side = bound_slider(_("Rows and columns"), 1, 3, 2, "normalisation_side")
        settings = {row.name: _own(row.name) for row in NORMALISATIONS if row.parameters}
        channel_spread = bound_slider(
            _("How channels differ"), 0.0, 2.0, 1.0, "normalisation_channel_spread", 0.1, words["channels"]
        )
        sample_spread = bound_slider(
            _("How samples differ"), 0.0, 2.0, 1.0, "normalisation_sample_spread", 0.1, words["samples"]
        )
        scale = bound_slider(
            _("Scale $\\gamma$"), 0.1, 3.0, 1.0, "normalisation_scale", 0.1, words["learned"]
        )
        shift = bound_slider(
            _("Shift $\\beta$"), -2.0, 2.0, 0.0, "normalisation_shift", 0.1, words["learned"]
        )
        seed = bound_slider(_("Draw"), 0, 20, 0, "normalisation_tensor", about=words["draw"])
    values = example_tensor(samples, channels, side, float(sample_spread), float(channel_spread), seed)
    with right:
        average_cube(values, settings, float(scale), float(shift))
        st.caption(words["cube"])
        kind = named_switch(
            _("Before and after"),
            NORMALISATIONS.names(),
            "batch",
            "normalisation_kind",
            lambda name: _(NORMALISATIONS[name].title),
        )
        _before_and_after(values, kind, settings.get(kind, {}), float(scale), float(shift), words)


def _own(name: str) -> dict[str, Any]:
    """A slider for each of the row's parameters, which count; their values by name."""
    row = NORMALISATIONS[name]
    return {
        each.name: bound_slider(
            f"{_(row.title)}: {_(each.description)}" + (f" ${each.symbol}$" if each.symbol else ""),
            int(each.low or 1),
            min(MOST, int(each.high or MOST)),
            int(each.default),
            f"normalisation_{name}_{each.name}",
        )
        for each in row.parameters
    }


def _before_and_after(
    values: Tensor,
    kind: str,
    settings: Mapping[str, Any],
    scale: float,
    shift: float,
    words: Mapping[str, str],
) -> None:
    row = NORMALISATIONS[kind]
    try:
        after = normalised(values, kind, settings, scale, shift).values.numpy()
    except ValueError as problem:
        st.warning(plain(str(problem)))
        return
    before = values.numpy()
    chart = numbers_chart(before, after)
    plot(chart, "normalisation_numbers", height=340, description=_("Numbers before and after"))
    height = 150 + 60 * (len(before) + 1)
    tables = statistics_chart(before, after)
    plot(
        tables, "normalisation_statistics", height=height, description=_("Means and widths before and after")
    )
    with st.container(border=True):
        st.latex(
            r"y_i = \gamma\, \frac{x_i - \mu_S}{\sqrt{\sigma_S^2 + \varepsilon}} + \beta, \qquad "
            + row.formula
        )
        st.markdown(f"**{_(row.title)}** · {_(row.summary)}")
        st.caption(f"{row.source} · {words['sets']}")
