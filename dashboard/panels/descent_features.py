"""Random features of any number: sliders, and the errors through the threshold as they move."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts.double_descent import (
    Extra,
    descent_chart,
    fits_chart,
    mistakes_chart,
    norm_chart,
    ridge_chart,
)
from dashboard.data_look import is_here
from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.theme import LIGHT
from training.datasets import DATASETS, DataError
from training.descent_problems import PROBLEMS
from training.random_features import (
    FEATURES,
    DescentCurves,
    Sweep,
    descent_curves,
    expected_error,
    fitted,
    noisy_targets,
    sweep,
)

RIDGES = (0.0, 1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.1, 1.0, 10.0)
NO_PEAK = 1.6  # times the best before the threshold: a smaller rise is none
RATIOS = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.35, 2.0, 4.0, 10.0)
DEFAULTS: dict[str, Any] = {
    "descent_problem": "digits",
    "descent_samples": 40,
    "descent_noise": 0.1,
    "descent_ridge": 0.0,
    "descent_seeds": 6,
    "descent_ratio": 1.0,
    "descent_best": False,
    "descent_tab": "Random features",
}


def descent_features(words: Mapping[str, str], data: Path) -> None:
    """Controls at the left, pictures beside them. `words` are the page's passages, `data` the data folder."""
    left, right = beside("descent")
    with left:
        problem, kind = _what(data)
        samples = bound_slider(_("Samples"), 10, 120, 40, "descent_samples", 5)
        noise = bound_slider(
            _("Noise"), 0.0, 1.0, 0.1, "descent_noise", 0.05, about=_(PROBLEMS[problem].noise_means)
        )
        ridge = bound_scale(_("Ridge"), RIDGES, 0.0, "descent_ridge", about=words["ridge"])
        best = st.toggle(
            _("The best ridge for each size"), key="descent_best", bind="query-params", help=words["best"]
        )
        ratio = bound_scale(
            _("Look at features per sample"), RATIOS, 1.0, "descent_ratio", about=words["ratio"]
        )
        seeds = bound_slider(_("Seeds"), 1, 30, 6, "descent_seeds", about=words["seeds"])
    try:
        swept = _swept(problem, kind, samples, seeds, str(data))
        targets = noisy_targets(problem, samples, noise, seeds, data)
    except (DataError, OSError) as missing:
        right.error(plain(str(missing)))
        return
    with right:
        _pictures(problem, kind, swept, targets, noise, ridge, best, ratio, words)


def _what(data: Path) -> tuple[str, str]:
    """The problem and the kind of features; only what is on this machine, and only what goes together."""
    rows = [row for row in PROBLEMS if not row.dataset or is_here(DATASETS[row.dataset], data)]
    names = [row.name for row in rows]
    problem = named_choice(
        _("Data"), names, "digits", "descent_problem", lambda name: _(PROBLEMS[name].title)
    )
    st.caption(_(PROBLEMS[problem].summary))
    kinds = list(PROBLEMS[problem].features)
    kind = named_choice(
        _("Features"),
        kinds,
        kinds[0],
        f"descent_features_{problem}",
        lambda name: _(FEATURES[name].title),
        disabled=len(kinds) == 1,
        help=f"{_(FEATURES[kinds[0]].summary)}",
    )
    return problem, kind


@st.cache_resource(max_entries=8, show_spinner=False)
def _swept(problem: str, kind: str, samples: int, seeds: int, data: str) -> Sweep:
    """Decomposed once for every noise and ridge."""
    return sweep(problem, kind, samples, seeds, Path(data))


