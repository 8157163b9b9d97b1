"""Shapes of schedules and forecasts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.common import Handle, Interval, Moment, Provenance, Shape
from api.schemas.jobs import JobStatus
from api.schemas.objections import ClosedTime, ScheduleViolation, ScheduleWarning
from api.schemas.scenarios import Start
from twin.line.spec import Id


class MovedOperation(Shape):
    """Where a planner put one bar of the Gantt chart."""

    order: Id
    """Order."""
    operation: Id
    """Operation of its routing."""
    station: Id
    """Where."""
    start: Moment
    """From."""
    end: Moment
    """To."""


class ScheduleIn(Shape):
    """What to schedule."""

    line_id: Id
    """Line."""
    order_ids: tuple[Id, ...] | None = Field(default=None, min_length=1, max_length=500)
    """Orders to schedule; none: all that are not finished."""
    start: Start = "live"
    """Where the line stands; ``live`` is ``empty`` for a line without a plant."""
    time_limit_s: float = Field(default=10.0, gt=0, le=600.0)
    """Wall-clock time for the search, s."""
    replications: int = Field(default=20, ge=2, le=1000)
    """Replications of the replay that gives the on-time probabilities."""
    seed: int = Field(default=1, ge=0, lt=2**63)
    """Seed of the random numbers."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of the intervals."""
    robust: bool = False
    """Of several plans that are nearly as good take the one that is least late when times vary and
    stations fail; where bars are locked the best plan is taken in any case."""
    locked: tuple[MovedOperation, ...] = Field(default=(), max_length=20_000)
    """Bars that stay where a planner put them; the rest is planned around them. An order locked at
    its first station enters late enough; elsewhere the line waits for no moment, and a warning
    tells which bars begin more than a minute from theirs."""
    running_id: Handle | None = None
    """Schedule that the line works by, or in which bars were locked: the new one is told as changes
    to it, and bars that are locked where they stood stay there; none: a fresh one."""
    freeze_s: float = Field(default=0.0, ge=0, le=31 * 86400.0)
    """From now on, how long the running schedule stays as it is, s."""
    stability: float = Field(default=0.0, ge=0, le=1e6)
    """Price of moving a bar of the running schedule by one second, in seconds of tardiness."""


class ScheduledOperation(Shape):
    """One bar of the Gantt chart."""

    order: str
    """Order."""
    operation: str
    """Operation of its routing."""
    station: str
    """Where."""
    product: str = ""
    """What is made."""
    start: Moment
    """From."""
    end: Moment
    """To."""
    start_s: float
    """From, s since the line's start."""
    end_s: float
    """To, s since the line's start."""
    setup_s: float = 0.0
    """Setup before it, s; it ends at ``start``."""
    turn: int | None = None
    """Place among all operations in which the line is told to take it; none: that of its start."""
    people: tuple[str, ...] = ()
    """Crews that work on it, each as often as people of it are with one part."""
    locked: bool = False
    """Whether it was asked for where it is, or nearby, and the rest was planned around it."""


class ScheduledOrder(Shape):
    """One order in the schedule."""

    order: str
    """Order."""
    product: str
    """What is made."""
    quantity: int
    """Parts that are scheduled."""
    due_date: Moment | None
    """Wanted by."""
    completion: Moment | None
    """Planned completion."""
    tardiness_s: float | None
    """Planned lateness, s; 0 when it is in time; none without due date."""
    on_time_probability: Interval | None
    """Share of the replays that keep the due date; none without due date."""
    completion_p50: Moment | None = None
    """Done by then in half of the replays; none: beyond their horizon."""
    completion_p90: Moment | None = None
    """Done by then in nine of ten replays; none: beyond their horizon."""


class ScheduleChanges(Shape):
    """What a schedule changes against the running one, as that runs on by itself."""

    moved: int = Field(ge=0)
    """Operations at another time or elsewhere."""
    machine_changes: int = Field(ge=0)
    """How many of them go to another station."""
    added: int = Field(ge=0)
    """Operations that the running schedule does not have."""
    shift_s: float = Field(ge=0)
    """Sum of the moves in time, s."""
    later: tuple[str, ...]
    """Orders that end later than without the change."""
    improved: bool
    """Whether anything better was found; else the running schedule goes on as it can."""
    objective_unchanged: float | None
    """What the running schedule is worth as it goes on by itself."""


