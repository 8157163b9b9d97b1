"""The log: one JSON object a line for machines, or words for people; each with its request id."""

from __future__ import annotations

import logging
import sys
from typing import Any

from api.settings import Settings

_HIDDEN = ("authorization", "cookie", "x-api-key", "key", "secret", "password")


def configure(settings: Settings) -> None:
    """Send the log of this process to stderr, in the form that the settings name."""
    import structlog  # noqa: PLC0415 - only a service logs

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_secrets,
    ]
    # What a function held when it failed may be a key or a tenant's data: no values in tracebacks.
    plain = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    last: list[Any] = (
        [structlog.processors.ExceptionRenderer(plain), structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.log_level)


def _without_secrets(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    for name in _HIDDEN:
        if name in event:
            event[name] = "(hidden)"
    return event
