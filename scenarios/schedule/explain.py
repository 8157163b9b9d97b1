"""Why an order is finished when it is: the chain of what holds what, back to a cause."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from scenarios.schedule.keeping import pictured
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Choice, Network, WorkClock, decisions
from twin.errors import UnknownNameError

_SAME_S = 1e-6
"""Difference below which two moments count as one, s."""


class HoldKind(StrEnum):
    """What an operation waits for."""

    WORK = "work"
    """Its own work."""
    PREDECESSOR = "predecessor"
    """An earlier step of its job."""
    LAST_PART = "last_part"
    """The last part from the step before."""
    MACHINE = "machine"
    """Another job on the machine."""
    SETUP = "setup"
    """The machine's setup."""
    CALENDAR = "calendar"
    """The machine, or someone it needs, is not there."""
    OPERATOR = "operator"
    """An operator or a tool is busy elsewhere, or not there yet."""
    BLOCKED = "blocked"
    """A job on the machine finds no place to go on to."""
    WAIT = "wait"
    """It must not end long before the next step can begin."""
    READY = "ready"
    """The machine is not ready, for instance under repair."""
    RELEASE = "release"
    """The release of the job."""
    START = "start"
    """The beginning of the schedule."""
    FROZEN = "frozen"
    """The start was fixed."""
    CHOICE = "choice"
    """Nothing in the problem: it was put there."""


