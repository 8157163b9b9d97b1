"""Problems with people, tools and batches, as tables for the kernel over one order, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scenarios.schedule.schedule import Schedule
from scenarios.schedule.search import reorder, roster
from scenarios.schedule.search.annealing import Cooling
from scenarios.schedule.search.chance import Numbers
from scenarios.schedule.search.effort import Effort
from scenarios.schedule.search.general import flat, starts_of, tables_of
from scenarios.schedule.search.lowering import Ticks
from scenarios.schedule.timing import Choice, Network, Timeline, decisions, in_order

_Option = tuple[int, tuple[int, ...]]
"""Machine and team."""


def crew_of(network: Network, ticks: Ticks) -> roster.Crew:
    """Return what the tables of a problem do not say: who can help whom, and when."""
    begun = Timeline(network)
    ways: list[list[_Option]] = []
    for i, step in enumerate(network.steps):
        for choice in step.choices:
            held = (begun.reserved[i],) if i in begun.reserved else choice.teams
            ways.append([(choice.machine, team) for team in held])
    first = len(ways)
    ways += [[(m, team) for team in some] for m, some in enumerate(network.setup_teams)]
    options = [option for way in ways for option in way]
    teams = [team for _, team in options]
    numbers = {team: number for number, team in enumerate(dict.fromkeys(teams))}
    at = starts_of(ways)
    return roster.Crew(
        held=flat(i in begun.reserved for i in range(len(network.steps))),
        room=flat(machine.batch_size for machine in network.machines),
        option_at=at[: first + 1],
        setup_at=at[first:],
        team=flat(numbers[team] for team in teams),
        member_at=starts_of(teams),
        member=flat(one for team in teams for one in team),
        there=ticks.moments([resource.ready_s for resource in network.resources]),
        **_closures(network, options, ticks),
        **_taken(begun.busy, ticks),
    )


def _closures(network: Network, options: Sequence[_Option], ticks: Ticks) -> dict[str, Numbers]:
    closed = [network.clock(machine, team).closed for machine, team in options]
    return {
        "closed_at": starts_of(closed),
        "closes": ticks.moments([begin for pauses in closed for begin, _ in pauses]),
        "opens": ticks.moments([end for pauses in closed for _, end in pauses]),
    }


def _taken(busy: Sequence[Sequence[tuple[float, float]]], ticks: Ticks) -> dict[str, Numbers]:
    return {
        "taken_at": starts_of(busy),
        "taken_from": ticks.moments([begin for spans in busy for begin, _ in spans]),
        "taken_until": ticks.moments([end for spans in busy for _, end in spans]),
    }


class Rostering(Cooling):
    """One search.

    Parameters
    ----------
    network : Network
        A problem that :func:`scenarios.schedule.search.supports.declined` has nothing against.
    start : Schedule
        Where to begin; it may miss hard demands.
    effort : Effort
        How long, and whom to tell.
    """

    def __init__(self, network: Network, start: Schedule, effort: Effort) -> None:
        self.network = network
        ticks = Ticks.of(network)
        self.tables, self.crew = tables_of(network, ticks), crew_of(network, ticks)
        self.front = self._begun()
        order, choice = self.order_of(start)
        self.row = roster.row_of(self.tables, self.crew, order, choice)
        self.best = (order, choice)
        self.moves = np.array([0, len(self.front)], dtype=np.int64)
        super().__init__(effort, roster.settle(self.tables, self.crew, self.row))

    def _begun(self) -> set[int]:
        """Return the steps under way and all before them: they come first."""
        left = [self.network.index[key] for m in self.network.machines for key in m.running]
        found: set[int] = set()
        while left:
            i = left.pop()
            if i not in found:
                found.add(i)
                left += self.network.steps[i].before
        return found

    def order_of(self, schedule: Schedule) -> tuple[Numbers, Numbers]:
        """Return the order in which a schedule's steps begin, and their choices."""
        sequences, chosen = decisions(self.network, schedule)
        rank = {i: at for at, i in enumerate(self.network.topological)}
        keys = {self.network.index[p.key]: (p.start_s, p.end_s) for p in schedule.placements}
        order = sorted(
            (i for sequence in sequences for i in sequence),
            key=lambda i: (i not in self.front, *keys[i], rank[i]),
        )
        choice = (
            self.tables.choice_at[i] + self.network.steps[i].choices.index(chosen[i])
            for i in range(len(order))
        )
        return flat(order), flat(choice)

    def anneal(self, moves: int) -> None:
        """Try some moves."""
        self.moves[0] = moves
        reorder.run(
            self.tables, self.crew, self.row, *self.best, self.chance, self.moves, self.terms
        )

    def tell(self) -> None:
        """Tell of the best."""
        order, choice = self.best
        steps = self.network.steps
        chosen: dict[int, Choice] = {
            i: step.choices[int(choice[i] - self.tables.choice_at[i])]
            for i, step in enumerate(steps)
        }
        self.effort.take(in_order(self.network, order.tolist(), chosen))

    def go_back(self, found: Schedule | None) -> float:
        """Go back to the best, or on to what somebody else has found; return its value."""
        if found is not None:
            self.best = self.order_of(found)
        order, choice = self.best
        self.row.order[:], self.row.choice[:] = order, choice
        self.row.place[order] = np.arange(len(order))
        return roster.settle(self.tables, self.crew, self.row)
