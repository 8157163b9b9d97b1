"""What leaves the twin as a file: tables as CSV, Excel, Parquet or JSON; documents as YAML too."""

from __future__ import annotations

import io
import json
import math
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from api.kpis import kpi_view
from api.live import LiveLine
from api.problems import invalid
from api.schemas import RunResults, ScenarioView, ScreeningResult
from scenarios.whatif import Scenario
from twin.line import save_line

if TYPE_CHECKING:
    import pandas as pd


class FileKind(StrEnum):
    """Kinds of files."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    JSON = "json"
    YAML = "yaml"


class Subject(StrEnum):
    """What can be had of a line."""

    EVENTS = "events"
    """Everything that happened, as in the event log."""
    SIGNALS = "signals"
    """What the sensors read."""
    KPIS = "kpis"
    """Key figures of the line and its stations."""
    STATE = "state"
    """Where every station is now."""
    MODEL = "model"
    """The line itself, as a line file or workbook."""
    SCENARIOS = "scenarios"
    """All kept scenarios, as a scenario file or workbook."""


TABLE = (FileKind.CSV, FileKind.XLSX, FileKind.PARQUET, FileKind.JSON)
DOCUMENT = (FileKind.YAML, FileKind.XLSX, FileKind.JSON)
KINDS: Mapping[Subject, tuple[FileKind, ...]] = {
    subject: DOCUMENT if subject in {Subject.MODEL, Subject.SCENARIOS} else TABLE
    for subject in Subject
}
"""What each can be written as."""
MEDIA = {
    FileKind.CSV: "text/csv",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileKind.PARQUET: "application/vnd.apache.parquet",
    FileKind.JSON: "application/json",
    FileKind.YAML: "application/yaml",
}
MOST_SHEET_ROWS = 200_000
"""Rows that a workbook takes; more are better off in another kind of file."""
_INFINITE = {math.inf: "inf", -math.inf: "-inf"}
"""What no cell can hold as a number."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Text that begins so would be worked out by a spreadsheet instead of shown."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to be sent."""

    content: bytes
    """What is in it."""
    kind: FileKind
    """What it is."""


def check_kind(kind: FileKind, known: Sequence[FileKind]) -> None:
    """Refuse a kind of file that something cannot be written as."""
    if kind not in known:
        raise invalid("format", f"this cannot be had as {kind}", f"one of: {', '.join(known)}")


def line_table(live: LiveLine, subject: Subject, window_s: float) -> pd.DataFrame:
    """Return events, signals, key figures or the state of a line as a table.

    Parameters
    ----------
    live : LiveLine
        Line.
    subject : Subject
        Which of them.
    window_s : float
        Time back from now, s; the state is of now.
    """
    makers: dict[Subject, Callable[[], pd.DataFrame]] = {
        Subject.EVENTS: lambda: _events(live, window_s),
        Subject.SIGNALS: lambda: _signals(live, window_s),
        Subject.KPIS: lambda: _kpis(live, window_s),
        Subject.STATE: lambda: _state(live),
    }
    return makers[subject]()


def _events(live: LiveLine, window_s: float) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - heavy

    logs = live.feed.logs() if live.feed is not None else ()
    since_s = max((log.end_s for log in logs), default=0.0) - window_s
    frames = [log.frame() for log in logs]
    columns = ["at", "time_s", "kind", "element", "part", "detail", "value", "quality"]
    if not frames:
        return pd.DataFrame(columns=columns)
    table = pd.concat(frames, ignore_index=True)
    table = table[table["time_s"] >= since_s]
    at = [live.line.moment(time_s).isoformat() for time_s in table["time_s"].tolist()]
    # A part's number has 64 bits, of which a spreadsheet keeps 53: text keeps all of them.
    part = [str(number) if number >= 0 else None for number in table["part"].tolist()]
    named: dict[str, Any] = {"at": at, "part": part}
    return table.assign(**named)[columns]


def _signals(live: LiveLine, window_s: float) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - heavy

    now_s = live.picture().state.time_s
    found = live.feed.readings(now_s - window_s) if live.feed is not None else {}
    rows = [
        (live.line.moment(time_s).isoformat(), time_s, station, name, value)
        for station, sensors in found.items()
        for name, values in sensors.items()
        for time_s, value in values
        if time_s >= now_s - window_s
    ]
    table = pd.DataFrame(rows, columns=["at", "time_s", "station", "signal", "value"])
    return table.sort_values("time_s", kind="stable", ignore_index=True)


def _kpis(live: LiveLine, window_s: float) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - heavy

    view = kpi_view(live, window_s, 1)
    whole = {
        name: getattr(view, name)
        for name in (
            "observed_s",
            "throughput_per_h",
            "finished",
            "scrapped",
            "wip_mean",
            "flow_time_mean_s",
            "flow_time_p90_s",
        )
    }
    rows: list[dict[str, Any]] = [{"element": live.line.id} | whole]
    for station in view.stations:
        told = station.model_dump(exclude={"id", "status_share"})
        shares = {f"share_{name}": value for name, value in station.status_share.items()}
        rows.append({"element": station.id} | told | shares)
    return pd.DataFrame(rows)


def _state(live: LiveLine) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - heavy

    view = live.view()
    return pd.DataFrame(
        [
            {
                "as_of": view.provenance.as_of.isoformat(),
                "quality": str(view.provenance.quality),
                "station": station.id,
                "name": station.name,
                "status": str(station.status),
                "processed": station.processed,
                "products": ", ".join(item.product for item in station.servers if item.product),
                "failure_modes": ", ".join(station.failure_modes),
            }
            for station in view.stations
        ]
    )


def run_table(results: RunResults) -> pd.DataFrame:
    """Return the figures of a run with their intervals, a row for each scenario and figure."""
    import pandas as pd  # noqa: PLC0415 - heavy

    rows = []
    for row in results.rows:
        told: dict[str, Any] = row.model_dump(exclude={"base", "value", "difference"})
        for name in ("base", "value", "difference"):
            interval = getattr(row, name)
            for part in ("mean", "low", "high"):
                told[f"{name}_{part}"] = getattr(interval, part) if interval else None
        rows.append(told | {"level": results.level, "replications": results.replications})
    return pd.DataFrame(rows)


def screening_table(result: ScreeningResult) -> pd.DataFrame:
    """Return what a screening found, a row for each setting, the one that matters most first."""
    import pandas as pd  # noqa: PLC0415 - heavy

    shared = {
        name: getattr(result, name)
        for name in ("method", "figure", "unit", "points", "replications", "horizon_s")
    }
    return pd.DataFrame([one.model_dump() | shared for one in result.influences])


def table_file(table: pd.DataFrame, kind: FileKind) -> File:
    """Return a table as a file.

    Raises
    ------
    RefusalError
        If it is too long for a workbook.
    """
    check_kind(kind, TABLE)
    if kind is FileKind.PARQUET:
        return File(table.to_parquet(index=False), kind)
    if kind is FileKind.JSON:
        return File(table.to_json(orient="records", force_ascii=False).encode(), kind)
    shown = table.map(_plain)
    if kind is FileKind.CSV:
        # The mark at the beginning tells Excel that the text is UTF-8.
        return File(shown.to_csv(index=False).encode("utf-8-sig"), kind)
    if len(shown) > MOST_SHEET_ROWS:
        message = f"{len(shown)} rows are too many for a workbook"
        raise invalid("format", message, "csv or parquet, or a shorter window_s")
    return File(_sheet(shown), kind)


def _sheet(table: pd.DataFrame) -> bytes:
    """Return a table as a workbook, written row by row: half the work, and little is held."""
    from openpyxl import Workbook  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
    from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]  # noqa: PLC0415 - the same
    from openpyxl.styles import Font  # type: ignore[import-untyped]  # noqa: PLC0415 - the same

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    sheet.freeze_panes = "B2"
    head = [WriteOnlyCell(sheet, str(name)) for name in table.columns]
    for cell in head:
        cell.font = Font(bold=True)
    sheet.append(head)
    # What is none in a table, such as NaN, is an empty cell.
    plain = table.astype(object).where(table.notna(), None).replace(_INFINITE)
    for row in zip(*(plain[name].tolist() for name in plain.columns), strict=True):
        sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def line_file(live: LiveLine, kind: FileKind, language: Literal["en", "th"] = "en") -> File:
    """Return a line as a line file, a workbook (its words in a language) or JSON."""
    check_kind(kind, DOCUMENT)
    if kind is FileKind.JSON:
        return File(json.dumps(live.document, ensure_ascii=False, indent=1).encode(), kind)
    if kind is FileKind.YAML:
        return _written(lambda path: save_line(live.line, path), kind)
    from twin.line.workbook_writing import write_line_workbook  # noqa: PLC0415 - heavy

    return _written(lambda path: write_line_workbook(live.line, path, language), kind)


def scenario_file(
    live: LiveLine,
    kept: Sequence[ScenarioView],
    kind: FileKind,
    language: Literal["en", "th"] = "en",
) -> File:
    """Return kept scenarios as a scenario file, a workbook to fill in (in a language), or JSON."""
    check_kind(kind, DOCUMENT)
    if kind is FileKind.JSON:
        documents = [view.model_dump(mode="json") for view in kept]
        return File(json.dumps(documents, ensure_ascii=False, indent=1).encode(), kind)
    scenarios = _named(kept)
    if kind is FileKind.YAML:
        from scenarios.whatif import save_scenarios  # noqa: PLC0415 - heavy

        return _written(lambda path: save_scenarios(scenarios, path), kind)
    from scenarios.whatif.workbook import write_template  # noqa: PLC0415 - heavy

    return _written(lambda path: write_template(live.line, path, scenarios, language), kind)


def _named(kept: Sequence[ScenarioView]) -> list[Scenario]:
    """Return kept scenarios under names as files have them; the name for people describes them."""
    found: dict[str, Scenario] = {}
    for view in kept:
        plain = re.sub(r"[^\w-]+", "_", view.name).strip("_-")[:50] or "scenario"
        plain = plain if plain[0].isalpha() else f"s_{plain}"
        names = (plain, *(f"{plain}_{number}" for number in range(2, len(kept) + 2)))
        name = next(name for name in names if name not in found)
        faults = [fault.model_dump() for fault in view.faults]
        found[name] = Scenario(
            name=name,
            description=view.description or view.name,
            changes=view.changes,
            faults=faults,
            events=view.events,
        )
    return list(found.values())


def _written(write: Callable[[Path], object], kind: FileKind) -> File:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file.{kind}"
        write(path)
        return File(path.read_bytes(), kind)
