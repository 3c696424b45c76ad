"""The folds of a study: their curves in a band, their scores with an interval, and a table of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.fold_curves import FoldCurve, Spread, fold_curves_chart
from dashboard.charts.fold_scores import ScoreInterval, fold_scores_chart
from dashboard.kfold_study import KFoldStudy
from dashboard.language import _
from dashboard.navigation import page_file
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.plot import plot
from dashboard.theme import LIGHT, SPLITS, STATES
from logs.status import duration_text
from training.fold_statistics import Summary
from training.kfold_report import failures

SPREADS = {"deviation": "± deviation", "range": "range", "none": "none"}
CHOSEN = "kfold_chosen"  # session state: the study and the name of its fold that is drawn bold
HEIGHT = 400


def curve_choice(study: KFoldStudy) -> tuple[str, str, Spread, bool]:
    """Which curves: metric, split, band, logarithmic. Drawn outside the part that is redrawn each second."""
    metrics = tuple(dict.fromkeys((study.score, *study.metrics, "loss")))  # the score before it is logged too
    first = study.score if study.score in metrics else metrics[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = bounded_choice(_("Metric"), metrics, first, "kfold_metric", _words)
        split = bounded_choice(_("Split"), ("train", "validation"), "validation", "kfold_split", _)
        spread = bounded_choice(
            _("Band"), tuple(SPREADS), "deviation", "kfold_band", lambda name: _(SPREADS[name])
        )
        log_y = st.toggle(_("log y"), key="kfold_log_y", bind="query-params")
    return metric, split, cast(Spread, spread), bool(log_y)


def kfold_folds(study: KFoldStudy, choice: tuple[str, str, Spread, bool], words: Mapping[str, str]) -> None:
    """Curves beside scores, and the table below. `words` are the page's passages."""
    metric, split, spread, log_y = choice
    of, chosen = st.session_state.get(CHOSEN, ("", ""))
    chosen = chosen if of == study.id else ""
    has_scores = bool(np.isfinite(study.scores).any())
    side_by_side = st.grid(2, min_column_width=380, gap="medium")
    with side_by_side if has_scores else st.container():
        curves = study.curves(metric, split)
        if curves:
            figure = fold_curves_chart(
                curves,
                view=f"{split} {metric}",
                color=SPLITS[split],
                spread=spread,
                chosen=chosen,
                log_y=log_y,
                percent=metric == "accuracy",
            )
            heading = _("{split} {metric} of each fold").format(
                split=_(split.capitalize()), metric=_words(metric)
            )
            plot(
                figure,
                "kfold_curves",
                height=HEIGHT,
                description=_("Curves of the folds"),
                heading=heading,
            )
        else:
            st.info(words["no_epoch"] if study.over else words["no_curves"])
    if has_scores:
        with side_by_side:
            _scores(study, chosen)
    _table(study)


def _scores(study: KFoldStudy, chosen: str) -> None:
    summary = study.summary
    intervals = []
    if summary is not None and not math.isnan(summary.low):
        intervals = [
            ScoreInterval(_("corrected"), summary.mean, summary.low, summary.high),
            ScoreInterval(_("naive"), summary.mean, summary.naive_low, summary.naive_high, LIGHT.quiet),
        ]
    figure = fold_scores_chart(
        study.scores,
        study.names,
        intervals,
        percent=study.measure.percent,
        groups=study.repeats,
        chosen=chosen,
    )
    words = (
        _("Test {metric}, and 95% intervals of its mean") if intervals else _("Test {metric} of each fold")
    )
    clicked = plot(
        figure,
        "kfold_scores",
        height=HEIGHT,
        on_click=True,
        description=_("Scores of the folds"),
        heading=words.format(metric=_words(study.score)),
    )
    if clicked and clicked.get("customdata") in study.names:
        st.session_state[CHOSEN] = study.id, clicked["customdata"]
        st.rerun(scope="fragment")


def kfold_sentence(study: KFoldStudy, words: Mapping[str, str]) -> None:
    """The sentence that can be defended, with what weakens it, and why folds failed."""
    _sentence(study, words)
    if not study.results.all_failed:  # else the study itself has failed, and says why
        for sentence in failures(study.results):
            st.caption(f":material/error: {plain(sentence)}")


def _sentence(study: KFoldStudy, passages: Mapping[str, str]) -> None:
    summary: Summary | None = study.summary
    if summary is None:
        _single(study, passages)
        return
    with st.container(border=True):
        so_far = study.unfinished
        words = _("So far, {done} of {all} folds:") if so_far else _("{done} of {all} folds:")
        whole = summary.count == len(study.rows)
        lead = "" if whole else words.format(done=summary.count, all=len(study.rows)) + " "
        st.markdown(f"#### {lead}{plain(summary.reading)}")
        if study.pooled is not None:
            st.markdown(plain(study.pooled.reading))
        for warning in summary.warnings if not so_far else ():
            st.caption(f":material/warning: {plain(warning)}")


