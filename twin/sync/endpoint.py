"""Addresses of OPC UA servers, as people write them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints


def _with_usable_port(endpoint: str) -> str:
    """Return the endpoint unless its port is none, which would only show when it is dialled."""
    try:
        parts = urlsplit(endpoint)
        usable = parts.port != 0 and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{endpoint!r} has no usable host and port; expected 1 to 65535")
    if "@" in endpoint:
        raise ValueError("a login has no place in an endpoint; give security.user")
    return endpoint


Endpoint = Annotated[
    str,
    StringConstraints(pattern=r"^opc\.tcp://[^\s/]+(/\S*)?$"),
    AfterValidator(_with_usable_port),
]
"""Address of a server, ``opc.tcp://host:port/path``."""
