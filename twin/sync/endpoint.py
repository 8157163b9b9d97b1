"""Addresses of OPC UA servers, as people write them."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

PORT = 4840
"""Port of OPC UA servers whose address names none."""
_FORM = r"^opc\.tcp://[^\s/]+(/\S*)?$"


def _usable(endpoint: str) -> str:
    """Return the endpoint with its port; raise ValueError for what would only show when dialled."""
    if "@" in endpoint:  # first of all, so that no password is told again
        told = "a login has no place in an endpoint; give security.user"
        raise PydanticCustomError("secret", told)  # type: ignore[arg-type,unused-ignore]
    if not re.match(_FORM, endpoint):
        raise ValueError(f"{endpoint!r} is no address of a server; expected opc.tcp://host:port")
    try:
        parts = urlsplit(endpoint)
        usable = parts.port != 0 and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{endpoint!r} has no usable host and port; expected 1 to 65535")
    if parts.port is None:
        return parts._replace(netloc=f"{parts.netloc.rstrip(':')}:{PORT}").geturl()
    return endpoint


Endpoint = Annotated[
    str,
    Field(json_schema_extra={"pattern": _FORM}),
    AfterValidator(_usable),
]
"""Address of a server, ``opc.tcp://host:port/path``; without a port it is 4840."""
