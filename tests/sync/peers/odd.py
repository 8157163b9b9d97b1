"""Ways of servers that we have not met yet, laid over the library's own server.

A server may leave a service unanswered, refuse it, break the connection over it, or answer with
less than it was asked for. Each way is one word of ``Odd``; it may change while the server runs.
"""

from __future__ import annotations

import asyncio
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import ua
from asyncua.common.connection import SecureConnection
from asyncua.common.utils import ServiceError
from asyncua.server.address_space import ViewService
from asyncua.server.history import HistoryManager
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemService
from asyncua.server.subscription_service import SubscriptionService
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import struct_from_binary

EVER = datetime(2500, 1, 1, tzinfo=UTC)
"""A time that no history of today reaches."""
_ENDING = "Request_Encoding_DefaultBinary"


@dataclass
class Odd:
    """What a server does in its own way; services are named as in the standard, ``Publish``."""

    mute: list[str] = field(default_factory=list)
    """Services that are never answered."""
    refuse: dict[str, str] = field(default_factory=dict)
    """Services that are answered with a fault, and which."""
    reset: list[str] = field(default_factory=list)
    """Services over which the connection is broken, each once."""
    items: dict[str, str] = field(default_factory=dict)
    """Nodes that are not to be had, and the reason."""
    queue: int = 0
    """Greatest queue that is granted, and kept; 0: any."""
    history: str = ""
    """What is wrong with history: ``half``, ``pages``, ``no data``, ``other times``, ``bare``,
    ``loop``, ``reversed``, ``endless``."""

    most: dict[str, int] = field(default_factory=dict)
    """Operations that a service takes in one call; none of it is stated anywhere."""
    poison: dict[str, str] = field(default_factory=dict)
    """Services that are answered with a fault if one node is among others, and which."""
    short: list[str] = field(default_factory=list)
    """Services whose answers lack their last part."""
    keep_alives: bool = False
    """Whether nothing but keep-alives is published."""
    numbers: str = ""
    """What is wrong with the numbers of notifications: ``same``, ``twice``, ``high``, ``anew``."""
    ended: str = ""
    """Status with which the next notification ends the subscription."""
    subscriptions: int = 0
    """Subscriptions that are to be had; 0: any number."""
    room: int = 0
    """Items that one subscription takes; 0: any number."""
    browse: str = ""
    """How what stands below the plant is told one by one: ``pages``, ``loop`` (the first one again
    and again), ``endless`` (ever new ones), ``broken`` (no second answer), ``refused``."""
    more: bool = False
    """Whether each publication says that more is to come at once."""
    lifetime_ms: int | None = None
    """Lifetime that channels are given, and whatever was asked for."""
    revised: dict[str, Any] = field(default_factory=dict)
    """What is made of the wishes for a subscription, such as ``RevisedMaxKeepAliveCount``."""

    clock_s: float = 1.0
    """Time between two values of the server's own clock, s."""

    _told: int = 0

    def install(self) -> None:
        """Lay these ways over the server."""
        self._services()
        self._published()
        self._subscribed()
        self._granted()
        self._past()
        self._opened()
        self._browsed()
        self._clocked()

    def _clocked(self) -> None:
        async def ticked(own: Any) -> None:
            while not own._time_task_stop:  # noqa: SLF001
                await own.current_time_node.write_value(datetime.now(UTC))
                await asyncio.sleep(self.clock_s)

        InternalServer._set_current_time_loop = ticked  # noqa: SLF001

    def _services(self) -> None:
        answer = UaProcessor._process_message  # noqa: SLF001 - the faults are in there

        async def answered(own: Any, kind: Any, header: Any, number: Any, body: Any) -> Any:
            name = ua.ObjectIdNames.get(kind.Identifier, "").removesuffix(_ENDING)
            if name in self.mute:
                return True
            if name in self.refuse:
                raise ServiceError(getattr(ua.StatusCodes, self.refuse[name]))
            if name in self.reset:
                self.reset.remove(name)
                own._transport.abort()  # noqa: SLF001
                return False
            if name in self.most and len(_nodes(name, body)) > self.most[name]:
                raise ServiceError(ua.StatusCodes.BadTooManyOperations)
            if name in self.poison and self.poison[name] in _nodes(name, body):
                if name == "CreateMonitoredItems":  # what it made until then stays made
                    asked = struct_from_binary(ua.CreateMonitoredItemsParameters, body)
                    await own.session.create_monitored_items(asked)
                raise ServiceError(ua.StatusCodes.BadInternalError)
            return await answer(own, kind, header, number, body)

        respond = UaProcessor.send_response

        def sent(own: Any, handle: Any, number: Any, response: Any, *rest: Any) -> Any:
            name = type(response).__name__.removesuffix("Response")
            if name in self.short and response.TypeId.Identifier:
                response.Results = list(response.Results)[:-1]
            return respond(own, handle, number, response, *rest)

        UaProcessor.send_response = sent
        UaProcessor._process_message = answered  # noqa: SLF001

    def _published(self) -> None:
        pop = InternalSubscription._pop_publish_result  # noqa: SLF001
        before: dict[int, Any] = {}

        def popped(own: Any) -> Any:
            number = own.data.SubscriptionId
            told = before.pop(number, None)
            if told is not None and self.numbers == "twice":
                return told
            if self.numbers == "high" and own._startup:  # noqa: SLF001
                own._notification_seq = 2**32 - 3  # noqa: SLF001
            elif own._notification_seq > 2**32 - 1 or self.numbers in {"same", "anew"}:  # noqa: SLF001
                own._notification_seq = 1  # noqa: SLF001
                self.numbers = self.numbers.replace("anew", "")
            if self.keep_alives:
                own._triggered_datachanges.clear()  # noqa: SLF001
            if self.ended:
                own._triggered_statuschanges.append(  # noqa: SLF001
                    ua.StatusCode(getattr(ua.StatusCodes, self.ended))
                )
                self.ended = ""
            told = pop(own)
            told.MoreNotifications = self.more
            if told.NotificationMessage.NotificationData:
                before[number] = told
            return told

        InternalSubscription._pop_publish_result = popped  # noqa: SLF001

    def _subscribed(self) -> None:
        make = SubscriptionService.create_subscription

        async def made(own: Any, *given: Any, **more: Any) -> Any:
            if self.subscriptions and len(own.subscriptions) >= self.subscriptions:
                raise ServiceError(ua.StatusCodes.BadTooManySubscriptions)
            result = copy(await make(own, *given, **more))  # it goes by its own all the same
            for name, value in self.revised.items():
                setattr(result, name, value)
            return result

        SubscriptionService.create_subscription = made

    def _granted(self) -> None:
        make = MonitoredItemService._create_data_change_monitored_item  # noqa: SLF001
        revise = MonitoredItemService._revise_queue_size  # noqa: SLF001

        async def made(own: Any, item: Any) -> Any:
            code = self.items.get(str(item.ItemToMonitor.NodeId.Identifier))
            if self.room and len(own._monitored_items) >= self.room:  # noqa: SLF001
                code = "BadTooManyMonitoredItems"
            if code is None:
                return await make(own, item)
            return ua.MonitoredItemCreateResult(ua.StatusCode(getattr(ua.StatusCodes, code)))

        def revised(own: Any, size: int) -> int:
            granted = int(revise(own, size))
            return min(granted, self.queue) if self.queue else granted

        MonitoredItemService._create_data_change_monitored_item = made  # noqa: SLF001
        MonitoredItemService._revise_queue_size = revised  # noqa: SLF001

    def _past(self) -> None:
        read = HistoryManager._read_history  # noqa: SLF001

        async def told(own: Any, details: Any, node: Any) -> Any:
            if self.history == "pages":
                details.NumValuesPerNode = min(details.NumValuesPerNode or 7, 7)
            if self.history == "loop":
                node.ContinuationPoint = None
            result = await read(own, details, node)
            self._spoiled(result)
            return result

        HistoryManager._read_history = told  # noqa: SLF001

    def _spoiled(self, result: Any) -> None:
        values = list(result.HistoryData.DataValues)
        if self.history == "no data":
            result.StatusCode = ua.StatusCode(ua.StatusCodes.BadNoData)
            values = []
        elif self.history == "half":
            values = values[: len(values) // 2]
        elif self.history == "reversed":
            values.reverse()
        elif self.history == "other times":
            values = [_at(value, value.SourceTimestamp + timedelta(seconds=7)) for value in values]
        elif self.history == "bare":
            values = [
                ua.DataValue(value.Value, SourceTimestamp=value.SourceTimestamp) for value in values
            ]
        elif self.history == "pages" and values:
            last = values[-1].SourceTimestamp + timedelta(microseconds=1)
            result.ContinuationPoint = (
                ua.ua_binary.Primitives.DateTime.pack(last) if len(values) == 7 else None
            )
        elif self.history == "loop":
            result.ContinuationPoint = b"again"
        elif self.history == "endless":
            # A page full of the newest value, each page later than the one before.
            self._told += 1
            result.ContinuationPoint = b"more"
            newest = ua.DataValue(ua.Variant(0), SourceTimestamp=EVER)
            values = [
                _at(newest, EVER + timedelta(seconds=1000 * self._told + number))
                for number in range(1000)
            ]
        result.HistoryData.DataValues = values

    def _opened(self) -> None:
        make = SecureConnection.open

        def opened(own: Any, *given: Any) -> Any:
            made = copy(make(own, *given))
            if self.lifetime_ms is not None:
                made.SecurityToken = copy(made.SecurityToken)
                made.SecurityToken.RevisedLifetime = self.lifetime_ms
            return made

        SecureConnection.open = opened

    def _browsed(self) -> None:
        answer = UaProcessor._process_message  # noqa: SLF001
        look = ViewService.browse
        found: dict[bytes, list[Any]] = {}

        def first(own: Any, parameters: Any) -> Any:
            results = look(own, parameters)
            for asked, result in zip(parameters.NodesToBrowse, results, strict=True):
                if self.browse and asked.NodeId.Identifier == "Plant":
                    self._told += 1
                    result.ContinuationPoint = str(self._told).encode()
                    found[result.ContinuationPoint] = result.References
                    result.References = result.References[:1]
            return results

        def following(point: bytes) -> Any:
            result = ua.BrowseResult()
            if self.browse == "refused":
                result.StatusCode = ua.StatusCode(ua.StatusCodes.BadContinuationPointInvalid)
                return result
            left = found.pop(point)
            result.References = left[:1] if self.browse == "loop" else left[1:2]
            if self.browse == "endless":
                result.References = [copy(left[0]) for _ in range(100)]
                for reference in result.References:
                    self._told += 1
                    reference.NodeId = ua.NodeId(f"x{self._told}", left[0].NodeId.NamespaceIndex)
            if self.browse != "pages" or len(left) > 2:
                result.ContinuationPoint = point
                found[point] = left[1:] if self.browse == "pages" else left
            return result

        async def answered(own: Any, kind: Any, header: Any, number: Any, body: Any) -> Any:
            if kind.Identifier != ua.ObjectIds.BrowseNextRequest_Encoding_DefaultBinary:
                return await answer(own, kind, header, number, body)
            if self.browse == "broken":
                raise ServiceError(ua.StatusCodes.BadServiceUnsupported)
            asked = struct_from_binary(ua.BrowseNextParameters, body)
            response = ua.BrowseNextResponse()
            response.Parameters.Results = [following(point) for point in asked.ContinuationPoints]
            own.send_response(header.RequestHandle, number, response)
            return True

        ViewService.browse = first
        UaProcessor._process_message = answered  # noqa: SLF001


def _nodes(name: str, body: Any) -> list[str]:
    """Return the identifiers of the nodes that a request is for."""
    kind, many = {
        "Read": (ua.ReadParameters, "NodesToRead"),
        "Browse": (ua.BrowseParameters, "NodesToBrowse"),
        "CreateMonitoredItems": (ua.CreateMonitoredItemsParameters, "ItemsToCreate"),
        "HistoryRead": (ua.HistoryReadParameters, "NodesToRead"),
    }[name]
    asked = getattr(struct_from_binary(kind, body.copy()), many)
    nodes = [getattr(item, "ItemToMonitor", item).NodeId for item in asked]
    return [str(node.Identifier) for node in nodes]


def _at(value: Any, moment: Any) -> Any:
    return ua.DataValue(value.Value, SourceTimestamp=moment, ServerTimestamp=value.ServerTimestamp)
