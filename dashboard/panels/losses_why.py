"""Why cross-entropy and not squared error for classes: both gradients, and what a descent makes of them."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
import torch

from dashboard.charts.loss_descent import loss_descent_chart
from dashboard.language import _, count
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.curves_board import board_place, curves_board
from dashboard.panels.losses_curves import drawn_curve
from dashboard.panels.plot import plot
from dashboard.panels.softmax_board import Rows, softmax_board
from models.losses import LOSSES
from training.loss_descent import descended, first_over

BOTH = ("binary_cross_entropy", "brier")
AT, LOGITS = "losses_why_at", "losses_wrong"  # of the address
WRONG: Rows = [[-4, 3, 0, 1], [1, 0, 0, 0]]
REACH, HALF, STEPS = 8.0, 0.5, 200
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def losses_why(words: Mapping[str, str]) -> None:
    """Through a sigmoid at the left, through a softmax beside it; the descent below, by itself."""
    with st.grid(2, min_column_width=380, gap="large"):
        with st.container():
            st.markdown(f"**{_('Through a sigmoid')}**")
            x = torch.linspace(-REACH, REACH, 401, dtype=torch.float64)
            curves_board(
                "losses_why_curves",
                AT,
                [drawn_curve(name, "lead", x) for name in BOTH],
                (-REACH, REACH),
                board_place(AT, -REACH, REACH, -5.0),
                {
                    "x": _("logit, where the right answer is 1"),
                    "value": _("loss"),
                    "slope": _("gradient"),
                    "focus": _("Shade where this one hardly pulls"),
                },
                limits={"slopes": (-2.0, 0.1), "values": (0.0, 20.0)},
                height=400,
            )
            st.latex(r"p - 1 \qquad \text{against} \qquad -4\, p\, (1 - p)^2, \qquad p = \sigma(s)")
        with st.container():
            st.markdown(f"**{_('Through a softmax')}**")
            softmax_board("losses_gradients", LOGITS, WRONG, "gradients")
            st.latex(r"p - y \qquad \text{against} \qquad 2 J (p - y), \qquad J = \partial p / \partial z")
    st.caption(words["why"])
    st.subheader(_("What a descent makes of it"))
    _descent(words)


@st.fragment
def _descent(words: Mapping[str, str]) -> None:
    left, right = beside("losses_descent")
    with left:
        start = bound_slider(_("Logit at the start"), -REACH, REACH, -5.0, "losses_start", HALF)
        rate = bound_scale(_("Learning rate"), RATES, 1.0, "losses_rate")
        st.caption(words["descent"])
    found = _descended(float(start), float(rate))
    with right:
        lines = {_(LOSSES[name].title): row for name, row in zip(BOTH, found, strict=True)}
        plot(loss_descent_chart(lines), "losses_descent", 340, description=_("Descent by both losses"))
        said = []
        for title, row in lines.items():
            passed = first_over(row, 0.5)
            after = _("not within {n} updates").format(n=STEPS)
            if passed is not None:
                after = _("after") + " " + count(passed, "{n} update", "{n} updates")
            said.append(f"{title}: **{after}**")
        st.markdown(_("More likely right than wrong") + ": " + " · ".join(said))


def _descended(start: float, rate: float) -> torch.Tensor:
    """[losses, states] of that start; one that is between the stops of its slider is the nearest stop."""
    return _every_descent()[:, round((start + REACH) / HALF), RATES.index(rate)]


@st.cache_resource(show_spinner=False)
def _every_descent() -> torch.Tensor:
    """[losses, starts, rates, states]: all stops of both sliders at once, a tenth of a second."""
    starts = torch.arange(-REACH, REACH + HALF, HALF, dtype=torch.float64)
    rates = torch.tensor(RATES, dtype=torch.float64)
    grid = torch.cartesian_prod(starts, rates)
    found = descended(BOTH, grid[:, 0], grid[:, 1], STEPS)
    return found.view(len(BOTH), len(starts), len(rates), STEPS + 1)
