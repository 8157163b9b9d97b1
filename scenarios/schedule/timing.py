"""From decisions (who, in which order) to times: as early as the meaning of the problem allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from scenarios.schedule.network import (
    Choice,
    Network,
    Step,
    WorkClock,
    sort_topologically,
)
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timeline import Slot, Timeline

__all__ = [
    "Choice",
    "Network",
    "Slot",
    "Step",
    "Timeline",
    "WorkClock",
    "decisions",
    "in_order",
    "place_together",
    "sort_topologically",
    "timed",
    "units",
]

_MOST_ROUNDS = 400
"""How often steps that are tied together are pushed before they count as impossible."""
_SAME_S = 1e-9
"""Difference below which two moments count as one, s."""

Chooser = Callable[[int], Sequence[Choice]]
"""Choices that a step has."""


def units(network: Network) -> list[list[int]]:
    """Return the steps in groups that are placed together, each in topological order.

    Two steps are tied if one may wait only so long for the other, or finds a limited buffer on the
    way: when the first may go on is known only with the second. All others stand alone.
    """
    root = list(range(len(network.steps)))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for i, step in enumerate(network.steps):
        narrow = not step.overlap and any(
            network.machines[choice.machine].input_buffer is not None for choice in step.choices
        )
        for j in step.before:
            if step.max_wait_s is not None or (narrow and network.steps[j].job == step.job):
                root[find(i)] = find(j)
    found: dict[int, list[int]] = {}
    for i in network.topological:
        found.setdefault(find(i), []).append(i)
    return list(found.values())


def place_together(
    timeline: Timeline,
    steps: Sequence[int],
    choices: Chooser,
    not_before_s: Mapping[int, float] | None = None,
) -> None:
    """Place tied steps so that none waits too long: a step that ends too early is pushed back.

    Parameters
    ----------
    timeline : Timeline
        Where their outer predecessors are placed already.
    steps : sequence of int
        One group of :func:`units`.
    choices : callable
        Choices that each step has; the one that ends first is taken.
    not_before_s : mapping of int to float, optional
        Starts that must not be undercut, s.
    """
    floor_s = dict(not_before_s or {})
    for turn in range(_MOST_ROUNDS):
        timeline.trail = []
        for i in steps:
            slots = [(timeline.earliest(i, c, floor_s.get(i, -math.inf)), c) for c in choices(i)]
            slot, choice = min(slots, key=lambda item: (item[0].end_s, item[0].start_s))
            timeline.place(i, choice, slot)
        late = _waits(timeline, steps)
        if not late or turn == _MOST_ROUNDS - 1:
            timeline.trail = None
            return
        floors = {i: timeline.start_s[i] + excess_s for i, excess_s in late.items()}
        timeline.undo()
        floor_s.update(floors)


def _waits(timeline: Timeline, steps: Sequence[int]) -> dict[int, float]:
    """Return the steps that end too early for one after them, and by how much, s."""
    network, found = timeline.network, dict[int, float]()
    for j in steps:
        limit_s, choice = network.steps[j].max_wait_s, timeline.choice[j]
        if limit_s is None or choice is None:
            continue
        for i in network.steps[j].before:
            other = timeline.choice[i]
            if other is None or i not in steps:
                continue
            way_s = network.transport_s(other.machine, choice.machine)
            excess_s = timeline.start_s[j] - timeline.end_s[i] - way_s - limit_s
            if excess_s > _SAME_S:
                found[i] = max(found.get(i, 0.0), excess_s)
    return found


def timed(
    network: Network,
    sequences: Sequence[Sequence[int]],
    choices: Mapping[int, Choice],
    not_before_s: Mapping[int, float] | None = None,
) -> Schedule | None:
    """Return the earliest schedule with given sequences; None if the precedences forbid them.

    Parameters
    ----------
    network : Network
        The problem.
    sequences : sequence of sequence of int
        Steps in order, for each machine. Where steps are tied (:func:`units`) they are a wish: a
        group goes in as a whole.
    choices : mapping of int to Choice
        Choice of each step.
    not_before_s : mapping of int to float, optional
        Starts that must not be undercut, s.
    """
    before = [list(step.before) for step in network.steps]
    after = [list(step.after) for step in network.steps]
    for sequence in sequences:
        for left, right in pairwise(sequence):
            before[right].append(left)
            after[left].append(right)
    order = sort_topologically(before, after)
    if order is None:
        return None
    return in_order(network, order, choices, not_before_s)


def in_order(
    network: Network,
    order: Sequence[int],
    choices: Mapping[int, Choice],
    not_before_s: Mapping[int, float] | None = None,
) -> Schedule:
    """Return the schedule that comes from placing steps one after the other.

    ``order`` names each step once, after its predecessors; a group of tied steps is placed as soon
    as all that comes before any of them is.
    """
    timeline, floor_s = Timeline(network), not_before_s or {}
    of = {i: unit for unit in units(network) if len(unit) > 1 for i in unit}
    done: set[int] = set()
    left = list(order)
    while left:
        rest = []
        for i in left:
            unit = of.get(i, [i])
            outer = {j for k in unit for j in network.steps[k].before} - set(unit)
            if i in done:
                continue
            if not outer <= done:
                rest.append(i)
            elif len(unit) == 1:
                slot = timeline.earliest(i, choices[i], floor_s.get(i, -math.inf))
                timeline.place(i, choices[i], slot)
                done.add(i)
            else:
                place_together(timeline, unit, lambda k: (choices[k],), floor_s)
                done.update(unit)
        if len(rest) == len(left):
            # Groups that wait for each other: taken apart, and told about by the checker.
            of = {}
        left = rest
    return timeline.schedule()


def decisions(network: Network, schedule: Schedule) -> tuple[list[list[int]], dict[int, Choice]]:
    """Return the sequence of each machine and the choice of each step in a schedule."""
    sequences: list[list[int]] = [[] for _ in network.machines]
    choices: dict[int, Choice] = {}
    position = {step: at for at, step in enumerate(network.topological)}
    rows = sorted(
        (
            placed.turn or 0,
            placed.start_s,
            placed.end_s,
            position[network.index[placed.key]],
            placed,
        )
        for placed in schedule.placements
    )
    for *_, at, placed in rows:
        step, machine = network.topological[at], network.machine_index[placed.machine]
        sequences[machine].append(step)
        options = network.steps[step].choices
        choices[step] = next(choice for choice in options if choice.machine == machine)
    return sequences, choices
