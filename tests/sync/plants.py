"""A line's events told as a plant would tell them: node by node, moment by moment."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from twin.emulator.tracker import Tracker
from twin.events import EventLog, LineState
from twin.events.builder import Row
from twin.line import Line
from twin.sync.protocol import Value

Moment = tuple[float, list[Value]]


def values_at(line: Line, time_s: float, changes: list[tuple[str, object]]) -> list[Value]:
    """Return changed nodes as values of one moment."""
    moment = line.start_utc + timedelta(seconds=time_s)
    values = []
    for path, value in changes:
        _, element, prop = path.split(".", 2)
        values.append(
            Value(
                source="plant",
                node=f"nsu=urn:linetwin:plant;s={path}",
                element=element,
                property=prop,
                source_time=moment,
                server_time=None,
                received_at=moment,
                value=value,  # type: ignore[arg-type]
            )
        )
    return values


def rows_of(log: EventLog) -> list[Row]:
    """Return the rows of a log."""
    columns = (log.time_s, log.kind, log.element, log.part, log.detail, log.value, log.quality)
    return [Row(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def moments_of(line: Line, log: EventLog) -> Iterator[Moment]:
    """Yield what the plant shows at the beginning, then at each moment of a log."""
    tracker = Tracker(line)
    yield 0.0, values_at(line, 0.0, tracker.changes())
    for time_s, rows in groupby(rows_of(log), key=lambda row: row.time_s):
        for row in rows:
            tracker.apply(row)
        changes = tracker.changes()
        if changes:
            yield time_s, values_at(line, time_s, changes)


def comparable(state: LineState, digits: int = 5) -> dict[str, object]:
    """Return what a plant can be seen to do, with times rounded."""

    def rounded(item: object) -> object:
        if isinstance(item, float):
            return round(item, digits)
        if isinstance(item, dict):
            return {key: rounded(value) for key, value in item.items()}
        if isinstance(item, list | tuple):
            return [rounded(value) for value in item]
        return item

    document = state.model_dump(mode="json", exclude={"stream"})
    for station in document["stations"].values():
        for outage in station["outages"]:
            del outage["until_s"]  # nobody can see how long an outage will last
    document["parts"] = {part["id"]: part for part in document["parts"]}
    return rounded(document)  # type: ignore[return-value]


def differences(first: object, second: object, path: str = "") -> list[str]:
    """Return where two documents differ, as readable lines."""
    if isinstance(first, dict) and isinstance(second, dict):
        found = []
        for key in sorted({*first, *second}, key=str):
            found += differences(first.get(key), second.get(key), f"{path}.{key}")
        return found
    return [] if first == second else [f"{path}: {first!r} is not {second!r}"]
