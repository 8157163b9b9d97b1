"""``twin plant``: a line that runs behind an OPC UA server, to try the twin on."""

from __future__ import annotations

import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.about import Json
from api.commands.console import emit_json, parse_duration, parse_moment
from api.commands.simulate import Line, Seed

if TYPE_CHECKING:
    from twin.emulator import Plant


def _signed(text: str | float) -> float:
    """Return a length of time that may be below zero, s."""
    if isinstance(text, str) and text.startswith("-"):
        return -parse_duration(text[1:])
    return parse_duration(text)


def plant(  # noqa: PLR0913, PLR0917 - the options of a command
    line: Line = "bottling",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port; 0: any free one.")
    ] = 4840,
    speed: Annotated[
        float, typer.Option("--speed", help="Seconds of plant time per second, up to 1000.")
    ] = 1.0,
    start: Annotated[
        str | None,
        typer.Option(
            "--start",
            metavar="MOMENT",
            help="What the plant's clock shows when it opens: a moment such as "
            "2026-01-05T08:00, or 'now' (the line is then re-dated to begin an hour ago). "
            "Default: the line's own start.",
        ),
    ] = None,
    seed: Seed = 1,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="STATION:AFTER:DURATION[:FACTOR]",
            help="A fault that will happen, e.g. filler:30s:2min; with a factor: a slowdown.",
        ),
    ] = None,
    inject: Annotated[
        str | None,
        typer.Option(
            "--inject",
            metavar="STATION:DURATION[:FACTOR]",
            help="Make a fault happen now in the plant that listens at --port, and leave.",
        ),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="No gap between the plant and the line file.")
    ] = False,
    history: Annotated[
        int,
        typer.Option("--history", min=0, help="Values of each node that HistoryRead gives back."),
    ] = 0,
    items_per_call: Annotated[
        int | None,
        typer.Option("--items-per-call", min=1, help="Most monitored items in one call."),
    ] = None,
    queue_size: Annotated[
        int | None,
        typer.Option("--queue-size", min=1, help="Most values of a node kept for a client."),
    ] = None,
    clock_offset: Annotated[
        float,
        typer.Option(
            "--clock-offset",
            parser=_signed,
            metavar="DURATION",
            help="How far its clock is ahead of ours, e.g. 5s, or -1h for behind.",
            show_default=False,
        ),
    ] = 0.0,
    security: Annotated[
        Path | None,
        typer.Option("--security", help="Folder of its certificate: encrypted connections only."),
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="Its only user.")] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="File with that user's password.")
    ] = None,
    setpoint: Annotated[
        list[str] | None,
        typer.Option(
            "--setpoint", metavar="PATH", help="A node to write, e.g. stations.filler.set_speed."
        ),
    ] = None,
    until_eof: Annotated[
        bool, typer.Option("--until-eof", hidden=True, help="Leave when the input ends.")
    ] = False,
    json: Json = False,
) -> None:
    """Run a plant until Ctrl-C: a line in scaled real time, served over OPC UA on 127.0.0.1."""
    if inject is not None:
        _inject(inject, port, json=json)
        return
    from twin.emulator import (  # noqa: PLC0415
        RealityGap,
        fault_from_text,
        rehearsal_of,
        run_plant,
    )
    from twin.line import load_line  # noqa: PLC0415

    model = load_line(line)
    moment = None
    if start == "now":
        moment = datetime.now(UTC)
        model = model.changed({"start": begun_before(moment)})
    elif start is not None:
        moment = parse_moment(start, model.zone)
    faults = [fault_from_text(text) for text in fault or ()]
    gap = RealityGap.none() if exact else RealityGap()
    rehearsal = rehearsal_of(
        history_values=history,
        items_per_call=items_per_call,
        queue_size=queue_size,
        clock_offset_s=clock_offset,
        security=security,
        user=user,
        password_file=password_file,
        setpoints=tuple(setpoint or ()),
    )

    def opened(running: Plant) -> None:
        _told(running, json=json)
        if until_eof:
            threading.Thread(target=_leave_at_eof, daemon=True).start()

    run_plant(
        model,
        port=port,
        speed=speed,
        start=moment,
        seed=seed,
        faults=faults,
        reality_gap=gap,
        rehearsal=rehearsal,
        opened=opened,
    )
    if not json:
        typer.echo("the plant is closed")


def begun_before(moment: datetime) -> str:
    """Return the start of a line that has run for an hour at ``moment``, to the minute."""
    from datetime import timedelta  # noqa: PLC0415

    return (moment - timedelta(hours=1)).replace(second=0, microsecond=0).isoformat()


def _leave_at_eof() -> None:
    """Wait for the end of the input, which comes when whoever started us is gone."""
    while sys.stdin.buffer.read(1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _told(running: Plant, *, json: bool) -> None:
    gaps = running.reality_gap.factors(running.line)
    if json:
        emit_json(
            {
                "endpoint": running.endpoint,
                "line": running.line.id,
                "speed": running.speed,
                "clock": running.moment(running.begin_s).isoformat(),
                "reality_gap": {gap.station: gap._asdict() for gap in gaps},
            }
        )
        return
    typer.echo(f"{running.line.id} runs at {running.endpoint}, {running.speed:g} x real time")
    typer.echo("its true parameters, over those of the line file:")
    typer.echo(running.reality_gap.report(running.line))
    typer.echo("stop it with Ctrl-C")


def _inject(text: str, port: int, *, json: bool) -> None:
    import asyncio  # noqa: PLC0415

    from twin.emulator import fault_from_text, inject_fault  # noqa: PLC0415

    station, _, rest = text.partition(":")
    fault = fault_from_text(f"{station}:0:{rest}")
    endpoint = f"opc.tcp://127.0.0.1:{port}"
    message = asyncio.run(
        inject_fault(endpoint, fault.station, fault.kind, fault.duration_s, fault.factor)
    )
    if json:
        emit_json({"endpoint": endpoint, "message": message})
    else:
        typer.echo(message)
