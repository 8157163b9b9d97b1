"""``twin site``: one site for each tenant, each on its own: folder, keys, port, processes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.commands.about import Json
from api.commands.console import emit_json, emit_table
from api.commands.serve import serve

site = typer.Typer(help="Make, start and list sites: one for each tenant.", no_args_is_help=True)

Root = Annotated[
    Path | None,
    typer.Option(
        "--root", envvar="LINETWIN_SITES", help="Folder with the sites; default: the user's data."
    ),
]
Name = Annotated[str, typer.Argument(help="Name of the site.")]


@site.command()
def create(  # noqa: PLR0913, PLR0917 - the options of a command
    name: Name,
    line: Annotated[
        list[str], typer.Option("--line", help="Line file, which is copied, or example line.")
    ],
    plant: Annotated[
        list[str] | None,
        typer.Option("--plant", metavar="[LINE=]ENDPOINT|MAPPING", help="Plant to mirror."),
    ] = None,
    host_name: Annotated[
        list[str] | None,
        typer.Option("--host-name", help="Name under which a reverse proxy asks for it."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", help="PostgreSQL URL of its own; default: an SQLite file."),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Default: the next free one.")
    ] = None,
    root: Root = None,
    json: Json = False,
) -> None:
    """Make a site: its folder, settings and first key, which may do everything."""
    from api.keys import Scope, create_key  # noqa: PLC0415 - keeps --help quick
    from api.settings import Settings  # noqa: PLC0415
    from api.sites import create_site, sites_folder  # noqa: PLC0415
    from twin.line import load_line  # noqa: PLC0415

    for item in line:
        load_line(item)  # a wrong line is told now, not when the site starts
    made = create_site(
        sites_folder(root),
        name,
        line,
        plant or (),
        allowed_hosts=[*host_name, "127.0.0.1", "localhost"] if host_name else None,
        database_url=database,
        port=port,
    )
    found = Settings.load(made.settings, environment={})
    key = create_key(found.keys_path, f"{name} admin", Scope.ADMIN)
    if json:
        emit_json({"site": name, "folder": str(made.folder), "port": found.port, "key": key})
        return
    typer.echo(f"the site {name} is in {made.folder}; it will listen on {found.host}:{found.port}")
    typer.echo(f"API key (shown this once): {key}")
    typer.echo(f"start it: twin site start {name}")


@site.command()
def start(name: Name, root: Root = None, json: Json = False) -> None:
    """Serve one site until Ctrl-C or a signal; systemd and compose start each on its own."""
    from api.sites import find_site, sites_folder  # noqa: PLC0415

    found = find_site(sites_folder(root), name)
    served = found.serves()
    serve(list(served.lines), list(served.plants), settings=found.settings, json=json)


@site.command("list")
def list_(root: Root = None, json: Json = False) -> None:
    """List the sites and whether each answers."""
    from api.sites import list_sites, sites_folder  # noqa: PLC0415

    rows = [
        {
            "site": found.name,
            "port": found.port(),
            "state": _state(found.port()),
            "folder": str(found.folder),
        }
        for found in list_sites(sites_folder(root))
    ]
    if json:
        emit_json(rows)
        return
    emit_table(
        "Sites",
        ("site", "port", "state", "folder"),
        [tuple(str(value) for value in row.values()) for row in rows],
    )


def _state(port: int | None) -> str:
    """Tell whether a service answers on a port of this machine."""
    import httpx  # noqa: PLC0415

    if port is None:
        return "no port"
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2.0, trust_env=False)
    except httpx.HTTPError:
        return "stopped"
    return "ready" if answer.is_success else "starting"
