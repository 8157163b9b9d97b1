"""One session with one OPC UA server, over as many connections as it takes.

A session outlives its connections: after a loss it is found again, what the server had sent in vain
is asked for again, and only where the server has forgotten us are new subscriptions made - a new
epoch, and so a gap that is declared.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from asyncua import ua

from twin.sync.clock import Clock
from twin.sync.compat import BAD, ITEMS, Channel
from twin.sync.continuity import Continuity
from twin.sync.knock import Door
from twin.sync.nodes import Nodes
from twin.sync.opening import GarbledError, Ticket
from twin.sync.protocol import Origin, Sample
from twin.sync.publication import Publication
from twin.sync.pulse import Pulse
from twin.sync.samples import utc
from twin.sync.security import Identity
from twin.sync.sequence import Verdict
from twin.sync.subscribing import FULL, Subscriber, Subscription, Wanted
from twin.sync.target import Sink, Target

OUTSTANDING = 3
"""Requests for notifications that wait at the server."""
REPUBLISH_ROUNDS = 100_000
"""Notifications asked for again at most."""
LEAST_ITEMS = 20
"""Items asked for in one call where more of them may be what a server breaks off at."""
FULL_S = 0.1
"""Wait for room that says nothing about the server, s."""
WAVERS_S = 1.0
"""Difference between two moments at which a server says it was started that means nothing, s."""
DALLIES = 0.5
"""Part of the time between publications after which what was to come at once did not."""
_FORGOTTEN = "the server no longer has our subscriptions"


class Session:
    """What we have with one server.

    Parameters
    ----------
    target : Target
        What to read.
    clock : Clock
        Clock for times of receipt and ages.
    sink : Sink
        Where values and gaps go.
    wake : callable
        Called when the connection is of no use any more.
    identity : Identity or None
        Our certificate and trust list; None: a target with ``security`` is refused.
    """

    def __init__(self, target: Target, clock: Clock, sink: Sink, wake: Any,
                 identity: Identity | None) -> None:  # fmt: skip
        self.lost: str | None = None
        """Why the connection is of no use any more; None while it is."""
        self.gone = ""
        """Why the subscriptions from before cannot go on; empty if they can, or there are none."""
        self.heartbeat = "" if target.heartbeat_required else target.heartbeat
        """Node id of the server's clock where it may stand still; empty: it may not."""
        self.door = Door(target.endpoint)
        """Where the server is found."""
        self.nodes = Nodes(target, sink.gap)
        """What is known of the nodes."""
        self.pulse = Pulse(clock)
        """Whether values flow."""
        self.silent = True
        """Whether nothing was published in this connection."""
        self.full = False
        """Whether nothing is fetched because nobody takes what is here."""
        self._target = target
        self._clock = clock
        self._sink = sink
        self._wake = wake
        self._identity = identity
        self.channel: Channel | None = None
        self._ticket: Ticket | None = None
        self._subscriptions: dict[int, Subscription] = {}
        self._pump: asyncio.Task[None] | None = None
        self._epoch = 0
        self._acks: list[tuple[int, int]] = []
        self._stale: list[int] = []
        self._tells_each = False
        self._started_at: datetime | None = None
        self._items_per_call = ITEMS

    @property
    def continuity(self) -> Continuity:
        """What was received, and what may be missing."""
        return self.nodes.continuity

    def published(self) -> dict[int, int]:
        """Return how many whole publications each subscription brought."""
        return {number: found.published for number, found in self._subscriptions.items()}

    def told_since(self, before: Mapping[int, int]) -> bool:
        """Tell whether what was to be told at a moment is here; one publication may be older."""
        now = self.published()
        return bool(now) and all(n >= before.get(number, 0) + 2 for number, n in now.items())

    # --- coming to a session ----------------------------------------------------------------------

    async def connect(self, knock_s: float, within_s: float, answer_s: float) -> None:
        """Open a connection, another one every ``knock_s`` until one is answered.

        Whatever is asked for on it is waited for ``answer_s``. Raises OSError or UaError, or
        TimeoutError if ``within_s`` have passed.
        """
        self.pulse.connect()
        self.silent = True

        def made(address: str) -> Channel:
            return Channel(self._target.endpoint, answer_s, self.lose, self._items_per_call,
                           address=address, hello_s=within_s)  # fmt: skip

        self.channel = await self.door.knock(made, knock_s, within_s)
        self.lost, self.full = None, False

    async def secure(self) -> None:
        """Open the secure channel; raises RefusedError where the peer is not to be trusted."""
        assert self.channel is not None
        await self.channel.secure(self._target.security, self._identity)

    async def open(self) -> bool:
        """Find the session again or make one; tell whether our subscriptions still live."""
        channel = self.channel
        assert channel is not None
        if self._ticket is not None:
            ticket, self._ticket = self._ticket, None
            with suppress(ua.UaError):
                found = await channel.reactivate(ticket)
                if await self._as_before():
                    self._ticket = found
                    return bool(self._subscriptions)  # they are ours already: nothing to transfer
        self._ticket = await channel.create_session()
        as_before = await self._as_before()
        return as_before and await self._transferred() if self._subscriptions else False

    async def _as_before(self) -> bool:
        """Tell whether this is the server of before, not started again since.

        One that was has forgotten us. It may have given the numbers of our session and our
        subscriptions to others by now; their values must not be taken for ours.
        """
        assert self.channel is not None
        before, self._started_at = self._started_at, await self.channel.started_at()
        if before is None or self._started_at is None:
            return True
        # Some servers reckon it from the time that they are up, so that it wavers.
        if abs((self._started_at - before).total_seconds()) <= WAVERS_S:
            self._started_at = before
            return True
        if self._subscriptions:
            self._subscriptions.clear()
            self.gone = "the server was started again"
        return False

    async def _transferred(self) -> bool:
        assert self.channel is not None
        ids = list(self._subscriptions)
        try:
            ours = await self.channel.transfer(ids)
        except ua.UaError:
            ours = [False] * len(ids)
        if len(ours) == len(ids) and all(ours):
            return True
        self._subscriptions.clear()
        self.gone = _FORGOTTEN
        return False

    async def republish(self) -> bool:
        """Ask for what was sent in vain; False if the subscriptions are gone after all."""
        assert self.channel is not None
        self._acks.clear()
        self.continuity.resume()
        for subscription in self._subscriptions.values():
            for _ in range(REPUBLISH_ROUNDS):
                expected = subscription.check.expected
                if expected is None:
                    break
                try:
                    message = await self.channel.republish(subscription.number, expected)
                except (ua.uaerrors.BadSubscriptionIdInvalid, ua.uaerrors.BadSessionIdInvalid):
                    self._subscriptions.clear()
                    self.gone = _FORGOTTEN
                    return False
                except (ua.UaStatusCodeError, GarbledError):
                    break  # it has no more, or cannot do it; the numbers will tell
                await self._take(subscription, message, Origin.REPUBLISH)
        self.continuity.republished(self._epoch)
        self.pulse.begin()
        self._start()
        return True

    async def browse(self) -> None:
        """Read namespaces, find the nodes of today."""
        assert self.channel is not None
        await self.nodes.find(self.channel)
        self._tells_each = await self.channel.tells_each_change()

    # --- subscribing ------------------------------------------------------------------------------

    async def subscribe(self, epoch: int, reason: str) -> None:
        """Make new subscriptions and ask for every item, as many per call as the server takes."""
        await self._discard()
        self._epoch, self.gone = epoch, ""
        try:
            await self._asked(self.nodes.begin_epoch(reason))
        except (OSError, TimeoutError, ua.UaError):
            # Half of a subscription is none: to be found again it would have to be whole.
            self._stale += self._subscriptions
            self._subscriptions.clear()
            # It may have been too much for the server; some say so by breaking the connection.
            self._items_per_call = max(LEAST_ITEMS, self._items_per_call // 2)
            raise

    async def _asked(self, waiting: Wanted) -> None:
        """Ask for items, in as many subscriptions as it takes."""
        subscriber = self._subscriber()
        self.pulse.beating = False
        while True:
            try:
                subscription = await subscriber.create()
            except ua.uaerrors.BadTooManySubscriptions:
                if not self._subscriptions:
                    raise
                break
            self._subscriptions[subscription.number] = subscription
            self.pulse.begin()
            beats = await subscriber.beat_on(subscription)
            self.pulse.beating |= beats
            # Without a clock only keep-alives tell that there is no news.
            self.pulse.quiet_s = 2.0 * subscription.silence_s
            self.pulse.allow(0.0 if beats else self.pulse.quiet_s, 3.0 * subscription.publishing_s)
            self._start()
            waiting = await subscriber.ask(subscription, waiting)
            if not waiting:
                break  # else this one is full; the rest goes into another one
        for name, _ in waiting:
            self.nodes.refuse(name, FULL)

    def _subscriber(self) -> Subscriber:
        assert self.channel is not None
        return Subscriber(self.channel, self._target, self.nodes, tells_each=self._tells_each)

    async def retry(self) -> None:
        """Ask again for items that the server did not have; it may have them by now."""
        assert self.channel is not None
        await self.nodes.look_again(self.channel)
        await self._subscriber().retry(list(self._subscriptions.values()))

    async def _discard(self) -> None:
        """Give up what is left of earlier epochs on the server."""
        assert self.channel is not None
        ids = [*self._subscriptions, *self._stale]
        self._subscriptions.clear()
        self._stale.clear()
        if ids:
            await self.channel.delete_subscriptions(ids)

    # --- notifications ----------------------------------------------------------------------------

    def _start(self) -> None:
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._fetch(), name=f"fetch {self._target.endpoint}")

    def check(self) -> None:
        """Raise what went wrong in this program while values were read, if anything did."""
        if self._pump is not None and self._pump.done() and not self._pump.cancelled():
            self._pump.result()

    async def _fetch(self) -> None:
        """Keep requests at the server and take what they bring, in order."""
        assert self.channel is not None
        channel = self.channel
        most = OUTSTANDING
        waiting: deque[asyncio.Task[Publication]] = deque()
        try:
            while self.lost is None:
                while len(waiting) < most:
                    acks, self._acks = self._acks, []
                    waiting.append(asyncio.create_task(channel.publish(acks)))
                try:
                    told = await waiting.popleft()
                except ua.uaerrors.BadTooManyPublishRequests:
                    most = max(1, most - 1)
                    await asyncio.sleep(0.05 if waiting else 0.5)
                    continue
                except ua.uaerrors.BadTimeout:
                    await asyncio.sleep(0.05)  # it may say so at once, again and again
                    continue
                await self._arrived(told)
                await self._room()
        except (OSError, TimeoutError, ua.UaError) as error:
            self._failed(error)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _room(self) -> None:
        """Fetch nothing while nobody takes what is here: the server keeps it."""
        self.full, began_s = True, self._clock.steady_s()
        await self._sink.room()
        self.full = False
        if self._clock.steady_s() > began_s + FULL_S:
            self.pulse.begin()  # the silence was ours

    def _failed(self, error: Exception) -> None:
        gone = (ua.uaerrors.BadNoSubscription, ua.uaerrors.BadSubscriptionIdInvalid)
        if isinstance(error, gone):
            self.forget("the server has given up our subscription")
        elif isinstance(error, GarbledError):
            self.forget(str(error))  # what it said is lost for good
        else:
            self.lose(f"no more values: {str(error) or type(error).__name__}")

    async def _arrived(self, told: Publication) -> None:
        subscription = self._subscriptions.get(told.subscription)
        if subscription is None:
            return  # of an epoch that is over
        self.pulse.heard()
        self.silent = False
        now_s = self._clock.steady_s()
        late_s = DALLIES * subscription.publishing_s
        if subscription.promised and now_s - subscription.arrived_s > late_s:
            # It said that more would come at once, and published when its time had come, no sooner:
            # what it says then tells nothing of what was in one publication.
            self.continuity.end_batch(doubted=True)
            subscription.published += 1
        await self._take(subscription, told, Origin.LIVE)
        subscription.published += not told.more
        subscription.promised, subscription.arrived_s = told.more, now_s

    async def _take(self, subscription: Subscription, told: Publication, origin: Origin) -> None:
        """Take a notification if it is the one that was due, and what should have come before."""
        check, number = subscription.check, told.number
        held = told.mark()
        verdict = check.see(number, carries=told.carries, held=held)
        if verdict is Verdict.AHEAD and not await self._caught_up(subscription, number):
            return
        if verdict is Verdict.STRANGE:
            self.forget(f"the server counts its notifications anew, from {number}")
            return
        if not told.carries:
            return
        if verdict is not Verdict.REPEATED:
            check.took(held)
            self._apply(subscription, told, origin)
            self.continuity.end_batch(more=told.more)
        else:
            self._repeated(subscription, told)
        self._acks.append((subscription.number, number))

    async def _caught_up(self, subscription: Subscription, number: int) -> bool:
        """Ask again for the notifications that are missing before ``number``."""
        assert self.channel is not None
        for _ in range(subscription.check.missing(number)):
            expected = subscription.check.expected or 1
            try:
                again = await self.channel.republish(subscription.number, expected)
            except (ua.UaStatusCodeError, GarbledError) as error:
                some = f"notifications {expected} to {number - 1}"
                self.forget(f"the server does not send {some} again ({type(error).__name__})")
                return False
            subscription.check.took(again.mark())
            self._apply(subscription, again, Origin.REPUBLISH)
            self.continuity.end_batch()
            self._acks.append((subscription.number, expected))
        self.continuity.republished(self._epoch)
        return True

    def _repeated(self, subscription: Subscription, told: Publication) -> None:
        for handle, *_ in told.changes:
            track = subscription.tracks.get(handle)
            if track is not None:
                track.duplicates += 1

    def _apply(self, subscription: Subscription, told: Publication, origin: Origin) -> None:
        now, epoch, fresh = self._clock.now(), self._epoch, []
        tracks, take, nodes = subscription.tracks, self.continuity.take, self.nodes
        for handle, value, status, source, server in told.changes:
            track = tracks.get(handle)
            if track is None:
                if handle == subscription.heartbeat and isinstance(value, datetime):
                    self.pulse.beat(utc(value), now)
                continue
            stamp = source or server
            sample = Sample(track.name, stamp or now, server, now, value, status, epoch, origin,
                            stamp is not None)  # fmt: skip
            if take(track, sample):
                fresh.append(sample)
            if status >= BAD or nodes.bad or nodes.pending:
                nodes.judge(sample)
        if told.ended:
            self.forget(f"the server ended the subscription: {told.ended}")
        if fresh:
            self.pulse.flow()
            self._sink.take(fresh)

    # --- losing and ending ------------------------------------------------------------------------

    def lose(self, reason: str) -> None:
        """Note that this connection is of no use any more; the session may still be."""
        if self.lost is None:
            self.lost = reason
            self._wake()

    def forget(self, reason: str) -> None:
        """Note that the subscriptions are of no use any more: the next ones are a new epoch."""
        self._stale += self._subscriptions
        self._subscriptions.clear()
        self.gone = self.gone or reason
        self.lose(reason)

    async def drop(self) -> None:
        """Let go of the connection at once, keeping what the server has for us."""
        await self._stop()
        if self.channel is not None:
            self.channel.drop()
            self.channel = None

    async def close(self) -> None:
        """End the session as politely as the server allows within a bounded time."""
        await self._stop()
        self._subscriptions.clear()
        self._ticket = None
        if self.channel is not None:
            await self.channel.close()
            self.channel = None

    async def _stop(self) -> None:
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            await asyncio.wait({pump}, timeout=2.0)
