"""The how-to for an MES is followed word for word, by curl, on a running site."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from api.keys import Scope, create_key
from api.webhooks import signature
from tests.api.conftest import Service

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "connect-an-mes.md"
STRICT = """
set -eu
curl() { command curl --fail-with-body --max-time 60 "$@"; }
"""
"""A refusal ends the walk; the page itself looks at answers by eye."""


def blocks(language: str) -> list[str]:
    """Return the blocks of the page in one language."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="the how-to uses curl and jq"
)
@pytest.mark.timeout(600)
def test_the_walk_works_word_for_word(service: Service) -> None:
    """Orders go in, are promised, planned, released and taken back; each answer is a success."""
    key = create_key(service.site.settings.keys_path, "how-to", Scope.ADMIN)
    (host,) = [item for item in service.site.settings.webhook_hosts if ":" in item]
    steps = [
        f"printf '\\n== {number}\\n'\n{step}".replace("https://mes.example:8443", f"http://{host}")
        for number, step in enumerate(blocks("sh"))
    ]
    done = subprocess.run(
        ["sh", "-c", STRICT + "\n".join(steps)],
        env={"SITE": service.address, "KEY": key, "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told = re.split(r"^== \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    assert len(told) == len(steps)
    assert '"quantity":15' in told[1].replace(" ", "")
    assert '"A-18"' in told[2]
    assert '"completion_p90"' in told[3]
    assert '"EL-201"' in told[4]
    assert '"feasible":true' in told[6].replace(" ", "")
    assert key.split("_")[1] in told[7], "released by the key that asked"
    assert "retry:" in told[8]
    with service.client(key) as client:
        left = client.get("/v1/operations-schedules/week-48")
        hooks = client.get("/v1/webhooks").json()["items"]
        (made,) = [hook for hook in hooks if hook["url"].endswith("/news")]
        assert client.delete(
            f"/v1/webhooks/{made['id']}", headers={"If-Match": f'"{made.get("version", 1)}"'}
        ).is_success
    assert left.status_code == httpx.codes.NOT_FOUND


def test_the_check_of_a_signature_is_right() -> None:
    """What the page shows takes what is sent and nothing that was changed or kept back."""
    (source,) = blocks("python")
    found: dict[str, Callable[[str, str, bytes], bool]] = {}
    exec(source, found)
    is_genuine, now = found["is_genuine"], int(time.time())
    good = signature("secret", now, b"{}")
    assert is_genuine("secret", good, b"{}")
    assert not is_genuine("secret", good, b"{ }")
    assert not is_genuine("other", good, b"{}")
    assert not is_genuine("secret", signature("secret", now - 600, b"{}"), b"{}")
