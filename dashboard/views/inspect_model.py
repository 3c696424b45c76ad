"""Inspect: one network from every side, out of a run's checkpoint or a file of the reader's."""

import streamlit as st

from dashboard.inspect_subject import Subject, inspectable, run_subject
from dashboard.language import _, texts
from dashboard.navigation import link
from dashboard.panels.bounded import said_problems
from dashboard.panels.checkpoint_choice import checkpoint_choice
from dashboard.panels.escape import plain
from dashboard.panels.inspect_file import file_subject
from dashboard.panels.inspect_tabs import inspect_tabs
from dashboard.panels.inspect_work import open_look
from dashboard.panels.named_choice import named_switch
from dashboard.panels.run_store import listed_runs
from dashboard.panels.source import show_source
from dashboard.settings import read_settings
from models.receptive_field import receptive_fields
from models.summary import summarize
from training.checkpoints import CheckpointError

words = texts("inspect_model")
settings = read_settings()
runs = {run.id: run for run in listed_runs(settings.runs)}
open_look(runs)
known = {name: run for name, run in runs.items() if inspectable(run)}
FROM = {"run": _("a run"), "file": _("a file")}


def of_a_run() -> Subject | None:
    """The checkpoint of a run that the reader chose."""
    if not known:
        st.info(words["no_runs"], icon=":material/biotech:")
        link("new_run", _("Train a network"), icon=":material/add_circle:")
        return None
    run, name = checkpoint_choice(known, "inspect", (380, 150))
    try:
        return run_subject(known[run].directory, name)
    except CheckpointError as problem:
        st.error(plain(str(problem)), icon=":material/error:")
        return None


st.title(_("Inspect"))
st.caption(words["intro"])
problems = st.container()
with st.container(horizontal=True, vertical_alignment="bottom"):
    origin = named_switch(_("Look into"), list(FROM), "run", "inspect_from", lambda name: FROM[name])
    subject = of_a_run() if origin == "run" else None
if origin == "file":
    subject = file_subject(words)
if subject is not None:
    inspect_tabs(subject, words["no_network"])
with problems:
    said_problems(words["bad_address"], "inspect_")
show_source(__file__, summarize, receptive_fields)
