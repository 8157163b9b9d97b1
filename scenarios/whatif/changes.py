"""Changes to a line document: a dotted path, and what becomes of the value it leads to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from twin.errors import Finding
from twin.line import AnyDistribution, Distribution, scaled
from twin.line.spec import meant_number

EVERY = "*"
"""Step of a path that stands for every item or key at its place."""

_DISTRIBUTION: TypeAdapter[AnyDistribution] = TypeAdapter(Distribution)
_SHIFTED = {
    "constant": ("value_s",),
    "uniform": ("low_s", "high_s"),
    "triangular": ("low_s", "mode_s", "high_s"),
    "normal": ("mean_s",),
    "discrete": ("values_s",),
    "empirical": ("sample_s",),
}
"""Distributions that can be moved by a time, and the parameters that move with it."""


class ChangeError(ValueError):
    """A change that cannot be made; carries the finding, whose path is the change's own path."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(str(finding))


def apply_changes(document: dict[str, Any], changes: Mapping[str, Any]) -> list[Finding]:
    """Make changes in a line document, in the order in which they are written.

    Parameters
    ----------
    document : dict
        Line as plain data; changed in place.
    changes : mapping of str to object
        Dotted path to a new value, ``{"times": factor}``, ``{"plus": number}`` or
        ``{"remove": True}``.

    Returns
    -------
    list of Finding
        Changes that could not be made, each with its path; the others were made.
    """
    findings = []
    for path, change in changes.items():
        try:
            for keys in list(_targets(document, path)):
                _make(document, keys, change, path)
        except ChangeError as error:
            findings.append(error.finding)
    return findings


def relative(change: object) -> str | None:
    """Return ``"times"``, ``"plus"`` or ``"remove"`` for such a change; None for a plain value."""
    if isinstance(change, Mapping) and len(change) == 1:
        key = next(iter(change))
        if key in ("times", "plus", "remove"):
            return str(key)
    return None


def _targets(document: Any, path: str) -> Iterator[list[Any]]:
    """Yield the places a path leads to, as lists of keys; ``*`` stands for all at its place."""
    keys = path.split(".")
    if not all(keys):
        raise ChangeError(Finding(path, "the path has an empty step", "names joined by dots"))
    yield from _walk(document, keys, [], path)


def _walk(here: Any, keys: list[str], done: list[Any], path: str) -> Iterator[list[Any]]:
    if not keys:
        yield done
        return
    key, rest = keys[0], keys[1:]
    if key == EVERY:
        steps = list(range(len(here))) if isinstance(here, list) else list(_keys(here, path, done))
        if not steps:
            raise ChangeError(Finding(path, f"nothing stands in {_named(path, done)}"))
        for step in steps:
            yield from _walk(here[step], rest, [*done, step], path)
        return
    step, missing = _step(here, key, done, path)
    if missing:
        if rest:
            known = ", ".join(str(name) for name in _names(here)[:12]) or "none"
            message = f"{_named(path, done)} has no {key!r}"
            raise ChangeError(Finding(path, message, f"one of: {known}"))
        yield [*done, step]
        return
    yield from _walk(here[step], rest, [*done, step], path)


def _keys(here: Any, path: str, done: list[Any]) -> list[str]:
    if not isinstance(here, dict):
        raise ChangeError(Finding(path, f"{_named(path, done)} is a single value and has no parts"))
    return list(here)


def _step(here: Any, key: str, done: list[Any], path: str) -> tuple[Any, bool]:
    """Return the key or index of the next step, and whether nothing is there yet."""
    if isinstance(here, list):
        ids = _names(here)
        return (ids.index(key), False) if key in ids else (key, True)
    if isinstance(here, dict):
        return key, key not in here
    what = "is not set" if here is None else f"is the single value {here!r}"
    raise ChangeError(
        Finding(
            path, f"{_named(path, done)} {what}, so it has no {key!r}", remedy="set it as a whole"
        )
    )


def _names(here: Any) -> list[Any]:
    if isinstance(here, list):
        return [item.get("id") if isinstance(item, dict) else None for item in here]
    return list(here) if isinstance(here, dict) else []


def _named(path: str, done: list[Any]) -> str:
    """Return how far along its path a walk has come, in the path's own words."""
    return ".".join(path.split(".")[: len(done)]) or "the line"


