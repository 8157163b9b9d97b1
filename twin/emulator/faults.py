"""Make something go wrong in a plant, from inside its process or over OPC UA."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from typing import Any

from asyncua import Client, ua
from pydantic import ValidationError

from twin.emulator.space import FAULT_METHOD, LINE_NODE, NAMESPACE_URI
from twin.engine.options import Fault
from twin.errors import ConnectionLostError, Finding, InvalidInputError, OptionsError
from twin.line import Line
from twin.line.spec import worded

ARGUMENTS = ("station", "kind", "duration_s", "factor")
"""Arguments of the method, in order."""
_TEXT_PARTS = (3, 4)


def made_fault(**values: object) -> Fault:
    """Return a fault, or raise OptionsError with every finding."""
    try:
        return Fault.model_validate(values)
    except ValidationError as error:
        findings = [worded(item) for item in error.errors()]
        raise OptionsError("the fault", findings) from error


def fault_from_text(text: str) -> Fault:
    """Return the fault that a person wrote as ``station:after:duration`` or with ``:factor``.

    Parameters
    ----------
    text : str
        For instance ``"filler:30s:2min"``, a breakdown, or ``"filler:30s:2min:1.5"``, a slowdown
        that makes processing times half as long again.

    Raises
    ------
    OptionsError
        If it is written otherwise.

    Examples
    --------
    >>> fault_from_text("filler:30s:2min").duration_s
    120.0
    """
    parts = text.split(":")
    if len(parts) not in _TEXT_PARTS:
        expected = "station:after:duration or station:after:duration:factor, e.g. filler:30s:2min"
        raise OptionsError("the fault", [Finding("", f"{text!r} is no fault", expected)])
    values: dict[str, object] = dict(
        zip(("station", "after_s", "duration_s", "factor"), parts, strict=False)
    )
    return made_fault(kind="slowdown" if "factor" in values else "breakdown", **values)


def checked_station(line: Line, fault: Fault) -> Fault:
    """Return the fault if the line has its station, or raise OptionsError."""
    known = sorted(station.id for station in line.stations)
    if fault.station in known:
        return fault
    finding = Finding(
        "station", f"unknown station {fault.station!r}", f"one of: {', '.join(known)}"
    )
    raise OptionsError("the fault", [finding])


def answer(arguments: tuple[Any, ...], carry_out: Callable[[Fault], str]) -> ua.CallMethodResult:
    """Return the result of the OPC UA method: a message, or a bad status with the reason in words.

    The reason stands in the output argument and, as OPC UA wants it, in the status of each input
    argument.
    """
    result = ua.CallMethodResult()
    result.InputArgumentResults = [ua.StatusCode() for _ in arguments]
    if len(arguments) != len(ARGUMENTS):
        few = len(arguments) < len(ARGUMENTS)
        codes = ua.StatusCodes
        result.StatusCode = ua.StatusCode(
            codes.BadArgumentsMissing if few else codes.BadTooManyArguments
        )
        message = f"{len(arguments)} arguments; expected {', '.join(ARGUMENTS)}"
    else:
        given = {name: variant.Value for name, variant in zip(ARGUMENTS, arguments, strict=True)}
        try:
            message = carry_out(made_fault(**given))
        except InvalidInputError as error:
            message = "; ".join(str(finding) for finding in error.findings)
            _mark(result, {finding.path for finding in error.findings})
    result.OutputArguments = [ua.Variant(message, ua.VariantType.String)]
    return result


def _mark(result: ua.CallMethodResult, wrong: set[str]) -> None:
    result.StatusCode = ua.StatusCode(ua.StatusCodes.BadInvalidArgument)
    bad = ua.StatusCode(ua.StatusCodes.BadOutOfRange)
    result.InputArgumentResults = [bad if name in wrong else ua.StatusCode() for name in ARGUMENTS]


async def inject_fault(
    endpoint: str,
    station: str,
    kind: str = "breakdown",
    duration_s: float = 120.0,
    factor: float = 1.0,
    *,
    timeout_s: float = 5.0,
) -> str:
    """Make something go wrong in a plant that listens at an endpoint.

    Parameters
    ----------
    endpoint : str
        For instance ``"opc.tcp://127.0.0.1:4840"``.
    station : str
        Id of the station.
    kind : str
        ``breakdown`` or ``slowdown``.
    duration_s : float
        How long it lasts, s of plant time, above zero.
    factor : float
        Times this on the processing times that begin meanwhile, for a slowdown.
    timeout_s : float
        Longest wait for each answer of the plant, s.

    Returns
    -------
    str
        What the plant did.

    Raises
    ------
    OptionsError
        If the fault makes no sense or the plant has no such station.
    ConnectionLostError
        If no plant answers there.
    """
    fault = made_fault(station=station, kind=kind, duration_s=duration_s, factor=factor)
    request = ua.CallMethodRequest()
    request.InputArguments = [
        ua.Variant(fault.station, ua.VariantType.String),
        ua.Variant(fault.kind, ua.VariantType.String),
        ua.Variant(fault.duration_s, ua.VariantType.Double),
        ua.Variant(fault.factor, ua.VariantType.Double),
    ]
    async with _connected(endpoint, timeout_s) as client:
        namespace = await client.get_namespace_index(NAMESPACE_URI)
        request.ObjectId = ua.NodeId(LINE_NODE, namespace)
        request.MethodId = ua.NodeId(FAULT_METHOD, namespace)
        (result,) = await asyncio.wait_for(client.uaclient.call([request]), timeout_s)
    message = str(result.OutputArguments[0].Value) if result.OutputArguments else ""
    if not result.StatusCode.is_good():
        reason = message or str(result.StatusCode.name)
        raise OptionsError("the fault", [Finding("", f"the plant refused it: {reason}")])
    return message


@contextlib.asynccontextmanager
async def _connected(endpoint: str, timeout_s: float) -> AsyncIterator[Any]:
    """Yield a client of the plant; whatever the network does becomes ConnectionLostError."""
    if not endpoint.startswith("opc.tcp://") or not math.isfinite(timeout_s) or timeout_s <= 0:
        message = f"{endpoint!r} within {timeout_s!r} s cannot be reached"
        expected = "an endpoint such as opc.tcp://127.0.0.1:4840 and a time above zero"
        raise OptionsError("the endpoint", [Finding("endpoint", message, expected)])
    client = Client(endpoint, timeout=timeout_s)
    client.session_timeout = int(4000 * timeout_s)  # one that servers give: it is said otherwise
    try:
        async with asyncio.timeout(4 * timeout_s), client:
            yield client
    except ValueError as error:
        if isinstance(error, InvalidInputError):
            raise
        message = f"the server at {endpoint} is no plant: it has no namespace {NAMESPACE_URI}"
        raise ConnectionLostError(message) from error
    except (OSError, TimeoutError, ua.UaError) as error:
        reason = str(error) or type(error).__name__
        raise ConnectionLostError(
            f"no plant answers at {endpoint}: {reason}; start one with `twin plant`"
        ) from error
