"""Node ids as people write them: what only a server would stumble over is told before."""

from __future__ import annotations

import base64
import re
from uuid import UUID

NODE = re.compile(r"^(?:nsu=[^;]+;|ns=(?P<index>\d+);)?(?P<kind>[sigb])=(?P<rest>.+)$", re.DOTALL)
"""``nsu=urn:...;s=...``, ``ns=2;s=...``, or without a namespace; ``i=``, ``g=`` and ``b=`` too."""
MOST_INDEX, MOST_NUMBER = 2**16 - 1, 2**32 - 1


def usable_node(text: str) -> str:
    """Return a node id; raise ValueError if it has the form of one and yet is none."""
    found = NODE.match(text)
    if found is None:
        return text
    kind, rest = found["kind"], found["rest"]
    if found["index"] is not None and int(found["index"]) > MOST_INDEX:
        raise ValueError(f"{text!r} has no usable namespace; expected 0 to {MOST_INDEX}")
    if kind == "i" and not (rest.isascii() and rest.isdigit() and int(rest) <= MOST_NUMBER):
        raise ValueError(f"{text!r} has no usable number; expected 0 to {MOST_NUMBER}")
    if kind in "gb":
        try:
            UUID(rest) if kind == "g" else base64.b64decode(rest, validate=True)
        except ValueError as error:
            what = "GUID" if kind == "g" else "base64"
            raise ValueError(f"{text!r} is no {what} after {kind}=") from error
    return text
