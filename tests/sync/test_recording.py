"""The folder of a recording, and the file that says what to record, as people meet them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from twin.errors import InvalidInputError
from twin.sync import record
from twin.sync.connection import Connection, Source, load_connection
from twin.sync.protocol import LinkEvent, Origin, Sample, SourceState
from twin.sync.record import Recorder
from twin.sync.recording import Files, held

NOW = datetime(2026, 1, 5, tzinfo=UTC)
SAMPLE = Sample("s=a", NOW, NOW, NOW, 1.5, 0, 1, Origin.LIVE, stamped=True)


def written(folder: Path, *, finished: bool) -> None:
    """Leave a recording of three values in two pieces."""
    files = Files(folder)
    files.write([("plant", SAMPLE)] * 2)
    files.write([("plant", SAMPLE)])
    files.write_summary({"finished": finished, "ended_at": NOW.isoformat(), "gaps": [{}]})
    if finished:
        files.finish()


def test_folder_that_is_free(tmp_path: Path) -> None:
    """Neither an empty folder nor one that is not there holds anything."""
    assert held(tmp_path) == held(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("finished", "how"),
    [(True, "a finished recording"), (False, "a recording that was broken off; it can be read")],
)
def test_folder_says_what_it_holds(tmp_path: Path, how: str, *, finished: bool) -> None:
    """Whoever would write into it is told what the last recording left there."""
    written(tmp_path, finished=finished)
    assert held(tmp_path) == f"holds {how}: 3 values and 1 gaps until {NOW.isoformat()}"


def test_folder_without_a_summary(tmp_path: Path) -> None:
    """Pieces alone are a recording too, even one that cannot be read."""
    (tmp_path / "values-000001.parquet").write_bytes(b"no Parquet")
    assert held(tmp_path) == "holds files of a recording without a summary: 1 with values"
    (tmp_path / "summary.json").write_text(
        json.dumps({"finished": False, "ended_at": "then", "gaps": []}), encoding="utf-8"
    )
    assert held(tmp_path).endswith(": 0 values and 0 gaps until then")


def test_folder_in_use_is_refused(tmp_path: Path) -> None:
    """The command says what is there and writes nothing."""
    written(tmp_path / "out", finished=False)
    connection = tmp_path / "c.yaml"
    connection.write_text("endpoint: opc.tcp://127.0.0.1:1\nnodes: [i=2258]\n", encoding="utf-8")
    before = sorted((tmp_path / "out").iterdir())
    done = CliRunner().invoke(app, ["record", str(connection), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, InvalidInputError)
    assert "broken off; it can be read: 3 values" in str(done.exception)
    assert sorted((tmp_path / "out").iterdir()) == before


def test_two_recordings_into_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begun at one moment, both find it empty; only one may write there."""
    monkeypatch.setattr(record, "held", lambda _folder: "")
    source = Source.model_validate({"endpoint": "opc.tcp://127.0.0.1:1", "nodes": ["i=2258"]})
    connection = Connection(sources=(source,))
    Recorder(connection, tmp_path / "out")
    with pytest.raises(InvalidInputError, match="another recording, which has just begun"):
        Recorder(connection, tmp_path / "out")


@pytest.mark.parametrize("time", ["0s", "-5s"])
def test_no_time_at_all_is_refused(tmp_path: Path, time: str) -> None:
    """A recording lasts longer than nothing."""
    done = CliRunner().invoke(app, ["record", "c.yaml", "--for", time, "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "above zero" in done.output


def test_endpoint_without_a_port(tmp_path: Path) -> None:
    """The port of OPC UA servers is meant."""
    path = tmp_path / "c.yaml"
    path.write_text("endpoint: opc.tcp://press/line\nnodes: [i=2258]\n", encoding="utf-8")
    (source,) = load_connection(path).sources
    assert source.endpoint == "opc.tcp://press:4840/line"


def test_findings_in_the_words_of_people(tmp_path: Path) -> None:
    """What is no address and what is no node id is told with what is expected instead."""
    path = tmp_path / "c.yaml"
    path.write_text("endpoint: http://press\nnodes: [2258, 'x y']\n", encoding="utf-8")
    with pytest.raises(InvalidInputError) as told:
        load_connection(path)
    text = str(told.value)
    assert "c.yaml:1: endpoint: 'http://press' is no address of a server; expected opc.tcp" in text
    assert "nodes.0: 2258 is no node id; write i=2258 or ns=2;i=2258" in text
    assert "nodes.1: 'x y' is neither a node id" in text


def test_login_in_an_address_is_not_told_again(tmp_path: Path) -> None:
    """Wherever it stands and whatever else is wrong: no password comes out of it."""
    path = tmp_path / "c.yaml"
    for address in (
        "opc.tcp://bob:s3cret@press:4840",
        "http://bob:s3cret@press",
        "opc.tcp://:s3cret@",
    ):
        path.write_text(f"endpoint: {address}\nnodes: [i=2258]\n", encoding="utf-8")
        with pytest.raises(InvalidInputError, match=r"give security\.user") as told:
            load_connection(path)
        assert "s3cret" not in str(told.value)


@pytest.mark.parametrize(
    ("node", "wrong"),
    [
        ("i=4294967296", "no usable number; expected 0 to 4294967295"),
        ("ns=2;i=x", "no usable number"),
        ("ns=65536;s=a", "no usable namespace; expected 0 to 65535"),
        ("ns=2;g=nonsense", "no GUID after g="),
        ("b=???", "no base64 after b="),
    ],
)
def test_node_id_that_is_none(node: str, wrong: str, tmp_path: Path) -> None:
    """What no server could be asked for is told before; it would take the other nodes with it."""
    path = tmp_path / "c.yaml"
    path.write_text(f"endpoint: opc.tcp://press\nnodes: [i=2258, {node!r}]\n", encoding="utf-8")
    with pytest.raises(InvalidInputError) as told:
        load_connection(path)
    assert "c.yaml:2: nodes.1" in str(told.value)
    assert wrong in str(told.value)


def test_file_that_is_no_text(tmp_path: Path) -> None:
    """Another encoding is told as what it is."""
    path = tmp_path / "c.yaml"
    path.write_bytes("endpoint: opc.tcp://prüfstand".encode("latin-1"))
    with pytest.raises(InvalidInputError, match="no UTF-8 text; save it as UTF-8"):
        load_connection(path)


def test_summary_says_what_is_wrong_while_it_is_tried_again(tmp_path: Path) -> None:
    """A retry hides no reason, and a state that comes and goes is told once a connection."""
    source = Source.model_validate(
        {"name": "s", "endpoint": "opc.tcp://127.0.0.1:1", "nodes": ["ns=0;i=2258"]}
    )
    recorder = Recorder(Connection(sources=(source,)), tmp_path / "out")
    part = recorder._parts[0]  # noqa: SLF001 - the sink that the supervisor tells

    def tell(*changes: tuple[SourceState, str]) -> dict[str, Any]:
        for state, reason in changes:
            part.link_changed(LinkEvent(state, datetime.now(UTC), reason))
        return recorder.summary()["sources"][0]

    state = SourceState
    assert tell((state.CONNECTING, ""))["reason"] == "not connected yet"
    lost = (state.RECONNECTING, "nobody listens")
    assert tell(lost, (state.CONNECTING, ""))["reason"] == "nobody listens"
    flapping = [(state.DEGRADED, "one node is bad"), (state.LIVE, "")] * 50
    told = tell((state.LIVE, ""), *flapping)
    assert (told["state"], told["reason"]) == ("live", "")
    assert len(told["states"]) == 4
