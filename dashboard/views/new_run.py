"""New run: choose a network, data and an optimizer, see what that means, and start."""

import streamlit as st

from dashboard.charts.configuration import is_ours
from dashboard.charts.samples import picture_grid, schedule_chart
from dashboard.form_state import config_of, read_query
from dashboard.language import _, texts
from dashboard.panels.config_form import draw_form, fill, form_state
from dashboard.panels.escape import plain
from dashboard.panels.preview import look, preview
from dashboard.panels.run_store import run_catalog
from dashboard.panels.source import show_source
from dashboard.panels.start_box import start_box
from dashboard.presets import PRESETS
from dashboard.settings import Settings, read_settings
from logs.errors import LogsError
from training.config import RunConfig

words = texts("new_run")
settings = read_settings()


def from_run(settings: Settings) -> None:
    """Fills the form with the configuration of the run that the address names in `from`."""
    named = st.query_params.get("from")
    if not named:
        return
    try:
        run = run_catalog(settings.runs).find(named)
    except LogsError as problem:
        del st.query_params["from"]
        st.warning(plain(str(problem)))
        return
    if not is_ours(run.config):
        del st.query_params["from"]
        st.warning(words["foreign"])
        return
    fill(RunConfig.from_dict(run.config).replace(name=""))  # two runs of one name would be mixed up
    st.toast(_("The form has the settings of {run}.").format(run=plain(run.name)))


def presets() -> None:
    """Buttons that fill the form."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(words["presets"], width="content")
        for preset in PRESETS:
            st.button(
                _(preset.title),
                key=f"preset_{preset.name}",
                help=_(preset.about),
                on_click=fill,
                args=(preset.config(),),
            )


st.title(_("New run"))
st.caption(words["intro"])
from_run(settings)
presets()
given, problems = form_state()
for problem in problems:
    st.warning(plain(problem), title=words["bad_address"])
left, right = st.columns([3, 2], gap="medium")
with left:
    draw_form(given)
with right:
    config = start_box(given, settings)
    if config is not None:
        preview(config, look(config, settings.data), words["no_preview"])
show_source(__file__, read_query, config_of, schedule_chart, picture_grid)
