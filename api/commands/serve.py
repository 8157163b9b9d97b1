"""``twin serve``: the service for lines of your own, with or without a plant behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.about import Json
from api.commands.console import ExitCode, check_folder, emit_json, fail, stopping

if TYPE_CHECKING:
    from api.mirrors import MirrorFeed
    from twin.line import Line as Model


def serve(  # noqa: PLR0913, PLR0917 - the options of a command
    lines: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LINE...]",
            help="Line files or names of example lines; none: those that came in over the page, "
            "or the page that sets up the first one.",
        ),
    ] = None,
    plant: Annotated[
        list[str] | None,
        typer.Option(
            "--plant",
            metavar="[LINE=]ENDPOINT|MAPPING",
            help="Plant to mirror: opc.tcp://host:port of an emulated one, or a mapping file.",
        ),
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port; 0: any free one.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder for keys, database, journal, models.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file with further settings.")
    ] = None,
    new_key: Annotated[
        str | None, typer.Option("--new-key", metavar="NAME", help="Make an API key and show it.")
    ] = None,
    json: Json = False,
) -> None:
    """Serve the API and the page until Ctrl-C."""
    from api.app import create_app  # noqa: PLC0415 - heavy
    from api.kept import kept_lines  # noqa: PLC0415
    from api.keys import create_key  # noqa: PLC0415
    from api.logs import configure  # noqa: PLC0415
    from api.server import check_port  # noqa: PLC0415
    from api.server import serve as run  # noqa: PLC0415
    from api.settings import Settings  # noqa: PLC0415
    from twin.line import load_line  # noqa: PLC0415

    found = Settings.load(settings, data_folder=data, host=host, port=port)
    configure(found)
    check_port(found)
    check_folder(found.data_folder)
    models: dict[str, Model] = {}
    for model in map(load_line, lines or ()):
        if models.setdefault(model.id, model) is not model:
            raise fail(ExitCode.USAGE, f"two lines have the id {model.id!r}; serve one of them")
    models = {line.id: line for line in kept_lines(found.data_folder)} | models
    feeds = [_feed(models, text, found.data_folder, found.stale_after_s) for text in plant or ()]
    key = create_key(found.keys_path, new_key) if new_key else ""
    app = create_app(found, list(models.values()), feeds)

    def ready(address: str) -> None:
        if json:
            emit_json({"address": address, "lines": list(models), "key": key or None})
            return
        told = ", ".join(models) or "a site without a line; open it to set one up"
        typer.echo(f"the page and the API of {told}: {address}")
        if key:
            typer.echo(f"API key (shown this once): {key}")

    with stopping():
        run(app, found, ready)
    if not json:
        typer.echo("stopped")


def _feed(models: dict[str, Model], text: str, folder: Path, stale_after_s: float) -> MirrorFeed:
    from api.mirrors import MirrorFeed  # noqa: PLC0415
    from twin.history import SqliteStore  # noqa: PLC0415
    from twin.sync import Mirror, default_mapping, load_mapping  # noqa: PLC0415
    from twin.sync.security import IDENTITY_FOLDER, Identity  # noqa: PLC0415
    from twin.sync.sources import connector_of  # noqa: PLC0415

    name, sign, where = text.partition("=")
    if not sign or "/" in name:
        if len(models) > 1:
            told = f"--plant {text}: of which line? write LINE={text}, LINE of {', '.join(models)}"
            raise fail(ExitCode.USAGE, told)
        name, where = next(iter(models)), text
    if name not in models:
        known = ", ".join(models)
        raise fail(ExitCode.USAGE, f"--plant {text}: no line {name!r} is served; known: {known}")
    line = models[name]
    if where.startswith("opc.tcp://"):
        mapping = default_mapping(line, where)
    elif Path(where).exists():
        mapping = load_mapping(where, line)
        if mapping.security is not None:
            security = mapping.security.beside(Path(where).parent)
            mapping = mapping.model_copy(update={"security": security})
    else:
        raise fail(
            ExitCode.USAGE,
            f"--plant {text}: expected opc.tcp://host:port or a mapping file that is there",
        )
    folder.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(folder / f"journal-{line.id}.sqlite")
    base = Path() if where.startswith("opc.tcp://") else Path(where).parent
    connector, clock = connector_of(mapping, base, Identity(folder / IDENTITY_FOLDER))
    mirror = Mirror(line, connector, clock, store)
    return MirrorFeed(mirror, stale_after_s, store.close)
