"""Kernels of a trained network: a run, its layer, its filter and the input channel that the kernel sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import streamlit as st

from dashboard.inspect_subject import inspectable, run_subject
from dashboard.language import _
from dashboard.navigation import link
from dashboard.number_grid import LARGEST_SIDE
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.convolution_channels import Kernels
from dashboard.panels.escape import plain
from dashboard.panels.landscape_form import checkpoints
from dashboard.panels.named_choice import named_choice
from dashboard.panels.run_picker import run_labels
from dashboard.panels.run_store import listed_runs
from dashboard.panels.slide_board import Grid
from dashboard.settings import Settings
from logs.catalog import RunSummary
from training.checkpoints import CheckpointError
from training.filters import filters_of, may_have_filters


def trained_kernels(
    settings: Settings, words: Mapping[str, str], on_change: Callable[[], None]
) -> Kernels | None:
    """The chosen kernel, rounded to 4 digits, and those of the filters and channels after it, from the first
    again where there are no more; None, with the way out, where no network has one.
    """
    known = {run.id: run for run in listed_runs(settings.runs) if inspectable(run) and _convolves(run)}
    if not known:
        st.info(words["no_filters"], icon=":material/psychology:")
        link("new_run", _("Train a network"), icon=":material/add_circle:")
        return None
    labels, ids = run_labels(list(known.values())), list(known)
    run = named_choice(
        _("Network of"), ids, ids[0], "convolution_run", lambda name: labels.get(name, name),
        on_change=on_change,
    )  # fmt: skip
    try:
        subject = run_subject(known[run].directory, checkpoints(known[run])[0])
    except CheckpointError as problem:
        st.error(plain(str(problem)), icon=":material/error:")
        return None
    layers = filters_of(subject.network, LARGEST_SIDE) if subject.network is not None else {}
    if not layers:
        st.info(words["no_small_filters"], icon=":material/psychology:")
        return None
    names = list(layers)
    layer = named_choice(_("Layer"), names, names[0], "convolution_layer", on_change=on_change)
    filters = layers[layer]
    place = [
        _place(label, count, key, on_change)
        for label, count, key in (
            (_("Filter"), filters.shape[0], "convolution_filter"),
            (_("Input channel"), filters.shape[1], "convolution_channel"),
        )
    ]
    link("inspect_model", _("Look further into this network"), icon=":material/biotech:", inspect_run=run)

    def kernel(output: int, seen: int) -> Grid:
        chosen = filters[(place[0] + output) % filters.shape[0], (place[1] + seen) % filters.shape[1]]
        return [[float(f"{value:.4g}") for value in row] for row in chosen.tolist()]

    return kernel


def _place(label: str, count: int, key: str, on_change: Callable[[], None]) -> int:
    """From 0; a slider needs two places."""
    if count == 1:
        return 0
    return bound_slider(label, 0, count - 1, 0, key, on_change=on_change)


def _convolves(run: RunSummary) -> bool:
    path = run.directory.checkpoints / f"{checkpoints(run)[0]}.safetensors"
    return _may_have_filters(path, path.stat().st_mtime_ns)


@st.cache_data(max_entries=1000, show_spinner=False)
def _may_have_filters(path: Path, version: int) -> bool:
    return may_have_filters(path)
