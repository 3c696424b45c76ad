"""Several runs side by side: their curves on one pane, and the settings in which they differ."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.charts.curves import Line, curves_chart, split_dash, x_values
from dashboard.charts.tables import difference_table, short_name
from dashboard.language import _
from dashboard.panels.curve_settings import CurveSettings, curve_settings
from dashboard.panels.escape import plain
from dashboard.panels.plot import plot
from dashboard.panels.run_store import run_reader
from dashboard.theme import SPLITS, run_colors
from logs.catalog import RunSummary
from logs.errors import LogsError

MOST = 24  # curves of more runs can't be told apart
X_TITLES = {"step": "step", "epoch": "epoch", "time": "seconds since the start"}


def comparison(runs: Sequence[RunSummary]) -> None:
    """The curves and the differences of the chosen runs; of too many, the first."""
    if len(runs) > MOST:
        st.caption(_("The first {most} of {all} chosen runs are shown.").format(most=MOST, all=len(runs)))
        runs = runs[:MOST]
    metrics = sorted({pair for run in runs for pair in known_metrics(run)}, key=str)
    settings = curve_settings(metrics, "compare", ("validation",) if len(runs) > 1 else tuple(SPLITS))
    if settings is None:
        st.caption(_("No figures yet: they appear with the first step."))
        return
    chart = curves_chart(
        lines(runs, settings),
        x_title=_(X_TITLES[settings.x_axis]),
        y_title=_(settings.metric.replace("_", " ")),
        smoothing=settings.smoothing,
        log_x=settings.log_x,
        log_y=settings.log_y,
    )
    plot(chart, "compare_curves", height=440, description=_("Curves of the chosen runs"))
    if len(runs) > 1:
        differences(runs)


def lines(runs: Sequence[RunSummary], settings: CurveSettings) -> list[Line]:
    """A line per run and split. A run whose log can't be read says so on the page, and the others go on."""
    colors = run_colors(run.id for run in runs)
    one_split = len(settings.splits) == 1  # then neither the name nor the dash needs to say which
    drawn = []
    for run in runs:
        try:
            reader = run_reader(run.path)
            reader.refresh()
            for split in settings.splits:
                curve = reader.curve(settings.metric, split)
                if not len(curve.step):
                    continue
                name = short_name(run) if split is None or one_split else f"{short_name(run)} · {_(split)}"
                x = x_values(curve, settings.x_axis, run.created or None)
                color = colors[run.id] if len(runs) > 1 or split is None else SPLITS[split]
                drawn.append(
                    Line(name, x, curve.value, color, "solid" if one_split else split_dash(split), run.id)
                )
        except (LogsError, OSError) as problem:
            st.warning(plain(str(problem)), title=plain(short_name(run)))
    return drawn


def differences(runs: Sequence[RunSummary]) -> None:
    """The settings that differ, a column per run."""
    st.subheader(_("What differs"))
    table = difference_table({run.id: run.config for run in runs})
    if table.empty:
        st.caption(_("Nothing: these runs have the same configuration."))
        return
    titles = {run.id: short_name(run) for run in runs}
    st.dataframe(
        table,
        key="compare_differences",
        column_config={"_index": _("Setting"), **titles},
        alt=_("Settings in which the chosen runs differ"),
    )


def known_metrics(run: RunSummary) -> list[tuple[str, str | None]]:
    """(metric, split) pairs that the run has logged, from its small files alone."""
    last = run.status.last if run.status is not None else {}
    return [(metric, split or None) for split, figures in last.items() for metric in figures]
