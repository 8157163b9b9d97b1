"""A scenario: named changes to a line and things that happen to it, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue, StringConstraints, ValidationError

from scenarios.whatif.changes import apply_changes
from scenarios.whatif.differences import (
    Difference,
    differences,
    event_difference,
    fault_difference,
)
from scenarios.whatif.events import AnyEvent
from twin.engine.options import Fault, SimulationOptions
from twin.errors import Finding, InvalidInputError, LineError
from twin.line import Line, line_from_document
from twin.line.spec import ANY_SCRIPT_PATTERN, Spec, worded

BASE = "base"
"""Name of the scenario that changes nothing."""

Name = Annotated[
    str,
    StringConstraints(pattern=ANY_SCRIPT_PATTERN, min_length=1, max_length=64),
]
"""A scenario's name: letters of any script, digits, ``_`` or ``-``."""


class ScenarioError(InvalidInputError):
    """Scenarios that cannot be used: an unknown path, an impossible value, a circle of parents."""


def _plain(value: Any) -> Any:
    """Let a part of a line, such as ``Exponential(mean_s=9)``, stand for its data."""
    if isinstance(value, Spec):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _names(value: Any) -> Any:
    """Let one name stand for a list of one, and none for an empty one."""
    return () if value is None else (value,) if isinstance(value, str) else value


