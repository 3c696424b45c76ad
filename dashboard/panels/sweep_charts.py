"""What a sweep found, in pictures: each beside the choices that belong to it, which stay in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts.fold_curves import FoldCurve
from dashboard.charts.parallel_trials import parallel_trials_chart
from dashboard.charts.trial_curves import MOST, TrialCurves, trial_curves_chart
from dashboard.charts.trial_map import trial_map_chart
from dashboard.charts.trial_scores import best_so_far_chart, importance_chart, trial_slice_chart
from dashboard.charts.trials import Score, TrialAxis, failed, trial_name, values_text
from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.panels.control import words_of
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.sweep_table import choose_trial
from training.sweep_results import SweepResults, Trial, curves

HEIGHT = 380
TITLE = 44  # what a box is higher by that has a title in place of a choice
NARROW = 380  # a box of a picture; on a page with less room for each, they stand below each other
NEAR = "sweep_near"
BEST = 5  # trials whose learning curves are drawn


def score_of(results: SweepResults) -> Score:
    metric = results.metric
    title = f"{_('validation')} {_(metric.title).lower()}"
    return Score(title, metric.higher_is_better, metric.name == "accuracy")


def overview(results: SweepResults, shown: Trial | None, words: Mapping[str, str]) -> None:
    """One thing that varies against the score, beside what mattered, or beside the course of the search."""
    if _without_scores(results):
        st.info(words["no_score"])
        return
    score, chosen = score_of(results), shown.number if shown is not None else None
    axes = axes_of(results)
    boxes = st.grid(2, min_column_width=NARROW, gap="medium")
    with boxes, st.container(border=True, height="stretch"):
        name = _leading(results)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            if len(axes) > 1:
                name = _pick(_("Score over"), list(axes), "sweep_x", name)
            else:
                st.markdown(f"**{_('Score over')} {words_of(name).lower()}**", width="stretch")
            if score.percent:
                st.toggle(_("Near the best"), key=NEAR, bind="query-params", help=words["near"])
        figure = trial_slice_chart(results.trials, axes[name], score, chosen, _near())
        height = HEIGHT if len(axes) > 1 else HEIGHT + TITLE
        _clicked(plot(figure, "sweep_slice", height, on_click=True, description=_("Score over one setting")))
    with boxes, st.container(border=True, height="stretch"):
        if len(axes) > 1:
            st.markdown(f"**{_('What mattered')}**", help=words["importance"])
            figure = importance_chart(importance_of(results))
            plot(figure, "sweep_importance", HEIGHT + TITLE, description=_("Importance of each setting"))
        else:
            _course(results, score, chosen, HEIGHT + TITLE)


def together(results: SweepResults, shown: Trial | None, words: Mapping[str, str]) -> None:
    """Everything that varies at once; nothing where only one thing does."""
    axes = axes_of(results)
    if len(axes) < 2 or _without_scores(results):
        return
    score, chosen = score_of(results), shown.number if shown is not None else None
    with st.container(border=True):
        st.markdown(f"**{_('All settings at once')}**", help=words["parallel"])
        figure = parallel_trials_chart(results.trials, list(axes.values()), score)
        plot(figure, "sweep_parallel", HEIGHT, description=_("All settings at once"))
    boxes = st.grid(2, min_column_width=NARROW, gap="medium")
    with boxes, st.container(border=True, height="stretch"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            first = _leading(results)
            x = _pick(_("Score over"), list(axes), "sweep_map_x", first)
            others = [name for name in axes if name != x]
            lead = next((name for name in _by_importance(results) if name != x), others[0])
            y = _pick(_("and"), others, "sweep_map_y", lead)
        figure = trial_map_chart(results.trials, axes[x], axes[y], score, chosen)
        clicked = plot(figure, "sweep_map", HEIGHT, on_click=True, description=_("Score over two settings"))
        _clicked(clicked)
    with boxes, st.container(border=True, height="stretch"):
        _course(results, score, chosen, HEIGHT + TITLE)


def learning(results: SweepResults, shown: Trial | None, runs: Path, words: Mapping[str, str]) -> None:
    """The curves of the best trials, and of the one that is looked at; of those that train or were ended,
    where none has finished.
    """
    if _without_scores(results):
        return
    metric = results.metric.name
    metrics = list(dict.fromkeys([metric, "loss"]))
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            number = _number_of_best()
            split = _pick(_("Split"), ["validation", "train"], "sweep_split", "validation", _)
            name = _pick(_("Metric"), metrics, "sweep_metric", metric)
            log_y = st.toggle(_("log y"), key="sweep_log_y", bind="query-params")
        trials = (results.ranked or score_of(results).best_first(results.trials))[:number]
        if shown is not None and all(trial.number != shown.number for trial in trials):
            trials = [*trials, shown]
        drawn = [_curves(runs, trial, name, split) for trial in trials]
        figure = trial_curves_chart(
            drawn, f"{_(split)} {_(name)}", bool(log_y), name == "accuracy", most=MOST + 1
        )
        plot(figure, "sweep_curves", HEIGHT + 20, description=_("Learning curves of the best trials"))
        st.caption(words["learning"])


def _without_scores(results: SweepResults) -> bool:
    """True where there is no score, and none will come."""
    return results.all_failed and len(failed(results.trials)) == len(results.trials)


def axes_of(results: SweepResults) -> dict[str, TrialAxis]:
    return {each.name: TrialAxis.of_dimension(each) for each in results.space.dimensions}


def importance_of(results: SweepResults) -> dict[str, float]:
    """A random forest is grown for it: once for the same trials, not at each redrawing. While a sweep runs,
    the newest few wait: what takes longest here would else be done after every trial.
    """
    finished = results.finished
    if results.state == "running":
        finished = finished[: milestone(len(finished))]
    ended = tuple((trial.number, trial.score) for trial in finished)
    return _importance(results.info.id, ended, replace(results, trials=finished))


def milestone(number: int) -> int:
    """The next lower one of 0 to 8, 10, 12, 14, 16, 20, 24, 28, 32, 40 ..."""
    return number - number % 2 ** max(0, number.bit_length() - 3)


@st.cache_data(max_entries=32, show_spinner=False)
def _importance(study: str, ended: tuple[Any, ...], _results: SweepResults) -> dict[str, float]:
    return _results.importance()


def _by_importance(results: SweepResults) -> list[str]:
    return list(importance_of(results)) if len(results.space.names) > 1 else []


def _leading(results: SweepResults) -> str:
    """The first thing that varies: it stays the same while trials come in, as a view must."""
    return results.space.names[0]


def _near() -> bool:
    """Whether the scores are seen close to the best."""
    return bool(st.session_state.get(NEAR))


def _course(results: SweepResults, score: Score, chosen: int | None, height: int) -> None:
    st.markdown(f"**{_('Best so far')}**")
    figure = best_so_far_chart(results.trials, score, chosen, _near())
    clicked = plot(figure, "sweep_course", height, on_click=True, description=_("Best score so far"))
    _clicked(clicked)


def _curves(runs: Path, trial: Trial, metric: str, split: str) -> TrialCurves:
    seeds = [
        FoldCurve(f"seed {place + 1}", np.asarray(curve.epoch, np.float64), np.asarray(curve.value))
        for place, curve in enumerate(curves(runs, trial, metric, split))
    ]
    return TrialCurves(trial_name(trial.number), tuple(seeds), values_text(trial, "<br>"))


def _pick(
    label: str, options: Sequence[str], key: str, default: str, words: Callable[[str], str] = words_of
) -> str:
    return named_choice(label, options, default, key, words, width=190)


def _number_of_best() -> int:
    """How many of the best; an address may say anything."""
    key = "sweep_best_n"
    if key not in st.session_state:
        for said in st.query_params.get_all(key):
            if not said.isdecimal() or not 1 <= int(said) <= MOST:
                words = _("{key} in the address is {value}; it must be between 1 and {most}.")
                noted_problem(key, words.format(key=key, value=repr(said), most=MOST))
    number = st.number_input(
        _("Curves of the best"), 1, MOST, BEST, step=1, key=key, bind="query-params", width=150
    )
    return min(MOST, max(1, int(number or BEST)))


def _clicked(point: dict[str, Any] | None) -> None:
    """A click on a trial's point looks at that trial; a cell of the map is not one."""
    number = point.get("customdata") if point and point.get("z") is None else None
    if isinstance(number, int | float):
        choose_trial(int(number))
        st.rerun(scope="fragment")
