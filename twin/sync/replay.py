"""Recorded values as a source: a CSV or Parquet file, or a recording of ``twin record``.

The values come in the order and at the pace in which they were received, times a speed. A recording
keeps its declared gaps. The whole file is held in memory, about 100 bytes a value.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twin.errors import Finding, InvalidInputError
from twin.sync.clock import ScaledClock
from twin.sync.mapping import Mapping, NodeSpec, Replay
from twin.sync.protocol import Gap, LinkEvent, Quality, Received, SourceState, Value
from twin.sync.protocol import Reading as Scalar

END_S = 1.0
"""Recorded time after the last value for which the plant is known to have stood as it was, s."""
_TRUE, _FALSE = frozenset({"true", "1", "1.0"}), frozenset({"false", "0", "0.0"})
_QUALITIES = {"good": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "bad": Quality.BAD}


@dataclass(frozen=True, slots=True)
class _Timed:
    at: datetime
    item: Value | Gap


class ReplayConnector:
    """Gives recorded values as if they came in now.

    Parameters
    ----------
    mapping : Mapping
        A mapping with ``replay``.
    base : Path
        Folder that a relative path in it starts from.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, or has none of the mapped nodes; all findings at once.
    """

    def __init__(self, mapping: Mapping, base: Path = Path()) -> None:
        assert mapping.replay is not None
        self.mapping = mapping
        self._replay = mapping.replay
        self._path = base / mapping.replay.path
        items = sorted(_items(mapping, self._path), key=lambda timed: timed.at)
        self.values = sum(isinstance(timed.item, Value) for timed in items)
        """Values to come in all."""
        self._items: deque[_Timed] = deque(items)
        self._last = items[-1].at
        self.clock = ScaledClock(items[0].at, self._replay.speed)
        """The clock of the recording, for the mirror; it starts when the connector does."""
        self._first = items[0].at
        self._newest = self._first
        self._out: deque[Received] = deque()
        self._over = False

    @property
    def source(self) -> str:
        """Name of the source."""
        return self.mapping.source

    @property
    def endpoint(self) -> str:
        """The file."""
        return str(self._path)

    async def connect(self) -> None:
        """Begin at the first value."""
        self.clock = ScaledClock(self._first, self._replay.speed)
        for state in (SourceState.SUBSCRIBING, SourceState.LIVE):
            self._out.append(LinkEvent(state, self._first, epoch=1))

    async def close(self) -> None:
        """End; what has not come yet is left aside."""
        self._items.clear()

    async def receive(self, limit: int, wait_s: float) -> Sequence[Received]:
        """Return what is due by now, oldest first."""
        if not self._out and not self._due():
            await asyncio.sleep(self._pause_s(wait_s))
        while len(self._out) < limit and self._due():
            timed = self._items.popleft()
            self._out.append(timed.item)
            if isinstance(timed.item, Value):
                self._newest = max(self._newest, timed.item.source_time)
                if not self._due() or self._items[0].at > timed.at:
                    self._out.append(self._beat(self._newest))
        if not self._items and not self._over:
            self._over = True
            self._out.append(self._beat(max(self._newest, self._last) + timedelta(seconds=END_S)))
            told = "the recording is over"
            self._out.append(LinkEvent(SourceState.DISABLED, self._last, told, epoch=1))
        return [self._out.popleft() for _ in range(min(limit, len(self._out)))]

    def _due(self) -> bool:
        return bool(self._items) and self._items[0].at <= self.clock.now()

    def _pause_s(self, wait_s: float) -> float:
        if not self._items:
            return wait_s
        left = self._items[0].at - self.clock.now()
        return min(wait_s, max(0.0, left.total_seconds() / self._replay.speed))

    def _beat(self, moment: datetime) -> Value:
        """Return the clock of the plant: every value up to a moment has been given."""
        node = self.mapping.heartbeat.node
        return Value(self.source, node, "", "time", moment, None, moment, moment, epoch=1)


def _items(mapping: Mapping, path: Path) -> list[_Timed]:
    """Read a file or folder; raises InvalidInputError."""
    replay = mapping.replay
    assert replay is not None
    title = f"the recording {path}"
    folder = path if path.is_dir() else None
    file = path / "values.parquet" if folder is not None else path
    try:
        table = _table(file, replay)
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error)
        finding = Finding("", f"{file.name} cannot be read: {reason}", "CSV, Parquet, or a folder")
        raise InvalidInputError(title, [finding]) from error
    wanted = (replay.time, replay.node, replay.value)
    absent = [name for name in wanted if name not in table.column_names]
    if absent:
        there = ", ".join(table.column_names)
        raise InvalidInputError(
            title,
            [Finding(name, "no such column", f"one of: {there}", "name it under replay")
             for name in absent],
        )  # fmt: skip
    found, findings = _values(mapping, table, replay)
    if findings:
        raise InvalidInputError(title, findings)
    if not found:
        remedy = "name nodes as the file does, with s= in front where they are plain names"
        raise InvalidInputError(title, [Finding("", "has none of the mapped nodes", remedy=remedy)])
    gaps = folder / "gaps.parquet" if folder is not None else None
    if gaps is not None and gaps.exists():
        found += _gaps(mapping, gaps)
    return found


def _table(file: Path, replay: Replay) -> Any:
    if file.suffix.casefold() == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415

        return pq.read_table(file)
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    names = (replay.time, replay.node, replay.value, "received_at", "quality", "status", "text")
    types = dict.fromkeys(names, pa.string())
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    return csv.read_csv(file, convert_options=options)


def _values(mapping: Mapping, table: Any, replay: Replay) -> tuple[list[_Timed], list[Finding]]:
    specs: dict[str, NodeSpec] = {}
    for node, spec in mapping.by_node.items():
        specs |= {node: spec, node.removeprefix("s="): spec}
    found: list[_Timed] = []
    findings: list[Finding] = []
    counts: dict[tuple[str, datetime], int] = {}
    for number, row in enumerate(_rows(table), start=1):
        if (name := str(row[replay.node])) not in specs:
            continue
        spec = specs[name]
        moment = _moment(row[replay.time] or row.get("received_at"))
        received = _moment(row.get("received_at")) or moment
        if moment is None or received is None:
            findings.append(Finding(f"row {number}", "no moment", "ISO 8601, 2026-01-05T06:00:00Z"))
            continue
        told = str(row.get("quality") or row.get("status") or "good").casefold()
        quality = next((_QUALITIES[key] for key in _QUALITIES if told.startswith(key)), Quality.BAD)
        reading = _reading(spec, row.get("text") or row[replay.value])
        sequence = counts[spec.node, moment] = counts.get((spec.node, moment), -1) + 1
        value = Value(
            source=mapping.source,
            node=spec.node,
            element=spec.element,
            property=spec.property,
            source_time=moment,
            server_time=None,
            received_at=received,
            value=reading if quality is not Quality.BAD else None,
            quality=quality if reading is not None else Quality.BAD,
            sequence=sequence,
            epoch=1,
        )
        found.append(_Timed(max(received, moment), value))
    return found, findings[:20]


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches():
        yield from batch.to_pylist()


def _moment(raw: object) -> datetime | None:
    if isinstance(raw, str):
        try:
            raw = datetime.fromisoformat(raw.strip())
        except ValueError:
            return None
    if not isinstance(raw, datetime):
        return None
    return raw.replace(tzinfo=UTC) if raw.tzinfo is None else raw.astimezone(UTC)


def _reading(spec: NodeSpec, raw: object) -> Scalar:
    """Return a value of the type that the mapping wants, None if it is none."""
    try:
        return _READERS[spec.type](str(raw).strip()) if raw is not None else None
    except ValueError:
        return None


def _truth(text: str) -> bool | None:
    small = text.casefold()
    return True if small in _TRUE else False if small in _FALSE else None


def _whole(text: str) -> int:
    return int(text) if text.lstrip("+-").isdigit() else _exact(float(text))


def _exact(number: float) -> int:
    if not number.is_integer():
        raise ValueError
    return int(number)


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _list(text: str) -> tuple[int, ...]:
    inner = text.strip("[]() ").replace(";", ",")
    return tuple(int(item) for item in inner.split(",")) if inner else ()


_READERS: dict[str, Callable[[str], Scalar]] = {
    "boolean": _truth,
    "int": _whole,
    "float": _finite,
    "string": str,
    "datetime": _moment,
    "int_list": _list,
}


def _gaps(mapping: Mapping, path: Path) -> list[_Timed]:
    """Return the open gaps of a recording that concern a mapped node, or the whole source."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    found = []
    for row in pq.read_table(path).to_pylist():
        known = not row["node"] or row["node"] in mapping.by_node
        if known and row["resolved"] == "unrecoverable" and row["start"] and row["end"]:
            gap = Gap(row["start"], row["end"], row["reason"], 1, row["node"] or "")
            found.append(_Timed(row["end"], gap))
    return found
