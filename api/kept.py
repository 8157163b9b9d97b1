"""Lines that came in over the page: kept as line files in the data folder, served from then on."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from api.problems import INVALID_MODEL, RefusalError
from api.schemas import FieldProblem
from twin.errors import InvalidInputError
from twin.line import Line, load_line, save_line

MOST_LINES = 50
"""Lines that may be kept."""
MOST_FINDINGS = 200
BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a file that only looks like a workbook may end in."""
Read = TypeVar("Read")


def kept_lines(folder: Path) -> list[Line]:
    """Return the lines that are kept in a data folder, by id.

    Raises
    ------
    LineError
        If one of them cannot be used any more.
    """
    return [load_line(path) for path in sorted((folder / "lines").glob("*.yaml"))]


def keep_line(folder: Path, line: Line) -> None:
    """Keep a line in a data folder, in place of one of the same id."""
    place = folder / "lines"
    place.mkdir(parents=True, exist_ok=True)
    new = place / f"{line.id}.new"
    save_line(line, new)
    new.replace(place / f"{line.id}.yaml")


def from_workbook(body: bytes, read: Callable[[Path], Read]) -> Read:
    """Return what a workbook that was sent holds.

    Parameters
    ----------
    body : bytes
        The workbook.
    read : callable
        Reads it from a path.

    Raises
    ------
    RefusalError
        If it cannot be used; with every bad cell.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workbook.xlsx"
        path.write_bytes(body)
        try:
            return read(path)
        except InvalidInputError as error:
            fields = [
                FieldProblem(
                    path=item.path[:500],
                    message=item.message[:1000],
                    expected=item.expected[:1000],
                    remedy=item.remedy[:500],
                )
                for item in error.findings[:MOST_FINDINGS]
            ]
            detail = "the workbook cannot be used"
            raise RefusalError(INVALID_MODEL, detail, fields) from error
        except BROKEN as error:
            field = FieldProblem(path="workbook", message="is none", expected="an .xlsx file")
            raise RefusalError(INVALID_MODEL, "the workbook cannot be read", [field]) from error
