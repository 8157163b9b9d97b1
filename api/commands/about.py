"""``twin version``, ``lines``, ``schema`` and ``warmup``: what is here, and getting it ready."""

from __future__ import annotations

import platform
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from api.commands.console import check_file, emit_json, emit_table, writing

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


def version(json: Json = False) -> None:
    """Say which version this is."""
    from importlib.metadata import version as installed  # noqa: PLC0415

    document = {
        "linetwin": installed("linetwin"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    if json:
        emit_json(document)
    else:
        typer.echo(f"linetwin {document['linetwin']} (Python {document['python']})")


def lines(
    files: Annotated[
        list[str] | None, typer.Argument(help="Line files to check; none: the example lines.")
    ] = None,
    json: Json = False,
) -> None:
    """List the example lines, or check line files and say what is in them."""
    from twin.line import example_names, load_line  # noqa: PLC0415

    found = [load_line(name) for name in files or example_names()]
    described = [
        {
            "id": line.id,
            "name": line.name,
            "description": line.description,
            "stations": len(line.stations),
            "buffers": len(line.buffers),
            "products": len(line.products),
            "orders": len(line.orders),
            "hash": line.hash,
        }
        for line in found
    ]
    if json:
        emit_json(described)
        return
    emit_table(
        "Lines",
        ("id", "stations", "buffers", "products", "orders", "name"),
        [
            (
                str(item["id"]),
                *(str(item[key]) for key in ("stations", "buffers", "products", "orders")),
                str(item["name"] or item["description"]),
            )
            for item in described
        ],
    )


class Document(StrEnum):
    """What a schema is for."""

    LINE = "line"
    PROBLEM = "problem"


def schema(
    document_kind: Annotated[
        Document, typer.Argument(metavar="[line|problem]", help="A line, or a schedule's problem.")
    ] = Document.LINE,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write to this file instead of stdout.")
    ] = None,
    json: Json = False,
) -> None:
    """Give the JSON Schema of line files, or of problems for `twin schedule`, for an editor."""
    from json import dumps  # noqa: PLC0415

    check_file(out)
    document = _schema_of(document_kind)
    if out is None:
        emit_json(document)
        return
    with writing(out):
        out.write_text(dumps(document, indent=2) + "\n", encoding="utf-8")
    if json:
        emit_json({"file": str(out)})
    else:
        where = "in a line file: # yaml-language-server: $schema="
        if document_kind is Document.PROBLEM:
            where = "in your editor's settings for problem files: "
        typer.echo(f"wrote {out}; name it {where}{out}")


def _schema_of(kind: Document) -> dict[str, Any]:
    if kind is Document.LINE:
        from twin.line import line_schema  # noqa: PLC0415

        return line_schema()
    from scenarios.schedule import SchedulingProblem  # noqa: PLC0415

    return SchedulingProblem.model_json_schema()


def warmup(json: Json = False) -> None:
    """Compile the kernels of simulation and scheduling, so that no run waits for them.

    Once after an installation, and after each upgrade.
    """
    import time  # noqa: PLC0415

    from scenarios.schedule.search.engine import warm_up  # noqa: PLC0415
    from twin.engine.processes import WorkerPool  # noqa: PLC0415
    from twin.engine.runs import KERNEL  # noqa: PLC0415
    from twin.signals.wear import warm_up as warm_up_sensors  # noqa: PLC0415

    began_s = time.monotonic()
    # The compiler works on one thing at a time in each process, and the two have little in common.
    with WorkerPool(1) as pool:
        searches = pool.submit(warm_up)
        KERNEL.wait()
        warm_up_sensors()
        searches.result()
    seconds = time.monotonic() - began_s
    if json:
        emit_json({"seconds": round(seconds, 1)})
    else:
        typer.echo(f"the kernels are ready after {seconds:.1f} s")
