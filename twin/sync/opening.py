"""One connection of the client library, from the socket to the session, and to its end.

What the library would do by itself - reconnect, take over subscriptions, hand on values - loses
values without a word, so it is told not to; services on the connection are in ``compat``.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from asyncua import Client, ua

from twin.sync.security import Certificate, Identity, RefusedError, Security, check_certificate

CLOSE_S = 2.0
"""Longest wait for a server to say goodbye, s."""
SESSION_MS = 600_000
"""Time for which a server is asked to keep a session without a connection, ms."""
RENEW_AT = 0.75
"""Part of a channel's lifetime after which it is renewed."""
LEAST_LIFETIME_MS = 1000
"""Lifetime of a channel below which a server cannot mean what it says, ms."""

REFUSALS = (
    ua.uaerrors.BadCertificateInvalid,
    ua.uaerrors.BadCertificateUntrusted,
    ua.uaerrors.BadCertificateTimeInvalid,
    ua.uaerrors.BadCertificateHostNameInvalid,
    ua.uaerrors.BadCertificateUriInvalid,
    ua.uaerrors.BadCertificateUseNotAllowed,
    ua.uaerrors.BadCertificateRevoked,
    ua.uaerrors.BadIdentityTokenInvalid,
    ua.uaerrors.BadIdentityTokenRejected,
    ua.uaerrors.BadSecurityChecksFailed,
    ua.uaerrors.BadSecurityModeRejected,
    ua.uaerrors.BadSecurityPolicyRejected,
    ua.uaerrors.BadUserAccessDenied,
    ua.uaerrors.BadUserSignatureInvalid,
)
"""Errors that trying again does not mend."""


class GarbledError(ua.UaError):  # type: ignore[misc]
    """The server's answer cannot be read: it breaks the rules of the encoding."""


@asynccontextmanager
async def answered(wait_s: float | None) -> AsyncIterator[None]:
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


class Opening:
    """One connection to one server, from its opening to its end; never used twice.

    Parameters
    ----------
    endpoint : str
        Address, ``opc.tcp://host:port/path``.
    timeout_s : float
        Longest wait for an answer, s.
    on_lost : callable
        Called once, with the reason in words, when the connection breaks.
    address : str or None
        Which address of the host to connect to; None: any.
    hello_s : float or None
        Longest wait for a server to greet us, s; None: as for any answer.
    """

    def __init__(
        self,
        endpoint: str,
        timeout_s: float,
        on_lost: Callable[[str], None],
        *,
        address: str | None = None,
        hello_s: float | None = None,
    ) -> None:
        self._client = Client(endpoint, timeout=timeout_s, auto_reconnect=False)
        self._client.session_timeout = SESSION_MS
        self._asked_ms = self._client.secure_channel_timeout
        self._client.name = self._client.description = "linetwin"
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self.address = address or self._client.server_url.hostname or ""
        """Where the socket leads to."""
        self._hello_s = hello_s or timeout_s
        self._on_lost = on_lost
        self._renewing: asyncio.Task[None] | None = None

    # --- connection and session -----------------------------------------------------------------

    async def connect(self) -> None:
        """Open the socket and shake hands; raises OSError, TimeoutError or UaError."""
        library = self._client.uaclient
        library._timeout = self._hello_s
        async with answered(self._hello_s):
            await library.connect_socket(self.address, self._client.server_url.port)
            await self._client.send_hello()
        library.protocol.timeout = self._timeout_s
        library.protocol.on_connection_lost = self._lost

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
        async with answered(self._timeout_s):
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
        await self.connect()

    async def _open_channel(self) -> None:
        async with answered(self._timeout_s):
            try:
                await self._client.open_secure_channel()
            except AssertionError as error:  # so the library takes a fault in place of an answer
                raise ua.UaError("the server refuses the secure channel") from error

    async def create_session(self) -> Ticket:
        """Make and activate a session."""
        async with answered(2 * self._timeout_s):
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
            async with answered(self._timeout_s):
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
        asked_ms = self._asked_ms
        while True:
            granted_ms = self._client.secure_channel_timeout
            lifetime_ms = granted_ms if granted_ms >= LEAST_LIFETIME_MS else asked_ms
            await asyncio.sleep(lifetime_ms * RENEW_AT / 1000.0)
            try:
                async with answered(self._timeout_s):
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
