"""Line files: YAML in, YAML out, with every finding told by file and line."""

from __future__ import annotations

from datetime import date, datetime
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import TypeAdapter, ValidationError

from twin.errors import Finding, LineError, UnknownNameError
from twin.line.checks import SECTIONS, check, zone_findings
from twin.line.gathered import Parts
from twin.line.line import Head, Line
from twin.line.reading import Lines, read_yaml
from twin.line.spec import worded

MAX_BYTES = 20_000_000
MOMENTS = {"orders": ("release_s", "due_date_s"), "sources": ("first_s",)}
"""What may be a moment such as 2026-01-05T14:00, by section; the model counts seconds."""


def load_line(path: str | Path) -> Line:
    """Read a line from a YAML file, or an example line by its name.

    Parameters
    ----------
    path : str or Path
        A YAML file; or the name of a line that ships with the twin, such as ``"bottling"``.

    Raises
    ------
    LineError
        If the file cannot be read or used; all findings at once, each with file and line.
    UnknownNameError
        If it is neither a file nor the name of an example line.
    """
    found = Path(path)
    bare = found.name == path and not found.suffix
    if isinstance(path, str) and bare and not found.is_file():
        return example_line(path)
    return line_from_text(_read(found), str(path))


def example_line(name: str) -> Line:
    """Return a line that ships with the twin; see ``example_names``.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    if name not in example_names():
        raise UnknownNameError("example line", name, example_names())
    file = resources.files("twin.line.library").joinpath(f"{name}.yaml")
    return line_from_text(file.read_text(encoding="utf-8"), f"{name}.yaml")


def example_names() -> list[str]:
    """Return the names of the lines that ship with the twin."""
    folder = resources.files("twin.line.library")
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


def save_line(line: Line, path: str | Path) -> None:
    """Write a line as YAML; ``load_line`` gives the same line back. Defaults are left out.

    Parameters
    ----------
    line : Line
        The line.
    path : str or Path
        File; one that is there is replaced.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    document = _lean(
        line.model_dump(mode="json"), line.model_dump(mode="json", exclude_defaults=True)
    )
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    Path(path).write_text(text, encoding="utf-8")


def _lean(full: Any, given: Any) -> Any:
    """Return what is no default, and every ``kind``: it tells which shape the rest has."""
    if isinstance(given, dict):
        return {
            key: _lean(value, given.get(key, value))
            for key, value in full.items()
            if key in given or key == "kind"
        }
    if isinstance(given, list):
        return [_lean(*pair) for pair in zip(full, given, strict=True)]
    return given


def line_schema() -> dict[str, Any]:
    """Return the JSON Schema of line files, for editors."""
    schema = Line.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def line_from_text(text: str, file: str = "") -> Line:
    """Read a line from YAML text; see ``load_line``. ``file`` is named in findings.

    Raises
    ------
    LineError
        With all findings, each with its row.
    """
    title = f"the line file {file}" if file else "the line"
    document, rows, findings = read_yaml(text)
    if findings:
        raise LineError(title, [located(found, file, rows) for found in findings])
    return line_from_document(document, title, file, rows)


def line_from_document(
    document: object, title: str = "the line", file: str = "", rows: Lines | None = None
) -> Line:
    """Read a line from plain data, as JSON or YAML give it.

    Parameters
    ----------
    document : object
        Mappings, lists, text and numbers; checked here.
    title : str
        What it is called in an error.
    file : str
        File that is named in findings.
    rows : mapping, optional
        Row of the file by path of keys.

    Raises
    ------
    LineError
        With all findings; with file and line where ``rows`` gives them.
    """
    if not isinstance(document, dict):
        expected = "keys such as id, stations, products"
        finding = Finding("", "no mapping of keys to values", expected, file=file)
        raise LineError(title, [finding])
    document = _with_seconds(document)
    findings, parts = _read_parts(document)
    findings += check(parts)
    if not findings:
        return Line(**document)
    raise LineError(title, [located(found, file, rows or {}) for found in findings])


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            finding = Finding("", f"larger than {MAX_BYTES} bytes", file=str(path))
            raise LineError(f"the line file {path}", [finding])
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        finding = Finding("", f"no UTF-8 text at byte {error.start}", remedy="save it as UTF-8")
        raise LineError(f"the line file {path}", [finding]) from error
    except OSError as error:
        remedy = "check the path; example lines: " + ", ".join(example_names())
        finding = Finding("", f"cannot be read: {error.strerror or error}", remedy=remedy)
        raise LineError(f"the line file {path}", [finding]) from error


