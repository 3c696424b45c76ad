"""One landscape: the form that asks for it and, beside it, the one looked at, with another where wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import streamlit as st

from dashboard.language import _
from dashboard.navigation import link
from dashboard.panels.bounded import noted_problem
from dashboard.panels.landscape_form import CHOSEN, landscape_form, networks, started_amiss
from dashboard.panels.landscape_look import landscape_look
from dashboard.panels.landscape_table import called
from dashboard.panels.live import live
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import prepare_plots
from dashboard.panels.run_picker import run_words
from dashboard.panels.run_store import listed_runs
from dashboard.settings import Settings
from logs.catalog import RunSummary
from training.landscape_settings import KINDS

LOOK_SECONDS = 0.25  # between two looks at one that computes: a small network's first points take 0.3 s


def landscape_tab(settings: Settings, words: Mapping[str, str]) -> None:
    """The form at the left, the picture at the right."""
    runs = listed_runs(settings.runs)
    made = {run.id: run for run in runs if run.kind == "landscape"}
    known = networks(runs)
    left, right = st.columns([1, 3], gap="medium")
    with left:
        if known:
            landscape_form(known, words, settings)
        else:
            st.info(words["no_network"], icon=":material/terrain:")
            link("new_run", _("Train a network"), icon=":material/add_circle:")
    prepare_plots()  # the first picture of a landscape comes within a second
    with right:
        started_amiss()
        if made:
            names = {run.id: run_words(run) for run in runs}
            often = Counter(names.values())  # what two are called is followed by the end of the id
            own = {run: name if often[name] == 1 else f"{name} · {run[-4:]}" for run, name in names.items()}
            _look(made, own, settings, words)
        elif known:
            st.info(words["empty"], icon=":material/terrain:")


def _look(
    made: Mapping[str, RunSummary], names: Mapping[str, str], settings: Settings, words: Mapping[str, str]
) -> None:
    first, second = st.columns(2)
    with first:
        shown = _chosen(made, names)
    with second:
        beside = ""
        if _is_plane(shown):
            others = ["", *(each.id for each in made.values() if each.id != shown.id and _is_plane(each))]
            beside = named_choice(
                _("Beside it"), others, "", "landscape_beside",
                lambda run: _title_of(made[run], names) if run in made else _("nothing"),
            )  # fmt: skip
    live(
        lambda: landscape_look(shown.id, beside, names, settings, words), shown.state == "running",
        LOOK_SECONDS,
    )  # fmt: skip
    link("run", _("Its own page: command and output"), icon=":material/terminal:", run=shown.id)


def _title_of(run: RunSummary, names: Mapping[str, str]) -> str:
    """What a landscape is of, and when it was begun. `names`: what runs are called, by their ids."""
    config = run.config
    kind, whose = (str(config.get(name, "?")) for name in ("kind", "run"))
    scaled = str(config.get("normalisation", "")) if kind in ("plane", "line") else ""
    special = [
        _("recomputed") if config.get("statistics") == "recomputed" else "",
        _("preview") if config.get("preview") else "",
        _(run.state) if run.state in ("failed", "lost", "stopped") else "",
    ]
    begun = datetime.fromtimestamp(run.created).strftime("%d %b %H:%M:%S") if run.created else run.id
    return " · ".join(part for part in (kind, scaled, called(whose, names), *special, begun) if part)


def _is_plane(run: RunSummary) -> bool:
    kind = run.config.get("kind")
    return kind in KINDS and KINDS[str(kind)].plane


def _chosen(made: Mapping[str, RunSummary], names: Mapping[str, str]) -> RunSummary:
    """The landscape looked at, which stands in the address."""
    if CHOSEN not in st.session_state:
        said = st.query_params.get(CHOSEN, "")
        if said and said not in made:
            sentence = _(
                "{name} in the address is {value}, and there is no such landscape. The newest is shown."
            )
            noted_problem(CHOSEN, sentence.format(name=CHOSEN, value=repr(said)))
        st.session_state[CHOSEN] = said if said in made else next(iter(made))
    elif st.session_state[CHOSEN] not in made:
        st.session_state[CHOSEN] = next(iter(made))
    name = st.selectbox(
        _("Landscape"), list(made), format_func=lambda run: _title_of(made[run], names), key=CHOSEN
    )
    if st.query_params.get(CHOSEN) != name:
        st.query_params[CHOSEN] = name
    return made[name]
