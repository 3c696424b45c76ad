"""L1 against L2: paths of weights, what they are at one penalty, and how a weight becomes exactly zero."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from dashboard.charts.weight_paths import (
    bars_chart,
    gaps_chart,
    paths_chart,
    penalty_errors_chart,
    pixels_chart,
    sizes_chart,
)
from dashboard.language import _, count
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from training.weight_paths import (
    FEWEST,
    MOST,
    PENALTIES,
    PROBLEMS,
    RULES,
    TINY,
    Descent,
    Path,
    Prepared,
    descend,
    l1_path,
    l2_path,
    prepare,
)

STOPS = tuple(PENALTIES[::2].tolist())
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 400, 800)
COLORED = 10  # lines with a colour of their own
L1, L2 = "L1", "L2"


def regular_paths(words: Mapping[str, str]) -> None:
    """Controls at the left, paths beside them. `words` are the page's passages."""
    left, right = beside("regular")
    with left:
        problem, samples, penalty, seed = _controls(words)
    prepared, l1, l2 = _solved(problem, samples, seed)
    names = _names(problem, prepared)
    at = int(np.abs(np.log(PENALTIES / penalty)).argmin())
    with right:
        _paths(prepared, l1, l2, names, penalty)
        st.markdown(_reading(prepared, l1, l2, at))
        with st.grid(2, min_column_width=300, gap="medium"):
            _weights(problem, prepared, l1, l2, names, at)
            errors = {L1: (l1.train_error, l1.held_error), L2: (l2.train_error, l2.held_error)}
            chart = penalty_errors_chart(PENALTIES, errors, penalty)
            plot(
                chart, "regular_errors", height=300, description=_("Errors over the penalty"),
                heading=_("Error against the penalty"), note=words["star"],
            )  # fmt: skip


def regular_zeros(words: Mapping[str, str]) -> None:
    """How a weight becomes exactly zero: three rules on the same problem, with the same controls."""
    left, right = beside("regular")
    with left:
        problem, samples, penalty, seed = _controls(words)
        steps = bound_scale(_("Steps"), STEPS, 200, "regular_steps")
    prepared, _l1, _l2 = _solved(problem, samples, seed)
    with right:
        st.markdown(words["rules"])
        found = _descents(problem, samples, seed, penalty, steps)
        _rules(prepared, problem, found, steps)


def _controls(words: Mapping[str, str]) -> tuple[str, int, float, int]:
    """Problem, training samples, penalty and draw: both tabs have them, and only one is drawn at a time."""
    problem = named_choice(
        _("Data"), PROBLEMS.names(), "sparse", "regular_problem", lambda name: _(PROBLEMS[name].title)
    )
    st.caption(_(PROBLEMS[problem].summary))
    samples = bound_slider(
        _("Training samples"), FEWEST, MOST, 60, "regular_samples", 5, about=words["held_out"]
    )
    penalty = bound_scale(_("Penalty"), STOPS, 0.1, "regular_penalty", about=words["penalty"])
    seed = bound_slider(_("Draw"), 0, 20, 0, "regular_seed", about=words["draw"])
    return problem, samples, penalty, seed


@st.cache_resource(max_entries=32, show_spinner=False)
def _solved(problem: str, samples: int, seed: int) -> tuple[Prepared, Path, Path]:
    prepared = prepare(problem, samples, seed)
    return prepared, l1_path(prepared), l2_path(prepared)


@st.cache_resource(max_entries=32, show_spinner=False)
def _descents(problem: str, samples: int, seed: int, penalty: float, steps: int) -> dict[str, Descent]:
    prepared, l1, _l2 = _solved(problem, samples, seed)
    best = l1.weights[int(np.abs(PENALTIES - penalty).argmin())]
    return {rule.name: descend(prepared, penalty, rule.name, steps, best) for rule in RULES}


