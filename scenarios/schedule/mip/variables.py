"""Variables of the disjunctive model, and how a schedule is read from and written into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyomo.environ as pyo

from scenarios.schedule.mip.windows import Helped, Pair, Windows, helped, pairs, windows
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Choice, Network, decisions

Term = Any
"""Anything that may stand in a linear row: a Pyomo expression, a variable or a number."""
MOST_PAUSES = 1500
"""Closures over all steps up to which the model knows of them; beyond, times alone do."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A closure of a machine that a step could meet."""

    step: int
    choice: Choice
    number: int
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Formulation:
    """What the model is made from: the problem, its windows, the pairs and the closures."""

    network: Network
    limits: Windows
    open_pairs: tuple[Pair, ...]
    """Pairs whose order is a decision."""
    decided_pairs: tuple[Pair, ...]
    """Pairs of which one order only is possible, or none."""
    pauses: tuple[Pause, ...]
    """Closures by step."""
    helped: tuple[Helped, ...] = ()
    """Pairs of steps that may need one resource."""
    stays: tuple[int, ...] = ()
    """Steps after which the job may have to stay on the machine."""
    tariff: tuple[tuple[float, float, float], ...] = ()
    """From, to and price of energy without a gap; empty: energy is not part of the model."""

    @staticmethod
    def of(network: Network, upper: float | None, *, room: float = 1.0) -> Formulation:
        """Return the formulation of a problem; see :func:`windows` for the arguments."""
        limits = windows(network, upper, room=room)
        found = sorted(pairs(network, limits), key=lambda pair: pair.name)
        undecided: list[Pair] = []
        decided: list[Pair] = []
        for _, members in groupby(found, key=lambda pair: pair.name):
            same = list(members)
            # One variable may stand for several machines: what one of them rules out, all do.
            forward = all(pair.forward or _apart(network, pair) for pair in same)
            backward = all(pair.backward or _apart(network, pair) for pair in same)
            for pair in same:
                both = pair.forward and pair.backward and forward and backward
                target = undecided if both or _apart(network, pair) else decided
                target.append(_restricted(pair, forward=forward, backward=backward))
        pauses = tuple(_pauses(network, limits))
        if len(pauses) > MOST_PAUSES:
            pauses = ()
        return Formulation(
            network,
            limits,
            tuple(undecided),
            tuple(decided),
            pauses,
            helped=tuple(helped(network, limits)),
            stays=tuple(i for i in range(len(network.steps)) if successors_inside(network, i)),
            tariff=_tariff(network, limits),
        )


def successors_inside(network: Network, i: int) -> list[int]:
    """Return the steps of the same job after a step that have a limited buffer before them."""
    return [
        j
        for j in network.steps[i].after
        if network.steps[j].job == network.steps[i].job
        and not network.steps[j].overlap
        and any(
            network.machines[c.machine].input_buffer is not None for c in network.steps[j].choices
        )
    ]


def _tariff(network: Network, limits: Windows) -> tuple[tuple[float, float, float], ...]:
    """Return the prices with gaps filled, where the model can say what energy costs at least."""
    problem = network.problem
    steps = sum(any(c.power_kw for c in step.choices) for step in network.steps)
    least = min((price.per_kwh for price in problem.prices), default=0.0)
    if not problem.objective.energy or least < 0 or steps * len(problem.prices) > MOST_PAUSES:
        return ()
    found, here_s = [], problem.start_s
    for price in sorted(problem.prices, key=lambda p: p.start_s):
        if price.end_s <= here_s:
            continue
        if price.start_s > here_s:
            found.append((here_s, price.start_s, 0.0))
        found.append((max(here_s, price.start_s), price.end_s, price.per_kwh))
        here_s = price.end_s
    return (*found, (here_s, max(limits.horizon_s, here_s) + 1.0, 0.0))


