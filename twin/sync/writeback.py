"""Writing to a plant: off unless asked for, and then only through every interlock.

One person proposes a value, another one approves it within seconds. In between and right before
the value is sent all of these must hold: the node is allowed, the value within its range and its
step, the last write long enough ago, the link live and without doubt, the station in a state in
which it may be written, the trail on the disk. The value is read back. A write whose outcome nobody
knows is never tried again: the node is locked until a person has looked.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from twin.errors import ConnectionLostError, TwinError, UnknownNameError
from twin.events.kinds import Status
from twin.sync.clock import Clock, SystemClock
from twin.sync.protocol import SourceState
from twin.sync.status import LinkStatus
from twin.sync.writes import Step, Trail, WritableNode, WriteRules, Written

READ_BACK_S = 2.0
"""Longest time for the plant to show what was written, s."""
LOOK_S = 0.1


class WriteRefusedError(TwinError, PermissionError):
    """A value that is not written. Carries every finding.

    Parameters
    ----------
    node : str
        Node id.
    findings : sequence of str
        All that speaks against it.
    """

    def __init__(self, node: str, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        super().__init__(f"{node} is not written: " + "; ".join(findings))


class WriteUnknownError(TwinError, TimeoutError):
    """A write whose outcome nobody knows; it is never tried again by itself."""


class Watched(Protocol):
    """What knows how far the picture of the plant can be trusted; ``Mirror`` does."""

    def status(self) -> LinkStatus:
        """Return how the link stands."""
        ...

    def statuses(self) -> dict[str, list[Status]]:
        """Return what each server of each station does."""
        ...


class Plant(Protocol):
    """What carries a value to the plant and back; ``OpcUaConnector`` does."""

    async def read_node(self, node: str) -> Any:
        """Return what a node shows; raises ConnectionLostError if it cannot be read."""
        ...

    async def write_node(self, node: str, value: Written, kind: str) -> str:
        """Write a node; return what the server says against it, empty if nothing.

        Raises
        ------
        ConnectionLostError
            If nothing was sent.
        WriteUnknownError
            If it was sent, and no answer came.
        """
        ...


@dataclass(frozen=True, slots=True)
class Proposal:
    """A value that somebody wants to be written."""

    id: str
    """What an approval names."""
    node: str
    """Node id."""
    value: Written
    """The value."""
    by: str
    """Who proposed it."""
    reason: str
    """Why, in words."""
    expires: datetime
    """Moment after which it cannot be approved, aware, UTC."""


class WriteBack:
    """Carries approved values to one plant.

    Parameters
    ----------
    rules : WriteRules
        What may be written; see ``load_rules``.
    watched : Watched
        The mirror of the plant.
    plant : Plant
        Its connector.
    trail : Trail
        Where every step is written before it is taken.
    clock : Clock or None
        Our clock; None: this computer's.
    """

    def __init__(
        self,
        rules: WriteRules,
        watched: Watched,
        plant: Plant,
        trail: Trail,
        clock: Clock | None = None,
    ) -> None:
        self._rules = rules
        self._nodes = {item.node: item for item in rules.nodes}
        self._watched = watched
        self._plant = plant
        self._trail = trail
        self._clock: Clock = clock or SystemClock()
        self._open: dict[str, Proposal] = {}
        self._one = asyncio.Lock()

    def propose(self, node: str, value: Written, *, by: str, reason: str) -> Proposal:
        """Propose a value; another person has to approve it before it expires.

        Raises
        ------
        WriteRefusedError
            With everything that speaks against it now.
        JournalError
            If the trail cannot be written.
        """
        now = self._clock.now()
        findings = self._findings(node, value)
        if not by.strip() or not reason.strip():
            findings.append("a proposal needs a name and a reason")
        if findings:
            raise self._barred(node, value, by, findings)
        expires = now + timedelta(seconds=self._rules.expiry_s)
        proposal = Proposal(secrets.token_hex(8), node, value, by.strip(), reason.strip(), expires)
        self._trail.add(
            Step.PROPOSED, now, node=node, value=value, by=proposal.by, reason=proposal.reason,
            proposal=proposal.id,
        )  # fmt: skip
        self._open = {key: item for key, item in self._open.items() if item.expires >= now}
        self._open[proposal.id] = proposal
        return proposal

    async def approve(self, proposal: str, *, by: str) -> Step:
        """Approve a proposal and write its value, once.

        Returns
        -------
        Step
            ``VERIFIED``, or ``DIFFERENT`` where the plant shows another value.

        Raises
        ------
        UnknownNameError
            If there is no such proposal, or it was used already.
        WriteRefusedError
            With everything that speaks against it now; nothing was written.
        WriteUnknownError
            If no answer came; the node is locked until ``release``.
        JournalError
            If the trail cannot be written; nothing was written unless it was before.
        """
        async with self._one:
            wanted = self._open.pop(proposal, None)
            if wanted is None:
                raise UnknownNameError("proposal", proposal, list(self._open))
            await self._checked(wanted, by.strip())
            return await self._written(wanted, by.strip())

    def release(self, node: str, *, by: str, reason: str) -> None:
        """Let a node be written again after a person has looked what came of the last write.

        Raises
        ------
        WriteRefusedError
            If nobody is named, or the node is not locked.
        """
        findings = [] if self._locked(node) else ["it is not locked"]
        if not by.strip() or not reason.strip():
            findings.append("a release needs a name and a reason")
        if findings:
            raise WriteRefusedError(node, findings)
        self._trail.add(Step.RELEASED, self._clock.now(), node=node, by=by, reason=reason)

    # --- the interlocks ---------------------------------------------------------------------------

    def _findings(self, node: str, value: Written) -> list[str]:
        """Return all that speaks against a value now."""
        if not self._rules.enabled:
            return ["writing is switched off (enabled: false)"]
        rule = self._nodes.get(node)
        if rule is None:
            return ["it is not on the list of nodes that may be written"]
        return [*rule.findings(value), *self._rate(rule), *self._link(), *self._state(rule)]

    def _rate(self, rule: WritableNode) -> list[str]:
        if (why := self._locked(rule.node)) is not None:
            return [why]
        last = self._trail.last(rule.node, Step.WRITING)
        if last is None:
            return []
        since_s = (self._clock.now() - datetime.fromisoformat(last["at"])).total_seconds()
        # A clock that was set back must not open the gate.
        left_s = rule.every_s - since_s if since_s >= 0 else rule.every_s
        return [f"it was written {since_s:.1f} s ago; at most every {rule.every_s:g} s"] * (
            left_s > 0
        )

    def _locked(self, node: str) -> str | None:
        ends = (Step.VERIFIED, Step.DIFFERENT, Step.UNKNOWN, Step.RELEASED, Step.REFUSED)
        last = self._trail.last(node, Step.WRITING, *ends)
        if last is None or last["step"] in {Step.VERIFIED, Step.RELEASED, Step.REFUSED}:
            return None
        return "what came of its last write is not known; look, then release it"

    def _link(self) -> list[str]:
        status = self._watched.status()
        if status.state is not SourceState.LIVE:
            return [f"the link is {status.state}, not live"]
        return [f"the picture of the plant is {status.quality}"] * (status.quality != "good")

    def _state(self, rule: WritableNode) -> list[str]:
        servers = self._watched.statuses().get(rule.station)
        if not servers:
            return [f"nothing is known of {rule.station}"]
        wrong = sorted({str(found) for found in servers if found not in rule.states})
        allowed = ", ".join(rule.states)
        return [f"{rule.station} is {', '.join(wrong)}; allowed: {allowed}"] if wrong else []

    async def _checked(self, wanted: Proposal, by: str) -> None:
        findings = []
        if not by:
            findings.append("an approval needs a name")
        elif by.casefold() == wanted.by.casefold():
            findings.append("who proposed it cannot approve it")
        if self._clock.now() > wanted.expires:
            findings.append("the proposal has expired")
        findings += self._findings(wanted.node, wanted.value)
        if not findings:
            findings += await self._step(wanted)
        if findings:
            raise self._barred(wanted.node, wanted.value, by, findings)

    async def _step(self, wanted: Proposal) -> list[str]:
        """Look at the plant itself a last time; what is known of it may have changed meanwhile."""
        try:
            shown = await self._plant.read_node(wanted.node)
        except ConnectionLostError as error:
            return [str(error)]
        step = self._nodes[wanted.node].step_finding(wanted.value, shown)
        late = ["the proposal has expired"] * (self._clock.now() > wanted.expires)
        return [*([step] if step else []), *late, *self._findings(wanted.node, wanted.value)]

    def _barred(
        self, node: str, value: Written, by: str, findings: Sequence[str]
    ) -> WriteRefusedError:
        now = self._clock.now()
        self._trail.add(Step.BARRED, now, node=node, value=value, by=by, why=list(findings))
        return WriteRefusedError(node, findings)

    # --- the write --------------------------------------------------------------------------------

    async def _written(self, wanted: Proposal, by: str) -> Step:
        told = {"node": wanted.node, "value": wanted.value, "by": by, "proposal": wanted.id}
        rule = self._nodes[wanted.node]
        self._trail.add(Step.WRITING, self._clock.now(), **told)
        try:
            against = await self._plant.write_node(wanted.node, wanted.value, rule.type)
        except ConnectionLostError as error:
            against = str(error)
        except WriteUnknownError as error:
            self._trail.add(Step.UNKNOWN, self._clock.now(), **told, why=str(error))
            raise
        if against:
            self._trail.add(Step.REFUSED, self._clock.now(), **told, why=[against])
            raise WriteRefusedError(wanted.node, [against])
        outcome = await self._read_back(wanted, rule)
        self._trail.add(outcome, self._clock.now(), **told)
        return outcome

    async def _read_back(self, wanted: Proposal, rule: WritableNode) -> Step:
        end_s = self._clock.steady_s() + READ_BACK_S
        while True:
            try:
                shown = await self._plant.read_node(wanted.node)
            except ConnectionLostError:
                return Step.DIFFERENT
            if rule.same(wanted.value, shown):
                return Step.VERIFIED
            if self._clock.steady_s() >= end_s:
                return Step.DIFFERENT
            await asyncio.sleep(LOOK_S)
