"""Time in which values may be missing: what key figures over it are worth."""

from __future__ import annotations

import numpy as np

from twin.events.kinds import Kind
from twin.kpi.rows import Table


def gap_s(table: Table) -> float:
    """Return the observed time that lies in declared gaps, s.

    Gaps that overlap count once. A link that is lost when the log ends is a gap from the last value
    on; one that was restored is none, unless a ``GAP`` says so: its values came late.
    """
    kinds = table.where(Kind.GAP, Kind.LINK_LOST, Kind.LINK_RESTORED)
    if not kinds.any():
        return 0.0
    declared = table.where(Kind.GAP)
    stretches = [*zip(table.value[declared].tolist(), table.time_s[declared].tolist(), strict=True)]
    links = np.flatnonzero(table.where(Kind.LINK_LOST, Kind.LINK_RESTORED))
    if links.size and table.kind[links[-1]] == Kind.LINK_LOST:
        stretches.append((float(table.value[links[-1]]), table.until_s))
    total_s, reached_s = 0.0, table.from_s
    for begin_s, end_s in sorted(stretches):
        low_s, high_s = max(begin_s, reached_s), min(end_s, table.until_s)
        if high_s > low_s:
            total_s += high_s - low_s
            reached_s = high_s
    return total_s
