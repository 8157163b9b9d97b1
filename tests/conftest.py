"""What every test relies on: examples that repeat, no way out of this machine, shared data."""

import functools
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

ROOT = Path(__file__).resolve().parent.parent

# `default` repeats exactly and stays quick; `proof` searches (`make proof` chooses it).
settings.register_profile(
    "default",
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    # Making a random line's failure smaller takes minutes and would end in the test's time limit.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "proof",
    max_examples=500,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


GUARDED_CALLS = {
    "bind": "listen on",
    "connect": "connect to",
    "connect_ex": "connect to",
    "sendto": "send to",
}


class OutsideConnectionError(AssertionError):
    """A test reached for another machine. Not an OSError: nobody may take it for a lost link."""


def _is_loopback(host: object) -> bool:
    """Say whether a host, as sockets take it, is this machine and is reached by no other."""
    if host in {None, "localhost", b"localhost"}:
        return True
    try:
        name = host.decode() if isinstance(host, bytes) else str(host)
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_outside(action: str, address: object) -> None:
    """Raise if a socket address is not on the loopback interface; UNIX sockets pass."""
    if isinstance(address, tuple) and not _is_loopback(address[0]):
        raise OutsideConnectionError(
            f"a test tried to {action} {address!r}; tests use 127.0.0.1 or ::1 only"
        )


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Refuse every socket that would leave this machine, or let another one in."""
    getaddrinfo = socket.getaddrinfo

    def guard(method: Callable[..., object], action: str) -> Callable[..., object]:
        @functools.wraps(method)
        def guarded(self: socket.socket, *args: object) -> object:
            _refuse_outside(action, args[-1])  # the address comes last in all four
            return method(self, *args)

        return guarded

    @functools.wraps(getaddrinfo)
    def guarded_getaddrinfo(host: object, *args: object, **options: object) -> object:
        _refuse_outside("look up", (host,))
        return getaddrinfo(host, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        for name, action in GUARDED_CALLS.items():
            patch.setattr(socket.socket, name, guard(getattr(socket.socket, name), action))
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@pytest.fixture(scope="session")
def shared_benchmarks() -> Path:
    """Return the folder of public reference data, or skip where this checkout has none beside it.

    `LINETWIN_BENCHMARKS` names it; without that it is `../shared/benchmarks`, seen from the
    repository.
    """
    named = os.environ.get("LINETWIN_BENCHMARKS")
    folder = Path(named) if named else ROOT.parent / "shared" / "benchmarks"
    if not folder.is_dir():
        pytest.skip(f"no reference data in {folder}; set LINETWIN_BENCHMARKS to its folder")
    return folder


LIVE = ("api", "cli", "emulator", "sync", "ui")
"""Folders whose tests wait for real servers, browsers and clocks."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run structural tests first; give those that wait for something real one second try.

    Structural tests are quick and explain later failures. What the engines, the statistics and the
    schedules say depends on nothing but their input and is never asked twice.
    """
    first = {"test_architecture.py", "test_requirements_lock.py"}
    items.sort(key=lambda item: item.path.name not in first)
    for item in items:
        if item.path.relative_to(ROOT).parts[1] in LIVE:
            item.add_marker(pytest.mark.flaky(reruns=1))
