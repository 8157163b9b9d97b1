"""The orders that hold: those of the line file, and those that an MES sent since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from api.live import LiveLine
from api.schemas import OperationsRequest
from api.store import Resource, ResourceKind, Slice, Store
from twin.line import Line

if TYPE_CHECKING:
    from twin.events.state import LineState

MOST_SCHEDULES = 1000
"""Operations schedules of one line that are looked at."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A line with the orders that hold for it."""

    line: Line
    """The line."""
    document: dict[str, object]
    """The line as JSON."""
    before: Line
    """The line without the orders of the MES: the one that states belong to."""

    def fitted(self, state: LineState) -> LineState:
        """Return a state of the line so that it knows the orders of the MES too.

        Raises
        ------
        InvalidInputError
            If an order was made smaller than what is made of it already.
        """
        from scenarios.whatif import adapt_state  # noqa: PLC0415 - a site without an MES

        return state if self.line is self.before else adapt_state(state, self.before, self.line)


def planned(store: Store, live: LiveLine) -> Planned:
    """Return a line with the orders that hold for it now."""
    with store.begin() as transaction:
        found = transaction.slice(
            ResourceKind.OPERATIONS_SCHEDULE, Slice(MOST_SCHEDULES, line_id=live.line.id)
        )
    return with_orders(live, found)


def with_orders(live: LiveLine, schedules: list[Resource]) -> Planned:
    """Return a line with the orders of operations schedules; the one sent last wins.

    Raises
    ------
    InvalidInputError
        If the orders do not fit the line; with all findings.
    """
    changes: dict[str, Any] = {}
    for item in sorted(schedules, key=lambda found: (found.updated_at, found.id)):
        for document in item.document["requests"]:
            request = OperationsRequest.model_validate(document)
            changes[f"orders.{request.id}"] = _order(live.line, request)
    if not changes:
        return Planned(live.line, live.document, live.line)
    line = live.line.changed(changes)
    return Planned(line, line.model_dump(mode="json"), live.line)


def _order(line: Line, request: OperationsRequest) -> dict[str, Any]:
    def seconds(moment: datetime | None) -> float | None:
        return line.seconds(moment) if moment is not None else None

    return {
        "id": request.id,
        "product": request.product,
        "quantity": request.quantity,
        "release_s": max(seconds(request.release) or 0.0, 0.0),
        "due_date_s": seconds(request.due_date),
        "priority": request.priority,
    }
