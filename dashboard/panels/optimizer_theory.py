"""What theory says of gradient descent and momentum on the quadratic surfaces, beside torch.optim.SGD."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from dashboard.charts.stability import decay_chart, plane_chart, rates_chart
from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.kept import kept_parameter
from dashboard.panels.named_choice import named_choice
from dashboard.panels.optimizer_race import raced
from dashboard.panels.plot import plot
from models.catalog import Parameter
from training.race import Course, Racer
from training.stability import Stability, stability
from training.surfaces import SURFACES

STEPS = 150
MOMENTUM = Parameter("momentum", 0.5, "momentum", low=0.0, high=0.99, step=0.01, symbol=r"\mu")
SHARE = Parameter(
    "share", 1.0, "learning rate, as a multiple of 1 / λmax", low=0.02, high=4.0, step=0.02, symbol=r"\eta"
)


def optimizer_theory(words: Mapping[str, str]) -> None:
    """Surface, learning rate and momentum; the plane of both, a cut through it, and what really happens."""
    left, right = beside("optimizers_theory")
    quadratics = [row.name for row in SURFACES if row.quadratic]
    with left:
        name = named_choice(
            _("Quadratic surface"),
            quadratics,
            "ravine" if "ravine" in quadratics else quadratics[0],
            "optimizers_quadratic",
            lambda name: _(SURFACES[name].title),
        )
        row = SURFACES[name]
        settings = {
            each.name: kept_parameter(each, f"optimizers_{name}_{each.name}", name) for each in row.parameters
        }
        known = stability(name, settings)
        share = kept_parameter(SHARE, "optimizers_share", "optimizers", about=words["share"])
        momentum = float(kept_parameter(MOMENTUM, "optimizers_momentum_tried", "optimizers"))
        rate = float(share) / known.high
        st.latex(rf"f = {row.formula}")
        st.caption(words["theory"])
    with right:
        st.markdown(_reading(known, rate, momentum))
        with st.grid(2, min_column_width=300, gap="medium"):
            chart = plane_chart(known, rate, momentum)
            plot(chart, "optimizers_plane", 380, description=_("What a step leaves, over both settings"))
            chart = rates_chart(known, rate, momentum)
            plot(chart, "optimizers_rates", 380, description=_("What a step leaves, over the learning rate"))
        settings_of = (("momentum", momentum),)
        racer = Racer("momentum", rate, settings=settings_of)
        path = raced(Course(name, row.start, STEPS, tuple(settings.items())), [racer])[0]
        at = np.array([row.minima[0].x, row.minima[0].y])
        left_over = float(known.left(np.array(rate), np.array(momentum)))
        chart = decay_chart(np.hypot(*(path.positions - at).T), left_over)
        plot(chart, "optimizers_decay", 300, description=_("Distance to the minimum, measured and expected"))


def _reading(known: Stability, rate: float, momentum: float) -> str:
    left = float(known.left(np.array(rate), np.array(momentum)))
    limit = known.momentum_limit(momentum)
    best_rate, best = known.best_momentum
    alone = (known.condition - 1) / (known.condition + 1)
    root = known.condition**0.5
    if left >= 1:
        verdict = _("**It leaves for good**: the learning rate is above 2(1 + μ)/λmax = {limit:.3g}.")
    else:
        verdict = _(
            "**A step leaves {left:.1%} of the distance**; it is stable below 2(1 + μ)/λmax = {limit:.3g}."
        )
    rest = _(
        "Curvatures from {low:.3g} to {high:.3g}, condition number {condition:.4g}. Gradient descent: stable "
        "below 2/λmax = {alone_limit:.3g}, at best η = {alone_rate:.3g}, which leaves {alone:.1%}; momentum "
        "at best, η = {best_rate:.3g} and μ = {best:.3g}, leaves {with_momentum:.1%}."
    )
    return " ".join(
        (
            verdict.format(left=left, limit=limit),
            rest.format(
                low=known.low, high=known.high, condition=known.condition, alone_limit=known.limit,
                alone_rate=known.best_rate, alone=alone, best_rate=best_rate, best=best,
                with_momentum=(root - 1) / (root + 1),
            ),
        )
    )  # fmt: skip
