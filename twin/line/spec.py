"""What every part of a line description has in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from twin.errors import Finding

ID_PATTERN = r"^[A-Za-z][A-Za-z0-9_\-]*$"
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN, min_length=1, max_length=64)]
"""A name inside a line: a letter, then letters, digits, ``_`` or ``-``."""

CLOCK_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$"
ANY_SCRIPT_PATTERN = r"^[\p{L}\p{N}][\p{L}\p{M}\p{N}_\-]*$"

LONGEST_SHOWN = 60
"""Letters of a wrong value that are shown."""
PATTERNS = {
    ID_PATTERN: ("is no name", "a letter, then letters, digits, _ or -"),
    ANY_SCRIPT_PATTERN: ("is no name", "letters of any script, digits, _ or -, without blanks"),
    CLOCK_PATTERN: ("is no time of day", "hours and minutes, such as '06:30'"),
}
"""What is said of a text that does not fit a pattern, and what is expected."""
TYPES = {
    "int": "no whole number",
    "float": "no number",
    "bool": "neither true nor false",
    "string": "no text",
    "tuple": "no list",
    "list": "no list",
    "dict": "no mapping of keys to values",
    "model": "no mapping of keys to values",
}
"""What a value of the wrong type is, by the first word of the kind of pydantic's error."""
LIMITS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
"""Name of the limit in pydantic's error, and how it is told."""


class Spec(BaseModel):
    """A frozen piece of a line description; unknown keys and non-finite numbers are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )
    later: ClassVar[frozenset[str]] = frozenset()
    """Fields that came with a later version; left at their defaults they are no part of a hash, so
    a line that was written before keeps the hash it had."""


def without_later(document: dict[str, Any], spec: Spec) -> dict[str, Any]:
    """Return the JSON document of a spec less what came later and is left at its default."""
    kept = dict(document)
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if name in spec.later and value == field.get_default(call_default_factory=True):
            del kept[name]
        elif isinstance(value, Spec):
            kept[name] = without_later(kept[name], value)
        elif isinstance(value, tuple):
            pairs = zip(kept[name], value, strict=True)
            kept[name] = [without_later(d, v) if isinstance(v, Spec) else d for d, v in pairs]
        elif isinstance(value, dict):
            kept[name] = {
                key: without_later(kept[name][key], one)
                if isinstance(one, Spec)
                else kept[name][key]
                for key, one in value.items()
            }
    return kept


def worded(error: Any, prefix: str = "", item: object = None, kind: Any = None) -> Finding:
    """Return one of pydantic's errors as a finding.

    ``prefix`` is the path of what was read; ``item`` the raw input, to name list items by their id;
    ``kind`` the type it was read as, to tell the keys that an unknown one may be meant for.
    """
    keys: list[str] = []
    here: Any = item
    last = len(error["loc"]) - 1
    absent = error["type"] in ("missing", "extra_forbidden")
    for position, key in enumerate(error["loc"]):
        if isinstance(key, int) and isinstance(here, list | tuple) and key < len(here):
            here = here[key]
            keys.append(str(here["id"]) if isinstance(here, dict) and "id" in here else str(key))
        elif isinstance(here, dict) and key in here:
            here = here[key]
            keys.append(str(key))
        elif item is None or (absent and position == last):
            keys.append(str(key))
        # Any other key is a label of pydantic's own, such as the tag of a union.
    path = ".".join(filter(None, [prefix, *keys]))
    if error["type"] == "extra_forbidden":
        *above, key = error["loc"]
        return _unknown(path, str(key), known_keys(kind, above) if kind is not None else ())
    return _told(path, error)


def _unknown(path: str, key: str, known: Sequence[str]) -> Finding:
    """Return the finding about a key that is none, with the one that may be meant."""
    shown = repr(key[:LONGEST_SHOWN])
    if not known:
        return Finding(path, f"unknown key {shown}", remedy="check the spelling, or remove it")
    near = [name for name in known if name.startswith(key) or key.startswith(name)]
    near = near or get_close_matches(key, known, 1)
    remedy = f"write {near[0]!r}, or remove it" if near else "remove it"
    return Finding(path, f"unknown key {shown}", f"one of: {', '.join(known)}", remedy)


def known_keys(kind: Any, loc: Iterable[str | int]) -> tuple[str, ...]:
    """Return the keys that may stand at ``loc``, a place inside ``kind`` as pydantic names it."""
    schema = _schema(kind)
    found = [schema]
    for key in loc:
        below = [step for here in found for step in _below(here, key, schema)]
        found = below or found  # a label of pydantic's own leads nowhere
    options = (option for here in found for option in _flat(here, schema))
    return tuple(dict.fromkeys(name for option in options for name in option.get("properties", ())))


@lru_cache(maxsize=64)
def _schema(kind: Any) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema(mode="validation")


def _flat(node: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a node of a JSON Schema may be, references and alternatives followed."""
    if "$ref" in node:
        name = str(node["$ref"]).rpartition("/")[2]
        yield from _flat(schema["$defs"][name], schema)
        return
    yield node
    for option in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from _flat(option, schema)