def _pictures(
    problem: str,
    kind: str,
    swept: Sweep,
    targets: np.ndarray,
    noise: float,
    ridge: float,
    best: bool,
    ratio: float,
    words: Mapping[str, str],
) -> None:
    curves = descent_curves(swept, targets, ridge)
    samples = swept.samples
    count = int(curves.counts[np.abs(np.log(curves.counts / (ratio * samples))).argmin()])
    extras = []
    if ridge > 0:
        plain_error = descent_curves(swept, targets, 0.0).test_error.mean(axis=1)
        extras.append(
            Extra(_("test, without ridge"), curves.counts, plain_error, LIGHT.categorical[3], "dot")
        )
    if best:
        extras.append(
            Extra(
                _("test, best ridge"),
                curves.counts,
                _best(problem, kind, samples, noise, len(targets), swept, targets),
                LIGHT.categorical[4],
            )
        )
    if FEATURES[kind].limited:
        theory = expected_error(samples, curves.counts, noise, PROBLEMS[problem].inputs)
        extras.append(
            Extra(_("expected, without ridge"), curves.counts, theory, LIGHT.categorical[7], "dash")
        )
    title = _("number of features")
    chart = descent_chart(
        curves.counts,
        curves.train_error,
        curves.test_error,
        samples,
        title,
        extras=extras,
        chosen=count,
        threshold_text=_("as many features as samples"),
    )
    plot(chart, "descent_errors", height=400, description=_("Error against the number of features"))
    st.markdown(_reading(curves))
    with st.grid(2, min_column_width=300, gap="medium"):
        chart = norm_chart(curves.counts, curves.norm, samples, title)
        heading = _("Length of the weights")
        plot(chart, "descent_norm", height=270, description=_("Norm of the weights"), heading=heading)
        _second(problem, curves, swept, targets, count, ridge)
    st.caption(words["how"])
    st.latex(FEATURES[kind].formula)
    sources = [FEATURES[kind].source, PROBLEMS[problem].source]
    st.caption(" · ".join(plain(source) for source in dict.fromkeys(sources) if source))


def _second(
    problem: str, curves: DescentCurves, swept: Sweep, targets: np.ndarray, count: int, ridge: float
) -> None:
    """The picture that suits the problem: the functions, the mistakes, or what ridge does at this size."""
    if PROBLEMS[problem].inputs == 1:
        heading = _("The fit with {n} features").format(n=f"{count:,}")
        chart = fits_chart(
            swept.test_inputs[0, :, 0],
            fitted(swept, targets, count, ridge)[:, :, 0],
            swept.test_targets[0, :, 0],
            swept.train_inputs[0, :, 0],
            targets[0, :, 0],
        )
        plot(chart, "descent_fits", height=270, description=_("Fitted functions"), heading=heading)
        return
    if curves.test_mistakes is not None:
        heading = _("Test mistakes")
        chart = mistakes_chart(curves.counts, curves.test_mistakes, curves.samples, _("number of features"))
        described = _("Share of wrong classes")
        plot(chart, "descent_mistakes", height=270, description=described, heading=heading)
        return
    heading = _("What ridge does with {n} features").format(n=f"{count:,}")
    errors = np.stack([_at(descent_curves(swept, targets, each), count) for each in RIDGES])
    chart = ridge_chart(np.array(RIDGES), errors, ridge, count)
    described = _("Test error against ridge")
    plot(chart, "descent_ridges", height=270, description=described, heading=heading)


def _at(curves: DescentCurves, count: int) -> np.ndarray:
    return curves.test_error[list(curves.counts).index(count)]


@st.cache_resource(max_entries=64, show_spinner=False)
def _best(
    problem: str, kind: str, samples: int, noise: float, seeds: int, _swept: Sweep, _targets: np.ndarray
) -> np.ndarray:
    """Each size's least mean test error over the ridges of the slider; the same for every ridge chosen."""
    errors = [descent_curves(_swept, _targets, ridge).test_error.mean(axis=1) for ridge in RIDGES]
    return np.min(errors, axis=0)


def _reading(curves: DescentCurves) -> str:
    """What the curve says, in a sentence or two."""
    error = curves.test_error.mean(axis=1)
    counts = list(curves.counts)
    before, peak, last = (float(error[counts.index(at)]) for at in (curves.valley, curves.peak, counts[-1]))
    valley = _(
        "Up to as many features as samples, **{valley:,}** are best, with a test error of **{before:.3g}**."
    ).format(valley=curves.valley, before=before)
    if peak < NO_PEAK * before or curves.peak == counts[-1]:
        end = _("No peak follows: with {last:,} features it is **{end:.3g}**.")
        return f"{valley} {end.format(last=counts[-1], end=last)}"
    rest = _("It is largest at **{peak:,}**: **{high:.3g}**. With {last:,} it is **{end:.3g}**, {verdict}.")
    verdict = (
        _("better than any model before the threshold")
        if last < before
        else _("better than at the peak, but not than the best of the small ones")
    )
    words = rest.format(peak=curves.peak, high=peak, last=counts[-1], end=last, verdict=verdict)
    return f"{valley} {words}"
