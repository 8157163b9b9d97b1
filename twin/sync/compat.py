"""The ways of the client library, in one place: services of one connection, one by one.

What the library would do by itself - reconnect, take over subscriptions, hand on values - loses
values without a word, so only its services are used here. After a session was found again its
subscriptions are ours already and are not transferred; whatever a service answers is handed on,
item by item.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asyncua import Client, ua
from asyncua.ua.ua_binary import struct_from_binary

from twin.sync.publication import Publication, publication_of, read_publication
from twin.sync.security import Certificate, Identity, RefusedError, Security, check_certificate

_log = logging.getLogger(__name__)
CLOSE_S = 2.0
"""Longest wait for a server to say goodbye, s."""
SESSION_MS = 600_000
"""Time for which a server is asked to keep a session without a connection, ms."""
RENEW_AT = 0.75
"""Part of a channel's lifetime after which it is renewed."""
BAD = 0x80000000
ALREADY_OURS = ua.StatusCodes.BadNothingToDo
NO_MORE_POINTS = ua.StatusCodes.BadNoContinuationPoints
TOO_MUCH = (
    ua.uaerrors.BadTooManyOperations,
    ua.uaerrors.BadRequestTooLarge,
    ua.uaerrors.BadResponseTooLarge,
    ua.uaerrors.BadEncodingLimitsExceeded,
    ua.uaerrors.BadTcpMessageTooLarge,
)
"""Errors after which less is asked for in one call."""


class GarbledError(ua.UaError):  # type: ignore[misc]
    """The server's answer cannot be read: it breaks the rules of the encoding."""


