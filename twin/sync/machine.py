"""How a source connects, fails and comes back, as one pure function.

``transition`` knows no clock, no socket and no chance: it is told what happened and answers with
the next state and what to do. The input and output around it live in ``twin.sync.supervisor``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from twin.sync.protocol import CONNECTED, SourceState


@dataclass(frozen=True, slots=True)
class Limits:
    """Times that decide when a link is late, dead, or tried again, s."""

    heartbeat_late_s: float = 1.5
    """Age of the last heartbeat from which the link is degraded."""
    heartbeat_dead_s: float = 3.0
    """Age of the last heartbeat from which the link is given up and built anew."""
    backoff_shortest_s: float = 0.2
    """Shortest pause before a new attempt."""
    backoff_longest_s: float = 30.0
    """Longest pause before a new attempt on a server that answers and yet cannot be used."""
    verify_s: float = 5.0
    """Longest wait for the first value of every item."""
    knock_longest_s: float = 0.5
    """Longest pause before a new attempt where nobody answered, or the connection broke: a knock
    costs the server nothing, and a plant that is back should be found at once."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a source stands, and what it must remember."""

    state: SourceState = SourceState.DISABLED
    """The state."""
    attempt: int = 0
    """Attempts since values last flowed."""
    epoch: int = 0
    """Subscriptions made so far."""
    missing: int = 0
    """Required nodes that gave no value when the subscription was verified."""
    reason: str = ""
    """Why it is in this state, in words."""


@dataclass(frozen=True, slots=True)
class Enabled:
    """A person or program wants the link."""


@dataclass(frozen=True, slots=True)
class Disabled:
    """A person or program wants no link any more."""


@dataclass(frozen=True, slots=True)
class Reset:
    """A person saw to what was wrong."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The name of the server has an address."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The server's socket is open and it answers."""


@dataclass(frozen=True, slots=True)
class Secured:
    """The server is who it should be, and the channel stands."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session stands; no subscription of ours is left on the server."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The session stands, and the subscriptions from before the loss are still ours."""


@dataclass(frozen=True, slots=True)
class Republished:
    """What the server had sent in vain was sent again."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The subscriptions that seemed to be left are not."""


@dataclass(frozen=True, slots=True)
class Browsed:
    """Namespaces and limits of the server are known."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Every mapped item was asked for and answered."""


@dataclass(frozen=True, slots=True)
class Verified:
    """First values came in, and the heartbeat moves."""

    missing: int = 0
    """Required nodes that gave no usable value."""
    gaps: int = 0
    """Gaps that the server's history may close."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What the server's history knew of the gaps is here."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A look at the values that flow."""

    heartbeat_age_s: float
    """Time since the heartbeat last moved, s."""
    bad_items: int = 0
    """Required nodes whose last value is bad."""
    doubt: str = ""
    """Anything else that makes the values doubtful, such as a skewed clock; in words."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The connection broke, or a step did not succeed in time."""

    reason: str
    """What happened, in words."""
    draw: float = 0.5
    """A uniform number in [0, 1) that spreads the next attempt."""
    broken: bool = False
    """Whether the connection broke, and not the server's will."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server wants something that only a person can give: a certificate, a login."""

    reason: str
    """What it refused, in words."""


@dataclass(frozen=True, slots=True)
class Waited:
    """The pause before the next attempt is over."""


Event = (
    Enabled
    | Disabled
    | Reset
    | Resolved
    | Connected
    | Secured
    | Opened
    | Resumed
    | Republished
    | Gone
    | Browsed
    | Subscribed
    | Verified
    | Filled
    | Tick
    | Failed
    | Refused
    | Waited
)