class Scenario(Spec):
    """What would be different.

    Precedence, from weak to strong: the line, the parents in the order in which ``extends`` names
    them, own changes in the order in which they are written, events in theirs. A change with a path
    that a parent has too takes the parent's place; a later change sees what an earlier one did.
    Faults and events of parents and own ones all happen.

    Examples
    --------
    >>> from twin.line import Constant, serial_line
    >>> line = serial_line([Constant(value_s=10.0), Constant(value_s=12.0)], buffers=[3])
    >>> more = Scenario(name="more", changes={"buffers.b1.capacity": {"plus": 2}})
    >>> more.apply(line).buffer("b1").capacity
    5
    """

    name: Name
    """Name, unique in an experiment; ``base`` is the line as it is."""
    description: str = ""
    """What it is about, for people."""
    extends: Annotated[tuple[Name, ...], BeforeValidator(_names)] = ()
    """Scenarios whose changes, faults and events are taken over first; one name or several."""
    changes: Annotated[dict[str, JsonValue], BeforeValidator(_plain)] = Field(default_factory=dict)
    """Dotted path to a new value, ``{"times": 1.15}``, ``{"plus": 5}`` or ``{"remove": true}``.
    Items of a list are named by their id, ``*`` stands for all of them; a path that ends in a new
    id adds an item, such as the rush order ``orders.rush``. Times act on a whole distribution;
    integers are rounded to the nearest."""
    faults: tuple[Fault, ...] = ()
    """What breaks down or slows down, after which time of the run and for how long."""
    events: tuple[AnyEvent, ...] = ()
    """What happens, in the planner's words; see ``scenarios.whatif.events``."""

    def __init__(self, **data: Any) -> None:
        """Read and check the scenario; keywords are the fields."""
        try:
            super().__init__(**data)
        except ValidationError as error:
            findings = [worded(item, "", data, Scenario) for item in error.errors()]
            raise ScenarioError(f"the scenario {data.get('name', '')!r}", findings) from error

    @property
    def bare(self) -> bool:
        """Whether it is the line as it is."""
        return not (self.changes or self.faults or self.events or self.extends)

    def apply(self, line: Line, begin_s: float = 0.0) -> Line:
        """Return the line with the changes made.

        Parameters
        ----------
        line : Line
            Line as it is.
        begin_s : float
            Where the runs begin, s since the line's start; events count from there.

        Returns
        -------
        Line
            The same object when nothing changes.

        Raises
        ------
        ScenarioError
            With every change that cannot be made and everything that does not hold together.
        """
        self._must_stand_alone()
        changed, findings = _changed(line, self.changes, self.name)
        sound = not findings
        for position, event in enumerate(self.events):
            at = f"events.{position}"
            wrong = [replace(found, path=f"{at}.{found.path}") for found in event.wrong(changed)]
            # Where changes failed, what they would have added is not there to be found.
            findings += [w for w in wrong if sound or not self._would_add(w.message)]
            if not findings:
                told = event.changes(changed, begin_s)
                changed, wrong = _changed(changed, told, self.name)
                findings += [replace(found, path=f"{at}: {found.path}") for found in wrong]
        findings += self._fault_findings(changed)
        if findings:
            raise ScenarioError(f"the scenario {self.name!r}", [self._told(f) for f in findings])
        return changed

    def options(self, options: SimulationOptions, line: Line | None = None) -> SimulationOptions:
        """Return the options of a run with what this scenario supposes added to what they have.

        Parameters
        ----------
        options : SimulationOptions
            Options without them.
        line : Line, optional
            Line as the scenario changes it; events need it.

        Raises
        ------
        ScenarioError
            If the scenario extends another one; ``resolve`` it first.
        """
        self._must_stand_alone()
        faults = [*options.faults, *self.faults]
        absences, shortages = [*options.absences], [*options.shortages]
        if line is not None:
            for event in self.events:
                faults += event.faults(line, options.horizon_s)
                absences += event.absences(line)
                shortages += event.shortages()
        return options.model_copy(
            update={
                "faults": tuple(faults),
                "absences": tuple(absences),
                "shortages": tuple(shortages),
            }
        )

    def difference(self, line: Line) -> list[Difference]:
        """Return what is different from ``line``, in the order of the line, faults last.

        Raises
        ------
        ScenarioError
            If the scenario does not fit the line.
        """
        changed = self.apply(line)
        return [
            *differences(line, changed),
            *(fault_difference(fault) for fault in self.faults),
            *(event_difference(event) for event in self.events),
        ]

    def _must_stand_alone(self) -> None:
        if self.extends:
            message = f"extends {', '.join(map(repr, self.extends))}, which is not at hand"
            remedy = "resolve the scenarios together first: resolve(scenarios)"
            finding = Finding(f"scenarios.{self.name}.extends", message, remedy=remedy)
            raise ScenarioError(f"the scenario {self.name!r}", [finding])

    def _would_add(self, message: str) -> bool:
        """Tell whether a finding is about something that a change of this scenario adds."""
        added = (path.split(".")[1] for path in self.changes if path.count(".") == 1)
        return any(repr(name) in message for name in added)

    def _fault_findings(self, line: Line) -> list[Finding]:
        known = [station.id for station in line.stations]
        return [
            Finding(
                f"faults.{position}.station",
                f"unknown station {fault.station!r}",
                f"one of: {', '.join(sorted(known))}",
            )
            for position, fault in enumerate(self.faults)
            if fault.station not in known
        ]

    def _told(self, finding: Finding) -> Finding:
        """Return a finding with the path of the change it comes from, where there is one."""
        where = finding.path
        if not where.startswith(("faults.", "events.")):
            cause = self._cause(where)
            note = "" if cause == where else f"{where}: "
            finding = Finding(
                f"changes.{cause}" if cause else where,
                note + finding.message,
                finding.expected,
                finding.remedy,
            )
        return Finding(
            f"scenarios.{self.name}.{finding.path}",
            finding.message,
            finding.expected,
            finding.remedy,
        )

    def _cause(self, where: str) -> str:
        """Return the path of the change that touched ``where``, or an empty text."""
        steps = where.split(".")
        for path in reversed(self.changes):
            mine = path.split(".")
            pairs = zip(mine, steps, strict=False)
            if all(left in (right, "*") for left, right in pairs):
                return path
        return ""