class ScheduleChoice(Shape):
    """From what a plan was chosen that holds up when times vary and stations fail."""

    plans: int = Field(ge=1)
    """Plans that were played in the twin, with the same chances."""
    changed: bool
    """Whether another plan was taken than the best one on paper."""
    late_s: float = Field(ge=0)
    """Mean weighted lateness of the one taken, s."""
    late_on_paper_best_s: float = Field(ge=0)
    """The same for the best one on paper, s."""


class ScheduleResult(Shape):
    """A schedule that was found, checked and replayed."""

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    """``unknown``: nothing was found in the time limit."""
    solver: str
    """Who found it."""
    objective: float | None
    """Value of the objective; smaller is better."""
    objective_name: str
    """What the objective is, with its unit."""
    bound: float | None
    """No schedule can be better than this; none: not known."""
    gap: float | None
    """(objective - bound) / objective; none: not known."""
    elapsed_s: float
    """Wall-clock time of the search, s."""
    operations: tuple[ScheduledOperation, ...]
    """Bars of the Gantt chart, by start."""
    closed: tuple[ClosedTime, ...] = ()
    """Where bars pause, up to the end of the last one."""
    orders: tuple[ScheduledOrder, ...]
    """Orders, by planned completion."""
    violations: tuple[ScheduleViolation, ...]
    """What an independent check found wrong; empty: nothing."""
    warnings: tuple[ScheduleWarning, ...] = ()
    """What the plan leaves out: bars may come later in the plant than they stand here."""
    replications: int
    """Replays behind the probabilities."""
    message: str = ""
    """More, for people."""
    changes: ScheduleChanges | None = None
    """Against the running schedule; none: it was made without one."""
    choice: ScheduleChoice | None = None
    """What it was chosen from; none: the best plan on paper was asked for, or nothing is due."""
    provenance: Provenance
    """State it starts from; ``simulated``."""


class ScheduleView(Shape):
    """A schedule that was asked for."""

    id: Handle
    """Id."""
    line_id: str
    """Line."""
    job_id: Handle
    """Job that makes it."""
    status: JobStatus
    """How far the job has come."""
    created_at: Moment
    """Asked for at."""
    version: int = Field(default=1, ge=1)
    """Counts its changes; also its ETag."""
    released_at: Moment | None = None
    """Released to the plant at; none: it is a proposal."""
    released_by: str | None = None
    """Who released it."""
    result: ScheduleResult | None = None
    """The schedule, once it is there."""


class ScheduleCheckIn(Shape):
    """A schedule as a planner would have it."""

    operations: tuple[MovedOperation, ...] = Field(min_length=1, max_length=20_000)
    """Bars that were moved; the others stay where the schedule has them."""


class KeptOrder(Shape):
    """An order that the line ends at another time after bars were moved."""

    order: str
    """Order."""
    completion_s: float
    """Its end then, s since the line's start."""
    before_s: float
    """Its end in the schedule, s since the line's start."""


class ScheduleCheck(Shape):
    """What an independent check says of a schedule."""

    feasible: bool
    """Whether nothing is wrong."""
    violations: tuple[ScheduleViolation, ...]
    """What is wrong now and was not in the schedule."""
    objective: float | None
    """What the schedule is worth as the line does it: it waits for no moment, but takes a moved bar
    before the first one at its station that begins later. None: it would come to a stop."""
    objective_before: float | None
    """What it was worth before the bars were moved."""
    kept: tuple[KeptOrder, ...] | None = None
    """Orders that the line then ends at other times; none: parts would wait for ever."""
    provenance: Provenance
    """State that the schedule starts from; ``simulated``."""


class ScheduleQuestion(Shape):
    """Which order is asked about."""

    order: Id
    """Order."""
    time_budget_s: float = Field(default=3.0, gt=0, le=20.0)
    """Wall-clock time for trying what would help, s."""


class Hold(Shape):
    """What one operation waits for."""

    kind: Literal[
        "work", "predecessor", "last_part", "machine", "setup", "calendar", "operator",
        "blocked", "wait", "ready", "release", "start", "frozen", "choice",
    ]  # fmt: skip
    """What it is."""
    order: str
    """Order that is held."""
    operation: str
    """Its operation."""
    held_by: str
    """``order/operation``, station or order that holds it."""
    until: Moment
    """Until when."""
    text: str
    """In words, times in s since the line's start."""


