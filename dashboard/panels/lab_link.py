"""The way from a run's own page to the page of the laboratory that made it."""

from __future__ import annotations

from dashboard.lab_runs import lab_page
from dashboard.language import _
from dashboard.navigation import link, views
from logs.catalog import RunSummary


def lab_link(run: RunSummary) -> None:
    """A line under the run's title; nothing for a run of another kind."""
    page = lab_page(run)
    if page:
        (title,) = (view.title for view in views() if view.name == page)
        link(
            page,
            _("{page}: what this run found").format(page=_(title)),
            icon=":material/science:",
            run=run.id,
        )
