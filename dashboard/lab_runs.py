"""Runs that a laboratory made: which page shows them best."""

from __future__ import annotations

from urllib.parse import parse_qsl

from dashboard.navigation import views
from logs.catalog import RunSummary
from training.labs import LABS


def is_lab(run: RunSummary) -> bool:
    """True for a run of a laboratory's script."""
    return run.kind in LABS


def lab_query(run: RunSummary) -> dict[str, str]:
    """What the address of the laboratory's page says, so that it shows this run."""
    return {name: said.format(run=run.id) for name, said in parse_qsl(LABS[run.kind].query)}


def lab_page(run: RunSummary) -> str:
    """The name of the laboratory's page; empty for another run, and where there is no such page."""
    page = LABS[run.kind].page if is_lab(run) else ""
    return page if page in {view.name for view in views()} else ""
