"""Exact throughput of lines that tick: every state of a Markov chain over slots of one time unit.

Textbooks let a machine look ahead within a slot: it may not begin while the place behind it is
full, unless that place is emptied in the same slot (*blocked before service*). The twin works and
then waits for room (*blocked after service*). One solver serves both, so the published figures
check the solver, and the solver checks the twin.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from twin.line import Discrete

Step = tuple[float, Hashable, int]
"""Probability, next state, parts finished on the way there."""


def throughput(begin: Hashable, steps: Callable[[Hashable], Iterable[Step]]) -> float:
    """Return the parts per slot in the long run of a chain with one closed class."""
    number = {begin: 0}
    found: list[tuple[int, float, int, int]] = []
    waiting = [begin]
    while waiting:
        state = waiting.pop()
        for chance, after, parts in steps(state):
            if after not in number:
                number[after] = len(number)
                waiting.append(after)
            found.append((number[state], chance, number[after], parts))
    flow = np.zeros((len(number), len(number)))
    made = np.zeros(len(number))
    for state_number, chance, after_number, parts in found:
        flow[after_number, state_number] += chance
        made[state_number] += chance * parts
    balance = flow - np.eye(len(number))
    balance[0] = 1.0
    share = np.linalg.solve(balance, np.eye(len(number))[0])
    return float(share @ made)


def chances(each: Sequence[float]) -> Iterator[tuple[float, tuple[bool, ...]]]:
    """Yield what may happen to several that are independent: probability, who succeeds."""
    for happens in itertools.product((True, False), repeat=len(each)):
        pairs = zip(each, happens, strict=True)
        chance = float(np.prod([p if yes else 1.0 - p for p, yes in pairs]))
        if chance:
            yield chance, happens


def bernoulli_line(up: Sequence[float], places: Sequence[int]) -> float:
    """Return the throughput of Li and Meerkov's line: slots, blocked before service."""

    def steps(contents: Hashable) -> Iterator[Step]:
        assert isinstance(contents, tuple)
        for chance, happens in chances(up):
            after = list(contents)
            taken = True  # the last machine's product has somewhere to go
            for machine in reversed(range(len(up))):
                room = machine == len(up) - 1 or contents[machine] < places[machine] or taken
                taken = happens[machine] and room and (machine == 0 or contents[machine - 1] > 0)
                if taken and machine > 0:
                    after[machine - 1] -= 1
                if taken and machine < len(up) - 1:
                    after[machine] += 1
                if machine == len(up) - 1:
                    parts = int(taken)
            yield chance, tuple(after), parts

    return throughput((0,) * len(places), steps)


def two_machines(fail: Sequence[float], repair: Sequence[float], places: int) -> float:
    """Return the throughput of Buzacott's line: cycles of one slot, blocked before service."""

    def steps(state: Hashable) -> Iterator[Step]:
        assert isinstance(state, tuple)
        content, up = state
        working = (up[0] and content < places, up[1] and content > 0)
        stays = [(1.0 - fail[i] if working[i] else 1.0) if up[i] else repair[i] for i in range(2)]
        for chance, after in chances(stays):
            came = int(after[0] and content < places)
            went = int(after[1] and content > 0)
            yield chance, (content + came - went, after), went

    return throughput((0, (True, True)), steps)


@dataclass(frozen=True)
class _Slot:
    """State of a line that blocks after service, at the end of a slot."""

    holds: tuple[str, ...]
    """Per machine: ``none``, ``work`` or ``done``."""
    contents: tuple[int, ...]
    up: tuple[bool, ...]

    def moved(self, places: Sequence[int]) -> tuple[_Slot, int]:
        """Let parts move until nothing moves; also return how many left the line."""
        holds, contents, parts = list(self.holds), list(self.contents), 0
        moving = True
        while moving:
            moving = False
            for machine in reversed(range(len(holds))):
                last = machine == len(holds) - 1
                if holds[machine] == "done" and (last or contents[machine] < places[machine]):
                    holds[machine] = "none"
                    moving = True
                    if last:
                        parts += 1
                    else:
                        contents[machine] += 1
                if holds[machine] == "none" and self.up[machine]:
                    if machine > 0 and not contents[machine - 1]:
                        continue
                    holds[machine] = "work"
                    moving = True
                    if machine > 0:
                        contents[machine - 1] -= 1
        return replace(self, holds=tuple(holds), contents=tuple(contents)), parts


def after_service(
    done: Sequence[float],
    places: Sequence[int],
    fail: Sequence[float] | None = None,
    repair: Sequence[float] | None = None,
) -> float:
    """Return the throughput of a line that ticks and blocks after service, as the twin's do.

    Parameters
    ----------
    done
        Probability that the work on a part ends with the slot, per machine.
    places
        Places between machines, at least one each.
    fail, repair
        Probabilities that a machine fails as it ends a part, and that a repair ends with the
        slot; none: no failures.
    """
    count = len(done)
    fail = fail or [0.0] * count
    repair = repair or [1.0] * count

    def steps(state: Hashable) -> Iterator[Step]:
        assert isinstance(state, _Slot)
        ends = [p if hold == "work" else 0.0 for p, hold in zip(done, state.holds, strict=True)]
        for end_chance, ended in chances(ends):
            holds = tuple(
                "done" if yes else hold for yes, hold in zip(ended, state.holds, strict=True)
            )
            stays = [
                (1.0 - fail[i] if ended[i] else 1.0) if state.up[i] else repair[i]
                for i in range(count)
            ]
            for chance, up in chances(stays):
                after, parts = replace(state, holds=holds, up=up).moved(places)
                yield end_chance * chance, after, parts

    begin, _ = _Slot(("none",) * count, (0,) * len(places), (True,) * count).moved(places)
    return throughput(begin, steps)


def geometric(chance: float) -> Discrete:
    """Return the number of slots until a first success, cut where one in 10^12 is left."""
    longest = 1 if chance == 1.0 else int(np.ceil(np.log(1e-12) / np.log1p(-chance)))
    slots = np.arange(1, longest + 1)
    weights = chance * (1.0 - chance) ** (slots - 1)
    return Discrete(values_s=tuple(map(float, slots)), weights=tuple(map(float, weights)))
