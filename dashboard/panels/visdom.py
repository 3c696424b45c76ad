"""The way from a run to its windows in Visdom, where a server answers."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import streamlit as st

from dashboard.language import _
from dashboard.panels.escape import plain
from logs.catalog import RunSummary
from logs.visdom_stream import environment_address

PATIENCE = 0.2  # seconds


def visdom_button(run: RunSummary, server: str) -> None:
    """A link to the run's environment; without a server, how to start one."""
    answers = server_answers(server)
    absent = _("No Visdom server answers at {server}. Start one: python -m logs.visdom_server")
    with st.popover(
        _("Visdom"),
        icon=":material/monitoring:",
        disabled=not answers,
        help=None if answers else absent.format(server=server),
    ):
        st.link_button(
            _("Open in Visdom"),
            environment_address(server, run.id),
            icon=":material/open_in_new:",
            type="primary",
        )
        st.caption(_("A run streams there while it trains. One that ended before can be sent as a whole:"))
        if st.button(_("Send to Visdom"), key="run_visdom", disabled=run.state == "running"):
            _send(run, server)


@st.cache_data(ttl=10, max_entries=8, show_spinner=False)
def server_answers(server: str) -> bool:
    """Whether something listens at the address; asked at most every ten seconds."""
    parts = urlsplit(server)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=PATIENCE):
            return True
    except (OSError, ValueError):
        return False


def _send(run: RunSummary, server: str) -> None:
    from logs.errors import LogsError
    from logs.visdom_stream import VisdomUnavailableError, show

    try:
        with st.spinner(_("sending")):
            number = show(run.directory, server)
    except (VisdomUnavailableError, LogsError, OSError) as problem:
        st.error(plain(str(problem)))
    else:
        st.success(_("{n} windows are in Visdom.").format(n=number))
