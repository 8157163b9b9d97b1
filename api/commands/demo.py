"""``twin demo``: a running plant, its twin and the page, in one command."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.about import Json
from api.commands.console import ExitCode, emit_json, stopping

if TYPE_CHECKING:
    from api.demo import Demo

SPEED, CHECK_SPEED = 4.0, 10.0
"""Plant seconds per second: lively to look at; quick to have seen enough."""


def demo(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the page; 0: any free one.")
    ] = 8000,
    line: Annotated[
        str, typer.Option("--line", help="A line file, or the name of an example line.")
    ] = "bottling",
    speed: Annotated[
        float | None,
        typer.Option(
            "--speed",
            min=0.1,
            max=100,
            help="Plant seconds per second.",
            show_default=f"{SPEED:g}; {CHECK_SPEED:g} with --check",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Keep the data in this folder; default: removed at the end."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Drive each part once, tell what was seen, and leave.")
    ] = False,
    json: Json = False,
) -> None:
    """Start a plant, its twin and the page on 127.0.0.1; Ctrl-C stops all of it."""
    from api.demo import Demo  # noqa: PLC0415 - heavy

    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    if not json:
        typer.echo("starting the plant and its twin ...")
    pace = speed or (CHECK_SPEED if check else SPEED)
    with stopping(wished=not check), Demo(line, port=port, speed=pace, folder=data) as found:
        if check:
            raise typer.Exit(_check(found, json=json))
        _run(found, json=json)
    if not json:
        typer.echo("the plant and its twin are stopped")


def _run(found: Demo, *, json: bool) -> None:
    from api.server import serve  # noqa: PLC0415

    def ready(address: str) -> None:
        if json:
            emit_json({"address": address, "key": found.key, "plant": found.plant.endpoint})
            return
        name = found.line.name or found.line.id
        station = found.line.flow_order[len(found.line.flow_order) // 3]
        plant_port = found.plant.endpoint.rpartition(":")[2]
        typer.echo(
            f"\n  {address}\n\n"
            f"{name} is live there; its plant runs {found.speed:g} times as fast as real time.\n"
            "Try:\n"
            "  - What-if: let a station break down for half an hour and see what it costs\n"
            "  - Schedule: plan the open orders and see which dates are safe\n"
            "  - Forecast: throughput ahead and the risk of faults, once the model has learned\n"
            f"  - make something go wrong:  twin plant --port {plant_port} "
            f"--inject {station}:10min\n"
            f"API:      {address}/docs\n"
            f"API key:  {found.key}\n"
            "Ctrl-C stops all of it."
        )

    assert found.app is not None
    serve(found.app, found.settings, ready)


def _check(found: Demo, *, json: bool) -> int:
    from api.demo.check import check  # noqa: PLC0415

    report = check(found, tell=None if json else typer.echo)
    if json:
        emit_json(report.document())
    return int(ExitCode.OK if report.passed else ExitCode.FAILED)
