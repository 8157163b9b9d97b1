"""What the line should do: orders and the live state become a schedule that the twin has judged.

Pyomo and HiGHS are imported only when a problem is solved with them.
"""

from scenarios.schedule.bounds import Bound, lower_bound
from scenarios.schedule.checks import ProblemError
from scenarios.schedule.dispatching import dispatch
from scenarios.schedule.explain import Explanation, explain
from scenarios.schedule.features import Feature, features
from scenarios.schedule.formats import from_flexible_text, from_jobshop_text
from scenarios.schedule.locking import lock
from scenarios.schedule.problem import (
    Interval,
    Job,
    Machine,
    Mode,
    Objective,
    Operation,
    Planned,
    Price,
    Resource,
    SchedulingProblem,
)
from scenarios.schedule.replay import OrderOutlook, on_time, plan_of, replay, replay_options
from scenarios.schedule.schedule import JobOutcome, Placement, Schedule
from scenarios.schedule.solve import Limits, Progress, ScheduleResult, SolveStatus, solve
from scenarios.schedule.violations import Violation, ViolationKind, violations

__all__ = [
    "Bound",
    "Explanation",
    "Feature",
    "Interval",
    "Job",
    "JobOutcome",
    "Limits",
    "Machine",
    "Mode",
    "Objective",
    "Operation",
    "OrderOutlook",
    "Placement",
    "Planned",
    "Price",
    "ProblemError",
    "Progress",
    "Resource",
    "Schedule",
    "ScheduleResult",
    "SchedulingProblem",
    "SolveStatus",
    "Violation",
    "ViolationKind",
    "dispatch",
    "explain",
    "features",
    "from_flexible_text",
    "from_jobshop_text",
    "lock",
    "lower_bound",
    "on_time",
    "plan_of",
    "replay",
    "replay_options",
    "solve",
    "violations",
]