class Do(StrEnum):
    """What is to be done next."""

    DROP = "drop"
    CLOSE = "close"
    RESOLVE = "resolve"
    CONNECT = "connect"
    SECURE = "secure"
    OPEN = "open"
    REPUBLISH = "republish"
    BROWSE = "browse"
    SUBSCRIBE = "subscribe"
    VERIFY = "verify"
    FILL = "fill"
    WATCH = "watch"
    WAIT = "wait"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do."""

    do: Do
    """What."""
    delay_s: float = 0.0
    """How long to wait, for ``WAIT``, s."""


_S = SourceState
_STEPS: dict[tuple[SourceState, type], tuple[SourceState, Do]] = {
    (_S.DISABLED, Enabled): (_S.RESOLVING, Do.RESOLVE),
    (_S.RESOLVING, Resolved): (_S.CONNECTING, Do.CONNECT),
    (_S.CONNECTING, Connected): (_S.SECURING, Do.SECURE),
    (_S.SECURING, Secured): (_S.SESSION, Do.OPEN),
    (_S.SESSION, Opened): (_S.BROWSING, Do.BROWSE),
    (_S.SESSION, Resumed): (_S.GAP_FILL, Do.REPUBLISH),
    (_S.GAP_FILL, Republished): (_S.VERIFYING, Do.VERIFY),
    (_S.GAP_FILL, Gone): (_S.BROWSING, Do.BROWSE),
    (_S.BROWSING, Browsed): (_S.SUBSCRIBING, Do.SUBSCRIBE),
    (_S.SUBSCRIBING, Subscribed): (_S.VERIFYING, Do.VERIFY),
    (_S.RECONNECTING, Waited): (_S.RESOLVING, Do.RESOLVE),
    (_S.FAULTED, Reset): (_S.RESOLVING, Do.RESOLVE),
}
"""The straight way, from nothing to a subscription, new or found again."""
_UNANSWERED = frozenset({_S.RESOLVING, _S.CONNECTING, _S.SECURING})
"""States in which the server has not been given any work yet."""
_BUSY = frozenset(SourceState) - {
    SourceState.DISABLED,
    SourceState.FAULTED,
    SourceState.RECONNECTING,
}


def backoff_s(attempt: int, draw: float, limits: Limits, *, answered: bool = True) -> float:
    """Return the pause before an attempt, s.

    It doubles with each attempt up to the longest; ``draw`` in [0, 1) takes up to half of it away,
    so that many twins do not come back to one server at one moment. Where nobody ``answered``, the
    longest is shorter.
    """
    doubled = limits.backoff_shortest_s * 2.0 ** min(attempt, 60)
    longest_s = limits.backoff_longest_s
    whole = min(longest_s if answered else min(limits.knock_longest_s, longest_s), doubled)
    return max(limits.backoff_shortest_s, whole * (1.0 - 0.5 * draw))


def transition(  # noqa: PLR0911 - one way out for each kind of event
    link: Link, event: Event, limits: Limits | None = None
) -> tuple[Link, tuple[Action, ...]]:
    """Return where a source goes when something happens, and what is to be done.

    Parameters
    ----------
    link : Link
        Where it stands.
    event : Event
        What happened. An event that means nothing in this state changes nothing.
    limits : Limits or None
        Times that decide; None: the defaults.

    Returns
    -------
    (Link, tuple of Action)
        The next state; actions in order, the last of which leads to the next event. No actions: go
        on with what was being done.
    """
    bounds = limits or Limits()
    if isinstance(event, Disabled) and link.state is not SourceState.DISABLED:
        stopped = replace(link, state=SourceState.DISABLED, attempt=0, reason="switched off")
        return stopped, (Action(Do.CLOSE), Action(Do.REST))
    step = _STEPS.get((link.state, type(event)))
    if step is not None:
        return _advance(link, *step)
    if isinstance(event, Refused | Failed) and link.state in _BUSY:
        return _broken(link, event, bounds)
    if isinstance(event, Verified) and link.state is SourceState.VERIFYING:
        return _verified(link, event)
    if isinstance(event, Filled) and link.state is SourceState.GAP_FILL:
        return _live(link, link.missing)
    if isinstance(event, Tick) and link.state in CONNECTED:
        return _ticked(link, event, bounds)
    return link, ()


def _advance(link: Link, state: SourceState, do: Do) -> tuple[Link, tuple[Action, ...]]:
    epoch = link.epoch + (state is SourceState.SUBSCRIBING)
    # Only values that flow, or a person, make the attempts count from zero again.
    attempt = 0 if link.state in (SourceState.DISABLED, SourceState.FAULTED) else link.attempt
    return replace(link, state=state, epoch=epoch, attempt=attempt, reason=""), (Action(do),)


def _broken(link: Link, event: Refused | Failed, limits: Limits) -> tuple[Link, tuple[Action, ...]]:
    if isinstance(event, Failed):
        answered = link.state not in _UNANSWERED and not event.broken
        return _lost(link, event.reason, event.draw, limits, answered=answered)
    faulted = replace(link, state=SourceState.FAULTED, reason=event.reason)
    return faulted, (Action(Do.CLOSE), Action(Do.REST))


def _lost(
    link: Link, reason: str, draw: float, limits: Limits, *, answered: bool = True
) -> tuple[Link, tuple[Action, ...]]:
    delay_s = backoff_s(link.attempt, draw, limits, answered=answered)
    after = replace(link, state=SourceState.RECONNECTING, attempt=link.attempt + 1, reason=reason)
    # Dropped, not closed: the server keeps the session and its queues for us.
    return after, (Action(Do.DROP), Action(Do.WAIT, delay_s))


def _verified(link: Link, event: Verified) -> tuple[Link, tuple[Action, ...]]:
    if not event.gaps:
        return _live(link, event.missing)
    after = replace(link, state=SourceState.GAP_FILL, missing=event.missing, reason="")
    return after, (Action(Do.FILL),)


def _live(link: Link, missing: int) -> tuple[Link, tuple[Action, ...]]:
    state = SourceState.DEGRADED if missing else SourceState.LIVE
    reason = f"{missing} required nodes gave no value" if missing else ""
    after = replace(link, state=state, missing=missing, attempt=0, reason=reason)
    return after, (Action(Do.WATCH),)


def _ticked(link: Link, tick: Tick, limits: Limits) -> tuple[Link, tuple[Action, ...]]:
    age = tick.heartbeat_age_s
    if age > limits.heartbeat_dead_s:
        # Sessions and keep-alives may look well while no data come; only data prove life.
        return _lost(link, f"connected, but no heartbeat for {age:.1f} s", 0.0, limits)
    if age > limits.heartbeat_late_s:
        state, reason = SourceState.DEGRADED, f"heartbeat is {age:.1f} s old"
    elif tick.bad_items:
        state = SourceState.DEGRADED
        reason = f"{tick.bad_items} required nodes without a good value"
    elif tick.doubt:
        state, reason = SourceState.DEGRADED, tick.doubt
    else:
        state, reason = SourceState.LIVE, ""
    # A reason that only counts seconds is no news.
    reason = link.reason if state is link.state else reason
    return replace(link, state=state, reason=reason), ()
