"""What a landscape is asked for: the run, its checkpoint, what is cut and how finely; and its start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.language import _
from dashboard.panels.bound_slider import bound_scale
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.run_picker import run_labels
from dashboard.settings import Settings
from logs.catalog import RunSummary
from training.config import ConfigError
from training.directions import NORMALISATIONS
from training.landscape_grid import LINE_LEVELS, PLANE_LEVELS
from training.landscape_settings import KINDS, STATISTICS, LandscapeSettings

CHOSEN = "landscape_run"  # in the address: the landscape that is looked at
AMISS = "landscape_amiss"
SAMPLES = (100, 200, 500, 1000, 2000, 5000, 10_000)


def networks(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Runs with a checkpoint to look at, the newest first."""
    found = [
        run for run in runs if run.kind in ("train", "fold", "trial", "variant", "side") and not run.broken
    ]
    return [run for run in found if checkpoints(run)]


def checkpoints(run: RunSummary) -> list[str]:
    """Names of a run's checkpoints: best and last first, then the epochs."""
    names = sorted(path.stem for path in run.directory.checkpoints.glob("*.safetensors"))
    first = [name for name in ("best", "last") if name in names]
    return [*first, *(name for name in names if name not in first)]


def _other_of(run: RunSummary, runs: Sequence[RunSummary]) -> str:
    """What a line from this run's network mostly leads to: another network like it, else an earlier one of
    its own.
    """
    like = [each.id for each in runs if (each.model, each.dataset) == (run.model, run.dataset)]
    return next((each for each in like if each != run.id), run.id)


def landscape_form(runs: Sequence[RunSummary], words: Mapping[str, str], settings: Settings) -> None:
    """The settings, and the button that computes. `runs` are those of `networks`."""
    button = st.container()  # above its settings: it stays in sight
    known = {run.id: run for run in runs}
    labels = run_labels(runs)
    run = named_choice(
        _("Network of"), list(known), next(iter(known)), "landscape_of", lambda name: labels.get(name, name)
    )
    own = checkpoints(known[run])
    kind = named_choice(
        _("What is cut"), KINDS.names(), "plane", "landscape_kind", lambda name: _(KINDS[name].title),
        help=_(KINDS[st.session_state.get("landscape_kind", "plane")].summary)
        if st.session_state.get("landscape_kind", "plane") in KINDS else None,
    )  # fmt: skip
    given: dict[str, object] = {"run": run, "kind": kind}
    if kind != "trajectory":
        given["checkpoint"] = named_choice(_("Checkpoint"), own, own[0], "landscape_checkpoint")
    if KINDS[kind].ends:
        other = named_choice(
            _("To the network of"), list(known), _other_of(known[run], runs), "landscape_other",
            lambda name: labels.get(name, name),
        )  # fmt: skip
        theirs = checkpoints(known[other])
        usual = theirs[0] if other != run else next((name for name in theirs if "epoch" in name), theirs[-1])
        given["other_run"] = other
        given["other_checkpoint"] = named_choice(_("Its checkpoint"), theirs, usual, "landscape_end")
    if kind in ("plane", "line"):
        given["normalisation"] = named_choice(
            _("Directions scaled by"), NORMALISATIONS.names(), "filter", "landscape_normalisation",
            lambda name: _(NORMALISATIONS[name].title), help=words["normalisation"],
        )  # fmt: skip
    levels = PLANE_LEVELS if KINDS[kind].plane else LINE_LEVELS
    key = "landscape_points" if KINDS[kind].plane else "landscape_line_points"
    given["points"] = bound_scale(_("Points a side"), levels, 25, key, str, words["points"])
    given["samples"] = bound_scale(_("Samples"), SAMPLES, 2000, "landscape_samples", about=words["samples"])
    with st.expander(_("More"), key="landscape_more"):
        given["span"] = st.number_input(
            _("Span"), 0.001, 100.0, None, format="%g", key="landscape_span", bind="query-params",
            placeholder=f"{KINDS[kind].span:g}", help=words["span"],
        )  # fmt: skip
        given["ignore_biasbn"] = st.toggle(
            _("Biases and batch norm stay"), value=True, key="landscape_biasbn", bind="query-params",
            help=words["biasbn"],
        )  # fmt: skip
        if kind == "plane":
            given["orthogonal"] = st.toggle(
                _("At right angles"), value=True, key="landscape_orthogonal", bind="query-params",
                help=words["orthogonal"],
            )  # fmt: skip
        given["statistics"] = named_choice(
            _("Batch norm's statistics"), STATISTICS, "saved", "landscape_statistics", _,
            help=words["statistics"],
        )  # fmt: skip
        given["seed"] = st.number_input(
            _("Seed of the directions"), 0, 2**31, 0, key="landscape_seed", bind="query-params"
        )
        if kind == "between":
            given["connect"] = st.toggle(
                _("Train a curve of low loss too"), key="landscape_connect", bind="query-params",
                help=words["connect"],
            )  # fmt: skip
        given["numbers"] = st.toggle(
            _("Numbers too"), key="landscape_numbers", bind="query-params", help=words["numbers"]
        )
        given["preview"] = st.toggle(
            _("Preview in bfloat16"), key="landscape_preview", bind="query-params", help=words["preview"]
        )
    try:
        asked = LandscapeSettings(**given)  # type: ignore[arg-type]
    except ConfigError as problem:
        st.warning(plain(str(problem)))
        asked = None
    with button:
        st.button(
            _("Compute the landscape"), type="primary", icon=":material/play_arrow:", key="landscape_start",
            width="stretch", disabled=asked is None, on_click=_start, args=(asked, settings),
        )  # fmt: skip
    if asked is not None:
        st.code("python -m training.landscape " + " ".join(asked.options()), language="bash", wrap_lines=True)


def start_again(run: RunSummary, settings: Settings) -> None:
    """For a callback: another landscape with the settings of one that ended early; it takes its points."""
    try:
        asked = LandscapeSettings.from_dict(run.config)
    except (ConfigError, TypeError) as problem:  # of another version
        st.session_state[AMISS] = str(problem)
        return
    _start(asked, settings)


def started_amiss() -> None:
    """Says once why the last landscape did not start."""
    problem = st.session_state.pop(AMISS, "")
    if problem:
        st.error(plain(problem), title=_("The landscape was not started"), icon=":material/error:")


def _start(asked: LandscapeSettings, settings: Settings) -> None:
    """For a callback: starts it and makes it the one that is looked at."""
    from training.launch import LaunchError, launch_lab

    try:
        st.session_state[CHOSEN] = launch_lab("landscape", asked.options(), "", settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.session_state[AMISS] = str(problem)
