"""What the folds' networks say of samples they never saw: mistakes, rates, honesty of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.confusion import class_scores, confusion_chart
from dashboard.charts.fold_rates import Kind, RateCurve, fold_rates_chart, rate_curve
from dashboard.charts.predictions import errors_chart
from dashboard.charts.reliability import reliability_chart
from dashboard.kfold_study import KFoldStudy
from dashboard.language import _
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.plot import plot

NORMS = {
    "counts": "counts",
    "target": "share of the true class",
    "prediction": "share of the predicted class",
}
BINS = (5, 10, 15, 20)
PILLS = 12  # classes side by side; of more a box


def kfold_classes(study: KFoldStudy, nothing: str) -> None:
    """Confusion, ROC and precision-recall, calibration; of a regression predictions over targets."""
    frame = study.predictions
    if not len(frame):
        st.info(nothing)
        return
    if not study.class_names:
        figure = errors_chart(frame["target"].to_numpy(np.float64), frame["prediction"].to_numpy(np.float64))
        words = _("Predicted over true, each sample by a network that never saw it")
        about = _("Out-of-fold predictions over targets")
        plot(figure, "kfold_errors", height=480, description=about, heading=words)
        return
    _confusion(study)
    if study.probabilities is None:
        return
    st.subheader(_("Rates of each class"), anchor=False)
    _rates(study)
    st.subheader(_("Are the probabilities honest?"), anchor=False)
    _calibration(study)


def _confusion(study: KFoldStudy) -> None:
    boxes = st.grid(2, min_column_width=420, gap="medium")
    counts = study.confusion
    with boxes.cell():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            norm: Any = bounded_choice(
                _("Show"), tuple(NORMS), "counts", "kfold_norm", lambda name: _(NORMS[name])
            )
            mistakes = st.toggle(_("mistakes only"), key="kfold_mistakes", bind="query-params")
        figure = confusion_chart(counts, study.class_names, norm, bool(mistakes))
        plot(figure, "kfold_confusion", height=500, description=_("Pooled confusion matrix"))
    with boxes.cell():
        st.markdown(f"**{_('Each class, over all folds')}**")
        scores = class_scores(counts, study.class_names)
        shares = [name for name in ("precision", "recall", "F1") if name in scores]
        scores[shares] *= 100
        st.dataframe(
            scores,
            hide_index=True,
            column_config={name: st.column_config.NumberColumn(format="%.1f%%") for name in shares},
            alt=_("Scores per class"),
        )
        if study.repeat_count > 1:
            words = _("Each sample counts {n} times: once in each repeat.")
            st.caption(words.format(n=study.repeat_count))


def _rates(study: KFoldStudy) -> None:
    names = [str(name) for name in study.class_names]
    options = tuple(range(len(names))) if len(names) > 2 else (1,)
    areas = [area.mean for area in study.areas]
    hardest = int(np.nanargmin(areas)) if len(options) > 1 and np.isfinite(areas).any() else options[0]
    number = hardest
    if len(options) > 1 and len(options) <= PILLS:
        number = bounded_choice(_("Class"), options, hardest, "kfold_class", lambda place: names[place])
    elif len(options) > 1:
        number = st.selectbox(
            _("Class"),
            options,
            index=hardest,
            key="kfold_class",
            bind="query-params",
            format_func=lambda place: names[place],
        )
    boxes = st.grid(2, min_column_width=380, gap="medium")
    titles: dict[Kind, str] = {"roc": _("ROC"), "precision_recall": _("Precision and recall")}
    for kind, title in titles.items():
        folds, pooled, prevalence = _curves(study.version, kind, number, study)
        figure = fold_rates_chart(kind, folds, pooled, prevalence, f"{title}: {_of(names, number)}")
        with boxes:
            plot(figure, f"kfold_{kind}", height=400, description=title)
    shown = next(area for area in study.areas if area.class_name == study.class_names[number])
    st.markdown(plain(shown.reading))
    for warning in shown.warnings:
        st.caption(f":material/warning: {plain(warning)}")
    with st.expander(_("Areas of every class"), expanded=len(areas) <= PILLS):
        st.dataframe(
            area_frame(study),
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="%.4f")
                for name in ("AUC, mean of folds", "deviation", "AUC, pooled", "average precision")
            },
            alt=_("Areas under the curves"),
        )


@st.cache_data(max_entries=200, show_spinner=False)
def _curves(
    version: tuple[Any, ...], kind: Kind, number: int, _study: KFoldStudy
) -> tuple[list[RateCurve], RateCurve, float]:
    """Each fold's curve and the pooled one, and the share of this class; `version` stands for the study."""
    positive = _study.predictions["target"].to_numpy(np.int64) == number
    scores = _study.probabilities[:, number]  # type: ignore[index]
    places = _study.fold_places
    folds = [
        rate_curve(kind, positive[places == place], scores[places == place], _study.names[place])
        for place in np.unique(places)
    ]
    return folds, rate_curve(kind, positive, scores, "pooled"), float(positive.mean())


def area_frame(study: KFoldStudy) -> pd.DataFrame:
    """A row per class: the area of the ROC curve over folds and pooled, and the average precision."""
    names = [str(name) for name in study.class_names]
    rows = []
    for area in study.areas:
        number = names.index(str(area.class_name))
        pooled = _curves(study.version, "precision_recall", number, study)[1]
        rows.append((area.class_name, area.mean, area.deviation, area.pooled, pooled.area))
    columns = ["class", "AUC, mean of folds", "deviation", "AUC, pooled", "average precision"]
    return pd.DataFrame(rows, columns=columns)


def _calibration(study: KFoldStudy) -> None:
    bins = bounded_choice(_("Bins"), BINS, 10, "kfold_bins")
    boxes = st.grid(2, min_column_width=380, gap="medium")
    found, scores, intervals = _calibrated(study.version, bins, study)
    with boxes.cell():
        figure = reliability_chart(found.edges, found.counts, found.confidence, found.accuracy, intervals)
        plot(
            figure, "kfold_calibration", height=440, description=_("Stated confidence against what is right")
        )
    with boxes.cell():
        st.metric(_("Expected calibration error"), f"{found.expected_error:.1%}")
        st.markdown(plain(found.reading))
        st.markdown(plain(scores.reading))
        for warning in (*found.warnings, *scores.warnings):
            st.caption(f":material/warning: {plain(warning)}")


@st.cache_data(max_entries=50, show_spinner=False)
def _calibrated(version: tuple[Any, ...], bins: int, _study: KFoldStudy) -> tuple[Any, Any, list[Any]]:
    from training.calibration import calibration, probability_scores
    from training.out_of_fold import wilson_interval

    targets, shares = _study.predictions["target"].to_numpy(np.int64), _study.probabilities
    assert shares is not None
    found = calibration(targets, shares, bins)
    intervals = [
        wilson_interval(round(share * number), number) if number else (np.nan, np.nan)
        for share, number in zip(found.accuracy, found.counts, strict=True)
    ]
    return found, probability_scores(targets, shares), intervals


def _of(names: list[str], number: int) -> str:
    return _("{name} against the rest").format(name=names[number])
