"""The way from a run's own page to the page of the laboratory that made it."""

from __future__ import annotations

from dashboard.lab_runs import lab_page, lab_query
from dashboard.language import _
from dashboard.navigation import link, views
from logs.catalog import RunSummary


def lab_link(run: RunSummary) -> None:
    """A line under the run's title; nothing for a run of another kind."""
    page = lab_page(run)
    if page:
        (title,) = (view.title for view in views() if view.name == page)
        words = _("{page}: what this run found").format(page=_(title))
        link(page, words, icon=":material/science:", **lab_query(run))
