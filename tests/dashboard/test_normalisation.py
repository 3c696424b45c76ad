"""The page of normalisations: default, extreme and senseless settings, and what its charts are made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dashboard.charts.input_scaling import Way, scaling_chart
from dashboard.charts.normalisation import numbers_chart, statistics_chart
from dashboard.charts.normalised_depth import normalised_depth_chart
from dashboard.language import texts
from dashboard.panels.try_this import suggestions
from models.normalisation import NORMALISATIONS, Normalisation, example_tensor, normalised
from models.signal_depth import signals
from training.input_scaling import SCALINGS, Scaling, bowl, descent, drawn_inputs

TABS = ("What is averaged", "Training and evaluation", "Inputs", "Depth", "Race")


@pytest.fixture
def visit(open_page: Callable) -> Callable[..., Any]:
    """Opens the page at an address."""
    return lambda **query: open_page("normalisation", **query)


def sent(page: Any, key: str) -> dict[str, Any]:
    """What the component got whose data have the key."""
    told = [item.proto.mixed.json or item.proto.json for item in page.get("bidi_component")]
    return next(data for data in map(json.loads, filter(None, told)) if key in data)


@pytest.mark.parametrize(
    "query",
    [
        *({"normalisation_tab": tab} for tab in TABS),
        {"normalisation_samples": "1", "normalisation_channels": "1", "normalisation_side": "3"},
        {"normalisation_samples": "4", "normalisation_channels": "8", "normalisation_cell": "4-8-4"},
        {"normalisation_tab": TABS[1], "normalisation_size": "2", "normalisation_momentum": "1"},
        {"normalisation_tab": TABS[1], "normalisation_plain": "true", "normalisation_drift": "-6.0"},
        {"normalisation_tab": TABS[2], "normalisation_ratio": "50", "normalisation_rate": "1.1",
         "normalisation_steps": "500", "normalisation_offset": "-4.0", "normalisation_correlation": "0.9"},
        {"normalisation_tab": TABS[2], "normalisation_scaling": "none"},
        {"normalisation_tab": TABS[3], "normalisation_start": "zeros", "normalisation_layers": "50"},
        {"normalisation_tab": TABS[3], "normalisation_layers": "1", "normalisation_deep": "rms"},
    ],
)  # fmt: skip
def test_default_and_extreme_settings_are_shown(visit: Any, query: dict[str, str]) -> None:
    page = visit(**query)
    assert not page.error
    assert not page.warning


def test_what_cannot_be_normalised_is_said(visit: Any) -> None:
    page = visit(normalisation_group_groups="4", normalisation_kind="group")
    assert "groups can be 1, 2, 3, 6" in page.warning[0].value.replace("\\", "")
    problems = {kind["name"]: kind["problem"] for kind in sent(page, "kinds")["kinds"]}
    assert "groups can be" in problems.pop("group")
    assert not any(problems.values())
    page = visit(normalisation_samples="1", normalisation_side="1")
    assert "needs more samples" in page.warning[0].value.replace("\\", "")


def test_senseless_settings_are_said_and_the_page_lives_on(visit: Any, words: Callable) -> None:
    page = visit(
        normalisation_cell="here", normalisation_kind="bach", normalisation_channels="5",
        normalisation_shown="never", normalisation_turn="181,0",
    )  # fmt: skip
    said = words(page).replace("\\", "")
    for part in ("sample, channel and place", "'bach'", "'5'", "before or after", "two angles in degrees"):
        assert part in said
    told = sent(page, "kinds")
    assert (told["at"], told["shown"], told["turn"]) == ("1-1-1", "before", "34,29")
    page = visit(
        normalisation_tab=TABS[1], normalisation_batch="999", normalisation_size="0", normalisation_number="x"
    )
    assert len(page.warning) == 3
    page = visit(normalisation_tab=TABS[2], normalisation_rate="9", normalisation_scaling="?")
    assert len(page.warning) == 2
    assert len(visit(normalisation_tab=TABS[3], normalisation_deep="instance").warning) == 1


def test_a_cell_outside_a_smaller_tensor_is_no_error(visit: Any) -> None:
    assert not visit(normalisation_cell="9-9-9").warning


def test_every_suggestion_leads_to_a_page(visit: Any) -> None:
    rows = suggestions(texts("normalisation")["try"])
    page = visit()
    for place, row in enumerate(rows):
        page.button(key=f"normalisation_try_{place}").click().run()
        assert not page.exception
        assert not page.warning
        chosen = dict(row.settings)["normalisation_tab"]
        assert page.query_params.get("normalisation_tab", TABS[0]) in (chosen, [chosen])


def test_new_rows_are_on_the_page(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row is all that a new normalisation or a new scaling needs."""
    layer = NORMALISATIONS["layer"]
    row = Normalisation(
        "whole",
        "Of everything",
        "S",
        "All numbers.",
        "a test",
        lambda cells: (cells.sample * 0,),
        layer.build,
    )
    monkeypatch.setitem(NORMALISATIONS._rows, "whole", row)
    page = visit(normalisation_kind="whole")
    (kind,) = [kind for kind in sent(page, "kinds")["kinds"] if kind["name"] == "whole"]
    assert set(kind["sets"]) == {0}
    assert any("All numbers." in each.value for each in page.markdown)
    scaling = Scaling("half", "Halved", r"x / 2", "Half of it.", "a test", lambda x: x / 2)
    monkeypatch.setitem(SCALINGS._rows, "half", scaling)
    page = visit(normalisation_tab="Inputs", normalisation_scaling="half")
    assert any("Half of it." in each.value for each in page.caption)


def test_the_charts_show_the_numbers_they_are_given() -> None:
    values = example_tensor(3, 4, 2, 1.0, 1.0, seed=0)
    before, after = values.numpy(), normalised(values, "batch").values.numpy()
    points = [trace for trace in numbers_chart(before, after).data if trace.type == "scatter"]
    shown = np.sort(
        np.concatenate([trace.y for trace in points if trace.xaxis == "x" and trace.error_y.array is None])
    )
    np.testing.assert_allclose(shown, np.sort(before.ravel()))
    tables = {heat.xaxis: np.array(heat.z) for heat in statistics_chart(before, after).data}
    np.testing.assert_allclose(tables["x"][:-1, :-1], before.mean(axis=(2, 3)))
    np.testing.assert_allclose(tables["x2"][-1], 0, atol=1e-12)  # each channel, and all
    np.testing.assert_allclose(tables["x4"][-1], 1, rtol=1e-4)
    plain, normed = signals("relu", "normal", 3, 16), signals("relu", "normal", 3, 16, normalisation="layer")
    lines = {
        (trace.name, trace.yaxis): trace.y
        for trace in normalised_depth_chart(plain, normed, "layer norm").data
        if trace.name
    }
    np.testing.assert_allclose(lines["layer norm", "y4"], normed.gradient_sizes.numpy())
    np.testing.assert_allclose(lines["without, theory", "y3"], plain.expected_activations.numpy())


def test_the_surface_of_the_chart_is_the_loss_and_stays_in_sight() -> None:
    surface = bowl(drawn_inputs(5.0, 1.0, 0.5), "none")
    way = Way("as they are", surface, descent(surface, np.zeros(2), 1.2 * surface.limit, 200))
    assert way.losses[0] == pytest.approx(1)
    assert np.isfinite(way.losses).all()
    contour = scaling_chart([way, way]).data[0]
    at = surface.loss(np.array([contour.x[3], contour.y[7]])) / surface.loss(np.zeros(2))
    assert contour.z[7][3] == pytest.approx(np.log10(at))
