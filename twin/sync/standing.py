"""Where a line stands: the state and the events that the values of moments lead to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twin.events import EventLog, Folder, LineState, Row, Status
from twin.events.kinds import Kind
from twin.events.log import Names
from twin.line import Line
from twin.sync.mapping import Mapping
from twin.sync.protocol import Value
from twin.sync.recent import RecentLog
from twin.sync.restore import Restored
from twin.sync.translate import Translator


class Standing:
    """A line's state at the last moment for which all values are there, and how it came to it.

    Parameters
    ----------
    line : Line
        The line.
    mapping : Mapping
        How its plant is read.
    window_s : float
        Plant time that the log reaches back, s.
    """

    def __init__(self, line: Line, mapping: Mapping, window_s: float) -> None:
        self.line = line
        self.translator = Translator(line, mapping)
        self.as_of_s: float | None = None
        """Moment of the state, s since the line's start; None before the first picture."""
        self._folder: Folder | None = None
        self._recent = RecentLog(line, window_s)

    @property
    def ready(self) -> bool:
        """Whether there is a state to give."""
        return self._folder is not None

    def state(self) -> LineState:
        """Return where everything is; not to be asked before it is ready."""
        assert self._folder is not None
        assert self.as_of_s is not None
        state = self._folder.state(self.as_of_s)
        lost = self.translator.lost()
        if lost:
            # A part between two places, its second half still on the way, is in neither.
            parts = tuple(part for part in state.parts if part.id not in lost)
            state = state.model_copy(update={"parts": parts})
        return state

    def statuses(self) -> dict[str, list[Status]]:
        """Return what each server of each station does; empty before the first picture."""
        return self._folder.statuses() if self._folder else {}

    def logs(self) -> tuple[EventLog, ...]:
        """Return the event logs between the gaps within the window, oldest first."""
        if self.as_of_s is None:
            return tuple(self._recent.earlier)
        return (*self._recent.earlier, self._recent.log(self.as_of_s))

    def take_over(self, found: Restored) -> None:
        """Go on from where an earlier run ended."""
        self.translator, self._folder = found.translator, found.folder
        self.as_of_s = found.as_of_s
        self._recent.begin(found.initial, None)
        self._recent.add(found.rows)
        self.lost()

    def see(self, values: Iterable[tuple[Value, float]]) -> None:
        """Take values with their times into the picture that is to come."""
        self.translator.take(values)

    def begin(self, time_s: float) -> float | None:
        """Begin from the picture, which is whole; return where the state stood before."""
        before = self.state() if self.ready else None
        state = self.translator.begin(time_s, before)
        self._folder = Folder(self.line, state, Names.of(self.line))
        before_s, self.as_of_s = self.as_of_s, time_s
        self._recent.begin(state, before_s)
        return before_s

    def set_clock(self, time_s: float) -> None:
        """Go on at another time, as the plant's clock was set; nothing else has changed."""
        self.translator.image.set_clock(time_s)
        self.begin(time_s)

    def moment(self, time_s: float, values: Sequence[Value]) -> int:
        """Take the values of one moment; return how many events they lead to."""
        return self._apply(self.translator.moment(time_s, values))

    def advance(self, time_s: float) -> int | None:
        """Bring the state to a moment; return how many events that took, None if it is there."""
        events = self._apply(self.translator.released_before(time_s))
        if self.as_of_s is not None and time_s <= self.as_of_s and not events:
            return None
        self.as_of_s = max(time_s, self.as_of_s or time_s)
        self._recent.trim(self.as_of_s)
        return events

    def _apply(self, rows: list[Row]) -> int:
        assert self._folder is not None
        self._folder.apply_all(rows)
        self._recent.add(rows)
        return len(rows)

    # --- what is known of the link ------------------------------------------------------------

    def lost(self) -> None:
        """Write down that the link is lost."""
        self._note(Kind.LINK_LOST, self.as_of_s)

    def found_again(self) -> None:
        """Write down that the link is back."""
        self._note(Kind.LINK_RESTORED)

    def missed(self, begin_s: float) -> None:
        """Write down that values may be missing from a moment until now."""
        if self.as_of_s is not None:
            self._note(Kind.GAP, min(begin_s, self.as_of_s))

    def _note(self, kind: Kind, value: float | None = None) -> None:
        if self.as_of_s is not None:
            row = Row(self.as_of_s, kind)
            self._recent.add([row if value is None else row._replace(value=value)])
