"""Losses against a prediction, with their slopes below and a point to drag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
import torch

from dashboard.language import _
from dashboard.panels.activation_curves import parameters
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.curves_board import Span, board_place, curve, curves_board
from dashboard.panels.named_choice import named_switch
from dashboard.panels.named_several import named_several
from models.activations import ActivationPoints
from models.loss_curves import SITUATIONS, loss_points, losses_for
from models.losses import LOSSES, Loss
from models.saturation import flat_spans

AT = "losses_at"
POINTS = 601
REACH = 20.0
PLACES = {"lead": -2.0, "probability": 0.2, "number": 2.0}  # of the point at first
SHOWN = {
    "lead": ("cross_entropy", "focal", "hinge", "brier"),
    "probability": ("cross_entropy", "focal", "brier"),
    "number": ("mse", "l1", "huber"),
}
LIMITS: dict[str, dict[str, Span]] = {
    "lead": {"values": (0.0, 1e3), "slopes": (-1e3, 0.5)},
    "probability": {"values": (0.0, 6.0), "slopes": (-12.0, 0.5)},
}


def losses_curves(words: Mapping[str, str]) -> None:
    """What x is and which losses; sliders beside the curves; formula and source of each chosen loss."""
    against = named_switch(
        _("Prediction of"),
        SITUATIONS.names(),
        "lead",
        "losses_against",
        lambda name: _(SITUATIONS[name].title),
    )
    rows = losses_for(against)
    key = "losses_numbers" if against == "number" else "losses_shown"
    if against == "probability":
        key = "losses_likely"
    chosen = named_several(
        _("Losses"), [row.name for row in rows], SHOWN[against], key, lambda name: _(LOSSES[name].title)
    )
    if not chosen:
        st.info(words["none"], icon=":material/show_chart:")
        return
    _beside(against, chosen, words)
    for name in chosen:
        about_loss(LOSSES[name])


@st.fragment
def _beside(against: str, chosen: Sequence[str], words: Mapping[str, str]) -> None:
    """Sliders and what they move, by themselves: the formulas below stay as they are."""
    fixed = SITUATIONS[against].ends
    left, right = beside("losses_curves")
    with left:
        reach, target, classes = REACH, 0.0, 2
        if not fixed:
            reach = float(bound_slider(_("From -x to x"), 1.0, REACH, 6.0, "losses_reach", 0.5))
        if against == "number":
            target = float(bound_slider(_("Target y"), -5.0, 5.0, 0.0, "losses_target", 0.1))
        else:
            classes = bound_slider(_("Classes"), 2, 10, 2, "losses_classes", about=words["classes"])
        settings = {name: parameters(LOSSES[name], "losses") for name in chosen}
    span = fixed or (-reach, reach)
    with right:
        x = torch.linspace(*span, POINTS, dtype=torch.float64)
        drawn = [drawn_curve(name, against, x, target, classes, settings[name]) for name in chosen]
        curves_board(
            "losses_curves",
            AT,
            drawn,
            span,
            board_place(AT, -REACH, REACH, PLACES[against]),
            _words(against),
            limits=LIMITS.get(against),
            marks=[(target, _("target"))] if against == "number" else [],
        )
        st.caption(words[against])


def drawn_curve(
    name: str,
    against: str,
    x: torch.Tensor,
    target: float = 0.0,
    classes: int = 2,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The named loss as `curves_board` takes it; x is evenly spaced."""
    points = loss_points(name, against, x, target, classes, settings)
    # Along the probability a slope without end is the largest: against it everything would count as flat
    flat = [] if against == "probability" else flat_spans(ActivationPoints(*points))
    return curve(name, _(LOSSES[name].title), points.y, points.derivative, flat)


def _words(against: str) -> dict[str, str]:
    x = {
        "lead": _("lead of the right class's logit over the others"),
        "probability": _("probability of the right class"),
        "number": _("predicted number"),
    }[against]
    return {
        "x": x,
        "value": _("loss"),
        "slope": _("gradient: the loss's slope along the prediction"),
        "focus": _("Shade where this one hardly pulls"),
    }


def about_loss(row: Loss) -> None:
    """Formula, summary and source in a box."""
    box, narrow = st.container(border=True), 360  # pixels that a formula needs
    with box, st.grid(2, min_column_width=narrow, gap="medium", vertical_alignment="center"):
        st.latex(row.formula)
        with st.container():
            st.markdown(f"**{_(row.title)}** · `{row.name}`  \n{_(row.summary)}")
            st.caption(row.source)
