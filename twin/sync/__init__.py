"""The live line: values from the plant become events, and events the state."""

from twin.sync.clock import Clock, ManualClock, ScaledClock, SystemClock
from twin.sync.mapping import (
    Mapping,
    default_mapping,
    load_mapping,
    mapping_findings,
    mapping_schema,
    save_mapping,
)
from twin.sync.mirror import Change, ChangeKind, LinkStatus, Mirror
from twin.sync.opcua import OpcUaConnector
from twin.sync.protocol import Connector, LinkEvent, Quality, SourceState, Value
from twin.sync.signals import Reading

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
