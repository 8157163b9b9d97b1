"""Each engine keeps every law on random lines."""

from twin.engine.options import SimulationOptions
from twin.engine.reference.engine import ReferenceEngine
from twin.events import EventLog, LineState
from twin.line import Line
from twin.testing import LineLaws


class TestReferenceEngine(LineLaws):
    """What every engine owes, asked of the one that is written to be read."""

    def simulate(
        self, line: Line, options: SimulationOptions, state: LineState | None = None
    ) -> EventLog:
        """Run on the reference engine, whatever ``simulate`` would choose."""
        engine = ReferenceEngine(line, options, state)
        engine.advance(engine.end_s)
        return engine.log()

    def state_at(
        self, line: Line, options: SimulationOptions, time_s: float, state: LineState | None = None
    ) -> LineState:
        """Ask the engine itself, which knows nothing of the fold."""
        engine = ReferenceEngine(line, options, state)
        engine.advance(time_s)
        return engine.state()


class TestChosenEngine(LineLaws):
    """The same of the engine that ``simulate`` chooses by itself, with the state as folded."""
