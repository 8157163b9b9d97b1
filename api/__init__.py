"""Who asks: the web service, its page and the command line.

``create_app`` loads on first use, so that the command line does not pay for the service.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    """Return a public name, loading the module it lives in."""
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("api.app").create_app


def __dir__() -> list[str]:
    """Return the public names."""
    return list(__all__)
