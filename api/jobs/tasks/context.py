"""What every task is given: a way to tell how far it is, and the lines it has read before."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

from twin.errors import TwinError

if TYPE_CHECKING:
    from twin.line import Line

LINES_KEPT = 16


class CancelledWorkError(TwinError, RuntimeError):
    """Work that stopped because somebody wanted it to."""


class Context(Protocol):
    """How a task speaks to those who wait for it."""

    def progress(
        self,
        fraction: float,
        message: str = "",
        objective: float | None = None,
        bound: float | None = None,
    ) -> None:
        """Tell how far the work has come."""

    def interim(self, rows: list[dict[str, Any]], left_s: float | None) -> None:
        """Keep what the work says so far; it goes along with how far the work has come."""

    def cancelled(self) -> bool:
        """Tell whether somebody wants the work to end."""


class LineCache:
    """Lines that this worker has read, by hash: reading one takes longer than some answers may."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, Line] = OrderedDict()

    def line(self, document: dict[str, Any], line_hash: str) -> Line:
        """Return the line of a document whose hash is known."""
        from twin.line import line_from_document  # noqa: PLC0415 - the worker starts without it

        found = self._lines.get(line_hash)
        if found is None:
            found = line_from_document(document)
            self._lines[line_hash] = found
            while len(self._lines) > LINES_KEPT:
                self._lines.popitem(last=False)
        else:
            self._lines.move_to_end(line_hash)
        return found


def interval_document(found: Any, level: float) -> dict[str, Any] | None:
    """Return an interval of ``twin.kpi.output_analysis`` for JSON; None: it is not known."""
    values = (found.mean, found.low, found.high, found.half_width)
    if not all(math.isfinite(value) for value in values):
        return None
    mean, low, high, half_width = (float(value) for value in values)
    return {
        "mean": mean,
        "low": low,
        "high": high,
        "half_width": half_width,
        "n": int(found.n),
        "level": level,
    }


def finite(value: float | None) -> float | None:
    """Return a number for JSON; None when it is not finite."""
    return float(value) if value is not None and math.isfinite(value) else None
