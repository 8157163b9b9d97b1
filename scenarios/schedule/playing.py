"""A line without chance, made ready once and then played under one plan after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from scenarios.schedule.spans import Span, complete, spans
from twin.errors import SimulationError
from twin.events.state import LineState
from twin.line import Line

# The engine takes a moment to import; who only makes problems does not wait.
if TYPE_CHECKING:
    from twin.engine.options import DispatchPlan
    from twin.engine.runs import Runs

_MOST_DOUBLINGS = 8
"""How often a run that does not finish all orders is tried twice as long."""
_ROOM = 1.5
"""Length of the first run in lengths of the plan."""
_LEAST_S = 3600.0
_LONG = 8.0
"""Length in first runs of the one that tells what is not finished."""
Seen = TypeVar("Seen")


class Player:
    """Plays plans in one line without chance. Threads may share it.

    Parameters
    ----------
    line : Line
        Its times are constant.
    state : LineState or None
        Where it begins.
    """

    def __init__(self, line: Line, state: LineState | None) -> None:
        self._line = line
        self._state = state
        self._ready: tuple[float, Runs] | None = None

    def __reduce__(self) -> tuple[type[Player], tuple[Line, LineState | None]]:
        """Let another process make the same; what was made ready stays here."""
        return Player, (self._line, self._state)

    def spans(
        self, plan: DispatchPlan, length_s: float
    ) -> tuple[dict[str, Span], dict[str, float]] | None:
        """Return when the line works on each ``order/operation``, and when orders are complete, s.

        None: it never ends.

        Parameters
        ----------
        plan : DispatchPlan
            What it is told.
        length_s : float
            How long it is thought to take, s.
        """

        def look(runs: Runs) -> tuple[dict[str, Span], dict[str, float]] | None:
            log = runs.log(0)
            done_s = complete(self._line, self._state, log)
            if not set(plan.release) <= done_s.keys():
                return None
            return spans(self._line, self._state, log), done_s

        return self._played(plan, length_s, look)

    def ends_s(self, plan: DispatchPlan, length_s: float) -> dict[str, float] | None:
        """Return when the last part of each order leaves the line, s; None: it never ends.

        Without events, in a fraction of the time.

        Parameters
        ----------
        plan, length_s
            As for :meth:`spans`.
        """

        def look(runs: Runs) -> dict[str, float] | None:
            values, coordinates = runs.figures(0)
            ends_s = values["order_completion_s"][1].tolist()
            found = dict(zip(coordinates["order"], ends_s, strict=True))
            ended = all(math.isfinite(found[name]) for name in plan.release)
            return {name: found[name] for name in plan.release} if ended else None

        return self._played(plan, length_s, look)

    def why_not(self, plan: DispatchPlan, length_s: float) -> str:
        """Return, in words, what keeps the line from finishing all orders of a plan.

        Parameters
        ----------
        plan, length_s
            As for :meth:`spans`.
        """
        from twin.engine.options import SimulationOptions  # noqa: PLC0415 - heavy
        from twin.engine.runs import Runs  # noqa: PLC0415 - heavy

        horizon_s = _LONG * max(_LEAST_S, _ROOM * length_s)
        options = SimulationOptions(horizon_s=horizon_s, plan=plan)
        try:
            values, coordinates = Runs(self._line, options, self._state).figures(0)
        except SimulationError as error:
            return str(error)
        ends_s = values["order_completion_s"][1].tolist()
        ended = {
            name
            for name, end_s in zip(coordinates["order"], ends_s, strict=True)
            if math.isfinite(end_s)
        }
        still = ", ".join(name for name in plan.release if name not in ended)
        return f"after {horizon_s / 3600:.0f} h orders are still to be finished: {still}"

    def _played(
        self, plan: DispatchPlan, length_s: float, look: Callable[[Runs], Seen | None]
    ) -> Seen | None:
        """Return what is seen once all is finished: a run that is too short is done again."""
        from twin.engine.options import SimulationOptions  # noqa: PLC0415 - heavy
        from twin.engine.runs import Runs  # noqa: PLC0415 - heavy

        horizon_s = max(_LEAST_S, _ROOM * length_s)
        for _ in range(_MOST_DOUBLINGS):
            if self._ready is not None and horizon_s <= self._ready[0]:
                horizon_s = self._ready[0]
                runs = self._ready[1].following(plan)
            else:
                options = SimulationOptions(horizon_s=horizon_s, plan=plan)
                runs = Runs(self._line, options, self._state)
            try:
                found = look(runs)
            except SimulationError:
                return None
            if found is not None:
                # A stay at the end costs nothing.
                if self._ready is None or horizon_s > self._ready[0]:
                    self._ready = horizon_s, runs
                return found
            horizon_s *= 2
        return None
