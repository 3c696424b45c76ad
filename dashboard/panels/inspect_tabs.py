"""The tabs of the page that looks into a network, in their order. Only the open one is drawn and imported."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import streamlit as st

from dashboard.inspect_subject import Subject
from dashboard.language import _, mark
from models.catalog import Catalog


@dataclass(frozen=True)
class Tab:
    """`dashboard/panels/inspect_<name>.py` has `<name>_tab(subject)`."""

    name: str
    title: str
    needs_network: bool = True

    def draw(self, subject: Subject) -> None:
        panel = importlib.import_module(f"dashboard.panels.inspect_{self.name}")
        cast(Callable[[Subject], None], getattr(panel, f"{self.name}_tab"))(subject)


TABS: Catalog[Tab] = Catalog(
    "tab",
    [
        Tab("provenance", mark("Provenance"), needs_network=False),
        Tab("structure", mark("Structure")),
        Tab("weights", mark("Weights"), needs_network=False),
        Tab("activations", mark("Activations")),
        Tab("attribution", mark("Attribution")),
        Tab("evaluation", mark("Evaluation")),
        Tab("embeddings", mark("Embeddings")),
        Tab("compare", mark("Compare")),
        Tab("export", mark("Export"), needs_network=False),
    ],
)


def inspect_tabs(subject: Subject, no_network: str) -> None:
    """All tabs; `no_network` is what stands where a network is needed and only numbers are known."""
    boxes = st.tabs([_(tab.title) for tab in TABS], key="inspect_tab", bind="query-params", on_change="rerun")
    for tab, box in zip(TABS, boxes, strict=True):
        if box.open:
            with box:
                if tab.needs_network and subject.network is None:
                    st.info(no_network, icon=":material/schema:")
                else:
                    tab.draw(subject)
