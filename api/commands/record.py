"""``twin record`` and ``twin trust``: raw signals with every gap declared, and whom to believe."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.about import Json
from api.commands.console import ExitCode, duration_option, emit_json, emit_table

if TYPE_CHECKING:
    from twin.sync.record import Recorder
    from twin.sync.security import Certificate, Identity

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder, which holds certificates and the trust list."),
]
SHOW_EVERY_S = 5.0
REASONS_SHOWN = 10
NODES_SHOWN = 3


def _ending() -> tuple[signal.Signals, ...]:
    """Return the signals that end a recording: a terminal that is closed is one, unless nohup."""
    hung_up = getattr(signal, "SIGHUP", None)
    if hung_up is None or signal.getsignal(hung_up) is signal.SIG_IGN:
        return (signal.SIGINT, signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, hung_up)


def record(
    connection: Annotated[
        Path, typer.Argument(help="Connection file: endpoint, nodes, security.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files; holds none yet.")],
    for_s: Annotated[
        float | None, duration_option("--for", "How long; without it until Ctrl-C.", "")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Record every value of some OPC UA nodes as Parquet, and declare every gap."""
    if for_s is not None and for_s <= 0:
        raise typer.BadParameter("give a time above zero, such as 60s", param_hint="--for")
    ending = _ending()
    with _noted(ending) as asked:
        from twin.sync.connection import load_connection  # noqa: PLC0415
        from twin.sync.record import record as recorded  # noqa: PLC0415

        wanted = load_connection(connection)

        def started(recorder: Recorder, stop: Callable[[], None]) -> None:
            loop = asyncio.get_running_loop()
            for number in ending:
                loop.add_signal_handler(number, stop)
            if asked:
                stop()
            if not json:
                typer.echo(f"recording into {out}; stop it with Ctrl-C", err=True)
                recorder.watch = loop.create_task(_show(recorder))  # kept, or it is collected

        summary = recorded(wanted, out, for_s, identity=identity_in(data), started=started)
    with suppress(OSError):  # of a terminal that is gone; what there is to say is in the files
        _told(summary, out, json=json)
    if summary["alarm"] or not summary["finished"]:
        raise typer.Exit(ExitCode.FAILED)
    if not summary["received"]:
        raise typer.Exit(ExitCode.UNREACHABLE)


@contextmanager
def _noted(ending: tuple[signal.Signals, ...]) -> Iterator[list[int]]:
    """Note signals that come before a recording can heed them: it ends with whole files then."""
    asked: list[int] = []
    before = {
        number: signal.signal(number, lambda given, _frame: asked.append(given))
        for number in ending
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _show(recorder: Recorder) -> None:
    with suppress(OSError):
        while True:
            await asyncio.sleep(SHOW_EVERY_S)
            now = recorder.progress()
            states = ", ".join(f"{name} {state}" for name, state in now.states.items())
            typer.echo(f"{now.received:,} values, {now.gaps} open gaps; {states}", err=True)


def _told(summary: dict[str, Any], out: Path, *, json: bool) -> None:
    if json:
        emit_json(summary)
        return
    open_gaps = [gap for gap in summary["gaps"] if gap["resolved"] == "unrecoverable"]
    typer.echo(
        f"{summary['received']:,} values of {len(summary['nodes'])} nodes in {out}; "
        f"{summary['duplicates']:,} duplicates, {summary['reconnects']} reconnects, "
        f"{len(summary['gaps'])} gaps, {len(open_gaps)} of them open"
    )
    for text in _lost(open_gaps)[:REASONS_SHOWN]:
        typer.echo(f"  {text}")
    for source in summary["sources"]:
        if source["reason"]:
            typer.echo(f"{source['source']}: {source['state']}: {source['reason']}", err=True)
        for item in source["missing"][:20]:
            typer.echo(f"  {item}", err=True)
    if summary["alarm"]:
        typer.echo(summary["alarm"], err=True)


def _lost(gaps: list[dict[str, Any]]) -> list[str]:
    """Return open gaps in words, those of one reason together, the widest reason first."""
    reasons: dict[str, list[dict[str, Any]]] = {}
    for gap in gaps:
        reasons.setdefault(gap["reason"], []).append(gap)
    found = []
    for reason, some in sorted(reasons.items(), key=lambda item: -len(item[1])):
        nodes = sorted({gap["node"] for gap in some})
        names = ", ".join(nodes[:NODES_SHOWN]) + (", ..." if len(nodes) > NODES_SHOWN else "")
        begin, end = min(gap["start"] for gap in some), max(gap["end"] for gap in some)
        found.append(f"{len(some):,} open, {begin} to {end}: {reason} ({names})")
    return found


trust = typer.Typer(
    help="Certificates of servers: which are trusted, which were seen and refused.",
    no_args_is_help=True,
)


@trust.command("list")
def trust_list(data: Data = None, json: Json = False) -> None:
    """List our own certificate, those that are trusted, and those that wait for an answer."""
    identity = identity_in(data)
    rows = [("own", identity.prepare())]
    rows += [("trusted", item) for item in identity.trusted()]
    rows += [("seen", item) for item in identity.seen()]
    if json:
        emit_json([{"kind": kind, **_document(item)} for kind, item in rows])
        return
    emit_table(
        f"certificates in {identity.folder}",
        ("kind", "fingerprint", "subject", "hosts", "valid until"),
        [
            (kind, item.fingerprint[:16], item.subject, ", ".join(item.hosts), f"{item.ends:%F}")
            for kind, item in rows
        ],
    )


@trust.command("add")
def trust_add(
    what: Annotated[
        str,
        typer.Argument(
            help="Certificate file, or the beginning of a fingerprint in the list.",
            show_default=False,
        ),
    ],
    data: Data = None,
) -> None:
    """Trust a server's certificate."""
    found = identity_in(data).trust(what)
    typer.echo(f"trusted: {found.fingerprint} ({found.subject})")


@trust.command("remove")
def trust_remove(
    what: Annotated[
        str, typer.Argument(help="Beginning of a fingerprint in the list.", show_default=False)
    ],
    data: Data = None,
) -> None:
    """Trust a server's certificate no longer."""
    found = identity_in(data).distrust(what)
    typer.echo(f"not trusted any more: {found.fingerprint} ({found.subject})")


def identity_in(data: Path | None) -> Identity:
    """Return our certificate and trust list, in a data folder or the usual one."""
    from platformdirs import user_data_path  # noqa: PLC0415

    from twin.sync.security import IDENTITY_FOLDER, Identity  # noqa: PLC0415

    folder = data if data is not None else user_data_path("linetwin", appauthor=False)
    return Identity(folder / IDENTITY_FOLDER)


def _document(item: Certificate) -> dict[str, Any]:
    return {
        "fingerprint": item.fingerprint,
        "subject": item.subject,
        "hosts": list(item.hosts),
        "valid_from": item.begins.isoformat(),
        "valid_until": item.ends.isoformat(),
    }
