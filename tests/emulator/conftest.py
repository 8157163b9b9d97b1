"""What the tests of the emulated plant share."""

import pytest

from tests.emulator.small import small_line
from twin.line import Line


@pytest.fixture
def line() -> Line:
    """Return a small line with everything that a plant shows."""
    return small_line()
