"""The state of now is answered from memory: the same answer, the same fences, until it moves."""

import time

import httpx
import pytest

from api.live import LiveLine
from api.schemas import LineStateView
from tests.api.conftest import Service
from twin.line import example_line

PATH = "/v1/lines/two_station/state"


def test_it_is_what_the_route_would_say(service: Service, client: httpx.Client) -> None:
    """What is answered from memory is the state as the API shows it, under the same ETag."""
    quick = client.get(PATH)
    routed = client.get(f"{PATH}?")  # an empty question stands in the way of nothing
    view = service.site.line("two_station").view()
    for answer in (quick, routed):
        found = LineStateView.model_validate_json(answer.content)
        assert found.model_copy(update={"provenance": view.provenance}) == view
    assert quick.headers["etag"] == routed.headers["etag"]
    assert quick.headers.keys() == routed.headers.keys()


def test_only_the_age_moves_while_nothing_does(client: httpx.Client) -> None:
    """Nothing came in: the ETag stays, 304 says so without a body, and the age goes on."""
    first = client.get(PATH)
    time.sleep(0.11)
    second = client.get(PATH)
    assert first.headers["etag"] == second.headers["etag"]
    ages = [answer.json()["provenance"]["age_ms"] for answer in (first, second)]
    assert ages[1] - ages[0] >= 100.0
    same = client.get(PATH, headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    other = client.get(PATH, headers={"If-None-Match": '"another"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        (PATH, "", 401),
        (PATH, "ltk_000000000000_wrong", 401),
        ("/v1/lines/none/state", None, 404),
        (f"{PATH}?at=2026-01-01T00:00:00Z", None, 200),
        (f"{PATH}?at=inf", None, 422),
    ],
)
def test_the_same_fences_stand_before_it(
    service: Service, path: str, key: str | None, status: int
) -> None:
    """Who has no key, or asks for something else, gets what every route says."""
    with service.client(key) as asking:
        answer = asking.get(path)
    assert answer.status_code == status
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_it_counts_under_the_name_of_its_route(service: Service, client: httpx.Client) -> None:
    """Metrics tell of it as of any other route."""
    labels = {"method": "GET", "route": "/v1/lines/{line_id}/state", "status": "200"}

    def counted() -> float:
        found = service.site.metrics.registry.get_sample_value("linetwin_requests_total", labels)
        return found or 0.0

    before = counted()
    client.get(PATH)
    until_s = time.monotonic() + 5.0  # an answer is counted once it is on its way
    while counted() == before and time.monotonic() < until_s:
        time.sleep(0.01)
    assert counted() == before + 1


class _Moving:
    """A feed of which only the revision is asked."""

    revision = 0


def test_it_is_written_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state is written when something moved, and not before it may be written again."""
    live = LiveLine(example_line("two_station"))
    picture = live.picture()
    feed = _Moving()
    live.feed = feed  # type: ignore[assignment]
    monkeypatch.setattr(live, "picture", lambda: picture)
    now_s = 100.0
    monkeypatch.setattr("api.live.time.monotonic", lambda: now_s)
    first = live.told()
    now_s += 10.0
    assert live.told() is first, "nothing moved"
    feed.revision += 1
    second = live.told()
    assert second is not first
    feed.revision += 1
    now_s += 0.01
    assert live.told() is second, "it was written a moment ago"
    now_s += 0.05
    assert live.told() is not second
