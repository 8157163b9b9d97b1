"""Start times for given sequences, as early as they can be: the meaning of a problem, compiled.

It says in ticks what :class:`scenarios.schedule.timeline.Timeline` says in seconds, for the demands
that :mod:`scenarios.schedule.search.supports` names. Only the part of the order that a move touches
is worked out anew, up to where nothing changes any more.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.search.chance import Numbers
from twin.engine.jit import compiled, inlined

Amounts = NDArray[np.float64]
NEVER = 1 << 60
"""A moment that does not come."""


class Tables(NamedTuple):
    """A problem in ticks.

    Lists of lists are flat: those of ``i`` lie from ``at[i]`` to ``at[i + 1]``.
    """

    before_at: Numbers
    before: Numbers
    after_at: Numbers
    after: Numbers
    choice_at: Numbers
    machine: Numbers
    """Machine of each choice; so are ``work``, ``first`` and ``last``."""
    work: Numbers
    first: Numbers
    last: Numbers
    release: Numbers
    fixed: Numbers
    """Moment at which a step must start; -1: free."""
    pinned: Numbers
    """1: the step stays where it is in its sequence, and nothing comes before it."""
    overlap: Numbers
    split: Numbers
    group: Numbers
    """Setup group; -1: none."""
    ready: Numbers
    """Moment from which a machine can work."""
    initial: Numbers
    """Group in place on a machine at the start; -1: none."""
    waits: Numbers
    """1: the machine is set up only when the part has come."""
    matrix: Numbers
    """Setup matrix of a machine; -1: none."""
    setups: Numbers
    """Shape (matrices, groups, groups)."""
    closed_at: Numbers
    closes: Numbers
    opens: Numbers
    lag: Numbers
    """Transport between machines; shape (machines, machines)."""
    end_at: Numbers
    """Steps of each job that none of the same job follows."""
    ends: Numbers
    due: Numbers
    deadline: Numbers
    late: Amounts
    """Cost of a tick of tardiness of each job."""
    flow: Amounts
    """Cost of a tick until each job's end."""
    costs: Amounts
    """Cost of a tick of makespan, of setup, and of a missed hard demand."""


class State(NamedTuple):
    """One solution with its times, and memory to take a move back."""

    mp: Numbers
    ms: Numbers
    front: Numbers
    """First step on each machine; -1: none."""
    back: Numbers
    """Last step on each machine; -1: none."""
    order: Numbers
    place: Numbers
    choice: Numbers
    start: Numbers
    end: Numbers
    setup: Numbers
    old_order: Numbers
    old_start: Numbers
    old_end: Numbers
    old_setup: Numbers
    moved: Numbers
    spare: Numbers


class Closed(Protocol):
    """What has times without work, in lists that lie one behind the other."""

    @property
    def closed_at(self) -> Numbers:
        """Where each list begins."""

    @property
    def closes(self) -> Numbers:
        """Beginnings."""

    @property
    def opens(self) -> Numbers:
        """Ends."""


class Timed(Protocol):
    """What has the times of steps."""

    @property
    def start(self) -> Numbers:
        """Starts."""

    @property
    def end(self) -> Numbers:
        """Ends."""

    @property
    def setup(self) -> Numbers:
        """Setups before them."""


@inlined
def pause(t: Closed, m: int, time: int) -> int:
    """Return the number of the first pause that ends after a moment."""
    low, high = t.closed_at[m], t.closed_at[m + 1]
    while low < high:
        middle = (low + high) >> 1
        if t.opens[middle] <= time:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def finish(t: Closed, m: int, time: int, work: int) -> int:
    """Return when work is done that begins, or waits, at a moment."""
    if work <= 0:
        return time
    k, stop = pause(t, m, time), t.closed_at[m + 1]
    now = time
    while k < stop and now + work > t.closes[k]:
        work -= max(0, t.closes[k] - now)
        now = t.opens[k]
        k += 1
    return now + work


@inlined
def ready(t: Closed, m: int, time: int) -> int:
    """Return the first moment at which work can go on."""
    k = pause(t, m, time)
    return t.opens[k] if k < t.closed_at[m + 1] and t.closes[k] <= time else time


@inlined
def begin_whole(t: Closed, m: int, time: int, work: int) -> int:
    """Return the first moment from which work fits without a pause."""
    k, stop = pause(t, m, time), t.closed_at[m + 1]
    now = time
    while k < stop and (t.closes[k] <= now or now + work > t.closes[k]):
        now = t.opens[k]
        k += 1
    return now


