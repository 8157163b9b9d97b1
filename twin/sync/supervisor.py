"""Keeps one source going: the input and output around ``twin.sync.machine``.

Mirror and recording stand on this one supervisor. Each connection is a fresh one of the client
library with its own reconnecting switched off; what was going on with the server - session,
subscriptions, what was last received - is kept in ``twin.sync.session`` from one to the next.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

import numpy as np
from asyncua import ua

from twin.sync.backfill import Backfill
from twin.sync.clock import Clock, SystemClock
from twin.sync.machine import (
    Action,
    Browsed,
    Connected,
    Disabled,
    Do,
    Enabled,
    Event,
    Failed,
    Filled,
    Gone,
    Limits,
    Link,
    Opened,
    Refused,
    Republished,
    Reset,
    Resolved,
    Resumed,
    Secured,
    Subscribed,
    Tick,
    Verified,
    Waited,
    transition,
)
from twin.sync.opening import REFUSALS
from twin.sync.probe import EVERY_S, Probe
from twin.sync.protocol import CONNECTED, LinkEvent, SourceState
from twin.sync.security import Identity, RefusedError
from twin.sync.session import Session
from twin.sync.target import Sink, Target

_log = logging.getLogger(__name__)
TICK_S = 0.25
"""Time between two looks at the values that flow, s."""
ANSWER_S = 4.0
"""Longest wait for an answer of a server that is there, s."""
PATIENCE_S = 60.0
"""Longest wait for a server that was slow before: each time in vain the wait doubles, s."""
HELLO_S = 40.0
"""Longest wait for a greeting where nobody greeted us in less: each time the wait doubles, s."""
KNOCK_S = 1.0
"""Wait for an answer of a server that may not be there, before another connection is tried, s."""
RETRY_FIRST_S = 0.25
RETRY_S = 5.0
"""Longest time between two requests for items that the server did not have, s; it doubles."""
RETRY_SHARE = 20.0
"""Time between two such requests, in times of what one takes."""
FILL_S = 30.0
"""Longest time for reading history before what is left is declared, s."""
FILLS = 3
"""Losses in a row while history is read after which it is left alone: it may be what breaks."""


class Supervisor:
    """Reads the nodes of a target from an OPC UA server, and keeps at it.

    Parameters
    ----------
    target : Target
        What to read, and from where.
    sink : Sink
        Where values, gaps and changes of the link go.
    clock : Clock or None
        Clock for times of receipt; None: this computer's.
    limits : Limits or None
        Times that decide; None: the defaults.
    identity : Identity or None
        Our certificate and trust list; None: a target with ``security`` is refused.
    """

    def __init__(
        self,
        target: Target,
        sink: Sink,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        identity: Identity | None = None,
    ) -> None:
        self.target = target
        self.link = Link()
        self.reconnects = 0
        """Times that the link was live again after it was lost."""
        self._clock: Clock = clock or SystemClock()
        self._limits = limits or Limits()
        self._sink = sink
        self._wake = asyncio.Event()
        self._wishes: deque[Event] = deque()
        self.session = Session(target, self._clock, sink, self._wake.set, identity)
        self._probe = Probe(self.session, self._clock)
        self._task: asyncio.Task[None] | None = None
        self._draws = np.random.default_rng()
        self._lost_by = ""
        self._was_live = False
        self._retry_s = RETRY_FIRST_S
        self._retry_at_s = 0.0
        self._answer_s = self._hello_s = ANSWER_S
        self._fills = 0

    # --- asking -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin; returns at once and keeps trying until ``stop``."""
        if self._task is None or self._task.done():
            # It logs each value, and each loss with a traceback; losses are told here, in words.
            logging.getLogger("asyncua").setLevel(logging.CRITICAL)
            self.session.continuity.wanted = self._clock.now()
            self._task = asyncio.create_task(self._supervise(), name=f"opcua {self.target.source}")

    async def stop(self, settle_s: float = 0.0) -> None:
        """End the connection, within a few seconds; the gaps that are left are declared.

        Parameters
        ----------
        settle_s : float
            Longest wait for values that the server has and has not told yet, s; what is still on
            its way then is a gap.
        """
        task, self._task = self._task, None
        if task is None:
            return
        broken = self._broken()
        if settle_s and broken is None and not task.done():
            await self._probe.settle(settle_s)
            broken = self._broken()  # it may have been lost meanwhile
        self._wish(Disabled())
        done, _ = await asyncio.wait({task}, timeout=ANSWER_S + 2.0)
        if not done:
            task.cancel()
            await asyncio.wait({task}, timeout=2.0)
        self.session.nodes.finish(self._clock.now(), broken)
        if task.done() and not task.cancelled() and task.exception() is not None:
            _log.error(
                "the link to %s ended badly", self.target.endpoint, exc_info=task.exception()
            )

    def _broken(self) -> str | None:
        """Return why no values flow; None if they do."""
        flows = self.link.state in CONNECTED or self.link.state is SourceState.GAP_FILL
        if flows and self.session.lost is None:
            return None
        told = self._lost_by or self.session.lost or self.link.reason
        return told or "it was never reached"

    def failed(self) -> None:
        """Raise a fault of the program itself; it must not look like silence."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    def reset(self) -> None:
        """Try again after a fault that a person has seen to."""
        self._wish(Reset())

    def missing(self) -> tuple[str, ...]:
        """Return the nodes without a usable value, each with the reason."""
        return self.session.nodes.missing()

    # --- the loop ---------------------------------------------------------------------------------

    def _wish(self, event: Event) -> None:
        self._wishes.append(event)
        self._wake.set()

    async def _supervise(self) -> None:
        event: Event = Enabled()
        actions: tuple[Action, ...] = ()
        while True:
            before = self.link
            self.link, following = transition(self.link, event, self._limits)
            actions = following or actions
            if (self.link.state, self.link.reason) != (before.state, before.reason):
                self._announce(before.state)
            event = await self._perform(actions if following else actions[-1:])
            if isinstance(event, Disabled) and self.link.state is SourceState.DISABLED:
                return

    def _announce(self, before: SourceState) -> None:
        link = self.link
        _log.info("%s is %s %s", self.target.endpoint, link.state, link.reason)
        if link.state in {SourceState.RECONNECTING, SourceState.FAULTED}:
            if before in CONNECTED or not self._lost_by:
                self._lost_by = link.reason
            self.session.continuity.late = True
            if not self.target.late or self._fills >= FILLS:
                self.session.continuity.abandon()
        elif link.state in CONNECTED and before not in CONNECTED:
            self.reconnects += self._was_live
            self._was_live, self._lost_by = True, ""
        event = LinkEvent(link.state, self._clock.now(), link.reason, link.epoch, self.missing())
        self._sink.link_changed(event)

    async def _perform(self, actions: tuple[Action, ...]) -> Event:
        """Do the actions; the last one leads to the next event."""
        event: Event = Disabled()
        for action in actions:
            if action.do in {Do.DROP, Do.CLOSE}:
                self._probe.end()
            if action.do is Do.DROP:
                await self.session.drop()
            elif action.do is Do.CLOSE:
                await self.session.close()
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

    async def _attempt(self, do: Do) -> Event:  # noqa: PLR0911 - one way out for each answer
        """Take one step towards live values."""
        if self._wishes:
            return self._wishes.popleft()
        steps: dict[Do, Callable[[], Awaitable[Event]]] = {
            Do.RESOLVE: self._resolve,
            Do.CONNECT: self._connect,
            Do.SECURE: self._secure,
            Do.OPEN: self._open,
            Do.REPUBLISH: self._republish,
            Do.BROWSE: self._browse,
            Do.SUBSCRIBE: self._subscribe,
            Do.VERIFY: self._verify,
            Do.FILL: self._fill,
        }
        where = self.target.endpoint
        try:
            return await steps[do]()
        except RefusedError as error:
            return Refused(str(error))
        except REFUSALS as error:
            return Refused(f"{where} refuses: {_told(error)}; see to it and reset the link")
        except TimeoutError:
            if do not in {Do.RESOLVE, Do.CONNECT}:  # somebody is there, and has much to do
                self._answer_s = min(PATIENCE_S, 2.0 * self._answer_s)
            return self._failed(f"{where} did not answer in time (step: {do})")
        except ConnectionRefusedError:
            return self._failed(f"nobody listens at {where}; is the server running?")
        except (OSError, ua.UaError) as error:
            broken = isinstance(error, OSError)
            return self._failed(f"{where}: {_told(error)} (step: {do})", broken=broken)

    def _failed(self, reason: str, *, broken: bool = False) -> Failed:
        return Failed(reason, float(self._draws.random()), broken)

    async def _resolve(self) -> Event:
        try:
            await self.session.door.resolve(ANSWER_S)
        except socket.gaierror as error:
            host = urlsplit(self.target.endpoint).hostname
            return self._failed(f"the host {host} has no address: {error.strerror}")
        return Resolved()

    async def _connect(self) -> Event:
        """Knock until somebody answers; whoever wants an end need not wait for it."""
        await self.session.drop()
        knocking = asyncio.create_task(self.session.connect(KNOCK_S, self._hello_s, self._answer_s))
        try:
            while not knocking.done():
                await asyncio.wait({knocking}, timeout=TICK_S)
                if self._wishes and not knocking.done():
                    return self._wishes.popleft()
            knocking.result()
        except TimeoutError:
            # A small device may take its time to greet us. It costs nothing to wait: where nobody
            # was there, further connections are tried meanwhile.
            self._hello_s = min(HELLO_S, 2.0 * self._hello_s)
            raise
        finally:
            knocking.cancel()
            await asyncio.gather(knocking, return_exceptions=True)
        return Connected()

    async def _secure(self) -> Event:
        await self.session.secure()
        return Secured()

    async def _open(self) -> Event:
        return Resumed() if await self.session.open() else Opened()

    async def _republish(self) -> Event:
        return Republished() if await self.session.republish() else Gone()

    async def _browse(self) -> Event:
        await self.session.browse()
        return Browsed()

    async def _subscribe(self) -> Event:
        reasons = dict.fromkeys((self._lost_by or "nobody was listening", self.session.gone))
        await self.session.subscribe(self.link.epoch, "; ".join(filter(None, reasons)))
        self._retry_s, self._retry_at_s = RETRY_FIRST_S, 0.0
        return Subscribed()

    async def _verify(self) -> Event:
        """Wait until every item gave a first value, and until the heartbeat has moved."""
        session, needed = self.session, self.target.heartbeat_required
        nodes, pulse = session.nodes, session.pulse
        asked_s = self._clock.steady_s()
        deadline_s = asked_s + max(self._limits.verify_s, pulse.allowance_s)
        while self._clock.steady_s() < deadline_s and session.lost is None:
            moved = pulse.beats > needed or not (pulse.beating or needed)
            if not nodes.pending and moved:
                break
            if not (moved or needed) and self._clock.steady_s() > asked_s + EVERY_S:
                await self._probe.clock()
                asked_s = self._clock.steady_s()
            wish = await self._interrupted(0.05)
            if wish is not None:
                return wish
        session.check()
        if session.lost is not None:
            return self._failed(session.lost)
        if pulse.beats <= needed and (needed or pulse.beating):
            if session.silent:
                return self._failed(f"{self.target.endpoint} answers, but publishes nothing")
            what = "stands still" if pulse.beats else "gives no value"
            return self._failed(f"the clock {self.target.heartbeat} {what}")
        if nodes.items and len(nodes.pending) == len(nodes.items) and not pulse.beats:
            return self._failed("connected, but no item gave a value")
        fill = len(session.continuity.opened) if self.target.history else 0
        if not fill:
            session.continuity.abandon()
        self._probe.begin()
        return Verified(self.session.nodes.missing_required(), fill)

    async def _fill(self) -> Event:
        """Close gaps from the server's history, while live values go on coming in."""
        session = self.session
        fill = asyncio.create_task(Backfill(session, self._sink, self._clock).run())
        try:
            deadline_s = self._clock.steady_s() + FILL_S
            while not fill.done() and self._clock.steady_s() < deadline_s:
                if session.lost is not None or self._wishes:
                    break
                await asyncio.wait({fill}, timeout=TICK_S)
        finally:
            if not fill.done():
                fill.cancel()
                await asyncio.wait({fill}, timeout=1.0)
        if fill.done() and not fill.cancelled():
            fill.result()
        if session.lost is None:
            session.continuity.abandon()
            self._fills = 0
        else:
            self._fills += 1
        session.check()
        return self._failed(session.lost) if session.lost is not None else Filled()

    async def _watch(self) -> Event:
        session = self.session
        wish = await self._interrupted(TICK_S)
        if wish is not None:
            return wish
        session.check()
        if session.lost is None and not session.full:
            why = self._probe.look(self._limits.heartbeat_dead_s)
            if why is not None:
                session.forget(why)
        if session.lost is not None:
            return self._failed(session.lost)
        now_s = self._clock.steady_s()
        if (session.nodes.bad or session.nodes.unmatched) and now_s >= self._retry_at_s:
            self._retry_s = min(RETRY_S, 2.0 * self._retry_s)
            self._retry_at_s = now_s + self._retry_s
            with suppress(ua.UaError, TimeoutError, OSError):
                await session.retry()
            took_s = self._clock.steady_s() - now_s  # a server that has much to tell is spared
            self._retry_at_s = max(self._retry_at_s, now_s + RETRY_SHARE * took_s)
        if session.continuity.opened:
            session.continuity.abandon()
        return Tick(self._silent_s(), self.session.nodes.missing_required(), self._doubt())

    def _silent_s(self) -> float:
        """Return the age of the last sign of life, less what the server's own settings explain."""
        if self.session.full:
            return 0.0  # nobody listens, so that silence means nothing
        slack_s = max(0.0, self.session.pulse.allowance_s - self._limits.heartbeat_dead_s)
        return max(0.0, self.session.pulse.silent_s() - slack_s)

    def _doubt(self) -> str:
        limit_s, skew_s = self.target.max_skew_s, self.session.pulse.skew_s
        if limit_s is not None and skew_s is not None and abs(skew_s) > limit_s:
            return f"the server's clock is {skew_s:+.1f} s off"
        late = self._probe.late()
        return f"{late} nodes are older than they may be" if late else ""


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