class _Add(Protocol):
    """Notes a hold."""

    def __call__(
        self, kind: HoldKind, by: str, until_s: float, text: str, to: int | None = None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Hold:
    """One link of the chain."""

    kind: HoldKind
    """What it waits for."""
    operation: str
    """``job/operation`` that is held."""
    held_by: str
    """``job/operation``, machine or job that holds it."""
    until_s: float
    """Moment until which it is held, s."""
    text: str
    """In words."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a job is finished when it is."""

    job: str
    """Job."""
    tardiness_s: float
    """By how much it is late, s."""
    chain: tuple[Hold, ...]
    """From its end back to a cause that nothing in the schedule holds."""
    text: str
    """In a few sentences."""


def explain(problem: SchedulingProblem, schedule: Schedule, job: str) -> Explanation:
    """Return the chain of holds that decides when a job is finished.

    Parameters
    ----------
    problem : SchedulingProblem
        The problem.
    schedule : Schedule
        A feasible schedule of it.
    job : str
        Job to be explained, late or not.

    Returns
    -------
    Explanation

    Raises
    ------
    UnknownNameError
        If the problem has no such job.
    """
    outcome = next((o for o in schedule.jobs if o.job == job), None)
    if outcome is None:
        raise UnknownNameError("job", job, [o.job for o in schedule.jobs])
    chain = _Chain(*pictured(problem, schedule)).back_from(job)
    return Explanation(job, outcome.tardiness_s, chain, _told(outcome.tardiness_s, job, chain))


def _told(tardiness_s: float, job: str, chain: tuple[Hold, ...]) -> str:
    head = f"{job} is late by {tardiness_s:g} s" if tardiness_s > 0 else f"{job} is not late"
    links = [hold.text for hold in chain if hold.kind is not HoldKind.WORK]
    return ". ".join([head, *links]) + "."


class _Chain:
    """The schedule as numbers, and the walk back through it."""

    def __init__(self, problem: SchedulingProblem, schedule: Schedule) -> None:
        self.network = Network.of(problem)
        self.sequences, self.choices = decisions(self.network, schedule)
        self.placed = {self.network.index[p.key]: p for p in schedule.placements}
        self.people = {resource.id: i for i, resource in enumerate(self.network.resources)}
        self.start_s = {self.network.index[p.key]: p.start_s for p in schedule.placements}
        self.end_s = {self.network.index[p.key]: p.end_s for p in schedule.placements}

    def back_from(self, job: str) -> tuple[Hold, ...]:
        steps = self.network.steps
        mine = [i for i, s in enumerate(steps) if self.network.problem.jobs[s.job].id == job]
        at: int | None = max(mine, key=lambda i: self.end_s[i])
        chain: list[Hold] = []
        by_end = True
        # Every turn goes back in time or to an earlier step, so this many turns always do.
        for _ in range(2 * len(steps) + 2):
            if at is None:
                break
            hold, at, by_end = self._end(at) if by_end else self._start(at)
            # On a line work may go on beyond the moment until which it held the next one up.
            reached_s = min(hold.until_s, chain[-1].until_s if chain else math.inf)
            chain.append(replace(hold, until_s=reached_s))
        return tuple(chain)

    def _end(self, i: int) -> tuple[Hold, int | None, bool]:
        """Return what decides the end of a step, and where to go on: at whose start or end."""
        step, choice = self.network.steps[i], self.choices[i]
        clock, machine = self._clock(i), self._machine(choice)
        for j in step.before if step.overlap else ():
            way_s = self.network.transport_s(self.choices[j].machine, choice.machine)
            if clock.finish(self.end_s[j] + way_s, choice.last_part_s) >= self.end_s[i] - _SAME_S:
                other = self.network.steps[j].key
                text = f"{step.key} on {machine} ends with the last part from {other}"
                return Hold(HoldKind.LAST_PART, step.key, other, self.end_s[i], text), j, True
        text = f"{step.key} works {choice.duration_s:g} s on {machine}"
        return Hold(HoldKind.WORK, step.key, machine, self.end_s[i], text), i, False

    def _start(self, i: int) -> tuple[Hold, int | None, bool]:
        """Return what decides the start of a step, and where to go on."""
        start_s = self.start_s[i]
        # On a line orders may share a machine part by part: who is still at it holds nobody up.
        holds = [item for item in self._holds(i) if item[0].until_s <= start_s + _SAME_S]
        reached_s = max(hold.until_s for hold, _, _ in holds)
        if start_s > reached_s + _SAME_S:
            return self._later(i, reached_s)
        return max(holds, key=lambda item: item[0].until_s)

    def _later(self, i: int, reached_s: float) -> tuple[Hold, int | None, bool]:
        """Explain a start that lies after everything it waits for: the calendar, or nothing."""
        step, choice, start_s = self.network.steps[i], self.choices[i], self.start_s[i]
        clock, machine = self._clock(i), self._machine(choice)
        if step.splittable:
            open_s = clock.ready(reached_s)
        else:
            open_s = clock.begin_whole(reached_s, choice.duration_s)
        if open_s >= start_s - _SAME_S:
            who = " and ".join([machine, *self.placed[i].resources])
            text = f"{step.key} waits for {who} to be open until {start_s:g} s"
            return Hold(HoldKind.CALENDAR, step.key, machine, start_s, text), None, False
        for j in step.after:
            after = self.network.steps[j]
            if after.max_wait_s is not None and self.start_s[j] > self.end_s[i] - _SAME_S:
                text = f"{step.key} begins late so that {after.key} need not wait too long"
                return Hold(HoldKind.WAIT, step.key, after.key, start_s, text), j, False
        text = f"{step.key} could start at {open_s:g} s but was put at {start_s:g} s"
        return Hold(HoldKind.CHOICE, step.key, machine, start_s, text), None, False

    def _clock(self, i: int) -> WorkClock:
        """Return when a step's machine and its resources can work together."""
        team = tuple(self.people[name] for name in self.placed[i].resources)
        return self.network.clock(self.choices[i].machine, team)

    def _people_holds(self, i: int, add: _Add) -> None:
        """Note what the operators and tools of a step did before."""
        key, start_s = self.network.steps[i].key, self.start_s[i]
        for name in self.placed[i].resources:
            ready_s = self.network.resources[self.people[name]].ready_s
            add(
                HoldKind.OPERATOR, name, ready_s, f"{key} waits for {name} to come at {ready_s:g} s"
            )
            busy = [
                (self.end_s[j], j)
                for j, other in self.placed.items()
                if j != i and name in other.resources and self.end_s[j] <= start_s + _SAME_S
            ]
            if busy:
                until_s, j = max(busy)
                other = self.network.steps[j].key
                text = f"{key} waits for {name}, who does {other} until {until_s:g} s"
                add(HoldKind.OPERATOR, other, until_s, text, j)

    def _holds(self, i: int) -> list[tuple[Hold, int | None, bool]]:
        """Return everything that a start waits for, with where each leads."""
        network, step, choice = self.network, self.network.steps[i], self.choices[i]
        problem, machine = network.problem, self._machine(choice)
        job = problem.jobs[step.job]
        found: list[tuple[Hold, int | None, bool]] = []

        def add(kind: HoldKind, by: str, until_s: float, text: str, to: int | None = None) -> None:
            end = (kind is HoldKind.PREDECESSOR and not step.overlap) or kind in (
                HoldKind.MACHINE,
                HoldKind.SETUP,
                HoldKind.OPERATOR,
            )
            found.append((Hold(kind, step.key, by, until_s, text), to, end))

        add(HoldKind.START, problem.id, problem.start_s, f"{step.key} starts as soon as it can")
        text = f"{step.key} waits for the release of {job.id} at {job.release_s:g} s"
        add(HoldKind.RELEASE, job.id, job.release_s, text)
        if step.fixed_s is not None:
            text = f"{step.key} is fixed to start at {step.fixed_s:g} s"
            add(HoldKind.FROZEN, job.id, step.fixed_s, text)
        arrival_s = max(problem.start_s, job.release_s)
        for j in step.before:
            until_s, what = self._arrives(i, j)
            arrival_s = max(arrival_s, until_s)
            other = network.steps[j].key
            text = f"{step.key} waits for {what} {other} until {until_s:g} s"
            add(HoldKind.PREDECESSOR, other, until_s, text, j)
        self._machine_holds(i, arrival_s, machine, add)
        self._people_holds(i, add)
        return found

    def _arrives(self, i: int, j: int) -> tuple[float, str]:
        choice = self.choices[j]
        way_s = self.network.transport_s(choice.machine, self.choices[i].machine)
        way = f" and the way of {way_s:g} s from" if way_s > 0 else " of"
        if not self.network.steps[i].overlap:
            return self.end_s[j] + way_s, f"the end{way}"
        first_s = self._clock(j).finish(self.start_s[j], choice.first_part_s)
        return min(first_s, self.end_s[j]) + way_s, "the first part from"

    def _machine_holds(self, i: int, arrival_s: float, machine: str, add: _Add) -> None:
        network, step, choice = self.network, self.network.steps[i], self.choices[i]
        sequence, spec = self.sequences[choice.machine], network.machines[choice.machine]
        at = sequence.index(i)
        previous = sequence[at - 1] if at else None
        free_s = max(spec.ready_s, network.problem.start_s)
        if previous is None:
            text = f"{step.key} waits until {machine} is ready at {spec.ready_s:g} s"
            add(HoldKind.READY, machine, spec.ready_s, text)
        else:
            # The members of one batch do not wait for each other but for what came before it.
            while at and self._together(previous, i):
                at -= 1
                previous = sequence[at - 1] if at else previous
            free_s = self.placed[previous].free_s if at else free_s
            other = network.steps[previous].key
            if at and free_s > self.end_s[previous] + _SAME_S:
                text = f"{step.key} waits for {machine}, blocked by {other} until {free_s:g} s"
                add(HoldKind.BLOCKED, other, free_s, text, self._next(previous))
            elif at:
                text = f"{step.key} waits for {machine}, which does {other} until {free_s:g} s"
                add(HoldKind.MACHINE, other, free_s, text, previous)
        setup_s = network.setup_time_s(choice.machine, previous, i)
        if setup_s > 0:
            begin_s = max(free_s, arrival_s) if spec.setup_waits else free_s
            until_s = network.clocks[choice.machine].finish(begin_s, setup_s)
            text = f"{step.key} waits for the setup of {machine} to {step.group}, {setup_s:g} s"
            waits = spec.setup_waits and arrival_s > free_s
            to = None if waits and not step.before else max(step.before) if waits else previous
            add(HoldKind.SETUP, machine, until_s, text, to)

    def _together(self, i: int, j: int) -> bool:
        """Say whether two steps of a machine are one batch."""
        size = self.network.machines[self.choices[i].machine].batch_size
        return size > 1 and self.start_s[i] == self.start_s[j] and self.end_s[i] == self.end_s[j]

    def _next(self, i: int) -> int | None:
        """Return the step whose start let a blocked job go on."""
        after = [j for j in self.network.steps[i].after if j in self.start_s]
        return max(after, key=lambda j: self.start_s[j], default=None)

    def _machine(self, choice: Choice) -> str:
        return self.network.machines[choice.machine].id
