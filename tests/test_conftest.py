"""The guard that keeps the tests on this machine."""

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import pytest

OUTSIDE = "192.0.2.1"  # reserved for documentation: no machine answers there


def guarded_error() -> type[AssertionError]:
    """Return the guard's own error class, as the running conftest defines it."""
    with closing(socket.socket()) as probe:
        try:
            probe.connect((OUTSIDE, 9))
        except AssertionError as error:
            return type(error)
    raise RuntimeError("the guard let a connection out")


def test_connecting_outside_is_refused() -> None:
    """A connection to another machine raises, and not as an OSError a caller may swallow."""
    error = guarded_error()
    assert error.__name__ == "OutsideConnectionError"
    assert not issubclass(error, OSError)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_listening_for_other_machines_is_refused(host: str) -> None:
    """A server under test may not bind an address that other machines reach."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        closing(socket.socket(family)) as server,
        pytest.raises(AssertionError, match="listen on"),
    ):
        server.bind((host, 0))


def test_looking_up_a_foreign_name_is_refused() -> None:
    """A name that is not this machine is not looked up."""
    with pytest.raises(AssertionError, match="look up"):
        socket.getaddrinfo("plant.example", 4840)


async def test_asyncio_cannot_get_out_either() -> None:
    """The event loop's own connections pass through the same guard."""
    with pytest.raises(AssertionError, match="connect to"):
        await asyncio.wait_for(asyncio.open_connection(OUTSIDE, 9), timeout=5)


def test_loopback_works() -> None:
    """A server on 127.0.0.1 is reached as usual."""
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        closing(socket.create_connection(server.getsockname(), timeout=5)) as client,
    ):
        accepted, _ = server.accept()
        with closing(accepted):
            client.sendall(b"up")
            assert accepted.recv(2) == b"up"


def test_reference_data_is_a_folder(shared_benchmarks: Path) -> None:
    """The fixture hands out a folder that holds data, or the test is skipped with the reason."""
    assert any(shared_benchmarks.iterdir())
