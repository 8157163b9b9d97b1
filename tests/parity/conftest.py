"""The kernel is there before the first comparison."""

import pytest

from twin.engine.compiled.engine import warm_up


@pytest.fixture(scope="session", autouse=True)
def kernel() -> None:
    """Load the compiled engine, or compile it where that has not been done yet."""
    warm_up()
