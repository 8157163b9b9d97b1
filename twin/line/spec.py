"""What every part of a line description has in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from twin.errors import Finding

Id = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_\-]*$", min_length=1, max_length=64)
]
"""A name inside a line: a letter, then letters, digits, ``_`` or ``-``."""


class Spec(BaseModel):
    """A frozen piece of a line description; unknown keys and non-finite numbers are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


def worded(error: Any, prefix: str = "", item: object = None) -> Finding:
    """Return one of pydantic's errors as a finding.

    ``prefix`` is the path of what was read; ``item`` the raw input, to name list items by their id.
    """
    keys: list[str] = []
    here: Any = item
    for key in error["loc"]:
        if isinstance(key, int) and isinstance(here, list | tuple) and key < len(here):
            here = here[key]
            keys.append(str(here["id"]) if isinstance(here, dict) and "id" in here else str(key))
        elif isinstance(here, dict) and key in here:
            here = here[key]
            keys.append(str(key))
        elif item is None or error["type"] in ("missing", "extra_forbidden"):
            keys.append(str(key))
        # Any other key is a label of pydantic's own, such as the tag of a union.
    path = ".".join(filter(None, [prefix, *keys]))
    return _told(path, error)


def _told(path: str, error: Any) -> Finding:
    kind, context = error["type"], error.get("ctx", {})
    key = path.rsplit(".", 1)[-1]
    if kind == "missing":
        return Finding(path, "is missing", remedy=f"add {key}")
    if kind == "extra_forbidden":
        return Finding(path, f"unknown key {key!r}", remedy="check the spelling, or remove it")
    if kind == "union_tag_invalid":
        return Finding(
            path, f"unknown kind {context['tag']!r}", f"one of: {context['expected_tags']}"
        )
    if kind == "finite_number":
        return Finding(path, f"{error['input']!r} is not finite", "a finite number")
    message = str(error["msg"]).removeprefix("Value error, ")
    given = error.get("input")
    shown = f" (found {given!r})" if isinstance(given, str | int | float) else ""
    return Finding(path, message[:1].lower() + message[1:] + shown)
