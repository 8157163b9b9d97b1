"""``twin backup``, ``twin restore`` and ``twin audit``: what a site keeps, kept safe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.commands.about import Json
from api.commands.console import ExitCode, check_file, emit_json, fail
from api.commands.keys import Data, SettingsFile, load, note


def backup(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, e.g. site.zip.")],
    data: Data = None,
    settings: SettingsFile = None,
    json: Json = False,
) -> None:
    """Write all that a site keeps into one file, while its service runs or not."""
    from api.backup import backup as write  # noqa: PLC0415 - keeps --help quick

    check_file(out)
    found = load(data, settings)
    if not found.database_url and not (found.data_folder / "site.sqlite").exists():
        raise fail(ExitCode.USAGE, f"there is no site in {found.data_folder}; see --data")
    report = write(found, out)
    if json:
        emit_json({"file": str(out), "rows": report.rows, "files": report.files})
    else:
        rows = sum(report.rows.values())
        typer.echo(f"wrote {out}: {rows} rows and {len(report.files)} files")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File from `twin backup`.")],
    data: Data = None,
    settings: SettingsFile = None,
    json: Json = False,
) -> None:
    """Make a site from a backup, in an empty data folder and database of either kind."""
    from api.backup import restore as read  # noqa: PLC0415

    found = load(data, settings)
    report = read(file, found)
    note(found, "twin restore", "", str(file.name))
    if json:
        emit_json({"data": str(found.data_folder), "rows": report.rows, "files": report.files})
    else:
        rows = sum(report.rows.values())
        typer.echo(f"restored {rows} rows and {len(report.files)} files to {found.data_folder}")


audit = typer.Typer(help="Check the audit trail.", no_args_is_help=True)


@audit.callback()
def _audit() -> None:
    """Check the audit trail."""


@audit.command()
def verify(
    head: Annotated[
        str | None,
        typer.Option("--head", help="Head that was told earlier: nothing behind it was cut off."),
    ] = None,
    data: Data = None,
    settings: SettingsFile = None,
    json: Json = False,
) -> None:
    """Check that no entry was changed, taken out or cut off. Exit code 1: one was."""
    from api.audit import verify as check  # noqa: PLC0415
    from api.site import make_store  # noqa: PLC0415

    found = load(data, settings)
    if not found.database_url and not (found.data_folder / "site.sqlite").exists():
        raise fail(ExitCode.USAGE, f"there is no site in {found.data_folder}; see --data")
    store = make_store(found)
    store.open()
    try:
        report = check(store, head)
    finally:
        store.close()
    if json:
        emit_json({"entries": report.entries, "head": report.head, "broken": report.broken})
    elif not report.broken:
        typer.echo(f"{report.entries} entries are as they were written; head {report.head}")
    if report.broken:
        typer.echo(f"the audit trail was tampered with: {report.broken}", err=True)
        raise typer.Exit(int(ExitCode.FAILED))
