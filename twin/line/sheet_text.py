"""What the reader of large workbooks leaves out, found in a sheet's own text."""

from __future__ import annotations

import re
from typing import Any

PIECE = 1 << 20
"""Bytes that are read at one time."""
LONGEST = 10_000
"""Bytes that are kept of a piece, for what goes on in the next: a formula has 8192 at most."""
_MERGED = re.compile(rb'<mergeCell [^>]*?ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')
_NO_VALUE = re.compile(
    rb'<c r="([A-Z]{1,3}\d{1,7})"[^>]*><f(?:[^>]*/>|[^>]*>[^<]*</f>)(?:<v\s*/>|<v></v>)?</c>'
)


def seen_in_text(
    sheet: Any, most: int
) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int]]]:
    """Return merged cells and formulas that hold no value.

    Parameters
    ----------
    sheet : worksheet
        One that was opened for reading only.
    most : int
        No more of each are looked for.

    Returns
    -------
    list of (int, int, int, int)
        Merged cells: left, top, right, bottom, counted from 1.
    list of (int, int)
        Column and row of each formula of which no program has written the value.
    """
    from openpyxl.utils import range_boundaries  # type: ignore[import-untyped]  # noqa: PLC0415

    merged: dict[bytes, None] = {}
    empty: dict[bytes, None] = {}
    with sheet.parent._archive.open(sheet._worksheet_path) as text:  # noqa: SLF001 - no other way
        tail = b""
        while (piece := text.read(PIECE)) and len(merged) < most:
            whole = tail + piece
            merged |= dict.fromkeys(_MERGED.findall(whole))
            if b"<f" in whole and len(empty) < most:
                empty |= dict.fromkeys(_NO_VALUE.findall(whole))
            tail = whole[-LONGEST:]
    cells = [range_boundaries(place.decode()) for place in empty]
    return [range_boundaries(place.decode()) for place in merged], [cell[:2] for cell in cells]
