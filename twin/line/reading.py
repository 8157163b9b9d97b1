"""YAML text as plain data, with the line on which each value stands.

The reader is stricter than YAML 1.1 where YAML 1.1 surprises people: ``no`` and ``on`` are words,
``22:00`` is a clock time and not 1320, a key that is written twice is an error, and anchors may not
make a document endless.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from twin.errors import Finding

Lines = dict[tuple[str, ...], int]
MAX_DEPTH = 60
MAX_VALUES = 500_000
"""Values in one document once its anchors are followed."""

_BOOL, _INT, _FLOAT = (f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float"))
_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without sexagesimal numbers and without yes, no, on and off."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] not in (_BOOL, _INT, _FLOAT)]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern, _first in (
    (_BOOL, r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (_INT, r"[-+]?(?:0|[1-9][0-9_]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        _FLOAT,
        (
            r"[-+]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
        ),
        "-+0123456789.",
    ),
):
    _Loader.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})$"), list(_first))


def _moment(loader: _Loader, node: yaml.ScalarNode) -> object:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError as error:  # such as the 31st of February
        raise ConstructorError(None, None, f"{node.value}: {error}", node.start_mark) from error


def _whole(loader: _Loader, node: yaml.ScalarNode) -> object:
    try:
        return loader.construct_yaml_int(node)
    except ValueError as error:  # thousands of digits, which Python refuses
        message = f"{node.value[:20]}... has more digits than a number may have"
        raise ConstructorError(None, None, message, node.start_mark) from error


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _moment)
_Loader.add_constructor(_INT, _whole)


def read_yaml(text: str) -> tuple[Any, Lines, list[Finding]]:
    """Return the data of a YAML text, the line of each value, and what is wrong with the text.

    Items of a list are named by their ``id``, as findings name them.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, {}, []
        walk = _Walk()
        walk.over(node, (), ())
        if walk.findings:
            return None, walk.rows, walk.findings
        return loader.construct_document(node), walk.rows, []
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = f"no YAML: {getattr(error, 'problem', None) or str(error).splitlines()[0]}"
        row = mark.line + 1 if mark else 0
        return None, {}, [Finding("", message, remedy="mend the text", line=row)]
    except RecursionError:
        return None, {}, [Finding("", "nested too deep", f"at most {MAX_DEPTH} levels")]


class _Walk:
    """Notes the line of every value and what no document may hold."""

    def __init__(self) -> None:
        self.rows: Lines = {}
        self.findings: list[Finding] = []
        self._values = 0
        self._ended = False

    def over(self, node: yaml.Node, path: tuple[str, ...], above: tuple[int, ...]) -> None:
        if self._ended:
            return
        row = node.start_mark.line + 1
        self.rows.setdefault(path, row)
        self._values += 1
        if id(node) in above:
            self._find(path, "an anchor stands inside itself", row)
        elif len(above) >= MAX_DEPTH:
            self._find(path, f"nested deeper than {MAX_DEPTH} levels", row)
        elif self._values > MAX_VALUES:
            self._find((), f"more than {MAX_VALUES} values once anchors are followed", row)
        else:
            self._inside(node, path, (*above, id(node)))
            return
        self._ended = True

    def _inside(self, node: yaml.Node, path: tuple[str, ...], above: tuple[int, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, path, above)
        elif isinstance(node, yaml.SequenceNode):
            for position, value in enumerate(node.value):
                self.over(value, (*path, _name_of(value, position)), above)

    def _mapping(
        self, node: yaml.MappingNode, path: tuple[str, ...], above: tuple[int, ...]
    ) -> None:
        seen: dict[str, int] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # told when the document is constructed
            if key.tag == _MERGE:
                merged.append(value)
                continue
            row = key.start_mark.line + 1
            if key.value in seen:
                message = f"key {key.value!r} stands already in line {seen[key.value]}"
                self._find((*path, key.value), message, row)
            seen[key.value] = row
            self.rows[*path, key.value] = row
            self.over(value, (*path, key.value), above)
        # What is merged in is overruled by what is written out, so it comes last and only adds.
        for value in merged:
            self.over(value, path, above)

    def _find(self, path: tuple[str, ...], message: str, row: int) -> None:
        self.findings.append(Finding(".".join(path), message, remedy="mend the text", line=row))


def _name_of(node: yaml.Node, position: int) -> str:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "id":
                return str(value.value)
    return str(position)
