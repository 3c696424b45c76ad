"""The tabs of a K-fold's page. Only the open one is drawn; what moves draws itself again while it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from dashboard.kfold_study import KFoldStudy, read_study
from dashboard.language import _
from dashboard.panels.escape import plain
from dashboard.panels.kfold_alarms import kfold_alarms
from dashboard.panels.kfold_classes import kfold_classes
from dashboard.panels.kfold_compare import kfold_compare
from dashboard.panels.kfold_folds import curve_choice, kfold_folds
from dashboard.panels.kfold_samples import kfold_samples
from dashboard.panels.kfold_seeds import kfold_seeds
from dashboard.panels.kfold_split import kfold_split
from dashboard.panels.live import live
from dashboard.settings import Settings
from logs.catalog import RunSummary
from logs.errors import LogsError


def kfold_tabs(
    study: RunSummary, studies: Sequence[RunSummary], settings: Settings, words: Mapping[str, str]
) -> None:
    """`words` are the page's passages."""

    def now() -> KFoldStudy:
        return read_study(settings.runs, study.id)

    def folds() -> None:
        choice = curve_choice(now())
        live(lambda: _drawn(lambda: kfold_folds(now(), choice, words), now), running)

    def judged(draw: Callable[[KFoldStudy, str], None]) -> None:
        found = now()
        _counted(found)
        draw(found, words["no_score"] if found.over else words["no_predictions"])

    running, first = study.state == "running", _("Folds")
    classes = _("Predictions") if _predicts_numbers(now) else _("Classes")
    contents: dict[str, Callable[[], None]] = {
        first: folds,
        _("Split"): lambda: kfold_split(now(), settings, words["no_split"], words["split"]),
        classes: lambda: judged(kfold_classes),
        _("Hard samples"): lambda: judged(
            lambda found, nothing: kfold_samples(found, settings, nothing, words["none_missed"])
        ),
        _("Compare"): lambda: kfold_compare(now(), studies, words),
        _("Seeds"): lambda: kfold_seeds(now(), studies, settings, words),
        _("Tests on trial"): lambda: kfold_alarms(words["alarms"]),
    }
    boxes = st.tabs(list(contents), key="kfold_tab", bind="query-params", on_change="rerun")
    for (title, draw), box in zip(contents.items(), boxes, strict=True):
        if box.open:
            with box:
                if title == first:
                    _drawn(draw, now)
                else:  # a part of its own: its sliders redraw it alone, and new folds every few seconds
                    live(lambda draw=draw: _drawn(draw, now), running, interval=4.0)


def _predicts_numbers(now: Callable[[], KFoldStudy]) -> bool:
    try:
        return now().regression
    except (LogsError, OSError):  # each tab says so
        return False


def _counted(study: KFoldStudy) -> None:
    """Of how many folds what follows is, where it is not all of them."""
    done, known = study.results.finished, len(study.predictions)
    if known and done < len(study.rows):
        words = _("Of {done} of {all} folds: {n:,} predictions.")
        st.caption(words.format(done=done, all=len(study.rows), n=known))


def _drawn(draw: Callable[[], None], now: Callable[[], KFoldStudy]) -> bool:
    """Draws the tab's content, or says why it can't be read; whether the study goes on."""
    try:
        draw()
        return now().running
    except (LogsError, OSError) as problem:
        st.error(plain(str(problem)))
        return False
