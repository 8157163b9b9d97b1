"""The documents say what is so: examples run, tables agree with the code, links lead somewhere."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import typer.main
import yaml

from api.cli import app
from scenarios.whatif.files import scenarios_from_text
from twin.engine.options import SimulationOptions
from twin.engine.reference.clock import Due
from twin.engine.reference.engine import ReferenceEngine
from twin.engine.streams import Purpose, philox4x32, stream_key, uniform
from twin.events.kinds import (
    ISO_22400_TIME,
    MACHINERY_STATE,
    MEANING,
    PACKML_STATE,
    Kind,
    Status,
)
from twin.events.log import COLUMNS
from twin.kpi.output_analysis import mean_interval
from twin.line import Constant, Failure, line_from_text, load_line, serial_line
from twin.sync.connection import load_connection
from twin.sync.mapfile import mapping_from_text
from twin.sync.writes import load_rules

ROOT = Path(__file__).resolve().parent.parent
DECISIONS = ROOT / "docs" / "decisions"
DOCUMENTS = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
SEMANTICS = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
LONGEST_DECISION = 60
PARTS_OF_A_DECISION = ["Context", "Choice", "What we gave up", "How we would notice an error"]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SHORTER = {
    "horizon_s=10_000, warm_up_s=1_000": "horizon_s=500, warm_up_s=50",
    "horizon_s=110_000, warm_up_s=10_000": "horizon_s=1_100, warm_up_s=100",
    "replications=20": "replications=4",
}
"""What a quick run of the README's example replaces; the long one is a proof."""
EXACT_THROUGHPUT = 0.670466


ENDPOINT = "opc.tcp://127.0.0.1:4840"


class Block(NamedTuple):
    """A fenced block of a document."""

    path: Path
    number: int
    language: str
    text: str


def blocks(language: str) -> list[Block]:
    """Return the fenced blocks of a language in all documents."""
    return [
        Block(path, number, found, text)
        for path in DOCUMENTS
        for number, (found, text) in enumerate(FENCE.findall(path.read_text(encoding="utf-8")))
        if found == language
    ]


def named(block: Block) -> str:
    """Return a name for a block in the test report."""
    return f"{block.path.relative_to(ROOT)}-{block.number}"


def table_under(text: str, header: str) -> list[list[str]]:
    """Return the rows of the table whose header line begins with ``header``."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(header):
            next(lines)  # the rule below the header
            break
    else:
        pytest.fail(f"there is no table {header!r}")
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def first_words(text: str, header: str) -> list[str]:
    """Return the first column of a table, without its back-quotes."""
    return [row[0].strip("`") for row in table_under(text, header)]


def run(block: Block, text: str) -> dict[str, object]:
    """Run Python of a document and return its names."""
    names: dict[str, object] = {"__name__": "document"}
    exec(compile(text, named(block), "exec"), names)
    return names


@pytest.mark.parametrize(
    "path", sorted({block.path for block in blocks("python")}), ids=lambda path: path.name
)
def test_python_in_the_documents_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python blocks of a document run as written, one after another; the README's shorter."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "document"}
    for block in blocks("python"):
        if block.path == path:
            exec(compile(_shorter(block), named(block), "exec"), names)
    if path.name == "README.md":
        throughput = mean_interval(np.asarray(names["results"].throughput_rate), 0.999)  # type: ignore[attr-defined]
        assert throughput.low < EXACT_THROUGHPUT < throughput.high


def _shorter(block: Block) -> str:
    text = block.text
    if block.path.name == "README.md":
        for long, short in SHORTER.items():
            assert long in text, f"the README's example changed; {long!r} is not in it"
            text = text.replace(long, short)
    return text


@pytest.mark.proof
def test_the_readme_example_gives_the_exact_throughput() -> None:
    """As written, with its full times, the example's interval holds the exact figure."""
    (block,) = [found for found in blocks("python") if found.path.name == "README.md"]
    names = run(block, block.text)
    throughput = mean_interval(np.asarray(names["results"].throughput_rate), 0.999)  # type: ignore[attr-defined]
    assert throughput.low < EXACT_THROUGHPUT < throughput.high
    assert throughput.half_width < 0.005 * EXACT_THROUGHPUT


