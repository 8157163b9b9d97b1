"""What the line should do: orders and the live state become a schedule that the twin has judged.

Pyomo and HiGHS are imported only when a problem is solved with them.
"""

from scenarios.schedule.bounds import Bound, lower_bound
from scenarios.schedule.checks import ProblemError
from scenarios.schedule.conflicts import Conflict, conflict
from scenarios.schedule.dispatching import dispatch
from scenarios.schedule.explain import Explanation, explain
from scenarios.schedule.features import Feature, features
from scenarios.schedule.formats import from_flexible_text, from_jobshop_text
from scenarios.schedule.keeping import kept
from scenarios.schedule.left_out import LeftOut, Omission, left_out, not_kept
from scenarios.schedule.locking import lock, on_the_line
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
from scenarios.schedule.relax import Relaxation, relaxations
from scenarios.schedule.replan import Proposal, difference, release, replan, right_shift
from scenarios.schedule.replay import OrderOutlook, on_time, plan_of, replay, replay_options
from scenarios.schedule.robust import Choice, Judged, choose, distinct, reliability
from scenarios.schedule.schedule import JobOutcome, Placement, Schedule
from scenarios.schedule.solve import Limits, Progress, ScheduleResult, SolveStatus, solve
from scenarios.schedule.sturdy import sturdiest
from scenarios.schedule.violations import Violation, ViolationKind, violations

__all__ = [
    "Bound",
    "Choice",
    "Conflict",
    "Explanation",
    "Feature",
    "Interval",
    "Job",
    "JobOutcome",
    "Judged",
    "LeftOut",
    "Limits",
    "Machine",
    "Mode",
    "Objective",
    "Omission",
    "Operation",
    "OrderOutlook",
    "Placement",
    "Planned",
    "Price",
    "ProblemError",
    "Progress",
    "Proposal",
    "Relaxation",
    "Resource",
    "Schedule",
    "ScheduleResult",
    "SchedulingProblem",
    "SolveStatus",
    "Violation",
    "ViolationKind",
    "choose",
    "conflict",
    "difference",
    "dispatch",
    "distinct",
    "explain",
    "features",
    "from_flexible_text",
    "from_jobshop_text",
    "kept",
    "left_out",
    "lock",
    "lower_bound",
    "not_kept",
    "on_the_line",
    "on_time",
    "plan_of",
    "relaxations",
    "release",
    "reliability",
    "replan",
    "replay",
    "replay_options",
    "right_shift",
    "solve",
    "sturdiest",
    "violations",
]
