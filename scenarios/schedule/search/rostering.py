"""Problems with people, batches or one order of jobs, as tables for one order of all, and back."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise

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


def bundles_of(network: Network) -> list[list[int]]:
    """Return the steps that stand together: those of a job where no job overtakes another one."""
    together: dict[int, list[int]] = {}
    for i in network.topological:
        together.setdefault(network.steps[i].job if network.group_of else i, []).append(i)
    return list(together.values())


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
        **_bundled(network),
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


def _bundled(network: Network) -> dict[str, Numbers]:
    bundles = bundles_of(network)
    of = {i: b for b, bundle in enumerate(bundles) for i in bundle}
    links = {
        (of[j], b) for b, bundle in enumerate(bundles) for i in bundle
        for j in network.steps[i].before if of[j] != b
    }  # fmt: skip
    ahead: list[list[int]] = [[] for _ in bundles]
    behind: list[list[int]] = [[] for _ in bundles]
    for left, right in sorted(links):
        ahead[right].append(left)
        behind[left].append(right)
    return {
        "bundle_at": starts_of(bundles),
        "bundle": flat(i for bundle in bundles for i in bundle),
        "of": flat(of[i] for i in range(len(of))),
        "ahead_at": starts_of(ahead),
        "ahead": flat(b for some in ahead for b in some),
        "behind_at": starts_of(behind),
        "behind": flat(b for some in behind for b in some),
    }


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
        self.bundles = bundles_of(network)
        self.front = self._begun()
        order, choice = self.order_of(start)
        self.row = roster.row_of(self.tables, self.crew, order, choice)
        self.best = (order, choice)
        begun = len({int(self.crew.of[i]) for i in self.front})
        self.moves = np.array([0, begun], dtype=np.int64)
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
        """Return the order in which a schedule's bundles begin, and the choices of its steps."""
        sequences, chosen = decisions(self.network, schedule)
        keys = {self.network.index[p.key]: (p.start_s, p.end_s) for p in schedule.placements}
        choice = (
            self.tables.choice_at[i] + self.network.steps[i].choices.index(chosen[i])
            for i in range(len(keys))
        )
        return flat(self._sorted(sequences, keys)), flat(choice)

    def _sorted(
        self, sequences: Sequence[Sequence[int]], keys: dict[int, tuple[float, float]]
    ) -> list[int]:
        """Return the bundles as they begin, but as machines see them and precedences ask."""
        of = self.crew.of.tolist()
        rank = [
            (self.front.isdisjoint(bundle), *min(keys[i] for i in bundle), b)
            for b, bundle in enumerate(self.bundles)
        ]
        links = {(of[i], of[j]) for line in sequences for i, j in pairwise(line)}
        links |= {(of[j], of[i]) for i in keys for j in self.network.steps[i].before}
        return _in_turn(
            rank, {(b, c) for b, c in links if b != c and not (rank[b][0] and not rank[c][0])}
        )

    def run(self) -> None:
        """Search, unless all has begun and stays where it is."""
        if self.moves[1] < len(self.bundles):
            super().run()

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
        steps_in_turn = [i for b in order.tolist() for i in self.bundles[b]]
        self.effort.take(lambda: in_order(self.network, steps_in_turn, chosen))

    def go_back(self, found: Schedule | None) -> float:
        """Go back to the best, or on to what somebody else has found; return its value."""
        if found is not None:
            self.best = self.order_of(found)
        order, choice = self.best
        self.row.order[:], self.row.choice[:] = order, choice
        self.row.place[order] = np.arange(len(order))
        return roster.settle(self.tables, self.crew, self.row)


def _in_turn(
    rank: Sequence[tuple[bool, float, float, int]], links: set[tuple[int, int]]
) -> list[int]:
    """Return the numbers at the ends of ``rank`` by rank, the left of each link before the right.

    Where links are a cycle the first of those that are left breaks it.
    """
    after: dict[int, list[int]] = {}
    waits = dict.fromkeys(range(len(rank)), 0)
    for left, right in links:
        after.setdefault(left, []).append(right)
        waits[right] += 1
    ready = [item for item in rank if not waits[item[-1]]]
    heapq.heapify(ready)
    order: list[int] = []
    while waits:
        b = (heapq.heappop(ready) if ready else min(rank[b] for b in waits))[-1]
        if waits.pop(b, None) is None:
            continue
        order.append(b)
        for right in after.get(b, ()):
            if right in waits:
                waits[right] -= 1
                if not waits[right]:
                    heapq.heappush(ready, rank[right])
    return order
