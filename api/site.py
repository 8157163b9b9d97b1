"""The site: its lines, what it keeps, and who works for it. One object for all routes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from api.events import Hub
from api.futures import Futures
from api.jobs import JobManager, Limits, WorkerDiedError, WorkerPool, new_job
from api.jobs.tasks.recent import recent_document
from api.keys import KeyRing
from api.live import LiveLine
from api.metrics import Metrics, Reading, Values
from api.orders import Planned, planned
from api.problems import NOT_READY, RefusalError, invalid, not_found
from api.schemas import (
    EventKind,
    ForecasterView,
    Job,
    JobKind,
    JobStatus,
    Link,
    LinkChange,
    News,
)
from api.settings import Settings
from api.store import (
    JobRecord,
    Resource,
    ResourceKind,
    Slice,
    SqlStore,
    Store,
    Transaction,
    database_url,
    new_id,
    sqlite_url,
)
from api.webhooks import Courier, announce
from twin.errors import JournalError, TwinError
from twin.events import EventLog, Kind
from twin.events.fold import empty_state
from twin.events.state import LineState
from twin.line import Line

TIDY_S = 3600.0
"""Time between two looks for what was kept long enough, s."""
HISTORY_BINS = 8
"""Stretches of the past that stand before a forecast."""

_log = logging.getLogger(__name__)


class Site:
    """Everything that the routes need.

    Parameters
    ----------
    settings : Settings
        How the service is set up.
    lines : sequence of LiveLine
        Lines, each with or without a plant behind it.
    store : Store, optional
        Where things are kept; none: a SQLite file in the data folder.
    """

    def __init__(
        self, settings: Settings, lines: Sequence[LiveLine], store: Store | None = None
    ) -> None:
        self.settings = settings
        self.lines = {live.line.id: live for live in lines}
        self.store = store or make_store(settings)
        self.metrics = Metrics()
        self.keys = KeyRing(settings.keys_path)
        self.hub = Hub(settings.event_ring, settings.event_queue)
        self.jobs = JobManager(self.store, settings, self._tell_job, self._note_end)
        self.courier = Courier(self.store, settings.webhook_hosts)
        self._loop: asyncio.AbstractEventLoop | None = None
        limits = Limits(settings.job_memory_bytes, settings.job_cpu_limit_s)
        self.quick = WorkerPool(settings.quick_workers, limits)
        self.futures = Futures()
        self.at_work: set[str] = set()
        """Idempotency keys whose request is being answered."""
        self.at_work_lock = Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._links: dict[str, Link] = {}

    def line(self, line_id: str) -> LiveLine:
        """Return a line of the site.

        Raises
        ------
        RefusalError
            If there is none of that id.
        """
        found = self.lines.get(line_id)
        if found is None:
            raise not_found("line", line_id)
        return found

    def add(self, live: LiveLine) -> None:
        """Serve one more line, or one in place of that of the same id; from any thread."""
        new = live.line.id not in self.lines
        # A new mapping: others may be going through the old one.
        self.lines = self.lines | {live.line.id: live}
        if new and self._loop is not None:
            self._loop.call_soon_threadsafe(self._follow, live.line.id)

    def _follow(self, line_id: str) -> None:
        self._tasks.append(asyncio.create_task(self._tick(line_id), name=f"tick-{line_id}"))

    def planned(self, live: LiveLine) -> Planned:
        """Return a line with the orders that hold for it, those of an MES included."""
        return planned(self.store, live)

    def active_model(self, line_id: str) -> str | None:
        """Return the id of the model that forecasts of a line use; None: there is none yet."""
        live = self.lines.get(line_id)
        found = self._trained(live) if live is not None else None
        return found.id if found else None

    def wake_courier(self) -> None:
        """Have news sent that was just kept; may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.courier.wake)

    # Life -----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the store, follow the lines, start the workers."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self.store.open)
        await asyncio.to_thread(self.keys.open)
        for live in self.lines.values():
            if live.feed is not None:
                await live.feed.start()
        if self.settings.metrics_port is not None:
            self.metrics.watch(self._gauges)
            self.metrics.start(self.settings.metrics_host, self.settings.metrics_port)
        warm_up = {"lines": [line_payload(live) for live in self.lines.values()]}
        await self.jobs.start(warm_up)
        self._tasks = [
            asyncio.create_task(self._start_quick(warm_up), name="quick-workers"),
            asyncio.create_task(self.courier.run(), name="courier"),
            asyncio.create_task(self._tidy(), name="tidy"),
        ]
        for line_id in self.lines:
            self._follow(line_id)
        if self.settings.forecast:
            await asyncio.to_thread(self._train_missing)

    async def stop(self) -> None:
        """End everything that start began, whatever state it is in."""
        self.hub.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(self.jobs.stop(), self.quick.stop())
        for live in self.lines.values():
            if live.feed is not None:
                await live.feed.stop()
        await asyncio.to_thread(self.metrics.stop)
        await asyncio.to_thread(self.store.close)

    async def _start_quick(self, warm_up: dict[str, Any]) -> None:
        try:
            await self.quick.start(warm_up)
        except WorkerDiedError:
            _log.exception("the workers for order promises did not start")

    async def _tidy(self) -> None:
        """Forget, once an hour, what was kept long enough."""
        while True:
            try:
                await asyncio.to_thread(self._expire)
            except JournalError:
                _log.exception("what is old could not be forgotten; it is tried again")
            await asyncio.sleep(TIDY_S)

    def _expire(self) -> None:
        now = datetime.now(UTC)
        with self.store.begin(write=True) as transaction:
            gone = transaction.expire(now - timedelta(days=self.settings.keep_results_days))
            transaction.forget_deliveries(now - timedelta(days=self.settings.keep_deliveries_days))
        if gone:
            _log.info("forgot %d old results", gone)

    async def _tick(self, line_id: str) -> None:
        """Tell everyone where the line is, again and again."""
        while True:
            try:
                view = self.lines[line_id].view()
                self.hub.publish(EventKind.STATE, line_id, view)
                self._tell_link(line_id, view.link)
            except (TwinError, ValueError, LookupError):
                # One bad moment must not end the stream for good; it is logged and tried again.
                _log.exception("the state of line %s cannot be told", line_id)
            await asyncio.sleep(self.settings.tick_s)

    def _tell_link(self, line_id: str, link: Link) -> None:
        before = self._links.get(line_id)
        self._links[line_id] = link
        if before is not None and before.status != link.status:
            self.hub.publish(EventKind.LINK, line_id, LinkChange(line_id=line_id, link=link))

    def _tell_job(self, job: Job) -> None:
        self.hub.publish(EventKind.JOB, job.line_id, job)
        if job.status.final:
            self.metrics.jobs_ended.labels(job.kind, job.status).inc()
            self.courier.wake()

    def _note_end(self, transaction: Transaction, job: JobRecord) -> None:
        """Keep news of a job's end, in the transaction that ends it."""
        announce(transaction, News.JOB_ENDED, self.jobs.view(job))

    # Forecasters ----------------------------------------------------------------------------------

    def _train_missing(self) -> None:
        """Ask for a forecaster for each line that has none for its present model."""
        for live in self.lines.values():
            found = self.forecaster(live)
            if found.status == "ready" or (found.status == "training" and found.job_id):
                continue
            with self.store.begin(write=True) as transaction:
                now = datetime.now(UTC)
                model = Resource(
                    id=new_id("model"),
                    kind=ResourceKind.MODEL,
                    line_id=live.line.id,
                    document={"learns": self._learns(live)},
                    created_at=now,
                    updated_at=now,
                )
                payload = line_payload(live) | {
                    "folder": str(self._model_folder(model)),
                    "window_s": self.settings.forecast_window_s,
                    "runs": self.settings.training_runs,
                    "test_runs": self.settings.test_runs,
                }
                job = new_job(JobKind.TRAINING, live.line.id, model.id, payload)
                model = replace(model, document=model.document | {"job_id": job.id})
                transaction.add(model)
                told = self.jobs.add(transaction, job)
            self.jobs.wake(told)

    def forecaster(self, live: LiveLine) -> ForecasterView:
        """Return how the forecaster of a line stands."""
        line_id = live.line.id
        with self.store.begin() as transaction:
            models = transaction.slice(ResourceKind.MODEL, _models(line_id))
            learns = self._learns(live)
            found = next((item for item in models if item.document["learns"] == learns), None)
            if found is None:
                status = "off" if not self.settings.forecast else "training"
                return ForecasterView(line_id=line_id, status=status)  # type: ignore[arg-type]
            model = transaction.find(ResourceKind.MODEL, found.id)
            job = transaction.job(str(found.document["job_id"]))
        if model is not None and model.result is not None:
            return ForecasterView(
                line_id=line_id,
                status="ready",
                job_id=found.document["job_id"],
                model=model.result["model"],
            )
        ended = job is None or job.status.final
        message = job.problem.detail if job is not None and job.problem is not None else ""
        return ForecasterView(
            line_id=line_id,
            status="failed" if ended else "training",
            job_id=found.document["job_id"],
            message=message,
        )

    def _learns(self, live: LiveLine) -> str:
        """Return what a forecaster of a line learns from, in short: another one needs another."""
        return f"{live.physics}/{self.settings.forecast_window_s:g}"

    def _model_folder(self, model: Resource) -> Path:
        return self.settings.data_folder / "models" / model.id

    def _trained(self, live: LiveLine) -> Resource | None:
        """Return the newest trained model of a line; None: there is none yet."""
        with self.store.begin() as transaction:
            for found in transaction.slice(ResourceKind.MODEL, _models(live.line.id)):
                fits = found.document["learns"] == self._learns(live)
                model = transaction.find(ResourceKind.MODEL, found.id) if fits else None
                if model is not None and model.result is not None:
                    return model
        return None

    def forecast_payload(self, live: LiveLine, horizon_s: float) -> tuple[dict[str, Any], datetime]:
        """Return what a forecast needs to know, and the moment that it is made from.

        Raises
        ------
        RefusalError
            If the plant has not been seen yet.
        """
        state, as_of, _ = start_state(live, "live")
        start = known_state(live, state)
        model = self._trained(live)
        log = live.feed.log(horizon_s) if live.feed is not None else None
        recent = None
        if live.feed is not None and log is not None:
            since_s = log.end_s - 1.1 * self.settings.forecast_window_s
            recent = recent_document(log, live.line, since_s, live.feed.readings(since_s))
        payload = line_payload(live) | {
            "state": start.model_dump(mode="json"),
            "horizon_s": horizon_s,
            "history": history(log, live.line, horizon_s) if log is not None else [],
            "folder": str(self._model_folder(model)) if model else None,
            "model": model.result["model"] if model and model.result else None,
            "recent": recent,
        }
        return payload, as_of

    # Operation ------------------------------------------------------------------------------------

    def _gauges(self) -> list[Reading]:
        """Return what Prometheus is told of this moment; asked for in a thread of its own."""
        ages: Values = {}
        good: Values = {}
        jobs: Values = {}
        for line_id, live in self.lines.items():
            told = live.provenance(live.picture())
            ages[line_id,] = told.age_ms / 1000.0
            good[line_id,] = float(told.quality == "good")
        with self.store.begin() as transaction:
            for status in (JobStatus.QUEUED, JobStatus.RUNNING):
                jobs[str(status),] = float(transaction.count_jobs(status))
        return [
            ("linetwin_jobs", "Jobs that wait or run", jobs, ("status",)),
            ("linetwin_line_age_seconds", "Age of the newest value", ages, ("line",)),
            ("linetwin_line_good", "1: the state can be trusted", good, ("line",)),
            ("linetwin_event_clients", "Clients of the event stream", self._clients(), ()),
        ]

    def _clients(self) -> Values:
        return {(): float(self.hub.followers)}

    # Readiness ------------------------------------------------------------------------------------

    def checks(self) -> dict[str, str]:
        """Return what must be there before work is taken, each with ``ok`` or what is missing."""
        try:
            with self.store.begin() as transaction:
                transaction.count_jobs(JobStatus.QUEUED)
            store = self.store.refused or "ok"
        except JournalError as error:
            store = str(error)
        return {
            "store": store,
            "workers": "ok" if self.jobs.ready else "not started",
            "quick_workers": "ok" if self.quick.ready else "starting",
        }