@pytest.mark.parametrize("block", blocks("yaml"), ids=named)
def test_yaml_in_the_documents_can_be_read(block: Block, tmp_path: Path) -> None:
    """Each YAML block is a line, scenarios, a connection or a part of one, without findings."""
    (document, *more) = yaml.safe_load_all(block.text)
    if "apiVersion" in document or more:
        return  # another system's file
    if "scenarios" in document:
        assert scenarios_from_text(block.text, load_line("bottling"), named(block))
    elif {"state_maps", "replay", "sparkplug"} & set(document):
        node = {"node": "s=a", "element": "press", "property": "processed", "type": "int"}
        rest = {"line": "two_station", "nodes": [node]}
        rest |= {} if {"replay", "sparkplug"} & set(document) else {"endpoint": ENDPOINT}
        rest = {key: value for key, value in rest.items() if key not in document}
        before = yaml.safe_dump(rest) if rest else ""
        assert mapping_from_text(before + block.text, named(block)).nodes
    elif "expiry_s" in document:
        path = tmp_path / "rules.yaml"
        path.write_text(block.text, encoding="utf-8")
        assert load_rules(path).nodes
    elif {"endpoint", "sources", "security"} & set(document) and "stations" not in document:
        part = {} if "sources" in document else {"endpoint": ENDPOINT}
        nodes = {} if "sources" in document else {"nodes": ["/Plant/**"]}
        path = tmp_path / "connection.yaml"
        path.write_text(yaml.safe_dump(part | nodes | document), encoding="utf-8")
        assert load_connection(path).sources
    else:
        assert line_from_text(block.text, named(block)).flow_order


@pytest.mark.parametrize("package", ["twin", "scenarios"])
def test_the_readme_lists_the_public_names(package: str) -> None:
    """The README's table of a package has exactly the names of its ``__all__``, in their order."""
    listed = first_words(README, f"| `{package}` |")
    assert listed == list(importlib.import_module(package).__all__)


@pytest.mark.parametrize("package", ["twin", "scenarios", "api"])
def test_the_public_names_can_be_imported(package: str) -> None:
    """Each name in the README's tables is there."""
    module = importlib.import_module(package)
    for name in first_words(README, f"| `{package}` |"):
        assert getattr(module, name) is not None


def test_the_readme_lists_the_commands() -> None:
    """The README's commands are those of the command line, in its order."""
    commands = typer.main.get_command(app)
    assert first_words(README, "| command |") == list(commands.commands)  # type: ignore[attr-defined]


def test_kinds_are_written_down() -> None:
    """The table of event kinds in the semantics says what ``MEANING`` says."""
    rows = table_under(SEMANTICS, "| number | kind |")
    expected = [[str(int(kind)), f"`{kind.name}`", *meaning] for kind, meaning in MEANING.items()]
    assert rows == expected
    assert set(MEANING) == set(Kind)


def test_columns_are_written_down() -> None:
    """The semantics name the columns of the log in their order."""
    section = SEMANTICS.partition("## 13.")[2].partition("\n## ")[0]
    listed = re.findall(r"`(\w+)`", section.partition("Columns:")[2])[: len(COLUMNS)]
    assert listed == list(COLUMNS)


def test_statuses_are_written_down() -> None:
    """The table of statuses says how each is shown in the standards."""
    rows = table_under(SEMANTICS, "| status |")
    assert rows == [
        [f"`{status}`", MACHINERY_STATE[status], PACKML_STATE[status], ISO_22400_TIME[status]]
        for status in Status
    ]


def test_order_of_due_events_is_written_down() -> None:
    """The table of what is due at one moment has the engine's order."""
    assert first_words(SEMANTICS, "| due |") == [due.name for due in sorted(Due)]


