"""Files that hold several problems, one behind the other: which, and one of them."""

from __future__ import annotations

import re

from scenarios.schedule.checks import ProblemError
from twin.errors import Finding

_NAMED = re.compile(r"[ \t]*instance[ \t]+(\S+)[ \t]*$", re.IGNORECASE | re.MULTILINE)
"""Begins a problem in the collections of the OR-Library."""
_COUNTED = re.compile(r"[ \t]*(?:nb|number) of jobs\b.*$", re.IGNORECASE | re.MULTILINE)
"""Begins a problem in Taillard's collections."""
_SHOWN = 100


def sections(text: str) -> dict[str, str]:
    """Return the problems of a text by name, or by number where they have none.

    Each keeps its place by blank lines before it, so that findings name the line of the file. A
    text with one problem is one section without a name.
    """
    for pattern in (_NAMED, _COUNTED):
        found = list(pattern.finditer(text))
        if found and (len(found) > 1 or pattern is _NAMED):
            ends = [*(match.start() for match in found[1:]), len(text)]
            numbered = enumerate(zip(found, ends, strict=True), start=1)
            return {
                match.group(1) if pattern is _NAMED else str(number): "\n"
                * text.count("\n", 0, match.start())
                + text[match.start() : end]
                for number, (match, end) in numbered
            }
    return {"": text}


def chosen(text: str, name: str, instance: str | None) -> tuple[str, str]:
    """Return one problem of a text, and what it is called.

    Parameters
    ----------
    text : str
        Text with one problem or several.
    name : str
        What the text is called.
    instance : str, optional
        Name of the problem or its number from 1; not needed where there is one only.

    Raises
    ------
    ProblemError
        If there are several and none is chosen, or the one chosen is not there.
    """
    found = sections(text)
    names = list(found)
    by_name = {one.lower(): one for one in names}
    if instance is None and len(names) == 1:
        wanted = names[0]
    elif instance is not None and instance.lower() in by_name:
        wanted = by_name[instance.lower()]
    elif instance is not None and instance.isdecimal() and 1 <= int(instance) <= len(names):
        wanted = names[int(instance) - 1]
    else:
        told = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        known = f"one of {told}" if len(names) > 1 else "no instance: the text holds one problem"
        message = (
            f"holds {len(names)} problems"
            if instance is None
            else f"there is no instance {instance}"
        )
        remedy = "choose it by name or number (--instance)" if len(names) > 1 else ""
        raise ProblemError(f"the text {name!r}", [Finding("", message, known, remedy, file=name)])
    return found[wanted], (f"{name}-{wanted}" if wanted and len(names) > 1 else name)
