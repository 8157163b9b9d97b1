"""``twin history``: move old days of a journal into an archive, and read both."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from api.commands.about import Json
from api.commands.console import (
    ExitCode,
    check_file,
    duration_option,
    emit_json,
    fail,
    parse_moment,
    writing,
)

history = typer.Typer(
    help="The journal of a mirror: move old days into an archive, and read both.",
    no_args_is_help=True,
)
Journal = Annotated[Path, typer.Argument(help="Journal, journal-LINE.sqlite.", show_default=False)]
Archive = Annotated[
    Path | None,
    typer.Option("--archive", help="Folder of day files; beside the journal unless named."),
]
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@history.command("compact")
def compact(
    journal: Journal,
    archive: Archive = None,
    keep_s: Annotated[
        float, duration_option("--keep", "How much stays in the journal.", "1d")
    ] = 86_400.0,
    age_s: Annotated[
        float | None, duration_option("--max-age", "Older day files are deleted.", "")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--max-size", help="Size of the archive, such as 50GB.")
    ] = None,
    json: Json = False,
) -> None:
    """Move whole days (UTC) out of the journal into Parquet files; a mirror may go on meanwhile."""
    from twin.history import SqliteStore, retain  # noqa: PLC0415
    from twin.history import compact as move  # noqa: PLC0415

    most = _bytes(size) if size is not None else None
    folder = _folder(journal, archive)
    now = datetime.now(UTC)
    store = SqliteStore(_there(journal))
    try:
        moved = move(store, folder, now - timedelta(seconds=keep_s))
    finally:
        store.close()
    oldest = (now - timedelta(seconds=age_s)).date() if age_s is not None else None
    gone = retain(folder, oldest=oldest, most_bytes=most)
    if json:
        days = [{"file": str(item.path), "rows": item.rows, "dropped": item.dropped}
                for item in moved]  # fmt: skip
        emit_json({"moved": days, "deleted": [str(path) for path in gone]})
        return
    for item in moved:
        typer.echo(f"{item.path}: {item.rows:,} values, {item.dropped:,} left the journal")
    for path in gone:
        typer.echo(f"deleted {path}")
    if not moved and not gone:
        typer.echo("nothing to do")


@history.command("export")
def export(  # noqa: PLR0913, PLR0917 - the options of a command
    journal: Journal,
    out: Annotated[Path, typer.Option("--out", "-o", help="File, .parquet or .csv.")],
    archive: Archive = None,
    since: Annotated[str | None, typer.Option("--from", help="Moment; none: all.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Moment; none: all.")] = None,
    node: Annotated[list[str] | None, typer.Option("--node", help="Node id; none: all.")] = None,
    json: Json = False,
) -> None:
    """Write what was received, from archive and journal, each value once."""
    import pyarrow.parquet as pq  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    from twin.history import SqliteStore, read_history  # noqa: PLC0415

    check_file(out)
    if out.suffix not in {".parquet", ".csv"}:
        raise fail(ExitCode.USAGE, f"{out}: expected a file that ends in .parquet or .csv")
    begin = _moment(since, datetime(1970, 1, 2, tzinfo=UTC))
    end = _moment(until, datetime(9999, 1, 1, tzinfo=UTC))
    store = SqliteStore(_there(journal))
    try:
        table = read_history(store, _folder(journal, archive), begin, end, node or ())
    finally:
        store.close()
    with writing(out):
        if out.suffix == ".parquet":
            pq.write_table(table, out, compression="zstd")
        else:
            csv.write_csv(table, out)
    if json:
        emit_json({"file": str(out), "rows": table.num_rows})
    else:
        typer.echo(f"wrote {table.num_rows:,} values to {out}")


def _there(journal: Path) -> Path:
    if not journal.is_file():
        raise fail(ExitCode.USAGE, f"there is no journal {journal}; see the data folder of serve")
    return journal


def _folder(journal: Path, archive: Path | None) -> Path:
    return archive if archive is not None else journal.with_suffix(".archive")


def _moment(text: str | None, otherwise: datetime) -> datetime:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    return parse_moment(text, ZoneInfo("UTC")) if text is not None else otherwise


def _bytes(text: str) -> int:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)b?\s*", text.casefold())
    if found is None:
        raise fail(ExitCode.USAGE, f"--max-size {text}: expected a size such as 500MB or 50GB")
    return round(float(found.group(1)) * _UNITS[found.group(2)])