def _names(problem: str, prepared: Prepared) -> list[str]:
    row = PROBLEMS[problem]
    if row.picture is not None:
        wide = row.picture[1]
        return [
            _("row {row}, column {column}").format(row=place // wide, column=place % wide)
            for place in range(len(prepared.cross))
        ]
    return list(row.input_names) or [f"x{place + 1}" for place in range(len(prepared.cross))]


def _paths(prepared: Prepared, l1: Path, l2: Path, names: list[str], penalty: float) -> None:
    limit = 1.08 * float(np.abs(np.concatenate([l1.weights, l2.weights])).max())
    if prepared.truth is not None:
        colored = prepared.truth != 0
    else:
        last_out = np.where(l1.weights != 0, PENALTIES[:, None], 0).max(axis=0)
        colored = np.zeros(len(names), bool)
        colored[np.argsort(-last_out, kind="stable")[:COLORED]] = True
    with st.grid(2, min_column_width=300, gap="medium"):
        for title, path in ((L1, l1), (L2, l2)):
            told = title == L1 and len(names) <= 12  # the same colours as beside it
            chart = paths_chart(PENALTIES, path.weights, names, penalty, colored, limit, told)
            described = _("{name} path").format(name=title)
            plot(chart, f"regular_{title}_path", height=320, description=described, heading=title)


def _reading(prepared: Prepared, l1: Path, l2: Path, at: int) -> str:
    varying = int((np.diag(prepared.gram) > 0).sum())
    still = len(prepared.cross) - varying
    zeros = int(l1.zeros[at]) - still
    words = _(
        "At this penalty L1 has **{zeros} of {all} weights at exactly 0**, L2 **{others}**. Held-out error: "
        "{first:.3f} and {second:.3f}; at their best penalties {best1:.3f} (L1, {left} weights left) and "
        "{best2:.3f} (L2)."
    )
    return words.format(
        zeros=zeros, all=varying, others=int(l2.zeros[at]) - still, first=l1.held_error[at],
        second=l2.held_error[at], best1=l1.held_error[l1.best], best2=l2.held_error[l2.best],
        left=len(prepared.cross) - int(l1.zeros[l1.best]),
    )  # fmt: skip


def _weights(problem: str, prepared: Prepared, l1: Path, l2: Path, names: list[str], at: int) -> None:
    size = PROBLEMS[problem].picture
    if size is None:
        values = {L1: l1.weights[at], L2: l2.weights[at]}
        if prepared.truth is not None:
            values[_("truth")] = prepared.truth
        chart = bars_chart(names, values)
        heading = _("Weights at this penalty")
        plot(chart, "regular_bars", 300, description=_("Weights side by side"), heading=heading)
        return
    limit = float(max(np.abs(l1.weights[at]).max(), np.abs(l2.weights[at]).max(), 1e-6))
    with st.container():
        with st.grid(2, min_column_width=120):
            for name, path in ((L1, l1), (L2, l2)):
                kept = count(int((path.weights[at] != 0).sum()), "{n} pixel", "{n} pixels")
                chart = pixels_chart(path.weights[at], size, limit)
                plot(
                    chart, f"regular_{name}_pixels", height=250, heading=f"{name}: {kept}",
                    description=_("{name} weights as a picture").format(name=name),
                )  # fmt: skip
        st.caption(_("Orange pixels speak for an 8, blue ones for a 3. A dot: exactly 0."))


def _rules(prepared: Prepared, problem: str, found: Mapping[str, Descent], steps: int) -> None:
    names = _names(problem, prepared)
    titles = {name: _(RULES[name].title) for name in found}
    varying = np.diag(prepared.gram) > 0
    still = int((~varying).sum())
    with st.grid(2, min_column_width=300, gap="medium"):
        gaps = {titles[name]: each.gap for name, each in found.items()}
        plot(gaps_chart(gaps, steps), "regular_gaps", height=320, description=_("Objective over the steps"))
        kept = np.flatnonzero(varying)
        sizes = {titles[name]: each.weights[-1][kept] for name, each in found.items()}
        pixels = _("pixels") if PROBLEMS[problem].picture is not None else ""
        chart = sizes_chart([names[place] for place in kept], sizes, pixels)
        plot(chart, "regular_sizes", height=320, description=_("Sizes of the weights"))
    for row in RULES:
        each = found[row.name]
        told = _("**{title}**: {zeros} exactly 0, {nearly} more below {tiny:g}. {about}")
        st.caption(
            told.format(
                title=titles[row.name], zeros=each.zeros - still, nearly=each.nearly, tiny=TINY,
                about=_(row.summary),
            )
        )  # fmt: skip
