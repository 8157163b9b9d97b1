"""What happened: the event log, the words it is written in, and the state it folds to."""

from twin.events.builder import EventLogBuilder, Row
from twin.events.fold import Folder, fold
from twin.events.kinds import Kind, Status
from twin.events.log import EventLog, Names, Stream
from twin.events.state import Clock, LineState, PartState, StationState

__all__ = [
    "Clock",
    "EventLog",
    "EventLogBuilder",
    "Folder",
    "Kind",
    "LineState",
    "Names",
    "PartState",
    "Row",
    "StationState",
    "Status",
    "Stream",
    "fold",
]
