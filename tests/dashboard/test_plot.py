"""What reaches the browser: Plotly's own bundle from this machine, short numbers, no foreign template."""

from __future__ import annotations

import base64
import datetime
import json
import os
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.panels import plot as plot_module
from dashboard.panels.plot import slim
from dashboard.panels.plotly_library import published_library

NAME = f"plotly-{version('plotly')}.min.js"


def numbers(described: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(described["bdata"]), dtype=np.dtype(described["dtype"]))


def test_long_numbers_are_sent_in_half_the_bytes() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    values[3] = np.nan
    sent = slim(go.Figure(go.Scatter(x=np.arange(1000), y=values)))["data"][0]
    assert sent["y"]["dtype"] == "f4"
    np.testing.assert_allclose(numbers(sent["y"]), values, rtol=1e-6)
    np.testing.assert_array_equal(numbers(sent["x"]), np.arange(1000))


@pytest.mark.parametrize(
    "values",
    [1e9 + np.arange(10.0), np.array([0.0, 1e300]), 1.0 + 1e-9 * np.arange(10.0)],
    ids=["large and close", "beyond float32", "tiny differences"],
)
def test_numbers_that_rounding_would_move_stay_exact(values: np.ndarray) -> None:
    sent = slim(go.Figure(go.Scatter(y=values)))["data"][0]["y"]
    np.testing.assert_array_equal(numbers(sent), values)


def test_a_surface_keeps_its_shape() -> None:
    sent = slim(go.Figure(go.Surface(z=np.random.default_rng(0).normal(size=(4, 6)))))["data"][0]["z"]
    assert sent["dtype"] == "f4"
    assert sent["shape"] == "4, 6"


def test_empty_and_wholly_missing_values_are_sent() -> None:
    for values in (np.full(3, np.nan), np.full(4, 2.5)):
        sent = slim(go.Figure(go.Scatter(y=values)))["data"][0]["y"]
        np.testing.assert_array_equal(numbers(sent), values)
    assert slim(go.Figure(go.Scatter(y=np.zeros(0))))["data"][0]["y"] == []


def test_a_figure_is_sent_as_plotly_would_write_it() -> None:
    figure = go.Figure(
        layout={"title": "all sorts", "xaxis": {"range": np.array([1, 2])}, "template": "none"}
    )
    figure.add_scatter(
        x=[1, None, np.nan, np.float64(2.5)], y=np.array([1, 2, 300]), text=["a"], opacity=np.float32(0.5),
        customdata=np.array([["x", 1], ["y", None]], object), marker={"size": np.int64(3), "color": (1, 2)},
    )  # fmt: skip
    figure.add_scatter(x=np.array(["2026-01-01", "2026-01-02"], "datetime64[D]"), y=np.array([2**40, 1]))
    figure.add_heatmap(z=np.arange(6, dtype=np.uint16).reshape(2, 3), x=np.array([True, False]))
    figure.add_bar(x=[datetime.date(2026, 1, 1)], y=np.array([-5, 120], np.int64))
    written = json.loads(figure.to_json())
    written["layout"].pop("template", None)
    assert slim(figure) == written


def test_the_pages_theme_takes_the_place_of_plotlys() -> None:
    assert "template" not in slim(go.Figure(layout={"title": "x"}))["layout"]


def test_the_library_is_copied_whole_and_older_ones_go(tmp_path: Path) -> None:
    published_library.cache_clear()
    (tmp_path / "plotly-1.0.0.min.js").write_text("old")
    (tmp_path / NAME).write_text("torn")
    assert published_library(tmp_path) == NAME
    assert [file.name for file in tmp_path.iterdir()] == [NAME]
    assert "plotly.js" in (tmp_path / NAME).read_text(encoding="utf-8")[:200]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that we may not write")
def test_a_read_only_checkout_is_no_error(tmp_path: Path) -> None:
    published_library.cache_clear()
    tmp_path.chmod(0o500)
    assert published_library(tmp_path) is None


def test_a_place_that_cannot_be_a_folder_is_no_error(tmp_path: Path) -> None:
    published_library.cache_clear()
    (tmp_path / "static").write_text("a file")
    assert published_library(tmp_path / "static") is None


def one_chart() -> None:
    import plotly.graph_objects as go

    from dashboard.panels.plot import plot

    plot(go.Figure(go.Scatter(y=[1.0, 2.0]), layout={"title": "Two values"}), "two")


@pytest.mark.usefixtures("runs")
def test_a_chart_is_described_for_those_who_do_not_see_it(
    figures: Callable[[AppTest], dict[str, Any]],
) -> None:
    page = AppTest.from_function(one_chart).run(timeout=30)
    assert not page.exception
    assert set(figures(page)) == {"Two values"}


def test_without_the_library_a_chart_is_still_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot_module, "published_library", lambda: None)
    page = AppTest.from_function(one_chart).run(timeout=30)
    assert not page.exception
    spec = json.loads(page.get("plotly_chart")[0].proto.spec)
    assert spec["layout"]["title"]["text"] == "Two values"
    assert "static" in page.caption[0].value


def test_the_component_calls_nothing_outside() -> None:
    source = Path(plot_module.__file__).with_suffix(".js").read_text(encoding="utf-8")
    assert not re.search(r"https?://|innerHTML|eval\(", source)
