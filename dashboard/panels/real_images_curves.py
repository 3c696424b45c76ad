"""The curves of a guided set and the scoreboard of its remedies, redrawn while something trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from dashboard.charts.fit_gap import Context, gap_chart
from dashboard.charts.remedy_board import BoardColumn, BoardRow, board_chart, board_height
from dashboard.guided_look import GuidedLook, fold_curves, look_at_set, marks_of, verdict_of
from dashboard.language import _, count
from dashboard.navigation import page_file
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.bounded import bounded_choice, noted_problem
from dashboard.panels.diagnosis import diagnosis_word, verdict_line
from dashboard.panels.live import live
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.real_images_start import FROM, LOOK, look_at
from dashboard.settings import Settings
from dashboard.theme import LIGHT, STATES
from training.config import ConfigError, RunConfig
from training.guided_results import VariantResult
from training.guided_set import SIZES, Variant

HEIGHT = 400
SHOWN = "real_shown"  # session state: variant and metric that the scoreboard was drawn for
METRICS = ("loss", "accuracy")
UNITS = {"loss": "loss (nats per image)", "accuracy": "share of images that are right"}


@dataclass(frozen=True)
class CurveChoice:
    """What the reader has set for the curves."""

    metric: str
    patience: int
    log_y: bool

    @property
    def higher_is_better(self) -> bool:
        return self.metric == "accuracy"


def curve_choice(look: GuidedLook) -> CurveChoice:
    """Drawn outside the part that is redrawn each second."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen_look(look)
        metric = bounded_choice(_("Curve"), METRICS, "loss", "real_metric", _)
        patience = bound_slider(
            _("Patience (epochs)"), 1, 30, 8, "real_patience", width=150,
            about=_("Early stopping: it ends after so many epochs without a better validation value."),
        )  # fmt: skip
        log_y = st.toggle(_("log y"), key="real_log_y", bind="query-params")
    return CurveChoice(metric, patience, bool(log_y))


@st.fragment
def curves_part(look: GuidedLook, settings: Settings, words: Mapping[str, str]) -> None:
    """Settings and curves. A fragment: a move of the slider draws them alone, and not the scoreboard, which
    is drawn anew only where it shows something else.
    """
    choice = curve_choice(look)
    shown = (st.session_state.get(LOOK), choice.metric)
    if st.session_state.get(SHOWN, shown) != shown:
        st.session_state[SHOWN] = shown
        st.rerun()
    st.session_state[SHOWN] = shown
    if not look.running:  # what the page has read is what there is
        real_images_curves(look, choice, words)
        return
    live(lambda: real_images_curves(look_at_set(settings.runs, look.config), choice, words), True)


def chosen_look(look: GuidedLook) -> str:
    """The variant whose curves are shown: of the address, else the too large one, else the first there is."""
    texts = [result.variant.text for result in look.results]
    said = str(st.session_state.get(LOOK) or st.query_params.get(LOOK) or "")
    if said and said not in texts:
        try:
            texts.append(Variant.parse(said).text)
        except ConfigError as problem:
            noted_problem(LOOK, str(problem))
            st.query_params.pop(LOOK, None)
            st.session_state.pop(LOOK, None)
    default = "too_large" if "too_large" in texts else texts[0]
    return named_choice(_("Look at"), texts, default, LOOK, lambda text: Variant.parse(text).title, width=240)


def real_images_curves(look: GuidedLook, choice: CurveChoice, words: Mapping[str, str]) -> bool:
    """Progress, curves and diagnosis; whether something trains."""
    _progress(look)
    result = look.result(str(st.session_state.get(LOOK, "")))
    if result is None:
        waiting = _("Its first epoch begins these curves.")
        st.info(waiting if look.running else _("Not trained yet on these images: its button starts it."))
    else:
        _curves(look, result, choice, words)
    return bool(look.running)


def real_images_board(config: RunConfig, settings: Settings, words: Mapping[str, str]) -> bool:
    """The picture and the table of all variants as they are now; a click on a dot, or a tick, looks at that
    variant. Whether something trains.
    """
    look = look_at_set(settings.runs, config)
    chosen = str(st.session_state.get(LOOK, ""))
    compared = str(st.session_state.get(FROM, "too_large"))
    metric = st.session_state.get("real_metric", "loss")
    gap = "accuracy_gap" if metric == "accuracy" else "gap"
    columns = (
        BoardColumn(_("test accuracy"), ".1%", ".0%"),
        BoardColumn(_("gap of the accuracy"), ".1%", ".0%")
        if gap == "accuracy_gap"
        else BoardColumn(_("gap of the loss"), ".3f", "~g"),
        BoardColumn(_("seconds of training"), ".1f", "~g"),
    )
    rows = [
        BoardRow(
            result.variant.text,
            result.variant.title,
            tuple(tuple(result.values(name)) for name in ("test_accuracy", gap, "seconds")),
            LIGHT.categorical[1 if result.variant.text == chosen else 0],
        )
        for result in look.results
    ]
    figure = board_chart(rows, columns, compared, chosen)
    height = board_height(len(rows))
    clicked = plot(
        figure, "real_board", height=height, on_click=True, description=_("Scoreboard of remedies")
    )
    key = _key_of(clicked)
    if key and key != chosen and look.result(key) is not None:
        look_at(key)
        st.rerun()
    st.caption(words["board"])
    _table(look, chosen)
    return bool(look.running)


def _progress(look: GuidedLook) -> None:
    """A line for each study that runs."""
    for study in look.running:
        status = study.status
        done, wanted = (status.step, status.steps) if status is not None else (0, 0)
        added = study.info.study.get("add", []) if study.info is not None else []
        titles = ", ".join(_title(str(text)) for text in added[:3]) + (" ..." if len(added) > 3 else "")
        words = _("{titles}: {done} of {all} trainings")
        text = words.format(titles=titles, done=done, all=wanted or len(added))
        st.progress(min(1.0, done / wanted) if wanted else 0.0, text=text)


