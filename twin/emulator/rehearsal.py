"""What a plant's server offers and refuses, so that a site can rehearse what its own will do."""

from __future__ import annotations

import asyncio
import gc
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.history import HistoryDict
from asyncua.server.internal_server import InternalServer
from pydantic import Field, ValidationError, model_validator

from twin.errors import OptionsError
from twin.line.spec import Spec, worded
from twin.sync.security import IDENTITY_FOLDER, Identity, Security

PLANT_URI = "urn:linetwin:emulated-plant"
"""Application that the plant's certificate names."""
HOSTS = ("localhost", "127.0.0.1")
"""Where the plant listens, as its certificate says."""
CLOCK_S = 0.5
"""Time between two values of the server's own clock, s."""
MAX_OFFSET_S = 30 * 86400.0
_POLICIES = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]


class Rehearsal(Spec):
    """How the server of a plant differs from one without limits, history or protection."""

    history_values: int = Field(default=0, ge=0, le=1_000_000)
    """Values of each node that can be read afterwards (HistoryRead); 0: no history."""
    items_per_call: int | None = Field(default=None, ge=1)
    """Most monitored items that one call may ask for; none: any number."""
    queue_size: int | None = Field(default=None, ge=1)
    """Most values of one node that the server keeps for a client; none: 10,000."""
    clock_offset_s: float = Field(default=0.0, ge=-MAX_OFFSET_S, le=MAX_OFFSET_S)
    """How far the plant's clock is ahead of ours, s; below zero: behind."""
    security: Path | None = None
    """Folder of the plant's certificate, made on first use; none: an open connection. With it only
    encrypted connections are taken, of any client."""
    user: str | None = Field(default=None, min_length=1)
    """Name of the only user; none: anybody."""
    password_file: Path | None = None
    """File whose first line is that user's password."""
    setpoints: tuple[str, ...] = ()
    """Nodes of type Double that clients may write, such as ``stations.filler.set_speed``; the plant
    keeps what was written and does nothing with it."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together; give both")
        if self.user is not None and self.security is None:
            raise ValueError(
                "a password would go over an open connection; give a folder for security as well"
            )
        return self

    @property
    def clock_offset(self) -> timedelta:
        """How far the plant's clock is ahead of ours."""
        return timedelta(seconds=self.clock_offset_s)

    def server(self) -> Server:
        """Return a server that is not open yet."""
        return Server(iserver=_Clocked(self.clock_offset))

    async def protect(self, server: Server) -> None:
        """Let a server take protected connections only, and known users."""
        if self.security is None:
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            server.set_identity_tokens([ua.AnonymousIdentityToken])
            return
        identity = Identity(self.security / IDENTITY_FOLDER, uri=PLANT_URI, hosts=HOSTS)
        identity.prepare()
        await server.set_application_uri(PLANT_URI)
        await server.load_certificate(identity.certificate_file)
        await server.load_private_key(identity.key_file)
        server.set_security_policy(_POLICIES)
        if self.user is None:
            server.set_identity_tokens([ua.AnonymousIdentityToken])
            return
        server.set_identity_tokens([ua.UserNameIdentityToken])
        password = Security(user=self.user, password_file=self.password_file).password() or ""
        server.iserver.set_user_manager(_OneUser(self.user, password))

    async def limit(self, server: Server) -> None:
        """Let a server take no more in one call, and keep no longer queues, than it says."""
        if self.queue_size is not None:
            server.iserver.max_monitored_item_queue_size = self.queue_size
        if self.items_per_call is None:
            return
        most = self.items_per_call
        stated = server.get_node(
            ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall
        )
        await stated.write_value(ua.Variant(most, ua.VariantType.UInt32))
        service = server.iserver.subscription_service
        create = service.create_monitored_items

        async def limited(wanted: ua.CreateMonitoredItemsParameters) -> Any:
            if len(wanted.ItemsToCreate) > most:
                raise ua.uaerrors.BadTooManyOperations
            return await create(wanted)

        service.create_monitored_items = limited


async def furnished(server: Server) -> None:
    """Give a server its standard nodes, tens of thousands of objects that all stay.

    The collector of garbage would look at them again and again and find none: half of the time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        await server.init()
    finally:
        if collecting:
            gc.enable()


def rehearsal_of(**values: object) -> Rehearsal:
    """Return a rehearsal, or raise OptionsError with every finding."""
    try:
        return Rehearsal.model_validate(values)
    except ValidationError as error:
        findings = [worded(item) for item in error.errors()]
        raise OptionsError("the plant's options", findings) from error


class _Clocked(InternalServer):  # type: ignore[misc]
    """A server whose own clock is ahead of ours, or behind."""

    def __init__(self, offset: timedelta) -> None:
        super().__init__()
        self._offset = offset

    async def _set_current_time_loop(self) -> None:
        while not self._time_task_stop:
            now = datetime.now(UTC) + self._offset
            await self.current_time_node.write_value(now)
            await asyncio.sleep(CLOCK_S)


class _OneUser:
    """Knows one user by name and password."""

    def __init__(self, name: str, password: str) -> None:
        self._known = (name.encode(), password.encode())

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | bytes | None = None,
        certificate: Any = None,
    ) -> User | None:  # fmt: skip
        """Return the user if name and password are right; the server calls this."""
        del iserver, certificate
        given = password.encode() if isinstance(password, str) else password or b""
        right = [
            hmac.compare_digest((username or "").encode(), self._known[0]),
            hmac.compare_digest(given, self._known[1]),
        ]
        return User(role=UserRole.User, name=username) if all(right) else None


class Past(HistoryDict):  # type: ignore[misc]
    """What the nodes of a plant showed, for HistoryRead.

    Parameters
    ----------
    values : int
        Values kept of each node.
    """

    def __init__(self, values: int) -> None:
        super().__init__()
        self._values = values

    async def serve(self, server: Server, nodes: Iterable[ua.NodeId]) -> None:
        """Offer the history of some nodes to clients."""
        server.iserver.history_manager.set_storage(self)
        bit = ua.AccessLevel.HistoryRead
        for node_id in nodes:
            node = server.get_node(node_id)
            await node.write_attribute(ua.AttributeIds.Historizing, ua.DataValue(True))
            await node.set_attr_bit(ua.AttributeIds.AccessLevel, bit)
            await node.set_attr_bit(ua.AttributeIds.UserAccessLevel, bit)
            await self.new_historized_node(node_id, None, self._values)

    async def stop(self) -> None:
        """Forget nothing: there is nothing to close."""
