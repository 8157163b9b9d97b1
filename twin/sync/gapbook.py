"""The gaps of a recording, in their order."""

from __future__ import annotations

from dataclasses import replace

from twin.sync.protocol import Gap, Resolution


class GapBook:
    """Gaps in the order in which they were declared; those that touch are one."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self.declared = 0
        """Gaps that were taken in, those that made another one longer among them."""
        self._newest: dict[tuple[str, str, Resolution], int] = {}

    def add(self, gap: Gap) -> None:
        """Take in a gap, or make the one before it longer if this one goes on where it ended."""
        self.declared += 1
        key = (gap.node, gap.reason, gap.resolved)
        index = self._newest.get(key)
        one = None if index is None else self.gaps[index]
        if index is not None and one is not None and one.begin <= gap.begin <= one.end:
            self.gaps[index] = replace(one, end=max(one.end, gap.end), after=gap.after)
            return
        self._newest[key] = len(self.gaps)
        self.gaps.append(gap)
