"""The ways of the client library, in one place: services of one connection, one by one.

What the library would do by itself - reconnect, take over subscriptions, hand on values - loses
values without a word, so only its services are used here. After a session was found again its
subscriptions are ours already and are not transferred; whatever a service answers is handed on,
item by item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from asyncua import ua
from asyncua.ua.ua_binary import struct_from_binary

from twin.sync.opening import GarbledError, Opening, answered
from twin.sync.parts import TOO_MUCH, by_parts
from twin.sync.publication import Publication, publication_of, read_publication

BAD = 0x80000000
ALREADY_OURS = ua.StatusCodes.BadNothingToDo
NO_MORE_POINTS = ua.StatusCodes.BadNoContinuationPoints
NOT_THERE = {ua.StatusCodes.BadNodeIdUnknown, ua.StatusCodes.BadNodeIdInvalid}
"""Answers for a node that another one only refers to."""
NO_END = "the server comes to no end"
"""Why a node is not browsed any further, and not browsed again."""
READS = 100
"""Attributes read in one call at most."""
ITEMS = 500
"""Items asked for in one call where the server states no limit of its own."""


class Below(NamedTuple):
    """What stands below a node."""

    references: list[ua.ReferenceDescription]
    """What was told of it."""
    broken: str = ""
    """Why that is not all; empty if it is."""


class Channel(Opening):
    """Services on one connection, one by one; whatever one answers is handed on, item by item.

    Parameters
    ----------
    endpoint, timeout_s, on_lost, where
        See ``Opening``.
    items_per_call : int
        Items asked for in one call at most.
    """

    def __init__(
        self,
        endpoint: str,
        timeout_s: float,
        on_lost: Callable[[str], None],
        items_per_call: int = ITEMS,
        **where: Any,
    ) -> None:
        super().__init__(endpoint, timeout_s, on_lost, **where)
        self._reads, self._items = READS, items_per_call
        self._learned = False

    # --- reading --------------------------------------------------------------------------------

    async def read(
        self, ids: Sequence[ua.NodeId], attribute: ua.AttributeIds = ua.AttributeIds.Value
    ) -> list[ua.DataValue]:
        """Read an attribute of nodes, as many in one call as the server takes."""
        ask = partial(self._read, attribute=attribute)
        if len(ids) == 1:
            return await ask(ids)
        found, self._reads = await by_parts(ask, ids, self._reads, _unread)
        return found

    async def _read(
        self, ids: Sequence[ua.NodeId], attribute: ua.AttributeIds
    ) -> list[ua.DataValue]:
        wanted = [ua.ReadValueId(NodeId=node, AttributeId=attribute) for node in ids]
        parameters = ua.ReadParameters(
            NodesToRead=wanted, TimestampsToReturn=ua.TimestampsToReturn.Both
        )
        async with answered(self._timeout_s):
            found = list(await self._client.uaclient.session.read(parameters))
        if len(found) != len(ids):
            raise GarbledError(f"the server read {len(found)} nodes of {len(ids)}")
        return found

    async def write(self, node: ua.NodeId, value: ua.Variant) -> ua.StatusCode:
        """Write one value; raises TimeoutError, OSError or UaError if no answer came."""
        wanted = ua.WriteValue(
            NodeId=node, AttributeId=ua.AttributeIds.Value, Value=ua.DataValue(value)
        )
        parameters = ua.WriteParameters(NodesToWrite=[wanted])
        async with answered(self._timeout_s):
            (answer,) = await self._client.uaclient.session.write(parameters)
        return answer

    async def namespaces(self) -> list[str]:
        """Return the namespaces of the server in the order of today."""
        (found,) = await self.read([ua.NodeId(ua.ObjectIds.Server_NamespaceArray)])
        names = found.Value.Value if found.Value is not None else None
        return [str(name) for name in names] if isinstance(names, list) else []

    async def started_at(self) -> datetime | None:
        """Return when the server says that it was started; None if it does not say."""
        try:
            (found,) = await self.read([ua.NodeId(ua.ObjectIds.Server_ServerStatus_StartTime)])
        except ua.UaStatusCodeError:
            return None
        value = found.Value.Value if found.Value is not None else None
        return value if isinstance(value, datetime) else None

    async def limit(self, node: int) -> int:
        """Return one of the server's limits; 0 if it states none."""
        try:
            (found,) = await self.read([ua.NodeId(node)])
        except ua.UaError:
            return 0
        value = found.Value.Value if found.Value is not None else None
        good = found.StatusCode is None or found.StatusCode.value < BAD
        return value if good and isinstance(value, int) and 0 < value < BAD else 0

    async def tells_each_change(self) -> bool:
        """Tell whether the server is known to report every change whatever sampling it states.

        The library's own server states its publishing interval and samples nothing.
        """
        nodes = (ua.ObjectIds.Server_ServerStatus_BuildInfo_ProductUri,
                 ua.ObjectIds.Server_ServerStatus_BuildInfo_ManufacturerName)  # fmt: skip
        texts = []
        for node in nodes:  # one by one: there are servers that take no two in one call
            with suppress(ua.UaError):
                texts += [data.Value.Value for data in await self.read([ua.NodeId(node)])
                          if data.Value is not None]  # fmt: skip
        return any("freeopcua" in str(text).casefold() for text in texts)

    async def browse(self, node: ua.NodeId) -> list[ua.ReferenceDescription]:
        """Return what stands below a node, as far as the server tells it."""
        (found,) = await self.browse_all([node])
        return found.references

    async def browse_all(self, nodes: Sequence[ua.NodeId], rounds: int = 1000) -> list[Below]:
        """Return what stands below each of some nodes; continuation is bounded by ``rounds``."""
        session = self._client.uaclient.session
        parameters = ua.BrowseParameters(NodesToBrowse=[_below(node) for node in nodes])
        try:
            async with answered(self._timeout_s):
                results = await session.browse(parameters)
        except TOO_MUCH:
            if len(nodes) == 1:
                raise
            half = len(nodes) // 2
            first = await self.browse_all(nodes[:half], rounds)
            return first + await self.browse_all(nodes[half:], rounds)
        if len(results) != len(nodes):
            raise GarbledError(f"the server browsed {len(results)} nodes of {len(nodes)}")
        told = []
        for node, result in zip(nodes, results, strict=True):
            if len(nodes) > 1 and result.StatusCode.value == NO_MORE_POINTS:
                told += await self.browse_all([node], rounds)  # one by one it has room for them
            else:
                told.append(await self._browsed(result, rounds))
        return told

    async def _browsed(self, result: ua.BrowseResult, rounds: int) -> Below:
        """Return the references of one node, those of further answers among them."""
        found: dict[Any, ua.ReferenceDescription] = {}
        for _ in range(rounds):
            known = len(found)
            found |= {(told.NodeId, told.ReferenceTypeId): told for told in result.References or ()}
            if result.StatusCode.value >= BAD and result.StatusCode.value not in NOT_THERE:
                told = f"the server does not tell all of it: {result.StatusCode.name}"
                return Below(list(found.values()), told)
            if not result.ContinuationPoint:
                return Below(list(found.values()))
            if known and len(found) == known:
                return Below(list(found.values()), "the server tells the same again and again")
            go_on = ua.BrowseNextParameters(ContinuationPoints=[result.ContinuationPoint])
            try:
                async with answered(self._timeout_s):
                    (result,) = await self._client.uaclient.session.browse_next(go_on)
            except ua.UaStatusCodeError as error:
                told = f"the server does not tell all of it: {type(error).__name__}"
                return Below(list(found.values()), told)
        return Below(list(found.values()), NO_END)

    async def history(
        self,
        ids: Sequence[ua.NodeId],
        begin: datetime,
        end: datetime,
        points: Sequence[bytes],
        page: int,
    ) -> list[tuple[list[ua.DataValue] | None, bytes | None]]:
        """Read up to ``page`` raw values of each node between two moments, both included.

        Returns
        -------
        list of (values or None, continuation point or None)
            One for each node; no values where the server refuses.
        """
        details = ua.ReadRawModifiedDetails(
            IsReadModified=False,
            StartTime=begin,
            EndTime=end,
            NumValuesPerNode=page,
            ReturnBounds=False,
        )
        wanted = []
        for node, point in zip(ids, points, strict=True):
            value = ua.HistoryReadValueId(NodeId=node)
            value.ContinuationPoint = point or None
            wanted.append(value)
        ask = partial(self._history, details)
        found, _ = await by_parts(ask, wanted, len(wanted), lambda _code: (None, None))
        return found

    async def _history(
        self, details: ua.ReadRawModifiedDetails, wanted: Sequence[ua.HistoryReadValueId]
    ) -> list[tuple[list[ua.DataValue] | None, bytes | None]]:
        parameters = ua.HistoryReadParameters(
            HistoryReadDetails=details,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ReleaseContinuationPoints=False,
            NodesToRead=list(wanted),
        )
        async with answered(self._timeout_s):
            results = await self._client.uaclient.session.history_read(parameters)
        if len(results) != len(wanted):
            raise GarbledError(f"the server read {len(results)} histories of {len(wanted)}")
        return [_history_of(result) for result in results]

    # --- subscriptions --------------------------------------------------------------------------

    async def create_subscription(
        self, parameters: ua.CreateSubscriptionParameters
    ) -> ua.CreateSubscriptionResult:
        """Make a subscription; its notifications are fetched with ``publish`` and not otherwise."""
        request = ua.CreateSubscriptionRequest(Parameters=parameters)
        answer = await self._ask(request, ua.CreateSubscriptionResponse)
        return answer.Parameters

    async def items_at_once(self) -> int:
        """Return how many items the server takes in one call, as far as is known."""
        if not self._learned:
            stated = await self.limit(
                ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall
            )
            self._items, self._learned = min(stated or self._items, self._items), True
        return self._items

    def takes(self, items: int) -> None:
        """Note how many items the server was found to take in one call."""
        self._items = items

    async def create_items(
        self, subscription: int, requests: Sequence[ua.MonitoredItemCreateRequest]
    ) -> list[ua.MonitoredItemCreateResult]:
        """Ask for monitored items in one call; one answer for each."""
        parameters = ua.CreateMonitoredItemsParameters(
            SubscriptionId=subscription,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=list(requests),
        )
        async with answered(self._timeout_s):
            found = list(await self._client.uaclient.session.create_monitored_items(parameters))
        none = refusal(ua.StatusCodes.BadUnexpectedError)
        return found[: len(requests)] + [none] * (len(requests) - len(found))

    async def delete_items(self, subscription: int, ids: Sequence[int]) -> None:
        """Give up items; a server that does not know them any more is right."""
        parameters = ua.DeleteMonitoredItemsParameters(subscription, list(ids))
        with suppress(ua.UaStatusCodeError):
            async with answered(self._timeout_s):
                await self._client.uaclient.session.delete_monitored_items(parameters)

    async def delete_subscriptions(self, ids: Sequence[int]) -> None:
        """Give up subscriptions; a server that does not know them any more is right."""
        request = ua.DeleteSubscriptionsRequest()
        request.Parameters.SubscriptionIds = list(ids)
        with suppress(ua.UaError):
            await self._ask(request, ua.DeleteSubscriptionsResponse)

    async def publish(self, acks: Sequence[tuple[int, int]]) -> Publication:
        """Ask for the next notification; waits until there is one."""
        told = [
            ua.SubscriptionAcknowledgement(SubscriptionId=subscription, SequenceNumber=number)
            for subscription, number in acks
        ]
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = told
        async with answered(None):
            data = await self._client.uaclient.session._send_request(request, timeout=0)
            return read_publication(data)

    async def republish(self, subscription: int, number: int) -> Publication:
        """Ask for a notification again; raises UaError if the server has it no more."""
        async with answered(self._timeout_s):
            found = await self._client.uaclient.session.republish(subscription, number)
        if int(found.SequenceNumber) != number or not found.NotificationData:
            raise ua.uaerrors.BadMessageNotAvailable  # an empty answer says the same
        return publication_of(found, subscription)

    async def transfer(self, ids: Sequence[int]) -> list[bool]:
        """Take subscriptions over from a session that is gone; tell which are ours now."""
        parameters = ua.TransferSubscriptionsParameters(
            SubscriptionIds=list(ids), SendInitialValues=False
        )
        async with answered(self._timeout_s):
            results = await self._client.uaclient.session.transfer_subscriptions(parameters)
        codes = [result.StatusCode.value for result in results]
        return [code < BAD or code == ALREADY_OURS for code in codes]

    async def _ask(self, request: Any, answer: Any) -> Any:
        async with answered(self._timeout_s):
            data = await self._client.uaclient.session._send_request(request)
        response = struct_from_binary(answer, data)
        response.ResponseHeader.ServiceResult.check()
        return response


def refusal(code: int) -> ua.MonitoredItemCreateResult:
    """Return the answer for an item that was refused by a fault."""
    return ua.MonitoredItemCreateResult(ua.StatusCode(code))


def _unread(code: int) -> ua.DataValue:
    return ua.DataValue(StatusCode=ua.StatusCode(code))


def _below(node: ua.NodeId) -> ua.BrowseDescription:
    return ua.BrowseDescription(
        NodeId=node,
        BrowseDirection=ua.BrowseDirection.Forward,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
        IncludeSubtypes=True,
        NodeClassMask=ua.NodeClass.Object | ua.NodeClass.Variable,
        ResultMask=ua.BrowseResultMask.All,
    )


def _history_of(result: Any) -> tuple[list[ua.DataValue] | None, bytes | None]:
    if result.StatusCode.value >= BAD:
        return None, None
    data = result.HistoryData
    if isinstance(data, ua.ExtensionObject):
        data = None
    values = getattr(data, "DataValues", None)
    return list(values or ()), result.ContinuationPoint or None
