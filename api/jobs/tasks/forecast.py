"""Train a forecaster, and ask one."""

from __future__ import annotations

from typing import Any

from api.jobs.tasks.context import Context, LineCache


def train(payload: dict[str, Any], context: Context, lines: LineCache) -> dict[str, Any]:
    """Train the forecaster of a line and keep it in a folder."""
    raise NotImplementedError


def forecast(payload: dict[str, Any], context: Context, lines: LineCache) -> dict[str, Any]:
    """Foretell from a line's recent past."""
    raise NotImplementedError
