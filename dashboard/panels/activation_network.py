"""What really goes into the activations of a trained network, on samples of its own data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from dashboard.charts.activation_sums import flat_shares_chart, sums_chart
from dashboard.inspect_subject import inspectable
from dashboard.language import _, count
from dashboard.navigation import link
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale
from dashboard.panels.checkpoint_choice import checkpoint_choice
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.run_store import listed_runs
from dashboard.settings import Settings
from logs.directory import RunDirectory
from logs.errors import LogsError
from models.activations import ACTIVATIONS
from models.saturation import Sums, activation_sums, summed_up
from training.checkpoints import CheckpointError
from training.config import ConfigError
from training.datasets.errors import DataError

SAMPLES = (50, 100, 200, 500, 1000)


def activation_network(settings: Settings, words: Mapping[str, str]) -> None:
    """A run and its checkpoint, then every activation in it; without runs, the way to one."""
    known = {run.id: run for run in listed_runs(settings.runs) if inspectable(run)}
    if not known:
        st.info(words["no_runs"], icon=":material/psychology:")
        link("new_run", _("Train a network"), icon=":material/add_circle:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run, name = checkpoint_choice(known, "activations", (380, 150))
        with st.container(width=260):
            samples = bound_scale(_("Samples"), SAMPLES, 200, "activations_samples")
    directory = known[run].directory
    path = directory.checkpoints / f"{name}.safetensors"
    try:
        with st.spinner(_("Looking into the network ..."), show_time=True):
            rows = _rows(directory.path, name, samples, settings.data, path.stat().st_mtime_ns)
    except (CheckpointError, ConfigError, DataError, LogsError, OSError, ValueError) as problem:
        st.error(plain(str(problem)), icon=":material/error:")
        return
    _shown(rows, words)
    link("inspect_model", _("Look further into this network"), icon=":material/biotech:", inspect_run=run)


def _shown(rows: list[Sums], words: Mapping[str, str]) -> None:
    dead, units = summed_up(rows)
    names = [row.name for row in rows]
    said = _("{dead} of {units} units are dead on these samples.")
    st.markdown(said.format(dead=f"**{dead:,}**", units=count(units, "{n} unit", "{n}")))
    left, right = beside("activations_network", (2, 3))
    with right:
        chosen = named_choice(_("Layer"), names, names[0], "activations_layer", width=300)
        row = rows[names.index(chosen)]
        plot(sums_chart(row), "activations_sums", height=400, description=_("Sums over the curve"))
        words_of_row = _(
            "{title}: {flat:.1%} of numbers lie where it is flat, {dead} of {units} units are dead."
        )
        st.caption(
            words_of_row.format(
                title=_(ACTIVATIONS[row.activation].title), flat=row.saturated, dead=row.dead, units=row.units
            )
        )
    with left:
        height = max(260, min(900, 90 + 46 * len(rows)))
        chart = flat_shares_chart(rows, chosen)
        plot(chart, "activations_flat", height=height, description=_("Flat and dead shares"))
        st.caption(words["dead"])


@st.cache_data(max_entries=16, show_spinner=False)
def _rows(directory: Path, checkpoint: str, samples: int, data: Path, version: int) -> list[Sums]:
    from training.inspected import inspected, part_of

    look = inspected(RunDirectory(directory), checkpoint, data)
    split = next(name for name in ("validation", "test", "train") if len(getattr(look.data, name)))
    inputs, _targets = next(part_of(look.data, split).batches(samples))
    return activation_sums(look.network, inputs)
