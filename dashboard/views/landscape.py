"""Loss landscapes: the loss around a network, along its training, or between two."""

import streamlit as st

from dashboard.charts.landscape import contour_chart, picture_of, surface_chart
from dashboard.language import _, texts
from dashboard.navigation import link
from dashboard.panels.bounded import noted_problem, said_problems
from dashboard.panels.landscape_form import CHOSEN, landscape_form, networks, started_amiss
from dashboard.panels.landscape_look import landscape_look
from dashboard.panels.live import live
from dashboard.panels.named_choice import named_choice
from dashboard.panels.run_store import listed_runs
from dashboard.panels.source import show_source
from dashboard.panels.try_this import Setting, try_this
from dashboard.settings import read_settings
from logs.catalog import RunSummary

DEFAULTS: dict[str, Setting] = {
    "landscape_kind": "plane", "landscape_normalisation": "filter", "landscape_whose": "test",
    "landscape_what": "loss", "landscape_log": True, "landscape_clip": 1.0,
}  # fmt: skip
words = texts("landscape")
settings = read_settings()
runs = listed_runs(settings.runs)
made = {run.id: run for run in runs if run.kind == "landscape"}


def title_of(run: RunSummary) -> str:
    """What a landscape is of, and when it was begun."""
    kind, whose = (str(run.config.get(name, "?")) for name in ("kind", "run"))
    scaled = str(run.config.get("normalisation", "")) if kind in ("plane", "line") else ""
    return " · ".join(part for part in (kind, scaled, whose, run.id[9:15]) if part)


def chosen() -> RunSummary:
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
    name = st.selectbox(_("Landscape"), list(made), format_func=lambda run: title_of(made[run]), key=CHOSEN)
    if st.query_params.get(CHOSEN) != name:
        st.query_params[CHOSEN] = name
    return made[name]


st.title(_("Loss landscape"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "landscape", DEFAULTS)
known = networks(runs)
left, right = st.columns([1, 3], gap="medium")
with left:
    if known:
        landscape_form(known, words, settings)
    else:
        st.info(words["no_network"], icon=":material/terrain:")
        link("new_run", _("Train a network"), icon=":material/add_circle:")
with right:
    started_amiss()
    if made:
        first, second = st.columns(2)
        with first:
            shown = chosen()
        with second:
            others = ["", *(run for run in made if run != shown.id)]
            beside = named_choice(
                _("Beside it"), others, "", "landscape_beside",
                lambda run: title_of(made[run]) if run in made else _("nothing"),
            )  # fmt: skip
        live(lambda: landscape_look(shown.id, beside, settings, words), shown.state == "running", 0.5)
        link("run", _("Its own page: command and output"), icon=":material/terminal:", run=shown.id)
    elif known:
        st.info(words["empty"], icon=":material/terrain:")
with problems:
    said_problems(words["bad_address"], "landscape_")
show_source(__file__, picture_of, surface_chart, contour_chart)
