"""The command line: ``twin --help``.

Exit codes: 0 done; 1 done and the answer is no (a check failed, infeasible, broken off); 2 the
command line or a file cannot be used; 3 a plant or server is not there, or the port is taken; 130
stopped by Ctrl-C. A user never meets a traceback: what is expected to go wrong is told in a message
on stderr, and what is not leaves its traceback in a file whose name is told.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import typer

from api.commands.about import lines, schema, version, warmup
from api.commands.compare import compare
from api.commands.console import ExitCode, emit_json
from api.commands.demo import demo
from api.commands.design import optimise, sensitivity
from api.commands.history import history
from api.commands.keep import audit, backup, restore
from api.commands.keys import keys
from api.commands.learn import generate, train
from api.commands.mapping import mapping
from api.commands.plant import plant
from api.commands.record import record, trust
from api.commands.schedule import schedule
from api.commands.serve import serve
from api.commands.sheets import line_sheets
from api.commands.simulate import simulate
from api.commands.site import site
from api.commands.whatif import whatif

app = typer.Typer(
    name="twin",
    help="The digital twin of a production line: watch, simulate, ask what-if, schedule, forecast.",
    epilog="Exit codes: 0 done, 1 the answer is no, 2 bad usage or input, 3 not reachable or port "
    "taken, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo)
app.command("serve")(serve)
app.command("plant")(plant)
app.command("record")(record)
app.add_typer(trust, name="trust")
app.add_typer(mapping, name="mapping")
app.add_typer(history, name="history")
app.command("simulate")(simulate)
app.add_typer(whatif, name="whatif")
app.command("compare")(compare)
app.command("sensitivity")(sensitivity)
app.command("optimise")(optimise)
app.add_typer(line_sheets, name="line")
app.command("schedule")(schedule)
app.command("generate")(generate)
app.command("train")(train)
app.add_typer(site, name="site")
app.add_typer(keys, name="keys")
app.command("backup")(backup)
app.command("restore")(restore)
app.add_typer(audit, name="audit")
app.command("lines")(lines)
app.command("schema")(schema)
app.command("warmup")(warmup)
app.command("version")(version)


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        code = run(sys.argv[1:])
    finally:
        sys.excepthook = _report  # only now: running a command puts Typer's own hook there
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; see ``ExitCode``."""
    from twin.errors import TwinError  # noqa: PLC0415 - only needed now

    try:
        app(arguments, prog_name="twin")
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(bool(leaving.code))
        reason = leaving.__context__
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
        return ExitCode.INTERRUPTED
    except TwinError as error:
        typer.echo(str(error), err=True)
        code, reason = _code(error), error
    except ModuleNotFoundError as error:
        return _missing(error)
    except OSError as error:
        code, reason = _system(error), error
    else:
        return ExitCode.OK
    if code == ExitCode.USAGE and "--json" in arguments:
        emit_json(_refusal(reason))
    return code


def _refusal(reason: BaseException | None) -> dict[str, Any]:
    """Return what is wrong with a command line or a file, for those who asked for JSON."""
    from twin.errors import Finding, InvalidInputError  # noqa: PLC0415 - only needed now

    findings: tuple[Finding, ...] = ()
    message = str(getattr(reason, "message", None) or reason or "the command line cannot be used")
    if isinstance(reason, InvalidInputError):
        message, findings = reason.title, reason.findings
    elif isinstance(reason, OSError):
        message = f"{reason.filename}: {reason.strerror}"
    return {
        "status": "refused",
        "error": message,
        "findings": [asdict(finding) for finding in findings or [Finding("", message)]],
    }


def _code(error: Exception) -> int:
    """Return the exit code for an error that this product raises on purpose."""
    from twin.errors import (  # noqa: PLC0415 - only needed now
        ConnectionLostError,
        InvalidInputError,
        NotSupportedError,
        UnknownNameError,
    )

    if isinstance(error, InvalidInputError | UnknownNameError | NotSupportedError):
        return ExitCode.USAGE
    in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    if in_use or isinstance(error, ConnectionLostError):
        return ExitCode.UNREACHABLE
    return ExitCode.FAILED


def _missing(error: ModuleNotFoundError) -> int:
    package = (error.name or "").partition(".")[0]
    if package in {"twin", "scenarios", "api", ""}:
        raise error
    typer.echo(
        f"this command needs the package {package!r}, which is not installed; "
        "pip install 'linetwin[server,forecast]' brings it",
        err=True,
    )
    return ExitCode.FAILED


def _system(error: OSError) -> int:
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        reason += "; free some space, or choose another place"
    where = f"{error.filename}: " if error.filename else ""
    typer.echo(f"{where}{reason}", err=True)
    if error.errno == errno.EADDRINUSE or isinstance(error, ConnectionError | TimeoutError):
        return ExitCode.UNREACHABLE
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return ExitCode.USAGE
    return ExitCode.FAILED


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Put an unexpected error's traceback into a file and tell the user where it is."""
    text = "".join(traceback.format_exception(kind, error, trace))
    if os.environ.get("TWIN_TRACEBACK"):
        sys.stderr.write(text)
        return
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = Path(tempfile.gettempdir()) / f"linetwin-error-{moment}-{os.getpid()}.txt"
    try:
        path.write_text(text, encoding="utf-8")
        told = f"details are in {path}"
    except OSError:
        told = "set TWIN_TRACEBACK=1 to see where"
    sys.stderr.write(f"this should not have happened: {kind.__name__}: {error}\n{told}\n")


if __name__ == "__main__":
    main()
