"""Dispatch rules: a schedule in milliseconds, and the start of every search.

Steps are placed one after the other, each as early as it can be. At every turn the rule picks from
the *conflict set*: the steps that compete for the machine which matters next.

References
----------
Giffler and Thompson (1960), Algorithms for solving production-scheduling problems.
Vepsalainen and Morton (1987), Priority rules for job shops with weighted tardiness costs.
Lee, Bhaskaran and Pinedo (1997), A heuristic to minimize the total weighted tardiness with
sequence-dependent setups.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import (
    Choice,
    Network,
    Slot,
    Timeline,
    place_together,
    units,
)

Style = Literal["active", "non_delay"]
"""``non_delay``: no machine waits while it could work; ``active``: it may wait for a step that
would be delayed otherwise."""
STYLES: tuple[Style, ...] = ("non_delay", "active")
"""All styles."""

_LOOK_AHEAD = 2.0
"""How many average durations ahead lateness begins to press, in ATC."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A step that could come next, as a rule sees it."""

    step: int
    choice: Choice
    slot: Slot
    setup_s: float
    due_s: float
    """Due date of the job, infinite without one, s."""
    weight: float
    left_s: float
    """Shortest work from this step to the end of its job, this step included, s."""
    mean_s: float
    """Average duration over all steps, s."""

    @property
    def start_s(self) -> float:
        """When it would start, s."""
        return self.slot.start_s

    @property
    def end_s(self) -> float:
        """When it would end, s."""
        return self.slot.end_s


Rule = Callable[[Candidate], float]


def edd(candidate: Candidate) -> float:
    """Earliest due date first."""
    return candidate.due_s


def spt(candidate: Candidate) -> float:
    """Shortest setup and work first."""
    return candidate.choice.duration_s + candidate.setup_s


def most_work(candidate: Candidate) -> float:
    """Most work remaining in the job first."""
    return -candidate.left_s


def least_setup(candidate: Candidate) -> float:
    """Shortest setup first; the more pressing due date among equals."""
    due_s = min(candidate.due_s, 1e12)
    return candidate.setup_s + 1e-9 * due_s


def atc(candidate: Candidate) -> float:
    """Apparent tardiness cost: weight per second of work, fading with the slack that is left."""
    work_s = max(candidate.choice.duration_s, 1e-9)
    scale_s = _LOOK_AHEAD * max(candidate.mean_s, 1e-9)
    slack_s = max(0.0, candidate.due_s - candidate.left_s - candidate.start_s)
    # In logarithms: an index that underflows to zero could no longer tell two late jobs apart.
    index = math.log(max(candidate.weight, 1e-12) / work_s) - min(slack_s, 1e15) / scale_s
    return -(index - candidate.setup_s / scale_s)


RULES: dict[str, Rule] = {
    "edd": edd,
    "atc": atc,
    "spt": spt,
    "most_work": most_work,
    "least_setup": least_setup,
}
"""Rules by name; the smallest key goes first."""


def dispatch(network: Network, rule: str | Rule, style: Style = "non_delay") -> Schedule:
    """Return the schedule that a rule makes.

    It meets every demand but, if the rule steers badly, a deadline, the horizon or a frozen start.

    Parameters
    ----------
    network : Network
        The problem.
    rule : str or callable
        Name in ``RULES`` or a function from :class:`Candidate` to a key; the smallest goes first.
    style : {"non_delay", "active"}
        Which steps compete.

    Returns
    -------
    Schedule
    """
    pick = RULES[rule] if isinstance(rule, str) else rule
    return _Dispatch(network).run(pick, style)


