"""Back after a restart: the last picture that was kept, and what the journal has since.

A snapshot holds the state, the picture it stands on, and the values that waited for others of their
moment, together with the number of the last journal row it knows. Rows after it are translated as
they were the first time. Only the time away is a gap.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from pydantic import ValidationError

from twin.events import Folder, LineState, Row
from twin.events.log import Names
from twin.line import Line
from twin.sync.clock import Clock
from twin.sync.mapping import Mapping
from twin.sync.protocol import Quality, Reading, Store, Stored, Value
from twin.sync.signals import PREFIX
from twin.sync.translate import Translator

_log = logging.getLogger(__name__)
FORMAT = 1
EVERY_S = 10.0
"""Time between snapshots, s on our clock: what a restart has to translate again at most."""
NO_EPOCH = 0
"""Epoch of a snapshot after which nothing is to be replayed."""


@dataclass(frozen=True, slots=True)
class Restored:
    """Where the mirror stood when it ended."""

    translator: Translator
    folder: Folder
    initial: LineState
    """State of the snapshot."""
    rows: list[Row]
    """Events since."""
    as_of_s: float
    """Plant time up to which the state is known, s."""


class Keeper:
    """Writes snapshots to the store now and then.

    Parameters
    ----------
    store : Store or None
        Where they are kept; None: nowhere.
    source : str
        Name of the source.
    clock : Clock
        Clock for the time between snapshots.
    """

    def __init__(self, store: Store | None, source: str, clock: Clock) -> None:
        self._store = store
        self._source = source
        self._clock = clock
        self._next_s = float("-inf")

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return self._store is not None and self._clock.steady_s() >= self._next_s

    def document(self, state: LineState, watermark: datetime, epoch: int, translator: Translator,
                 mapping: Mapping, held: list[Value]) -> dict[str, Any]:  # fmt: skip
        """Return a snapshot; raises nothing, waits for nothing."""
        self._next_s = self._clock.steady_s() + EVERY_S
        return {
            "format": FORMAT,
            "line": translator.line.hash,
            "mapping": mapping.hash,
            "epoch": NO_EPOCH if translator.infers else epoch,
            "watermark": watermark.isoformat(),
            "state": state.model_dump(mode="json"),
            "image": translator.image.document(),
            "held": [_written(value) for value in held],
        }

    def save(self, document: dict[str, Any]) -> None:
        """Write a snapshot; raises JournalError if it cannot."""
        if self._store is not None:
            self._store.save_snapshot(self._source, document)

    def restored(self, line: Line, mapping: Mapping) -> Restored | None:
        """Return where the mirror stood; None if it is not known, or of another line or mapping."""
        found = self._store.last_snapshot(self._source) if self._store is not None else None
        if self._store is None or found is None:
            return None
        row, document = found
        known = (document.get("format"), document.get("line"), document.get("mapping"))
        if known != (FORMAT, line.hash, mapping.hash):
            _log.warning("the last state is of another line or mapping; it is not restored")
            return None
        try:
            state = LineState.model_validate(document["state"])
        except ValidationError as error:
            _log.warning("the last state cannot be read and is not restored: %s", error)
            return None
        return _replayed(line, mapping, state, document, self._store, row)


def _replayed(
    line: Line, mapping: Mapping, state: LineState, document: dict[str, Any], store: Store, row: int
) -> Restored:
    """Translate what came after a snapshot, moment by moment."""
    translator = Translator(line, mapping)
    translator.image.restore(document["image"])
    translator.go_on(state)
    folder = Folder(line, state, Names.of(line))
    values = [_read(item, mapping) for item in document["held"]]
    epoch, watermark = document["epoch"], datetime.fromisoformat(document["watermark"])
    for record in store.replay(row, mapping.source) if epoch != NO_EPOCH else ():
        if record.epoch != epoch:
            break  # a new subscription whose first picture was never whole
        if record.property == "time" and isinstance(record.value, datetime):
            watermark = max(watermark, record.value)
        elif record.element and not record.property.startswith(PREFIX):
            values.append(_value(record))
    # The plant's clock says how far the moments are complete; what is after it may be a part only.
    values = sorted((v for v in values if v.source_time < watermark), key=lambda v: v.source_time)
    rows: list[Row] = []
    for moment, group in groupby(values, key=lambda value: value.source_time):
        rows += translator.moment(line.seconds(moment), list(group))
    rows += translator.released_before(line.seconds(watermark))
    folder.apply_all(rows)
    return Restored(translator, folder, state, rows, line.seconds(watermark))


def _value(record: Stored) -> Value:
    return Value(
        source=record.source,
        node=record.node,
        element=record.element,
        property=record.property,
        source_time=record.source_time,
        server_time=None,
        received_at=record.received_at,
        value=record.value,
        quality=Quality(record.quality),
        sequence=record.sequence,
        epoch=record.epoch,
    )


def _written(value: Value) -> list[Any]:
    return [
        value.node,
        value.source_time.isoformat(),
        value.value,
        value.quality.value,
        value.sequence,
        value.epoch,
    ]


def _read(item: list[Any], mapping: Mapping) -> Value:
    node, time, raw, quality, sequence, epoch = item
    spec, moment = mapping.by_node[node], datetime.fromisoformat(time)
    return Value(
        source=mapping.source,
        node=node,
        element=spec.element,
        property=spec.property,
        source_time=moment,
        server_time=None,
        received_at=moment,
        value=reading(raw),
        quality=Quality(quality),
        sequence=sequence,
        epoch=epoch,
    )


def reading(raw: Any) -> Reading:
    """Return a value as it was before it was written: lists were of whole numbers."""
    return tuple(raw) if isinstance(raw, list) else raw
