"""The live line: values from the plant become events, and events the state."""

from typing import TYPE_CHECKING

from twin.sync.clock import Clock, ManualClock, ScaledClock, SystemClock
from twin.sync.mapfile import default_mapping, load_mapping, mapping_schema, save_mapping
from twin.sync.mapping import Mapping, mapping_findings
from twin.sync.mirror import Mirror
from twin.sync.protocol import Connector, LinkEvent, Quality, SourceState, Value
from twin.sync.signals import Reading
from twin.sync.status import Change, ChangeKind, LinkStatus

if TYPE_CHECKING:
    from twin.sync.opcua import OpcUaConnector

__all__ = [
    "Change",
    "ChangeKind",
    "Clock",
    "Connector",
    "LinkEvent",
    "LinkStatus",
    "ManualClock",
    "Mapping",
    "Mirror",
    "OpcUaConnector",
    "Quality",
    "Reading",
    "ScaledClock",
    "SourceState",
    "SystemClock",
    "Value",
    "default_mapping",
    "load_mapping",
    "mapping_findings",
    "mapping_schema",
    "save_mapping",
]


def __getattr__(name: str) -> object:
    # The OPC UA library takes half a second to load; mapping files and clocks do not need it.
    if name == "OpcUaConnector":
        from twin.sync.opcua import OpcUaConnector  # noqa: PLC0415

        return OpcUaConnector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