def _changed(line: Line, changes: Mapping[str, Any], name: str) -> tuple[Line, list[Finding]]:
    """Return the changed line, or the same one and what is wrong."""
    if not changes:
        return line, []
    document = line.model_dump(mode="json")
    findings = apply_changes(document, changes)
    try:
        changed = line_from_document(document, f"the line of scenario {name!r}")
    except LineError as error:
        # What a change would have added that could not be made is not there to be found.
        lost = {found.path.split(".")[-1] for found in findings}
        findings += [f for f in error.findings if not any(repr(id_) in f.message for id_ in lost)]
    return (line, findings) if findings else (changed, [])


def resolve(scenarios: Sequence[Scenario]) -> tuple[Scenario, ...]:
    """Return the scenarios with what they take over from their parents written out.

    Parameters
    ----------
    scenarios : sequence of Scenario
        In any order; ``base`` need not be among them to be extended.

    Raises
    ------
    ScenarioError
        If a name is used twice, a parent is missing, or parents go round in a circle.
    """
    findings = [
        Finding(f"scenarios.{name}", f"name used {count} times", remedy="rename one")
        for name, count in _counted(scenario.name for scenario in scenarios).items()
        if count > 1
    ]
    by_name = {scenario.name: scenario for scenario in scenarios}
    by_name.setdefault(BASE, Scenario(name=BASE))
    resolved = [resolved_among(scenario, by_name, findings) for scenario in scenarios]
    if findings:
        raise ScenarioError("the scenarios", list(dict.fromkeys(findings)))
    return tuple(resolved)


def _counted(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


def misfits(
    scenario: Scenario, by_name: Mapping[str, Scenario], line: Line | None
) -> list[Finding]:
    """Return what does not fit between a scenario and its parents, or else the line."""
    wrong: list[Finding] = []
    resolved = resolved_among(scenario, by_name, wrong)
    if line is not None and not wrong:
        try:
            resolved.apply(line)
        except ScenarioError as error:
            wrong += error.findings
    return wrong


def resolved_among(
    scenario: Scenario, by_name: Mapping[str, Scenario], findings: list[Finding]
) -> Scenario:
    """Return one scenario with its parents written out; what is wrong is added to ``findings``."""
    lineage: dict[str, Scenario] = {}
    _gather(scenario, by_name, lineage, (), findings)
    changes: dict[str, Any] = {}
    faults: list[Fault] = []
    events: list[AnyEvent] = []
    for found in lineage.values():
        for key, value in found.changes.items():
            changes.pop(key, None)  # the child's change takes the parent's place, at the end
            changes[key] = value
        faults += found.faults
        events += found.events
    return scenario.model_copy(
        update={
            "extends": (), "changes": changes, "faults": tuple(faults), "events": tuple(events)
        }
    )  # fmt: skip


def _gather(
    scenario: Scenario,
    by_name: Mapping[str, Scenario],
    lineage: dict[str, Scenario],
    below: tuple[str, ...],
    findings: list[Finding],
) -> None:
    """Put a scenario's parents and then itself into ``lineage``, each once, weakest first."""
    path = f"scenarios.{scenario.name}.extends"
    below = (*below, scenario.name)
    for parent in scenario.extends:
        if parent not in by_name:
            known = ", ".join(sorted(by_name))
            findings.append(Finding(path, f"unknown scenario {parent!r}", f"one of: {known}"))
        elif parent in below:
            findings.append(_circle(below[below.index(parent) :]))
        elif parent not in lineage:
            _gather(by_name[parent], by_name, lineage, below, findings)
    lineage[scenario.name] = scenario


def _circle(names: Sequence[str]) -> Finding:
    """Return the finding about a circle of parents, the same from wherever it was entered."""
    first = names.index(min(names))
    chain = [*names[first:], *names[:first], names[first]]
    message = f"scenarios extend each other in a circle: {' -> '.join(chain)}"
    return Finding(f"scenarios.{chain[-2]}.extends", message, remedy="take one of them out")
