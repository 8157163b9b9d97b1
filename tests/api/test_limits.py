"""Workers have limits: a job that needs too much fails alone; a key has its quota."""

import sys
from pathlib import Path

import pytest

from api.problems import refusal
from tests.api.conftest import ended, run_service
from tests.api.test_jobs import LONG, SHORT, new_scenario, start_run
from twin.line import example_line

MEMORY = 12 * 2**30


@pytest.mark.proof
@pytest.mark.skipif(sys.platform != "linux", reason="reads the limits of a process from /proc")
def test_a_job_that_needs_too_much_fails_alone(tmp_path: Path) -> None:
    """Processor time is the system's to end; the next job is done by a new worker.

    A key that has as many jobs at work as it may is told so.
    """
    service = run_service(
        tmp_path,
        [example_line("two_station")],
        job_cpu_limit_s=2.0,
        job_memory_bytes=MEMORY,
        jobs_per_key=2,
    )
    try:
        for pid in (*service.site.jobs.pids, *service.site.quick.pids):
            limits = Path(f"/proc/{pid}/limits").read_text()
            (row,) = [line for line in limits.splitlines() if "address space" in line]
            assert row.split()[3] == str(MEMORY)
        with service.client() as client:
            scenario = new_scenario(client)
            job = start_run(client, scenario, LONG)
            waiting = start_run(client, scenario, LONG)
            path = f"/v1/scenarios/{scenario['id']}/runs"
            third = client.post(path, json=SHORT)
            assert third.status_code == 429
            assert third.json()["type"].endswith("quota")
            client.post(f"/v1/jobs/{waiting['id']}:cancel")
            failed = ended(client, job)
            assert failed["status"] == "failed", failed
            assert failed["problem"]["type"].endswith("time-limit")
            assert "processor" in failed["problem"]["detail"]
            assert failed["attempts"] == 1
            assert ended(client, start_run(client, scenario, SHORT))["status"] == "succeeded"
    finally:
        service.stop()


def test_a_lack_of_memory_is_told_as_such() -> None:
    """What the system refuses a worker becomes a problem of the job, with a stable name."""
    told = refusal(MemoryError())
    assert told.kind.name == "memory-limit"
    assert told.kind.status == 422
