"""The event log: what a line did, as columns. Simulated and real lines write the same one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import Finding, InvalidInputError
from twin.events.kinds import Kind
from twin.line import Line

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: dict[str, type] = {
    "time_s": np.float64,
    "kind": np.int16,
    "element": np.int32,
    "part": np.int64,
    "detail": np.int32,
    "value": np.float64,
    "quality": np.int8,
}
"""Columns of the log and their types. ``quality``: 0 good, 1 uncertain or inferred, 2 simulated in
place of missing data."""

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Names:
    """What the numbers in a log stand for, made from the line and sorted."""

    elements: tuple[str, ...]
    """Sources, stations, buffers, sinks and pools of vehicles, by id."""
    products: tuple[str, ...]
    """Products, by id."""
    orders: tuple[str, ...]
    """Orders, by id."""
    modes: dict[str, tuple[str, ...]]
    """Failure modes of each station and then its maintenance, each in alphabetical order."""
    crews: tuple[str, ...] = ()
    """Crews, by id."""

    @staticmethod
    def of(line: Line) -> Names:
        """Return the names of a line."""
        places = (line.sources, line.stations, line.buffers, line.sinks, line.vehicles)
        return Names(
            elements=tuple(sorted(place.id for group in places for place in group)),
            products=tuple(sorted(product.id for product in line.products)),
            orders=tuple(sorted(order.id for order in line.orders)),
            modes={
                station.id: tuple(mode.id for mode in station.modes)
                for station in sorted(line.stations, key=lambda station: station.id)
            },
            crews=tuple(sorted(crew.id for crew in line.crews)),
        )


@dataclass(frozen=True, slots=True)
class Stream:
    """Which random numbers a simulated log came from."""

    seed: int
    """Seed of the run."""
    replication: int = 0
    """Number of the replication."""
    antithetic: bool = False
    """Whether each uniform u was replaced by 1 - u."""


@dataclass(frozen=True, slots=True)
class EventLog:
    """Events of one line in order of time; rows of equal time stand in the order they took effect.

    Columns are NumPy arrays of equal length, one entry per event; see ``twin.events.kinds`` for
    what they mean.
    """

    line_id: str
    """Line that the events belong to."""
    line_hash: str
    """Hash of the line's description."""
    names: Names
    """What the numbers stand for."""
    begin_s: float
    """Moment at which the log begins, s since the line's start."""
    end_s: float
    """Moment up to which the log is complete; an event at exactly this moment is not in it."""
    observe_from_s: float
    """Moment from which KPIs are counted: the end of the warm-up, s."""
    stream: Stream | None
    """Random numbers of a simulated log; None: a real line."""
    time_s: NDArray[np.float64]
    kind: NDArray[np.int16]
    element: NDArray[np.int32]
    part: NDArray[np.int64]
    detail: NDArray[np.int32]
    value: NDArray[np.float64]
    quality: NDArray[np.int8]
    initial: dict[str, Any] | None = field(default=None, repr=False)
    """State at ``begin_s`` as a JSON document; None: an empty line."""

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.time_s)

    def until(self, time_s: float) -> EventLog:
        """Return the events before ``time_s``, as if the log had ended there."""
        stop = int(np.searchsorted(self.time_s, time_s, side="left"))
        columns = {name: getattr(self, name)[:stop] for name in COLUMNS}
        end_s = min(self.end_s, time_s)
        observe = min(self.observe_from_s, end_s)
        return replace(self, end_s=end_s, observe_from_s=observe, **columns)

    def observed_from(self, time_s: float) -> EventLog:
        """Return the same events with KPIs counted from ``time_s``."""
        return replace(self, observe_from_s=min(max(time_s, self.begin_s), self.end_s))

    def frame(self) -> pd.DataFrame:
        """Return the events as a table with names in place of numbers.

        Returns
        -------
        pandas.DataFrame
            Columns ``time_s``, ``kind`` (name), ``element`` (id or None), ``part``, ``detail``,
            ``value``, ``quality``.
        """
        import pandas as pd  # noqa: PLC0415 - heavy, and a run does not need it

        elements = np.array([*self.names.elements, None], dtype=object)
        kinds = {kind.value: kind.name.lower() for kind in Kind}
        return pd.DataFrame(
            {
                "time_s": self.time_s,
                "kind": [kinds[number] for number in self.kind.tolist()],
                "element": elements[self.element],
                "part": self.part,
                "detail": self.detail,
                "value": self.value,
                "quality": self.quality,
            }
        )

    def save(self, path: str | Path) -> None:
        """Write the log as a Parquet file with what it is about in the file's metadata."""
        import pyarrow as pa  # noqa: PLC0415 - only files need it
        import pyarrow.parquet as pq  # noqa: PLC0415

        head = {
            "format": FORMAT,
            "line_id": self.line_id,
            "line_hash": self.line_hash,
            "begin_s": self.begin_s,
            "end_s": self.end_s,
            "observe_from_s": self.observe_from_s,
            "names": {name.name: getattr(self.names, name.name) for name in fields(Names)},
            "stream": None
            if self.stream is None
            else [self.stream.seed, self.stream.replication, self.stream.antithetic],
            "initial": self.initial,
        }
        table = pa.table({name: getattr(self, name) for name in COLUMNS})
        table = table.replace_schema_metadata({"linetwin": json.dumps(head)})
        pq.write_table(table, Path(path), compression="zstd")

    @staticmethod
    def load(path: str | Path) -> EventLog:
        """Read a log that ``save`` wrote.

        Raises
        ------
        InvalidInputError
            If the file is no event log.
        """
        import pyarrow as pa  # noqa: PLC0415 - only files need it
        import pyarrow.parquet as pq  # noqa: PLC0415

        try:
            table = pq.read_table(Path(path))
            head = json.loads((table.schema.metadata or {})[b"linetwin"])
            names = head["names"]
            columns = {
                name: table.column(name).to_numpy().astype(kind) for name, kind in COLUMNS.items()
            }
            return EventLog(
                line_id=head["line_id"],
                line_hash=head["line_hash"],
                names=Names(
                    elements=tuple(names["elements"]),
                    products=tuple(names["products"]),
                    orders=tuple(names["orders"]),
                    modes={key: tuple(value) for key, value in names["modes"].items()},
                    crews=tuple(names.get("crews", ())),
                ),
                begin_s=head["begin_s"],
                end_s=head["end_s"],
                observe_from_s=head["observe_from_s"],
                stream=Stream(*head["stream"]) if head["stream"] else None,
                initial=head["initial"],
                **columns,
            )
        except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
            finding = Finding("", f"no event log: {error}", "a file written by EventLog.save")
            raise InvalidInputError(f"the file {path}", [finding]) from error
