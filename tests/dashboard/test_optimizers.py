"""The page of optimizers: default, extreme and senseless settings, what it keeps, and its charts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dashboard.charts.basins import basins_chart, shares_table
from dashboard.charts.optimizer_inside import steps_chart, worth_chart
from dashboard.charts.schedule_curve import schedule_chart
from dashboard.charts.stability import decay_chart, plane_chart, rates_chart
from dashboard.language import texts
from dashboard.panels.kept import stops_of
from dashboard.panels.try_this import suggestions
from dashboard.race_picture import MOST_PLACES, SIDE, Shown, race_picture, shaded
from models.catalog import Parameter
from training.basins import basin_map
from training.optimizers import OPTIMIZERS
from training.race import Course, Racer, race
from training.schedules import SCHEDULES
from training.stability import stability
from training.surfaces import SURFACES, Minimum, Surface, values

TABS = ("Race", "One in detail", "Stability", "Basins", "On a network")


@pytest.fixture
def visit(open_page: Callable) -> Callable[..., Any]:
    """Opens the page at an address, with an empty folder of runs."""
    return lambda **query: open_page("optimizers", **query)


def numbers(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4")


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens(visit: Any, tab: str) -> None:
    page = visit(optimizers_tab=tab)
    assert not page.error
    assert not page.warning


@pytest.mark.parametrize(
    "query",
    [
        {"optimizers_racers": ",".join(OPTIMIZERS.names()), "optimizers_steps": "10"},
        {"optimizers_surface": "ravine", "optimizers_ravine_condition": "1000", "optimizers_noise": "20.0"},
        {"optimizers_rate_himmelblau_sgd": "1000", "optimizers_start": "-5,5", "optimizers_decay": "1.0"},
        {"optimizers_tab": "One in detail", "optimizers_one": "adam", "optimizers_adam_beta1": "0.0"},
        {"optimizers_tab": "Stability", "optimizers_quadratic": "booth", "optimizers_share": "4.0"},
        {"optimizers_tab": "Basins", "optimizers_rate_himmelblau_momentum": "1000", "optimizers_side": "20"},
        {"optimizers_tab": "Basins", "optimizers_surface": "rastrigin", "optimizers_side": "20"},
        {"optimizers_schedule": "plateau", "optimizers_racers": "sgd"},
    ],
)
def test_extreme_settings_are_shown(visit: Any, query: dict[str, str]) -> None:
    page = visit(**query)
    assert not page.error
    assert not page.warning


def test_senseless_settings_are_said_and_the_page_lives_on(visit: Any) -> None:
    page = visit(
        optimizers_surface="himalaya",
        optimizers_start="9,9",
        optimizers_steps="1e9",
        optimizers_racers="adamm",
        optimizers_noise="nan",
        optimizers_schedule="never",
    )
    said = " ".join(warning.value for warning in page.warning).replace("\\", "")
    for word in ("himalaya", "9,9", "x from -5 to 5", "1e9", "adamm", "nan", "never"):
        assert word in said
    page = visit(optimizers_tab="One in detail", optimizers_one="adam", optimizers_adam_beta2="7")
    assert "between 0 and 0.9999" in page.warning[0].value.replace("\\", "")


def test_every_suggestion_leads_to_a_page(visit: Any) -> None:
    rows = suggestions(texts("optimizers")["try"])
    page = visit(optimizers_steps="30")
    for place, row in enumerate(rows):
        page.button(key=f"optimizers_try_{place}").click().run()
        assert not page.exception
        assert not page.warning
        wanted = dict(row.settings)
        tab = wanted["optimizers_tab"]
        assert page.query_params.get("optimizers_tab", "Race") in (tab, [tab])
        if "optimizers_steps" not in wanted:
            assert "optimizers_steps" not in page.query_params  # back to the default


def test_what_one_tab_sets_the_others_keep(visit: Any) -> None:
    page = visit(optimizers_tab="One in detail", optimizers_one="adam")
    page.slider(key="optimizers_adam_beta1").set_value(0.5).run()
    page.select_slider(key="optimizers_rate_himmelblau_adam").set_value(0.02).run()
    assert page.query_params["optimizers_adam_beta1"] in ("0.5", ["0.5"])
    page.selectbox(key="optimizers_one").set_value("sgd").run()
    page.selectbox(key="optimizers_one").set_value("adam").run()
    assert page.slider(key="optimizers_adam_beta1").value == 0.5
    assert page.select_slider(key="optimizers_rate_himmelblau_adam").value == 0.02


def test_another_surface_has_its_own_start_and_rates(visit: Any) -> None:
    page = visit(optimizers_start="4.5,4.5", optimizers_rate_himmelblau_sgd="0.02")
    assert page.select_slider(key="optimizers_rate_himmelblau_sgd").value == 0.02
    page.selectbox(key="optimizers_surface").set_value("rosenbrock").run()
    assert not page.warning
    assert "optimizers_start" not in page.query_params
    assert page.select_slider(key="optimizers_rate_rosenbrock_sgd").value == SURFACES["rosenbrock"].slope_rate


def test_each_is_given_its_best_rate(visit: Any) -> None:
    page = visit(optimizers_surface="ravine", optimizers_racers="sgd", optimizers_steps="100")
    page.button(key="optimizers_tune").click().run()
    assert not page.exception
    assert page.select_slider(key="optimizers_rate_ravine_sgd").value == 1.5  # 2 is the limit


def test_a_new_surface_is_on_the_page(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Surface(
        name="cone",
        title="Round bowl",
        formula="x^2 + y^2",
        summary="As simple as can be.",
        source="here",
        function=lambda x, y, depth: depth * (x * x + y * y),
        window=(-1, 1, -1, 1),
        start=(0.5, 0.5),
        minima=(Minimum(0.0, 0.0, 0.0),),
        quadratic=True,
        parameters=(Parameter("depth", 1.0, "how steep it is", low=0.5, high=2.0, step=0.1),),
    )
    monkeypatch.setitem(SURFACES._rows, "cone", row)
    page = visit(optimizers_surface="cone", optimizers_cone_depth="1.5")
    assert not page.warning
    assert page.slider(key="optimizers_cone_depth").value == 1.5
    assert any("As simple as can be." in each.value for each in page.markdown)
    assert not visit(optimizers_tab="Stability", optimizers_quadratic="cone").warning


def test_the_picture_has_the_surface_and_every_path() -> None:
    course = Course("himmelblau", (1.0, 1.0), 3000)
    racers = [Racer("sgd", 0.01), Racer("sgd", 1.0)]
    paths = race(course, racers)
    shown = [Shown(f"{place}", "SGD", "0.01", place, path) for place, path in enumerate(paths)]
    picture = race_picture(course, shown, lambda minimum, step: f"{minimum.x:.0f} at {step}")
    shades, grid = shaded("himmelblau")
    drawn = numbers(picture["surface"]["shades"]).reshape(SIDE, SIDE)
    np.testing.assert_array_equal(drawn.ravel(), numbers(grid))
    undone = shades.lowest + shades.scale * np.expm1(drawn[7, 90] * shades.reach)
    at = np.array([[np.linspace(-5, 5, SIDE)[90], np.linspace(-5, 5, SIDE)[7]]])
    import torch

    assert undone == pytest.approx(float(values("himmelblau", torch.from_numpy(at))), rel=1e-4)
    first, second = picture["racers"]
    places = numbers(first["places"]).reshape(-1, 2)
    assert len(places) <= MOST_PLACES + 1
    np.testing.assert_allclose(places[1], paths[0].positions[picture["stride"]], rtol=1e-6)
    np.testing.assert_allclose(places[-1], paths[0].positions[-1], rtol=1e-6)
    assert numbers(first["gaps"])[-1] == -16
    assert first["reached"].startswith("3 at ")
    assert second["left"] is not None
    assert second["reached"] is None


def test_stability_charts_show_the_limit_and_the_optima() -> None:
    known = stability("ravine", {"condition": 30})
    figure = plane_chart(known, 1.0, 0.5)
    heat, limit, _gd, star = figure.data
    assert np.nanmin(heat.z) >= (np.sqrt(30) - 1) / (np.sqrt(30) + 1) - 1e-9
    np.testing.assert_allclose(limit.x, 2 * (1 + np.asarray(limit.y)))
    assert (star.x[0], star.y[0]) == pytest.approx(known.best_momentum)
    assert [shape["x0"] for shape in figure.layout.shapes if shape["x0"] == shape["x1"]] == [1.0]
    assert 2.0 in [shape["x0"] for shape in rates_chart(known, 1.0, 0.5).layout.shapes]
    assert list(decay_chart(np.array([4.0, 2.0]), 0.5).data[1].y) == [4.0, 2.0]


def test_a_basin_chart_has_a_trace_for_each_basin_and_a_table_of_shares() -> None:
    found = basin_map(Course("himmelblau", (0.0, 0.0), 200), Racer("sgd", 0.01), side=15)
    figure = basins_chart(found, (1.0, 2.0))
    heats = [trace for trace in figure.data if trace.type == "heatmap"]
    assert len(heats) == len(np.unique(found.reached))
    covered = sum(np.isfinite(np.asarray(heat.z, float)).astype(int) for heat in heats)
    assert (covered == 1).all()
    assert sum(row["starts"] for row in shares_table(found)) == pytest.approx(1)


def test_detail_charts_show_steps_and_what_slope_is_worth() -> None:
    slopes = np.array([[2.0, 1.0], [1.0, 0.5]])
    figure = worth_chart(-0.1 * slopes, slopes)
    np.testing.assert_allclose(figure.data[0].y, 0.1)
    np.testing.assert_allclose(figure.data[1].y, 0.1)
    assert list(steps_chart(np.array([0.2, 0.1]), np.array([2.0, 1.0])).data[0].y) == [0.2, 0.1]
    assert max(schedule_chart([0.5, 1.0, 0.0]).data[0].y) == 1


def test_a_logarithmic_slider_has_the_ends_and_the_default() -> None:
    stops = stops_of(Parameter("steps", 200, "steps", "integer", low=10, high=5000, log=True))
    assert (stops[0], stops[-1]) == (10, 5000)
    assert 200 in stops
    assert all(isinstance(stop, int) for stop in stops)
    assert all(row.summary for row in SCHEDULES)
