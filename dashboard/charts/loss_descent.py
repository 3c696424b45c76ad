"""How the probability of the right class rises where different losses move one logit."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
from jaxtyping import Float
from torch import Tensor

from dashboard.charts.quick_figure import QuickFigure, level
from dashboard.theme import LIGHT

DASHES = ("solid", "dash", "dot", "dashdot")


def loss_descent_chart(probabilities: Mapping[str, Float[Tensor, "states"]]) -> go.Figure:
    """A line for each loss, by its title: the probability before and after each update."""
    figure = QuickFigure()
    for place, (title, states) in enumerate(probabilities.items()):
        figure.add_scatter(
            x=list(range(len(states))),
            y=states.tolist(),
            mode="lines",
            name=title,
            line={"color": LIGHT.categorical[place], "width": 2.5, "dash": DASHES[place % len(DASHES)]},
            hovertemplate="after %{x} updates: %{y:.3f}<extra>" + title + "</extra>",
        )
    figure.update_layout(
        xaxis={"title": "updates of the logit"},
        yaxis={"title": "probability of the right class", "range": [-0.02, 1.02]},
        shapes=[level(0.5, color=LIGHT.quiet, width=1, dash="dot")],
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        showlegend=True,
        margin={"t": 40},
    )
    return figure.made()