class _Dispatch:
    """State of one pass."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.timeline = Timeline(network)
        steps = network.steps
        self.left_s = [0.0] * len(steps)
        for i in reversed(network.topological):
            own = [self.left_s[j] for j in steps[i].after if steps[j].job == steps[i].job]
            self.left_s[i] = steps[i].least_s + max(own, default=0.0)
        self.mean_s = sum(step.least_s for step in steps) / max(len(steps), 1)
        self.unit = {unit[0]: unit for unit in units(network)}
        """Steps that are placed together, by the first of them."""
        first = {i: unit[0] for unit in self.unit.values() for i in unit}
        outer = {i: {j for k in unit for j in steps[k].before} for i, unit in self.unit.items()}
        self.needed = {i: outer[i] - set(unit) for i, unit in self.unit.items()}
        """What must be placed before each unit."""
        self.next = [{first[j] for j in step.after} - {first[i]} for i, step in enumerate(steps)]
        self.open = dict.fromkeys(i for i, needed in self.needed.items() if not needed)
        """First steps of the units that could be placed now."""
        self.groups = [
            Counter(steps[i].group for i in range(len(steps)) if self._could(i, m))
            for m in range(len(network.machines))
        ]
        """Steps still to come that could be done on each machine, by setup group."""
        self.campaigns = any(machine.campaign_least > 1 for machine in network.machines)
        self.campaign = [0] * len(network.machines)
        """Steps of its present group that each machine has done in a row."""
        self.present = [""] * len(network.machines)
        self.broken: list[set[str]] = [set() for _ in network.machines]
        """Groups whose campaign was broken off on each machine: they had better not come again."""
        self.turns = 0
        self.changes = [0] * len(network.machines)
        """Turn in which each machine was changed last."""
        self.known: dict[tuple[int, int], tuple[int, Candidate]] = {}
        self.running = [
            [network.index[key] for key in machine.running] for machine in network.machines
        ]
        latest_s = _latest_starts(network)
        self.fixed = [
            sorted(
                (latest_s[i], i)
                for i, step in enumerate(steps)
                if latest_s[i] < math.inf and {c.machine for c in step.choices} == {m}
            )
            for m in range(len(network.machines))
        ]
        """What must start by some time on each machine: steps that are fixed, and those before."""
        self.order = [self._begun(names) for names in network.problem.same_order]
        """Jobs in the order in which they entered each group of machines."""
        self.visits: dict[tuple[int, int], int] = {
            (step.job, choice.machine): i
            for i, step in enumerate(steps)
            for choice in step.choices
            if choice.machine in network.group_of
        }

    def _begun(self, names: Sequence[str]) -> list[int]:
        """Return the jobs under way on some machines: those furthest down the line lead."""
        machines = {machine.id: machine for machine in self.network.machines}
        keys = [key for name in reversed(names) for key in machines[name].running]
        steps = self.network.steps
        return list(dict.fromkeys(steps[self.network.index[key]].job for key in keys))

    def _could(self, step: int, machine: int) -> bool:
        return any(choice.machine == machine for choice in self.network.steps[step].choices)

    def run(self, rule: Rule, style: Style) -> Schedule:
        while self.open:
            # Wishes are given up one after the other where they leave nothing to do.
            candidates = (
                self._candidates(respect_fixed=True, respect_campaigns=True)
                or self._candidates(respect_fixed=False, respect_campaigns=True)
                or self._candidates(respect_fixed=False, respect_campaigns=False)
            )
            if not candidates:
                self._give_way()
                continue
            best = min(_conflict(candidates, style), key=lambda c: (rule(c), c.start_s, c.step))
            self._place(best)
            if not self.open:
                self._untie()
        return self.timeline.schedule()

    def _give_way(self) -> None:
        """Forget who is under way and who came first, where the two contradict each other."""
        self.running = [[] for _ in self.running]
        self.order = [[] for _ in self.order]

    def _untie(self) -> None:
        """Take apart what is left if its groups wait for each other."""
        placed = self.timeline.choice
        left = [i for i in self.network.topological if placed[i] is None]
        for i in left:
            self.unit[i] = [i]
            self.needed[i] = {j for j in self.network.steps[i].before if placed[j] is None}
            self.next[i] = set(self.network.steps[i].after)
            if not self.needed[i]:
                self.open[i] = None

    def _candidates(self, *, respect_fixed: bool, respect_campaigns: bool) -> list[Candidate]:
        asked, found = respect_campaigns and self.campaigns, []
        for step in self.open:
            options = [
                candidate
                for choice in self.network.steps[step].choices
                if self._allowed(step, choice.machine)
                and not (asked and self._unit_breaks_off(step, choice.machine))
                for candidate in [self._kept(step, choice)]
                if not respect_fixed or self._leaves_room(candidate)
            ]
            if options:
                found.append(min(options, key=lambda c: (c.end_s, c.start_s)))
        return found

    def _unit_breaks_off(self, step: int, machine: int) -> bool:
        """Say whether a step, or one that is placed with it, would end a campaign too soon."""
        return self._breaks_off(step, machine) or any(
            all(self._breaks_off(i, choice.machine) for choice in self.network.steps[i].choices)
            for i in self.unit[step][1:]
        )

    def _breaks_off(self, step: int, machine: int) -> bool:
        """Say whether a step would end a campaign that is too short and could go on."""
        least = self.network.machines[machine].campaign_least
        present, own = self.present[machine], self.network.steps[step].group
        if least > 1 and own and own in self.broken[machine]:
            return True
        if self.campaign[machine] >= least:
            return False
        return bool(present and own) and own != present and self.groups[machine][present] > 0

    def _kept(self, step: int, choice: Choice) -> Candidate:
        """Return a candidate, worked out anew only if its machine or its people have changed."""
        alone = choice.teams == ((),) and self.network.setup_teams[choice.machine] == ((),)
        now = self.changes[choice.machine] if alone else self.turns
        at, found = self.known.get((step, choice.machine), (-1, None))
        if found is None or at != now:
            found = self._candidate(step, choice)
            self.known[step, choice.machine] = now, found
        return found

    def _candidate(self, step: int, choice: Choice) -> Candidate:
        timeline, job = self.timeline, self.network.problem.jobs[self.network.steps[step].job]
        slot, previous = timeline.earliest(step, choice), timeline.last(choice.machine)
        setup_s = self.network.setup_time_s(choice.machine, previous, step)
        return Candidate(
            step=step,
            choice=choice,
            slot=slot,
            setup_s=0.0 if slot.joins else setup_s,
            due_s=math.inf if job.due_date_s is None else job.due_date_s,
            weight=job.weight,
            left_s=self.left_s[step],
            mean_s=self.mean_s,
        )

    def _allowed(self, step: int, machine: int) -> bool:
        """Say whether a step may come next on a machine: first what runs, and nobody overtakes."""
        running = self.running[machine]
        if running and running[0] != step:
            return False
        group = self.network.group_of.get(machine)
        if group is None:
            return True
        job, order = self.network.steps[step].job, self.order[group]
        ahead = order[: order.index(job)] if job in order else order
        return all(
            self.timeline.choice[self.visits[other, machine]] is not None
            for other in ahead
            if (other, machine) in self.visits
        )

    def _leaves_room(self, candidate: Candidate) -> bool:
        """Say whether a step leaves the machine in time for the next that must start there."""
        machine = candidate.choice.machine
        if not self.fixed[machine]:
            return True
        latest_s, step = self.fixed[machine][0]
        if step == candidate.step:
            return True
        setup_s = self.network.setup_time_s(machine, candidate.step, step)
        clock = self.network.clocks[machine]
        return clock.finish(candidate.end_s, setup_s) <= latest_s

    def _place(self, best: Candidate) -> None:
        unit = self.unit[best.step]
        if len(unit) == 1:
            self.timeline.place(best.step, best.choice, best.slot)
        else:
            place_together(self.timeline, unit, self._options)
        del self.open[best.step]
        for step in unit:
            self._placed(step)
        for following in dict.fromkeys(i for step in unit for i in self.next[step]):
            self.needed[following] -= set(unit)
            if not self.needed[following]:
                self.open[following] = None

    def _options(self, step: int) -> list[Choice]:
        choices = self.network.steps[step].choices
        return [c for c in choices if self._allowed(step, c.machine)] or list(choices)

    def _placed(self, step: int) -> None:
        """Note what a step that was placed changes for the others."""
        self.turns += 1
        network, chosen, this = self.network, self.timeline.choice[step], self.network.steps[step]
        if chosen is None:
            raise AssertionError(f"{this.key} was not placed")
        machine = chosen.machine
        self.changes[machine] = self.turns
        for before in this.before:
            # It may have left later than it had ended.
            other = self.timeline.choice[before]
            if other is not None:
                self.changes[other.machine] = self.turns
        if self.running[machine] and self.running[machine][0] == step:
            self.running[machine].pop(0)
        self.fixed[machine] = [item for item in self.fixed[machine] if item[1] != step]
        group = network.group_of.get(machine)
        if group is not None and this.job not in self.order[group]:
            self.order[group].append(this.job)
        for m in {choice.machine for choice in this.choices}:
            self.groups[m][this.group] -= 1
        if this.group:
            same = self.present[machine] == this.group
            if not same and self.campaign[machine] < network.machines[machine].campaign_least:
                self.broken[machine].add(self.present[machine])
            self.campaign[machine] = self.campaign[machine] + 1 if same else 1
            self.present[machine] = this.group


def _latest_starts(network: Network) -> list[float]:
    """Return when each step must start for what is fixed after it to keep its time, s.

    Infinite where nothing is. Pauses and transport are left out, so it may be sooner still.
    """
    steps = network.steps
    latest_s = [math.inf if step.fixed_s is None else step.fixed_s for step in steps]
    for i in reversed(network.topological):
        if steps[i].fixed_s is not None:
            continue
        for j in steps[i].after:
            own = (c.first_part_s if steps[j].overlap else c.duration_s for c in steps[i].choices)
            latest_s[i] = min(latest_s[i], latest_s[j] - min(own))
    return latest_s


def _conflict(candidates: list[Candidate], style: Style) -> list[Candidate]:
    """Return the candidates that compete for the machine which matters next."""
    if style == "non_delay":
        first_s = min(c.start_s - c.setup_s for c in candidates)
        return [c for c in candidates if c.start_s - c.setup_s <= first_s]
    first = min(candidates, key=lambda c: (c.end_s, c.step))
    return [
        c
        for c in candidates
        if c is first or (c.choice.machine == first.choice.machine and c.start_s < first.end_s)
    ]


def best_of_rules(
    network: Network, until: Callable[[], bool] = lambda: False
) -> tuple[Schedule, str]:
    """Return the best schedule that any rule makes, and the rule's name.

    Parameters
    ----------
    network : Network
        The problem.
    until : callable
        Asked before each further rule; True stops there. The first rule is always played.
    """
    best: tuple[Schedule, str] | None = None
    for style in STYLES:
        for name in RULES:
            if best is not None and until():
                return best
            schedule = dispatch(network, name, style)
            better = best is None or _rank(network, schedule) < _rank(network, best[0])
            if better:
                best = schedule, f"{name}, {style}"
    if best is None:
        raise AssertionError("there is at least one rule")
    return best


def _rank(network: Network, schedule: Schedule) -> tuple[float, float]:
    """Return what is late against hard demands first, then the objective."""
    problem, hard_s = network.problem, 0.0
    for job, outcome in zip(problem.jobs, schedule.jobs, strict=True):
        for limit_s in (job.deadline_s, problem.horizon_s):
            if limit_s is not None:
                hard_s += max(0.0, outcome.completion_s - limit_s)
    for placed in schedule.placements:
        fixed_s = network.steps[network.index[placed.key]].fixed_s
        hard_s += 0.0 if fixed_s is None else abs(placed.start_s - fixed_s)
    return hard_s, schedule.objective
