"""Scenario files: read, written, and wrong in every way that people manage."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.whatif.files import load_scenarios, save_scenarios, scenarios_from_text
from scenarios.whatif.scenario import Scenario, ScenarioError
from twin.engine.options import Fault
from twin.line import Constant, Line, serial_line

GOOD = """scenarios:
  more:
    description: More room in front of the second station
    changes:
      buffers.b1.capacity: {times: 2}
  more_and_down:
    extends: more
    faults:
      - {station: s1, after_s: 1h, duration_s: 4h}
"""


@pytest.fixture
def line() -> Line:
    """Return two stations with three places between them."""
    return serial_line([Constant(value_s=10.0), Constant(value_s=12.0)], buffers=[3])


def test_file_is_read_with_parents_written_out(tmp_path: Path, line: Line) -> None:
    """A file gives its scenarios in order, each ready to apply."""
    file = tmp_path / "questions.yaml"
    file.write_text(GOOD, encoding="utf-8")
    first, second = load_scenarios(file, line)
    assert first.apply(line).buffer("b1").capacity == 6
    assert second.apply(line).buffer("b1").capacity == 6
    assert second.faults[0].duration_s == 14400.0


def test_every_finding_has_file_and_line(line: Line) -> None:
    """Bad keys, paths, parents and stations are told together, each with its line."""
    text = """scenarios:
  a:
    changes:
      buffers.b1.capacity: 4
      buffers.b9.capacity: 3
  b:
    extends: nobody
  c:
    faults:
      - {station: s1, duration_s: 5}
      - {station: s7, duration_s: 5}
  d:
    changs: {}
"""
    with pytest.raises(ScenarioError) as caught:
        scenarios_from_text(text, line, "questions.yaml")
    at = {(finding.file, finding.line) for finding in caught.value.findings}
    assert at == {("questions.yaml", number) for number in (5, 7, 11, 13)}


def test_name_that_stands_twice_is_told() -> None:
    """YAML would quietly keep the second of two equal keys; here it is a finding."""
    text = "scenarios:\n  a: {}\n  b: {}\n  a: {}\n"
    with pytest.raises(ScenarioError, match="line 2") as caught:
        scenarios_from_text(text, None, "q.yaml")
    assert caught.value.findings[0].line == 4


@pytest.mark.parametrize(
    "text",
    ["", "- a\n", "scenarios: [a]\n", "scenarios: {a: 3}\n", "a: [\n", "scenarios: {a: {name: b}}"],
)
def test_text_that_is_no_scenario_file(text: str) -> None:
    """Whatever stands in a file, the error is one with findings."""
    with pytest.raises(ScenarioError, match="finding"):
        scenarios_from_text(text)


def test_base_changes_nothing() -> None:
    """A file cannot redefine the base."""
    with pytest.raises(ScenarioError, match="base"):
        scenarios_from_text("scenarios: {base: {changes: {id: x}}}")


def test_file_that_is_not_there(tmp_path: Path) -> None:
    """A wrong path is told with the path."""
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenarios(tmp_path / "nowhere.yaml")


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z][a-z0-9_]{0,8}", fullmatch=True).filter(
            lambda name: name != "base"
        ),
        st.tuples(
            st.dictionaries(
                st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){0,2}", fullmatch=True),
                st.integers(0, 99)
                | st.floats(-1e6, 1e6)
                | st.fixed_dictionaries({"plus": st.integers()}),
                max_size=3,
            ),
            st.text(max_size=20),
        ),
        max_size=4,
    )
)
def test_written_file_reads_back(tmp_path_factory: pytest.TempPathFactory, bodies: dict) -> None:  # type: ignore[type-arg]
    """What was saved is loaded again, whatever the texts and numbers."""
    scenarios = tuple(
        Scenario(
            name=name,
            description=text,
            changes=changes,
            faults=(Fault(station="s1", duration_s=3.5),),
        )
        for name, (changes, text) in bodies.items()
    )
    file = tmp_path_factory.mktemp("scenarios") / "s.yaml"
    save_scenarios(scenarios, file)
    assert load_scenarios(file) == scenarios


def told(text: str, line: Line) -> list[str]:
    """Return what is told about a file."""
    with pytest.raises(ScenarioError) as caught:
        scenarios_from_text(text, line, "questions.yaml")
    return [str(finding) for finding in caught.value.findings]


def test_what_is_wrong_beside_a_broken_event_is_told_too(line: Line) -> None:
    """An event that cannot be read hides neither other events nor changes."""
    found = told(
        """scenarios:
  a:
    changes: {buffers.b9.capacity: 3}
    faults: [{station: s1, duration_s: -1}, {station: s8, duration_s: 1}]
    events:
      - {kind: demand, factor: 115%}
      - {kind: breakdown, station: s9, duration_s: 1h}
""",
        line,
    )
    assert len(found) == 5
    for row, said in ((3, "has no 'b9'"), (4, "'s8'"), (4, "is -1"), (6, "1.15"), (7, "'s9'")):
        assert any(f"questions.yaml:{row}:" in text and said in text for text in found), said


def test_a_circle_is_told_once(line: Line) -> None:
    """From wherever it is entered it is the same circle; so is a name that stands twice."""
    found = told("scenarios: {a: {extends: b}, b: {extends: [c, x]}, c: {extends: a}}", line)
    assert [text for text in found if "circle: a -> b -> c -> a" in text] == found[:1]
    assert len(found) == 2
    assert len(told("scenarios: {a: {changes: {x: 1}}, a: {changes: {x: 1}}}", line)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("{plus: 5%}", "write times: 1.05"),
        ("{plus: 0.15}", "write times: 1.15"),
        ("{times: 115%}", "write 1.15"),
        ("'1,5'", "write 1.5"),
        ("yes", "True is no number"),
    ],
)
def test_shares_commas_and_yes_are_no_numbers_of_places(change: str, said: str, line: Line) -> None:
    """What planners write for a number is told with what to write."""
    (found,) = told(f"scenarios: {{a: {{changes: {{buffers.b1.capacity: {change}}}}}}}", line)
    assert said in found


def test_other_encodings_are_told(tmp_path: Path) -> None:
    """A file that some editor saved in an encoding of its own is refused with the remedy."""
    file = tmp_path / "thai.yaml"
    file.write_bytes("scenarios: {เร็ว: {}}".encode("cp874"))
    with pytest.raises(ScenarioError, match="save it anew with the encoding UTF-8"):
        load_scenarios(file)
