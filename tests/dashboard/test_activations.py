"""The page of activation functions: default, extreme and senseless settings; a trained network; a race."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.charts.activation_depth import signal_depth_chart
from dashboard.charts.activation_sums import flat_shares_chart, softmax_chart, sums_chart
from dashboard.language import texts
from dashboard.panels.activation_race import RACE
from dashboard.panels.try_this import suggestions
from models.activations import ACTIVATIONS
from models.catalog import Parameter
from models.saturation import Sums
from models.signal_depth import signals

TABS = ("Curves", "Depth", "Softmax", "In a trained network", "Race")


@pytest.fixture
def visit(open_page: Callable) -> Callable[..., Any]:
    """Opens the page at an address, with an empty folder of runs."""
    return lambda **query: open_page("activations", **query)


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_without_runs(visit: Any, tab: str) -> None:
    page = visit(activations_tab=tab)
    assert not page.error
    assert not page.warning


@pytest.mark.parametrize(
    "query",
    [
        {"activations_tab": "Depth", "activations_layers": "50", "activations_deep": "step"},
        {"activations_tab": "Depth", "activations_start": "zeros", "activations_layers": "1"},
        {
            "activations_tab": "Depth",
            "activations_start": "normal",
            "activations_start_standard_deviation": "10",
        },
        {"activations_shown": ",".join(ACTIVATIONS.names()), "activations_reach": "20.0"},
        {"activations_shown": ""},
        {"activations_tab": "Softmax", "activations_temperature": "0.1", "activations_z1": "5.0"},
    ],
)
def test_extreme_settings_are_shown(visit: Any, query: dict[str, str]) -> None:
    page = visit(**query)
    assert not page.error
    assert not page.warning


def test_senseless_settings_are_said_and_the_page_lives_on(visit: Any) -> None:
    page = visit(activations_shown="rellu", activations_at="here", activations_reach="999")
    said = " ".join(warning.value for warning in page.warning).replace("\\", "")
    assert "rellu" in said
    assert "between -20 and 20" in said
    assert "999" in said
    page = visit(activations_tab="Depth", activations_deep="nothing", activations_layers="0")
    assert len(page.warning) == 2


@pytest.mark.parametrize("place", range(5))
def test_every_suggestion_leads_to_a_page(visit: Any, place: int) -> None:
    rows = suggestions(texts("activations")["try"])
    assert len(rows) == 5
    page = visit()
    page.button(key=f"activations_try_{place}").click().run()
    assert not page.exception
    assert not page.warning
    chosen = dict(rows[place].settings)["activations_tab"]
    assert page.query_params.get("activations_tab", "Curves") in (chosen, [chosen])


def test_a_new_row_is_on_the_page(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row is all that a new activation needs."""
    from torch import nn

    from models.activations import Activation

    row = Activation(
        name="celu",
        title="CELU",
        formula="f(x)",
        range="R",
        summary="An ELU with a slope of 1 at 0.",
        source="arXiv:1704.07483",
        build=nn.CELU,
        parameters=(Parameter("alpha", 1.0, "the negative limit", low=0.1, high=3.0, step=0.1),),
    )
    monkeypatch.setitem(ACTIVATIONS._rows, "celu", row)
    page = visit(activations_shown="celu")
    assert any("CELU" in each.value for each in page.markdown)
    assert any("negative limit" in each.label for each in page.slider)
    assert not visit(activations_tab="Depth", activations_deep="celu").warning


def test_the_depth_chart_has_measured_and_expected_sizes() -> None:
    found = signals("tanh", "xavier_normal", 6, 32)
    figure = signal_depth_chart(found)
    lines = {trace.name: trace for trace in figure.data if trace.type == "scatter" and trace.yaxis == "y3"}
    np.testing.assert_allclose(lines["measured"].y, found.activation_sizes.numpy())
    np.testing.assert_allclose(lines["theory of wide layers"].y, found.expected_activations.numpy())
    heat = next(trace for trace in figure.data if trace.type == "heatmap")
    np.testing.assert_allclose(np.sum(heat.customdata, axis=0), 1, atol=1e-5)  # a column for each layer
    assert signal_depth_chart(signals("step", "zeros", 2, 8)).data  # nothing to take a logarithm of


def test_sizes_that_are_all_alike_look_so() -> None:
    figure = signal_depth_chart(signals("sigmoid", "zeros", 10, 16))
    low, high = figure.layout.yaxis3.range
    assert low < math.log10(0.5) - 0.1  # not the last digits of 0.5
    assert high > math.log10(0.5) + 0.1
    gradients = [trace for trace in figure.data if trace.type == "scatter" and trace.yaxis == "y4"]
    assert {trace.mode for trace in gradients} == {"markers"}  # one layer alone gets any
    assert signal_depth_chart(signals("sigmoid", "xavier_normal", 10, 16)).layout.yaxis4.range is None


def test_the_histogram_stands_over_its_own_curve() -> None:
    row = Sums("act", "relu", {}, np.array([2, 6, 2]), np.array([-1.0, 0.0, 1.0, 2.0]), 4, 1, 0.2)
    bars, curve = sums_chart(row).data
    assert list(bars.y) == [0.2, 0.6, 0.2]
    assert (min(curve.x), max(curve.x)) == (-1, 2)
    assert curve.y[-1] == 2
    flat, dead = flat_shares_chart([row], "act").data
    assert (list(flat.x), list(dead.x)) == ([0.2], [0.25])
    assert list(softmax_chart([1.0, 2.0], np.array([0.3, 0.7]), np.array([0.4, 0.6])).data[0].y) == [0.3, 0.7]


def test_a_trained_network_shows_what_goes_into_its_activations(visit: Any, runs: Path) -> None:
    from training.train import main

    options = ["--dataset", "two_moons", "--hidden-width", "6", "--epochs", "1", "--visdom", "off"]
    assert main([*options, "--runs", str(runs)]) == 0
    page = visit(activations_tab="In a trained network")
    assert not page.error
    assert any(re.search(r"\*\*\d+\*\* of 12 units are dead", each.value) for each in page.markdown)
    assert visit(activations_tab="In a trained network", activations_layer="nowhere").warning


def test_a_race_varies_nothing_but_the_activation() -> None:
    class Info:
        study: dict[str, Any] = {"space": {"activation": ["relu", "tanh"]}}  # noqa: RUF012

    class Run:
        kind, info = "sweep", Info()

    assert RACE.races(Run())  # type: ignore[arg-type]
    Info.study = {"space": {"activation": [], "learning_rate": []}}
    assert not RACE.races(Run())  # type: ignore[arg-type]
