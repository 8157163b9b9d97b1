"""What workers can do, by name. A task takes and gives JSON, and imports what it needs itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from api.jobs.tasks.check import check
from api.jobs.tasks.context import Context, LineCache
from api.jobs.tasks.explain import explain
from api.jobs.tasks.forecast import forecast, train
from api.jobs.tasks.promise import promise
from api.jobs.tasks.run import run
from api.jobs.tasks.schedule import schedule
from api.jobs.tasks.screening import screening
from api.jobs.tasks.sensitivity import sensitivity
from api.jobs.tasks.warm import warm

Document = dict[str, Any]
Task = Callable[[Document, Context, LineCache], Document]

TASKS: dict[str, Task] = {
    "check": check,
    "explain": explain,
    "forecast": forecast,
    "promise": promise,
    "run": run,
    "schedule": schedule,
    "screening": screening,
    "sensitivity": sensitivity,
    "training": train,
    "warm": warm,
}
"""Tasks by name; jobs go by the name of their kind."""
