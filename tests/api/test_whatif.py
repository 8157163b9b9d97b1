"""Scenarios and runs through the API, done by real workers."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from scenarios.whatif import Experiment, Scenario, compare, run_experiment
from tests.api.conftest import Service, ended, run_service
from twin.engine import SimulationOptions
from twin.events.fold import empty_state
from twin.line import example_line

RUN = {"horizon_s": 3600.0, "replications": 4, "seed": 7, "start": "empty"}


def test_a_run_gives_what_the_library_gives(client: httpx.Client, scenario: dict[str, Any]) -> None:
    """The figures of a run are those of the same experiment made by hand, to the last bit."""
    answer = client.post(f"/v1/scenarios/{scenario['id']}/runs", json=RUN)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    done = ended(client, job)
    assert done["status"] == "succeeded", done
    results = client.get(done["result_url"]).json()
    experiment = Experiment(
        line=example_line("two_station"),
        scenarios=(Scenario(name="more", changes=scenario["changes"]),),
        options=SimulationOptions(horizon_s=3600.0, seed=7),
        replications=4,
    )
    row = compare(run_experiment(experiment)).of("more", "throughput_rate")
    found = next(item for item in results["rows"] if item["kpi"] == "throughput_rate")
    assert found["value"]["mean"] == row.mean.mean
    assert row.difference is not None
    assert found["difference"]["low"] == row.difference.low
    assert found["verdict"] == row.verdict
    assert results["provenance"]["quality"] == "simulated"
    assert [item["id"] for item in results["scenarios"]] == ["base", scenario["id"]]
    assert len(results["samples"]["throughput_rate"]["base"]) == 4


def test_scenarios_can_be_compared_in_one_run(
    client: httpx.Client, scenario: dict[str, Any]
) -> None:
    """Several scenarios of one line run beside each other, faults included."""
    body = {
        "line_id": "two_station",
        "name": "Press stands still",
        "faults": [{"station": "press", "duration_s": 1800}],
    }
    other = client.post("/v1/scenarios", json=body).json()
    asked = RUN | {"compare_with": [other["id"]]}
    job = client.post(f"/v1/scenarios/{scenario['id']}/runs", json=asked).json()
    done = ended(client, job)
    run = client.get(f"/v1/runs/{done['subject_id']}").json()
    assert run["scenario_ids"] == [scenario["id"], other["id"]]
    rows = client.get(run["results_url"]).json()["rows"]
    worse = next(r for r in rows if r["scenario_id"] == other["id"] and r["kpi"] == "finished")
    assert worse["difference"]["mean"] < -50


def test_a_scenario_that_does_not_fit_is_refused_with_all_findings(client: httpx.Client) -> None:
    """Each wrong change and fault is named, where it is wrong and what there is."""
    body = {
        "line_id": "two_station",
        "name": "x",
        "changes": {"stations.nope.servers": 2, "buffers.chute.capacity": -1},
        "faults": [{"station": "nobody", "duration_s": 5}],
    }
    answer = client.post("/v1/scenarios", json=body)
    assert answer.status_code == 422
    told = {error["path"]: error for error in answer.json()["errors"]}
    assert "press, lathe" in told["changes.stations.nope.servers"]["expected"]
    assert "faults.0.station" in told


def test_a_scenario_changes_only_in_the_version_one_saw(
    client: httpx.Client, scenario: dict[str, Any]
) -> None:
    """Two planners cannot overwrite each other without noticing."""
    path = f"/v1/scenarios/{scenario['id']}"
    etag = client.get(path).headers["etag"]
    first = client.patch(path, json={"name": "A"}, headers={"If-Match": etag})
    assert first.status_code == 200
    assert first.json()["version"] == 2
    assert first.json()["changes"] == scenario["changes"]
    second = client.patch(path, json={"name": "B"}, headers={"If-Match": etag})
    assert second.status_code == 412
    assert client.get(path).json()["name"] == "A"
    stale = client.delete(path, headers={"If-Match": etag})
    assert stale.status_code == 412
    assert client.delete(path).status_code == 428
    assert client.delete(path, headers={"If-Match": '"2"'}).status_code == 204
    assert client.get(path).status_code == 404


def test_the_same_key_has_one_effect(client: httpx.Client) -> None:
    """Repeated with one Idempotency-Key, a request gives one scenario and one answer."""
    body = {"line_id": "two_station", "name": "once"}
    headers = {"Idempotency-Key": "mes-2026-11-22-0001"}
    first = client.post("/v1/scenarios", json=body, headers=headers)
    again = client.post("/v1/scenarios", json=body, headers=headers)
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    other = client.post("/v1/scenarios", json=body | {"name": "two"}, headers=headers)
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency-key-reused")


@pytest.fixture(params=["sqlite", "postgresql"])
def either(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Return a running service on each database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("service")
        return
    url = request.getfixturevalue("postgres").database()
    folder = tmp_path_factory.mktemp("behind-postgresql")
    running = run_service(folder, [example_line("two_station")], database_url=url)
    yield running
    running.stop()


def test_equal_requests_at_one_time_have_one_effect(either: Service) -> None:
    """A hundred equal requests at once with one key make one scenario, or one run and its job."""
    made = at_once(either, "/v1/scenarios", {"line_id": "two_station", "name": "parallel"})
    at_once(either, f"/v1/scenarios/{made}/runs", RUN)
    with either.client() as client:
        found = client.get("/v1/scenarios?limit=1000").json()["items"]
        runs = client.get(f"/v1/runs?scenario_id={made}&limit=1000").json()["items"]
        jobs = client.get("/v1/jobs?limit=1000").json()["items"]
    assert sum(item["name"] == "parallel" for item in found) == 1
    (run,) = (item for item in runs if item["scenario_ids"] == [made])
    assert sum(item["subject_id"] == run["id"] for item in jobs) == 1


def at_once(service: Service, path: str, body: dict[str, Any]) -> str:
    """Send a hundred equal requests with one key; return the one id that they made."""
    answers: list[httpx.Response] = []

    def ask() -> None:
        with service.client() as client:
            headers = {"Idempotency-Key": f"parallel{path}"}
            answers.append(client.post(path, json=body, headers=headers))

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 100
    assert {answer.status_code for answer in answers} <= {201, 202, 409}
    made = [answer for answer in answers if answer.status_code != 409]
    assert sum("idempotency-replayed" not in answer.headers for answer in made) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"].endswith("still-running")
            assert answer.headers["retry-after"] == "1"
    (found,) = {answer.json()["id"] for answer in made}
    return str(found)


def test_lists_go_on_where_a_page_ended(client: httpx.Client) -> None:
    """Pages, newest first, show each item once."""
    body = {"line_id": "electronics", "name": "paged"}
    made = [client.post("/v1/scenarios", json=body).json()["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = None
    for _ in range(5):
        params = {"line_id": "electronics", "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/scenarios", params=params).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen[:5] == made[::-1]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("horizon_s", 1e12),
        ("horizon_s", -5),
        ("warm_up_s", 3600.0),
        ("replications", 1),
        ("replications", 10**9),
        ("seed", -1),
        ("start", "yesterday"),
        ("compare_with", ["nothing"]),
        ("level", 1.0),
    ],
)
def test_impossible_runs_are_refused(
    client: httpx.Client, scenario: dict[str, Any], field: str, value: object
) -> None:
    """A run that makes no sense, or asks for too much, is refused before it waits."""
    answer = client.post(f"/v1/scenarios/{scenario['id']}/runs", json=RUN | {field: value})
    assert answer.status_code in {404, 422}, answer.text


def test_a_fault_after_the_end_of_a_run_is_refused(client: httpx.Client) -> None:
    """A run that would end before the fault begins is refused, not compared as no difference."""
    fault = {"station": "press", "after_s": 7200, "duration_s": 60}
    body = {"line_id": "two_station", "name": "late", "faults": [fault]}
    late = client.post("/v1/scenarios", json=body).json()
    answer = client.post(f"/v1/scenarios/{late['id']}/runs", json=RUN)
    assert answer.status_code == 422
    (told,) = answer.json()["errors"]
    assert (told["path"], told["expected"]) == ("horizon_s", "more than 7200")


@pytest.mark.parametrize(
    ("sent", "path", "told"),
    [
        ({"json": {"line_id": "two_station", "nam": "x"}}, "nam", "write 'name', or remove it"),
        ({"json": ["two_station"]}, "body", "Content-Type: application/json"),
        ({}, "body", "Content-Type: application/json"),
        ({"content": "x", "headers": {"Content-Type": "text/plain"}}, "body", "Content-Type"),
    ],
)
def test_a_body_of_another_shape_is_told_what_to_send(
    client: httpx.Client, sent: dict[str, Any], path: str, told: str
) -> None:
    """Unknown keys come with the one that may be meant, bodies that are no object with a remedy."""
    answer = client.post("/v1/scenarios", **sent)
    assert answer.status_code == 422
    remedies = {item["path"]: item["remedy"] for item in answer.json()["errors"]}
    assert told in remedies[path]


def test_a_run_can_begin_at_a_given_state(client: httpx.Client, scenario: dict[str, Any]) -> None:
    """A state document is where a run begins; one of another line is a failed job that says so."""
    state = empty_state(example_line("two_station"), 7200.0).model_dump(mode="json")
    path = f"/v1/scenarios/{scenario['id']}/runs"
    job = client.post(path, json=RUN | {"start": state}).json()
    assert ended(client, job)["status"] == "succeeded"
    run = client.get(f"/v1/runs/{job['subject_id']}").json()
    assert run["start"] == "state"
    assert run["start_as_of"].startswith("2026-01-05T10:00:00")
    wrong = client.post(path, json=RUN | {"start": state | {"line_id": "electronics"}})
    assert wrong.status_code == 422
