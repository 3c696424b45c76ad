"""Two studies on the same folds: who is better where, by how much, and which tests call it no chance."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.fold_scores import ScoreInterval, difference_chart
from dashboard.charts.posterior import posterior_chart, posterior_range
from dashboard.charts.tables import difference_table
from dashboard.kfold_pair import BAYESIAN, SIDES, StudyPair, paired
from dashboard.kfold_study import KFoldStudy, read_study
from dashboard.language import _
from dashboard.panels.escape import plain
from dashboard.panels.plot import plot
from dashboard.panels.run_picker import run_labels
from logs.catalog import RunSummary
from logs.errors import LogsError

WITH = "kfold_with"  # the part of the address: the other study
REGION = "kfold_region"
WIDEST = 10.0  # of the region's slider, in percentage points


def kfold_compare(study: KFoldStudy, studies: Sequence[RunSummary], words: Any) -> None:
    """Choose the other study; then the differences, the tests and the posterior."""
    others = [each for each in studies if each.id != study.id]
    if not others:
        st.info(words["compare_alone"])
        return
    labels = run_labels(studies)
    ids = [each.id for each in others]
    said = st.query_params.get(WITH, "")
    if said and said not in ids:
        st.warning(
            plain(_("No other study here is named {name}.").format(name=repr(said))),
            title=words["bad_address"],
        )
    key = f"kfold_other_{zlib.crc32(repr((said, ids)).encode()):08x}"

    def opened() -> None:
        st.query_params[WITH] = st.session_state[key]

    chosen = st.selectbox(
        _("Compare with"), ids, index=ids.index(said) if said in ids else None, key=key, width=520,
        on_change=opened,
        format_func=lambda each: labels.get(each, each), placeholder=_("choose another study"),
    )  # fmt: skip
    if chosen not in ids:
        st.caption(words["compare"])
        return
    try:
        pair = paired(study, read_study(study.runs, chosen))
    except (ValueError, LogsError) as problem:
        st.warning(plain(str(problem)), title=_("These two can't be compared fold by fold"))
        return
    _pair(pair, words)


def _pair(pair: StudyPair, words: Any) -> None:
    st.markdown(
        f":blue-badge[A] **{plain(pair.labels[0])}** &nbsp; :orange-badge[B] **{plain(pair.labels[1])}**"
    )
    boxes = st.grid(2, min_column_width=380, gap="medium")
    with boxes.cell():
        st.markdown(f"**{_('Difference in each fold')}**")
        corrected = pair.result("corrected_paired_t")
        interval = None
        if corrected is not None and not math.isnan(corrected.difference):
            interval = ScoreInterval(
                _("95% interval of the mean"), corrected.difference, corrected.low, corrected.high
            )
        figure = difference_chart(
            pair.differences,
            pair.first.names,
            SIDES,
            interval,
            pair.first.measure.percent,
            pair.first.measure.higher_is_better,
            pair.first.short_names,
            _("repeat.fold") if len(set(pair.first.repeats)) > 1 else _("fold"),
        )
        plot(figure, "kfold_differences", height=360, description=_("Difference of the scores in each fold"))
    with boxes.cell():
        st.markdown(f"**{_('How probable is it that one is better?')}**")
        region = _region(pair)
        _posterior(pair, region)
    st.subheader(_("What each test says"), anchor=False)
    _tests(pair, region)
    settings = difference_table({pair.labels[0]: pair.first.config, pair.labels[1]: pair.second.config})
    if not settings.empty:
        st.markdown(f"**{_('What differs')}**")
        st.dataframe(settings, column_config={"_index": _("Setting")}, alt=_("Settings in which they differ"))


def _region(pair: StudyPair) -> float:
    """The half width of the region of practical equivalence, in the score's unit."""
    if pair.first.measure.percent:
        points = st.slider(
            _("A difference up to this many percentage points would change nothing"), 0.0, WIDEST, 1.0, 0.1,
            key=REGION, bind="query-params",
        )  # fmt: skip
        return min(WIDEST, max(0.0, float(points))) / 100
    widest = float(np.nanmax(np.abs(pair.differences))) or 1.0
    step = 10.0 ** math.floor(math.log10(widest)) / 20
    high = round(2 * widest / step) * step
    chosen = st.slider(
        _("A difference up to this would change nothing"), 0.0, high, min(4 * step, high), step, format="%.3g"
    )
    return float(chosen)


def _posterior(pair: StudyPair, region: float) -> None:
    belief = pair.posterior(region)
    if belief is None or math.isnan(belief.scale):
        st.info(plain(belief.reading if belief is not None else pair.refusal(BAYESIAN)))
        return
    x = posterior_range(belief.location, belief.scale, region)
    shares = (belief.first_better, belief.equivalent, belief.second_better)
    figure = posterior_chart(
        x,
        belief.density(x),
        region,
        shares,
        SIDES,
        pair.first.measure.percent,
        pair.first.measure.higher_is_better,
    )
    plot(figure, "kfold_posterior", height=320, description=_("What is believed of the difference"))
    st.markdown(plain(belief.reading))


def _tests(pair: StudyPair, region: float) -> None:
    """A box for each test that can be made, and why the others can't."""
    for warning in pair.compared.warnings:
        st.caption(f":material/warning: {plain(warning)}")
    for row, made in pair.compared.results:
        result = pair.posterior(region) if row.name == BAYESIAN else made  # as the slider has it
        assert result is not None
        sound = bool(row.sound)
        icon = ":material/balance:" if sound else ":material/warning:"
        with st.expander(f"{icon} **{row.title}** — {plain(result.reading)}"):
            st.latex(row.formula)
            st.markdown(f"{_('Assumes')}: {plain(row.assumes)}  \n{_('Needs')}: {plain(row.needs)}")
            st.caption(f"{_('Source')}: {plain(row.source)}")
            for warning in result.warnings:
                st.caption(f":material/warning: {plain(warning)}")
    refused = pair.compared.refused
    if refused:
        frame = pd.DataFrame(
            [(each.comparison.title, each.reason) for each in refused], columns=["test", "why"]
        )
        with st.expander(_("Tests that can't be made here ({n})").format(n=len(frame))):
            st.dataframe(
                frame,
                hide_index=True,
                column_config={
                    "test": _("Test"),
                    "why": st.column_config.TextColumn(_("Why not"), width="large"),
                },
                alt=_("Tests that can't be made"),
            )