def _curves(look: GuidedLook, result: VariantResult, choice: CurveChoice, words: Mapping[str, str]) -> None:
    train = fold_curves(result, choice.metric, "train")
    validation = fold_curves(result, choice.metric, "validation")
    named = {"best": _("best: epoch {epoch}"), "stop": _("early stopping: epoch {epoch}")}
    marks = marks_of(validation, choice.patience, choice.higher_is_better, named)
    compared = str(st.session_state.get(FROM, "too_large"))
    context = [
        Context(
            other.variant.title,
            tuple(fold_curves(other, choice.metric, "validation")),
            other.variant.text == compared,
        )
        for other in look.results
        if other.variant != result.variant
    ]
    figure = gap_chart(
        train,
        validation,
        _(UNITS[choice.metric]),
        marks,
        context,
        choice.log_y,
        percent=choice.metric == "accuracy",
        title=result.variant.title,
    )
    plot(figure, "real_gap", height=HEIGHT, description=_("Training and validation curve"))
    verdict = verdict_of(result.trained[0].run.path)
    if verdict is not None:
        verdict_line(verdict, _("first seed") if len(result.trained) > 1 else "")
    st.caption(words["curves"])


def _table(look: GuidedLook, chosen: str) -> None:
    """A line for each variant; a tick looks at it, a button opens the run of its first seed."""
    results = look.results
    places = [place for place, result in enumerate(results) if result.variant.text == chosen]
    held = st.session_state.get("real_table")
    if held is None or list(held["selection"]["rows"]) != places:
        st.session_state["real_table"] = {"selection": {"rows": places, "columns": [], "cells": []}}

    def ticked() -> None:
        rows = st.session_state["real_table"]["selection"]["rows"]
        if rows and rows[0] < len(results):
            look_at(results[rows[0]].variant.text)

    def open_run() -> None:
        row = st.session_state["real_open"]["row"]
        if row is not None and row < len(results):
            st.switch_page(page_file("run"), query_params={"run": results[row].trained[0].run.id})

    config, several = st.column_config, any(len(result.trained) > 1 for result in results)
    st.dataframe(
        board_frame(results),
        key="real_table",
        on_select=ticked,
        selection_mode="single-row",
        hide_index=True,
        height="content",
        column_config={
            "variant": config.TextColumn(_("Variant"), pinned=True, width="medium"),
            "open": config.ButtonColumn("", key="real_open", on_click=open_run, type="tertiary", width=64),
            "state": config.MultiselectColumn(
                _("State"), options=list(STATES), color=[STATES[name][0] for name in STATES], width=108,
                format_func=lambda name: f"{STATES[name][1]} {_(name)}" if name in STATES else _(name),
            ),
            "diagnosis": config.TextColumn(_("Diagnosis"), help=_("Of its first seed's curves.")),
            "test": config.NumberColumn(_("Test accuracy"), format="percent"),
            "spread": config.NumberColumn("±", format="percent", help=_("Standard deviation over the seeds."))
            if several else None,
            "test_loss": config.NumberColumn(_("Test loss"), format="%.3f"),
            "train": config.NumberColumn(_("Train accuracy"), format="percent"),
            "validation": config.NumberColumn(_("Validation accuracy"), format="percent"),
            "gap": config.NumberColumn(_("Gap of the loss"), format="%.3f",
                                       help=_("Validation loss minus training loss, after the last epoch.")),
            "epochs": config.NumberColumn(_("Epochs"), format="%.3g"),
            "seconds": config.NumberColumn(_("Time (s)"), format="%.1f",
                                           help=_("Of the epochs, without the start and the test.")),
            "seeds": config.NumberColumn(_("Seeds"), width=60),
        },
        placeholder="",
        alt=_("The variants; tick one to see its curves"),
    )  # fmt: skip


def board_frame(results: tuple[VariantResult, ...]) -> pd.DataFrame:
    """The table's content, a row a variant; means over the seeds."""
    return pd.DataFrame(
        {
            "variant": [result.variant.title for result in results],
            "open": [_("Open") for _result in results],
            "state": [[result.state] for result in results],
            "diagnosis": [diagnosis_word(verdict_of(result.trained[0].run.path)) for result in results],
            "test": [result.mean("test_accuracy") for result in results],
            "spread": [result.spread("test_accuracy") for result in results],
            "test_loss": [result.mean("test_loss") for result in results],
            "train": [result.mean("train_accuracy") for result in results],
            "validation": [result.mean("validation_accuracy") for result in results],
            "gap": [result.mean("gap") for result in results],
            "epochs": [result.mean("epochs") for result in results],
            "seconds": [result.mean("seconds") for result in results],
            "seeds": [len(result.trained) for result in results],
        }
    )


def sizes_sentence(look: GuidedLook) -> str:
    """What is trained on how many images, for the line under the settings."""
    images = count(look.config.train_samples, "{n} training image", "{n} training images")
    epochs = count(look.config.epochs, "{n} epoch", "{n} epochs")
    sizes = " · ".join(_(size.title) for size in SIZES)
    return f"{sizes}: {images}, {epochs}"


def _title(text: str) -> str:
    try:
        return Variant.parse(text).title
    except ConfigError:
        return text


def _key_of(clicked: Mapping[str, object] | None) -> str:
    """The row's key out of a click's customdata: a text for a seed's dot, text and spread for a mean."""
    data = clicked.get("customdata") if clicked else None
    if isinstance(data, list | tuple):
        data = data[0] if data else None
    return data if isinstance(data, str) else ""
