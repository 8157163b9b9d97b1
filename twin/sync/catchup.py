"""What comes in after a loss, held until it is known whether anything is missing.

A server that forgot our subscription may still know every value: its history closes the gap, and
the picture goes on as if nothing had happened. Otherwise a new one begins, with a gap before it.
"""

from __future__ import annotations

from twin.sync.protocol import Gap, Resolution, SourceState, Value

WAITING = frozenset({SourceState.VERIFYING, SourceState.GAP_FILL})
"""States of the link in which more of the history may come."""


class CatchUp:
    """The values and gaps of a new subscription, before any of them is believed.

    Parameters
    ----------
    heartbeat : str
        Node id of the plant's clock: ticks that were missed are no loss.
    """

    def __init__(self, heartbeat: str) -> None:
        self._heartbeat = heartbeat
        self._items: list[Value | Gap] | None = None

    @property
    def waiting(self) -> bool:
        """Whether values are held."""
        return self._items is not None

    def begin(self) -> None:
        """Hold what comes from now on."""
        self._items = []

    def take(self, item: Value | Gap) -> bool:
        """Hold a value or gap; False if nothing is held now."""
        if self._items is None:
            return False
        self._items.append(item)
        return True

    def end(self) -> tuple[list[Value | Gap], bool]:
        """Return what was held, and whether every value between then and now is among it.

        If so, there are only values, in the order in which they were made.
        """
        items, self._items = self._items or [], None
        gaps = [item for item in items if isinstance(item, Gap)]
        lost = [
            gap for gap in gaps
            if gap.resolved is Resolution.UNRECOVERABLE and gap.node != self._heartbeat
        ]  # fmt: skip
        if lost or not gaps:
            return items, False
        values = [item for item in items if isinstance(item, Value)]
        return [*sorted(values, key=lambda value: value.source_time)], True
