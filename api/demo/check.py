"""Drives each part of the demo once over the API, as a user would, and tells what was seen."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from api.demo.client import Client, RefusedError
from api.demo.driver import Check, UnexpectedError
from api.demo.site import Demo
from api.server import SiteServer
from twin.emulator import inject_fault
from twin.errors import TwinError

BUDGET_S = 120.0
"""Wall time for everything, s."""
START_TIMEOUT_S = 40.0
PROMISE_AIM_S = 2.0
"""An order promise is to be there within this, s."""
NO_ORDERS = "left out: the line has no open orders"
ORDERS_PLANNED = 3
"""Orders that are scheduled: each replay runs twice as long as its plan."""
LAST_STEP_S = 20.0
"""Wall time that is kept for the last step, s."""
CANCEL_AIM_S = 2.0
"""A job is to end within this once it is cancelled, s."""

Tell = Callable[[str], None]
Step = Callable[[Check], str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step saw."""

    name: str
    """What was looked at."""
    passed: bool
    """Whether it was as it should be."""
    seen: str
    """What was seen."""
    seconds: float
    """Wall time, s."""


@dataclass(slots=True)
class Report:
    """What all steps saw."""

    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    """Wall time of everything, s."""

    @property
    def passed(self) -> bool:
        """Whether everything was as it should be."""
        return bool(self.findings) and all(finding.passed for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "passed": self.passed,
            "seconds": round(self.seconds, 1),
            "findings": [asdict(finding) for finding in self.findings],
        }


def check(demo: Demo, tell: Tell | None = None) -> Report:
    """Serve the demo in a thread, drive each part once, and report.

    Parameters
    ----------
    demo : Demo
        Entered already.
    tell : callable, optional
        Called with each line of the report as soon as it is known.
    """
    began_s = time.monotonic()
    report = Report()
    say = tell or (lambda _line: None)
    with _served(demo) as address:
        driver = Check(demo, Client(address, demo.key), began_s + BUDGET_S)
        say(f"checking {address}")
        for name, step in STEPS:
            finding = _done(name, step, driver)
            report.findings.append(finding)
            mark = "ok    " if finding.passed else "FAILED"
            say(f"{mark} {finding.seconds:5.1f} s  {name}: {finding.seen}")
    report.seconds = time.monotonic() - began_s
    failed = [finding.name for finding in report.findings if not finding.passed]
    outcome = f"failed: {', '.join(failed)}" if failed else "all parts work"
    say(f"{outcome}; {report.seconds:.0f} s in all")
    return report


def _done(name: str, step: Step, driver: Check) -> Finding:
    began_s = time.monotonic()
    try:
        seen, passed = step(driver), True
    except (TwinError, OSError, LookupError, TypeError, ValueError) as error:
        seen, passed = f"{type(error).__name__}: {error}", False
    return Finding(name, passed, seen, time.monotonic() - began_s)


@contextmanager
def _served(demo: Demo) -> Iterator[str]:
    """Serve the demo from a thread and yield its address; end it afterwards."""
    assert demo.app is not None
    ready = threading.Event()
    address: list[str] = []

    def told(where: str) -> None:
        address.append(where)
        ready.set()

    server = SiteServer(demo.app, demo.settings, told)
    thread = threading.Thread(target=server.run, name="service", daemon=True)
    thread.start()
    try:
        if not ready.wait(START_TIMEOUT_S):
            raise UnexpectedError(f"the service did not start within {START_TIMEOUT_S:g} s")
        yield address[0]
    finally:
        server.should_exit = True
        thread.join(20.0)


def _page(check: Check) -> str:
    sizes = []
    for path, kind in (
        ("/", "text/html"),
        ("/whatif", "text/html"),
        ("/schedule", "text/html"),
        ("/forecast", "text/html"),
        ("/static/vega.js", "text/javascript"),
        ("/docs", "text/html"),
    ):
        content, found = check.client.fetch(path)
        if kind not in found:
            raise UnexpectedError(f"{path} is {found}, not {kind}")
        sizes.append(len(content))
    return f"{len(sizes)} answers, {sum(sizes) / 1000:.0f} kB"


def _live(check: Check) -> str:
    first = check.wait("a live state", lambda: _fresh(check.state()), 20.0)
    moved = check.wait("a part to be finished somewhere", lambda: _moved(check, first), 20.0)
    age_s = moved["provenance"]["age_ms"] / 1000
    return (
        f"{len(moved['stations'])} stations, {moved['counts']['in_line']} parts in the line, "
        f"{age_s:.1f} s old, quality {moved['provenance']['quality']}"
    )


def _fresh(state: dict[str, Any]) -> dict[str, Any] | None:
    good = state["link"]["status"] == "connected" and state["provenance"]["quality"] == "good"
    return state if good and state["provenance"]["age_ms"] < 5000 else None  # noqa: PLR2004


