"""The names a user may rely on: written out, documented, and quick to import."""

import importlib
import inspect
import subprocess
import sys

import pytest

PACKAGES = ["twin", "twin.line", "twin.events", "twin.kpi", "twin.testing", "scenarios", "api"]
HEAVY = ("pandas", "xarray", "numba", "scipy", "pyomo", "lightgbm", "altair", "asyncua", "fastapi")


@pytest.mark.parametrize("package", PACKAGES)
def test_names_are_there_and_documented(package: str) -> None:
    """Each public name can be had, and classes and functions say what they are."""
    module = importlib.import_module(package)
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isroutine(thing):
            text = inspect.getdoc(thing) or ""
            assert len(text) > 10, f"{package}.{name} says nothing"
            assert not text.startswith(f"{name}("), f"{package}.{name} has only its signature"


@pytest.mark.parametrize("package", PACKAGES)
def test_lists_of_names_are_sorted(package: str) -> None:
    """A reader finds a name where the alphabet puts it."""
    names = importlib.import_module(package).__all__
    assert list(names) == sorted(names)


def test_top_of_the_house_offers_what_the_readme_promises() -> None:
    """The names that documents use are public at the top."""
    twin = importlib.import_module("twin")
    promised = {
        *("Line", "load_line", "save_line", "example_line", "serial_line", "EventLog", "LineState"),
        *("SimulationOptions", "simulate", "replicate", "summarise", "fold", "Mirror"),
        *("OpcUaConnector", "TwinError"),
    }
    assert promised <= set(twin.__all__)
    assert set(dir(twin)) >= promised


def test_unknown_name_is_an_attribute_error() -> None:
    """A lazy package refuses a wrong name like any other."""
    twin = importlib.import_module("twin")
    with pytest.raises(AttributeError, match="nonsense"):
        twin.nonsense  # noqa: B018 - looking it up is the test


def test_import_is_light() -> None:
    """Importing the package loads none of the heavy libraries."""
    program = f"import sys, twin; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_error_is_also_a_builtin() -> None:
    """Callers may catch ours or the builtin it resembles; all share one base."""
    errors = importlib.import_module("twin.errors")
    for _, found in inspect.getmembers(errors, inspect.isclass):
        if issubclass(found, Exception) and found is not errors.TwinError:
            assert issubclass(found, errors.TwinError)
            others = [base for base in found.__mro__ if base.__module__ == "builtins"]
            assert len(others) > len(["Exception", "BaseException", "object"])
