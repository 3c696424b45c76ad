"""Learning curves over data: the form that starts them as sweeps over the training set's size, and they."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from dashboard.charts.learning_curves import learning_curve_chart
from dashboard.guided_look import GuidedLook
from dashboard.language import _
from dashboard.learning_look import learning_sweeps, size_scores
from dashboard.navigation import link
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.named_several import named_several
from dashboard.panels.plot import plot
from dashboard.panels.real_images_start import AMISS
from dashboard.settings import Settings
from training.arguments import command_line
from training.config import ConfigError, RunConfig
from training.guided_set import SIZES, Variant

MODULE = "training.sweep"
NAMED = "real_learn"  # in the address: the variants, with commas between
SIZES_KEY = "real_learn_sizes"
DEFAULT = ("right", "too_large")
USUAL = {"digits": "30 100 200 400 1200", "fashion_mnist": "100 300 1000 3000"}
MOST_SIZES = 12
HEIGHT = 460
SCORES = ("accuracy", "loss")
SPLITS = ("validation", "test")


def learning_form(look: GuidedLook, settings: Settings) -> None:
    """Which networks, which sizes, how many seeds, and the button."""
    with st.container(border=True):
        texts = _variants(look)
        chosen = named_several(_("Networks"), texts, DEFAULT, NAMED, lambda text: Variant.parse(text).title)
        with st.grid(3, min_column_width=200, vertical_alignment="bottom"):
            key = f"{SIZES_KEY}_{look.config.dataset}"
            said = st.text_input(
                _("Training images"), USUAL[look.config.dataset], key=key, bind="query-params",
                help=_("Numbers with spaces between; each is a point of the curve."),
            )  # fmt: skip
            seeds = bound_slider(_("Seeds"), 1, 10, 3, "real_learn_seeds")
            problem = _problem(look.config, chosen, said, seeds)
            st.button(
                _("Train the curves"), type="primary", icon=":material/play_arrow:", width="stretch",
                key="real_learn_start", disabled=bool(problem), on_click=_start,
                args=(look.config, chosen, said, seeds, settings),
            )  # fmt: skip
        if problem:
            st.warning(plain(problem))


def _problem(config: RunConfig, chosen: Sequence[str], said: str, seeds: int) -> str:
    """Why the curves can't be trained; "" where they can."""
    if not chosen:
        return _("Choose at least one network.")
    try:
        for text in chosen:
            learning_words(config, Variant.parse(text), read_sizes(said), seeds)
    except ConfigError as problem:
        return str(problem)
    return ""


def _start(config: RunConfig, chosen: Sequence[str], said: str, seeds: int, settings: Settings) -> None:
    """For a callback: a sweep for each network."""
    for text in chosen:
        start_learning_curve(config, Variant.parse(text), read_sizes(said), seeds, settings)


def read_sizes(text: str) -> list[int]:
    """The numbers of a line, ascending; ConfigError for one that is none, or for too many."""
    words = re.split(r"[\s,;]+", text.strip())
    wrong = next((word for word in words if not word.isdecimal() or int(word) < 10), None)
    if wrong is not None or not text.strip():
        raise ConfigError(
            f"a size is {wrong or text!r}; write whole numbers from 10 up with spaces between, such as "
            "50 200 800"
        )
    sizes = sorted({int(word) for word in words})
    if len(sizes) > MOST_SIZES:
        raise ConfigError(
            f"there are {len(sizes)} sizes; at most {MOST_SIZES} make a curve that is still read"
        )
    return sizes


def learning_words(config: RunConfig, variant: Variant, sizes: Sequence[int], seeds: int) -> list[str]:
    """The options of `python -m training.sweep` for the learning curve of a variant.

    The batch is made as small as the smallest size where it must be. ConfigError where a variant can't be.
    """
    start = variant.config(config)
    batch = min(start.batch_size, sizes[0])
    start = start.replace(
        name=_("Learning curve: {network}").format(network=variant.title),
        tags=("learning curve", variant.text),
        batch_size=batch,
        train_samples=sizes[0],
        images_every=0,
        histogram_every=0,
    )
    values = ",".join(map(str, sizes))
    means = ["--seeds", str(seeds), "--way", "alone"]  # together, all points would come at the end
    return [*command_line(start), "--set", f"train_samples={values}", *means]


def start_learning_curve(
    config: RunConfig, variant: Variant, sizes: Sequence[int], seeds: int, settings: Settings
) -> None:
    """Starts the sweep in the background; why not is said by the page."""
    from training.launch import LaunchError, launch_study

    words = learning_words(config, variant, sizes, seeds)
    try:
        launch_study(MODULE, words, config.model, config.dataset, settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.session_state[AMISS] = str(problem)


def learning_choice() -> tuple[str, str]:
    """Score and split; drawn outside the part that is redrawn."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        score = bounded_choice(_("Score"), SCORES, "accuracy", "real_learn_score", _)
        split = bounded_choice(_("Beside the training data"), SPLITS, "validation", "real_learn_split", _)
    return score, split


def learning_curves(config: RunConfig, choice: tuple[str, str], runs: Path, words: Mapping[str, str]) -> bool:
    """The curves of the newest sweep of each network; whether one of them still trains."""
    score, split = choice
    sweeps = learning_sweeps(runs, config)
    if not sweeps:
        st.info(words["no_learning"])
        return False
    for sweep in sweeps:
        status = sweep.run.status
        if sweep.run.state == "running" and status is not None and status.steps:
            text = f"{sweep.variant.title}: {status.step} / {status.steps}"
            st.progress(min(1.0, status.step / status.steps), text=text)
        elif sweep.run.state == "failed" and status is not None:
            st.error(plain(status.error), title=plain(sweep.run.name))
    curves = [size_scores(runs, sweep, score, each) for sweep in sweeps for each in ("train", split)]
    unit = _("share of images that are right") if score == "accuracy" else _("loss (nats per image)")
    figure = learning_curve_chart(curves, unit, percent=score == "accuracy")
    plot(figure, "real_learning_chart", height=HEIGHT, description=_("Learning curves over training images"))
    with st.container(horizontal=True):
        for sweep in sweeps:
            link("sweep", plain(sweep.variant.title), icon=":material/tune:", study=sweep.run.id)
    return any(sweep.run.state == "running" for sweep in sweeps)


def _variants(look: GuidedLook) -> list[str]:
    """The sizes, and every variant that has been begun and doesn't choose the number of images itself."""
    begun = [result.variant for result in look.results]
    every = [*(Variant(size.name) for size in SIZES), *begun]
    names = {"more_data"}
    kept = [each for each in every if not names & {name for name, _strength in each.remedies}]
    return list(dict.fromkeys(each.text for each in kept))
