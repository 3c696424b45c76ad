"""The film of a playground on its page: it comes part by part while the network trains, beside another."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts.tables import shown_state
from dashboard.film_bytes import film_bytes, read_plane
from dashboard.language import _, count
from dashboard.navigation import link
from dashboard.panels.bounded import noted_problem
from dashboard.panels.control import words_of
from dashboard.panels.escape import plain
from dashboard.panels.film import bring_film, film_player
from dashboard.panels.live import live
from dashboard.panels.named_choice import named_choice
from dashboard.panels.playground_form import form_values
from dashboard.panels.playground_start import BESIDE, EPOCH, FILM, KEPT, KIND, PLAYED, differences
from dashboard.panels.run_actions import stop_run
from dashboard.panels.run_card import state_badge
from dashboard.panels.run_store import run_catalog
from dashboard.panels.try_this import put
from dashboard.settings import Settings
from logs.catalog import RunSummary
from logs.directory import RunDirectory
from logs.errors import LogsError
from logs.requests import waiting_requests
from logs.status import duration_text
from training.config import ConfigError
from training.film import Film, FilmReader
from training.playground_settings import PlaygroundSettings

INTERVAL = 0.25  # seconds between two looks while it trains
FIRST_SECONDS = 1.0  # that are waited for the first frame, in small steps
SHOWS = ("probability", "classes", "spread")
METRICS = ("loss", "accuracy")
MEAN = "mean"


@st.cache_resource(max_entries=32, show_spinner=False)
def film_reader(path: Path) -> FilmReader:
    """The reader of a run's film, shared by all sessions: it reads each part once."""
    return FilmReader(RunDirectory(path))


def named_film(settings: Settings, key: str) -> RunSummary | None:
    """The run that the address names for `key`; None where it names none, or one that is no playground, which
    is remembered for `said_problems`.
    """
    named = st.query_params.get(key, "")
    if not named:
        return None
    try:
        run = run_catalog(settings.runs).find(named)
    except LogsError as problem:
        noted_problem(key, str(problem))
        return None
    if run.kind != KIND:
        noted_problem(key, _("{run} is no run of the playground.").format(run=named))
        return None
    return run


def film_box(
    run: RunSummary,
    beside: RunSummary | None,
    asked: PlaygroundSettings | None,
    settings: Settings,
    words: Mapping[str, str],
) -> None:
    """State and buttons, and the film. `asked`: what the form says now."""
    if beside is not None and beside.id == run.id:
        beside = None
    with st.container(horizontal=True, vertical_alignment="center"):
        _actions(run, beside, asked)
        with st.container(gap=None, width="content"):
            live(lambda: _part(run.id, settings, words), run.state == "running", INTERVAL)
            if beside is not None:
                _bring(beside, "playground_film_beside")
    _player(run, beside)


def _part(run_id: str, settings: Settings, words: Mapping[str, str]) -> bool:
    """Brings what there is of the film; whether the training goes on."""
    run = run_catalog(settings.runs).find(run_id)
    running = run.state == "running"
    line = st.container(horizontal=True, vertical_alignment="center")  # above what shows nothing
    film = _bring(run, "playground_film_now", wait=running)
    said = []
    if film is not None:
        said.append(count(len(film), "{n} frame", "{n} frames"))
    took = duration_text(run.duration)
    if took and not running:
        said.append(_("took {time}").format(time=took))
    with line:
        state_badge(shown_state(run))
        st.caption(" · ".join(said) or words["waiting"], width="content")
    if run.status is not None and run.status.error.strip():
        st.error(plain(run.status.error.strip().splitlines()[-1]), title=_("The training failed"))
    return running


def _bring(run: RunSummary, key: str, wait: bool = False) -> Film | None:
    """Hands the film as it is to the browser. A film that has only begun is waited for, but not for long."""
    reader = film_reader(run.path)
    until = time.monotonic() + FIRST_SECONDS
    try:
        film = reader.read()
        while film is None and wait and time.monotonic() < until:
            time.sleep(0.02)
            film = reader.read()
        if film is None:
            return None
        points = read_plane(run.directory)
    except LogsError as problem:
        st.error(plain(str(problem)))
        return None
    bring_film(film_bytes(run.id, film, points, run.state), key)
    return film


