"""The charts that compare: what is believed of a difference, false alarms, folds against seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import integrate, stats

from dashboard.charts.alarms import alarms_chart
from dashboard.charts.posterior import posterior_chart, posterior_range
from dashboard.charts.variance import variance_chart
from dashboard.theme import LIGHT


@dataclass
class Rate:
    title: str
    rate: float
    low: float
    high: float
    resampling: str = "10-fold"
    events: int = 5
    repetitions: int = 100


def test_a_broken_promise_is_seen_by_the_near_end_of_its_interval() -> None:
    rates = [Rate("plain", 0.5, 0.45, 0.55), Rate("corrected", 0.06, 0.04, 0.08)]
    alarms = alarms_chart(rates, 0.05, "false alarms")
    assert list(alarms.data[0].marker.color) == [LIGHT.categorical[1], LIGHT.categorical[0]]
    assert alarms.layout.annotations[0].xanchor == "left"
    assert alarms_chart(rates, 0.9, "x").layout.annotations[0].xanchor == "right", "inside the picture"
    coverage = alarms_chart(rates, 0.07, "coverage", at_most=False)
    assert list(coverage.data[0].marker.color) == [LIGHT.categorical[0], LIGHT.categorical[0]]
    assert alarms_chart(rates, 0.1, "x", at_most=False).data[0].marker.color[1] == LIGHT.categorical[1]


@pytest.mark.parametrize("higher", [True, False])
def test_each_part_of_the_density_has_the_area_it_names(higher: bool) -> None:
    belief = stats.t(9, 0.01, 0.008)
    region = 0.01
    x = posterior_range(0.01, 0.008, region, 2001)
    above, below = belief.sf(region), belief.cdf(-region)
    shares = (above, 1 - above - below, below) if higher else (below, 1 - above - below, above)
    figure = posterior_chart(x, belief.pdf(x), region, shares, ("A", "B"), higher_is_better=higher)
    for trace in figure.data[:3]:
        stated = float(trace.name.rpartition(": ")[2].rstrip("%")) / 100
        assert integrate.trapezoid(trace.y, trace.x) == pytest.approx(stated, abs=0.006)
    best = figure.data[2]
    assert best.name.startswith("A better" if higher else "B better")


def test_the_region_is_drawn_whole_also_where_it_is_wider_than_the_density() -> None:
    x = posterior_range(0.0, 0.001, 0.05)
    assert x[0] < -0.05 < 0.05 < x[-1]
    assert {-0.05, 0.05} <= set(x.tolist())


def test_folds_and_seeds_are_told_apart() -> None:
    table = np.array([[0.9, 0.92], [0.8, 0.82], [0.85, np.nan]])
    figure = variance_chart(table, ["1", "2", "3"], ["seed 0", "seed 1"], percent=True)
    assert [trace.name for trace in figure.data] == ["seed 0", "seed 1", "mean of the fold"]
    assert figure.data[2].y[:2].tolist() == pytest.approx([0.91, 0.81])