@asynccontextmanager
async def _answer(wait_s: float | None) -> AsyncIterator[None]:
    """Bound the wait for an answer; one that the library cannot read is an error of the server."""
    try:
        async with asyncio.timeout(wait_s):
            yield
    except (struct.error, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
            ua.uaerrors.UaStructParsingError) as error:  # fmt: skip
        told = f"the server's answer cannot be read: {type(error).__name__}: {error}"
        raise GarbledError(told) from error


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is needed to find a session again on a new connection."""

    token: Any
    nonce: bytes | None
    policies: Any
    peer: bytes | None
    timeout_s: float


class Channel:
    """One connection to one server, from its opening to its end; never used twice.

    Parameters
    ----------
    endpoint : str
        Address, ``opc.tcp://host:port/path``.
    timeout_s : float
        Longest wait for an answer, s.
    on_lost : callable
        Called once, with the reason in words, when the connection breaks.
    """

    def __init__(self, endpoint: str, timeout_s: float, on_lost: Callable[[str], None]) -> None:
        self._client = Client(endpoint, timeout=timeout_s, auto_reconnect=False)
        self._client.session_timeout = SESSION_MS
        self._client.name = self._client.description = "linetwin"
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._on_lost = on_lost
        self._renewing: asyncio.Task[None] | None = None

    # --- connection and session -----------------------------------------------------------------

    async def connect(self) -> None:
        """Open the socket and shake hands; raises OSError, TimeoutError or UaError."""
        async with _answer(self._timeout_s):
            await self._client.connect_socket()
            await self._client.send_hello()
        self._client.uaclient.protocol.on_connection_lost = self._lost

    async def secure(self, security: Security | None, identity: Identity | None) -> None:
        """Open the secure channel; the server's certificate is looked at before anything is sent.

        Raises
        ------
        RefusedError
            If the certificate, or the lack of one, is not what was asked for, or if there is
            nothing to protect the connection with.
        """
        if security is not None:
            if identity is None:  # never less than was asked for
                raise RefusedError(
                    f"{self._endpoint} is to be protected, and no certificate of ours and no trust "
                    "list were given; give an Identity"
                )
            await self._trust(security, identity)
        await self._open_channel()
        self._renewing = asyncio.create_task(self._renew())

    async def _trust(self, security: Security, identity: Identity) -> None:
        """Find the endpoint that was asked for, and check and pin its certificate."""
        await self._open_channel()
        async with _answer(self._timeout_s):
            endpoints = await self._client.get_endpoints()
        found = security.choose(endpoints, self._endpoint)
        peer = b""
        if security.policy != "None":
            try:
                certificate = Certificate.read(found.ServerCertificate or b"")
            except ValueError as error:
                told = f"{self._endpoint} shows no certificate that can be read"
                raise RefusedError(told) from error
            identity.prepare()
            check_certificate(certificate, identity, security, self._endpoint)
            peer = certificate.data
        self._client.uaclient.protocol.on_connection_lost = None
        self._client.disconnect_socket()
        await security.apply(self._client, identity, peer)
        async with _answer(self._timeout_s):
            await self._client.connect_socket()
            await self._client.send_hello()
        self._client.uaclient.protocol.on_connection_lost = self._lost

    async def _open_channel(self) -> None:
        async with _answer(self._timeout_s):
            try:
                await self._client.open_secure_channel()
            except AssertionError as error:  # so the library takes a fault in place of an answer
                raise ua.UaError("the server refuses the secure channel") from error

    async def create_session(self) -> Ticket:
        """Make and activate a session."""
        async with _answer(2 * self._timeout_s):
            answer = await self._client.create_session()
            await self._activate()
        return self._ticket(float(answer.RevisedSessionTimeout) / 1000.0)

    async def reactivate(self, ticket: Ticket) -> Ticket:
        """Find a session again; raises UaError if the server does not have it any more."""
        client = self._client
        client.uaclient.session.restore_authentication_token(ticket.token)
        client._server_nonce = ticket.nonce
        client._policy_ids = ticket.policies
        client.security_policy.peer_certificate = ticket.peer
        try:
            async with _answer(self._timeout_s):
                await self._activate()
        except ua.UaError:
            client.uaclient.session.reset_authentication_token()
            raise
        return self._ticket(ticket.timeout_s)

    async def _activate(self) -> None:
        client = self._client
        await client.activate_session(client._username, client._password, client.user_certificate)

    def _ticket(self, timeout_s: float) -> Ticket:
        client = self._client
        return Ticket(
            client.uaclient.session.authentication_token,
            client._server_nonce,
            client._policy_ids,
            client.security_policy.peer_certificate,
            timeout_s,
        )

    async def _renew(self) -> None:
        """Renew the channel in good time, as long as it lives."""
        while True:
            await asyncio.sleep(self._client.secure_channel_timeout * RENEW_AT / 1000.0)
            try:
                async with _answer(self._timeout_s):
                    await self._client.open_secure_channel(renew=True)
            except (TimeoutError, OSError, ua.UaError) as error:
                self._on_lost(f"the channel could not be renewed: {error}")
                return

    def _lost(self, error: Exception | None) -> None:
        told = str(error) if error is not None and str(error) else "the server closed it"
        self._on_lost(f"the connection broke: {told}")

    def drop(self) -> None:
        """Let go of the connection at once; the server keeps the session for us."""
        if self._renewing is not None:
            self._renewing.cancel()
        protocol = self._client.uaclient.protocol
        if protocol is not None:
            protocol.on_connection_lost = None
            if protocol.transport is not None:
                protocol.transport.abort()  # a black hole would take the goodbye and keep it
        with suppress(OSError, ua.UaError):
            self._client.disconnect_socket()

    async def close(self) -> None:
        """End session and connection as politely as the server allows within a bounded time."""
        with suppress(TimeoutError, OSError, ua.UaError):
            async with asyncio.timeout(CLOSE_S):
                await self._client.uaclient.session.close_session(delete_subscriptions=True)
                await self._client.close_secure_channel()
        self.drop()

    # --- reading --------------------------------------------------------------------------------

    async def read(self, ids: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """Read the values of nodes in one call."""
        wanted = [ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value) for node in ids]
        parameters = ua.ReadParameters(
            NodesToRead=wanted, TimestampsToReturn=ua.TimestampsToReturn.Both
        )
        async with _answer(self._timeout_s):
            return list(await self._client.uaclient.session.read(parameters))

    async def write(self, node: ua.NodeId, value: ua.Variant) -> ua.StatusCode:
        """Write one value; raises TimeoutError, OSError or UaError if no answer came."""
        wanted = ua.WriteValue(
            NodeId=node, AttributeId=ua.AttributeIds.Value, Value=ua.DataValue(value)
        )
        parameters = ua.WriteParameters(NodesToWrite=[wanted])
        async with _answer(self._timeout_s):
            (answer,) = await self._client.uaclient.session.write(parameters)
        return answer

    async def namespaces(self) -> list[str]:
        """Return the namespaces of the server in the order of today."""
        (found,) = await self.read([ua.NodeId(ua.ObjectIds.Server_NamespaceArray)])
        names = found.Value.Value if found.Value is not None else None
        return [str(name) for name in names] if isinstance(names, list) else []

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
        """Return what stands below a node."""
        (found,) = await self.browse_all([node])
        return found

    async def browse_all(
        self, nodes: Sequence[ua.NodeId], rounds: int = 1000
    ) -> list[list[ua.ReferenceDescription]]:
        """Return what stands below each of some nodes; continuation is bounded by ``rounds``."""
        session = self._client.uaclient.session
        parameters = ua.BrowseParameters(NodesToBrowse=[_below(node) for node in nodes])
        try:
            async with _answer(self._timeout_s):
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

    async def _browsed(self, result: ua.BrowseResult, rounds: int) -> list[ua.ReferenceDescription]:
        """Return the references of one node, those of further answers among them."""
        found = list(result.References or ())
        for _ in range(rounds):
            if not result.ContinuationPoint:
                break
            go_on = ua.BrowseNextParameters(ContinuationPoints=[result.ContinuationPoint])
            async with _answer(self._timeout_s):
                (result,) = await self._client.uaclient.session.browse_next(go_on)
            found += result.References or ()
        return found

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
        wanted = []
        for node, point in zip(ids, points, strict=True):
            value = ua.HistoryReadValueId(NodeId=node)
            value.ContinuationPoint = point or None
            wanted.append(value)
        details = ua.ReadRawModifiedDetails(
            IsReadModified=False,
            StartTime=begin,
            EndTime=end,
            NumValuesPerNode=page,
            ReturnBounds=False,
        )
        parameters = ua.HistoryReadParameters(
            HistoryReadDetails=details,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ReleaseContinuationPoints=False,
            NodesToRead=wanted,
        )
        async with _answer(self._timeout_s):
            results = await self._client.uaclient.session.history_read(parameters)
        return [_history_of(result) for result in results]

    # --- subscriptions --------------------------------------------------------------------------

    async def create_subscription(
        self, parameters: ua.CreateSubscriptionParameters
    ) -> ua.CreateSubscriptionResult:
        """Make a subscription; its notifications are fetched with ``publish`` and not otherwise."""
        request = ua.CreateSubscriptionRequest(Parameters=parameters)
        answer = await self._ask(request, ua.CreateSubscriptionResponse)
        return answer.Parameters

    async def create_items(
        self, subscription: int, requests: Sequence[ua.MonitoredItemCreateRequest]
    ) -> list[ua.MonitoredItemCreateResult]:
        """Ask for monitored items in one call; one answer for each."""
        parameters = ua.CreateMonitoredItemsParameters(
            SubscriptionId=subscription,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=list(requests),
        )
        async with _answer(self._timeout_s):
            return list(await self._client.uaclient.session.create_monitored_items(parameters))

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
        async with _answer(None):
            data = await self._client.uaclient.session._send_request(request, timeout=0)
            return read_publication(data)

    async def republish(self, subscription: int, number: int) -> Publication:
        """Ask for a notification again; raises UaError if the server has it no more."""
        async with _answer(self._timeout_s):
            found = await self._client.uaclient.session.republish(subscription, number)
        if int(found.SequenceNumber) != number or not found.NotificationData:
            raise ua.uaerrors.BadMessageNotAvailable  # an empty answer says the same
        return publication_of(found, subscription)

    async def transfer(self, ids: Sequence[int]) -> list[bool]:
        """Take subscriptions over from a session that is gone; tell which are ours now."""
        parameters = ua.TransferSubscriptionsParameters(
            SubscriptionIds=list(ids), SendInitialValues=False
        )
        async with _answer(self._timeout_s):
            results = await self._client.uaclient.session.transfer_subscriptions(parameters)
        codes = [result.StatusCode.value for result in results]
        return [code < BAD or code == ALREADY_OURS for code in codes]

    async def _ask(self, request: Any, answer: Any) -> Any:
        async with _answer(self._timeout_s):
            data = await self._client.uaclient.session._send_request(request)
        response = struct_from_binary(answer, data)
        response.ResponseHeader.ServiceResult.check()
        return response


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
