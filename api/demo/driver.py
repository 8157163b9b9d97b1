"""What the steps of the check share: questions to the API, and bounded waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from api.demo.client import Client
from api.demo.site import Demo
from twin.errors import TwinError


class UnexpectedError(TwinError):
    """Something was not as it should be."""


class Check:
    """What the steps share.

    Parameters
    ----------
    demo : Demo
        The plant, to break it.
    client : Client
        Asks the API.
    until_s : float
        Moment by which all must be done, on the monotonic clock, s.
    """

    def __init__(self, demo: Demo, client: Client, until_s: float) -> None:
        self.demo = demo
        self.client = client
        self.until_s = until_s
        self.line_id = demo.line.id
        order = demo.line.flow_order
        self.station = order[len(order) // 3]

    def get(self, path: str) -> Any:
        """Return an answer of the API."""
        return self.client.ask("GET", path)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return an answer of the API to a POST."""
        return self.client.ask("POST", path, body or {})

    def state(self) -> dict[str, Any]:
        """Return the line now."""
        found: dict[str, Any] = self.get(f"/v1/lines/{self.line_id}/state")
        return found

    def wait(
        self, what: str, seen: Callable[[], Any], within_s: float, every_s: float = 0.2
    ) -> Any:
        """Return what ``seen`` gives as soon as it is true, or raise UnexpectedError."""
        until_s = min(time.monotonic() + within_s, self.until_s)
        while True:
            found = seen()
            if found:
                return found
            if time.monotonic() > until_s:
                raise UnexpectedError(f"waited in vain for {what}")
            time.sleep(every_s)

    def job(self, job: dict[str, Any], within_s: float) -> tuple[dict[str, Any], list[float]]:
        """Follow a job to its end; return it and the shares of progress that were seen."""
        seen: list[float] = []

        def ended() -> dict[str, Any] | None:
            now: dict[str, Any] = self.get(f"/v1/jobs/{job['id']}")
            fraction = now["progress"]["fraction"]
            if not seen or fraction != seen[-1]:
                seen.append(fraction)
            return now if now["status"] in {"succeeded", "failed", "cancelled"} else None

        done = self.wait(f"the {job['kind']} to end", ended, within_s)
        if done["status"] == "failed":
            problem = done.get("problem") or {}
            raise UnexpectedError(f"it failed: {problem.get('detail') or problem.get('title')}")
        return done, seen

    def link(self) -> str:
        """Return how the connection to the plant stands."""
        return str(self.state()["link"]["status"])
