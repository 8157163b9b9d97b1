"""Mappings tried on a live server, proposed from one, and begun from templates."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import Server, ua

from api.cli import run
from api.commands.mapping import told
from tests.sync.peers.harness import counter
from twin.errors import Finding
from twin.line import Constant, Line, example_line, serial_line
from twin.sync.mapfile import load_mapping, mapping_from_text, read_mapping
from twin.sync.mapping import Mapping
from twin.sync.propose import propose, template, variables
from twin.sync.survey import Survey, reader, survey

URI = "urn:acme:line"
LINE = serial_line([Constant(value_s=2.0), Constant(value_s=3.0)])
TEXT = """
line: serial
endpoint: {endpoint}
heartbeat: {{node: "i=2258"}}
sampling_s: 0.1
nodes:
  - node: "nsu=urn:acme:line;s=s1.StateCurrent"
    element: s1
    property: servers.0.state
    type: int
  - {{node: "nsu=urn:acme:line;s=s1.Count", element: s1, property: processed, type: int}}
  - {{node: "nsu=urn:acme:line;s=s1.Nowhere", element: s1, property: scrapped, type: int}}
  - {{node: "nsu=urn:other;s=x", element: s2, property: scrapped, type: int}}
  - {{node: "nsu=urn:acme:line;s=s1.Name", element: s1, property: signals.force, unit: N}}
  - {{node: "nsu=urn:acme:line;s=s1.Temp", element: s1, property: signals.temp, unit: K}}
  - {{node: "nsu=urn:acme:line;s=s2.Secret", element: s2, property: signals.secret}}
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def endpoint() -> AsyncIterator[str]:
    """Return the address of a server with PackML, Machinery and homely names."""
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/")
    index = await server.register_namespace(URI)

    async def add(parent: object, way: str, value: object, kind: object = None) -> object:
        name = way.rpartition(".")[2]
        return await parent.add_variable(f"ns={index};s={way}", f"{index}:{name}", value, kind)  # type: ignore[attr-defined]

    first = await server.nodes.objects.add_object(index, "s1")
    status = await first.add_object(index, "Status")
    await add(status, "s1.StateCurrent", 99, ua.VariantType.Int32)
    count = await add(first, "s1.Count", 5, ua.VariantType.UInt32)
    await add(first, "s1.Name", "Force")
    temp = await add(first, "s1.Temp", 21.5)
    unit = ua.EUInformation(DisplayName=ua.LocalizedText("C"))
    await temp.add_property(0, "EngineeringUnits", unit)  # type: ignore[attr-defined]
    second = await server.nodes.objects.add_object(index, "s2")
    state = await second.add_object(index, "MachineryItemState")
    await add(state, "s2.CurrentState", ua.LocalizedText("Executing"))
    secret = await add(second, "s2.Secret", 1.0)
    level = ua.DataValue(ua.Variant(0, ua.VariantType.Byte))
    await secret.write_attribute(ua.AttributeIds.UserAccessLevel, level)  # type: ignore[attr-defined]
    async with server:
        port = server.bserver._server.sockets[0].getsockname()[1]  # noqa: SLF001 - port 0 was asked for

        async def run_on() -> None:
            value = 5
            while True:
                await asyncio.sleep(0.1)
                value += 1
                await count.write_value(value, ua.VariantType.UInt32)  # type: ignore[attr-defined]

        task = asyncio.create_task(run_on())
        yield f"opc.tcp://127.0.0.1:{port}/"
        task.cancel()


@pytest.mark.asyncio(loop_scope="module")
async def test_everything_wrong_is_told_at_once(endpoint: str, tmp_path: Path) -> None:
    """Unknown nodes, types, units, rights, unknown states, unmet needs: one list, with rows."""
    path = tmp_path / "mapping.yaml"
    path.write_text(TEXT.format(endpoint=endpoint), encoding="utf-8")
    mapping, _, findings = read_mapping(path, LINE)
    assert findings == []
    found = await survey(mapping, LINE, watch_s=1.5)
    told = "\n".join(str(item) for item in found.findings)
    for words in (
        "s=s1.Nowhere: is no variable of the server (BadNodeIdUnknown)",
        "s=x: the server does not know its namespace",
        "s=s1.Name: is String; expected a value of type float",
        "s=s1.Temp: is in 'C' by the server, 'K' by the mapping",
        "s=s2.Secret: may not be read",
        "unknown state '99'",
        "nothing says s2.servers.0.state",
        "nothing says s2.processed",
    ):
        assert words in told
    assert len(found.findings) == 8
    assert 5 < found.seen_per_s < 25
    assert found.most_per_s == pytest.approx(80.0)


