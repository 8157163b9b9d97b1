"""Node ids that survive a restart, and browse paths with wildcards."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from asyncua import ua

from twin.sync.compat import Channel
from twin.sync.target import Item, Wildcard

MOST_NODES = 200_000
"""Nodes looked at for one path."""
MOST_DEPTH = 32
NODES_PER_CALL = 50
"""Nodes that the server is asked about in one call."""
_INDEXED = re.compile(r"^ns=(\d+);(.+)$", re.DOTALL)
_SPELLED = re.compile(r"^nsu=(.*?);([sigb]=.*)$", re.DOTALL)
"""The first ``;s=`` ends the namespace: the name of a node may have semicolons of its own."""


class Names:
    """The namespaces of a server: their order may change whenever it starts."""

    def __init__(self) -> None:
        self._uris: list[str] = []
        self._first: list[str] = []

    def learn(self, uris: list[str]) -> None:
        """Take the namespaces of today; those of the first time give meaning to bare indexes."""
        self._uris = uris
        if self._first == uris[: len(self._first)]:  # a server may be given more while it runs
            self._first = list(uris)

    def resolved(self, text: str) -> ua.NodeId | None:
        """Return a node id with the index of today; None if its namespace is not there."""
        if (spelled := _SPELLED.match(text)) is not None:
            uri, rest = spelled.groups()
        elif (indexed := _INDEXED.match(text)) is not None:
            index, rest = int(indexed.group(1)), indexed.group(2)
            if index >= len(self._first):
                return None
            uri = self._first[index]
        else:
            return ua.NodeId.from_string(text)
        if uri not in self._uris:
            return None
        return ua.NodeId.from_string(f"ns={self._uris.index(uri)};{rest}")

    def spelled(self, node: ua.NodeId) -> str:
        """Return a node id of today with its namespace spelled out."""
        text = str(node.to_string())
        found = _INDEXED.match(text)
        if found is None or int(found.group(1)) >= len(self._uris):
            return text
        return f"nsu={self._uris[int(found.group(1))]};{found.group(2)}"

    def canonical(self, text: str) -> str:
        """Return a node id as it was written with its namespace spelled out, where known."""
        found = _INDEXED.match(text)
        if found is None or int(found.group(1)) >= len(self._first):
            return text
        return f"nsu={self._first[int(found.group(1))]};{found.group(2)}"


@dataclass(frozen=True, slots=True)
class _Place:
    node: ua.NodeId
    rest: tuple[str, ...]
    depth: int


async def matching(channel: Channel, wildcard: Wildcard, names: Names) -> tuple[list[Item], str]:
    """Return the variables below Objects that a browse path leads to, in the server's order.

    The text says why there may be more of them; empty if there are not.
    """
    broken = ""
    found: dict[str, Item] = {}
    waiting = [_Place(ua.NodeId(ua.ObjectIds.ObjectsFolder), wildcard.path, 0)]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        if max(len(seen), len(found)) >= MOST_NODES:
            broken = broken or f"it leads to more than {MOST_NODES:,} nodes; give a closer path"
            break
        places: list[_Place] = []
        while waiting and len(places) < NODES_PER_CALL:
            place = waiting.pop()
            key = (str(place.node), place.rest)
            if key not in seen and place.depth <= MOST_DEPTH:
                seen.add(key)
                places.append(place)
        if not places:
            continue
        below: list[_Place] = []
        told = await channel.browse_all([place.node for place in places])
        for place, (references, why) in zip(places, told, strict=True):
            below += _steps(place, references, wildcard, names, found)
            broken = broken or why
        waiting += reversed(below)
    return list(found.values()), broken


def _steps(
    place: _Place,
    references: list[ua.ReferenceDescription],
    wildcard: Wildcard,
    names: Names,
    found: dict[str, Item],
) -> list[_Place]:
    """Return the places below one place; variables at which the path ends are noted."""
    below = []
    for reference in references:
        if getattr(reference.NodeId, "ServerIndex", 0):
            continue
        node = ua.NodeId(reference.NodeId.Identifier, reference.NodeId.NamespaceIndex)
        for rest in _rests(reference.BrowseName, place.rest):
            ends = not rest or rest == ("**",)
            if ends and reference.NodeClass == ua.NodeClass.Variable:
                name = names.spelled(node)
                found[name] = replace(wildcard.template, name=name, node=name)
            if rest:
                below.append(_Place(node, rest, place.depth + 1))
    return below


def _rests(name: ua.QualifiedName, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return what is left of a path after one step to a node of this name; empty: no way."""
    head, *tail = path
    if head == "**":
        after = _rests(name, tuple(tail)) if tail else []
        return [path, *after]
    return [tuple(tail)] if _fits(name, head) else []


def _fits(name: ua.QualifiedName, pattern: str) -> bool:
    index, colon, word = pattern.partition(":")
    if colon and index.isdigit():
        if int(index) != name.NamespaceIndex:
            return False
        pattern = word
    told = re.escape(pattern).replace(r"\*", ".*")
    return re.fullmatch(told, str(name.Name)) is not None