def _make(document: dict[str, Any], keys: list[Any], change: Any, path: str) -> None:
    here: Any = document
    for key in keys[:-1]:
        here = here[key]
    last = keys[-1]
    fresh = not isinstance(last, int) and (isinstance(here, list) or last not in here)
    kind = relative(change)
    if kind is not None and fresh:
        known = ", ".join(str(name) for name in _names(here)[:12]) or "none"
        message = f"nothing is there that could be changed by {kind}"
        raise ChangeError(Finding(path, message, f"one of: {known}"))
    if kind == "remove":
        _remove(here, last, change, path)
    elif kind is not None:
        here[last] = _changed(here[last], kind, change[kind], path)
    elif isinstance(here, list):
        _put(here, last, change, path)
    elif not fresh and isinstance(change, Mapping) and isinstance(here[last], int | float | str):
        message = f"{dict(change)!r} is neither a value nor a change"
        raise ChangeError(Finding(path, message, "a value, or one of times, plus, remove: true"))
    elif not fresh and isinstance(change, bool) and _is_number(here[last]):
        raise ChangeError(Finding(path, f"{change} is no number", f"a number such as {here[last]}"))
    else:
        here[last] = change


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _remove(here: Any, last: Any, change: Any, path: str) -> None:
    if change["remove"] is not True:
        raise ChangeError(Finding(path, f"remove: {change['remove']!r}", "remove: true"))
    if isinstance(here, list):
        here[last] = None
        here[:] = [item for item in here if item is not None]
    else:
        del here[last]


def _put(here: list[Any], last: Any, change: Any, path: str) -> None:
    """Replace an item of a list, or add one with a new id."""
    if not isinstance(change, Mapping):
        raise ChangeError(
            Finding(path, f"{change!r} is no item of this list", "a mapping of its keys to values")
        )
    if isinstance(last, int):
        old = here[last]
        name = {"id": old["id"]} if isinstance(old, dict) and "id" in old else {}
        here[last] = {**name, **change}
    else:
        here.append({"id": last, **change})


def _changed(old: Any, kind: str, amount: Any, path: str) -> Any:
    if not _is_number(amount) or not math.isfinite(amount):
        remedy = meant_number(amount)
        if remedy and kind == "plus" and "%" in str(amount):
            remedy = f"write times: {1 + float(remedy.split()[1]):g}"
        raise ChangeError(Finding(path, f"{kind}: {amount!r}", "a finite number", remedy))
    if isinstance(old, dict) and "kind" in old:
        return _changed_distribution(old, kind, float(amount), path)
    if old is None:
        message = "is not set, so it cannot be changed by a share or an amount"
        raise ChangeError(Finding(path, message, remedy="set a value instead"))
    if not _is_number(old):
        raise ChangeError(
            Finding(path, f"{type(old).__name__} can neither be scaled nor added to", "a number")
        )
    if kind == "plus" and isinstance(old, int) and amount != int(amount):
        message = f"{amount:g} more of what is counted in whole pieces"
        remedy = f"for a share write times: {1 + amount:g}" if abs(amount) < 1 else ""
        raise ChangeError(Finding(path, message, "a whole number", remedy))
    new = old * amount if kind == "times" else old + amount
    # Pieces come whole: 15 % more of 30 parts are 35 parts (34.5, rounded half up).
    return math.floor(new + 0.5) if isinstance(old, int) else new


def _changed_distribution(
    old: dict[str, Any], kind: str, amount: float, path: str
) -> dict[str, Any]:
    if kind == "plus" and old["kind"] not in _SHIFTED:
        message = f"a time of kind {old['kind']} cannot be moved by an amount"
        raise ChangeError(Finding(path, message, remedy="use times, or set another time"))
    try:
        if kind == "times":
            changed = scaled(_DISTRIBUTION.validate_python(old), amount)
        else:
            changed = _DISTRIBUTION.validate_python(old | _shifted(old, amount))
    except ValidationError as error:
        told = "; ".join(str(item["msg"]) for item in error.errors())
        message = f"{kind} {amount:g} gives no possible time: {told}"
        raise ChangeError(Finding(path, message)) from error
    except ValueError as error:
        raise ChangeError(Finding(path, str(error))) from error
    return changed.model_dump(mode="json")


def _shifted(old: dict[str, Any], amount: float) -> dict[str, Any]:
    return {
        name: [value + amount for value in old[name]]
        if isinstance(old[name], list)
        else old[name] + amount
        for name in _SHIFTED[old["kind"]]
    }
