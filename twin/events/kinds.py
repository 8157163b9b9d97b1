"""The words of the event log, and how station states map to the standards.

Simulated and real lines speak these events. One row is (time, kind, element, part, detail, value,
quality); the table ``MEANING`` says what ``element``, ``detail`` and ``value`` stand for in each
kind.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Kind(IntEnum):
    """What happened. Numbers are written to disk: never reuse one."""

    ORDER_RELEASED = 1
    PART_CREATED = 2
    BUFFER_ENTERED = 3
    STATION_ENTERED = 4
    SETUP_STARTED = 5
    SETUP_ENDED = 6
    PROCESSING_STARTED = 7
    PROCESSING_ENDED = 8
    REWORK_SENT = 9
    PART_SCRAPPED = 10
    PART_FINISHED = 11
    FAILED = 12
    REPAIR_STARTED = 13
    REPAIRED = 14
    SHIFT_ENDED = 15
    SHIFT_STARTED = 16
    LINK_LOST = 17
    LINK_RESTORED = 18
    GAP = 19
    PART_IDENTIFIED = 20
    PART_MADE = 30
    PART_REPLACED = 31
    PART_CONSUMED = 32
    SERVER_CLEARED = 33
    WAIT_EXCEEDED = 34
    LOADING_STARTED = 41
    LOADING_ENDED = 42
    UNLOADING_STARTED = 43
    UNLOADING_ENDED = 44
    WORK_ABORTED = 45
    WORK_PAUSED = 46
    WORK_RESUMED = 47
    CREW_TAKEN = 48
    CREW_RELEASED = 49
    CREW_CAME = 50
    CREW_LEFT = 51
    REPAIR_PAUSED = 52
    MAINTENANCE_DUE = 53
    MAINTENANCE_READY = 54
    MAINTENANCE_STARTED = 55
    MAINTENANCE_ENDED = 56
    VEHICLE_ASKED = 57
    VEHICLE_SENT = 58
    PICKUP_STARTED = 59
    PART_LOADED = 60
    DROP_STARTED = 61
    VEHICLE_FREE = 62
    WEAR_RISEN = 63
    WEAR_LOWERED = 64
    CREW_COUNTED = 65


MEANING: dict[Kind, tuple[str, str, str]] = {
    Kind.ORDER_RELEASED: ("-", "index of the order", "-"),
    Kind.PART_CREATED: ("source", "index of the product", "index of the order, or -1"),
    Kind.BUFFER_ENTERED: ("buffer", "-", "-"),
    Kind.STATION_ENTERED: ("station", "index of the operation in the routing", "server, from 0"),
    Kind.SETUP_STARTED: ("station", "index of the product set up for", "setup time drawn, s"),
    Kind.SETUP_ENDED: ("station", "index of the product set up for", "-"),
    Kind.PROCESSING_STARTED: ("station", "index of the operation", "processing time drawn, s"),
    Kind.PROCESSING_ENDED: (
        "station",
        "index of the operation",
        "1 if the part is yet to be unloaded",
    ),
    Kind.REWORK_SENT: ("station", "index of the operation it goes back to", "-"),
    Kind.PART_SCRAPPED: (
        "station",
        "index of the operation",
        "index of the failure mode that did it, if one did",
    ),
    Kind.PART_FINISHED: ("sink", "-", "-"),
    Kind.FAILED: (
        "station",
        "index of the failure mode, or -1: an outage",
        "its length if known, s",
    ),
    Kind.REPAIR_STARTED: ("station", "index of the failure mode", "repair time drawn, s"),
    Kind.REPAIRED: ("station", "index of the failure mode, or -1", "-"),
    Kind.SHIFT_ENDED: ("station", "-", "-"),
    Kind.SHIFT_STARTED: ("station", "-", "-"),
    Kind.LINK_LOST: ("-", "-", "time of the last value, s"),
    Kind.LINK_RESTORED: ("-", "-", "-"),
    Kind.GAP: ("-", "-", "moment from which values may be missing, s"),
    Kind.PART_IDENTIFIED: ("-", "index of the product it is", "index of its order, or -1"),
    Kind.PART_MADE: ("station", "index of the product", "index of the order, or -1"),
    Kind.PART_REPLACED: ("station", "index of the operation", "-"),
    Kind.PART_CONSUMED: ("station", "index of the operation", "number of the part it goes into"),
    Kind.SERVER_CLEARED: ("station", "-", "server, from 0"),
    Kind.WAIT_EXCEEDED: ("any place", "index of the operation it goes back to", "-"),
    Kind.LOADING_STARTED: ("station", "index of the operation", "loading time drawn, s"),
    Kind.LOADING_ENDED: ("station", "index of the operation", "-"),
    Kind.UNLOADING_STARTED: ("station", "index of the operation", "unloading time drawn, s"),
    Kind.UNLOADING_ENDED: ("station", "index of the operation", "-"),
    Kind.WORK_ABORTED: ("station", "index of the operation", "index of the failure mode"),
    Kind.WORK_PAUSED: ("station", "index of the phase", "-"),
    Kind.WORK_RESUMED: ("station", "index of the phase", "-"),
    Kind.CREW_TAKEN: ("station", "index of the crew", "people"),
    Kind.CREW_RELEASED: ("station", "index of the crew", "people"),
    Kind.CREW_CAME: ("-", "index of the crew", "-"),
    Kind.CREW_LEFT: ("-", "index of the crew", "-"),
    Kind.REPAIR_PAUSED: ("station", "index of the mode", "-"),
    Kind.MAINTENANCE_DUE: ("station", "index of the mode", "-"),
    Kind.MAINTENANCE_READY: ("station", "index of the mode", "-"),
    Kind.MAINTENANCE_STARTED: ("station", "index of the mode", "time drawn, s"),
    Kind.MAINTENANCE_ENDED: ("station", "index of the mode", "-"),
    Kind.VEHICLE_ASKED: ("any place", "-", "-"),
    Kind.VEHICLE_SENT: (
        "vehicles",
        "number of the vehicle, from 0",
        "place that the part goes to; without a part: home, or -1 if that is no place",
    ),
    Kind.PICKUP_STARTED: ("vehicles", "number of the vehicle", "loading time drawn, s"),
    Kind.PART_LOADED: ("vehicles", "number of the vehicle", "-"),
    Kind.DROP_STARTED: ("vehicles", "number of the vehicle", "unloading time drawn, s"),
    Kind.VEHICLE_FREE: ("vehicles", "number of the vehicle", "place where it stands, or -1: home"),
    Kind.WEAR_RISEN: ("station", "level of wear from now on", "-"),
    Kind.WEAR_LOWERED: ("station", "level of wear from now on", "-"),
    Kind.CREW_COUNTED: ("-", "index of the crew", "how many of its people are away"),
}
"""What the columns of a row stand for. A time that was not drawn but observed is NaN.

