"""The audit trail checked: every entry in its place, each tied to the one before."""

from __future__ import annotations

from dataclasses import dataclass

from api.store import AuditEntry, Store

AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class TrailReport:
    """What a check of the trail found."""

    entries: int
    """Entries that are as they were written."""
    head: str
    """Hash of the last of them; kept elsewhere, it shows later that none behind it was cut off."""
    broken: str
    """What is wrong first, in words; empty: nothing."""


def verify(store: Store, head: str | None = None) -> TrailReport:
    """Check the whole trail.

    Parameters
    ----------
    store : Store
        Open.
    head : str, optional
        Hash that was told earlier as the head; it must still be in the trail.
    """
    count, before = 0, "0" * 64
    seen = head is None or head == before
    while True:
        with store.begin() as transaction:
            found = transaction.trail(count, AT_ONCE)
        for entry in found:
            broken = _wrong(entry, count + 1, before)
            if broken:
                return TrailReport(count, before, broken)
            count, before = entry.number, entry.sha256
            seen = seen or before == head
        if not found:
            told = "" if seen else f"the entry with hash {head} is gone: the trail was cut off"
            return TrailReport(count, before, told)


def _wrong(entry: AuditEntry, number: int, before: str) -> str:
    if entry.number != number:
        return f"entry {number} is missing; {entry.number} follows"
    if entry.previous != before:
        return f"entry {number} does not follow the one before it"
    if AuditEntry.of(entry.note, number, entry.at, before) != entry:
        return f"entry {number} was changed after it was written"
    return ""
