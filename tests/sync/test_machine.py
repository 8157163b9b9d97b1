"""The state machine of a source, by its laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    backoff_s,
    transition,
)
from twin.sync.protocol import CONNECTED, SourceState

LIMITS = Limits()
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.sampled_from(
        [
            Enabled(),
            Disabled(),
            Reset(),
            Resolved(),
            Connected(),
            Secured(),
            Opened(),
            Resumed(),
            Republished(),
            Gone(),
            Browsed(),
            Subscribed(),
            Filled(),
            Waited(),
        ]
    ),
    st.builds(Verified, st.integers(0, 3), st.integers(0, 2)),
    st.builds(Tick, st.floats(0, 10), st.integers(0, 3)),
    st.builds(Failed, st.just("broke"), st.floats(0, 1, exclude_max=True)),
    st.builds(Refused, st.just("certificate")),
)
REACHED = [Resolved(), Connected(), Secured()]
STRAIGHT = [Enabled(), *REACHED, Opened(), Browsed(), Subscribed(), Verified()]


def run(events: list[Event]) -> tuple[Link, list[tuple[Link, Event, Link, tuple[Action, ...]]]]:
    """Return the last state and every step on the way."""
    link, steps = Link(), []
    for event in events:
        after, actions = transition(link, event, LIMITS)
        steps.append((link, event, after, actions))
        link = after
    return link, steps


def test_straight_way_leads_to_live() -> None:
    """Opening, browsing, subscribing and verifying end in LIVE in the first epoch."""
    link, _ = run(STRAIGHT)
    assert (link.state, link.epoch, link.attempt) == (SourceState.LIVE, 1, 0)


@given(st.lists(EVENTS, max_size=40))
def test_live_only_after_verification_of_this_epoch(events: list[Event]) -> None:
    """Nobody is LIVE or DEGRADED unless this epoch's subscription was verified."""
    verified = 0
    for before, event, after, _ in run(events)[1]:
        if isinstance(event, Verified) and before.state is SourceState.VERIFYING:
            verified = before.epoch
        if after.state in CONNECTED:
            assert verified == after.epoch
        if after.state is SourceState.LIVE:
            assert after.missing == 0


@given(st.lists(EVENTS, max_size=40))
def test_faulted_is_left_by_a_person_only(events: list[Event]) -> None:
    """From FAULTED only a reset or switching off leads away, and nothing is tried meanwhile."""
    for before, event, after, actions in run(events)[1]:
        if before.state is SourceState.FAULTED and not isinstance(event, Reset | Disabled):
            assert after == before
            assert actions == ()


@given(st.lists(EVENTS, max_size=40))
def test_every_step_leads_on(events: list[Event]) -> None:
    """Actions end in one that leads to an event; what breaks is closed before it is tried again."""
    closing = {Do.CLOSE, Do.DROP}
    for before, _, after, actions in run(events)[1]:
        if actions:
            assert actions[-1].do not in closing
            assert all(action.do in closing for action in actions[:-1])
        if after.state is SourceState.RECONNECTING and before.state is not after.state:
            assert actions[0].do is Do.DROP  # what the server keeps for us is not given up


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_backoff_is_bounded(attempt: int, draw: float) -> None:
    """Pauses stay between the shortest and the longest, however often it failed."""
    assert LIMITS.backoff_shortest_s <= backoff_s(attempt, draw, LIMITS)
    assert backoff_s(attempt, draw, LIMITS) <= LIMITS.backoff_longest_s


def test_backoff_grows_to_its_longest() -> None:
    """Without luck the pause doubles until it is as long as it gets."""
    pauses = [backoff_s(attempt, 0.0, LIMITS) for attempt in range(10)]
    assert pauses[:4] == [0.2, 0.4, 0.8, 1.6]
    assert pauses[-1] == LIMITS.backoff_longest_s == 30.0


def test_unanswered_knocks_stay_close_together() -> None:
    """Where nobody answers an attempt costs nothing: a plant that is back is found in a second."""
    link, _ = run([Enabled()])
    for _ in range(12):
        link, actions = transition(link, Failed("nobody listens", draw=0.0), LIMITS)
        assert actions[-1].delay_s <= LIMITS.knock_longest_s
        link, _ = transition(link, Waited(), LIMITS)


def test_resumed_session_keeps_its_epoch() -> None:
    """A session that was found again goes on where it was: no new epoch, so no gap."""
    lost = [*STRAIGHT, Failed("reset"), Waited(), *REACHED]
    link, _ = run([*lost, Resumed(), Republished(), Verified()])
    assert (link.state, link.epoch) == (SourceState.LIVE, 1)
    link, _ = run([*lost, Resumed(), Gone(), Browsed(), Subscribed(), Verified(0, 2)])
    assert (link.state, link.epoch) == (SourceState.GAP_FILL, 2)
    link, _ = transition(link, Filled(), LIMITS)
    assert link.state is SourceState.LIVE


def test_failed_attempts_count_until_values_flow() -> None:
    """A server that accepts sessions but gives no data is not asked again without pause."""
    link, _ = run([Enabled()])
    for attempt in range(1, 6):
        for event in (*REACHED, Opened(), Browsed(), Subscribed(), Failed("no heartbeat")):
            link, _ = transition(link, event, LIMITS)
        assert link.attempt == attempt
        link, _ = transition(link, Waited(), LIMITS)


@pytest.mark.parametrize(
    ("age_s", "state"),
    [
        (0.3, SourceState.LIVE),
        (2.0, SourceState.DEGRADED),
        (3.5, SourceState.RECONNECTING),
    ],
)
def test_heartbeat_decides_what_is_alive(age_s: float, state: SourceState) -> None:
    """Only data prove life: a late heartbeat degrades the link, a dead one ends it."""
    link, _ = run([*STRAIGHT, Tick(age_s)])
    assert link.state is state


def test_degraded_link_recovers_with_its_values() -> None:
    """Once heartbeat and items are well again, so is the link."""
    link, _ = run([*STRAIGHT, Tick(0.1, bad_items=2)])
    assert link.state is SourceState.DEGRADED
    link, _ = transition(link, Tick(0.1), LIMITS)
    assert link.state is SourceState.LIVE