def _below(
    node: dict[str, Any], key: str | int, schema: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a JSON Schema to which a key leads."""
    for option in _flat(node, schema):
        if key == option.get("properties", {}).get("kind", {}).get("const"):
            yield option  # the tag of a union stands between its place and its keys
        elif isinstance(key, int) and isinstance(option.get("items"), dict):
            yield option["items"]
        elif key in option.get("properties", {}):
            yield option["properties"][key]
        elif isinstance(option.get("additionalProperties"), dict):
            yield option["additionalProperties"]


def _told(path: str, error: Any) -> Finding:
    kind, context = error["type"], error.get("ctx", {})
    key = path.rsplit(".", 1)[-1]
    if kind == "missing":
        return Finding(path, "is missing", remedy=f"add {key or 'it'}")
    if kind == "union_tag_invalid":
        return Finding(
            path, f"unknown kind {context['tag']!r}", f"one of: {context['expected_tags']}"
        )
    if kind == "finite_number":
        return Finding(path, f"{error['input']!r} is not finite", "a finite number")
    if kind in ("too_short", "too_long"):
        limit = context.get("min_length", context.get("max_length"))
        bound = "at least" if kind == "too_short" else "at most"
        return Finding(path, f"holds {context.get('actual_length')}", f"{bound} {limit}")
    if kind == "union_tag_not_found":
        return Finding(path, "has no kind", remedy="add kind")
    return _misfit(path, error) or _as_it_came(path, error)


def _misfit(path: str, error: Any) -> Finding | None:
    """Return the finding about a value out of its limits, of another shape or of another type."""
    kind, context, given = error["type"], error.get("ctx", {}), _shown(error["input"])
    if kind in LIMITS:
        name, bound = LIMITS[kind]
        return Finding(path, f"is {given}", f"{bound} {context[name]}")
    if kind == "string_pattern_mismatch" and context.get("pattern") in PATTERNS:
        message, expected = PATTERNS[context["pattern"]]
        return Finding(path, f"{given} {message}", expected)
    if kind == "timezone_aware":
        expected, remedy = (
            "a moment such as 2030-01-07T16:00:00+07:00",
            "add Z, or an offset such as +07:00",
        )
        return Finding(path, f"{_shown(str(error['input']))} has no time zone", expected, remedy)
    first, _, rest = kind.partition("_")
    if first in TYPES and rest in {"type", "parsing", "from_float", "attributes_type"}:
        remedy = "put it in quotes" if first == "string" else meant_number(error["input"])
        return Finding(path, f"{given} is {TYPES[first]}", remedy=remedy)
    return None


def meant_number(given: object) -> str:
    """Return how to write a number that a person wrote as 115 % or 1,15; empty for other things."""
    text = given.strip() if isinstance(given, str) else ""
    try:
        number = float(text.removesuffix("%").replace(",", "."))
    except ValueError:
        return ""
    return f"write {number / 100:g}" if text.endswith("%") else f"write {number:g}"


def _as_it_came(path: str, error: Any) -> Finding:
    message = str(error["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    given = None if error["type"] == "secret" else error.get("input")
    if isinstance(given, str | int | float) and repr(given) not in message:
        message += f" (found {_shown(given)})"
    return Finding(path, message)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