def test_purposes_are_written_down() -> None:
    """Every purpose of random numbers stands in the semantics."""
    listed = set(first_words(SEMANTICS, "| purpose |"))
    assert listed | {"signal", "gap"} == {purpose.value for purpose in Purpose}


def test_uniforms_are_written_down() -> None:
    """The test vectors in the semantics come out."""
    for what, replication, a, b, u in table_under(SEMANTICS, "| seed, element, purpose |"):
        seed, element, purpose = (part.strip().strip("`") for part in what.split(","))
        key = stream_key(int(seed), element, purpose)
        assert uniform(key, int(replication), int(a), int(b)) == float(u)


def test_philox_gives_the_published_vector() -> None:
    """Counter and key of zeros give the words that the generator's authors published."""
    words = philox4x32(*[np.uint64(0)] * 6)
    assert [int(word) for word in words] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


def test_the_interruption_example_is_so() -> None:
    """Work of 10 s from 100 on, failed at 104 and repaired at 130, ends at 136 (section 7)."""
    told = "failure at 104 is repaired at 130; the work ends at 130 + (10 - 4) = 136"
    assert told in SEMANTICS
    first = serial_line([Constant(value_s=100.0), Constant(value_s=10.0)])
    mode = Failure(
        id="stop",
        clock="calendar",
        time_to_failure_s=Constant(value_s=104.0),
        time_to_repair_s=Constant(value_s=26.0),
    )
    line = first.changed({"stations.s2.failures": [mode.model_dump(mode="json")]})
    engine = ReferenceEngine(line, SimulationOptions(horizon_s=200.0))
    engine.advance(200.0)
    number = engine.builder.index["s2"]
    ended = [
        row.time_s
        for row in engine.builder.rows
        if row.kind == Kind.PROCESSING_ENDED and row.element == number
    ]
    assert ended == [136.0]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Each relative link of a document leads to a file, and to a heading where it names one."""
    broken = [target for target in _targets(path) if not _there(path, target)]
    assert not broken


def _targets(path: Path) -> Iterator[str]:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if not re.match(r"[a-z]+:", target):
            yield target


def _there(path: Path, target: str) -> bool:
    name, _, heading = target.partition("#")
    found = (path.parent / name).resolve() if name else path
    if not found.exists() or not found.is_relative_to(ROOT):
        return False
    if not heading:
        return True
    headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
    return heading in {_anchor(one) for one in headings}


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def test_every_decision_is_in_the_index() -> None:
    """The index lists every record, by number, with its title."""
    rows = table_under((DECISIONS / "README.md").read_text(encoding="utf-8"), "| number |")
    records = sorted(DECISIONS.glob("[0-9]*.md"))
    assert [row[0] for row in rows] == [f"[{path.name[:4]}]({path.name})" for path in records]
    for row, path in zip(rows, records, strict=True):
        title = path.read_text(encoding="utf-8").splitlines()[0]
        assert title == f"# {path.name[:4]} {row[1]}"


@pytest.mark.parametrize("path", sorted(DECISIONS.glob("[0-9]*.md")), ids=lambda path: path.name)
def test_a_decision_is_short_and_whole(path: Path) -> None:
    """A record has its four parts, in at most 60 lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST_DECISION
    assert [line[3:] for line in lines if line.startswith("## ")] == PARTS_OF_A_DECISION


def test_files_and_modules_that_are_named_exist() -> None:
    """Every file and module that a document names in back-quotes is there."""
    missing = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        files = re.findall(r"`((?:twin|scenarios|api|tests)/[\w/.]+)`", text)
        dotted = re.findall(r"`((?:twin|scenarios|api)(?:\.[a-z_]+)+)`", text)
        missing += [f"{path.name}: {name}" for name in files if not (ROOT / name).exists()]
        missing += [f"{path.name}: {name}" for name in dotted if not _is_module(name)]
    assert not missing


def _is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").exists()