class Relaxation(Shape):
    """One change that would make a late order earlier, and what comes of it."""

    kind: Literal["overtime", "ready", "release", "first", "without"]
    """``overtime``: ``element`` works longer; ``ready``: it is there at once; ``release``: the
    order is released earlier; ``first``: it goes before the others; ``without``: the order
    ``element`` is made after everything else."""
    element: str
    """Station or order that it is about."""
    at: Moment
    """From when on."""
    amount_s: float = Field(ge=0)
    """How much of it, s: overtime, or the time by which something is given up."""
    tardiness_s: float = Field(ge=0)
    """By how much the order would still be late, s."""
    on_time: bool
    """Whether it would be on time."""
    others_later_s: float = Field(ge=0)
    """Sum of what other orders would be late more, s."""
    text: str
    """In words, times in s since the line's start."""


class ScheduleExplanation(Shape):
    """Why an order is done when it is."""

    order: str
    """Order."""
    tardiness_s: float = Field(ge=0)
    """By how much it is late, s."""
    chain: tuple[Hold, ...]
    """What holds what, from a cause that nothing in the schedule holds to the order's end."""
    relaxations: tuple[Relaxation, ...]
    """What would help a late order, tried: those that suffice first, the cheapest first."""
    provenance: Provenance
    """State that the schedule starts from; ``simulated``."""


class ForecastIn(Shape):
    """What to foretell."""

    line_id: Id
    """Line."""
    horizon_s: float = Field(default=3600.0, gt=0, le=7 * 86400.0)
    """Time ahead, s."""


class FanPoint(Shape):
    """Throughput of one stretch of time ahead."""

    begin: Moment
    """From."""
    end: Moment
    """To."""
    quantiles: dict[str, float]
    """Good parts finished in the stretch, by quantile: ``{"0.05": .., "0.5": .., "0.95": ..}``."""


class HistoryPoint(Shape):
    """Throughput of one stretch of time gone by."""

    begin: Moment
    """From."""
    end: Moment
    """To."""
    finished: float
    """Good parts finished."""


class FaultRisk(Shape):
    """How likely a station fails soon."""

    station: str
    """Station."""
    probability: float = Field(ge=0, le=1)
    """Probability of a fault within ``horizon_s``."""
    horizon_s: float
    """Time ahead, s."""
    naive_probability: float | None = None
    """What the station's mean failure rate alone would say."""


class ModelScore(Shape):
    """How a model did on data that it had not seen, against a naive one."""

    target: str
    """What is foretold, e.g. ``throughput`` or ``fault``."""
    metric: str
    """Measure, e.g. ``pinball``, ``brier`` or ``pr_auc``."""
    model: float
    """The model's."""
    naive: float
    """The naive one's."""
    naive_name: str = ""
    """What the naive one does."""
    higher_is_better: bool | None = False
    """Which way is up; none: as near as possible to its nominal value, as a coverage is."""
    low: float | None = None
    """Lower end of the bootstrap interval of the model's figure."""
    high: float | None = None
    """Upper end."""
    skill: float | None = None
    """1 - model / naive: above 0 is better than naive."""
    n: int | None = None
    """Independent runs it was scored on."""


class ForecastModel(Shape):
    """The model behind a forecast."""

    id: str
    """Id."""
    trained_at: Moment
    """Trained at."""
    trained_on: str = ""
    """What it learned from."""
    scores: tuple[ModelScore, ...] = ()
    """How it did."""


class ForecastResult(Shape):
    """A forecast from the line's recent past."""

    horizon_s: float
    """Time ahead, s."""
    throughput: tuple[FanPoint, ...]
    """Fan of the throughput."""
    history: tuple[HistoryPoint, ...] = ()
    """Throughput before, for the chart."""
    fault_risks: tuple[FaultRisk, ...]
    """Stations, the most endangered first."""
    down: tuple[str, ...] = ()
    """Stations that are down now, so that they have no risk."""
    model: ForecastModel
    """The model."""
    message: str = ""
    """What the reader must know, such as why there are no fault risks."""
    provenance: Provenance
    """State it starts from; ``forecast``."""


class ForecastView(Shape):
    """A forecast that was asked for."""

    id: Handle
    """Id."""
    line_id: str
    """Line."""
    job_id: Handle
    """Job that makes it."""
    status: JobStatus
    """How far the job has come."""
    created_at: Moment
    """Asked for at."""
    result: ForecastResult | None = None
    """The forecast, once it is there."""


class ForecasterView(Shape):
    """Whether the forecaster of a line is ready."""

    line_id: str
    """Line."""
    status: Literal["off", "training", "ready", "failed"]
    """``off``: not wanted for this site."""
    job_id: Handle | None = None
    """Job that trains it, or trained it."""
    model: ForecastModel | None = None
    """The model, once it is there."""
    message: str = ""
    """More, for people."""
