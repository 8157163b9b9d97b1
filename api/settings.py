"""How the service is set up: arguments go over the environment, it over a file, it over defaults.

The environment variable of a setting is ``LINETWIN_`` and its name in capitals, for instance
``LINETWIN_PORT``. The file is YAML with the names as keys; ``LINETWIN_SETTINGS`` names it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator, model_validator

from twin.errors import Finding, OptionsError
from twin.line.files import located
from twin.line.reading import Lines, read_yaml
from twin.line.spec import Spec, worded

PREFIX = "LINETWIN_"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_FILE_BYTES = 1_000_000
SIGNATURES = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signatures whose public key is no secret: a leaked key file lets nobody make tokens."""
LISTS = frozenset({"allowed_hosts", "webhook_hosts", "oidc_algorithms"})
"""Settings that are lists; in the environment their items stand between commas."""


class Settings(Spec):
    """Set-up of one site: one process tree, one data folder."""

    data_folder: Path = Field(default_factory=lambda: user_data_path("linetwin", False))
    """Where keys, database and models are kept; made when it is not there."""
    database_url: str | None = Field(default=None, repr=False)
    """PostgreSQL database, ``postgresql://user:password@host/name``; none: a SQLite file in the
    data folder."""
    keys_file: Path | None = None
    """File with the hashed API keys; none: ``keys.json`` in the data folder."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0: any free one."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names under which the service may be asked; none: the loopback names when it listens
    there only, else any."""
    page_access: Literal["local", "key"] = "local"
    """Who may open the page: ``local``: everyone on this machine, only while the service listens on
    loopback; ``key``: whoever gives an API key."""
    secure_cookies: bool = False
    """Whether the page's cookie is only sent over TLS; set it behind a proxy that does TLS."""
    tick_s: float = Field(default=1.0, ge=0.05, le=60.0)
    """Wall-clock time between two states on the event stream, s."""
    stale_after_s: float = Field(default=5.0, gt=0, le=3600.0)
    """Age above which live values are called stale, s."""
    job_workers: int = Field(default_factory=lambda: min(2, os.cpu_count() or 1), ge=1, le=64)
    """Processes for jobs."""
    quick_workers: int = Field(default_factory=lambda: min(2, os.cpu_count() or 1), ge=1, le=64)
    """Processes that answer order promises; each promise uses all of them."""
    queue_limit: int = Field(default=32, ge=1, le=10_000)
    """Jobs that may wait; further ones are refused until one is done."""
    job_time_limit_s: float = Field(default=3600.0, gt=0, le=7 * 86400.0)
    """Wall-clock time after which a job is ended, s."""
    job_memory_bytes: int = Field(default=8 * 2**30, ge=2**29)
    """Memory that a worker process may address; a job that asks for more fails alone."""
    job_cpu_limit_s: float = Field(default=4 * 3600.0, gt=0)
    """Processor time after which a job is ended, s, over all its threads."""
    jobs_per_key: int = Field(default=16, ge=1, le=10_000)
    """Jobs of one key that may wait or run at one time."""
    requests_per_s: float = Field(default=300.0, gt=0, le=1e6)
    """Requests per second of one key, or of one address without a key, in the long run."""
    request_burst: int = Field(default=600, ge=1, le=1_000_000)
    """Requests that may come at once before ``requests_per_s`` counts."""
    keep_results_days: float = Field(default=365.0, gt=0, le=36500.0)
    """Time for which results of runs and forecasts, and reports of work done, are kept, days."""
    keep_deliveries_days: float = Field(default=30.0, gt=0, le=36500.0)
    """Time for which the list of webhook deliveries goes back, days."""
    webhook_hosts: tuple[str, ...] = ()
    """Host names, or ``host:port``, that webhooks may go to; none: no webhooks."""
    oidc_issuer: str | None = None
    """Issuer of the bearer tokens that are taken beside API keys; none: no tokens."""
    oidc_audience: str | None = None
    """Audience that a token must name."""
    oidc_keys_file: Path | None = None
    """The issuer's public keys as a JWKS file: read again when it changes, so nothing is fetched.
    """
    oidc_algorithms: tuple[str, ...] = ("RS256", "ES256")
    """Signatures that are taken; only asymmetric ones can be named."""
    oidc_scope_claim: str = "scope"
    """Claim of a token that holds the scopes, as a list or as words."""
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Port for Prometheus, on ``metrics_host``; none: no metrics; 0: any free one."""
    metrics_host: str = "127.0.0.1"
    """Address of the metrics port."""
    log_format: Literal["json", "text"] = "text"
    """One JSON object a line, or words for people."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    """Least weighty message that is logged."""
    body_limit_bytes: int = Field(default=1_000_000, ge=1000, le=100_000_000)
    """Largest request body."""
    horizon_limit_s: float = Field(default=31 * 86400.0, gt=0)
    """Longest horizon of a run, s."""
    replication_limit: int = Field(default=1000, ge=2, le=100_000)
    """Most replications of a run."""
    event_ring: int = Field(default=512, ge=16, le=100_000)
    """Events that are kept for clients that come back."""
    event_queue: int = Field(default=128, ge=8, le=10_000)
    """Events that may wait for one client."""
    event_clients: int = Field(default=1000, ge=1, le=100_000)
    """Clients that may follow the events at one time."""
    heartbeat_s: float = Field(default=15.0, ge=0.1, le=300.0)
    """Time after which a silent event stream gives a sign of life, s."""
    forecast: bool = False
    """Whether a forecaster is trained for each line when the service starts."""
    forecast_window_s: float = Field(default=600.0, ge=60.0, le=86400.0)
    """Time that a forecaster looks back on; fault risks are told once so much was seen, s."""
    training_runs: int = Field(default=48, ge=8, le=10_000)
    """Synthetic runs of four hours that a forecaster learns from. Fewer make its band of throughput
    too wide: where 80 % are promised, 12 runs hold all, 24 some 88 %, 48 some 85 %, 96 some 83 %.
    """
    test_runs: int = Field(default=6, ge=2, le=1000)
    """Runs of a plant with a reality gap that it is scored on."""

    @field_validator("data_folder", "keys_file", "oidc_keys_file")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path is not None else None

    @field_validator("oidc_algorithms")
    @classmethod
    def _asymmetric(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(names) - SIGNATURES)
        if unknown or not names:
            raise ValueError(f"{unknown} cannot be taken; expected some of {sorted(SIGNATURES)}")
        return names

    @model_validator(mode="after")
    def _tokens_can_be_checked(self) -> Self:
        if self.oidc_issuer and not (self.oidc_audience and self.oidc_keys_file):
            raise ValueError("oidc_issuer needs oidc_audience and oidc_keys_file beside it")
        return self

    @model_validator(mode="after")
    def _page_only_local(self) -> Self:
        if self.page_access == "local" and not self.on_loopback:
            raise ValueError(
                f"page_access 'local' would open the page to everyone who reaches {self.host}; "
                "set page_access to 'key'"
            )
        return self

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches the service."""
        return self.host in LOOPBACK

    @property
    def keys_path(self) -> Path:
        """File with the hashed API keys."""
        return self.keys_file or self.data_folder / "keys.json"

    @property
    def hosts(self) -> frozenset[str] | None:
        """Host names under which the service may be asked; None: any."""
        if self.allowed_hosts:
            return frozenset(name.lower() for name in self.allowed_hosts)
        return LOOPBACK if self.on_loopback else None

    @classmethod
    def load(
        cls,
        file: Path | None = None,
        environment: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> Settings:
        """Return the settings from arguments, environment and file, in this order of precedence.

        Parameters
        ----------
        file : Path, optional
            YAML file; default: the one that ``LINETWIN_SETTINGS`` names, if any.
        environment : mapping of str to str, optional
            Default: that of the process.
        **arguments
            Settings by name; None is the same as not given.

        Raises
        ------
        OptionsError
            If a setting is unknown or impossible; all findings at once.
        """
        env = os.environ if environment is None else environment
        named = env.get(f"{PREFIX}SETTINGS")
        path = file or (Path(named) if named else None)
        values, rows = _from_file(path) if path else ({}, {})
        over = _from_environment(env)
        over |= {name: value for name, value in arguments.items() if value is not None}
        try:
            return cls(**values | over)
        except ValidationError as error:
            findings = [worded(item, kind=cls) for item in error.errors()]
            in_file = {keys for keys in rows if keys and keys[0] not in over}
            told = [
                located(item, str(path), rows) if (item.path,) in in_file else item
                for item in findings
            ]
            raise OptionsError("the settings", told) from error


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in Settings.model_fields:
        text = env.get(f"{PREFIX}{name.upper()}")
        if text is not None:
            found[name] = text.split(",") if name in LISTS else text
    return found


def _from_file(path: Path) -> tuple[dict[str, Any], Lines]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _unusable(path, f"larger than {MAX_FILE_BYTES} bytes")
        document, rows, unread = read_yaml(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise _unusable(path, f"no UTF-8 text at byte {error.start}") from error
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror or error}") from error
    if unread:
        findings = [located(item, str(path), rows) for item in unread]
        raise OptionsError(f"the settings file {path}", findings)
    if document is None:
        return {}, rows
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise _unusable(path, "no mapping of setting names to values")
    return document, rows


def _unusable(path: Path, message: str) -> OptionsError:
    finding = Finding("", message, "a YAML file such as 'port: 8000'", file=str(path))
    return OptionsError(f"the settings file {path}", [finding])
