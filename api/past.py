"""What was: the state at a past moment, what happened to an element, what held the line back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from api.live import LiveLine, Picture
from api.problems import NOT_FOUND, RefusalError, invalid
from api.schemas import (
    BottleneckRow,
    Bottlenecks,
    ElementStateView,
    FailureRow,
    GapView,
    HistoryItem,
    Interval,
    Losses,
    LossRow,
    ModelFit,
    PaceRow,
    Quality,
    StationTimeline,
    Timeline,
)
from twin.events import EventLog, Folder, Kind, LineState, Names, Status
from twin.events.builder import Row
from twin.events.fold import empty_state
from twin.kpi.timeline import status_shares

UNCERTAIN = ("good", "uncertain", "uncertain")
"""Quality of an event by its number in the log."""
FIT_LEVEL = 0.95
"""Confidence with which a line is held against its model."""


def picture_at(live: LiveLine, at: datetime | None) -> Picture:
    """Return a line at a moment on the plant's clock; None: now.

    Raises
    ------
    RefusalError
        If that moment is yet to come, or nothing is known of it any more.
    """
    now = live.picture()
    if at is None or live.feed is None:
        return now
    if at > now.as_of:
        raise invalid("at", "lies after what is known", f"at most {now.as_of.isoformat()}")
    time_s = live.line.seconds(at)
    logs = [log for log in live.feed.logs() if log.begin_s <= time_s]
    if not logs:
        known = min((log.begin_s for log in live.feed.logs()), default=None)
        since = f"known since {live.line.moment(known).isoformat()}" if known is not None else ""
        raise RefusalError(NOT_FOUND, f"nothing is known of {at.isoformat()}; {since}")
    log = logs[-1]
    inside = time_s <= log.end_s
    folder = _folded(log.until(time_s), live)
    return replace(
        now,
        state=folder.state(min(time_s, log.end_s)),
        statuses=folder.statuses(),
        signals={},
        as_of=live.line.moment(min(time_s, log.end_s)),
        quality=Quality.GOOD if inside else Quality.GAP,
    )


def _folded(log: EventLog, live: LiveLine) -> Folder:
    initial = LineState.model_validate(log.initial) if log.initial else None
    folder = Folder(live.line, initial or empty_state(live.line, log.begin_s), log.names)
    columns = (log.time_s, log.kind, log.element, log.part, log.detail, log.value)
    folder.apply_all(Row(*row) for row in zip(*(item.tolist() for item in columns), strict=True))
    return folder


def element_state(live: LiveLine, name: str, at: datetime | None) -> ElementStateView:
    """Return one element of a line at a moment; None: now.

    Raises
    ------
    RefusalError
        As ``picture_at``, or if the line has no such element.
    """
    view = live.view(picture_at(live, at))
    found: dict[str, Any] = {}
    for kind, items in (
        ("station", view.stations),
        ("buffer", view.buffers),
        ("source", view.sources),
    ):
        for item in items:
            if item.id == name:
                found = {"kind": kind, kind: item}
    if not found:
        raise unknown_element(live, name)
    return ElementStateView(
        id=f"{live.line.id}.{name}",
        line_id=live.line.id,
        provenance=view.provenance,
        **found,
    )


def unknown_element(live: LiveLine, name: str) -> RefusalError:
    """Return the refusal of an element that the line does not have."""
    known = ", ".join(live.line.flow_order[:20])
    return RefusalError(
        NOT_FOUND, f"the line {live.line.id!r} has no element {name[:64]!r}; stations: {known}"
    )


def happened(live: LiveLine, name: str, since: datetime, until: datetime) -> list[HistoryItem]:
    """Return what happened to an element from ``since`` to before ``until``, oldest first."""
    line = live.line
    if name not in Names.of(line).elements:
        raise unknown_element(live, name)
    if live.feed is None:
        return []
    since_s, until_s = line.seconds(since), line.seconds(until)
    found = [
        item
        for log in live.feed.logs()
        for item in _events(log, live, name)
        if since_s <= item[0] < until_s
    ]
    for sensor, values in live.feed.readings(since_s).get(name, {}).items():
        found += [
            (
                time_s,
                HistoryItem(
                    at=line.moment(time_s),
                    property=f"signals.{sensor}",
                    value=value,
                    quality="good",
                ),
            )
            for time_s, value in values
            if since_s <= time_s < until_s and math.isfinite(value)
        ]
    return [item for _, item in sorted(found, key=lambda pair: (pair[0], pair[1].property))]


def _events(log: EventLog, live: LiveLine, name: str) -> Iterator[tuple[float, HistoryItem]]:
    here = log.element == log.names.elements.index(name)
    rows = zip(
        log.time_s[here].tolist(),
        log.kind[here].tolist(),
        log.part[here].tolist(),
        log.value[here].tolist(),
        log.quality[here].tolist(),
        strict=True,
    )
    for time_s, kind, part, value, quality in rows:
        yield (
            time_s,
            HistoryItem(
                at=live.line.moment(time_s),
                property="event",
                event=Kind(kind).name.lower(),
                part=str(part) if part >= 0 else None,
                value=value if math.isfinite(value) else None,
                quality=UNCERTAIN[quality],
            ),
        )


def gaps(live: LiveLine) -> tuple[GapView, ...]:
    """Return what is known to be missing, oldest first; an open gap has no end."""
    if live.feed is None:
        return ()
    status = live.feed.status()
    found = [
        GapView(begin=gap.begin, end=gap.end, reason=gap.reason, node=gap.node,
                clock_step_s=gap.step_s)
        for gap in status.gaps
    ]  # fmt: skip
    if status.as_of is not None and status.quality == "stale":
        reason = status.alarm or status.reason
        found.append(GapView(begin=status.as_of, end=None, reason=reason))
    return tuple(found)


def bottlenecks(live: LiveLine, window_s: float) -> Bottlenecks:
    """Return what held a line back over the window that ends now."""
    log, head = _observed(live, window_s)
    if log is None:
        return Bottlenecks(**head)
    from twin.kpi.bottleneck import bottlenecks as found_by  # noqa: PLC0415 - brings in scipy

    figures = found_by(log, live.line)
    rows = []
    for name in live.line.flow_order:
        here = figures.sel(station=name)
        shares = {
            str(key): _finite(float(here[key])) for key in here.data_vars if key != "turning_point"
        }
        rows.append(
            BottleneckRow(station=name, turning_point=bool(here["turning_point"]), **shares)
        )
    worst = max(rows, key=lambda row: row.momentary_share or 0.0, default=None)
    seen = worst is not None and bool(worst.momentary_share)
    return Bottlenecks(
        **head, bottleneck=worst.station if worst and seen else None, stations=tuple(rows)
    )


def losses(live: LiveLine, window_s: float) -> Losses:
    """Return where the time of each station went over the window that ends now."""
    log, head = _observed(live, window_s)
    if log is None:
        return Losses(**head)
    from twin.kpi.losses import loss_tree  # noqa: PLC0415 - brings in pandas

    rows = loss_tree(log, live.line).to_dict("records")
    return Losses(**head, rows=tuple(_loss(row) for row in rows))


def timeline(live: LiveLine, window_s: float, bins: int) -> Timeline:
    """Return what each station did in equal stretches of the window that ends now.

    What lies before a gap is told from what was seen before it.
    """
    picture = live.picture()
    end_s = picture.state.time_s
    edges_s = np.linspace(end_s - window_s, end_s, bins + 1).tolist()
    logs = live.feed.logs() if live.feed is not None else ()
    shares = np.full((len(live.line.flow_order), bins, len(Status)), np.nan)
    for log in logs:
        if log.end_s <= edges_s[0] or not log.end_s > log.begin_s:
            continue
        found = status_shares(log, live.line, edges_s)["share"].values
        shares = np.where(np.isnan(shares), found, shares)
    return Timeline(
        line_id=live.line.id,
        provenance=live.provenance(picture),
        edges=tuple(live.line.moment(edge_s) for edge_s in edges_s),
        stations=tuple(
            StationTimeline(
                station=name,
                shares={
                    str(status): tuple(_finite(float(value)) for value in rows[:, place])
                    for place, status in enumerate(Status)
                    if np.nanmax(rows[:, place], initial=0.0) > 0
                },
            )
            for name, rows in zip(live.line.flow_order, shares, strict=True)
        ),
    )


def model_fit(live: LiveLine, window_s: float) -> ModelFit:
    """Return whether a line does as its model says, over the window that ends now."""
    log, head = _observed(live, window_s)
    if log is None:
        return ModelFit(**head, level=FIT_LEVEL)
    from twin.kpi.fit import failures, paces  # noqa: PLC0415 - brings in scipy

    return ModelFit(
        **head,
        level=FIT_LEVEL,
        paces=tuple(
            PaceRow(
                station=found.station,
                processed=found.processed,
                pace=_interval(found.pace),
                fit=found.fit.value,
            )
            for found in paces(log, live.line, FIT_LEVEL)
        ),
        failures=tuple(
            FailureRow(
                station=found.station,
                mode=found.mode,
                expected=found.expected,
                seen=found.seen,
                low=found.low,
                high=found.high,
                fit=found.fit.value,
            )
            for found in failures(log, live.line, FIT_LEVEL)
        ),
    )


def _interval(found: Any) -> Interval | None:
    if not math.isfinite(found.half_width):
        return None
    return Interval.model_validate(found, from_attributes=True)


def _loss(row: Mapping[Any, Any]) -> LossRow:
    known = {name: _finite(row[name]) for name in ("share", "operations")}
    return LossRow(**{**row, **known})


def _observed(live: LiveLine, window_s: float) -> tuple[EventLog | None, dict[str, Any]]:
    provenance = live.provenance(live.picture())
    log = live.feed.log(window_s) if live.feed is not None else None
    head = {"line_id": live.line.id, "provenance": provenance, "window_s": window_s}
    if log is None or not log.end_s > log.begin_s:
        return None, head | {"observed_s": 0.0}
    log = log.observed_from(log.end_s - window_s)
    return log, head | {"observed_s": log.end_s - log.observe_from_s}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
