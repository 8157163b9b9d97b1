"""What strangers add to a line without touching the core: rules and kinds of station.

A package names a module of its own under the entry point group ``twin.plugins``; importing it
registers what it brings, by the decorators here. Plug-ins are loaded once, when a line is read or
built that names something unknown; so a program that uses none never pays for them.
"""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from twin.errors import PluginError

GROUP = "twin.plugins"
"""Entry point group that packages name their modules in."""

logger = logging.getLogger(__name__)
_Thing = TypeVar("_Thing", bound=Callable[..., Any])


class Registry:
    """Names of one sort, each with what it stands for."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._found: dict[str, Any] = {}

    def add(self, name: str, thing: Any) -> None:
        """Register a thing, or raise PluginError if the name is taken by another."""
        before = self._found.get(name)
        if before is not None and (before.__module__, before.__qualname__) != (
            thing.__module__,
            thing.__qualname__,
        ):
            raise PluginError(
                f"{self.what} {name!r} of {thing.__module__} is already that of "
                f"{before.__module__}; rename one of the two"
            )
        self._found[name] = thing

    def get(self, name: str) -> Any:
        """Return what a name stands for, or None; plug-ins are loaded before it is given up."""
        if name not in self._found:
            PLUGINS.load()
        return self._found.get(name)

    def names(self) -> tuple[str, ...]:
        """Return the names that are registered, in alphabetical order."""
        PLUGINS.load()
        return tuple(sorted(self._found))


class Plugins:
    """The modules of the entry point group; each is imported once."""

    def __init__(self) -> None:
        self._loaded = False

    def load(self) -> None:
        """Import every plug-in that is installed, once.

        Raises
        ------
        PluginError
            If one cannot be imported; the error names it.
        """
        if self._loaded:
            return
        self._loaded = True
        for point in importlib.metadata.entry_points(group=GROUP):
            try:
                point.load()
            except (ImportError, AttributeError) as error:
                self._loaded = False
                message = f"the plug-in {point.name!r} ({point.value}) cannot be loaded: {error}"
                raise PluginError(message) from error
            logger.info("loaded the plug-in %s (%s)", point.name, point.value)


PLUGINS = Plugins()
DISPATCH = Registry("dispatch rule")
ROUTING = Registry("routing rule")
STATIONS = Registry("station kind")
BEHAVIOURS = Registry("behaviour of station kind")


def dispatch_rule(name: str) -> Callable[[_Thing], _Thing]:
    """Register ``rule(part, now_s) -> float`` under a name; the smallest number goes first.

    ``part`` is a :class:`twin.engine.dispatch.Candidate`.

    Examples
    --------
    >>> @dispatch_rule("coolest_first")
    ... def coolest_first(part, now_s):
    ...     return part.attributes["temperature_c"]
    """
    return _registering(DISPATCH, name)


def routing_rule(name: str) -> Callable[[_Thing], _Thing]:
    """Register ``rule(target, now_s) -> float`` under a name; the smallest with room is taken.

    ``target`` is a :class:`twin.engine.dispatch.Target`; ties go by the order of the stations in
    the operation.
    """
    return _registering(ROUTING, name)


def behaviour(kind: type[Any]) -> Callable[[_Thing], _Thing]:
    """Register a kind of station, a subclass of ``twin.line.Station``, with what its servers do.

    The behaviour is a generator function of a server (``twin.engine.reference.servers.Server``). It
    takes, works and releases for ever; stops, repairs and people are none of its business. It keeps
    nothing in variables of its own from one part to the next: a run may begin in the middle.

    Examples
    --------
    >>> def bake(server):
    ...     while True:
    ...         part = yield from server.take()
    ...         yield from server.work(part)
    ...         yield from server.release(part)
    """

    def register(thing: _Thing) -> _Thing:
        name = kind.model_fields["kind"].default
        STATIONS.add(name, kind)
        BEHAVIOURS.add(name, thing)
        return thing

    return register


def _registering(registry: Registry, name: str) -> Callable[[_Thing], _Thing]:
    def register(thing: _Thing) -> _Thing:
        registry.add(name, thing)
        return thing

    return register
