"""Shapes of long work and of the event stream."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from api.schemas.common import Handle, Moment, Problem, Shape


class JobKind(StrEnum):
    """What a job does."""

    RUN = "run"
    SCHEDULE = "schedule"
    FORECAST = "forecast"
    TRAINING = "training"
    SENSITIVITY = "sensitivity"
    SCREENING = "screening"


class JobStatus(StrEnum):
    """How far a job has come."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether it stays so."""
        return self in {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED}


class InterimRow(Shape):
    """What a run says so far about one figure of one scenario."""

    scenario_id: str
    """Scenario."""
    kpi: str
    """Figure."""
    replications: int
    """Replications of each scenario so far."""
    base: float | None
    """Mean of the line as it is, in the figure's unit."""
    difference: float | None
    """Mean paired difference so far."""
    low: float | None
    """Lower end of its interval."""
    high: float | None
    """Upper end."""
    verdict: str
    """What it allows to say so far."""


class Progress(Shape):
    """How far a job has come."""

    fraction: float = Field(default=0.0, ge=0, le=1)
    """Share of the work that is done."""
    message: str = ""
    """What it is doing, for people."""
    objective: float | None = None
    """Best objective found so far, where something is optimised."""
    bound: float | None = None
    """Bound on the objective, where one is known."""
    left_s: float | None = None
    """Time that is left at this pace, s, where it is known."""
    interim: tuple[InterimRow, ...] = ()
    """What a what-if run says so far; the intervals become narrower."""


class Job(Shape):
    """Long work: poll it, follow it on ``/v1/events``, or cancel it."""

    id: Handle
    """Id."""
    kind: JobKind
    """What it does."""
    status: JobStatus
    """How far it has come."""
    line_id: str
    """Line it is about."""
    subject_id: Handle
    """Id of what it makes: a run, schedule, forecast, model, sensitivities or a screening."""
    progress: Progress
    """How far it has come."""
    attempts: int = Field(ge=0)
    """Times it was begun."""
    created_at: Moment
    """Asked for at."""
    started_at: Moment | None = None
    """Begun at, last time."""
    finished_at: Moment | None = None
    """Ended at."""
    result_url: str | None = None
    """Path of the result, once it is there."""
    problem: Problem | None = None
    """Why it failed."""


class EventKind(StrEnum):
    """Events of the stream; ``data`` is the JSON shape named here."""

    STATE = "state"
    """LineStateView, at each tick of each line."""
    LINK = "link"
    """LinkChange, when the connection to the plant changes."""
    JOB = "job"
    """Job, when it is made, moves or ends."""
    RESET = "reset"
    """EventReset: events were missed; read the resources again."""


class EventReset(Shape):
    """Events between the last one seen and now are gone."""

    missed_after: str
    """Id of the last event seen."""
