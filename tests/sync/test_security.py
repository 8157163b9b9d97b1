"""Nothing is trusted by itself, and no secret is written anywhere."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.commands.serve import _feed
from tests.sync.peers.harness import (
    VENDORS,
    Recording,
    counter,
    guard_of,
    law,
    protection,
    recording,
)
from twin.emulator import Plant
from twin.errors import InvalidInputError, UnknownNameError
from twin.line import example_line
from twin.sync import OpcUaConnector, SourceState, default_mapping, load_mapping, save_mapping
from twin.sync.connection import Connection, Source, load_connection
from twin.sync.protocol import Value
from twin.sync.record import Recorder
from twin.sync.security import Certificate, Identity, RefusedError, Security, check_certificate

ENDPOINT = "opc.tcp://plant:4840"


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    """Return a fresh identity."""
    return Identity(tmp_path / "pki")


def shown(identity: Identity, **changes: object) -> Certificate:
    """Return a server's certificate for the host ``plant``, changed as asked."""
    own = identity.prepare()
    fields = {name: getattr(own, name) for name in Certificate.__slots__}
    return Certificate(**{**fields, "hosts": ("plant",), **changes})  # type: ignore[arg-type]


def test_own_key_is_for_our_eyes_only(identity: Identity) -> None:
    """Certificate and key are made once; nobody else can read the key."""
    first = identity.prepare()
    assert identity.key_file.stat().st_mode & 0o777 == 0o600
    assert identity.prepare() == first


def test_unknown_certificate_is_refused_until_a_person_trusts_it(identity: Identity) -> None:
    """It is kept to be looked at; trusted it passes, taken off the list it does not."""
    certificate = shown(identity)
    with pytest.raises(RefusedError, match="twin trust add"):
        check_certificate(certificate, identity, Security(), ENDPOINT)
    assert [item.fingerprint for item in identity.seen()] == [certificate.fingerprint]
    identity.trust(certificate.fingerprint[:16])
    check_certificate(certificate, identity, Security(), ENDPOINT)
    identity.distrust(certificate.fingerprint[:16])
    with pytest.raises(RefusedError, match="not trusted"):
        check_certificate(certificate, identity, Security(), ENDPOINT)


def test_expired_and_foreign_certificates_are_refused(identity: Identity) -> None:
    """Trust does not help a certificate that is over, or of another host."""
    certificate = shown(identity)
    check = (identity, Security(), ENDPOINT)
    with pytest.raises(RefusedError, match="not trusted"):
        check_certificate(certificate, *check)
    identity.trust(certificate.fingerprint)
    over = shown(identity, ends=certificate.begins + timedelta(seconds=1))
    with pytest.raises(RefusedError, match="not now"):
        check_certificate(over, *check)
    other = shown(identity, hosts=("elsewhere",))
    with pytest.raises(RefusedError, match="for elsewhere, not for plant"):
        check_certificate(other, *check)
    check_certificate(other, identity, Security(host="elsewhere"), ENDPOINT)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"policy": "None", "user": "x", "password_env": "P"}, "not encrypted"),
        ({"mode": "Sign", "user": "x", "password_env": "P"}, "not encrypted"),
        ({"user": "x"}, "needs its password"),
        ({"user_certificate": "a.pem"}, "belong together"),
        ({"policy": "Basic256", "user": "x"}, "Basic256Sha256"),
    ],
)
def test_unsafe_settings_are_refused(given: dict[str, str], match: str) -> None:
    """A password never goes over an open connection unless somebody insists."""
    with pytest.raises(ValidationError, match=match):
        Security.model_validate(given)


