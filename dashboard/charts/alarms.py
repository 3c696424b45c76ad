"""How often each test is wrong where there is nothing to find, and how often each interval holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import plotly.graph_objects as go

from dashboard.theme import LIGHT


class RateLike(Protocol):
    """What training.false_alarms.Rate has."""

    @property
    def title(self) -> str: ...
    @property
    def resampling(self) -> str: ...
    @property
    def events(self) -> int: ...
    @property
    def repetitions(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def alarms_chart(rates: Sequence[RateLike], promised: float, x_title: str, at_most: bool = True) -> go.Figure:
    """A bar for each rate with its interval, and a line at what was promised.

    `at_most`: a rate above the promise breaks it (false alarms); else one below does (coverage). A bar is
    orange where even the near end of its interval breaks the promise.
    """
    names = [f"{rate.title}<br><span style='font-size:11px'>{rate.resampling}</span>" for rate in rates]
    broken = [rate.low > promised if at_most else rate.high < promised for rate in rates]
    figure = go.Figure(
        go.Bar(
            x=[rate.rate for rate in rates],
            y=names,
            orientation="h",
            marker={"color": [LIGHT.categorical[1] if bad else LIGHT.categorical[0] for bad in broken]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [rate.high - rate.rate for rate in rates],
                "arrayminus": [rate.rate - rate.low for rate in rates],
                "color": LIGHT.text,
                "thickness": 1.4,
                "width": 4,
            },
            customdata=[[rate.events, rate.repetitions, rate.low, rate.high] for rate in rates],
            hovertemplate="%{customdata[0]:,} of %{customdata[1]:,} studies: %{x:.1%}<br>"
            "95% interval %{customdata[2]:.1%} to %{customdata[3]:.1%}<extra></extra>",
        )
    )
    figure.add_vline(x=promised, line={"color": LIGHT.text, "width": 1.5, "dash": "dot"})
    widest = max([promised, *(rate.high for rate in rates)])
    end = min(1.18, 1.22 * widest)
    figure.add_annotation(
        x=promised, y=1.0, yref="paper", yanchor="bottom", xanchor="left" if promised < end / 2 else "right",
        showarrow=False, text=f"{'at most' if at_most else 'at least'} {promised:.0%} was promised",
    )  # fmt: skip
    for name, rate in zip(names, rates, strict=True):
        beside = max(rate.high, promised) if at_most else rate.high  # not across the line of the promise
        figure.add_annotation(
            x=beside, y=name, text=f"{rate.rate:.1%}", xanchor="left", xshift=6, showarrow=False
        )
    figure.update_xaxes(title=x_title, tickformat=".0%", range=[0, end])
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_layout(showlegend=False, margin={"l": 12, "r": 12, "t": 30, "b": 44}, bargap=0.35)
    return figure