Modes of a station are its failures and then its maintenance, each by id. The people of a repair or
of maintenance are written with -2 less the index of the mode in place of a part.
"""

OUTAGE = -1
"""Detail of FAILED and REPAIRED for an outage that no failure mode of the line explains."""


class Status(StrEnum):
    """What a server of a station is doing. Every moment of every server has exactly one."""

    PROCESSING = "processing"
    SETUP = "setup"
    BLOCKED = "blocked"
    STARVED = "starved"
    FAILED = "failed"
    OFF = "off"
    HANDLING = "handling"
    MAINTENANCE = "maintenance"
    NO_OPERATOR = "no_operator"


MACHINERY_STATE: dict[Status, str] = {
    Status.PROCESSING: "Executing",
    Status.SETUP: "NotExecuting",
    Status.BLOCKED: "NotExecuting",
    Status.STARVED: "NotExecuting",
    Status.FAILED: "OutOfService",
    Status.OFF: "NotAvailable",
    Status.HANDLING: "NotExecuting",
    Status.MAINTENANCE: "OutOfService",
    Status.NO_OPERATOR: "NotExecuting",
}
"""MachineryItemState of OPC 40001-1."""

PACKML_STATE: dict[Status, str] = {
    Status.PROCESSING: "Execute",
    Status.SETUP: "Starting",
    Status.BLOCKED: "Suspended",
    Status.STARVED: "Idle",
    Status.FAILED: "Aborted",
    Status.OFF: "Stopped",
    Status.HANDLING: "Execute",
    Status.MAINTENANCE: "Stopped",
    Status.NO_OPERATOR: "Held",
}
"""State of the PackML state machine (OPC 30050) that shows the status."""

ISO_22400_TIME: dict[Status, str] = {
    Status.PROCESSING: "APT",
    Status.SETUP: "AUST",
    Status.BLOCKED: "ADET",
    Status.STARVED: "ADET",
    Status.FAILED: "ADET",
    Status.OFF: "outside PBT",
    Status.HANDLING: "AUST",
    Status.MAINTENANCE: "outside PBT",
    Status.NO_OPERATOR: "ADET",
}
"""Time element of ISO 22400-2: actual production, unit setup and delay time; planned busy time."""
