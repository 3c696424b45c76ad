"""On real images: a guided set of real trainings, remedies by one button each, and a diagnosis of any run."""

import streamlit as st

from dashboard.charts.fit_gap import gap_chart
from dashboard.guided_look import GuidedLook, look_at_set, marks_of
from dashboard.language import _, texts
from dashboard.panels.beside import beside
from dashboard.panels.bounded import said_problems
from dashboard.panels.diagnosis import diagnosed_runs, diagnosis_tab, run_choice
from dashboard.panels.live import live
from dashboard.panels.real_images_curves import curves_part, real_images_board
from dashboard.panels.real_images_learning import learning_choice, learning_curves, learning_form
from dashboard.panels.real_images_settings import asked_set
from dashboard.panels.real_images_start import remedy_buttons, said_amiss, start_set, stop_button
from dashboard.panels.run_store import listed_runs, run_catalog
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from dashboard.settings import read_settings
from training.diagnosis import diagnose

words = texts("real_images")
settings = read_settings()


def remedies(look: GuidedLook, seeds: int) -> None:
    """Buttons at the left, curves and scoreboard beside them; without anything trained, how to begin."""
    if not look.results and not look.running:
        start_set(look, seeds, settings, words)
        return
    left, right = beside("real", (3, 8))
    with left:
        remedy_buttons(look, seeds, settings)
        stop_button(look)
    with right:
        if not look.results:
            live(lambda: not look_at_set(settings.runs, look.config).results, True)
            st.info(_("The first training is about to begin: PyTorch is imported."))
            return
        curves_part(look, settings, words)
    st.subheader(_("Scoreboard"), anchor=False)
    live(lambda: real_images_board(look.config, settings, words), bool(look.running))


def learning(look: GuidedLook) -> None:
    st.caption(words["learning"])
    learning_form(look, settings)
    choice = learning_choice()
    live(
        lambda: learning_curves(look.config, choice, settings.runs, words),
        any(run.kind == "sweep" and run.state == "running" for run in listed_runs(settings.runs)),
    )


def diagnosis() -> None:
    runs = diagnosed_runs(listed_runs(settings.runs))
    chosen = run_choice(runs)

    def draw() -> bool:
        now = run_catalog(settings.runs).find(chosen.id) if chosen is not None else None
        diagnosis_tab(runs, now, settings, words)
        return now is not None and now.state == "running"

    live(draw, chosen is not None and chosen.state == "running", interval=2.0)


st.title(_("On real images"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "real")
config, seeds = asked_set(settings, words)
said_amiss()
contents = {
    _("Remedies"): lambda look: remedies(look, seeds),
    _("Learning curves"): learning,
    _("Diagnosis"): lambda look: diagnosis(),
}
boxes = st.tabs(list(contents), key="real_tab", bind="query-params", on_change="rerun")
if config is not None:
    look = look_at_set(settings.runs, config)
    for draw, box in zip(contents.values(), boxes, strict=True):
        if box.open:
            with box:
                draw(look)
with problems:
    said_problems(words["bad_address"], "real_")
show_source(__file__, diagnose, marks_of, gap_chart)
