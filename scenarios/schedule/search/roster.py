"""Start times for a list of steps: each goes behind what its machine has, as early as people allow.

It says in ticks what :class:`scenarios.schedule.timeline.Timeline` says in seconds, for problems in
which operators and tools are shared, setups need people, machines work on batches, or jobs do not
overtake each other. Times then follow from one order over all machines: who comes first has the
people. Where nobody overtakes, it is an order of jobs, each a bundle of steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.search.chance import Numbers
from scenarios.schedule.search.decode import (
    Tables,
    begin_whole,
    finish,
    ready,
    set_up,
    worth,
)
from twin.engine.jit import compiled, inlined

_WHOLE, _SPLIT, _SETUP = 0, 1, 2
"""Work in one piece; work that goes on after a pause; setup, which begins when it is asked to."""


class Crew(NamedTuple):
    """What :class:`Tables` do not say; options are ways to meet the needs of a choice or a setup.

    Lists of lists are flat: those of ``i`` lie from ``at[i]`` to ``at[i + 1]``.
    """

    bundle_at: Numbers
    bundle: Numbers
    """Steps that stand together in the order: all of a job, or one alone."""
    of: Numbers
    """Bundle of each step."""
    ahead_at: Numbers
    ahead: Numbers
    """Bundles that come before each bundle."""
    behind_at: Numbers
    behind: Numbers
    """Bundles that come after each bundle."""
    held: Numbers
    """1: the people for a step are reserved; one entry per step."""
    room: Numbers
    """Steps that go into a batch of each machine."""
    option_at: Numbers
    """Options of each choice."""
    setup_at: Numbers
    """Options of the setups of each machine."""
    team: Numbers
    """Number of the set of resources of each option: equal ones have equal numbers."""
    member_at: Numbers
    member: Numbers
    """Resources of each option."""
    closed_at: Numbers
    closes: Numbers
    opens: Numbers
    """When a machine and the resources of an option cannot work together."""
    there: Numbers
    """Moment from which each resource can help."""
    taken_at: Numbers
    taken_from: Numbers
    taken_until: Numbers
    """What each resource is reserved for."""


class Row(NamedTuple):
    """One solution with its times; one entry per step unless said otherwise."""

    order: Numbers
    """Bundles."""
    place: Numbers
    """Place of each bundle in the order."""
    choice: Numbers
    start: Numbers
    end: Numbers
    setup: Numbers
    option: Numbers
    mp: Numbers
    """Step before it on its machine; -1: none."""
    batch: Numbers
    """First step of its batch."""
    back: Numbers
    """Last step on each machine; -1: none."""
    size: Numbers
    """Steps in the last batch of each machine."""
    many: Numbers
    """How often each resource is busy."""
    since: Numbers
    """When it is, in rising order; shape (resources, times)."""
    until: Numbers
    span: Numbers
    """Scratch: start, end and option."""


@inlined
def conflict(k: Crew, s: Row, option: int, start: int, end: int) -> int:
    """Return when the first thing that a team is busy with in a stretch is over; -1: nothing."""
    found = -1
    for x in range(k.member_at[option], k.member_at[option + 1]):
        r = k.member[x]
        at = s.many[r] - 1
        while at >= 0 and s.since[r, at] > start:
            at -= 1
        if at >= 0 and s.until[r, at] > start and end > start:
            found = max(found, s.until[r, at])
        elif at + 1 < s.many[r] and s.since[r, at + 1] < end:
            found = max(found, s.until[r, at + 1])
    return found


@inlined
def fit(
    k: Crew, s: Row, first: int, stop: int, time: int, work: int, manner: int, held: bool
) -> None:
    """Write the earliest work with any of some options into ``span``."""
    s.span[2] = -1
    for option in range(first, stop):
        now = time
        for x in range(k.member_at[option], k.member_at[option + 1]):
            now = max(now, k.there[k.member[x]])
        while True:
            if manner == _SETUP:
                start = now
                end = finish(k, option, now, work)
            elif manner == _SPLIT:
                start = ready(k, option, now)
                end = finish(k, option, start, work)
            else:
                start = begin_whole(k, option, now, work)
                end = start + work
            now = -1 if held else conflict(k, s, option, start, end)
            if now <= start:
                break
        better = end < s.span[1] or (end == s.span[1] and start < s.span[0])
        if s.span[2] < 0 or better:
            s.span[0], s.span[1], s.span[2] = start, end, option


@inlined
def occupy(k: Crew, s: Row) -> None:
    """Keep the team of what is in ``span`` busy."""
    start, end = s.span[0], s.span[1]
    if end <= start:
        return
    option = s.span[2]
    for x in range(k.member_at[option], k.member_at[option + 1]):
        r = k.member[x]
        at = s.many[r]
        while at > 0 and s.since[r, at - 1] > start:
            s.since[r, at], s.until[r, at] = s.since[r, at - 1], s.until[r, at - 1]
            at -= 1
        s.since[r, at], s.until[r, at] = start, end
        s.many[r] += 1


@inlined
def come(t: Tables, k: Crew, s: Row, i: int, m: int) -> int:
    """Return when predecessors and release let a step start on a machine."""
    time = t.release[i]
    for x in range(t.before_at[i], t.before_at[i + 1]):
        b = t.before[x]
        c = s.choice[b]
        here = s.end[b]
        if t.overlap[i]:
            here = min(here, finish(k, s.option[b], s.start[b], t.first[c]))
        time = max(time, here + t.lag[t.machine[c], m])
    return time


@inlined
def joins(t: Tables, k: Crew, s: Row, i: int, m: int, time: int) -> bool:
    """Say whether a step can go into the last batch of a machine."""
    last = s.back[m]
    if last < 0 or s.size[m] >= k.room[m]:
        return False
    head = s.batch[last]
    c = s.choice[i]
    alike = t.group[i] == t.group[head] and t.split[i] == t.split[head]
    alike = alike and not (t.overlap[i] or t.overlap[head] or k.held[i])
    when = t.fixed[i] < 0 or t.fixed[i] == s.start[head]
    if not alike or not when or t.work[c] > t.work[s.choice[head]] or time > s.start[head]:
        return False
    for x in range(t.before_at[i], t.before_at[i + 1]):
        b = t.before[x]
        if s.batch[b] == head and t.machine[s.choice[b]] == m:
            return False
    found = False
    for option in range(k.option_at[c], k.option_at[c + 1]):
        found = found or k.team[option] == k.team[s.option[head]]
    return found


@inlined
def put(t: Tables, k: Crew, s: Row, i: int) -> None:
    """Append a step to its machine."""
    c = s.choice[i]
    m = t.machine[c]
    arrival = come(t, k, s, i, m)
    previous = s.back[m]
    together = joins(t, k, s, i, m, arrival)
    s.mp[i], s.setup[i], s.back[m] = previous, 0, i
    if together:
        head = s.batch[previous]
        s.start[i], s.end[i] = s.start[head], s.end[head]
        s.option[i], s.batch[i] = s.option[head], head
        s.size[m] += 1
        return
    free = s.end[previous] if previous >= 0 else t.ready[m]
    setup = set_up(t, m, previous, i)
    setup_from, setup_until, setup_option = 0, 0, -1
    if setup > 0:
        s.setup[i] = setup
        if t.waits[m]:
            free = max(free, arrival)
        fit(k, s, k.setup_at[m], k.setup_at[m + 1], free, setup, _SETUP, False)
        setup_from, setup_until, setup_option = s.span[0], s.span[1], s.span[2]
        free = setup_until
    manner = _SPLIT if t.split[i] else _WHOLE
    time = max(free, arrival, t.fixed[i])
    fit(k, s, k.option_at[c], k.option_at[c + 1], time, t.work[c], manner, k.held[i] == 1)
    if t.overlap[i]:
        for x in range(t.before_at[i], t.before_at[i + 1]):
            b = t.before[x]
            there = s.end[b] + t.lag[t.machine[s.choice[b]], m]
            s.span[1] = max(s.span[1], finish(k, s.span[2], there, t.last[c]))
    s.start[i], s.end[i], s.option[i] = s.span[0], s.span[1], s.span[2]
    s.batch[i], s.size[m] = i, 1
    if not k.held[i]:
        occupy(k, s)
    if setup > 0:
        s.span[0], s.span[1], s.span[2] = setup_from, setup_until, setup_option
        occupy(k, s)


@inlined
def retime(t: Tables, k: Crew, s: Row, first: int) -> float:
    """Work out the times of steps from a place in the order on; return the value of all.

    Who shares people may fill a gap between what others do, so there all times are worked out.
    """
    for m in range(len(s.back)):
        s.back[m] = -1
        s.size[m] = 0
    if len(s.many) > 0:
        first = 0
    for z in range(first):
        b = s.order[z]
        for x in range(k.bundle_at[b], k.bundle_at[b + 1]):
            i = k.bundle[x]
            m = t.machine[s.choice[i]]
            s.back[m] = i
            s.size[m] = 1 if s.batch[i] == i else s.size[m] + 1
    for r in range(len(s.many)):
        begin = k.taken_at[r]
        s.many[r] = k.taken_at[r + 1] - begin
        for x in range(s.many[r]):
            s.since[r, x], s.until[r, x] = k.taken_from[begin + x], k.taken_until[begin + x]
    for z in range(first, len(s.order)):
        b = s.order[z]
        for x in range(k.bundle_at[b], k.bundle_at[b + 1]):
            put(t, k, s, k.bundle[x])
    return worth(t, s)


@compiled
def settle(t: Tables, k: Crew, s: Row) -> float:
    """Work out the times of all steps in their order; return their value."""
    return retime(t, k, s, 0)


def row_of(t: Tables, k: Crew, order: Numbers, choice: Numbers) -> Row:
    """Return memory for a search that begins with these decisions, which are copied."""
    count, machines, people = len(choice), len(t.ready), len(k.there)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    times: list[NDArray[np.int64]] = [np.zeros(count, dtype=np.int64) for _ in range(6)]
    most = 2 * count + int(np.diff(k.taken_at).max(initial=0))
    return Row._make(
        [
            *(order.copy(), place, choice.copy(), *times),
            *(np.zeros(some, dtype=np.int64) for some in (machines, machines, people)),
            *(np.zeros((people, most), dtype=np.int64) for _ in range(2)),
            np.zeros(3, dtype=np.int64),
        ]
    )