@inlined
def arrival(t: Tables, s: State, i: int) -> int:
    """Return when predecessors and release let a step start."""
    m = t.machine[s.choice[i]]
    time = t.release[i]
    for k in range(t.before_at[i], t.before_at[i + 1]):
        b = t.before[k]
        c = s.choice[b]
        here = s.end[b]
        if t.overlap[i]:
            here = min(here, finish(t, t.machine[c], s.start[b], t.first[c]))
        time = max(time, here + t.lag[t.machine[c], m])
    return time


@inlined
def set_up(t: Tables, m: int, previous: int, i: int) -> int:
    """Return the setup between two steps on a machine; ``previous`` -1: the first one."""
    k = t.matrix[m]
    if k < 0 or t.group[i] < 0:
        return 0
    g = t.initial[m] if previous < 0 else t.group[previous]
    return t.setups[k, g, t.group[i]] if g >= 0 else 0


@inlined
def put(t: Tables, s: State, i: int) -> None:
    """Work out the times of one step whose predecessors have theirs."""
    c = s.choice[i]
    m = t.machine[c]
    come = arrival(t, s, i)
    previous = s.mp[i]
    free = s.end[previous] if previous >= 0 else t.ready[m]
    open_always = t.closed_at[m] == t.closed_at[m + 1]
    setup = set_up(t, m, previous, i)
    s.setup[i] = setup
    if setup > 0:
        if t.waits[m]:
            free = max(free, come)
        free = free + setup if open_always else finish(t, m, free, setup)
    time = max(free, come, t.fixed[i])
    if open_always:
        end = time + t.work[c]
    elif t.split[i]:
        time = ready(t, m, time)
        end = finish(t, m, time, t.work[c])
    else:
        time = begin_whole(t, m, time, t.work[c])
        end = time + t.work[c]
    if t.overlap[i]:
        for k in range(t.before_at[i], t.before_at[i + 1]):
            b = t.before[k]
            there = s.end[b] + t.lag[t.machine[s.choice[b]], m]
            end = max(end, finish(t, m, there, t.last[c]))
    s.start[i] = time
    s.end[i] = end


@inlined
def replay(t: Tables, s: State, first: int, until: int) -> int:
    """Work out times from place ``first`` on, at least up to ``until``; return the last place done.

    The times before are kept in ``old_start``, ``old_end`` and ``old_setup``.
    """
    z = first
    count = len(s.order)
    while z < count and z <= until:
        i = s.order[z]
        start, end = s.start[i], s.end[i]
        s.old_start[i], s.old_end[i], s.old_setup[i] = start, end, s.setup[i]
        put(t, s, i)
        if s.end[i] != end or s.start[i] != start:
            if s.ms[i] >= 0:
                until = max(until, s.place[s.ms[i]])
            for k in range(t.after_at[i], t.after_at[i + 1]):
                until = max(until, s.place[t.after[k]])
        z += 1
    return z - 1


@inlined
def finished(t: Tables, s: Timed, j: int) -> int:
    """Return when a job is finished."""
    time = 0
    for k in range(t.end_at[j], t.end_at[j + 1]):
        time = max(time, s.end[t.ends[k]])
    return time


@inlined
def worth(t: Tables, s: Timed) -> float:
    """Return the objective, with what hard demands are missed by."""
    total = 0.0
    last = 0
    missed = 0
    for j in range(len(t.due)):
        time = finished(t, s, j)
        last = max(last, time)
        if time > t.due[j]:
            total += t.late[j] * (time - t.due[j])
        if time > t.deadline[j]:
            missed += time - t.deadline[j]
        total += t.flow[j] * time
    total += t.costs[0] * last
    if t.costs[1] > 0:
        for i in range(len(s.setup)):
            total += t.costs[1] * s.setup[i]
    if t.costs[2] > 0:
        for i in range(len(s.start)):
            if t.fixed[i] >= 0:
                missed += s.start[i] - t.fixed[i]
        total += t.costs[2] * missed
    return total


@compiled
def settle(t: Tables, s: State) -> float:
    """Work out order and times of the chains; return their value, -1 if they are a cycle."""
    count = len(s.order)
    end = 0
    for i in range(count):
        s.place[i] = t.before_at[i + 1] - t.before_at[i] + (s.mp[i] >= 0)
        if s.place[i] == 0:
            s.order[end] = i
            end += 1
    at = 0
    while at < end:
        i = s.order[at]
        at += 1
        for k in range(t.after_at[i], t.after_at[i + 1]):
            x = t.after[k]
            s.place[x] -= 1
            if s.place[x] == 0:
                s.order[end] = x
                end += 1
        x = s.ms[i]
        if x >= 0:
            s.place[x] -= 1
            if s.place[x] == 0:
                s.order[end] = x
                end += 1
    if end < count:
        return -1.0
    for z in range(count):
        s.place[s.order[z]] = z
        put(t, s, s.order[z])
    return worth(t, s)
