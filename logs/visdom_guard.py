"""Who may talk to the Visdom server: programs of this machine, and the pages the server itself gave out.

Visdom accepts posts and web sockets from any web page the user has open, and from any name that points to
this machine (DNS rebinding). A pane is HTML that runs, and a property pane stops a training: so both are
refused here.
"""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def refusal(host: str | None, origin: str | None) -> str | None:
    """Why a request with these headers is refused, or None where it is let through.

    Host must name this machine, with any port (a tunnel has its own). Origin, which a browser adds to every
    post and web socket that a script starts, must be the very page this server gave out.
    """
    if host is None or _host_name(host) not in LOOPBACK_NAMES:
        return f"Host {host!r} is not this machine; open Visdom as localhost, through a tunnel too"
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return f"Origin {origin!r} is another page than this server's ({host})"
    return None


def _host_name(host: str) -> str | None:
    """The name in a Host header, lower case and without its port; None where it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # reading it raises where it is no port
        return parts.hostname
    except ValueError:
        return None
