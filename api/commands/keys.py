"""``twin keys``: API keys made, listed and revoked; each change stands in the audit trail."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.about import Json
from api.commands.console import ExitCode, check_folder, emit_json, emit_table, fail

if TYPE_CHECKING:
    from api.settings import Settings

keys = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)

Data = Annotated[Path | None, typer.Option("--data", help="Data folder of the site.")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="YAML file with the site's settings.")
]


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is.")],
    scope: Annotated[
        str, typer.Option("--scope", help="read, write, release or admin; each has those before.")
    ] = "write",
    data: Data = None,
    settings: SettingsFile = None,
    json: Json = False,
) -> None:
    """Make a key and show it, this once. A running service takes it at once."""
    from api.keys import Scope, create_key  # noqa: PLC0415 - keeps --help quick

    if scope not in set(Scope):
        raise fail(ExitCode.USAGE, f"--scope {scope}: expected one of {', '.join(Scope)}")
    found = load(data, settings)
    check_folder(found.data_folder)
    key = create_key(found.keys_path, name, Scope(scope))
    note(found, "twin keys create", key.split("_")[1], f"{name}: {scope}")
    if json:
        emit_json({"key": key, "id": key.split("_")[1], "scope": scope})
    else:
        typer.echo(f"API key (shown this once): {key}")


@keys.command("list")
def list_(data: Data = None, settings: SettingsFile = None, json: Json = False) -> None:
    """List the keys; the keys themselves are not kept."""
    from api.keys import read_keys  # noqa: PLC0415

    records = read_keys(load(data, settings).keys_path)
    if json:
        emit_json([record.model_dump(mode="json", exclude={"sha256"}) for record in records])
        return
    emit_table(
        "API keys",
        ("id", "scope", "made", "name"),
        [
            (record.id, record.scope, f"{record.created_at:%Y-%m-%d %H:%M}", record.name)
            for record in records
        ],
    )


@keys.command()
def revoke(
    identity: Annotated[str, typer.Argument(metavar="ID", help="Id from `twin keys list`.")],
    data: Data = None,
    settings: SettingsFile = None,
    json: Json = False,
) -> None:
    """Revoke a key; a running service refuses it at once."""
    from api.keys import revoke_key  # noqa: PLC0415

    found = load(data, settings)
    if not revoke_key(found.keys_path, identity):
        raise fail(ExitCode.USAGE, f"there is no key {identity!r}; `twin keys list` names them")
    note(found, "twin keys revoke", identity, "")
    if json:
        emit_json({"revoked": identity})
    else:
        typer.echo(f"revoked {identity}")


def load(data: Path | None, settings: Path | None) -> Settings:
    """Return the settings that a command's options name."""
    from api.settings import Settings  # noqa: PLC0415

    return Settings.load(settings, data_folder=data)


def note(settings: Settings, action: str, subject: str, detail: str) -> None:
    """Put what a command did into the site's audit trail."""
    from api.site import make_store  # noqa: PLC0415
    from api.store import AuditNote  # noqa: PLC0415

    store = make_store(settings)
    store.open()
    try:
        with store.begin(write=True) as transaction:
            who = f"command:{getpass.getuser()}"[:128]
            transaction.note(AuditNote(who, action, subject, "", detail), datetime.now(UTC))
    finally:
        store.close()
