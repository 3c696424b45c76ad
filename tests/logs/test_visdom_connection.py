"""The connection to a Visdom server: it gives up in time, and an error is never taken for success."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from logs.visdom_connection import VisdomConnection, VisdomUnavailableError, checked_address
from tests.visdom_servers import (
    RunningVisdom,
    failing_server,
    free_port,
    hanging_server,
    running_visdom,
    wait_until,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningVisdom]:
    with running_visdom(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    "address", ["", "localhost:8097", "ftp://localhost", "http://", "http://host:port", "off"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="looks like"):
        checked_address(address)


def test_a_slash_at_the_end_of_an_address_changes_nothing() -> None:
    assert checked_address("http://127.0.0.1:8097/") == "http://127.0.0.1:8097"


def test_a_server_that_is_not_visdom_is_told_apart() -> None:
    with failing_server() as address, pytest.raises(VisdomUnavailableError, match="500"):
        VisdomConnection(address)
    with hanging_server() as address, pytest.raises(VisdomUnavailableError, match="does not answer"):
        VisdomConnection(address)
    with pytest.raises(VisdomUnavailableError, match="nobody listens"):
        VisdomConnection(f"http://127.0.0.1:{free_port()}")


def test_an_error_of_the_server_is_no_success(server: RunningVisdom) -> None:
    connection = VisdomConnection(server.address)
    try:
        with pytest.raises(VisdomUnavailableError, match="it answered"):
            connection.post("events", b"no json")
        assert b"main" in connection.post("env_state", b"{}"), "the connection is still of use"
    finally:
        connection.close()


def ended(connection: VisdomConnection) -> bool:
    try:
        connection.event()
    except VisdomUnavailableError:
        return True
    return False


def test_the_end_of_a_server_is_noticed_without_sending(server: RunningVisdom) -> None:
    connection = VisdomConnection(server.address)
    try:
        assert connection.event() is None
        server.kill()
        wait_until(lambda: ended(connection), "the end is noticed")
        with pytest.raises(VisdomUnavailableError):
            connection.post("env_state", b"{}")
    finally:
        connection.close()
