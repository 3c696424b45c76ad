"""Two boxes, for a run and one of its checkpoints, as they stand on every page that looks into a network."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.language import _
from dashboard.panels.landscape_form import checkpoints
from dashboard.panels.named_choice import named_choice
from dashboard.panels.run_picker import run_labels
from logs.catalog import RunSummary

Width = int | str


def checkpoint_choice(
    known: Mapping[str, RunSummary], page: str, widths: tuple[Width, Width] = ("stretch", "stretch")
) -> tuple[str, str]:
    """The id of one of the `known` runs (one at least; the first is preselected) and the name of a checkpoint
    of it. The address has both, as `<page>_run` and `<page>_checkpoint`; `widths` are st.selectbox's.
    """
    labels = run_labels(list(known.values()))
    run = named_choice(
        _("Network of"), list(known), next(iter(known)), f"{page}_run",
        lambda name: labels.get(name, name), width=widths[0],
    )  # fmt: skip
    names = checkpoints(known[run])
    name = named_choice(_("Checkpoint"), names, names[0], f"{page}_checkpoint", width=widths[1])
    return run, name
