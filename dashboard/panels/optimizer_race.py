"""The race: chosen optimizers from one start, a learning rate each, and what came of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.kept import kept_value, put_away
from dashboard.panels.named_several import named_several
from dashboard.panels.optimizer_form import (
    START,
    course_form,
    decay_slider,
    racer_of,
    rate_key,
    rate_parameter,
    rate_slider,
    rate_stops,
    rate_text,
    start_of,
)
from dashboard.panels.race_board import race_board
from dashboard.panels.slow_bar import slow_bar
from dashboard.panels.try_this import put
from dashboard.race_picture import Shown, race_picture
from training.optimizers import OPTIMIZERS
from training.race import Course, Path, Racer, best_rate, race
from training.stability import stability
from training.surfaces import SURFACES, Minimum

DEFAULT = ("sgd", "momentum", "adagrad", "rmsprop", "adam")
KEPT = 200  # paths
SEARCHED = 30.0  # times more and less than the present learning rate
TUNED_STEPS = 300  # at most: the page waits for it

Store = OrderedDict[tuple[Course, Racer], Path]


def optimizer_race(words: Mapping[str, str]) -> None:
    """Who races, the controls, and beside them the race."""
    names = named_several(
        _("Who races"),
        OPTIMIZERS.names(),
        DEFAULT,
        "optimizers_racers",
        lambda name: _(OPTIMIZERS[name].title),
    )
    left, right = beside("optimizers_race", form_below=True)
    with left:
        course = course_form(words)
        decay = decay_slider()
        st.button(
            _("Find each its best rate"), icon=":material/search:", key="optimizers_tune",
            on_click=_tune, args=(course, names, decay), help=words["tune"], disabled=not names,
        )  # fmt: skip
    _put_away_others(names, course.surface)
    with right:
        if not names:
            st.info(words["none"], icon=":material/flag:")
            return
        _board(course, names, decay)
        about_surface(course)


def _put_away_others(names: Sequence[str], surface: str) -> None:
    """The learning rates of those that don't race here."""
    for other in SURFACES:
        for row in OPTIMIZERS:
            key = rate_key(row.name, other.name)
            if key in st.session_state and (other.name != surface or row.name not in names):
                put_away(
                    rate_parameter(row.name, other.name), key
                )  # which takes a while to know the usual one


@st.fragment  # a learning rate, or a start on the map, redraws this alone: half of the elements
def _board(course: Course, names: Sequence[str], decay: float) -> None:
    """A slider for each learning rate, and the race."""
    course = replace(course, start=start_of(SURFACES[course.surface]))
    grid, racers = st.grid(len(names) if len(names) <= 5 else 4, min_column_width=115, gap="small"), []
    for name in names:
        with grid.container():
            racers.append(racer_of(name, course.surface, rate_slider(name, course.surface), decay))
    shown = [
        Shown(racer.optimizer, _(OPTIMIZERS[racer.optimizer].title), rate_text(racer), place_of(racer), path)
        for racer, path in zip(racers, raced(course, racers), strict=True)
    ]
    race_board("optimizers_race_board", race_picture(course, shown, reached), move_start)


def about_surface(course: Course) -> None:
    """The surface's formula, what is special, its source; for a quadratic what theory says."""
    row = SURFACES[course.surface]
    said = [f"$f(x, y) = {row.formula}$", _(row.summary)]
    if row.quadratic:
        known = stability(row.name, dict(course.settings))
        rate, momentum = known.best_momentum
        words_of = _(
            "Curvatures {low:.3g} and {high:.3g}: SGD is stable below $2/\\lambda_{{max}}$ = **{limit:.3g}** "
            "and fastest at {best:.3g}; momentum is fastest at $\\eta$ = {rate:.3g}, $\\mu$ = {momentum:.3g}."
        )
        said.append(
            words_of.format(
                low=known.low, high=known.high, limit=known.limit, best=known.best_rate, rate=rate,
                momentum=momentum,
            )
        )  # fmt: skip
    # One element, not four: each takes the browser a moment at every move of a slider
    st.markdown("\n\n".join([*said, f":small[:gray[{row.source}]]"]))


def place_of(racer: Racer) -> int:
    """Its colour's place: the same whoever else races."""
    return OPTIMIZERS.names().index(racer.optimizer)


def move_start(said: str) -> None:
    """What the map calls when a hand has put the start elsewhere."""
    st.query_params[START] = said


def reached(minimum: Minimum, step: int) -> str:
    """Which minimum, and since when."""
    return _("({x:.2f}, {y:.2f}) since step {step}").format(x=minimum.x, y=minimum.y, step=step)


def raced(course: Course, racers: Sequence[Racer]) -> list[Path]:
    """The paths; those that are known are not computed again, the others race together."""
    store = _store()
    known = {racer: store[course, racer] for racer in racers if (course, racer) in store}
    missing = [racer for racer in dict.fromkeys(racers) if racer not in known]
    with slow_bar(_("{n} steps").format(n=f"{course.steps:,}")) as progress:
        known |= dict(zip(missing, race(course, missing, progress), strict=True))
    store.update({(course, racer): known[racer] for racer in missing})
    while len(store) > KEPT:
        store.popitem(last=False)
    return [known[racer] for racer in racers]


@st.cache_resource(show_spinner=False)
def _store() -> Store:
    return OrderedDict()


def _tune(course: Course, names: Sequence[str], decay: float) -> None:
    """Sets each racer's slider to the best of the rates round where it stands, by a short race."""
    course = replace(course, steps=min(course.steps, TUNED_STEPS), start=start_of(SURFACES[course.surface]))
    for name in names:
        key = rate_key(name, course.surface)
        at = float(kept_value(rate_parameter(name, course.surface), key))
        stops = [rate for rate in rate_stops(at) if at / SEARCHED <= rate <= at * SEARCHED]
        put({key: best_rate(course, racer_of(name, course.surface, at, decay), stops)})
