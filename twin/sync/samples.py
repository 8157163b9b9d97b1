"""Values of the client library as samples of ours."""

from __future__ import annotations

from datetime import UTC, datetime

from asyncua import ua

from twin.sync.protocol import Origin, Sample


def sample_of(data: ua.DataValue, name: str, now: datetime, epoch: int, origin: Origin) -> Sample:
    """Return a value of the library as a sample."""
    source, server = data.SourceTimestamp, data.ServerTimestamp
    variant, status = data.Value, data.StatusCode
    stamp = source or server
    return Sample(
        name,
        now if stamp is None else utc(stamp),
        None if server is None else utc(server),
        now,
        None if variant is None else variant.Value,
        0 if status is None else status.value,
        epoch,
        origin,
        stamp is not None,
    )


_NAMES: dict[int, str] = {}


def status_name(code: int) -> str:
    """Return the name of a status code, such as ``Good`` or ``BadNodeIdUnknown``."""
    found = _NAMES.get(code)
    if found is None:
        found = _NAMES[code] = str(ua.StatusCode(code & 0xFFFF0000).name)
    return found


def utc(moment: datetime) -> datetime:
    """Return a moment of the library, which may carry no zone, aware, UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