def _read_parts(document: dict[str, Any]) -> tuple[list[Finding], Parts]:
    """Read each item by itself, so that one bad item does not hide what is wrong elsewhere."""
    findings: list[Finding] = []
    items: dict[str, list[object]] = {}
    ids: dict[str, list[str]] = {}
    for section, kind in SECTIONS.items():
        given = document.get(section, [{"id": "out"}] if section == "sinks" else [])
        if not isinstance(given, list | tuple):
            findings.append(Finding(section, "no list", "a list of items with an id each"))
            continue
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        items[section], ids[section] = [], []
        for position, item in enumerate(given):
            name = item.get("id") if isinstance(item, dict) else getattr(item, "id", None)
            at = f"{section}.{name if isinstance(name, str) else position}"
            if isinstance(name, str):
                ids[section].append(name)
            try:
                items[section].append(adapter.validate_python(item))
            except ValidationError as error:
                findings += [
                    worded(found, at, item, kind) for found in error.errors() if not _echo(found)
                ]
    findings += _head(document)
    return findings, Parts(items, ids, complete=not findings)


def _echo(error: Any) -> bool:
    """Tell whether an error only says that the bad items of a list were left out of it."""
    return error["type"] == "too_short" and len(error["input"]) > 0


def _head(document: dict[str, Any]) -> list[Finding]:
    """Check the keys that stand beside the lists."""
    head = {key: value for key, value in document.items() if key not in SECTIONS}
    findings = zone_findings(str(document.get("time_zone", "UTC")))
    try:
        Head.model_validate(head)
    except ValidationError as error:
        findings += [worded(found, kind=Line) for found in error.errors()]
    return findings


def located(finding: Finding, file: str, rows: Lines) -> Finding:
    """Return the finding with its file, and its line where ``rows`` or a parent's row tell it."""
    keys = tuple(finding.path.split(".")) if finding.path else ()
    while keys and keys not in rows:
        keys = keys[:-1]
    return Finding(
        finding.path,
        finding.message,
        finding.expected,
        finding.remedy,
        finding.file or file,
        finding.line or rows.get(keys, 0),
    )


def _with_seconds(document: dict[str, Any]) -> dict[str, Any]:
    """Turn moments into seconds since the line's start."""
    start = _start(document)
    if start is None:
        return document
    return document | {
        section: [_counted(start, item, MOMENTS[section]) for item in document[section]]
        for section in MOMENTS
        if isinstance(document.get(section), list)
    }


def _counted(start: datetime, item: object, keys: tuple[str, ...]) -> object:
    if not isinstance(item, dict):
        return item
    return {key: _seconds_since(start, v) if key in keys else v for key, v in item.items()}


def _start(document: dict[str, Any]) -> datetime | None:
    try:
        zone = ZoneInfo(str(document.get("time_zone", "UTC")))
        start = TypeAdapter(datetime).validate_python(
            document.get("start", Line.model_fields["start"].default)
        )
    except (LookupError, ValueError, OSError):
        return None  # told by the checks of the head
    return start if start.tzinfo else start.replace(tzinfo=zone)


def _seconds_since(start: datetime, value: object) -> object:
    moment = value
    if isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-":
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value  # told by the check of the order
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=start.tzinfo)
    if not isinstance(moment, datetime):
        return value
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=start.tzinfo)
    return moment.timestamp() - start.timestamp()
