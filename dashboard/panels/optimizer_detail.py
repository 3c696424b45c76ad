"""One optimizer in detail: every setting a slider, its path beside that of its defaults, and its steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st
import torch

from dashboard.charts.optimizer_inside import steps_chart, worth_chart
from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.kept import kept_parameter
from dashboard.panels.named_choice import named_choice
from dashboard.panels.optimizer_form import (
    course_form,
    decay_slider,
    racer_of,
    rate_slider,
    rate_text,
    setting_key,
)
from dashboard.panels.optimizer_race import move_start, place_of, raced, reached
from dashboard.panels.plot import plot
from dashboard.panels.race_board import race_board
from dashboard.race_picture import Shown, race_picture
from training.optimizers import OPTIMIZERS
from training.race import Course, Path, Racer, usual_rate
from training.surfaces import curvature


def optimizer_detail(words: Mapping[str, str]) -> None:
    """The optimizer's own settings first, then the course; its formula and what its steps are like."""
    left, right = beside("optimizers_detail", form_below=True)
    with left:
        name = optimizer_choice()
        row = OPTIMIZERS[name]
        rate_place = st.container(gap=None)
        for each in row.parameters:
            kept_parameter(each, setting_key(name, each), name)
        decay = decay_slider()
        course = course_form(words)
        with rate_place:  # above, and yet it needs the surface
            rate = rate_slider(name, course.surface)
    racer = racer_of(name, course.surface, rate, decay)
    usual = Racer(name, usual_rate(name, course.surface), 0.0, tuple(_defaults(name)))
    racers = [racer] if racer == usual else [racer, usual]
    titles = (_(row.title), _("with its defaults"))
    with right:
        paths = raced(course, racers)
        shown = [
            Shown(
                f"{name}{number}", titles[number], rate_text(each), place_of(each) + number, path, number > 0
            )
            for number, (each, path) in enumerate(zip(racers, paths, strict=True))
        ]
        race_board("optimizers_detail_board", race_picture(course, shown, reached), move_start)
        with st.container(border=True):
            st.latex(_lines(row.formula))
            st.markdown(f"**{_(row.title)}**: {_(row.summary)}")
            st.caption(row.source)
        _inside(course, paths[0], words)


def optimizer_choice() -> str:
    """One optimizer, by a box."""
    return named_choice(
        _("Optimizer"),
        OPTIMIZERS.names(),
        "momentum",
        "optimizers_one",
        lambda name: _(OPTIMIZERS[name].title),
    )


def _lines(formula: str) -> str:
    """Two statements a line: in a row those of Adam are wider than a narrow page."""
    parts = [part.strip().strip(",").strip() for part in formula.split(r"\quad")]
    lines = [r",\quad ".join(parts[place : place + 2]) for place in range(0, len(parts), 2)]
    return rf"\begin{{gathered}}{r'\\[6pt]'.join(lines)}\end{{gathered}}"


def _defaults(name: str) -> list[tuple[str, object]]:
    return [(each.name, each.default) for each in OPTIMIZERS[name].parameters]


def _inside(course: Course, path: Path, words: Mapping[str, str]) -> None:
    if len(path.positions) < 3:
        return
    moves = np.diff(path.positions, axis=0)
    slopes = curvature(course.surface, torch.from_numpy(path.positions[:-1]), dict(course.settings))[
        0
    ].numpy()
    with st.grid(2, min_column_width=300, gap="medium"):
        lengths, sizes = np.hypot(*moves.T), np.hypot(*slopes.T)
        chart = steps_chart(lengths, sizes)
        plot(chart, "optimizers_lengths", 280, description=_("Length of the steps, and the slope"))
        chart = worth_chart(moves, slopes)
        plot(chart, "optimizers_worth", 280, description=_("What a unit of slope is worth"))
    st.caption(words["inside"])
