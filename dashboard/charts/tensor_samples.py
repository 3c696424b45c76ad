"""Samples of a distribution as a histogram, with the density or probabilities that they are drawn from."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from dashboard.charts.quick_figure import QuickFigure, upright
from dashboard.theme import LIGHT

BINS = 40
POINTS = 151


def is_discrete(distribution: Distribution) -> bool:
    """Whether it gives whole numbers."""
    support = distribution.support
    return bool(getattr(support, "is_discrete", False)) or isinstance(support, type(constraints.boolean))


def samples_chart(samples: Tensor, distribution: Distribution) -> go.Figure:
    """Bars: how the samples [n] are spread (their area, or for whole numbers their heights, add up to 1).
    Line or dots: what is expected of very many.
    """
    values = samples.double().numpy()
    figure = QuickFigure()
    discrete = is_discrete(distribution)
    centres, heights, width = _shares(values) if discrete else _densities(values)
    figure.add_bar(
        x=centres.tolist(), y=heights.tolist(), width=width, name="samples",
        marker={"color": LIGHT.categorical[0], "opacity": 0.65, "line": {"width": 0}},
        hovertemplate="%{x:.4g}: %{y:.3g}<extra>samples</extra>",
    )  # fmt: skip
    places = centres if discrete else np.linspace(centres[0] - width, centres[-1] + width, POINTS)
    expected = expected_density(distribution, places)
    figure.add_scatter(
        x=places.tolist(), y=expected.tolist(), mode="markers" if discrete else "lines", name="expected",
        line={"color": LIGHT.categorical[1], "width": 2.5}, marker={"color": LIGHT.categorical[1], "size": 8},
        hovertemplate="%{x:.4g}: %{y:.3g}<extra>expected</extra>",
    )  # fmt: skip
    mean, spread = float(distribution.mean), float(distribution.stddev)
    middle = [upright(mean, color=LIGHT.text, width=1.5, dash="dot")] if np.isfinite(mean) else []
    figure.update_layout(
        title={
            "text": f"mean {values.mean():.4g}, expected {mean:.4g} · "
            f"standard deviation {spread_of(values):.4g}, expected {spread:.4g}",
            "font": {"size": 14},
        },
        shapes=middle,
        xaxis={"title": "value", "zeroline": False},
        yaxis={"title": "share of samples" if discrete else "density", "rangemode": "tozero"},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        showlegend=True,
        bargap=0,
        margin={"l": 60, "r": 12, "t": 64, "b": 44},
    )
    return figure.made()


def spread_of(values: np.ndarray) -> float:
    """The standard deviation as statistics has it; nan of one sample."""
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def expected_density(distribution: Distribution, places: np.ndarray) -> np.ndarray:
    """The density or probability at each place, 0 outside of what the distribution can give."""
    x = torch.as_tensor(places, dtype=torch.float32)
    inside = distribution.support.check(x)  # type: ignore[union-attr]
    found = np.zeros(len(places))
    if bool(inside.any()):
        found[inside.numpy()] = distribution.log_prob(x[inside]).exp().double().numpy()
    return np.where(np.isfinite(found), found, np.nan)


def _shares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Every whole number from the smallest to the largest, and the share of samples that are it."""
    low, high = int(values.min()), int(values.max())
    return np.arange(low, high + 1), np.bincount((values - low).astype(int)) / len(values), 0.9


def _densities(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Middles of even bins and their densities; what lies far out in heavy tails is left out."""
    low, high = np.quantile(values, [0.01, 0.99]) if len(values) > 50 else (values.min(), values.max())
    reach = 0.35 * (high - low) or 0.5
    low, high = max(values.min(), low - reach), min(values.max(), high + reach)
    if low == high:
        low, high = low - 0.5, high + 0.5
    bins = int(min(BINS, max(5, 2 * len(values) ** (1 / 3) * 1.5)))
    counts, edges = np.histogram(values, bins, (low, high))
    width = float(edges[1] - edges[0])
    return (edges[1:] + edges[:-1]) / 2, counts / len(values) / width, width
