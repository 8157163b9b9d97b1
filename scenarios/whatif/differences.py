"""What is different between two lines, told so that a person sees it at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scenarios.whatif.events import AnyEvent
from twin.engine.options import Fault
from twin.line import Line

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is different."""

    path: str
    """Dotted path; items of a list are named by their id."""
    before: str
    """Value in the first line; ``-`` where there is none."""
    after: str
    """Value in the second line; ``-`` where there is none."""


def differences(before: Line, after: Line) -> list[Difference]:
    """Return what is different between two lines, in the order of the first one's document."""
    if before is after:
        return []
    return list(_compared("", before.model_dump(mode="json"), after.model_dump(mode="json")))


def numbers_changed(before: Line, after: Line) -> dict[str, tuple[float | None, float | None]]:
    """Return the paths of what is different, with the numbers there; None where there is none."""
    found: dict[str, tuple[float | None, float | None]] = {}

    def number(value: Any) -> float | None:
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if plain else None

    def walk(path: str, left: Any, right: Any) -> None:
        if left == right:
            return
        mine, other = _parts(left), _parts(right)
        if mine is None or other is None:
            found[path] = number(left), number(right)
            return
        for key in dict.fromkeys((*mine, *other)):
            walk(f"{path}.{key}" if path else key, mine.get(key), other.get(key))

    walk("", before.model_dump(mode="json"), after.model_dump(mode="json"))
    return found


def fault_difference(fault: Fault) -> Difference:
    """Return a fault as a difference: nothing happened before, this does now."""
    what = f"{fault.kind} after {duration_text(fault.after_s)}"
    what += f" for {duration_text(fault.duration_s)}"
    if fault.kind == "slowdown":
        what += f", times {fault.factor:g}"
    return Difference(f"stations.{fault.station}", NOTHING, what)


def event_difference(event: AnyEvent) -> Difference:
    """Return an event as a difference, in the words of its fields."""
    fields = event.model_dump(mode="json", exclude_none=True, exclude={"kind"})
    shown = ", ".join(
        f"{name.removesuffix('_s').replace('_', ' ')} {value_text(name, value)}"
        for name, value in fields.items()
    )
    return Difference(f"events.{event.kind}", NOTHING, shown)


def duration_text(time_s: float) -> str:
    """Return a duration as people write it.

    Examples
    --------
    >>> duration_text(14400.0), duration_text(5400.0), duration_text(11.5)
    ('4 h', '1 h 30 min', '11.5 s')
    """
    if abs(time_s) < 60:  # noqa: PLR2004 - a minute
        return f"{time_s:.6g} s"
    sign, rest = ("-" if time_s < 0 else ""), abs(time_s)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    pieces = [
        f"{amount:.6g} {unit}"
        for amount, unit in ((hours, "h"), (minutes, "min"), (seconds, "s"))
        if amount > 1e-9  # noqa: PLR2004 - what a division left over
    ]
    return sign + " ".join(pieces)


def _compared(path: str, before: Any, after: Any) -> list[Difference]:
    if before == after:
        return []
    left, right = _parts(before), _parts(after)
    if left is None or right is None:
        return [Difference(path, value_text(path, before), value_text(path, after))]
    rows = []
    for key in [*left, *(key for key in right if key not in left)]:
        inner = f"{path}.{key}" if path else key
        if key not in left:
            rows.append(Difference(inner, NOTHING, value_text(inner, right[key])))
        elif key not in right:
            rows.append(Difference(inner, value_text(inner, left[key]), NOTHING))
        else:
            rows += _compared(inner, left[key], right[key])
    return rows


def _parts(value: Any) -> dict[str, Any] | None:
    """Return what a value consists of, by name; None for what is told as a whole."""
    if isinstance(value, dict):
        return None if "kind" in value and "id" not in value else value
    if isinstance(value, list) and all(isinstance(item, dict) and "id" in item for item in value):
        return {item["id"]: item for item in value}
    return None


def value_text(path: str, value: Any) -> str:
    """Return a value of a line document for people; ``path`` tells whether it is a time."""
    key = path.rsplit(".", 1)[-1]
    if isinstance(value, dict):
        return _mapping_text(value)
    if isinstance(value, list):
        return ", ".join(value_text(key, item) for item in value[:6]) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, int | float):
        return duration_text(value) if key.endswith("_s") else f"{value:.6g}"
    return str(value)


def _mapping_text(value: dict[str, Any]) -> str:
    if "kind" in value and "id" not in value:
        return _distribution_text(value)
    shown = [
        f"{name} {value_text(name, item)}"
        for name, item in value.items()
        if name != "id" and item not in (None, "", [], {})
    ]
    return ", ".join(shown) or "added"


def _distribution_text(value: dict[str, Any]) -> str:
    kind = value["kind"]
    if kind == "constant":
        return duration_text(value["value_s"])
    shown = []
    for name, item in value.items():
        if name == "kind":
            continue
        if isinstance(item, list):
            shown.append(f"{len(item)} values")
        else:
            shown.append(f"{name.removesuffix('_s')} {value_text(name, item)}")
    return f"{kind} ({', '.join(shown)})"
