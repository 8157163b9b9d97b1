"""``twin mapping``: try a mapping on its server, propose one, or begin with a template."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.about import Json
from api.commands.console import ExitCode, check_file, duration_option, emit_json, fail, writing
from api.commands.record import Data, identity_in

if TYPE_CHECKING:
    from twin.errors import Finding
    from twin.sync.mapping import Mapping
    from twin.sync.propose import Found
    from twin.sync.survey import Survey

ALIKE_SHOWN = 3
"""Findings that say the same of so many nodes are each shown."""
mapping = typer.Typer(
    help="Mappings of a plant: try one on the live server, propose one, or begin with a template.",
    no_args_is_help=True,
)
LineName = Annotated[
    str | None, typer.Option("--line", help="Line file or example line that the plant runs.")
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write to this file instead of stdout.")
]


class Kind(StrEnum):
    """Companion specifications with a template."""

    PACKML = "packml"
    MACHINERY = "machinery"
    JOBCONTROL = "jobcontrol"


@mapping.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="Mapping file.", show_default=False)],
    line: LineName = None,
    watch_s: Annotated[float, duration_option("--for", "How long values are counted.", "3s")] = 3.0,
    data: Data = None,
    json: Json = False,
) -> None:
    """Try a mapping on its live server and tell everything that is wrong; nothing is written."""
    from twin.line import load_line  # noqa: PLC0415
    from twin.line.files import located  # noqa: PLC0415
    from twin.sync.mapfile import read_mapping  # noqa: PLC0415
    from twin.sync.survey import survey  # noqa: PLC0415

    model = load_line(line) if line is not None else None
    found, rows, findings = read_mapping(file, model)
    if not found.endpoint:
        raise fail(ExitCode.USAGE, f"{file} has no endpoint; only servers can be asked")
    seen = asyncio.run(survey(found, model, identity_in(data), watch_s))
    seen.findings = [*findings, *(located(item, str(file), rows) for item in seen.findings)]
    seen.notes = [located(item, str(file), rows) for item in seen.notes]
    told(seen, file, json=json)
    if seen.findings:
        raise typer.Exit(ExitCode.FAILED)


def told(seen: Survey, file: Path, *, json: bool) -> None:
    """Show what a dry run found."""
    if json:
        emit_json(asdict(seen))
        return
    for word, items in (("wrong", seen.findings), ("look at", seen.notes)):
        for item, more in _alike(items):
            others = f" (and {more} more nodes alike; --json names each)" if more else ""
            typer.echo(f"{word}: {item}{others}", err=True)
    typer.echo(
        f"{file}: {seen.nodes} nodes, {len(seen.findings)} findings, {len(seen.notes)} notes; "
        f"{seen.seen_per_s:.1f} values/s in {seen.watched_s:g} s, at most {seen.most_per_s:,.0f}"
    )


def _alike(items: list[Finding]) -> Iterator[tuple[Finding, int]]:
    """Yield findings; of many that say the same of other nodes the first, and how many more."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for item in items:
        about = item.message.rpartition(": ")[2]
        groups.setdefault((about, item.expected), []).append(item)
    for alike in groups.values():
        if len(alike) > ALIKE_SHOWN:
            yield alike[0], len(alike) - 1
        else:
            yield from ((item, 0) for item in alike)


@mapping.command("browse")
def browse(
    endpoint: Annotated[str, typer.Argument(help="opc.tcp://host:port", show_default=False)],
    line: LineName = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Propose a mapping from what a server has; read and correct it before it is used."""
    from twin.line import load_line  # noqa: PLC0415
    from twin.sync.propose import propose, variables  # noqa: PLC0415
    from twin.sync.survey import reader  # noqa: PLC0415

    check_file(out)
    model = load_line(line) if line is not None else None

    async def asked() -> list[Found]:
        async with reader(endpoint, None, None) as channel:
            return await variables(channel)

    proposal = propose(asyncio.run(asked()), endpoint, model)
    if not json:
        for item in proposal.left:
            typer.echo(f"not recognised: {'/'.join(item.path)} ({item.node})", err=True)
    if proposal.mapping is None:
        raise fail(
            ExitCode.FAILED,
            f"nothing at {endpoint} is recognised; begin with twin mapping template",
        )
    _written(proposal.mapping, out, json=json)


@mapping.command("template")
def template(
    kind: Annotated[Kind, typer.Argument(help="Companion specification.", show_default=False)],
    line: Annotated[str, typer.Option("--line", help="Line file or example line.")] = "two_station",
    endpoint: Annotated[
        str, typer.Option("--endpoint", help="opc.tcp://host:port")
    ] = "opc.tcp://127.0.0.1:4840",
    out: Out = None,
    json: Json = False,
) -> None:
    """Give a mapping to put your own node ids into."""
    from twin.line import load_line  # noqa: PLC0415
    from twin.sync.propose import template as filled  # noqa: PLC0415

    check_file(out)
    _written(filled(kind.value, load_line(line), endpoint), out, json=json)


@mapping.command("schema")
def schema() -> None:
    """Give the JSON Schema of mapping files, for completion and checks in an editor."""
    from twin.sync.mapfile import mapping_schema  # noqa: PLC0415

    emit_json(mapping_schema())


def _written(found: Mapping, out: Path | None, *, json: bool) -> None:
    from twin.sync.mapfile import mapping_text  # noqa: PLC0415

    if json:
        emit_json(found.model_dump(mode="json", exclude_defaults=True))
        return
    text = mapping_text(found)
    if out is None:
        typer.echo(text, nl=False)
        return
    with writing(out):
        out.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {out}; try it: twin mapping check {out}")