def _moved(check: Check, before: dict[str, Any]) -> dict[str, Any] | None:
    now = check.state()
    done = [sum(item["processed"] for item in state["stations"]) for state in (before, now)]
    return now if done[1] > done[0] and now["time_s"] > before["time_s"] else None


def _kpis(check: Check) -> str:
    found = check.wait(
        "key figures",
        lambda: _observed(check.get(f"/v1/lines/{check.line_id}/kpis?window_s=3600")),
        20.0,
        1.0,
    )
    busiest = max(found["stations"], key=lambda item: item["status_share"].get("processing", 0))
    share = busiest["status_share"].get("processing", 0)
    return f"{found['observed_s']:.0f} s observed, {busiest['id']} is busiest ({share:.0%})"


def _observed(found: dict[str, Any]) -> dict[str, Any] | None:
    return found if found["observed_s"] > 0 and found["stations"] else None


def _promise(check: Check) -> str:
    orders = _open_orders(check)
    if not orders:
        return NO_ORDERS
    check.wait("workers for order promises", lambda: _ready(check), 30.0, 0.5)
    body = {"line_id": check.line_id, "order_id": orders[0]}
    began_s = time.monotonic()
    found = check.post("/v1/order-promises", body)
    took_s = time.monotonic() - began_s
    share = found["on_time_probability"]
    if not 0 <= share["low"] <= share["mean"] <= share["high"] <= 1:
        raise UnexpectedError(f"no proper interval: {share}")
    aim = "" if took_s <= PROMISE_AIM_S else f" (aim: {PROMISE_AIM_S:g} s)"
    return (
        f"{orders[0]} on time with {share['mean']:.0%} "
        f"({share['low']:.0%} to {share['high']:.0%}), done by {_clock(found['completion_p90'])} "
        f"in 9 of 10 of {found['replications']} runs, after {took_s:.1f} s{aim}"
    )


def _open_orders(check: Check) -> list[str]:
    orders = check.state()["orders"]
    return [item["id"] for item in orders if item["finished"] < item["quantity"]]


def _ready(check: Check) -> bool:
    try:
        check.get("/readyz")
    except RefusedError:
        return False
    return True


def _clock(moment: str | None) -> str:
    return moment[11:16] if moment else "beyond the horizon"


SOON_S = 3.0
"""A run that takes longer must have told how far it was, s."""


def _whatif(check: Check) -> str:
    fault = {"station": check.station, "kind": "breakdown", "after_s": 60, "duration_s": 1800}
    scenario = check.post(
        "/v1/scenarios",
        {"line_id": check.line_id, "name": f"{check.station} down 30 min", "faults": [fault]},
    )
    began_s = time.monotonic()
    job = check.post(
        f"/v1/scenarios/{scenario['id']}/runs", {"horizon_s": 3600, "replications": 40}
    )
    done, seen = check.job(job, 60.0)
    took_s = time.monotonic() - began_s
    results = check.get(f"/v1/runs/{done['subject_id']}/results")
    row = next(item for item in results["rows"] if item["kpi"] == "throughput_rate")
    change = row["difference"]
    if not change["mean"] < 0:
        raise UnexpectedError(f"a breakdown did not cost throughput: {change}")
    # A run that is over between two looks has nothing to tell.
    if took_s > SOON_S and not any(0 < share < 1 for share in seen):
        raise UnexpectedError(f"no progress was told: {seen}")
    return (
        f"30 min of breakdown at {check.station}: {change['mean'] * 3600:+.1f} ± "
        f"{change['half_width'] * 3600:.1f} parts/h over the next hour, {row['verdict']}; "
        f"{len(seen)} steps of progress"
    )


def _cancel(check: Check) -> str:
    scenario = check.post(
        "/v1/scenarios",
        {
            "line_id": check.line_id,
            "name": "too long to wait for",
            "faults": [
                {"station": check.station, "kind": "slowdown", "duration_s": 3600, "factor": 1.2}
            ],
        },
    )
    job = check.post(
        f"/v1/scenarios/{scenario['id']}/runs", {"horizon_s": 86400, "replications": 500}
    )
    check.wait(
        "the run to begin",
        lambda: check.get(f"/v1/jobs/{job['id']}")["status"] == "running",
        30.0,
    )
    began_s = time.monotonic()
    check.post(f"/v1/jobs/{job['id']}:cancel")
    done, _seen = check.job(job, 10.0)
    took_s = time.monotonic() - began_s
    if done["status"] != "cancelled":
        raise UnexpectedError(f"the run is {done['status']}, not cancelled")
    if took_s > 2 * CANCEL_AIM_S:
        raise UnexpectedError(f"it took {took_s:.1f} s; the aim is {CANCEL_AIM_S:g} s")
    return f"ended {took_s:.1f} s after it was told to"


