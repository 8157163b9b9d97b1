"""Which connector a mapping asks for."""

from __future__ import annotations

from pathlib import Path

from twin.sync.clock import Clock, SystemClock
from twin.sync.mapping import Mapping
from twin.sync.protocol import Connector
from twin.sync.security import Identity


def connector_of(
    mapping: Mapping, base: Path = Path(), identity: Identity | None = None
) -> tuple[Connector, Clock]:
    """Return the connector for a mapping, and the clock for the mirror behind it.

    Parameters
    ----------
    mapping : Mapping
        With ``endpoint``, ``replay`` or ``sparkplug``.
    base : Path
        Folder that relative paths in it start from.
    identity : Identity or None
        Our certificate and trust list, for OPC UA.

    Raises
    ------
    InvalidInputError
        If a recording cannot be read.
    """
    if mapping.replay is not None:
        from twin.sync.replay import ReplayConnector  # noqa: PLC0415 - reads the whole file

        recorded = ReplayConnector(mapping, base)
        return recorded, recorded.clock
    if mapping.sparkplug is not None:
        from twin.sync.mqtt import SparkplugConnector  # noqa: PLC0415

        return SparkplugConnector(mapping), SystemClock()
    from twin.sync.opcua import OpcUaConnector  # noqa: PLC0415 - heavy

    return OpcUaConnector(mapping, identity=identity), SystemClock()
