"""The loss of a linear model with its inputs as they are and scaled, and gradient descent on both."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import streamlit as st

from dashboard.charts.input_scaling import Way, scaling_chart
from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from training.input_scaling import SCALINGS, bowl, descent, drawn_inputs

RATIOS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
STEPS = (5, 10, 20, 30, 50, 100, 200, 500)
SHARE = 0.01  # of the distance that the table counts steps to


def normalisation_inputs(words: Mapping[str, str]) -> None:
    """Controls at the left; both surfaces beside them, and what they are like as numbers."""
    left, right = beside("normalisation_inputs")
    with left:
        ratio = float(
            bound_scale(
                _("Second input, times as wide"), RATIOS, 5.0, "normalisation_ratio", about=words["ratio"]
            )
        )
        offset = float(
            bound_slider(
                _("Mean of both, in widths"), -4.0, 4.0, 0.0, "normalisation_offset", 0.5, words["offset"]
            )
        )
        correlation = float(bound_slider(_("Correlation"), -0.9, 0.9, 0.0, "normalisation_correlation", 0.1))
        scaling = named_choice(
            _("Scaling"), SCALINGS.names(), "standardised", "normalisation_scaling",
            lambda name: _(SCALINGS[name].title),
        )  # fmt: skip
        share = float(
            bound_slider(
                _("Learning rate, share of the limit"),
                0.05,
                1.1,
                0.8,
                "normalisation_rate",
                0.05,
                words["rate"],
            )
        )
        steps = int(bound_scale(_("Steps"), STEPS, 50, "normalisation_steps"))
        row = SCALINGS[scaling]
        st.latex(rf"x' = {row.formula}")
        st.caption(f"{_(row.summary)} {row.source}")
    inputs = drawn_inputs(ratio, offset, correlation)
    ways = [_way(inputs, name, share, steps) for name in ("none", scaling)]
    with right:
        chart = scaling_chart(ways)
        plot(chart, "normalisation_inputs", height=640, description=_("Loss with and without scaled inputs"))
        st.markdown(_table(ways, share))
        st.latex(
            r"L(w) = \frac{1}{2n} \lVert Xw - y \rVert^2, \quad H = \frac{X^\top X}{n}, \quad "
            r"\eta < \frac{2}{\lambda_{max}(H)}, \quad \kappa = \frac{\lambda_{max}}{\lambda_{min}}"
        )
        st.caption(words["bowl"])


def _way(inputs: np.ndarray, scaling: str, share: float, steps: int) -> Way:
    surface = bowl(inputs, scaling)
    path = descent(surface, np.zeros(2), share * surface.limit, steps)
    return Way(_(SCALINGS[scaling].title), surface, path)


def _table(ways: list[Way], share: float) -> str:
    """As Markdown: a table is one element to draw."""
    head = [
        _("inputs"), _("least curvature"), _("largest curvature"), _("condition number"),
        _("limit of the rate"), _("this rate"), _("steps to 1%"),
    ]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|:--|" + "--:|" * (len(head) - 1)]
    for way in ways:
        surface = way.surface
        steps = surface.steps_for(SHARE, share * surface.limit)
        numbers = [*surface.eigenvalues, surface.condition, surface.limit, share * surface.limit]
        cells = [way.title, *(f"{number:.3g}" for number in numbers)]
        cells.append(_("never") if math.isinf(steps) else f"{steps:,.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
