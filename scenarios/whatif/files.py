"""Scenario files: YAML in, YAML out, with every finding told by file and line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from scenarios.whatif.scenario import BASE, Scenario, ScenarioError, resolve, resolved_among
from twin.errors import Finding
from twin.line import Line

Rows = dict[tuple[str, ...], int]
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
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        finding = Finding("", f"cannot be read: {reason}", remedy="check the path", file=str(found))
        raise ScenarioError(title, [finding]) from error
    return scenarios_from_text(text, line, str(found))


def scenarios_from_text(
    text: str, line: Line | None = None, file: str = ""
) -> tuple[Scenario, ...]:
    """Read scenarios from YAML text; see ``load_scenarios``. ``file`` is named in findings."""
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
    scenarios, names = ([], []) if findings else _read(document, findings)
    findings += _fitting(scenarios, names, line)
    if findings:
        raise ScenarioError(title, [_located(found, file, rows) for found in findings])
    return resolve(scenarios)


def save_scenarios(scenarios: Sequence[Scenario], path: str | Path) -> None:
    """Write scenarios as YAML; ``load_scenarios`` gives the same ones back, parents written out."""
    body = {
        scenario.name: scenario.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
        for scenario in scenarios
    }
    text = yaml.safe_dump({"scenarios": body}, sort_keys=False, allow_unicode=True, width=100)
    Path(path).write_text(text, encoding="utf-8")


def _read(document: object, findings: list[Finding]) -> tuple[list[Scenario], list[str]]:
    """Return the scenarios that can be read, and the names of all of them."""
    given = document.get("scenarios") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(given, dict):
        expected = "one key, scenarios: a mapping of names to changes and faults"
        findings.append(Finding("scenarios", "no mapping of names to scenarios", expected))
        return [], []
    findings += [
        Finding(str(key), f"unknown key {key!r}", "scenarios")
        for key in document
        if key != "scenarios"
    ]
    if len(given) > MAX_SCENARIOS:
        findings.append(Finding("scenarios", f"more than {MAX_SCENARIOS} scenarios"))
        return [], []
    read = []
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
            read.append(Scenario(**{"name": str(name), **(body or {})}))
        except ScenarioError as error:
            findings += [replace(found, path=f"{at}.{found.path}") for found in error.findings]
    return read, [str(name) for name in given]


def _fitting(scenarios: list[Scenario], names: list[str], line: Line | None) -> list[Finding]:
    """Return what is wrong between the scenarios, and between each of them and the line."""
    findings = [
        Finding(f"scenarios.{BASE}", "base is the line as it is", remedy="give it another name")
        for scenario in scenarios
        if scenario.name == BASE and not scenario.bare
    ]
    by_name = {scenario.name: scenario for scenario in scenarios}
    by_name.setdefault(BASE, Scenario(name=BASE))
    for scenario in scenarios:
        if any(parent in names and parent not in by_name for parent in scenario.extends):
            continue  # the parent could not be read, which is told already
        wrong: list[Finding] = []
        resolved = resolved_among(scenario, by_name, wrong)
        if line is not None and not wrong:
            try:
                resolved.apply(line)
            except ScenarioError as error:
                wrong += error.findings
        findings += wrong
    return findings


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
            rows.setdefault(inner, row)
            _note(value, inner, rows, findings)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            rows[(*path, str(position))] = value.start_mark.line + 1
            _note(value, (*path, str(position)), rows, findings)
