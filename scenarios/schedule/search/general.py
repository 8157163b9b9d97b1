"""Any problem that the search supports, as tables for the annealing kernel, and the way back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from scenarios.schedule.schedule import Schedule
from scenarios.schedule.search.chance import Numbers
from scenarios.schedule.search.decode import NEVER, State, Tables
from scenarios.schedule.search.lowering import Ticks
from scenarios.schedule.timing import Choice, Network, decisions

_HARD = 100.0
"""How many times worse a missed hard demand is than all soft costs of the same length."""


def tables_of(network: Network, ticks: Ticks) -> Tables:
    """Return a problem as tables; :func:`~scenarios.schedule.search.supports.declined` is empty."""
    return Tables(
        **_of_steps(network, ticks), **_of_machines(network, ticks), **_of_jobs(network, ticks)
    )


def _of_steps(network: Network, ticks: Ticks) -> dict[str, Any]:
    steps, jobs = network.steps, network.problem.jobs
    choices = [choice for step in steps for choice in step.choices]
    running = {network.index[key] for machine in network.machines for key in machine.running}
    groups = _groups(network)
    fixed = [(-1.0 if step.fixed_s is None else step.fixed_s) for step in steps]
    moments = ticks.moments(fixed)
    return {
        "before_at": starts_of(step.before for step in steps),
        "before": flat(i for step in steps for i in step.before),
        "after_at": starts_of(step.after for step in steps),
        "after": flat(i for step in steps for i in step.after),
        "choice_at": starts_of(step.choices for step in steps),
        "machine": flat(choice.machine for choice in choices),
        "work": ticks.lengths(choice.duration_s for choice in choices),
        "first": ticks.lengths(choice.first_part_s for choice in choices),
        "last": ticks.lengths(choice.last_part_s for choice in choices),
        "release": ticks.moments([jobs[step.job].release_s for step in steps]),
        "fixed": np.where([step.fixed_s is None for step in steps], -1, moments).astype(np.int64),
        "pinned": flat(i in running for i in range(len(steps))),
        "overlap": flat(step.overlap for step in steps),
        "split": flat(step.splittable for step in steps),
        "group": flat(groups.get(step.group, -1) for step in steps),
    }


def _of_machines(network: Network, ticks: Ticks) -> dict[str, Any]:
    machines, groups = network.machines, _groups(network)
    setups: list[Numbers] = []
    matrix = []
    for machine in machines:
        if not any(any(row.values()) for row in machine.setup_s.values()):
            matrix.append(-1)
            continue
        times = np.zeros((len(groups), len(groups)))
        for source, row in machine.setup_s.items():
            for target, time_s in row.items():
                if source in groups and target in groups:
                    times[groups[source], groups[target]] = time_s
        matrix.append(len(setups))
        setups.append(ticks.lengths(times.ravel()).reshape(times.shape))
    lag = np.zeros((len(machines), len(machines)), dtype=np.int64)
    for (source_at, target_at), time_s in network.lag_s.items():
        lag[source_at, target_at] = ticks.lengths([time_s])[0]
    closed = [clock.closed for clock in network.clocks]
    return {
        "ready": ticks.moments([machine.ready_s for machine in machines]),
        "initial": flat(groups.get(machine.setup_group or "", -1) for machine in machines),
        "waits": flat(machine.setup_waits for machine in machines),
        "matrix": flat(matrix),
        "setups": np.array(setups) if setups else np.zeros((0, 0, 0), dtype=np.int64),
        "closed_at": starts_of(closed),
        "closes": ticks.moments([begin for pauses in closed for begin, _ in pauses]),
        "opens": ticks.moments([end for pauses in closed for _, end in pauses]),
        "lag": lag,
    }


def _of_jobs(network: Network, ticks: Ticks) -> dict[str, Any]:
    problem, steps = network.problem, network.steps
    weights, jobs = problem.objective, network.problem.jobs
    ends: list[list[int]] = [[] for _ in jobs]
    for i, step in enumerate(steps):
        if all(steps[k].job != step.job for k in step.after):
            ends[step.job].append(i)
    late = np.array([weights.tardiness * job.weight + weights.total_tardiness for job in jobs])
    flow = np.full(len(jobs), weights.flow_time)
    hard = any(job.deadline_s is not None for job in jobs) or problem.horizon_s is not None
    hard = hard or any(step.fixed_s is not None for step in steps)
    most = weights.makespan + weights.setup_time + float(late.sum() + flow.sum())
    costs = np.array([weights.makespan, weights.setup_time, _HARD * most if hard else 0.0])
    deadlines = [
        min((t for t in (job.deadline_s, problem.horizon_s) if t is not None), default=None)
        for job in jobs
    ]
    return {
        "end_at": starts_of(ends),
        "ends": flat(i for of_job in ends for i in of_job),
        "due": _dates([job.due_date_s for job in jobs], ticks),
        "deadline": _dates(deadlines, ticks),
        "late": late,
        "flow": flow,
        "costs": costs,
    }


def _dates(moments: Sequence[float | None], ticks: Ticks) -> Numbers:
    """Return dates in ticks, also those before tick 0; ``NEVER`` where there is none."""
    known = ticks.lengths((0.0 if t is None else t - ticks.origin_s) for t in moments)
    return np.where([t is None for t in moments], NEVER, known).astype(np.int64)


def _groups(network: Network) -> dict[str, int]:
    named = sorted({step.group for step in network.steps if step.group})
    named += sorted({m.setup_group for m in network.machines if m.setup_group} - set(named))
    return {name: number for number, name in enumerate(named)}


def flat(numbers: Iterable[int]) -> Numbers:
    """Return numbers as an array."""
    return np.fromiter(numbers, dtype=np.int64)


def starts_of(lists: Iterable[Sequence[object]]) -> Numbers:
    """Return where each list begins when they stand one behind the other, and where all end."""
    return np.concatenate([[0], np.cumsum(flat(len(items) for items in lists))]).astype(np.int64)


def state_of(network: Network, t: Tables, schedule: Schedule) -> State:
    """Return the sequences and choices of a schedule, with memory for a search."""
    count, machines = len(network.steps), len(network.machines)
    s = State(
        *(np.full(count, -1, dtype=np.int64) for _ in range(2)),
        *(np.full(machines, -1, dtype=np.int64) for _ in range(2)),
        *(np.zeros(count, dtype=np.int64) for _ in range(len(State._fields) - 4)),
    )
    sequences, choices = decisions(network, schedule)
    for i, choice in choices.items():
        s.choice[i] = t.choice_at[i] + network.steps[i].choices.index(choice)
    for sequence in sequences:
        chain(s, t, sequence)
    return s


def chain(s: State, t: Tables, sequence: Sequence[int]) -> None:
    """Put steps one behind the other on the machine that they have chosen."""
    left = -1
    for i in sequence:
        m = int(t.machine[s.choice[i]])
        s.mp[i], s.ms[i] = left, -1
        if left < 0:
            s.front[m] = i
        else:
            s.ms[left] = i
        s.back[m] = left = i


def answer(
    network: Network, t: Tables, ms: Numbers, choice: Numbers, front: Numbers
) -> tuple[list[list[int]], dict[int, Choice]]:
    """Return sequences and choices as the rest of the house writes them."""
    sequences = []
    for first in front.tolist():
        sequence, i = [], first
        while i >= 0:
            sequence.append(i)
            i = int(ms[i])
        sequences.append(sequence)
    chosen = {
        i: step.choices[int(choice[i] - t.choice_at[i])] for i, step in enumerate(network.steps)
    }
    return sequences, chosen
