"""OPC UA as a source of values: our own supervisor over asyncua, driven by ``twin.sync.machine``.

The client library would reconnect and resubscribe by itself, but in ways that lose values without a
word. So each connection here is a fresh client with that switched off, each subscription is our own
and counted, each item's answer is checked, and no queue drops anything in silence: a queue that
runs full ends the subscription, which the ledger then declares as a gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import numpy as np
from asyncua import ua

from twin.sync.clock import Clock, SystemClock
from twin.sync.machine import (
    Action,
    Browsed,
    Disabled,
    Do,
    Enabled,
    Event,
    Failed,
    Limits,
    Link,
    Opened,
    Refused,
    Reset,
    Subscribed,
    Tick,
    Verified,
    Waited,
    transition,
)
from twin.sync.mapping import Mapping
from twin.sync.protocol import LinkEvent, Received, SourceState, Value
from twin.sync.session import REFUSALS, Session

_log = logging.getLogger(__name__)
TICK_S = 0.25
"""Time between two looks at the heartbeat, s."""


class OpcUaConnector:
    """Reads the nodes of a mapping from an OPC UA server, and keeps at it.

    Parameters
    ----------
    mapping : Mapping
        What to read, and from where.
    clock : Clock or None
        Clock for times of receipt; None: this computer's.
    limits : Limits or None
        Pauses between attempts; None: 0.2 to 5 s, with the mapping's heartbeat limits.
    request_timeout_s : float
        Longest wait for an answer of the server, s.
    verify_timeout_s : float
        Longest wait for the first value of every item, s.
    queue_size : int
        Values held here for whoever reads them; beyond that the subscription ends in a gap.

    Notes
    -----
    Connections are neither encrypted nor authenticated yet: use it on closed networks.
    """

    def __init__(
        self,
        mapping: Mapping,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        request_timeout_s: float = 4.0,
        verify_timeout_s: float = 5.0,
        queue_size: int = 100_000,
    ) -> None:
        self.mapping = mapping
        self.link = Link()
        self.missing: tuple[str, ...] = ()
        self._clock: Clock = clock or SystemClock()
        self._limits = limits or Limits(
            heartbeat_late_s=mapping.heartbeat.late_after_s,
            heartbeat_dead_s=mapping.heartbeat.dead_after_s,
        )
        self._request_timeout_s = request_timeout_s
        self._verify_timeout_s = verify_timeout_s
        self._queue_size = queue_size
        self._queue: deque[Received] = deque()
        self._arrived = asyncio.Event()
        self._wake = asyncio.Event()
        self._wishes: deque[Event] = deque()
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._draws = np.random.default_rng()

    @property
    def source(self) -> str:
        """Name of the source."""
        return self.mapping.source

    @property
    def endpoint(self) -> str:
        """Address of the server."""
        return self.mapping.endpoint

    async def connect(self) -> None:
        """Begin; returns at once and keeps trying until ``close``."""
        if self._task is None or self._task.done():
            # It logs each value, and each loss with a traceback; losses are told here, in words.
            logging.getLogger("asyncua").setLevel(logging.WARNING)
            logging.getLogger("asyncua.client").setLevel(logging.CRITICAL)
            self._task = asyncio.create_task(self._supervise(), name=f"opcua {self.endpoint}")

    async def close(self) -> None:
        """End the connection, within a few seconds."""
        task, self._task = self._task, None
        if task is None:
            return
        self._wish(Disabled())
        done, _ = await asyncio.wait({task}, timeout=self._request_timeout_s + 2.0)
        if not done:
            task.cancel()
            await asyncio.wait({task}, timeout=2.0)
        if task.done() and not task.cancelled() and task.exception() is not None:
            _log.error("the link to %s ended badly", self.endpoint, exc_info=task.exception())

    def reset(self) -> None:
        """Try again after a fault that a person has seen to."""
        self._wish(Reset())

    async def receive(self, limit: int, wait_s: float) -> list[Received]:
        """Return up to ``limit`` values and link events, waiting up to ``wait_s`` for the first."""
        if not self._queue:
            if self._task is not None and self._task.done() and not self._task.cancelled():
                self._task.result()  # a fault of the program itself must not look like silence
            self._arrived.clear()
            # Not wait_for: it loses a cancellation that comes together with a value.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()
        return [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]

    def _wish(self, event: Event) -> None:
        self._wishes.append(event)
        self._wake.set()

    def _deliver(self, item: Received) -> None:
        self._queue.append(item)
        self._arrived.set()

    def _take(self, value: Value) -> bool:
        """Queue a value; False if there is no room, which ends the subscription."""
        if len(self._queue) >= self._queue_size:
            return False
        self._deliver(value)
        return True

    async def _supervise(self) -> None:
        event: Event = Enabled()
        actions: tuple[Action, ...] = ()
        while True:
            before = self.link
            self.link, following = transition(self.link, event, self._limits)
            actions = following or actions
            if (self.link.state, self.link.reason) != (before.state, before.reason):
                self._announce()
            if not following and self.link.state is SourceState.DISABLED:
                return
            event = await self._perform(actions if following else actions[-1:])
            if isinstance(event, Disabled) and self.link.state is SourceState.DISABLED:
                return

    def _announce(self) -> None:
        link = self.link
        _log.info("%s is %s %s", self.endpoint, link.state, link.reason)
        session = self._session
        self.missing = session.missing() if session else self.missing
        now = self._clock.now()
        self._deliver(LinkEvent(link.state, now, link.reason, link.epoch, self.missing))

    async def _perform(self, actions: tuple[Action, ...]) -> Event:
        """Do the actions; the last one leads to the next event."""
        event: Event = Disabled()
        for action in actions:
            if action.do is Do.CLOSE:
                await self._close_session()
            elif action.do is Do.REST:
                event = await self._rest()
            elif action.do is Do.WAIT:
                event = await self._interrupted(action.delay_s) or Waited()
            elif action.do is Do.WATCH:
                event = await self._watch()
            else:
                event = await self._attempt(action.do)
        return event

    async def _rest(self) -> Event:
        """Wait for a person; one who switched the link off waits for nobody."""
        if self.link.state is SourceState.DISABLED:
            return Disabled()
        while True:
            wish = await self._interrupted(3600.0)
            if wish is not None:
                return wish

    async def _interrupted(self, wait_s: float) -> Event | None:
        """Wait, but return at once what a person or program asks for meanwhile."""
        if not self._wishes:
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
        return self._wishes.popleft() if self._wishes else None

    async def _attempt(self, do: Do) -> Event:
        """Take one step towards a live subscription."""
        if self._wishes:
            return self._wishes.popleft()
        steps: dict[Do, Callable[[], Awaitable[Event]]] = {
            Do.OPEN: self._open,
            Do.BROWSE: self._browse,
            Do.SUBSCRIBE: self._subscribe,
            Do.VERIFY: self._verify,
        }
        try:
            return await steps[do]()
        except REFUSALS as error:
            return Refused(f"{self.endpoint} refuses: {error}; see to it and reset the link")
        except TimeoutError:
            return self._failed(f"{self.endpoint} did not answer in time (step: {do})")
        except ConnectionRefusedError:
            return self._failed(f"nobody listens at {self.endpoint}; is the plant running?")
        except (OSError, ua.UaError) as error:
            told = str(error) or type(error).__name__
            return self._failed(f"{self.endpoint}: {told} (step: {do})")

    def _failed(self, reason: str) -> Failed:
        return Failed(reason, float(self._draws.random()))

    async def _open(self) -> Event:
        self._session = Session(
            self.mapping, self._clock, self._take, self._wake.set, self._request_timeout_s
        )
        await self._session.open()
        return Opened()

    async def _browse(self) -> Event:
        assert self._session is not None
        await self._session.browse()
        return Browsed()

    async def _subscribe(self) -> Event:
        assert self._session is not None
        await self._session.subscribe(self.link.epoch)
        return Subscribed()

    async def _verify(self) -> Event:
        """Wait until every item gave a first value and the heartbeat has moved."""
        session = self._session
        assert session is not None
        deadline_s = self._clock.steady_s() + self._verify_timeout_s
        while self._clock.steady_s() < deadline_s and session.lost is None:
            if session.complete() and session.beats > 1:
                break
            wish = await self._interrupted(0.05)
            if wish is not None:
                return wish
        session.check()
        if session.lost is not None:
            return self._failed(session.lost)
        if session.beats < 2:  # noqa: PLR2004 - one is a value; it takes two to move
            what = "stands still" if session.beats else "gives no value"
            return self._failed(f"the heartbeat {self.mapping.heartbeat.node} {what}")
        return Verified(len(session.missing_required()))

    async def _watch(self) -> Event:
        session = self._session
        assert session is not None
        wish = await self._interrupted(TICK_S)
        if wish is not None:
            return wish
        session.check()
        if session.lost is not None:
            return self._failed(session.lost)
        return Tick(session.heartbeat_age_s(), len(session.missing_required()))

    async def _close_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