def test_password_comes_from_file_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read when it is needed, and shows in no text of the settings."""
    monkeypatch.setenv("PLANT_PW", "hunter2")
    assert Security(user="x", password_env="PLANT_PW").password() == "hunter2"
    file = tmp_path / "pw"
    file.write_text("hunter3\n", encoding="utf-8")
    found = Security(user="x", password_file=file)
    assert found.password() == "hunter3"
    assert "hunter" not in repr(found)
    with pytest.raises(RefusedError, match="cannot be read"):
        Security(user="x", password_file=tmp_path / "none").password()


def test_trust_wants_something_that_is_there(identity: Identity, tmp_path: Path) -> None:
    """A file that is no certificate and a fingerprint nobody saw are told apart."""
    stray = tmp_path / "stray.pem"
    stray.write_text("hello", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="no certificate"):
        identity.trust(str(stray))
    with pytest.raises(UnknownNameError):
        identity.trust("abcdef")


def test_connection_file_tells_all_findings(tmp_path: Path) -> None:
    """Every mistake at once, with its row."""
    path = tmp_path / "c.yaml"
    path.write_text(
        "endpoint: opc.tcp://127.0.0.1:0\nnodes: [hello]\nsampling: 1\nqueue_size: 0\n",
        encoding="utf-8",
    )
    with pytest.raises(InvalidInputError) as error:
        load_connection(path)
    assert {finding.path for finding in error.value.findings} >= {
        "endpoint", "sampling", "queue_size"
    }  # fmt: skip
    assert all(finding.line for finding in error.value.findings)


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes256Sha256RsaPss"])
async def test_protected_recording(
    policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused at first sight; trusted, with user and password, it records."""
    monkeypatch.setenv("PLANT_PW", "secret")
    identity = Identity(tmp_path / "pki")

    def begun(number: int, **more: str) -> Recording:
        security = {"policy": policy, "user": "bob", "password_env": "PLANT_PW", **more}
        source = Source.model_validate({
            "endpoint": f"opc.tcp://127.0.0.1:{server.port}",
            "nodes": ["/Plant/*"],
            "security": security,
        })  # fmt: skip
        connection = Connection(sources=(source,))
        return Recording(Recorder(connection, tmp_path / f"out{number}", identity))

    async with counter(
        "node-opcua", security=True, user="bob", password="secret", pki=str(tmp_path / "server")
    ) as server:
        first = begun(1)
        await first.until("faulted")
        assert "not trusted" in (await first.end())["sources"][0]["reason"]
        host = identity.trust(identity.seen()[0].fingerprint).hosts[0]
        second = begun(2, host=host)
        await second.until("live")
        await asyncio.sleep(1.0)
        assert (await second.end())["received"] > 0
        monkeypatch.setenv("PLANT_PW", "wrong")
        third = begun(3, host=host)
        await third.until("faulted")
        await third.end()


def protected_mapping(endpoint: str, folder: Path) -> Path:
    """Write the mapping of an emulated plant that asks for protection, its password beside it."""
    mapping = default_mapping(example_line("two_station"), endpoint)
    security = Security(user="twin", password_file=Path("password.txt"))
    save_mapping(mapping.model_copy(update={"security": security}), folder / "mapping.yaml")
    (folder / "password.txt").write_text("secret\n", encoding="utf-8")
    return folder / "mapping.yaml"


async def test_protection_that_cannot_be_had_is_no_open_connection(tmp_path: Path) -> None:
    """Without a certificate of ours a mapping with ``security`` is refused, not served openly."""
    async with Plant(example_line("two_station")) as plant:
        mapping = load_mapping(protected_mapping(plant.endpoint, tmp_path))
        connector = OpcUaConnector(mapping)
        await connector.connect()
        async with asyncio.timeout(15):
            while connector.link.state is not SourceState.FAULTED:
                assert not any(isinstance(item, Value) for item in await connector.receive(9, 0.1))
        assert "no certificate of ours" in connector.link.reason
        await connector.close()


async def test_served_plant_is_protected_as_its_mapping_asks(tmp_path: Path) -> None:
    """`twin serve` speaks to a plant that offers no protection only if none is asked for."""
    line = example_line("two_station")
    async with Plant(line) as plant:
        mapping = protected_mapping(plant.endpoint, tmp_path)
        feed = _feed({line.id: line}, str(mapping), tmp_path / "data", 5.0)
        assert feed.mapping.security is not None
        assert feed.mapping.security.password() == "secret"
        await feed.start()
        async with asyncio.timeout(15):
            while feed.status().state is not SourceState.FAULTED:
                await asyncio.sleep(0.05)
        assert "does not offer Basic256Sha256" in feed.status().reason
        await feed.stop()


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_server_that_comes_back_with_another_certificate(vendor: str, tmp_path: Path) -> None:
    """It is refused until a person trusts it; what it made meanwhile is inside a gap."""
    out, life = tmp_path / "out", 1_000_000
    async with counter(vendor, rate=20, **guard_of(tmp_path / "one")) as server:
        safe = await protection(server, tmp_path)
        identity = safe["identity"]
        known = {item.fingerprint for item in [*identity.seen(), *identity.trusted()]}
        async with recording(out, server.port, **safe) as running:
            await running.until("live", 120)
            await running.until_more(60)
            await server.kill()
            other = guard_of(tmp_path / "two")
            await server.start(start=life + 1, pki=other["pki"])
            await running.until("faulted", 120)
            link = running.recorder._parts[0].supervisor.link  # noqa: SLF001
            assert "not trusted" in link.reason
            (fresh,) = [item for item in identity.seen() if item.fingerprint not in known]
            identity.trust(fresh.fingerprint)
            running.recorder._parts[0].supervisor.reset()  # noqa: SLF001 - what a person does
            await running.until("live", 120)
            await running.until_more(60)
            made = await server.halt()
            await asyncio.sleep(1.0)
            summary = await running.end()
    found = law(out, made, life=life)
    assert found["open"] >= 5
    assert "faulted" in {item["state"] for item in summary["sources"][0]["states"]}
