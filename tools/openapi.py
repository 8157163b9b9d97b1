"""Write the description of the API, as the service gives it, for the record in the repository."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from api.app import create_app
from api.settings import Settings


def document() -> str:
    """Return the description as text that diffs well; without the product's version."""
    found = create_app(Settings.load(environment={})).openapi()
    found["info"]["version"] = "0"
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document(), encoding="utf-8")
