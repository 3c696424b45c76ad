"""Histograms over time: bins are changed without losing anything, quantiles are right, each shape draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts.histograms import (
    RIDGES,
    Histograms,
    common_edges,
    histogram_chart,
    quantiles,
    rebinned,
)


def histograms_of(samples: list[np.ndarray], bins: int = 32) -> Histograms:
    counted = [np.histogram(values, bins) for values in samples]
    return Histograms(
        step=np.arange(len(samples)) * 10,
        epoch=np.arange(len(samples)) / 2,
        counts=[counts.astype(np.float64) for counts, _ in counted],
        edges=[edges for _, edges in counted],
    )


@pytest.fixture
def widening() -> Histograms:
    generator = np.random.default_rng(0)
    return histograms_of([generator.normal(0, 1 + step / 10, 2000) for step in range(40)])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.integers(1, 50))
def test_no_count_is_lost_where_the_new_bins_cover_the_old(counts: list[float], bins: int) -> None:
    edges = np.linspace(-3, 5, len(counts) + 1)
    moved = rebinned(np.array(counts), edges, np.linspace(-4, 6, bins + 1))
    assert moved.sum() == pytest.approx(sum(counts), rel=1e-9, abs=1e-9)
    assert (moved >= -1e-6).all()


def test_counts_on_their_own_bins_stay_as_they_are() -> None:
    counts, edges = np.histogram(np.random.default_rng(1).normal(size=500), 20)
    np.testing.assert_allclose(rebinned(counts, edges, edges), counts, atol=1e-9)


def test_a_bin_is_spread_evenly_over_its_width() -> None:
    moved = rebinned(np.array([10.0]), np.array([0.0, 1.0]), np.array([0.0, 0.25, 1.0]))
    np.testing.assert_allclose(moved, [2.5, 7.5])


def test_a_layer_whose_values_are_all_equal_keeps_its_count() -> None:
    edges = np.zeros(5)
    moved = rebinned(np.array([0.0, 7.0, 0.0, 0.0]), edges, np.linspace(-1, 1, 11))
    assert moved.sum() == 7


def test_quantiles_are_those_of_the_samples_to_within_a_bin() -> None:
    values = np.random.default_rng(2).exponential(size=20_000)
    counts, edges = np.histogram(values, 400)
    wanted = (0.05, 0.25, 0.5, 0.75, 0.95)
    np.testing.assert_allclose(
        quantiles(counts, edges, wanted), np.quantile(values, wanted), atol=edges[1] - edges[0]
    )


def test_an_empty_histogram_has_no_quantiles() -> None:
    assert np.isnan(quantiles(np.zeros(3), np.arange(4.0), (0.5,))).all()


def test_common_bins_reach_over_every_value_and_no_empty_tail(widening: Histograms) -> None:
    edges = common_edges(widening)
    assert edges[0] == min(each[0] for each in widening.edges)
    tail = Histograms(
        np.array([0]), np.array([0.0]), [np.array([0.0, 5.0, 0.0])], [np.array([-100.0, 0, 1, 100])]
    )
    assert (common_edges(tail)[0], common_edges(tail)[-1]) == (0.0, 1.0)


def test_the_heatmap_shows_each_steps_share(widening: Histograms) -> None:
    heatmap = histogram_chart(widening, "heatmap").data[0]
    np.testing.assert_allclose(np.asarray(heatmap.z).sum(axis=0), 1.0)
    assert list(heatmap.x) == list(widening.step)


def test_the_axis_is_steps_where_the_epochs_are_unknown(widening: Histograms) -> None:
    foreign = Histograms(widening.step, np.full(40, np.nan), widening.counts, widening.edges)
    figure = histogram_chart(foreign, "heatmap", axis="epoch")
    assert figure.layout.xaxis.title.text == "step"
    assert histogram_chart(widening, "heatmap", axis="epoch").layout.xaxis.title.text == "epoch"


def test_ridges_are_as_many_as_can_be_told_apart(widening: Histograms) -> None:
    assert len(histogram_chart(widening, "ridges").data) == RIDGES


def test_the_median_of_the_percentiles_chart_stays_at_zero_and_its_bands_widen(widening: Histograms) -> None:
    figure = histogram_chart(widening, "percentiles")
    median = next(trace for trace in figure.data if trace.name == "median").y
    high = next(trace for trace in figure.data if trace.name == "90%").y
    assert np.abs(np.asarray(median)).max() < 0.5
    assert high[-1] > 2 * high[0]


def test_one_single_histogram_can_be_drawn_in_every_shape() -> None:
    single = histograms_of([np.zeros(5)])
    for shape in ("heatmap", "ridges", "percentiles"):
        assert histogram_chart(single, shape).data  # type: ignore[arg-type]


def test_no_histogram_at_all_is_said_in_words() -> None:
    with pytest.raises(ValueError, match="logged none"):
        histogram_chart(Histograms(np.array([]), np.array([]), [], []))
