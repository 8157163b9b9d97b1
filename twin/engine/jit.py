"""How the compiled functions are compiled.

No function of ours makes an array, so none needs Numba's reference counts: without them a call
costs a tenth. Division by zero gives infinity, as in NumPy; both engines call the same functions,
so it is the same in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function that Python and other compiled functions call; it runs outside the GIL."""
    return _njit(function, {})


def inner(function: Function) -> Function:
    """Compile a function that only compiled functions call: quicker, for want of a Python face."""
    return _njit(function, {"no_cpython_wrapper": True, "no_cfunc_wrapper": True})


def merged(function: Function) -> Function:
    """Compile a function into each of its callers: for small ones that get many arrays."""
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": True}
    return _njit(function, options)


def _njit(function: Function, more: dict[str, Any]) -> Function:
    # Numba's own annotations know neither these options nor what a compiled function returns.
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    made: Function = njit(**options, **more)(function)
    return made
