"""The classic text formats of scheduling problems, and how to tell which one a file is in."""

from scenarios.schedule.formats.files import FORMATS, Format, detect_format, read_problem
from scenarios.schedule.formats.shops import from_flexible_text, from_jobshop_text
from scenarios.schedule.formats.single import from_setup_text, from_tardiness_text

__all__ = [
    "FORMATS",
    "Format",
    "detect_format",
    "from_flexible_text",
    "from_jobshop_text",
    "from_setup_text",
    "from_tardiness_text",
    "read_problem",
]
