"""Faults from outside: over OPC UA and as text, right and wrong."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from asyncua import Client, Server, ua

from tests.emulator.small import small_line
from tests.emulator.watching import until
from twin.emulator import NAMESPACE_URI, Plant, fault_from_text, inject_fault
from twin.engine import Fault
from twin.errors import ConnectionLostError, OptionsError
from twin.events import Kind


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plant() -> AsyncIterator[Plant]:
    """Yield one running plant."""
    async with Plant(small_line(), speed=20.0, seed=3) as running:
        yield running


async def called(client: Client, *arguments: ua.Variant) -> ua.CallMethodResult:
    """Return the raw result of the plant's method."""
    namespace = await client.get_namespace_index(NAMESPACE_URI)
    request = ua.CallMethodRequest()
    request.ObjectId = ua.NodeId("line", namespace)
    request.MethodId = ua.NodeId("inject_fault", namespace)
    request.InputArguments = list(arguments)
    (result,) = await client.uaclient.call([request])
    return result


@pytest.mark.asyncio(loop_scope="module")
async def test_the_client_makes_a_breakdown_and_a_slowdown(plant: Plant) -> None:
    """Both kinds are carried out and answered in words."""
    told = await inject_fault(plant.endpoint, "pack", "breakdown", 12.5)
    assert told.startswith("breakdown of pack for 12.5 s of plant time from 2026-01-05T0")
    told = await inject_fault(plant.endpoint, "saw", "slowdown", 30.0, 4.0)
    assert told.startswith("slowdown of saw by a factor of 4 for 30 s")
    until_s = plant.reached_s + 40.0
    await until(lambda: plant.reached_s > until_s)
    log = plant.log()
    pack, saw = (log.names.elements.index(name) for name in ("pack", "saw"))
    outage = (log.element == pack) & (log.detail == -1)
    (began,) = log.time_s[outage & (log.kind == Kind.FAILED)]
    (ended,) = log.time_s[outage & (log.kind == Kind.REPAIRED)]
    assert ended - began == pytest.approx(12.5)
    times_s = log.value[(log.element == saw) & (log.kind == Kind.PROCESSING_STARTED)]
    assert times_s.max() == pytest.approx(4 * times_s.min(), rel=0.3)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (("nope", "breakdown", 10.0), "unknown station 'nope'; expected one of: booth, pack, saw"),
        (("saw", "earthquake", 10.0), "kind: "),
        (("saw", "breakdown", -1.0), "duration_s: "),
        (("saw", "breakdown", float("nan")), "duration_s: "),
        (("saw", "slowdown", 10.0, 0.0), "factor: "),
    ],
)
async def test_a_wrong_fault_is_refused_with_the_reason(
    plant: Plant, fault: tuple[str, str, float], reason: str
) -> None:
    """The message says what is wrong; the plant goes on."""
    before = plant.reached_s
    with pytest.raises(OptionsError) as caught:
        await inject_fault(plant.endpoint, *fault)
    assert reason in str(caught.value)
    await until(lambda: plant.reached_s > before)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_server_answers_bad_calls_with_bad_status(plant: Plant) -> None:
    """Any client gets a status, which argument is wrong, and the reason in words."""
    text, number = ua.VariantType.String, ua.VariantType.Double
    station = ua.Variant("nope", text)
    kind = ua.Variant("breakdown", text)
    one = ua.Variant(1.0, number)
    async with Client(plant.endpoint) as client:
        result = await called(client, station, kind, one, one)
        assert result.StatusCode.name == "BadInvalidArgument"
        good = [status.is_good() for status in result.InputArgumentResults]
        assert good == [False, True, True, True]
        assert "unknown station 'nope'" in result.OutputArguments[0].Value
        result = await called(client, ua.Variant("saw", text), kind, ua.Variant("soon", text), one)
        assert result.StatusCode.name == "BadInvalidArgument"
        assert [status.is_good() for status in result.InputArgumentResults] == [
            True,
            True,
            False,
            True,
        ]
        assert (await called(client, station)).StatusCode.name == "BadArgumentsMissing"
        many = await called(client, station, kind, one, one, one)
        assert many.StatusCode.name == "BadTooManyArguments"


async def test_nobody_there_is_told() -> None:
    """A port on which nothing listens gives a clear error with a remedy."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ConnectionLostError, match=f"no plant answers at .*{port}.*twin plant"):
        await inject_fault(f"opc.tcp://127.0.0.1:{port}", "saw", timeout_s=2.0)


async def test_a_server_that_is_no_plant_is_told() -> None:
    """An OPC UA server without the plant's namespace is named as such."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"opc.tcp://127.0.0.1:{probe.getsockname()[1]}"
    server = Server()
    await server.init()
    server.set_endpoint(endpoint)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    async with server:
        with pytest.raises(ConnectionLostError, match="is no plant"):
            await inject_fault(endpoint, "saw")


async def test_an_address_that_is_none_is_refused() -> None:
    """What is no endpoint is told before anything is tried."""
    with pytest.raises(OptionsError, match="an endpoint such as"):
        await inject_fault("http://127.0.0.1", "saw")


def test_faults_as_text() -> None:
    """A person writes station, after, duration and perhaps a factor."""
    expected = Fault(station="filler", after_s=30.0, duration_s=120.0)
    assert fault_from_text("filler:30s:2min") == expected
    slow = Fault(station="filler", kind="slowdown", after_s=0.0, duration_s=3600.0, factor=1.5)
    assert fault_from_text("filler:0:1h:1.5") == slow


@pytest.mark.parametrize(
    "text", ["", "filler", "filler:1:2:3:4", "filler:x:10s", "filler:1s:-5s", "9:1s:1s"]
)
def test_wrong_text_is_refused(text: str) -> None:
    """Whatever else is written is told as no fault."""
    with pytest.raises(OptionsError, match="the fault cannot be used"):
        fault_from_text(text)