def _apart(network: Network, pair: Pair) -> bool:
    """Say whether the two steps of a pair could avoid each other by going to other machines."""
    return any(len(network.steps[i].choices) > 1 for i in (pair.first, pair.second))


def _restricted(pair: Pair, *, forward: bool, backward: bool) -> Pair:
    return Pair(
        pair.first,
        pair.second,
        pair.first_choice,
        pair.second_choice,
        pair.forward_s,
        pair.backward_s,
        pair.name,
        pair.forward and forward,
        pair.backward and backward,
    )


def _pauses(network: Network, limits: Windows) -> list[Pause]:
    found = []
    for i, step in enumerate(network.steps):
        for choice in step.choices:
            closed = network.clocks[choice.machine].closed
            found += [
                Pause(i, choice, number, begin, end)
                for number, (begin, end) in enumerate(closed)
                if end > limits.start_lo[i] and begin < limits.end_hi[i]
            ]
    return found


def declare(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Declare the variables.

    ========================  =====================================================================
    ``start[s]``              start of step ``s`` (``job/operation``), s
    ``end[s]``                its end, s
    ``assign[s, m]``          1 if machine m does it; only for steps with a choice
    ``order[g, a, b]``        1 if a comes before b: jobs for a group g of machines in one order,
                              else steps with g empty; only where both orders are possible
    ``before, spans, beyond`` position of a step to closure k of machine m: ends before it, pauses
                              over it, or starts after it
    ``makespan``              end of the last step less the problem's start, s
    ``tardiness[j]``          lateness of job j, s; for jobs with a due date
    ``leave[s]``              when the job leaves the machine after s, s; only before small buffers
    ``team[s, m, t]``         1 if team t of s on machine m helps; only where there is a choice
    ``ahead[r, a, b]``        1 if a is done before b; for steps that may share resource r
    ``completion[j]``         end of job j, s; if flow time counts
    ``away[s]``               how far a start is from the running plan, s; if stability counts
    ``paid[s, k]``            work of s in price interval k, s; if energy counts
    ``within[s, k]``          1 if s touches price interval k
    ========================  =====================================================================
    """
    network, limits = form.network, form.limits
    keys = [step.key for step in network.steps]
    at = network.index
    model.start = pyo.Var(
        keys, bounds=lambda _, k: (limits.start_lo[at[k]], limits.start_hi[at[k]])
    )
    model.end = pyo.Var(keys, bounds=lambda _, k: (limits.end_lo[at[k]], limits.end_hi[at[k]]))
    options = [
        (step.key, network.machines[choice.machine].id)
        for step in network.steps
        if len(step.choices) > 1
        for choice in step.choices
    ]
    model.assign = pyo.Var(options, domain=pyo.Binary)
    model.order = pyo.Var(sorted({pair.name for pair in form.open_pairs}), domain=pyo.Binary)
    closures = [pause_name(network, pause) for pause in form.pauses]
    model.before = pyo.Var(closures, domain=pyo.Binary)
    model.spans = pyo.Var(closures, domain=pyo.Binary)
    model.beyond = pyo.Var(closures, domain=pyo.Binary)
    length_s = max(0.0, limits.horizon_s - network.problem.start_s)
    model.makespan = pyo.Var(bounds=(0, length_s))
    _declare_factory(model, form)
    due = [job.id for job in network.problem.jobs if job.due_date_s is not None]
    model.tardiness = pyo.Var(due, domain=pyo.NonNegativeReals)


def _declare_factory(model: pyo.ConcreteModel, form: Formulation) -> None:
    network, limits, weights = form.network, form.limits, form.network.problem.objective
    latest_s = max(0.0, limits.horizon_s)
    low_s = {network.steps[i].key: limits.end_lo[i] for i in form.stays}
    model.leave = pyo.Var(list(low_s), bounds=lambda _, k: (low_s[k], latest_s))
    model.team = pyo.Var(
        [
            (step.key, network.machines[choice.machine].id, t)
            for step in network.steps
            for choice in step.choices
            for t in range(len(choice.teams))
            if len(choice.teams) > 1
        ],
        domain=pyo.Binary,
    )
    model.ahead = pyo.Var(
        sorted(
            helped_name(network, pair) for pair in form.helped if pair.forward and pair.backward
        ),
        domain=pyo.Binary,
    )
    jobs = [job.id for job in network.problem.jobs] if weights.flow_time else []
    model.completion = pyo.Var(jobs, domain=pyo.NonNegativeReals)
    planned = [s.key for s in network.steps if s.planned_s is not None and weights.stability]
    model.away = pyo.Var(planned, domain=pyo.NonNegativeReals)
    priced = [(network.steps[i].key, k) for i, k in touched(form)]
    model.paid = pyo.Var(priced, domain=pyo.NonNegativeReals)
    model.within = pyo.Var(priced, domain=pyo.Binary)


def touched(form: Formulation) -> list[tuple[int, int]]:
    """Return the steps that use energy, each with the price intervals that it could lie in."""
    limits = form.limits
    return [
        (i, k)
        for i, step in enumerate(form.network.steps)
        if any(choice.power_kw for choice in step.choices)
        for k, (begin_s, end_s, _) in enumerate(form.tariff)
        if end_s >= limits.start_lo[i] and begin_s <= limits.end_hi[i]
    ]


def helped_name(network: Network, pair: Helped) -> tuple[str, str, str]:
    """Return the index of the order of two steps that may share a resource."""
    steps = network.steps
    return network.resources[pair.resource].id, steps[pair.first].key, steps[pair.second].key


def helps(model: pyo.ConcreteModel, network: Network, step: int, resource: int) -> Term:
    """Return the expression that is 1 if a resource helps a step."""
    this, total = network.steps[step], 0.0
    for choice in this.choices:
        for t, team in enumerate(choice.teams):
            if resource in team:
                name = (this.key, network.machines[choice.machine].id, t)
                one = len(choice.teams) == 1
                total += assigned(model, network, step, choice) if one else model.team[name]
    return total


def released(model: pyo.ConcreteModel, key: str) -> Term:
    """Return when the machine is free after a step: as the job leaves, or at its end."""
    return model.leave[key] if key in model.leave else model.end[key]


def pause_name(network: Network, pause: Pause) -> tuple[str, str, int]:
    """Return the index of a closure's variables: step, machine, number of the closure."""
    return network.steps[pause.step].key, network.machines[pause.choice.machine].id, pause.number


def assigned(model: pyo.ConcreteModel, network: Network, step: int, choice: Choice) -> Term:
    """Return the variable that says that a choice does a step; 1 for steps without a choice."""
    if len(network.steps[step].choices) == 1:
        return 1
    return model.assign[network.steps[step].key, network.machines[choice.machine].id]


def write(model: pyo.ConcreteModel, form: Formulation, schedule: Schedule) -> None:
    """Give every variable the value it has in a schedule."""
    network = form.network
    sequences, choices = decisions(network, schedule)
    position = {step: at for sequence in sequences for at, step in enumerate(sequence)}
    for placed in schedule.placements:
        model.start[placed.key].set_value(placed.start_s, skip_validation=True)
        model.end[placed.key].set_value(placed.end_s, skip_validation=True)
    for key, machine in model.assign:
        chosen = choices[network.index[key]].machine == network.machine_index[machine]
        model.assign[key, machine].set_value(int(chosen))
    for pair in form.open_pairs:
        together = choices[pair.first].machine == choices[pair.second].machine
        if together and choices[pair.first].machine == pair.first_choice.machine:
            ahead = position[pair.first] < position[pair.second]
            model.order[pair.name].set_value(int(ahead))
        elif model.order[pair.name].value is None:
            model.order[pair.name].set_value(_free_order(model, network, pair))
    for pause in form.pauses:
        _write_pause(model, network, pause, choices)
    _write_factory(model, form, schedule, choices)
    model.makespan.set_value(schedule.makespan_s, skip_validation=True)
    for outcome in schedule.jobs:
        if outcome.due_date_s is not None:
            model.tardiness[outcome.job].set_value(outcome.tardiness_s, skip_validation=True)


def _write_factory(
    model: pyo.ConcreteModel, form: Formulation, schedule: Schedule, choices: Mapping[int, Choice]
) -> None:
    network = form.network
    placed = {p.key: p for p in schedule.placements}
    for key in model.leave:
        model.leave[key].set_value(placed[key].free_s, skip_validation=True)
    for key, machine, t in model.team:
        names = placed[key].resources
        options = next(
            c.teams
            for c in network.steps[network.index[key]].choices
            if network.machines[c.machine].id == machine
        )
        mine = tuple(network.resources[one].id for one in options[t]) == names
        model.team[key, machine, t].set_value(int(mine and placed[key].machine == machine))
    for name in model.ahead:
        first, second = placed[name[1]], placed[name[2]]
        ahead = first.end_s <= second.start_s or first.start_s < second.start_s
        model.ahead[name].set_value(int(ahead))
    for outcome in schedule.jobs if len(model.completion) else ():
        model.completion[outcome.job].set_value(outcome.completion_s, skip_validation=True)
    for key in model.away:
        away_s = abs(placed[key].start_s - (network.steps[network.index[key]].planned_s or 0.0))
        model.away[key].set_value(away_s, skip_validation=True)
    left_s = {network.steps[i].key: choices[i].duration_s for i in choices}
    for key, k in sorted(model.paid, key=lambda name: form.tariff[name[1]][2]):
        begin_s, end_s, _ = form.tariff[k]
        here_s = max(0.0, min(end_s, placed[key].end_s) - max(begin_s, placed[key].start_s))
        paid_s = min(here_s, left_s[key])
        left_s[key] -= paid_s
        model.paid[key, k].set_value(paid_s, skip_validation=True)
        model.within[key, k].set_value(int(paid_s > 0))


def _free_order(model: pyo.ConcreteModel, network: Network, pair: Pair) -> int:
    """Return an order for two steps that do not meet; any will do."""
    first, second = network.steps[pair.first].key, network.steps[pair.second].key
    return int(model.start[first].value <= model.start[second].value)


def _write_pause(
    model: pyo.ConcreteModel, network: Network, pause: Pause, choices: Mapping[int, Choice]
) -> None:
    name, key = pause_name(network, pause), network.steps[pause.step].key
    here = choices[pause.step].machine == pause.choice.machine
    before = here and model.end[key].value <= pause.begin_s
    beyond = here and not before and model.start[key].value >= pause.end_s
    model.before[name].set_value(int(before))
    model.beyond[name].set_value(int(beyond))
    model.spans[name].set_value(int(here and not before and not beyond))


def read(
    model: pyo.ConcreteModel, form: Formulation
) -> tuple[list[list[int]], dict[int, Choice], list[float]]:
    """Return sequences, choices and starts (s) from the variables' values."""
    network = form.network
    choices: dict[int, Choice] = {}
    starts, ends = [], []
    for i, step in enumerate(network.steps):
        values = [pyo.value(assigned(model, network, i, choice)) for choice in step.choices]
        choices[i] = step.choices[max(range(len(values)), key=values.__getitem__)]
        starts.append(pyo.value(model.start[step.key]))
        ends.append(pyo.value(model.end[step.key]))
    position = {step: at for at, step in enumerate(network.topological)}
    order = sorted(range(len(starts)), key=lambda i: (round(starts[i], 5), ends[i], position[i]))
    sequences: list[list[int]] = [[] for _ in network.machines]
    for i in order:
        sequences[choices[i].machine].append(i)
    return sequences, choices, starts
