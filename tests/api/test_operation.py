"""What runs a site: metrics, log, headers, files to deploy with, and what covers what."""

import errno
import io
import json
import logging
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import yaml
from prometheus_client.parser import text_string_to_metric_families

from api.keys import Scope, create_key
from api.logs import configure
from api.settings import Settings
from api.sites import FIRST_PORT
from tests.api.conftest import Service, run_service
from twin.line import example_line

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


@pytest.fixture
def told(service: Service) -> str:
    """Return what Prometheus reads, over real HTTP on a port of its own."""
    metrics = service.site.metrics
    port = metrics.start("127.0.0.1", 0)
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10.0)
    finally:
        metrics.stop()
    assert answer.status_code == 200
    return answer.text


def test_prometheus_is_told(client: httpx.Client, told: str) -> None:
    """Requests are counted by the pattern of their path, never by the path itself."""
    found = {family.name: family for family in text_string_to_metric_families(told)}
    routes = {sample.labels["route"] for sample in found["linetwin_requests"].samples}
    assert routes <= {"unmatched", "/healthz", "/readyz", *routes}
    assert not any("two_station" in route for route in routes)
    assert "linetwin_request_seconds" in found


def test_dashboard_and_alerts_ask_for_what_there_is(service: Service) -> None:
    """Each metric that the dashboard and the rules name is one that a site tells."""
    known = {family.name for family in service.site.metrics.registry.collect()}
    known |= {name for name, *_ in service.site._gauges()}  # noqa: SLF001 - the names it would tell
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
    dashboard = json.loads((DEPLOY / "grafana" / "linetwin.json").read_text())
    text = json.dumps([rules, dashboard])
    for name in set(re.findall(r"linetwin_[a-z_]+", text)):
        base = re.sub(r"_(?:total|bucket|count|sum)$", "", name)
        assert base in known, name
    assert len(dashboard["panels"]) >= 6
    assert all(rule["annotations"]["summary"] for rule in rules["groups"][0]["rules"])


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_tells_no_values(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a function held when it failed, a key for instance, stays out of the log."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)

    def failing(given: str) -> float:
        return float("broken") if given else 0.0

    try:
        configure(Settings.load(environment={}, log_format=form))
        try:
            failing("ltk_" + "42" * 8)
        except ValueError:
            logging.getLogger("api.x").exception("failed")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert "ValueError" in stream.getvalue()
    assert "failing" in stream.getvalue()
    assert "4242" not in stream.getvalue()


def test_the_log_is_json_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line is one JSON object with time, level and extras; secrets are left out."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    try:
        configure(Settings.load(environment={}, log_format="json", log_level="INFO"))
        logging.getLogger("api.guard").info("answered", extra={"request_id": "r1", "key": "ltk_x"})
        try:
            float("broken")
        except ValueError:
            logging.getLogger("api.x").exception("failed\nbadly")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    first, second = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (first["event"], first["request_id"], first["level"]) == ("answered", "r1", "info")
    assert first["key"] == "(hidden)"
    assert first["timestamp"].endswith("Z")
    assert "ValueError" in json.dumps(second["exception"])


def test_a_full_disk_is_told_to_who_looks_after_the_site(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The site is not ready while writes are refused, and the log says why; then it is again."""
    service = run_service(tmp_path, [example_line("electronics")])
    engine = service.site.store._engine  # noqa: SLF001 - a full disk, without one
    assert engine is not None

    def full(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    orders = [{"id": f"A-{n}", "product": "controller", "quantity": 1} for n in range(1500)]
    body = {"line_id": "electronics", "requests": orders}
    try:
        with service.client() as client:
            sa.event.listen(engine, "begin", full)
            refused = client.put("/v1/operations-schedules/week", json=body)
            assert refused.status_code == 503, refused.text
            answer = client.get("/readyz")
            assert answer.status_code == 503
            with service.site.store.begin(write=True):
                pass  # somebody looks for work and finds none
            answer = client.get("/readyz")
            assert answer.status_code == 503
            assert "full" in answer.json()["checks"]["store"]
            (told,) = [record for record in caplog.records if record.message == "refused"]
            assert told.levelname == "ERROR"
            assert told.__dict__["request_id"] == refused.json()["request_id"]
            assert "full" in told.__dict__["detail"]
            sa.event.remove(engine, "begin", full)
            engine.dispose()
            assert client.put("/v1/operations-schedules/week", json=body).status_code == 201
            assert client.get("/readyz").status_code == 200
    finally:
        service.stop()


def test_a_key_that_could_not_be_kept_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk leaves the keys as they were, and no piece of a file beside them."""
    path = tmp_path / "keys.json"
    create_key(path, "first", Scope.READ)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("api.keys.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        create_key(path, "second", Scope.READ)
    assert [item.name for item in tmp_path.iterdir()] == ["keys.json"]
    assert path.read_bytes() == before


@pytest.mark.parametrize("path", ["/", "/v1/lines", "/v1/nothing", "/healthz", "/docs"])
def test_every_answer_has_the_security_headers(client: httpx.Client, path: str) -> None:
    """Answers and refusals alike cannot be framed, sniffed or scripted from elsewhere."""
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src" in headers["content-security-policy"]
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-request-id"]
    assert "server" not in headers


def test_files_to_deploy_with_can_be_read() -> None:
    """Units, compose file and rules are well formed and name commands that there are."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert compose["services"]["twin"]["command"][:2] == ["site", "start"]
    assert compose["services"]["twin"]["read_only"]
    unit = (DEPLOY / "systemd" / "linetwin@.service").read_text()
    assert "twin site start %i" in unit
    assert "NoNewPrivileges=yes" in unit
    for name in ("LINETWIN_PORT", "LINETWIN_METRICS_HOST", "LINETWIN_DATABASE_URL"):
        assert name.removeprefix("LINETWIN_").lower() in Settings.model_fields
        assert name in compose["services"]["twin"]["environment"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """Each unit, made for a site, is one that systemd would load without a complaint."""
    names = []
    for unit in sorted((DEPLOY / "systemd").iterdir()):
        text = unit.read_text(encoding="utf-8")
        # What is installed on the target only: the program, and the page with this guide.
        text = text.replace("/opt/linetwin/.venv/bin/twin site", f"{sys.executable} site")
        text = re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE)
        place = tmp_path / unit.name.replace("@", "@alpha")
        place.write_text(text, encoding="utf-8")
        names.append(str(place))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_image_compose_file_and_proxies_agree() -> None:
    """Ports, users, folders and names are the same wherever they are written."""
    site = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["twin"]
    image = (DEPLOY / "Containerfile").read_text()
    port = site["environment"]["LINETWIN_PORT"]
    assert site["ports"] == [f"127.0.0.1:${{PORT:?}}:{port}"], "reached through the proxy only"
    assert f"http://127.0.0.1:{port}/readyz" in " ".join(site["healthcheck"]["test"])
    folder = site["volumes"][0].partition(":")[2]
    assert f"LINETWIN_SITES={folder}" in image
    before, _, after = image.partition("USER linetwin")
    assert f"--owner=linetwin --mode=700 {folder}" in before, "a new volume belongs to the site"
    assert "twin warmup" in before, "nothing is compiled where nothing can be written"
    assert "RUN" not in after
    assert "PYTHON" in site["build"]["args"]
    assert "ARG PYTHON=" in image
    for proxy in ("nginx.conf", "Caddyfile"):
        text = (DEPLOY / proxy).read_text()
        for number, name in enumerate(("alpha.example", "beta.example")):
            assert name in text
            assert f"127.0.0.1:{FIRST_PORT + number}" in text
    events = (DEPLOY / "nginx.conf").read_text().partition("location = /v1/events")[2]
    assert "proxy_buffering off" in events.partition("}")[0]


def test_each_item_of_the_security_list_has_its_test() -> None:
    """Every row of a table with tests in `docs/security.md` names one, and that test exists.

    The tables are complete by their own standards: each of the OWASP items, and each of the seven
    foundational requirements of IEC 62443.
    """
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\|[^\n]*\| test \|\n\|[-|]+\|\n((?:\|[^\n]*\n)+)", text, re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(tables) == 3
    named = {row.split()[1] for row in rows}
    assert {f"API{number}" for number in range(1, 11)} <= named
    met = {number for row in rows for number in re.findall(r"\b(\d)\.\d+", row.split("|")[1])}
    assert met == set("1234567")
    for row in rows:
        (place,) = re.findall(r"`(tests/[^`]+)`", row)
        file, name = place.split("::")
        source = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(?:async )?def {name}\(", source, re.MULTILINE), place
