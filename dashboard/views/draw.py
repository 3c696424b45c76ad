"""Draw and predict: a hand draws, and a trained network says what it sees, in the browser."""

import streamlit as st

from dashboard.draw_subject import draws
from dashboard.language import _, texts
from dashboard.navigation import link
from dashboard.onnx_runtime import published_runtime
from dashboard.panels.bounded import said_problems
from dashboard.panels.checkpoint_choice import checkpoint_choice
from dashboard.panels.draw_answer import drawing, network_file, said_amiss, subject_of
from dashboard.panels.escape import plain
from dashboard.panels.live import live
from dashboard.panels.run_store import listed_runs
from dashboard.panels.source import show_source
from dashboard.panels.try_this import Setting, try_this
from dashboard.settings import read_settings
from logs.errors import LogsError
from models.watched import WatchedNetwork
from training.checkpoints import CheckpointError
from training.config import ConfigError
from training.data import DataError
from training.drawing import measured_preparation
from training.onnx_export import export_watched

DEFAULTS: dict[str, Setting] = {
    "draw_centre": True, "draw_tests": False, "draw_strokes": "", "draw_class": "", "draw_brush": "",
    "draw_picture": "",
}  # fmt: skip
words = texts("draw")
settings = read_settings()
known = {run.id: run for run in listed_runs(settings.runs) if draws(run)}

st.title(_("Draw and predict"))
st.caption(words["intro"])
problems = st.container()


def board() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run, checkpoint = checkpoint_choice(known, "draw", (300, 130))
        centred = st.toggle(
            _("Centre and scale"), True, key="draw_centre", bind="query-params", help=words["centre"]
        )
        tests = st.toggle(
            _("Pictures of the test data"), key="draw_tests", bind="query-params", help=words["tests"]
        )
    try:
        subject = subject_of(known[run].directory, checkpoint, settings.data)
        file, problem = network_file(subject, settings.data)
    except (CheckpointError, ConfigError, DataError, LogsError, OSError) as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if problem:
        said_amiss(problem, words)
    elif published_runtime() is None:
        st.info(words["no_runtime"], icon=":material/dns:")
    elif file is None:
        live(lambda: waiting(run, checkpoint), True, 0.5)
    drawing(subject, file, centred, tests, words, settings.data)
    usual = subject.about["preparation"]
    centre = {"mass": _("centre of mass"), "box": _("middle")}[usual["centre"]]
    said = words["prepared" if usual["drawn"] else "photographs"]
    st.caption(said.format(box=usual["box"], centre=centre, stroke=usual["stroke"], size=max(subject.shape)))
    link("run", _("The run of this network"), icon=":material/show_chart:", run=run)


def waiting(run: str, checkpoint: str) -> bool:
    """Whether the network is still on its way to the browser."""
    st.caption(f":material/hourglass_top: {words['exporting']}")
    subject = subject_of(known[run].directory, checkpoint, settings.data)
    return network_file(subject, settings.data) == (None, "")


if known:
    try_this(words["try"], "draw", DEFAULTS)
    board()
else:
    st.info(words["empty"], icon=":material/draw:")
    link("new_run", _("Train a network on digits"), icon=":material/add_circle:")
with problems:
    said_problems(words["bad_address"], "draw_")
show_source(__file__, measured_preparation, WatchedNetwork.forward, export_watched)