def _single(study: KFoldStudy, words: Mapping[str, str]) -> None:
    """Fewer than two folds have a score: what one says, where no more will come, and what it leaves open."""
    if not study.over or not np.isfinite(study.scores).any():
        st.caption(words["no_score"] if study.over else words["waiting"])
        return
    with st.container(border=True):
        if study.pooled is not None:
            st.markdown(f"#### {plain(study.pooled.reading)}")
        alone = _("One split: how far its {metric} would move with other samples, only more folds can say.")
        if len(study.rows) > 1:
            alone = _("One of {all} folds has a score: how far its {metric} would move, only more can say.")
        said = alone.format(metric=_words(study.score), all=len(study.rows))
        st.caption(f":material/warning: {said}")


def _table(study: KFoldStudy) -> None:
    """A line for each fold; a tick draws its curve bold, a button opens its run."""
    if not study.rows:
        return  # the folds have not been dealt yet
    frame = fold_frame(study)
    order = [row.run for row in study.rows]

    def open_run() -> None:
        row = st.session_state["kfold_open"]["row"]
        if row is not None and row < len(order) and order[row]:
            st.switch_page(page_file("run"), query_params={"run": order[row]})

    def tick() -> None:
        rows = st.session_state["kfold_table"]["selection"]["rows"]
        ticked = study.names[rows[0]] if rows and rows[0] < len(study.names) else ""
        st.session_state[CHOSEN] = study.id, ticked

    config = st.column_config
    states = [*STATES, "waiting"]
    wrong = bool((frame["error"] != "").any())
    large = _large(frame)
    if large:
        frame = frame.round({"validation": 0, "test": 0})
    number = "%.1f%%" if study.measure.percent else "localized" if large else "%.4g"
    chose = bool((frame["chose"] != "").any())
    st.dataframe(
        frame,
        key="kfold_table",
        on_select=tick,
        selection_mode="single-row",
        hide_index=True,
        height="content" if len(frame) <= 12 else 35 * 13,
        column_config={
            "fold": config.TextColumn(_("Fold"), pinned=True),
            "open": config.ButtonColumn("", key="kfold_open", on_click=open_run, type="tertiary", width=64),
            "state": config.MultiselectColumn(
                _("State"), options=states, width=108,
                color=[STATES[name][0] if name in STATES else "gray" for name in states],
                format_func=lambda name: f"{STATES[name][1]} {_(name)}" if name in STATES else _(name),
            ),
            "epoch": config.NumberColumn(_("Epoch"), format="%g"),
            "best_epoch": config.NumberColumn(_("Best epoch"), format="%g"),
            "validation": config.NumberColumn(f"{_('Validation')} {_words(study.score)}", format=number),
            "test": config.NumberColumn(f"{_('Test')} {_words(study.score)}", format=number),
            "loss": config.NumberColumn(_("Test loss"), format="%.4g"),
            "chose": config.TextColumn(_("Inner folds chose")) if chose else None,
            "train_size": config.NumberColumn(_("Trained on"), format="localized"),
            "test_size": config.NumberColumn(_("Tested on"), format="localized"),
            "time": config.TextColumn(_("Took"), width="small"),
            "error": config.TextColumn(_("What went wrong"), width="large") if wrong else None,
        },
        placeholder="",
        alt=_("The folds; tick one to see its curve"),
    )  # fmt: skip


def _large(frame: pd.DataFrame) -> bool:
    """True where scores are in the thousands: nobody reads prices as 7.1e+04."""
    return bool((frame[["validation", "test"]].abs() >= 1000).any(axis=None))


def fold_frame(study: KFoldStudy) -> pd.DataFrame:
    """The table's content, a row per fold in the order of the split."""
    rows = study.rows
    scale = 100 if study.measure.percent else 1  # a format of percentages has as many digits in each line

    def number(values: Any, name: str) -> float:
        return float(values.get(name, math.nan))

    return pd.DataFrame(
        {
            "fold": list(study.names),
            "open": [_("Open") if row.run else "" for row in rows],
            "state": [[row.state] for row in rows],
            "epoch": [np.floor(row.epoch) for row in rows],
            "best_epoch": [row.best_epoch for row in rows],
            "validation": [number(row.validation, study.score) * scale for row in rows],
            "test": [number(row.test, study.score) * scale for row in rows],
            "loss": [number(row.test, "loss") for row in rows],
            "chose": list(study.chosen_settings),
            "train_size": [row.n_train for row in rows],
            "test_size": [row.n_test for row in rows],
            "time": [duration_text(row.seconds) for row in rows],
            "error": [row.error for row in rows],
        }
    )


def curves_of(names: tuple[str, ...], curves: list[Any]) -> list[FoldCurve]:
    """Curves by epoch of the folds that have logged any."""
    return [
        FoldCurve(name, np.asarray(curve.epoch, np.float64), np.asarray(curve.value, np.float64))
        for name, curve in zip(names, curves, strict=True)
        if curve is not None and len(curve.value)
    ]


def _words(metric: str) -> str:
    return _(metric.replace("_", " "))
