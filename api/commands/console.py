"""How the commands talk: exit codes, durations, progress bars, tables and JSON."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.console import Console

Step = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


class ExitCode(IntEnum):
    """What the exit code of ``twin`` means."""

    OK = 0
    """Done."""
    FAILED = 1
    """Done, and the answer is no: a check failed, a plan is infeasible, a run broke off."""
    USAGE = 2
    """The command line or a file that it names cannot be used."""
    UNREACHABLE = 3
    """A plant or server is not there, or the port is taken."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""


def parse_duration(text: str | float) -> float:
    """Return a duration from the command line in seconds, e.g. ``8h30m`` or ``90``."""
    from twin.units import duration_s  # noqa: PLC0415 - keeps --help quick

    try:
        return duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def duration_option(name: str, text: str, default: str) -> Any:
    """Return an option that takes a duration; ``default`` is how its default is shown."""
    return typer.Option(
        name, parser=parse_duration, metavar="DURATION", help=text, show_default=default
    )


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """Return a moment from the command line; one without an offset is read in ``zone``."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no moment; write one such as 2026-01-05T08:00"
        raise typer.BadParameter(message) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


@contextmanager
def stopping(*, wished: bool = True) -> Iterator[None]:
    """Take Ctrl-C and a request to terminate as the wish to end.

    Whoever runs inside sees ``KeyboardInterrupt`` and tidies up. It goes no further, unless
    ``wished`` is False: what was to come to an end by itself was broken off.
    """

    def asked(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, asked)
    try:
        yield
    except KeyboardInterrupt:
        if not wished:
            raise
        if sys.stderr.isatty():
            typer.echo(err=True)  # the terminal shows ^C on the line
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def noted() -> Iterator[threading.Event]:
    """Take note of Ctrl-C or a request to terminate while what is short comes to its end.

    Who asks a second time is not kept waiting.

    Yields
    ------
    threading.Event
        Set once somebody has asked.
    """
    asked = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


class Failure(typer.Exit):
    """An exit for a reason that has been told on stderr."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(int(code))
        self.message = message


def fail(code: ExitCode, message: str) -> typer.Exit:
    """Write a message to stderr and return the exit to raise."""
    typer.echo(message, err=True)
    return Failure(code, message)


def check_file(path: Path | None) -> None:
    """Refuse now what cannot become a file, before hours of work that could not be kept."""
    if path is None:
        return
    if path.is_dir():
        raise fail(ExitCode.USAGE, f"{path} is a folder; expected the name of a file")
    if not path.parent.is_dir():
        raise fail(ExitCode.USAGE, f"there is no folder {path.parent} for {path.name}; make it")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise fail(ExitCode.USAGE, f"{path} may not be written; choose another place")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file in an error of the system, and leave no half of it behind."""
    new = not path.exists()
    try:
        yield
    except OSError as error:
        if new:
            path.unlink(missing_ok=True)
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from error


def check_folder(path: Path) -> None:
    """Refuse now what cannot become a folder, before hours of work that could not be kept."""
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise fail(ExitCode.USAGE, f"{there} is a file; expected a folder, or a new name for one")
    if not os.access(there, os.W_OK):
        raise fail(ExitCode.USAGE, f"{there} may not be written to; choose another place")


def out() -> Console:
    """Return the console for answers (stdout)."""
    from rich.console import Console  # noqa: PLC0415

    # Without a terminal there is no width to keep to, and a cut-off name is of no use.
    return Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def finite(value: Any) -> Any:
    """Return plain data for JSON: a number that is not finite becomes None."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def emit_json(document: Any) -> None:
    """Write one JSON document to stdout."""
    typer.echo(json.dumps(finite(document), ensure_ascii=False, indent=2, allow_nan=False))


def emit_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table to stdout; columns of numbers are set flush right."""
    from rich.table import Table  # noqa: PLC0415

    out().print(title, style="bold", markup=False)  # as the table's own it would wrap to its width
    table = Table(header_style="bold")
    for index, name in enumerate(columns):
        numeric = index > 0 and all(row[index][:1] in set("0123456789+-−–·") for row in rows)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=numeric)
    for row in rows:
        table.add_row(*row)
    out().print(table)


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Step]:
    """Show a progress bar with time left on stderr; nothing when quiet or not on a terminal.

    Yields
    ------
    Step
        To be called with what is done and what there is to do.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich import progress as bars  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    with bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as display:
        task = display.add_task(title, total=None)
        yield lambda done, total: display.update(task, completed=done, total=total)


def plus_minus(mean: float, half_width: float, digits: int = 2) -> str:
    """Return ``mean ± half-width``; a half-width that does not exist is left out."""
    if not math.isfinite(mean):
        return "–"
    if not math.isfinite(half_width):
        return f"{mean:,.{digits}f}"
    return f"{mean:,.{digits}f} ± {half_width:,.{digits}f}"
