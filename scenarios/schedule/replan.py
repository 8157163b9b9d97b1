"""A plan that has to change: what runs on at once, a better one, the difference, and its release.

In milliseconds the running sequences are pushed to the right from where the line stands; that is a
valid plan. Then a search improves it with what is frozen or under way left alone, and every change
costs what the planner says. Nothing of that changes the running plan: :func:`release` does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from scenarios.schedule.dispatching import best_of_rules
from scenarios.schedule.keeping import kept
from scenarios.schedule.parts import Planned
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.results import Limits, Progress, ScheduleResult
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.solve import solve
from scenarios.schedule.timing import Choice, Network, in_order, timed
from scenarios.schedule.violations import violations
from twin.errors import Finding, InvalidInputError

_SAME_S = 1e-6
"""Difference up to which an operation counts as not moved, s."""


class StalePlanError(InvalidInputError):
    """A proposal that was made for another running plan than the present one."""


@dataclass(frozen=True, slots=True)
class Move:
    """One operation that would be done at another time or elsewhere."""

    operation: str
    """``job/operation``."""
    from_s: float
    """Start in the running plan, s."""
    to_s: float
    """Start in the proposal, s."""
    from_machine: str
    to_machine: str

    def __str__(self) -> str:
        """Return the move in words."""
        where = f" from {self.from_machine} to {self.to_machine}"
        sense = "later" if self.to_s > self.from_s else "earlier"
        away = f"{abs(self.to_s - self.from_s):g} s {sense}"
        return f"{self.operation}: {away}{where if self.from_machine != self.to_machine else ''}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a proposal would change against the running plan."""

    moves: tuple[Move, ...]
    """Operations that move, in order of the proposal."""
    machine_changes: int
    """How many of them go to another machine."""
    added: tuple[str, ...]
    """Operations that the running plan does not have."""
    shift_s: float
    """Sum of the moves in time, s."""
    completion_s: dict[str, tuple[float, float]]
    """Completion of each job that both have, before and after, s."""

    @property
    def later(self) -> tuple[str, ...]:
        """Jobs that would end later."""
        return tuple(job for job, (a, b) in self.completion_s.items() if b > a + _SAME_S)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan that could be released: a dry run changes nothing."""

    problem: SchedulingProblem
    """What was solved: with the running plan, its frozen zone and the price of changes."""
    running: Schedule
    """Plan that was running when it was made."""
    shifted: Schedule
    """Running plan, pushed to the right: what happens if nobody does anything."""
    shifted_after_s: float
    """Time until that was known, s."""
    result: ScheduleResult
    """What the search found."""
    schedule: Schedule
    """What is proposed: the better of the two."""
    difference: Difference
    """Proposal against the plan that runs on by itself."""


def right_shift(problem: SchedulingProblem, running: Schedule) -> Schedule:
    """Return the running plan from where the line stands now, with its machines and sequences.

    Parameters
    ----------
    problem : SchedulingProblem
        What is left to be done, from the live state.
    running : Schedule
        Plan that is running; what it has and the problem does not is done.

    Returns
    -------
    Schedule
        Every operation as early as the sequences allow, or when the line then does it; new ones
        come last, by due date. Where the sequences cannot be kept (what is under way says
        otherwise) a dispatch rule's schedule.
    """
    line, problem = problem, problem.without_line()
    network = Network.of(problem)
    planned = {placed.key: placed for placed in running.placements}
    choices: dict[int, Choice] = {}
    for i, step in enumerate(network.steps):
        old = planned.get(step.key)
        same = [c for c in step.choices if old and network.machines[c.machine].id == old.machine]
        choices[i] = (same or sorted(step.choices, key=lambda c: c.duration_s))[0]
    turns = {placed.key: turn for turn, placed in enumerate(running.in_turn())}
    told = any(placed.turn is not None for placed in running.placements)

    def rank(i: int) -> tuple[float, float, int]:
        old, job = planned.get(network.steps[i].key), problem.jobs[network.steps[i].job]
        if old is not None:
            return (turns[old.key], 0.0, i) if told else (old.start_s, old.end_s, i)
        return math.inf, job.due_date_s if job.due_date_s is not None else 1e15, i

    place = {step: at for at, step in enumerate(network.topological)}
    sequences: list[list[int]] = [[] for _ in network.machines]
    first = {network.index[k]: at for m in network.machines for at, k in enumerate(m.running)}
    for i in sorted(choices, key=lambda i: (*rank(i)[:2], place[i])):
        sequences[choices[i].machine].append(i)
    for sequence in sequences:
        sequence.sort(key=lambda i: first.get(i, len(first)))
    shifted = timed(network, sequences, choices)
    if shifted is None or violations(problem, shifted):
        again = in_order(network, sorted(choices, key=lambda i: (*rank(i)[:2], place[i])), choices)
        shifted = again if not violations(problem, again) else best_of_rules(network)[0]
    return kept(line, shifted) or shifted


def difference(running: Schedule, proposed: Schedule) -> Difference:
    """Return what a proposal changes against a plan, operation by operation."""
    old = {placed.key: placed for placed in running.placements}
    moves, added, shift_s = [], [], 0.0
    for placed in proposed.placements:
        before = old.get(placed.key)
        if before is None:
            added.append(placed.key)
            continue
        away_s = abs(placed.start_s - before.start_s)
        shift_s += away_s
        if away_s > _SAME_S or before.machine != placed.machine:
            move = Move(placed.key, before.start_s, placed.start_s, before.machine, placed.machine)
            moves.append(move)
    ends = {outcome.job: outcome.completion_s for outcome in running.jobs}
    return Difference(
        moves=tuple(moves),
        machine_changes=sum(move.from_machine != move.to_machine for move in moves),
        added=tuple(added),
        shift_s=shift_s,
        completion_s={
            outcome.job: (ends[outcome.job], outcome.completion_s)
            for outcome in proposed.jobs
            if outcome.job in ends
        },
    )


def replanning(
    problem: SchedulingProblem, shifted: Schedule, freeze_s: float, stability: float
) -> SchedulingProblem:
    """Return the problem with a plan that runs: frozen for a while, and with a price on changes."""
    plan = tuple(
        Planned(operation=p.key, machine=p.machine, start_s=p.start_s) for p in shifted.placements
    )
    freeze = problem.start_s + freeze_s if freeze_s > 0 else None
    return problem.model_copy(
        update={
            "plan": plan,
            "freeze_until_s": freeze,
            "objective": problem.objective.model_copy(update={"stability": stability}),
        }
    )


def replan(  # noqa: PLR0913 - what stands, what may change, and how long
    problem: SchedulingProblem,
    running: Schedule,
    limits: Limits | None = None,
    *,
    freeze_s: float = 0.0,
    stability: float = 0.0,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    on_first: Callable[[Schedule], None] | None = None,
) -> Proposal:
    """Return a proposal for another plan; the running one is not touched.

    Parameters
    ----------
    problem : SchedulingProblem
        What is left to be done, from the live state: ``SchedulingProblem.from_line(line, orders,
        state)``. What is under way stands under ``running`` of its machine and stays there.
    running : Schedule
        Plan that is running.
    limits : Limits, optional
        Budget of the search.
    freeze_s : float
        Length of the frozen zone from now on, s: what the pushed plan starts in it stays.
    stability : float
        Weight per second by which an operation moves away from the pushed plan.
    progress, cancelled : callable, optional
        As for ``solve``.
    on_first : callable, optional
        Called with the pushed plan as soon as it is known.
    """
    began = time.monotonic()
    shifted = right_shift(problem, running)
    after_s = time.monotonic() - began
    if on_first is not None:
        on_first(shifted)
    asked = replanning(problem, shifted, freeze_s, stability)
    reference = Schedule.of(asked, shifted.placements)
    result = solve(asked, limits, progress=progress, cancelled=cancelled, start=reference)
    found = result.schedule
    # A running plan under which the line comes to a stop has only the times of its picture.
    stops = asked.twin is not None and any(p.turn is None for p in shifted.placements)
    better = found is not None and (stops or found.objective < reference.objective)
    schedule = found if better and found is not None else reference
    return Proposal(
        problem=asked,
        running=running,
        shifted=reference,
        shifted_after_s=after_s,
        result=result,
        schedule=schedule,
        difference=difference(reference, schedule),
    )


def release(proposal: Proposal, running: Schedule) -> Schedule:
    """Return the schedule that runs from now on.

    Parameters
    ----------
    proposal : Proposal
        What is to be released.
    running : Schedule
        Plan that is running at this moment.

    Raises
    ------
    StalePlanError
        If another plan is running than the one that the proposal was made for.
    """
    if running != proposal.running:
        found = difference(proposal.running, running)
        message = f"the running plan has changed since: {len(found.moves)} operations moved"
        finding = Finding(proposal.problem.id, message, remedy="make a new proposal")
        raise StalePlanError("the proposal", [finding])
    return proposal.schedule
