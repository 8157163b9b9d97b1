"""Who we are and whom we believe: certificates, keys, the trust list and logins.

Nothing is trusted by itself. A server that shows a certificate nobody has accepted is refused; the
certificate is put beside the trust list, so that a person can look at it and accept it.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from twin.errors import Finding, InvalidInputError, TwinError, UnknownNameError
from twin.line.spec import Spec

if TYPE_CHECKING:
    from cryptography import x509

Policy = Literal["None", "Basic256Sha256", "Aes256Sha256RsaPss"]
IDENTITY_FOLDER = "pki"
"""Folder of certificates and the trust list within a data folder."""
APPLICATION_URI = "urn:linetwin:client"
VALID_DAYS = 3650
KEY_BITS = 2048
MAX_SECRET_BYTES = 10_000


class RefusedError(TwinError, PermissionError):
    """A connection that is refused, by us or by the server, until a person sees to it."""


class Security(Spec):
    """How a connection is protected, and who logs in.

    Without it a connection is neither encrypted nor authenticated: for closed networks only.
    """

    policy: Policy = "Basic256Sha256"
    """Security policy."""
    mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    """Whether messages are signed, or signed and encrypted."""
    user: str | None = Field(default=None, min_length=1)
    """User name; none: anonymous, or by certificate."""
    password_file: Path | None = None
    """File whose first line is the password; never written in this file itself."""
    password_env: str | None = Field(default=None, min_length=1)
    """Environment variable that holds the password."""
    user_certificate: Path | None = None
    """Certificate of the user, PEM or DER, instead of a name and password."""
    user_key: Path | None = None
    """Private key that belongs to ``user_certificate``, PEM."""
    host: str | None = Field(default=None, min_length=1)
    """Host name that the server's certificate bears, where it is not that of the endpoint."""
    allow_open_password: bool = False
    """Whether a password may be sent over a connection that is not encrypted."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        secrets = sum(item is not None for item in (self.password_file, self.password_env))
        if self.user is not None and secrets != 1:
            raise ValueError("user needs its password: give password_file or password_env, one")
        if self.user is None and secrets:
            raise ValueError("a password without a user; give user")
        if (self.user_certificate is None) != (self.user_key is None):
            raise ValueError("user_certificate and user_key belong together; give both")
        if self.user is not None and self.user_certificate is not None:
            raise ValueError("two users: give user, or user_certificate and user_key, not both")
        encrypted = self.policy != "None" and self.mode == "SignAndEncrypt"
        if self.user is not None and not encrypted and not self.allow_open_password:
            raise ValueError(
                "the password of a user would be sent over a connection that is not encrypted; "
                "use policy Basic256Sha256 with mode SignAndEncrypt, or say allow_open_password"
            )
        if self.policy == "None" and self.user_certificate is not None:
            raise ValueError("a user certificate needs a policy other than None")
        return self

    def password(self) -> str | None:
        """Return the password, read now from its file or the environment.

        Raises
        ------
        RefusedError
            If it is not there.
        """
        if self.password_env is not None:
            found = os.environ.get(self.password_env)
            if found is None:
                raise RefusedError(f"the environment variable {self.password_env} is not set; "
                                   "it should hold the password")  # fmt: skip
            return found
        if self.password_file is None:
            return None
        try:
            text = self.password_file.read_bytes()[:MAX_SECRET_BYTES].decode()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            told = f"the password file {self.password_file} cannot be read: {reason}"
            raise RefusedError(told) from error
        return text.splitlines()[0] if text else ""

    def beside(self, folder: Path) -> Self:
        """Return these settings with the files they name found in a folder unless absolute."""
        names = ("password_file", "user_certificate", "user_key")
        given = {name: getattr(self, name) for name in names}
        found = {name: folder / path for name, path in given.items() if path is not None}
        return self.model_copy(update=found)

    def choose(self, endpoints: Sequence[Any], address: str) -> Any:
        """Return the server's endpoint with this policy and mode, or raise RefusedError."""
        offers = []
        for found in endpoints:
            policy = str(found.SecurityPolicyUri or "").rpartition("#")[2].replace("_", "")
            mode = str(getattr(found.SecurityMode, "name", found.SecurityMode)).rstrip("_")
            offers.append(policy if policy == "None" else f"{policy}/{mode}")
            if policy == self.policy and (policy == "None" or mode == self.mode):
                return found
        told = ", ".join(sorted(set(offers))) or "nothing"
        raise RefusedError(f"{address} does not offer {self.policy}/{self.mode}; it offers {told}")

    async def apply(self, client: Any, identity: Identity, peer: bytes) -> None:
        """Give a client of the library everything it needs to speak securely."""
        from asyncua import ua  # noqa: PLC0415
        from asyncua.crypto import security_policies, uacrypto  # noqa: PLC0415

        if self.policy != "None":
            kind = getattr(security_policies, f"SecurityPolicy{self.policy}")
            mode = getattr(ua.MessageSecurityMode, self.mode)
            certificate = await uacrypto.load_certificate(identity.certificate_file)
            key = await uacrypto.load_private_key(identity.key_file)
            client.application_uri = APPLICATION_URI
            server = uacrypto.x509_from_der(peer)
            client.security_policy = kind(server, certificate, key, mode)
            client.uaclient.set_security(client.security_policy)
        if self.user is not None:
            client.set_user(self.user)
            client.set_password(self.password() or "")
        if self.user_certificate is not None and self.user_key is not None:
            try:
                await client.load_client_certificate(str(self.user_certificate))
                await client.load_private_key(self.user_key)
            except (OSError, ValueError) as error:
                raise RefusedError(
                    f"the user's certificate or key cannot be read: {error}; see "
                    f"{self.user_certificate} and {self.user_key}"
                ) from error


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a person needs to know to accept a certificate."""

    fingerprint: str
    """SHA-256 of the certificate, hexadecimal."""
    subject: str
    """Name of whom it belongs to."""
    hosts: tuple[str, ...]
    """Host names and addresses it is good for."""
    begins: datetime
    """Moment from which it is valid, aware, UTC."""
    ends: datetime
    """Moment until which it is valid, aware, UTC."""
    data: bytes
    """The certificate itself, DER."""

    @classmethod
    def read(cls, data: bytes) -> Certificate:
        """Read a certificate, PEM or DER; raises ValueError if it is none."""
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415

        if b"-----BEGIN CERTIFICATE" in data:
            found = x509.load_pem_x509_certificate(data)
        else:
            # Servers may hand out a chain; the first one is theirs.
            length = int.from_bytes(data[2:4], "big") + 4
            found = x509.load_der_x509_certificate(data[:length] if data[1:2] == b"\x82" else data)
        return cls(
            fingerprint=found.fingerprint(hashes.SHA256()).hex(),
            subject=found.subject.rfc4514_string(),
            hosts=tuple(_hosts(found)),
            begins=found.not_valid_before_utc,
            ends=found.not_valid_after_utc,
            data=found.public_bytes(serialization.Encoding.DER),
        )


def _hosts(found: x509.Certificate) -> Iterator[str]:
    from cryptography import x509  # noqa: PLC0415

    with suppress(x509.ExtensionNotFound):
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        yield from names.get_values_for_type(x509.DNSName)
        yield from (str(item) for item in names.get_values_for_type(x509.IPAddress))


def _general(host: str) -> x509.GeneralName:
    """Return a host as certificates name it; raises ValueError if they cannot."""
    from cryptography import x509  # noqa: PLC0415

    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(host))
    return x509.DNSName(host)


class Identity:
    """Our own certificate and key, and the certificates of others that we trust.

    Parameters
    ----------
    folder : Path
        Folder that holds ``own``, ``trusted`` and ``seen``; made on first use.
    uri : str
        Application that our certificate names.
    hosts : sequence of str
        Names and addresses that it is good for, beside that of this computer.
    """

    def __init__(
        self, folder: Path, *, uri: str = APPLICATION_URI, hosts: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self._uri = uri
        self._hosts = tuple(hosts)
        self.certificate_file = folder / "own" / "certificate.der"
        self.key_file = folder / "own" / "key.pem"

    def prepare(self) -> Certificate:
        """Return our own certificate; it and its key are made if they are not there yet."""
        if not (self.certificate_file.exists() and self.key_file.exists()):
            self._make()
        return Certificate.read(self.certificate_file.read_bytes())

    def _make(self) -> None:
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415

        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        host = socket.gethostname()
        name = x509.Name([
            x509.NameAttribute(NameOID.COMMON_NAME, f"linetwin@{host}"[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "linetwin"),
        ])  # fmt: skip
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(self._uri)]
        for known in (host, *self._hosts):
            with suppress(ValueError):
                names.append(_general(known))
        now = datetime.now(UTC)
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=True, key_encipherment=True,
            data_encipherment=True, key_agreement=False, key_cert_sign=True, crl_sign=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=VALID_DAYS))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .sign(key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write(self.key_file, secret, 0o600)
        _write(self.certificate_file, signed.public_bytes(serialization.Encoding.DER), 0o644)

    def trusted(self) -> list[Certificate]:
        """Return the certificates that a person accepted."""
        return self._all("trusted")

    def seen(self) -> list[Certificate]:
        """Return the certificates that servers showed and nobody has accepted."""
        known = {item.fingerprint for item in self.trusted()}
        return [item for item in self._all("seen") if item.fingerprint not in known]

    def _all(self, name: str) -> list[Certificate]:
        found = []
        for path in sorted((self.folder / name).glob("*.der")):
            with suppress(ValueError, OSError):  # a stray file trusts nobody
                found.append(Certificate.read(path.read_bytes()))
        return found

    def note(self, certificate: Certificate) -> None:
        """Keep a certificate that was refused, for a person to look at."""
        with suppress(OSError):
            _write(self._path("seen", certificate), certificate.data, 0o644)

    def trust(self, what: str) -> Certificate:
        """Accept a certificate: a file, or the beginning of a fingerprint that was seen.

        Raises
        ------
        InvalidInputError
            If the file is no certificate.
        UnknownNameError
            If no certificate that was seen has such a fingerprint.
        """
        path = Path(what)
        if path.is_file():
            try:
                certificate = Certificate.read(path.read_bytes())
            except ValueError as error:
                finding = Finding("", f"{what} is no certificate", "a PEM or DER file")
                raise InvalidInputError("the certificate", [finding]) from error
        else:
            certificate = _chosen(what, self.seen())
        _write(self._path("trusted", certificate), certificate.data, 0o644)
        self._path("seen", certificate).unlink(missing_ok=True)
        return certificate

    def distrust(self, what: str) -> Certificate:
        """Take a certificate off the list, by the beginning of its fingerprint."""
        certificate = _chosen(what, self.trusted())
        for path in (self.folder / "trusted").glob("*.der"):
            with suppress(ValueError):
                if Certificate.read(path.read_bytes()).fingerprint == certificate.fingerprint:
                    path.unlink()
        return certificate

    def _path(self, name: str, certificate: Certificate) -> Path:
        return self.folder / name / f"{certificate.fingerprint}.der"


def check_certificate(
    certificate: Certificate, identity: Identity, security: Security, endpoint: str
) -> None:
    """Raise RefusedError unless a server's certificate is valid, of its host, and trusted."""
    shown = f"the certificate of {endpoint} ({certificate.subject})"
    now = datetime.now(UTC)
    if not certificate.begins <= now <= certificate.ends:
        begins, ends = certificate.begins.date(), certificate.ends.date()
        raise RefusedError(f"{shown} is valid from {begins} to {ends}, not now; renew it")
    trusted = {item.fingerprint for item in identity.trusted()}
    if certificate.fingerprint not in trusted:
        identity.note(certificate)
        raise RefusedError(
            f"{shown} is not trusted; compare its fingerprint {certificate.fingerprint} with the "
            f"server's own, then: twin trust add {certificate.fingerprint[:16]}"
        )
    host = security.host or urlsplit(endpoint).hostname or ""
    if not _names(certificate.hosts, host):
        names = ", ".join(certificate.hosts) or "no host"
        raise RefusedError(
            f"{shown} is for {names}, not for {host}; use that name in the endpoint, or give it "
            "as security.host"
        )


def _names(hosts: Sequence[str], host: str) -> bool:
    with suppress(ValueError):
        host = str(ipaddress.ip_address(host))
    return host.casefold() in {name.casefold() for name in hosts}


def _chosen(what: str, known: Sequence[Certificate]) -> Certificate:
    wanted = what.replace(":", "").casefold()
    found = [item for item in known if wanted and item.fingerprint.startswith(wanted)]
    if len(found) != 1:
        names = [item.fingerprint[:16] for item in known]
        raise UnknownNameError("certificate (or more than one)", what, names)
    return found[0]


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all, readable as ``mode`` says from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == 0o600:  # noqa: PLR2004 - for our eyes only
        path.parent.chmod(0o700)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    part.replace(path)