@st.fragment
def _player(run: RunSummary, beside: RunSummary | None) -> None:
    """The film, and how it is looked at: only this is drawn anew when that changes."""
    seeds, first = int(run.config.get("seeds", 1)), int(run.config.get("seed", 0))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        every = [MEAN, *map(str, range(seeds))]
        seed = named_choice(
            _("Seed of the network"), every, MEAN if seeds > 1 else "0", "playground_seed_shown",
            lambda name: _("Mean of seeds") if name == MEAN else _("Seed {n}").format(n=int(name) + first),
            width=150, label_visibility="collapsed",
        )  # fmt: skip
        titles = {
            "probability": _("Probability"),
            "classes": _("Decision"),
            "spread": _("Seed spread"),
        }
        show = named_choice(
            _("Plane"), SHOWS if seed == MEAN else SHOWS[:2], SHOWS[0], "playground_show", titles.__getitem__,
            width=150, label_visibility="collapsed",
        )  # fmt: skip
        names = {"loss": _("Loss"), "accuracy": _("Accuracy")}
        metric = named_choice(
            _("Curves"), METRICS, METRICS[0], "playground_metric", names.__getitem__,
            width=108, label_visibility="collapsed",
        )  # fmt: skip
        log = st.toggle(_("Log"), key="playground_log", bind="query-params", disabled=metric != "loss")
        validation = st.toggle(_("Validation"), value=True, key="playground_validation", bind="query-params")
    rested = film_player(
        "playground_player",
        run.id,
        beside.id if beside is not None else "",
        play=st.session_state.get(PLAYED) == run.id,
        epoch=_epoch(),
        seed=None if seed == MEAN else int(seed),
        show=show,
        metric=metric,
        log=log and metric == "loss",
        validation=validation,
        titles=_titles(run, beside),
    )
    if rested is not None and rested.get("film") == run.id:
        epoch = rested.get("epoch")
        if epoch is not None:
            st.query_params[EPOCH] = str(int(epoch))
        elif EPOCH in st.query_params:
            del st.query_params[EPOCH]


def _epoch() -> int | None:
    """Where the address says that the film rests; None: at its end."""
    said = st.query_params.get(EPOCH)
    if said is None:
        return None
    if said.isdecimal():
        return int(said)
    noted_problem(
        EPOCH,
        _("{name} in the address is {value}; it must be a whole number.").format(
            name=EPOCH, value=repr(said)
        ),
    )
    return None


def _titles(run: RunSummary, beside: RunSummary | None) -> dict[str, str]:
    """What stands above two films: which is which, and in what they differ."""
    if beside is None:
        return {"current": "", "reference": "", "difference": ""}
    kept = st.query_params.get(KEPT) == "true"
    changes = differences(run.config, beside.config)
    said = [f"{words_of(name)}: {_shown(before)}" for name, now, before in changes]
    return {
        "current": _("This film"),
        "reference": _("Kept for comparison") if kept else _("The film before"),
        "difference": "; ".join(said) if said else _("the same settings"),
    }


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or _("none")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _actions(run: RunSummary, beside: RunSummary | None, asked: PlaygroundSettings | None) -> None:
    running = run.state == "running"
    stopping = running and bool(waiting_requests(run.directory))
    st.button(
        _("Stopping ...") if stopping else _("Stop"), icon=":material/stop_circle:", key="playground_stop",
        disabled=not running or stopping, on_click=_stop, args=(run,),
        help=_("Ends after the current epoch; the film so far stays.") if running else _("It isn't running."),
    )  # fmt: skip
    kept = st.query_params.get(KEPT) == "true" and beside is not None
    if kept or beside is not None:
        st.button(_("Close"), icon=":material/close:", key="playground_close", on_click=_close)
    if not kept:
        st.button(
            _("Keep"), icon=":material/keep:", key="playground_keep", on_click=_keep,
            args=(run,),
            help=_("The next films are shown beside this one, until the comparison is closed."),
        )  # fmt: skip
    if asked is None or differences(asked.to_dict(), run.config):
        st.button(
            _("Its settings"), icon=":material/tune:", key="playground_take", on_click=_take, args=(run,),
            help=_("Puts the settings of this film into the form."),
        )  # fmt: skip
    link("run", _("Its run"), icon=":material/show_chart:", run=run.id)


def _stop(run: RunSummary) -> None:
    try:
        st.toast(stop_run(run))
    except (LogsError, OSError) as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")


def _take(run: RunSummary) -> None:
    try:
        put(form_values(run.config))
    except ConfigError as problem:  # of a newer version
        st.toast(plain(str(problem)), icon=":material/warning:")


def _keep(run: RunSummary) -> None:
    st.query_params[BESIDE] = run.id
    st.query_params[KEPT] = "true"


def _close() -> None:
    for key in (BESIDE, KEPT):
        if key in st.query_params:
            del st.query_params[key]


def seeds_table(run: RunSummary) -> None:
    """What came of each seed at the last frame, and how far they lie apart."""
    film = film_reader(run.path).read()
    if film is None or not len(film):
        return
    last = {"loss": film.loss[-1], "accuracy": film.accuracy[-1]}
    columns: dict[str, Any] = {_("seed"): film.about["seeds"]}
    for metric, title in (("loss", _("loss")), ("accuracy", _("accuracy"))):
        for place, split in enumerate((_("train"), _("validation"))):
            columns[f"{title}, {split}"] = last[metric][:, place]
    columns[_("ended early")] = [film.endings.get(place, "") for place in range(len(film.about["seeds"]))]
    frame = pd.DataFrame(columns)
    form = {
        name: st.column_config.NumberColumn(format="percent" if _("accuracy") in name else "%.4f")
        for name in frame.columns[1:5]
    }
    st.dataframe(frame, hide_index=True, column_config=form, width="stretch")


__all__ = ["FILM", "film_box", "film_reader", "named_film", "seeds_table"]
