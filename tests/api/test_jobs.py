"""Jobs: cancelled in time, done again after a crash, refused when too many wait."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from api.schemas import JobStatus
from tests.api.conftest import Service, ended, run_service, wait_until
from twin.line import example_line

Document = dict[str, Any]
LONG = {"horizon_s": 30 * 86400.0, "replications": 500, "seed": 3, "start": "empty"}
SHORT = {"horizon_s": 600.0, "replications": 2, "seed": 3, "start": "empty"}


def start_run(client: httpx.Client, scenario: dict[str, Any], body: dict[str, Any]) -> Document:
    """Ask for a run and return its job."""
    answer = client.post(f"/v1/scenarios/{scenario['id']}/runs", json=body)
    assert answer.status_code == 202, answer.text
    found: Document = answer.json()
    return found


def is_running(client: httpx.Client, job: dict[str, Any]) -> bool:
    """Tell whether a job runs."""
    return bool(client.get(f"/v1/jobs/{job['id']}").json()["status"] == "running")


def new_scenario(client: httpx.Client) -> Document:
    """Keep a scenario that changes nothing."""
    body = {"line_id": "two_station", "name": "x"}
    found: Document = client.post("/v1/scenarios", json=body).json()
    return found


def test_a_running_job_ends_within_two_seconds(
    client: httpx.Client, scenario: dict[str, Any]
) -> None:
    """Cancelling ends a job in the middle of a replication of a month, and the next one is done.

    Two seconds are promised; the limit here leaves room for a machine with other work.
    """
    job = start_run(client, scenario, LONG)
    wait_until(lambda: is_running(client, job))
    time.sleep(0.3)
    began = time.monotonic()
    assert client.post(f"/v1/jobs/{job['id']}:cancel").status_code == 202
    assert ended(client, job)["status"] == "cancelled"
    assert time.monotonic() - began < 10.0
    after = start_run(client, scenario, SHORT)
    assert ended(client, after)["status"] == "succeeded"
    again = client.post(f"/v1/jobs/{after['id']}:cancel")
    assert again.status_code == 409
    results = client.get(f"/v1/runs/{job['subject_id']}/results")
    assert results.status_code == 409
    assert "cancelled" in results.json()["detail"]


def test_a_job_that_has_succeeded_is_done_altogether(
    service: Service, client: httpx.Client, scenario: dict[str, Any]
) -> None:
    """What its worker told last is forgotten a moment after the end is kept, and not shown then."""
    job = start_run(client, scenario, LONG)
    wait_until(lambda: client.get(f"/v1/jobs/{job['id']}").json()["progress"]["fraction"] > 0.0)
    with service.site.store.begin() as transaction:
        record = transaction.job(job["id"])
    assert record is not None
    assert 0.0 < service.site.jobs.view(record).progress.fraction < 1.0
    kept = replace(record, status=JobStatus.SUCCEEDED)
    assert service.site.jobs.view(kept).progress.fraction == 1.0
    client.post(f"/v1/jobs/{job['id']}:cancel")
    assert ended(client, job)["status"] == "cancelled"


def test_a_waiting_job_is_cancelled_at_once(client: httpx.Client, scenario: dict[str, Any]) -> None:
    """A job that waits never begins once it is cancelled."""
    first = start_run(client, scenario, LONG)
    waiting = start_run(client, scenario, LONG)
    answer = client.post(f"/v1/jobs/{waiting['id']}:cancel")
    assert answer.json()["status"] == "cancelled"
    assert answer.json()["attempts"] == 0
    client.post(f"/v1/jobs/{first['id']}:cancel")
    assert ended(client, first)["status"] == "cancelled"


def test_progress_is_told(client: httpx.Client, scenario: dict[str, Any]) -> None:
    """While a job runs its progress grows and says what is done."""
    job = start_run(client, scenario, SHORT | {"replications": 20, "horizon_s": 20_000.0})
    seen: list[float] = []

    def final() -> bool:
        found = client.get(f"/v1/jobs/{job['id']}").json()
        if found["status"] == "running":
            seen.append(found["progress"]["fraction"])
        return bool(found["status"] == "succeeded")

    wait_until(final, 60.0)
    assert seen == sorted(seen)
    assert any(0 < fraction < 1 for fraction in seen)


def test_a_killed_worker_is_replaced_and_the_job_done_again(
    service: Service, client: httpx.Client, scenario: dict[str, Any]
) -> None:
    """Kill -9 of a worker costs one attempt; a second one ends the job with a clear problem."""
    job = start_run(client, scenario, LONG)
    for attempt in (1, 2):
        wait_until(
            lambda attempt=attempt: (
                is_running(client, job)  # type: ignore[misc]
                and client.get(f"/v1/jobs/{job['id']}").json()["attempts"] == attempt
                and bool(service.site.jobs.pids)
            )
        )
        time.sleep(0.2)
        for pid in service.site.jobs.pids:
            os.kill(pid, signal.SIGKILL)
    done = ended(client, job)
    assert done["status"] == "failed"
    assert done["problem"]["type"] == "urn:linetwin:problem:worker-died"
    assert "2 attempts" in done["problem"]["detail"]
    after = start_run(client, scenario, SHORT)
    assert ended(client, after)["status"] == "succeeded"


def test_jobs_survive_a_restart_with_the_same_result(tmp_path: Path) -> None:
    """What ran and what waited when the service ended is done after the next start.

    No worker outlives its service meanwhile.
    """
    lines = [example_line("two_station")]
    body = SHORT | {"replications": 20, "horizon_s": 15_000.0}
    first = run_service(tmp_path, lines)
    with first.client() as client:
        scenario = new_scenario(client)
        running = start_run(client, scenario, body)
        waiting = start_run(client, scenario, body)
        wait_until(lambda: is_running(client, running))
    pids = [*first.site.jobs.pids, *first.site.quick.pids]
    assert len(pids) == 2
    first.stop()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 5.0)
    second = run_service(tmp_path, lines)
    try:
        with second.client() as client:
            results = []
            for job in (running, waiting):
                done = ended(client, job)
                assert done["status"] == "succeeded", done
                results.append(client.get(done["result_url"]).json()["rows"])
        assert results[0] == results[1]
    finally:
        second.stop()


def test_full_queues_refuse_and_long_jobs_are_ended(tmp_path: Path) -> None:
    """More jobs than may wait are refused with 429, none is half kept; no job goes on for ever."""
    limits = {"queue_limit": 2, "job_time_limit_s": 2.5}
    running = run_service(tmp_path, [example_line("two_station")], **limits)
    try:
        with running.client() as client:
            scenario = new_scenario(client)
            begun = start_run(client, scenario, LONG)
            wait_until(lambda: is_running(client, begun))
            for _ in range(2):
                start_run(client, scenario, LONG)
            answer = client.post(f"/v1/scenarios/{scenario['id']}/runs", json=LONG)
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) > 0
            assert len(client.get("/v1/runs").json()["items"]) == 3
            done = ended(client, begun)
            assert done["status"] == "failed"
            assert done["problem"]["type"] == "urn:linetwin:problem:time-limit"
    finally:
        running.stop()
