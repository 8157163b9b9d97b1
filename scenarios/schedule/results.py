"""What a search may use, and what it comes back with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, ValidationError

from scenarios.schedule.schedule import Schedule
from twin.errors import OptionsError
from twin.line.spec import Spec, worded
from twin.units import PositiveDuration

Engine = Literal["auto", "dispatch", "search", "highs", "cpsat"]
"""Engine by name: ``dispatch`` rules only; ``search``, compiled local search; ``highs``, the Pyomo
model; ``cpsat``, if it is installed; ``auto``, those that know all demands, side by side."""


class SolveStatus(StrEnum):
    """How a search ended."""

    OPTIMAL = "optimal"
    """The schedule is proven to be best."""
    FEASIBLE = "feasible"
    """The schedule meets every demand; a better one may exist."""
    INFEASIBLE = "infeasible"
    """It is proven that no schedule meets every demand; the messages say why."""
    TIME_LIMIT = "time_limit"
    """The time was over before a feasible schedule was found."""
    CANCELLED = "cancelled"
    """Stopped on request before a feasible schedule was found."""


class Limits(Spec):
    """What a search may use.

    Raises
    ------
    OptionsError
        If a value makes no sense.
    """

    seconds: PositiveDuration = 10.0
    """Wall time, s."""
    iterations: int | None = Field(default=None, ge=1)
    """Steps of the compiled search; it then runs alone, without a look at the clock, and one seed
    gives one schedule on any machine. None: ``seconds`` count."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of random choices."""
    engine: Engine = "auto"
    """Which engine."""
    workers: int = Field(default=2, ge=1, le=64)
    """Engines that may run side by side, each on a core of its own."""

    def __init__(self, **data: Any) -> None:
        """Read the limits; keywords are the fields."""
        try:
            super().__init__(**data)
        except ValidationError as error:
            findings = [worded(item) for item in error.errors()]
            raise OptionsError("the limits of the search", findings) from error


class Progress(Spec):
    """One improvement of a schedule or a bound."""

    seconds: float
    """Time since the search began, s."""
    objective: float | None
    """Best objective so far; none: no feasible schedule yet."""
    bound: float
    """Proven lower bound so far."""
    source: str
    """What found it."""


@dataclass(frozen=True, slots=True)
class ScheduleResult:
    """What a search found."""

    status: SolveStatus
    """How it ended."""
    schedule: Schedule | None
    """Best feasible schedule; None: none was found."""
    objective: float
    """Its objective; infinite without one."""
    bound: float
    """No schedule can be better than this."""
    bound_source: str
    """What the bound follows from."""
    gap: float
    """(objective - bound) / objective, from 0 to 1; NaN without a schedule."""
    engine: str
    """What found the schedule."""
    seconds: float
    """Wall time used, s."""
    trajectory: tuple[Progress, ...]
    """Every improvement in order of time."""
    stopped: bool
    """Whether it was stopped on request, by ``cancelled`` or Ctrl-C."""
    messages: tuple[str, ...]
    """What there is to know: why infeasible, what was left out."""
