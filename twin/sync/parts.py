"""Asks a server for many things at once, and for fewer where one of them spoils the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from asyncua import ua

from twin.sync.opening import GarbledError

TOO_MUCH = (
    ua.uaerrors.BadTooManyOperations,
    ua.uaerrors.BadRequestTooLarge,
    ua.uaerrors.BadResponseTooLarge,
    ua.uaerrors.BadEncodingLimitsExceeded,
    ua.uaerrors.BadTcpMessageTooLarge,
)
"""Errors after which less is asked for in one call."""
_OF_ALL = (
    ua.uaerrors.BadConnectionClosed,
    ua.uaerrors.BadNoSubscription,
    ua.uaerrors.BadRequestTimeout,
    ua.uaerrors.BadSecureChannelClosed,
    ua.uaerrors.BadSecureChannelIdInvalid,
    ua.uaerrors.BadServerHalted,
    ua.uaerrors.BadServiceUnsupported,
    ua.uaerrors.BadSessionClosed,
    ua.uaerrors.BadSessionIdInvalid,
    ua.uaerrors.BadSessionNotActivated,
    ua.uaerrors.BadShutdown,
    ua.uaerrors.BadSubscriptionIdInvalid,
    ua.uaerrors.BadTimeout,
)
"""Errors that are no matter of what was asked for."""
MOST_FAULTS = 20
"""Things in a row of which a server refuses each by a fault until the fault counts as its own."""
_Asked = TypeVar("_Asked")
_Told = TypeVar("_Told")


async def by_parts(
    ask: Callable[[Sequence[_Asked]], Awaitable[Sequence[_Told]]],
    wanted: Sequence[_Asked],
    most: int,
    refused: Callable[[int], _Told],
) -> tuple[list[_Told], int]:
    """Ask for things in as few calls as the server takes; return an answer for each.

    A server may answer a whole call with a fault because of one thing in it. That one is found, and
    the others are had.

    Parameters
    ----------
    ask : callable
        Asks for some of them in one call; raises UaError.
    wanted : sequence
        What to ask for.
    most : int
        Things in one call at most.
    refused : callable
        Makes an answer of the status code with which the server refuses one thing.

    Returns
    -------
    (list, int)
        The answers in order, and how many things the server takes in one call.
    """
    found: list[_Told] = []
    size, faults = most, 0
    while len(found) < len(wanted):
        part = wanted[len(found) : len(found) + size]
        try:
            found += await ask(part)
            size, faults = min(most, 2 * size), 0
            continue
        except _OF_ALL:
            raise
        except (ua.UaStatusCodeError, GarbledError) as error:
            if len(part) > 1:
                size = len(part) // 2
                most = size if isinstance(error, TOO_MUCH) else most
                continue
            code = getattr(error, "code", ua.StatusCodes.BadDecodingError)
            faults += 1
            if faults > MOST_FAULTS and code != ua.StatusCodes.BadTooManyMonitoredItems:
                raise
        full = code == ua.StatusCodes.BadTooManyMonitoredItems
        left = len(wanted) - len(found) if full else 1  # where one has no room the rest has none
        found += [refused(code) for _ in range(left)]
    return found, most
