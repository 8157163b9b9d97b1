"""Bearer tokens of an identity provider: only the right issuer, audience, key, time and scope."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from api.app import create_app
from api.limits import RateLimit
from api.problems import RefusalError
from api.settings import Settings
from twin.errors import OptionsError
from twin.line import example_line

ISSUER, AUDIENCE = "https://id.example", "linetwin"
Sign = Callable[..., str]


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    """Return the provider's key."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def settings(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> Settings:
    """Return the settings of a site that takes the provider's tokens."""
    public = json.loads(RSAAlgorithm.to_jwk(rsa_key.public_key())) | {"kid": "one", "use": "sig"}
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public]}))
    return Settings.load(
        environment={},
        data_folder=tmp_path / "data",
        oidc_issuer=ISSUER,
        oidc_audience=AUDIENCE,
        oidc_keys_file=tmp_path / "jwks.json",
    )


@pytest.fixture
def sign(rsa_key: rsa.RSAPrivateKey) -> Sign:
    """Return what makes tokens as the provider does."""

    def make(kid: str | None = "one", **changes: Any) -> str:
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "mes",
            "exp": time.time() + 600,
            "scope": "openid twin:read",
        } | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        headers = {"kid": kid} if kid else {}
        return jwt.encode(claims, rsa_key, algorithm="RS256", headers=headers)

    return make


async def ask(settings: Settings, token: str, method: str = "GET") -> httpx.Response:
    """Send one request with a token."""
    app = create_app(settings, [example_line("two_station")])
    app.state.site.keys.open()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        headers = {"Authorization": f"Bearer {token}"}
        return await client.request(method, "/v1/lines", headers=headers)


@pytest.mark.asyncio
async def test_a_good_token_is_taken(settings: Settings, sign: Sign) -> None:
    """Issuer, audience, key, time and scope are right: the request is answered."""
    assert (await ask(settings, sign())).status_code == 200
    assert (await ask(settings, sign(scope=["twin:admin"]))).status_code == 200
    assert (await ask(settings, sign(kid=None))).status_code == 200


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"exp": 1},
        {"exp": None},
        {"nbf": time.time() + 9000},
        {"sub": None},
        {"kid": "two"},
        {"aud": None},
    ],
)
async def test_a_token_that_is_not_for_us_is_refused(
    settings: Settings, sign: Sign, changes: dict[str, Any]
) -> None:
    """Each wrong claim alone is enough."""
    answer = await ask(settings, sign(**changes))
    assert answer.status_code == 401, answer.text
    assert "invalid_token" in answer.headers["www-authenticate"]


@pytest.mark.asyncio
async def test_a_token_without_our_scope_is_forbidden(settings: Settings, sign: Sign) -> None:
    """Somebody whom the provider knows may still do nothing here."""
    assert (await ask(settings, sign(scope="openid"))).status_code == 403
    assert (await ask(settings, sign(scope=7))).status_code == 403


@pytest.mark.asyncio
async def test_forged_signatures_are_refused(settings: Settings, rsa_key: Any) -> None:
    """No algorithm, a secret made of the public key, another key, half a token."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": time.time() + 60, "scope": "admin"}
    stranger = ec.generate_private_key(ec.SECP256R1())
    public = rsa_key.public_key().public_numbers().n.to_bytes(256, "big")
    forged = [
        jwt.encode(claims, None, algorithm="none", headers={"kid": "one"}),
        jwt.encode(claims, public, algorithm="HS256", headers={"kid": "one"}),
        jwt.encode(claims, stranger, algorithm="ES256", headers={"kid": "one"}),
        jwt.encode(claims, rsa_key, algorithm="RS512", headers={"kid": "one"}),
        "a.b.c",
        "..",
        "x" * 9000 + ".y.z",
    ]
    for token in forged:
        assert (await ask(settings, token)).status_code == 401, token[:40]


@pytest.mark.asyncio
async def test_new_keys_count_at_once(settings: Settings, sign: Sign) -> None:
    """When the provider's keys change in the file, the old ones count no more."""
    assert settings.oidc_keys_file is not None
    other = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(ECAlgorithm.to_jwk(other.public_key())) | {"kid": "two"}
    settings.oidc_keys_file.write_text(json.dumps({"keys": [public]}))
    assert (await ask(settings, sign())).status_code == 401
    settings.oidc_keys_file.write_text("no json")
    assert (await ask(settings, sign())).status_code == 503


def test_shared_secrets_cannot_be_set_up(tmp_path: Path) -> None:
    """Symmetric algorithms and half a set-up are refused with the settings."""
    with pytest.raises(OptionsError, match="HS256"):
        Settings.load(environment={}, oidc_algorithms=["HS256"])
    with pytest.raises(OptionsError, match="oidc_audience"):
        Settings.load(environment={}, oidc_issuer=ISSUER)


def test_who_asks_too_often_is_told_when_to_come_again() -> None:
    """After the burst come refusals, for that asker alone; time makes it good."""
    now_s = 0.0
    limit = RateLimit(2.0, 5, clock=lambda: now_s)
    for _ in range(5):
        limit.take("a")
    with pytest.raises(RefusalError) as caught:
        limit.take("a")
    assert caught.value.kind.status == 429
    assert caught.value.headers["Retry-After"] == "1"
    limit.take("b")
    now_s = 0.5
    limit.take("a")
    for number in range(20_000):
        limit.take(f"address {number}")


@pytest.mark.asyncio
async def test_the_pace_holds_for_requests(tmp_path: Path) -> None:
    """A key that asks too often gets 429; a machine that asks for health does not."""
    settings = Settings.load(
        environment={}, data_folder=tmp_path, requests_per_s=0.001, request_burst=3
    )
    app = create_app(settings, [example_line("two_station")])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        found = [(await client.get("/openapi.json")).status_code for _ in range(5)]
        assert found == [200, 200, 200, 429, 429]
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/v1/lines", headers={"X-API-Key": "wrong"})
        assert answer.status_code == 429
        assert answer.headers["retry-after"]
