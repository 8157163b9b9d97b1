"""The files of a recording: values and gaps as Parquet, and a summary.

While it runs, finished pieces of the values stand in the folder, each a whole Parquet file, and
gaps and summary are written anew beside them. Whatever ends the program leaves what was last
written, readable. At the end the pieces become one file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twin.sync.protocol import Gap, Sample
from twin.sync.samples import status_name

VALUES = "values.parquet"
GAPS = "gaps.parquet"
SUMMARY = "summary.json"
GROUP_ROWS = 100_000
"""Values that stand together in the one file."""
_EXACT = 2**53


def held(folder: Path) -> str:
    """Return what a folder holds of an earlier recording, in words; empty if it is free."""
    pieces = [folder / VALUES] if (folder / VALUES).exists() else [*folder.glob("values-*.parquet")]
    names = (VALUES, GAPS, SUMMARY)
    if not pieces and not any((folder / name).exists() for name in names):
        return ""
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        whole, until, gaps = summary["finished"], summary["ended_at"], len(summary["gaps"])
    except (OSError, ValueError, LookupError, TypeError):
        return f"holds files of a recording without a summary: {len(pieces)} with values"
    how = "a finished recording" if whole else "a recording that was broken off; it can be read"
    return f"holds {how}: {_rows(pieces):,} values and {gaps:,} gaps until {until}"


def _rows(pieces: Sequence[Path]) -> int:
    """Return how many values some files hold; one that cannot be read holds none."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    rows = 0
    for piece in pieces:
        with suppress(OSError, pa.ArrowException):
            rows += pq.read_metadata(piece).num_rows
    return rows


class Files:
    """Writes one recording into a folder.

    Parameters
    ----------
    folder : Path
        Folder to write into; made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._pa, self._pq = pa, pq
        self._pieces: list[Path] = []
        self._number = 0
        stamp = pa.timestamp("us", tz="UTC")
        text = pa.dictionary(pa.int32(), pa.string())
        self._schema = pa.schema([
            ("source", text),
            ("node", text),
            ("source_time", stamp),
            ("server_time", stamp),
            ("received_at", stamp),
            ("value", pa.float64()),
            ("text", pa.string()),
            ("status", text),
            ("status_code", pa.uint32()),
            ("epoch", pa.int32()),
            ("origin", text),
        ])  # fmt: skip
        self._gap_schema = pa.schema([
            ("source", pa.string()),
            ("node", pa.string()),
            ("start", stamp),
            ("end", stamp),
            ("resolved", pa.string()),
            ("reason", pa.string()),
            ("epoch", pa.int32()),
            ("value_before", pa.string()),
            ("value_after", pa.string()),
        ])  # fmt: skip

    def claim(self) -> None:
        """Take the folder for this recording; raises FileExistsError if another one just has."""
        (self.folder / SUMMARY).open("x").close()

    def write(self, rows: Sequence[tuple[str, Sample]]) -> None:
        """Write values as a piece of their own; raises OSError if the disk does not take it."""
        if not rows:
            return
        pa = self._pa
        samples = [sample for _, sample in rows]
        plain = [_split(sample.value) for sample in samples]
        columns = [
            [source for source, _ in rows],
            [_clean(sample.node) for sample in samples],
            [sample.source_time if sample.stamped else None for sample in samples],
            [sample.server_time for sample in samples],
            [sample.received_at for sample in samples],
            [number for number, _ in plain],
            [text for _, text in plain],
            [status_name(sample.status) for sample in samples],
            [sample.status for sample in samples],
            [sample.epoch for sample in samples],
            [sample.origin.value for sample in samples],
        ]
        arrays = [
            pa.array(column, type=field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        self._number += 1
        path = self.folder / f"values-{self._number:06d}.parquet"
        self._put(pa.Table.from_arrays(arrays, schema=self._schema), path)
        self._pieces.append(path)

    def write_gaps(self, gaps: Sequence[tuple[str, Gap]]) -> None:
        """Write all gaps so far; raises OSError if the disk does not take it."""
        rows = [
            {
                "source": source,
                "node": _clean(gap.node),
                "start": gap.begin,
                "end": gap.end,
                "resolved": gap.resolved.value,
                "reason": gap.reason,
                "epoch": gap.epoch,
                "value_before": _shown(gap.before),
                "value_after": _shown(gap.after),
            }
            for source, gap in gaps
        ]
        table = self._pa.Table.from_pylist(rows, schema=self._gap_schema)
        self._put(table, self.folder / GAPS)

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write the summary; raises OSError if the disk does not take it."""
        path = self.folder / SUMMARY
        part = path.with_suffix(".part")
        text = json.dumps(summary, ensure_ascii=False, indent=2, allow_nan=False)
        part.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        part.replace(path)

    def finish(self) -> None:
        """Make one file of the pieces; they stay as they are if the disk does not take it."""
        part = self.folder / f"{VALUES}.part"
        try:
            with self._pq.ParquetWriter(part, self._schema, compression="zstd") as writer:
                waiting: list[Any] = []
                for path in self._pieces:
                    waiting.append(self._pq.read_table(path, schema=self._schema))
                    if sum(len(table) for table in waiting) >= GROUP_ROWS:
                        writer.write_table(self._pa.concat_tables(waiting))
                        waiting.clear()
                if waiting:
                    writer.write_table(self._pa.concat_tables(waiting))
        except OSError:
            part.unlink(missing_ok=True)
            raise
        part.replace(self.folder / VALUES)
        for path in self._pieces:
            path.unlink(missing_ok=True)
        self._pieces.clear()

    def _put(self, table: Any, path: Path) -> None:
        part = path.with_name(f"{path.name}.part")
        try:
            self._pq.write_table(table, part, compression="zstd")
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise


def _split(value: Any) -> tuple[float | None, str | None]:
    """Return a value as a number where it is one, and as text where a number is not enough."""
    kind = type(value)
    if kind is float:
        return value, None
    if kind is int:
        return float(value), None if -_EXACT < value < _EXACT else str(value)
    if kind is bool:
        return float(value), "true" if value else "false"
    return None, _shown(value)


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    plain = value if isinstance(value, (int, float, bool, list, tuple, dict)) else _plain(value)
    if plain is None or isinstance(plain, str):
        return plain if plain is None else _clean(plain)
    return _clean(json.dumps(plain, ensure_ascii=False, default=_plain))


def _clean(text: str) -> str:
    """Return a text that any file takes: bytes of a server that are no UTF-8 are spelled out."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return aware.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    from asyncua import ua  # noqa: PLC0415

    plain: Any = str(value)
    if isinstance(value, ua.LocalizedText):
        plain = value.Text
    elif isinstance(value, ua.QualifiedName):
        plain = f"{value.NamespaceIndex}:{value.Name}"
    elif isinstance(value, ua.StatusCode):
        plain = str(value.name)
    elif isinstance(value, ua.XmlElement):
        plain = value.Value
    elif isinstance(value, ua.NodeId):
        plain = value.to_string()
    elif isinstance(value, ua.ExtensionObject):  # a structure that only the server can read
        plain = {"type": value.TypeId.to_string(), "body": (value.Body or b"").hex()}
    return plain
