"""The nodes of one source as its server knows them today: found, refused, or not heard of yet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from asyncua import ua

from twin.sync.browse import Names, matching
from twin.sync.compat import BAD, NO_END, Channel
from twin.sync.continuity import Continuity
from twin.sync.protocol import Gap, Sample
from twin.sync.target import Item, Target, Wildcard

_NOTHING_THERE = "nothing is there"


class Nodes:
    """What is known of each node.

    Parameters
    ----------
    target : Target
        What to read.
    declare : callable
        Called with each gap.
    """

    def __init__(self, target: Target, declare: Callable[[Gap], None]) -> None:
        self.continuity = Continuity(declare)
        self.items: dict[str, Item] = {}
        """Nodes by name, those that were found by wildcards among them."""
        self.names = Names()
        """Namespaces, and what the indexes of the first connection meant."""
        self.ids: dict[str, ua.NodeId] = {}
        """Node ids of today by name."""
        self.bad: dict[str, str] = {}
        """Nodes without a usable value, and why."""
        self.pending: set[str] = set()
        """Nodes that have given no value in this epoch."""
        self.unmatched: dict[Wildcard, str] = dict.fromkeys(
            target.wildcards, "the server was never reached"
        )
        """Browse paths that led to no variable yet, or not to all of them, and why."""
        self._wildcards = target.wildcards
        for item in target.items:
            self._add(item)

    def _add(self, item: Item) -> None:
        if item.name not in self.items:
            self.items[item.name] = item
            self.pending.add(item.name)
            self.continuity.track(item.name)

    async def find(self, channel: Channel) -> None:
        """Read the server's namespaces and find what the wildcards mean."""
        self.names.learn(await channel.namespaces())
        self.unmatched |= dict.fromkeys(self.unmatched, "the server was not browsed to its end")
        for wildcard in self._wildcards:
            await self._match(channel, wildcard)

    async def look_again(self, channel: Channel) -> None:
        """Look for nodes and browse paths that were not there; what is by now can be asked for."""
        unknown = [name for name in self.bad if name not in self.ids]
        if unknown:
            self.names.learn(await channel.namespaces())
        for name in unknown:
            node = self.names.resolved(self.items[name].node)
            if node is not None:
                self.ids[name] = node
        for wildcard in [path for path, why in self.unmatched.items() if why != NO_END]:
            for item in await self._match(channel, wildcard):
                node = self.names.resolved(item.node)
                if node is not None and item.name not in self.ids:
                    self.ids[item.name] = node
                    self.refuse(item.name, _NOTHING_THERE)

    async def _match(self, channel: Channel, wildcard: Wildcard) -> list[Item]:
        try:
            found, broken = await matching(channel, wildcard, self.names)
        except ua.UaStatusCodeError as error:  # the nodes that have a name of their own go on
            found, broken = [], f"the server cannot be browsed: {type(error).__name__}"
        for item in found:
            self._add(item)
        if broken:
            self.unmatched[wildcard] = broken
        elif found:
            self.unmatched.pop(wildcard, None)
        elif wildcard in self.unmatched:
            self.unmatched[wildcard] = _NOTHING_THERE
        return found

    def begin_epoch(self, reason: str) -> list[tuple[str, ua.NodeId]]:
        """Forget what nodes gave so far; return those to ask for, with their ids of today."""
        self.continuity.begin_epoch(reason)
        self.bad.clear()
        self.pending = set(self.items)
        found = []
        for name, item in self.items.items():
            node = self.names.resolved(item.node)
            if node is None:
                self.refuse(name, "its namespace is unknown to the server")
                continue
            self.ids[name] = node
            found.append((name, node))
        return found

    def refuse(self, name: str, reason: str) -> None:
        """Note that a node gives no value."""
        self.pending.discard(name)
        self.bad[name] = reason
        self.continuity.refuse(self.continuity.track(name), reason)

    def lose(self, name: str, reason: str) -> None:
        """Note that a node was found to be no more, though its item says nothing of it."""
        self.refuse(name, reason)
        track = self.continuity.track(name)
        track.opening = track.opening or reason

    def await_value(self, name: str) -> None:
        """Note that a node was asked for again."""
        self.bad.pop(name, None)
        self.pending.add(name)

    def judge(self, sample: Sample) -> None:
        """Note whether a node gives a usable value."""
        if sample.status >= BAD:
            self.refuse(sample.node, str(ua.StatusCode(sample.status).name))
        elif self.bad or self.pending:
            self.pending.discard(sample.node)
            self.bad.pop(sample.node, None)

    def readable(self) -> list[str]:
        """Return the nodes that can be read directly."""
        return [name for name in self.ids if name not in self.bad]

    def missing(self) -> tuple[str, ...]:
        """Return the nodes without a usable value, each with the reason."""
        told = [f"{name}: {reason}" for name, reason in self.bad.items()]
        told += [f"{path.template.name}: {reason}" for path, reason in self.unmatched.items()]
        return tuple(sorted(told + [f"{name}: no value yet" for name in self.pending]))

    def missing_required(self) -> int:
        """Return how many required nodes give no usable value."""
        if not (self.bad or self.pending):
            return len(self.unmatched)
        bad = sum(self.items[name].required for name in {*self.bad, *self.pending})
        return bad + len(self.unmatched)

    def finish(self, now: datetime, reason: str | None) -> None:
        """End the account; see ``Continuity.finish``."""
        self.continuity.finish(now, reason)
        for path, why in self.unmatched.items():
            self.continuity.absent(path.template.name, now, why)
