"""Scenario files: YAML in, YAML out, with every finding told by file and line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from scenarios.whatif.scenario import BASE, Scenario, ScenarioError, misfits, resolve
from twin.errors import Finding
from twin.line import Line

Rows = dict[tuple[str, ...], int]
Kept = dict[str, list[int]]
"""Places of the sound items of a list among all of them."""
MAX_BYTES = 5_000_000
"""Larger files are refused, bytes."""
MAX_SCENARIOS = 1000
"""More scenarios in one file are refused."""


def load_scenarios(path: str | Path, line: Line | None = None) -> tuple[Scenario, ...]:
    """Read scenarios from a YAML file, or from an Excel workbook that was filled in.

    A YAML file has one key, ``scenarios``: a mapping of names to ``description``, ``extends``,
    ``changes`` and ``faults``, see ``Scenario``.

    Parameters
    ----------
    path : str or Path
        The file.
    line : Line, optional
        Line that they must fit; every scenario is tried on it.

    Returns
    -------
    tuple of Scenario
        In the order of the file, parents written out.

    Raises
    ------
    ScenarioError
        If the file cannot be read or used; all findings at once, each with file and line.
    """
    found = Path(path)
    if found.suffix.lower() == ".xlsx":
        from scenarios.whatif.workbook import read_scenarios  # noqa: PLC0415 - heavy

        return read_scenarios(found, line)
    title = f"the scenario file {found}"
    try:
        if found.stat().st_size > MAX_BYTES:
            finding = Finding("", f"larger than {MAX_BYTES} bytes", file=str(found))
            raise ScenarioError(title, [finding])
        text = found.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        remedy = "save it anew with the encoding UTF-8"
        finding = Finding("", "is no text in UTF-8", "YAML, or .xlsx", remedy, str(found))
        raise ScenarioError(title, [finding]) from error
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        finding = Finding("", message, remedy="check the path", file=str(found))
        raise ScenarioError(title, [finding]) from error
    return scenarios_from_text(text, line, str(found))


def scenarios_from_text(
    text: str, line: Line | None = None, file: str = ""
) -> tuple[Scenario, ...]:
    """Read scenarios from YAML text; see ``load_scenarios``. ``file`` is named in findings.

    Raises
    ------
    ScenarioError
        With all findings, each with its row.
    """
    title = f"the scenario file {file}" if file else "the scenarios"
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = f"no YAML: {getattr(error, 'problem', None) or error}"
        row = mark.line + 1 if mark else 0
        finding = Finding("", message, remedy="mend the text", file=file, line=row)
        raise ScenarioError(title, [finding]) from error
    rows: Rows = {}
    findings: list[Finding] = []
    if node is not None:
        _note(node, (), rows, findings)
    read = _Read() if findings else _read(document, findings)
    findings += [found for found in _fitting(read, line) if found not in findings]
    if findings:
        raise ScenarioError(title, [_located(found, file, rows) for found in findings])
    return resolve(read.whole)


def save_scenarios(scenarios: Sequence[Scenario], path: str | Path) -> None:
    """Write scenarios as YAML; ``load_scenarios`` gives the same ones back, parents written out.

    Parameters
    ----------
    scenarios : sequence of Scenario
        What is written, by name.
    path : str or Path
        File; one that is there is replaced.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    body = {
        scenario.name: scenario.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
        for scenario in scenarios
    }
    text = yaml.safe_dump({"scenarios": body}, sort_keys=False, allow_unicode=True, width=100)
    Path(path).write_text(text, encoding="utf-8")


@dataclass(slots=True)
class _Read:
    """What could be read of a file."""

    names: list[str] = field(default_factory=list)
    """Names of all scenarios."""
    whole: list[Scenario] = field(default_factory=list)
    pieces: list[tuple[Scenario, Kept]] = field(default_factory=list)
    """What is sound of the others, so that it too is tried on the line."""


