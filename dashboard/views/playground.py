"""Playground: a small network on points in the plane, trained in a second or two and filmed."""

import streamlit as st

from dashboard.film_bytes import film_bytes
from dashboard.language import _, texts
from dashboard.panels.beside import beside
from dashboard.panels.bounded import said_problems
from dashboard.panels.playground_code import code_box
from dashboard.panels.playground_film import film_box, named_film, seeds_table
from dashboard.panels.playground_form import form_defaults, playground_form
from dashboard.panels.playground_start import BESIDE, FILM, GO, asked_settings, start_button, try_and_train
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from dashboard.settings import read_settings
from training.film import neuron_maps
from training.playground_code import playground_code

words = texts("playground")
settings = read_settings()

st.title(_("Playground"))
st.caption(words["intro"])
problems = st.container()
usual = form_defaults()
try_this(words["try"], "playground", usual, lambda found: try_and_train(found, usual))
left, right = beside("playground", (3, 8), form_below=True)
with left:
    button = st.container()  # above its settings: it stays in sight
    found = playground_form(settings, words)
    asked, problem = asked_settings(found)
with button:
    start_button(asked, problem, str(found.get("csv", "")), settings)

with right:
    shown = named_film(settings, FILM)
    if shown is None:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(words["empty"])
            if st.button(_("Train it"), type="primary", icon=":material/movie:", key="playground_example"):
                st.session_state[GO] = True
                st.rerun()
    else:
        film_box(shown, named_film(settings, BESIDE), asked, settings, words)
        if shown.state != "running":
            with st.expander(_("Each seed at the end"), icon=":material/table_rows:"):
                seeds_table(shown)
    if asked is not None:
        code_box(asked, words, str(found.get("csv", "")))
with problems:
    said_problems(words["bad_address"], "playground_")
show_source(__file__, playground_code, neuron_maps, film_bytes)
