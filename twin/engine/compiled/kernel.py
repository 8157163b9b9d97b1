"""The kernel: rounds of what is due at one moment.

It does what ``reference.clock`` does, on flat arrays; the two are compared row by row. Nothing here
decides anything of its own.
"""

from __future__ import annotations

import math

from twin.engine.compiled.interruptions import (
    absent,
    come_or_go,
    outage_began,
    outage_over,
    quicken,
    short,
    switch,
)
from twin.engine.compiled.log import account, buffer_changed, content_changed, note
from twin.engine.compiled.looks import look_everywhere, tell
from twin.engine.compiled.memory import (
    add_whole,
    address,
    get,
    moment,
    put,
    put_moment,
    put_real,
    put_whole,
    real,
    whole,
)
from twin.engine.compiled.modes import fail, repaired
from twin.engine.compiled.servers import finish, wake
from twin.engine.compiled.settle import settle
from twin.engine.compiled.sources import arrive
from twin.engine.compiled.tables import (
    ABSENCE_UNTIL_S,
    BUFFERS,
    DUE,
    ENDLESS,
    FIRST_TIMER,
    HEAD_KNOWN,
    MAX_ROUNDS,
    N_DUE,
    N_FIRED,
    N_ROUNDS,
    N_SLOWED,
    N_STALE,
    N_STARTED,
    N_STATUS,
    N_WAKES,
    NAN,
    NOW,
    OK,
    ORDER_RELEASED,
    OUTAGE_UNTIL_S,
    RELEASE_NOTED,
    SERVERS,
    SHORTAGE_UNTIL_S,
    SINCE_S,
    SLOW_ORDER,
    SLOW_UNTIL_S,
    SOURCES,
    STATIONS,
    T_ARRIVAL,
    T_AWAY_END,
    T_AWAY_START,
    T_CREW,
    T_FINISH,
    T_LIFE,
    T_OUT_END,
    T_OUT_START,
    T_OVERDUE,
    T_RELEASE,
    T_REPAIR,
    T_SHIFT,
    T_SHORT_END,
    T_SHORT_START,
    T_SLOW_END,
    T_SLOW_START,
    T_VEHICLE,
    T_WEAR,
    TIMER_KIND,
    TIMER_OWNER,
    TOTAL_S,
    WAKES,
    WORKED_S,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import next_s, next_timer, rank, resume_at, set_leaf, tidy
from twin.engine.compiled.vehicles import drove
from twin.engine.compiled.waits import look_again, overdue
from twin.engine.compiled.wear import rise
from twin.engine.jit import aside, common, compiled, inlined, inner, lean, outlined


@compiled
def run(M: Ints, X: Floats, until_s: float) -> int:
    """Take a replication forward to ``until_s``; what is due at that moment waits.

    Returns OK, or why it had to stop.
    """
    return _run(address(M), address(X), until_s)


@common
def run_common(M: Ints, X: Floats, until_s: float) -> int:
    """Do the same for a line of the common layout, without a log; see ``compiled.lean``."""
    return _run(address(M), address(X), until_s)


@lean
def run_lean(M: Ints, X: Floats, until_s: float) -> int:
    """Do the same for a line without anything rare; see ``compiled.lean``."""
    return _run(address(M), address(X), until_s)


@inner
def _run(M: Ints, X: Floats, until_s: float) -> int:
    if not whole(M, N_STARTED):
        for v in range(whole(M, SERVERS)):
            tell(M, X, v)
    while whole(M, N_STATUS) == OK:
        i = 0
        while i < whole(M, N_WAKES):
            wake(M, X, get(M, WAKES, i))
            i += 1
        put_whole(M, N_WAKES, 0)
        tidy(M, X)
        due_s = next_s(M, X)
        if whole(M, N_STARTED):
            if due_s >= until_s or due_s == math.inf:
                break
            if due_s > moment(M, X, NOW):
                put_moment(M, X, NOW, due_s)
                put_whole(M, N_ROUNDS, 0)
            add_whole(M, N_ROUNDS, 1)
            if whole(M, N_ROUNDS) > MAX_ROUNDS:
                put_whole(M, N_STATUS, ENDLESS)
                break
        put_whole(M, N_STARTED, 1)
        _round(M, X, due_s)
    if whole(M, N_STATUS) == OK:
        put_moment(M, X, NOW, max(moment(M, X, NOW), until_s))
        for s in range(whole(M, STATIONS)):
            account(M, X, s)
        for b in range(whole(M, BUFFERS)):
            buffer_changed(M, X, b, 0)
        content_changed(M, X, 0)
    return whole(M, N_STATUS)


@inner
def _round(M: Ints, X: Floats, due_s: float) -> None:
    """Let everything happen that is due now, in the order of rank, then settle what is shared."""
    now = moment(M, X, NOW)
    if due_s == now:
        timer = next_timer(M, X, now)
        if timer >= 0:
            put_whole(M, N_STALE, timer)
            _ended(M, X, timer)
        else:
            _all_due(M, X)
        if whole(M, N_DUE):
            _fire_all(M, X)
    settle(M, X)


@inlined
def _ended(M: Ints, X: Floats, timer: int) -> None:
    put_real(M, X, SINCE_S, timer, NAN)
    put_real(M, X, WORKED_S, timer, real(M, X, TOTAL_S, timer))
    _fire(M, X, timer)


@outlined
def _all_due(M: Ints, X: Floats) -> None:
    """Gather all that is due now, sorted by rank."""
    now, count = moment(M, X, NOW), 0
    while next_s(M, X) == now:
        timer = next_timer(M, X, now)
        timer = -1 - timer if timer < 0 else timer
        set_leaf(M, X, timer, math.inf)
        at = count
        if at > 0:
            mine = rank(M, timer)
            while at > 0:
                other = get(M, DUE, at - 1)
                before = rank(M, other)
                if before < mine or (before == mine and other < timer):
                    break
                put(M, DUE, at, other)
                at -= 1
        put(M, DUE, at, timer)
        count += 1
    put_whole(M, N_DUE, count)


@outlined
def _fire_all(M: Ints, X: Floats) -> None:
    """Let happen what is due in this round; it may add what is due in the same one."""
    while whole(M, N_FIRED) < whole(M, N_DUE):
        timer = get(M, DUE, whole(M, N_FIRED))
        add_whole(M, N_FIRED, 1)
        _ended(M, X, timer)
    put_whole(M, N_FIRED, 0)
    put_whole(M, N_DUE, 0)


@outlined
def _fire(M: Ints, X: Floats, timer: int) -> None:
    kind, owner = (get(M, TIMER_KIND, timer), get(M, TIMER_OWNER, timer))
    if kind == T_FINISH:
        finish(M, X, owner)
    elif kind == T_LIFE:
        fail(M, X, owner)
    elif kind == T_REPAIR:
        repaired(M, X, owner)
    elif kind == T_SHIFT:
        switch(M, X, owner)
    elif kind == T_RELEASE:
        put(M, ORDER_RELEASED, owner, 1)
        look_everywhere(M)
        for source in range(whole(M, SOURCES)):
            put(M, HEAD_KNOWN, source, 0)
        note(M, X, RELEASE_NOTED, -1, -1, owner, NAN)
    elif kind == T_ARRIVAL:
        arrive(M, X, owner)
    else:
        _suppose(M, X, kind, owner)


@aside
def _suppose(M: Ints, X: Floats, kind: int, owner: int) -> None:
    """Let happen what seldom does: people come and go, something is supposed."""
    if kind == T_CREW:
        come_or_go(M, X, owner)
    elif kind == T_AWAY_START:
        absent(M, X, owner, 1)
        until_s = real(M, X, ABSENCE_UNTIL_S, owner)
        resume_at(M, X, get(M, FIRST_TIMER, T_AWAY_END) + owner, until_s)
    elif kind == T_AWAY_END:
        absent(M, X, owner, -1)
    elif kind == T_SHORT_START:
        short(M, X, owner, 1)
        until_s = real(M, X, SHORTAGE_UNTIL_S, owner)
        resume_at(M, X, get(M, FIRST_TIMER, T_SHORT_END) + owner, until_s)
    elif kind == T_SHORT_END:
        short(M, X, owner, -1)
    elif kind == T_OUT_START:
        outage_began(M, X, owner)
        resume_at(M, X, get(M, FIRST_TIMER, T_OUT_END) + owner, real(M, X, OUTAGE_UNTIL_S, owner))
    elif kind == T_OUT_END:
        outage_over(M, X, owner)
    elif kind == T_SLOW_START:
        put(M, SLOW_ORDER, whole(M, N_SLOWED), owner)
        add_whole(M, N_SLOWED, 1)
        resume_at(M, X, get(M, FIRST_TIMER, T_SLOW_END) + owner, real(M, X, SLOW_UNTIL_S, owner))
    elif kind == T_SLOW_END:
        quicken(M, X, owner)
    elif kind == T_OVERDUE:
        overdue(M, X, owner)
    elif kind == T_WEAR:
        rise(M, X, owner)
    elif kind == T_VEHICLE:
        drove(M, X, owner)
    else:
        look_again(M, X, owner)