def _read(document: object, findings: list[Finding]) -> _Read:
    given = document.get("scenarios") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(given, dict):
        expected = "one key, scenarios: a mapping of names to changes and faults"
        findings.append(Finding("scenarios", "no mapping of names to scenarios", expected))
        return _Read()
    findings += [
        Finding(str(key), f"unknown key {key!r}", "scenarios")
        for key in document
        if key != "scenarios"
    ]
    if len(given) > MAX_SCENARIOS:
        findings.append(Finding("scenarios", f"more than {MAX_SCENARIOS} scenarios"))
        return _Read()
    read = _Read([str(name) for name in given])
    for name, body in given.items():
        at = f"scenarios.{name}"
        if body is not None and not isinstance(body, dict):
            findings.append(Finding(at, "no mapping", "keys such as changes and faults"))
            continue
        if body and "name" in body:
            message = "the name stands before the colon"
            findings.append(Finding(f"{at}.name", message, remedy="remove it"))
            continue
        try:
            read.whole.append(Scenario(**{"name": str(name), **(body or {})}))
        except ScenarioError as error:
            findings += [replace(found, path=f"{at}.{found.path}") for found in error.findings]
            read.pieces += _sound(str(name), body or {}, [one.path for one in error.findings])
    return read


def _sound(name: str, body: dict[str, Any], wrong: list[str]) -> list[tuple[Scenario, Kept]]:
    """Return what is left of a scenario without what is wrong; nothing where that stands alone."""
    if any(path.split(".")[0] == "extends" for path in wrong):
        return []  # what its parents bring is not known
    left: dict[str, Any] = {}
    kept: Kept = {}
    for key in Scenario.model_fields.keys() & body.keys() - {path for path in wrong if path}:
        value = body[key]
        if isinstance(value, dict):
            value = {k: v for k, v in value.items() if f"{key}.{k}" not in wrong}
        elif isinstance(value, list) and key != "extends":
            bad = {path.split(".")[1] for path in wrong if path.startswith(f"{key}.")}
            kept[key] = [k for k in range(len(value)) if str(k) not in bad]
            value = [value[k] for k in kept[key]]
        left[key] = value
    try:
        scenario = Scenario(**{**left, "name": "sound"})
    except ScenarioError:
        return []
    return [(scenario.model_copy(update={"name": name}), kept)]


def _fitting(read: _Read, line: Line | None) -> list[Finding]:
    """Return what is wrong between the scenarios, and between each of them and the line."""
    findings = [
        Finding(f"scenarios.{BASE}", "base is the line as it is", remedy="give it another name")
        for scenario in read.whole
        if scenario.name == BASE and not scenario.bare
    ]
    by_name = {scenario.name: scenario for scenario in read.whole}
    by_name.setdefault(BASE, Scenario(name=BASE))
    tried: list[tuple[Scenario, Kept]] = [(scenario, {}) for scenario in read.whole]
    for scenario, kept in [*tried, *read.pieces]:
        if any(parent in read.names and parent not in by_name for parent in scenario.extends):
            continue  # the parent could not be read, which is told already
        wrong = [_as_written(found, kept) for found in misfits(scenario, by_name, line)]
        findings += [found for found in wrong if found not in findings]
    return findings


def _as_written(finding: Finding, kept: Kept) -> Finding:
    """Return a finding with the place of its event or fault among all that were written."""

    def counted(found: re.Match[str]) -> str:
        places = kept.get(found[2])
        return f"{found[1]}{places[int(found[3])] if places else found[3]}"

    path = re.sub(r"^(scenarios\.[^.]+\.(events|faults)\.)(\d+)", counted, finding.path)
    return replace(finding, path=path)


def _located(finding: Finding, file: str, rows: Rows) -> Finding:
    """Return a finding with the line of the deepest key it leads to; keys may hold dots."""
    if finding.line:
        return replace(finding, file=file)
    best = max(
        (keys for keys in rows if finding.path == ".".join(keys) or _under(finding.path, keys)),
        key=lambda keys: len(".".join(keys)),
        default=(),
    )
    return replace(finding, file=file, line=rows.get(best, 1))


def _under(path: str, keys: tuple[str, ...]) -> bool:
    return not keys or path.startswith(".".join(keys) + ".")


def _note(node: yaml.Node, path: tuple[str, ...], rows: Rows, findings: list[Finding]) -> None:
    """Note the line of every key, and keys that stand twice: YAML would keep only the last."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            row = key.start_mark.line + 1
            if inner in rows:
                message = f"{key.value!r} stands here and in line {rows[inner]}"
                findings.append(Finding(".".join(inner), message, remedy="rename one", line=row))
                continue
            rows[inner] = row
            _note(value, inner, rows, findings)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            rows[(*path, str(position))] = value.start_mark.line + 1
            _note(value, (*path, str(position)), rows, findings)
