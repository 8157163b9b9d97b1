"""The queue of jobs and the workers that do them.

A job is a row of the store. It is claimed by a worker in one transaction and ended in one, together
with its result; so after a crash it either counts as done or is done again, with the same result,
because everything that decides the result is in its payload.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from api.jobs.frames import Message
from api.jobs.process import Limits, WorkerDiedError, WorkerProcess
from api.problems import (
    CONFLICT,
    QUEUE_FULL,
    QUOTA,
    TIME_LIMIT,
    WORKER_DIED,
    RefusalError,
    not_found,
)
from api.schemas import Job, JobKind, JobStatus, Problem, Progress
from api.settings import Settings
from api.store import AuditNote, JobRecord, Slice, Store, Transaction, new_id
from twin.errors import JournalError

ATTEMPTS = 2
"""Times a job is begun before a worker that dies under it ends it."""
RESTARTS = 5
"""Times a job is begun before restarts of the service under it end it."""
PATIENCE_S = 1.2
"""Time that a cancelled job has to stop by itself before its process is ended, s."""
DATABASE_S = 60.0
"""Time for which a database that is away is waited for, s."""
RESULT_PATHS = {
    JobKind.RUN: "/v1/runs/{id}/results",
    JobKind.SCHEDULE: "/v1/schedules/{id}",
    JobKind.FORECAST: "/v1/forecasts/{id}",
    JobKind.SENSITIVITY: "/v1/sensitivities/{id}",
    JobKind.SCREENING: "/v1/screenings/{id}",
    JobKind.TRAINING: "/v1/lines/{line}/forecaster",
}

_log = logging.getLogger(__name__)
_ALL = Slice(limit=100_000)


class JobManager:
    """Does the jobs of the store, a few at a time.

    Parameters
    ----------
    store : Store
        Where jobs and results are kept.
    settings : Settings
        Number of workers, length of the queue, time limit.
    tell : callable
        Told of each job that moves, in the event loop.
    note_end : callable
        Called within the transaction that ends a job.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        tell: Callable[[Job], None],
        note_end: Callable[[Transaction, JobRecord], None],
    ) -> None:
        self._store = store
        self._settings = settings
        self._tell = tell
        self._note_end = note_end
        self._progress: dict[str, Progress] = {}
        self._running: dict[str, WorkerProcess] = {}
        limits = Limits(settings.job_memory_bytes, settings.job_cpu_limit_s)
        self._workers = [
            WorkerProcess(background=True, limits=limits) for _ in range(settings.job_workers)
        ]
        self._loops: list[asyncio.Task[None]] = []
        self._endings: set[asyncio.Task[None]] = set()
        self._unwanted: set[str] = set()
        self._work = asyncio.Event()
        self._warm_up: Message = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    # Asking ---------------------------------------------------------------------------------------

    def add(self, transaction: Transaction, job: JobRecord) -> Job:
        """Keep a new job within a transaction; call ``wake`` once that has ended.

        Raises
        ------
        RefusalError
            If too many jobs wait already.
        """
        self._check_quota(transaction, job.owner)
        limit = self._settings.queue_limit
        if transaction.count_jobs(JobStatus.QUEUED) >= limit:
            detail = f"{limit} jobs wait already; cancel one, or try again later"
            raise RefusalError(QUEUE_FULL, detail, headers={"Retry-After": "5"})
        transaction.add_job(job)
        return self.view(job)

    def _check_quota(self, transaction: Transaction, owner: str) -> None:
        """Refuse a job of somebody who has too many at work; the service itself has no quota."""
        limit = self._settings.jobs_per_key
        open_jobs = sum(
            transaction.count_jobs(status, owner)
            for status in (JobStatus.QUEUED, JobStatus.RUNNING)
        )
        if owner and open_jobs >= limit:
            detail = f"{limit} jobs of this key wait or run; cancel one, or wait for one"
            raise RefusalError(QUOTA, detail, headers={"Retry-After": "5"})

    def wake(self, job: Job) -> None:
        """Have a job begun that was added; may be called from any thread."""
        assert self._loop is not None, "start() comes first"
        self._loop.call_soon_threadsafe(self._added, job)

    def _added(self, job: Job) -> None:
        self._tell(job)
        self._work.set()

    def view(self, job: JobRecord) -> Job:
        """Return a job as the API shows it."""
        done = job.status is JobStatus.SUCCEEDED
        path = RESULT_PATHS[job.kind].format(id=job.subject_id, line=job.line_id)
        # The store knows of the end a moment before what the worker told last is forgotten.
        progress = Progress(fraction=1.0) if done else self._progress.get(job.id, Progress())
        return Job(
            id=job.id,
            kind=job.kind,
            status=job.status,
            line_id=job.line_id,
            subject_id=job.subject_id,
            progress=progress,
            attempts=job.attempts,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            result_url=path if done else None,
            problem=job.problem,
        )

    async def cancel(self, identity: str, note: AuditNote) -> Job:
        """End a job: one that waits at once, one that runs within two seconds.

        Raises
        ------
        RefusalError
            If there is no such job, or it has ended otherwise.
        """
        job = await asyncio.to_thread(self._mark_cancelled, identity, note)
        view = self.view(job)
        self._tell(view)
        if not job.status.final:
            self._unwanted.add(identity)
            worker = self._running.get(identity)
            if worker is not None:
                self._end_soon(worker, identity)
        return view

    def _end_soon(self, worker: WorkerProcess, identity: str) -> None:
        ending = asyncio.create_task(self._end(worker, identity))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    def _mark_cancelled(self, identity: str, note: AuditNote) -> JobRecord:
        with self._store.begin(write=True) as transaction:
            job = transaction.job(identity)
            if job is None:
                raise not_found("job", identity)
            if job.status.final and job.status is not JobStatus.CANCELLED:
                raise RefusalError(CONFLICT, f"the job has already {job.status}")
            if job.status is JobStatus.QUEUED:
                job = replace(job, status=JobStatus.CANCELLED, finished_at=datetime.now(UTC))
            job = replace(job, cancel_wanted=True)
            transaction.update_job(job)
            transaction.note(note, datetime.now(UTC))
            return job

    async def _end(self, worker: WorkerProcess, identity: str) -> None:
        await worker.cancel(identity)
        await asyncio.sleep(PATIENCE_S)
        if self._running.get(identity) is worker:
            worker.kill()

    # Doing ----------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether a worker is there for each loop."""
        return bool(self._loops) and all(not loop.done() for loop in self._loops)

    @property
    def pids(self) -> list[int]:
        """Numbers of the worker processes."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    async def start(self, warm_up: Message) -> None:
        """Put jobs that a crash interrupted back into the queue, and start the workers."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._recover)
        self._loops = [
            asyncio.create_task(self._serve(worker, warm_up), name=f"jobs-{number}")
            for number, worker in enumerate(self._workers)
        ]
        self._work.set()

    async def stop(self) -> None:
        """End the workers; what they were doing waits for the next start."""
        for task in [*self._loops, *self._endings]:
            task.cancel()
        await asyncio.gather(*self._loops, *self._endings, return_exceptions=True)
        for identity, worker in list(self._running.items()):
            await worker.cancel(identity)
        await asyncio.gather(*(worker.stop() for worker in self._workers))
        if self._running:
            await asyncio.to_thread(self._recover)

    def _recover(self) -> None:
        with self._store.begin(write=True) as transaction:
            for found in transaction.jobs(_ALL, JobStatus.RUNNING):
                transaction.update_job(_recovered(found))

    async def _serve(self, worker: WorkerProcess, warm_up: Message) -> None:
        """Do one job after the other, for ever."""
        self._warm_up = warm_up
        try:
            await self._ready(worker)
        except WorkerDiedError:
            _log.exception("a worker for jobs did not start; it is tried again with the next job")
        while True:
            try:
                job = await asyncio.to_thread(self._claim)
            except JournalError:
                _log.exception("the queue of jobs cannot be read")
                await asyncio.sleep(1.0)
                continue
            if job is None:
                await self._work.wait()
                self._work.clear()
                continue
            self._work.set()  # there may be more, for another worker
            await self._run(worker, job)

    async def _ready(self, worker: WorkerProcess) -> None:
        """Start a worker that is not there, and let it load what every job needs."""
        if worker.pid is None:
            await worker.start()
            await worker.call("warm", self._warm_up, lambda _message: None)

    def _claim(self) -> JobRecord | None:
        with self._store.begin(write=True) as transaction:
            return transaction.claim(datetime.now(UTC))

    async def _run(self, worker: WorkerProcess, job: JobRecord) -> None:
        self._running[job.id] = worker
        self._progress[job.id] = Progress(message="begun")
        self._tell(self.view(job))
        if job.id in self._unwanted:
            self._end_soon(worker, job.id)  # cancelled between its claim and now
        limit_s = self._settings.job_time_limit_s
        answer: Message
        try:
            await self._ready(worker)
            async with asyncio.timeout(limit_s):
                answer = await worker.call(
                    job.kind, job.payload, lambda message: self._heard(job, message), job.id
                )
        except WorkerDiedError as error:
            await worker.stop()
            answer = {"died": str(error)}
            if error.out_of_time:
                most_s = self._settings.job_cpu_limit_s
                told = RefusalError(TIME_LIMIT, f"it used more than {most_s:g} s of processor time")
                answer = {"problem": told.problem().model_dump(mode="json")}
        except TimeoutError:
            worker.kill()
            await worker.stop()
            told = RefusalError(TIME_LIMIT, f"it was ended after {limit_s:g} s")
            answer = {"problem": told.problem().model_dump(mode="json")}
        ended = await self._finish_patiently(job, answer)
        self._running.pop(job.id, None)
        self._progress.pop(job.id, None)
        self._unwanted.discard(job.id)
        self._tell(self.view(ended))
        if ended.status is JobStatus.QUEUED:
            self._work.set()

    def _heard(self, job: JobRecord, message: Message) -> None:
        self._progress[job.id] = Progress(**message["progress"])
        self._tell(self.view(job))

    async def _finish_patiently(self, job: JobRecord, answer: Message) -> JobRecord:
        """Note how a job ended; a database that is away is waited for, then given up.

        What could not be noted stays marked as running, and is done again after a restart.
        """
        until_s = time.monotonic() + DATABASE_S
        while True:
            try:
                return await asyncio.to_thread(self._finish, job, answer)
            except JournalError as error:
                if time.monotonic() > until_s:
                    _log.exception("the end of job %s cannot be kept", job.id)
                    told = RefusalError(WORKER_DIED, f"the result could not be kept: {error}")
                    now = datetime.now(UTC)
                    return replace(
                        job, status=JobStatus.FAILED, problem=told.problem(), finished_at=now
                    )
                _log.warning("the end of job %s cannot be kept yet: %s", job.id, error)
                await asyncio.sleep(1.0)

    def _finish(self, job: JobRecord, answer: Message) -> JobRecord:
        now = datetime.now(UTC)
        with self._store.begin(write=True) as transaction:
            current = transaction.job(job.id)
            if current is None:
                return job
            ended = self._ended(replace(current, finished_at=now), answer)
            if ended.status is JobStatus.SUCCEEDED:
                transaction.finish(job.subject_id, answer["result"])
            transaction.update_job(ended)
            if ended.status.final:
                self._note_end(transaction, ended)
        return ended

    @staticmethod
    def _ended(job: JobRecord, answer: Message) -> JobRecord:
        """Return the job as it stands after the last message about it."""
        if "result" in answer:
            return replace(job, status=JobStatus.SUCCEEDED)
        if job.cancel_wanted:
            return replace(job, status=JobStatus.CANCELLED)
        if "problem" in answer:
            problem = Problem.model_validate(answer["problem"])
            return replace(job, status=JobStatus.FAILED, problem=problem)
        if job.attempts < ATTEMPTS:
            return replace(job, status=JobStatus.QUEUED, finished_at=None)
        told = RefusalError(
            WORKER_DIED,
            f"{answer.get('died', 'it ended')}; {job.attempts} attempts were made. It may have run "
            "out of memory: ask for less, or see the log of the service",
        )
        return replace(job, status=JobStatus.FAILED, problem=told.problem())


def _recovered(job: JobRecord) -> JobRecord:
    """Return a job that the service left running as it goes on after a restart."""
    now = datetime.now(UTC)
    if job.cancel_wanted:
        return replace(job, status=JobStatus.CANCELLED, finished_at=now)
    if job.attempts < RESTARTS:
        return replace(job, status=JobStatus.QUEUED)
    told = RefusalError(WORKER_DIED, f"the service ended {job.attempts} times while it was done")
    return replace(job, status=JobStatus.FAILED, finished_at=now, problem=told.problem())


def new_job(kind: JobKind, line_id: str, subject_id: str, payload: dict[str, Any]) -> JobRecord:
    """Return a job that waits to be added."""
    return JobRecord(
        id=new_id("job"),
        kind=kind,
        status=JobStatus.QUEUED,
        line_id=line_id,
        subject_id=subject_id,
        created_at=datetime.now(UTC),
        payload=payload,
    )