async def test_server_that_takes_little_in_one_call() -> None:
    """Limits that a server states, or only has, bind a dry run and a proposal too."""
    nodes = tuple(
        {"node": f"nsu=urn:counter:b;s=c{k}", "element": "s1", "property": f"signals.c{k}",
         "type": "int"}
        for k in range(30)
    )  # fmt: skip
    ways = {"most": {"Read": 7, "Browse": 1, "CreateMonitoredItems": 7}}
    async with counter("asyncua", nodes=30, rate=10, ways=ways) as server:
        endpoint = f"opc.tcp://127.0.0.1:{server.port}/"
        mapping = Mapping.model_validate(
            {"line": "serial", "endpoint": endpoint, "heartbeat": {"node": "i=2258"},
             "nodes": nodes}
        )  # fmt: skip
        found = await survey(mapping, watch_s=1.0)
        assert [str(item) for item in found.findings] == []
        assert found.seen_per_s > 100
        async with reader(endpoint, None, None) as channel:
            assert len(await variables(channel)) == 30


@pytest.mark.asyncio(loop_scope="module")
async def test_proposal_recognises_structures(endpoint: str) -> None:
    """Stations by name, PackML and Machinery by their browse names; the rest is named as left."""
    async with reader(endpoint, None, None) as channel:
        proposal = propose(await variables(channel), endpoint, LINE)
    assert proposal.mapping is not None
    told = {(spec.element, spec.property): spec for spec in proposal.mapping.nodes}
    assert told["s1", "servers.0.state"].state_map == "packml"
    assert told["s1", "processed"].node == f"nsu={URI};s=s1.Count"
    assert told["s2", "servers.0.state"].state_map == "machinery"
    assert told["s1", "signals.temp"].unit == "C"
    assert "Name" in {item.path[-1] for item in proposal.left}
    found: Survey = await survey(proposal.mapping, LINE, watch_s=0.2)
    (wrong,) = [item for item in found.findings if item.path.startswith("nodes.")]
    assert "unknown state '99'" in wrong.message


@pytest.mark.parametrize("kind", ["packml", "machinery", "jobcontrol"])
@pytest.mark.parametrize("line", [LINE, example_line("two_station")], ids=["serial", "example"])
def test_templates_are_whole_files(kind: str, line: Line, tmp_path: Path,
                                   capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """A template can be read again with its line, and the command writes the same."""
    made = template(kind, line, "opc.tcp://127.0.0.1:4840")  # type: ignore[arg-type]
    assert {spec.element for spec in made.nodes} == {item.id for item in line.stations}
    if line is not LINE:
        out = tmp_path / "mapping.yaml"
        assert run(["mapping", "template", kind, "--line", line.id, "-o", str(out)]) == 0
        assert load_mapping(out, line) == made
        capsys.readouterr()


def test_command_says_what_it_cannot_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is not there is exit code 3; a file that is none is 2."""
    path = tmp_path / "mapping.yaml"
    path.write_text(TEXT.format(endpoint="opc.tcp://127.0.0.1:1/"), encoding="utf-8")
    assert run(["mapping", "check", str(path)]) == 3
    assert "opc.tcp://127.0.0.1:1/ cannot be asked" in capsys.readouterr().err
    assert run(["mapping", "check", str(tmp_path / "none.yaml")]) == 2
    assert mapping_from_text(path.read_text(encoding="utf-8"), "", LINE).line == "serial"


def test_what_many_nodes_have_alike_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A server that samples more slowly is one line, not one for each node."""
    notes = [Finding(f"nodes.{k}.node", f"s=n{k}: the server samples slowly") for k in range(9)]
    told(
        Survey(notes=[*notes, Finding("heartbeat", "it stands still")]), Path("m.yaml"), json=False
    )
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "nodes.0.node" in lines[0]
    assert "8 more nodes alike" in lines[0]