def make_store(settings: Settings) -> SqlStore:
    """Return the store that the settings name; it is not open yet.

    Raises
    ------
    OptionsError
        If ``database_url`` is no database that can be used.
    """
    if settings.database_url:
        return SqlStore(database_url(settings.database_url))
    return SqlStore(sqlite_url(settings.data_folder / "site.sqlite"))


def line_payload(live: LiveLine | Planned) -> dict[str, Any]:
    """Return what a worker needs to know of a line."""
    return {"line": live.document, "line_hash": live.line.hash}


def start_state(live: LiveLine, start: str | LineState) -> tuple[LineState | None, datetime, str]:
    """Return where a run begins.

    Parameters
    ----------
    live : LiveLine
        Line.
    start : str or LineState
        ``live``, ``empty``, or a state.

    Returns
    -------
    tuple of (LineState or None, datetime, str)
        The state (None: empty, at the line's start), its moment, and ``live``, ``empty`` or
        ``state``.

    Raises
    ------
    RefusalError
        If the plant has not been seen yet, or the state is of another line.
    """
    if isinstance(start, LineState):
        if start.line_id != live.line.id:
            raise invalid("start.line_id", f"is {start.line_id!r}", live.line.id)
        return start.opened(), live.line.moment(start.time_s), "state"
    if start == "live" and live.feed is not None:
        picture = live.picture()
        if not picture.known:
            detail = f"no picture of the plant of {live.line.id!r} yet: {picture.link.message}"
            raise RefusalError(NOT_READY, detail, headers={"Retry-After": "2"})
        return picture.state.opened(), picture.as_of, "live"
    return None, live.line.start_utc, "empty"


def history(log: EventLog, line: Line, window_s: float) -> list[dict[str, Any]]:
    """Return the parts finished in equal stretches of the last ``window_s`` that were seen."""
    length_s = window_s / HISTORY_BINS
    moments_s = log.time_s[log.kind == Kind.PART_FINISHED]
    found = []
    for number in range(HISTORY_BINS, 0, -1):
        begin_s, end_s = log.end_s - number * length_s, log.end_s - (number - 1) * length_s
        if begin_s < log.begin_s:
            continue  # not seen as a whole
        begin, end = moments_s.searchsorted([begin_s, end_s])
        found.append(
            {
                "begin": line.moment(begin_s).isoformat(),
                "end": line.moment(end_s).isoformat(),
                "finished": float(end - begin),
            }
        )
    return found


def known_state(live: LiveLine, state: LineState | None) -> LineState:
    """Return a state, or that of the empty line at its start."""
    return state if state is not None else empty_state(live.line)


def _models(line_id: str) -> Slice:
    return Slice(limit=20, line_id=line_id)
