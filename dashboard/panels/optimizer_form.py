"""The controls of Optimizers on surfaces: the course that all racers share, and each racer's own settings.

Every tab shows the course; what only one of them shows is kept by the address (panels/kept.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.charts.schedule_curve import schedule_chart
from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.panels.control import number_text
from dashboard.panels.kept import kept_parameter, kept_value
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.try_this import Setting, put
from models.catalog import Parameter
from training.optimizers import OPTIMIZERS
from training.race import MOST_STEPS, Course, Racer, schedule_shares, usual_rate
from training.schedules import SCHEDULES
from training.surfaces import SURFACES, Surface

START = "optimizers_start"
FIRST = "himmelblau"
STEPS = Parameter("steps", 200, "steps", "integer", low=10, high=MOST_STEPS, log=True)
NOISE = Parameter("noise", 0.0, "gradient noise", low=0.0, high=20.0, step=0.1, symbol=r"\sigma")
DRAW = Parameter("draw", 0, "draw of the noise", "integer", low=0, high=20)
DECAY = Parameter("decay", 0.0, "weight decay", low=0.0, high=1.0, step=0.01, symbol=r"\lambda")
LOWEST_RATE, HIGHEST_RATE = 1e-6, 1000.0
RATE_STEPS = (1, 1.5, 2, 3, 5, 7)  # in each power of ten


def course_form(words: Mapping[str, str], with_schedule: bool = True) -> Course:
    """Surface, steps, noise and schedule, as the reader has them; the start from the map."""
    row = SURFACES[surface_choice()]
    settings = {
        each.name: kept_parameter(each, f"optimizers_{row.name}_{each.name}", row.name)
        for each in row.parameters
    }
    steps = kept_parameter(STEPS, "optimizers_steps", "optimizers")
    noise = kept_parameter(NOISE, "optimizers_noise", "optimizers", about=words["noise"])
    seed = kept_parameter(DRAW, "optimizers_draw", "optimizers") if noise else 0
    schedule, own = _schedule(int(steps)) if with_schedule else ("constant", {})
    return Course(
        row.name, start_of(row), int(steps), tuple(settings.items()), float(noise), int(seed), schedule,
        tuple(own.items()),
    )  # fmt: skip


def surface_choice() -> str:
    """The surface, by a box."""
    return named_choice(
        _("Surface"),
        SURFACES.names(),
        FIRST,
        "optimizers_surface",
        lambda name: _(SURFACES[name].title),
        on_change=forget_start,
    )


def _schedule(steps: int) -> tuple[str, dict[str, Any]]:
    name = named_choice(
        _("Schedule of the learning rate"),
        SCHEDULES.names(),
        "constant",
        "optimizers_schedule",
        lambda name: _(SCHEDULES[name].title),
    )
    row = SCHEDULES[name]
    own = {each.name: kept_parameter(each, f"optimizers_{name}_{each.name}", name) for each in row.parameters}
    shares = schedule_shares(name, steps, tuple(own.items()))
    if shares is not None and name != "constant":
        chart = schedule_chart(shares)
        plot(chart, "optimizers_schedule_curve", 130, description=_("Learning rate over the steps"))
    if name != "constant":
        st.caption(_(row.summary))
    return name, own


def forget_start() -> None:
    """Another surface begins at its own start."""
    if START in st.query_params:
        del st.query_params[START]


def apply_suggestion(settings: dict[str, Setting]) -> None:
    """What a "try this" sets; of the course, what it does not name goes back to its default."""
    usual: dict[str, Setting] = {
        "optimizers_steps": STEPS.default,
        "optimizers_noise": NOISE.default,
        "optimizers_decay": DECAY.default,
        "optimizers_schedule": "constant",
    }
    for key in usual.keys() - settings.keys():
        if key in st.session_state:
            st.session_state[key] = usual[key]
        if key in st.query_params:
            del st.query_params[key]
    if START not in settings:
        forget_start()  # it may lie outside of the surface that is named
    put(settings)


def decay_slider() -> float:
    """Weight decay, the same for all."""
    return float(kept_parameter(DECAY, "optimizers_decay", "optimizers"))


def start_of(row: Surface) -> tuple[float, float]:
    """Where the address says that the race begins, else the surface's own start."""
    if START in st.session_state:  # a "try this" has set it; no widget of Streamlit's holds it
        st.query_params[START] = str(st.session_state.pop(START))
    said = st.query_params.get(START)
    if said is None:
        return row.start
    left, right, bottom, top = row.window
    try:
        x, y = (float(part) for part in said.split(","))
        if left <= x <= right and bottom <= y <= top:
            return x, y
    except ValueError:
        pass
    sentence = _(
        "{name} in the address is {value}; here it must be x,y with x from {left} to {right} and y "
        "from {bottom} to {top}."
    )
    noted_problem(
        START, sentence.format(name=START, value=repr(said), left=left, right=right, bottom=bottom, top=top)
    )
    return row.start


def rate_parameter(optimizer: str, surface: str) -> Parameter:
    """The learning rate of an optimizer on a surface, from 1e-6 to 1000."""
    words = _("{title}: rate").format(title=_(OPTIMIZERS[optimizer].title))
    usual = usual_rate(optimizer, surface)
    return Parameter("rate", usual, words, low=LOWEST_RATE, high=HIGHEST_RATE, log=True)


def rate_key(optimizer: str, surface: str) -> str:
    return f"optimizers_rate_{surface}_{optimizer}"


def rate_stops(*also: float) -> list[float]:
    """What a slider of a learning rate can stand at."""
    powers = range(-6, 3)
    between = (float(f"{step}e{power}") for power in powers for step in RATE_STEPS)
    return sorted({*between, HIGHEST_RATE, *also})


def rate_slider(optimizer: str, surface: str) -> float:
    """A slider for the learning rate, a value for each surface."""
    parameter = rate_parameter(optimizer, surface)
    stops = rate_stops(float(parameter.default))
    return float(kept_parameter(parameter, rate_key(optimizer, surface), optimizer, stops))


def racer_of(optimizer: str, surface: str, rate: float, decay: float) -> Racer:
    """The optimizer with the settings that were made on "One in detail", or its defaults."""
    own = OPTIMIZERS[optimizer].parameters
    settings = tuple((each.name, kept_value(each, setting_key(optimizer, each))) for each in own)
    return Racer(optimizer, rate, decay, settings)


def setting_key(optimizer: str, parameter: Parameter) -> str:
    return f"optimizers_{optimizer}_{parameter.name}"


def rate_text(racer: Racer) -> str:
    """The learning rate, and what else is not as usual."""
    row = OPTIMIZERS[racer.optimizer]
    usual = {each.name: each for each in row.parameters}
    other = [
        f"{_(usual[name].description) if usual[name].kind == 'flag' else name} {number_text(value)}"
        for name, value in racer.settings
        if value != usual[name].default
    ]
    return " · ".join([number_text(racer.learning_rate), *other])