def _schedule(check: Check) -> str:
    orders = _open_orders(check)
    if not orders:
        return NO_ORDERS
    job = check.post(
        "/v1/schedules",
        {
            "line_id": check.line_id,
            "order_ids": orders[:ORDERS_PLANNED],
            "time_limit_s": 3,
            "replications": 4,
        },
    )
    done, _seen = check.job(job, 60.0)
    found = check.get(f"/v1/schedules/{done['subject_id']}")["result"]
    if found["status"] not in {"optimal", "feasible"} or not found["operations"]:
        raise UnexpectedError(f"no schedule: {found['status']}; {found['message']}")
    if found["violations"]:
        raise UnexpectedError(f"the checker objects: {found['violations'][0]['text']}")
    dated = [item for item in found["orders"] if item["on_time_probability"]]
    likely = sum(item["on_time_probability"]["mean"] >= 0.5 for item in dated)  # noqa: PLR2004
    gap = "unknown" if found["gap"] is None else f"{found['gap']:.1%}"
    return (
        f"{len(found['operations'])} operations, {found['status']}, gap {gap}, no violations; "
        f"{likely} of {len(dated)} orders likely on time"
    )


def _forecast(check: Check) -> str:
    def trained() -> dict[str, Any] | None:
        found: dict[str, Any] = check.get(f"/v1/lines/{check.line_id}/forecaster")
        if found["status"] in {"failed", "off"}:
            raise UnexpectedError(f"the forecaster is {found['status']}: {found['message']}")
        job = check.get(f"/v1/jobs/{found['job_id']}") if found["job_id"] else {}
        last.append(f"{job.get('status')}, {job.get('progress', {}).get('message')}")
        return found if found["status"] == "ready" else None

    last: list[str] = []

    def told() -> dict[str, Any] | None:
        job = check.post("/v1/forecasts", {"line_id": check.line_id})
        done, _seen = check.job(job, 40.0)
        result: dict[str, Any] = check.get(f"/v1/forecasts/{done['subject_id']}")["result"]
        return result if result["fault_risks"] else None

    left_s = check.until_s - time.monotonic() - LAST_STEP_S
    try:
        check.wait("the forecaster to be trained", trained, left_s, 1.0)
    except UnexpectedError as error:
        raise UnexpectedError(f"{error}; its training is {last[-1]}") from error
    found = check.wait("fault risks, which need a window of the plant", told, left_s, 2.0)
    point, risk = found["throughput"][0], found["fault_risks"][0]
    scores = ", ".join(
        f"{item['target']} {item['metric']} {item['skill']:+.0%} against naive"
        for item in found["model"]["scores"]
        if item["skill"] is not None
    )
    parts = " / ".join(f"{value:.0f}" for _level, value in sorted(point["quantiles"].items()))
    model = found["model"]["id"][:12]
    return (
        f"{parts} parts in the first stretch, {risk['station']} most endangered "
        f"({risk['probability']:.0%}); model {model}: {scores}"
    )


def _fault(check: Check) -> str:
    endpoint = check.demo.plant.endpoint
    asyncio.run(inject_fault(endpoint, check.station, "breakdown", 20 * check.demo.speed))

    def failed() -> dict[str, Any] | None:
        stations = check.state()["stations"]
        found: dict[str, Any] = next(item for item in stations if item["id"] == check.station)
        return found if found["status"] == "failed" else None

    began_s = time.monotonic()
    found = check.wait("the fault to be seen", failed, 15.0)
    modes = ", ".join(found["failure_modes"])
    return f"{check.station} is shown as failed ({modes}) after {time.monotonic() - began_s:.1f} s"


def _lost(check: Check) -> str:
    check.demo.plant.kill()
    began_s = time.monotonic()
    check.wait("the link to be called lost", lambda: check.link() == "lost", 20.0)
    lost_s = time.monotonic() - began_s
    quality = check.state()["provenance"]["quality"]
    if quality not in {"stale", "bad"}:
        raise UnexpectedError(f"without a plant the quality is {quality}")
    check.demo.plant.start()
    began_s = time.monotonic()
    check.wait("the link to be back", lambda: _fresh(check.state()) or _gapped(check), 30.0)
    return (
        f"killed: lost after {lost_s:.1f} s, quality {quality}; started again: "
        f"live after {time.monotonic() - began_s:.1f} s"
    )


def _gapped(check: Check) -> bool:
    """Say whether the line is live again while the log knows of the gap."""
    state = check.state()
    return bool(state["link"]["status"] == "connected" and state["provenance"]["quality"] == "gap")


STEPS: tuple[tuple[str, Step], ...] = (
    ("page", _page),
    ("live state", _live),
    ("key figures", _kpis),
    ("order promise", _promise),
    ("what-if from the live state", _whatif),
    ("cancel a run", _cancel),
    ("injected fault", _fault),
    ("schedule", _schedule),
    ("forecast and fault risk", _forecast),
    ("plant lost and back", _lost),
)
"""What is driven, in order."""
