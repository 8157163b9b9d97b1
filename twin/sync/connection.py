"""The connection file of ``twin record``: servers, and nodes of theirs. No line is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from twin.line.spec import Id, Spec
from twin.sync.endpoint import Endpoint
from twin.sync.nodeid import NODE, usable_node
from twin.sync.security import Security
from twin.sync.specfile import document_of, spec_of
from twin.sync.target import SERVER_TIME, Item, Target, Wildcard
from twin.units import Duration, PositiveDuration


def _usable(text: str) -> str:
    if NODE.match(text):
        return usable_node(text)
    path = text.strip("/").split("/")
    if "/" in text and all(path):
        return text
    raise ValueError(
        f"{text!r} is neither a node id (nsu=urn:...;s=..., ns=2;s=...) nor a browse path "
        "below Objects (/Plant/*/Temperature)"
    )


class NodeChoice(Spec):
    """One node, or several by a browse path with wildcards."""

    node: Annotated[str, Field(max_length=2048), AfterValidator(_usable)]
    """Node id, ``nsu=urn:...;s=...`` or ``ns=2;s=...``; or a browse path below Objects such as
    ``/Plant/*/Temperature``, in which ``*`` stands for any part of a name and ``**`` for any number
    of levels."""
    sampling_s: Duration | None = None
    """Time between samples, s; none: that of the source."""
    queue_size: int | None = Field(default=None, ge=1, le=1_000_000)
    """Values the server keeps between publications; none: that of the source."""
    max_age_s: PositiveDuration | None = None
    """Age of the newest value from which the link is degraded, s; none: it may rest for long."""


def _chosen(value: object) -> object:
    if isinstance(value, int | float):
        raise ValueError(  # noqa: TRY004 - so it is told among the other findings
            f"{value} is no node id; write i={value} or ns=2;i={value}"
        )
    return {"node": value} if isinstance(value, str) else value


class Source(Spec):
    """One server, and what to read from it."""

    name: Id = "plant"
    """Name of the source."""
    endpoint: Endpoint
    """Address, ``opc.tcp://host:port/path``."""
    security: Security | None = None
    """How the connection is protected; none: not at all, for closed networks only."""
    nodes: tuple[Annotated[NodeChoice, BeforeValidator(_chosen)], ...] = Field(min_length=1)
    """What to read: node ids or browse paths, as text, or with settings of their own."""
    publishing_s: PositiveDuration = 0.1
    """Time between publications, s."""
    sampling_s: Duration = 0.0
    """Time between samples, s; 0: every change."""
    queue_size: int = Field(default=1000, ge=1, le=1_000_000)
    """Values of one node that the server keeps between publications; it decides how long an outage
    can be without loss."""
    max_skew_s: PositiveDuration | None = 2.0
    """Difference between the server's clock and ours from which the link is degraded, s."""
    history: bool = True
    """Whether gaps are closed from the server's history, where it has one."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [choice.node for choice in self.nodes]
        twice = (
            sorted({name for name in names if names.count(name) > 1})
            if (len(set(names)) < len(names))
            else []
        )
        if twice:
            raise ValueError(f"named more than once: {', '.join(twice[:5])}")
        return self

    def target(self) -> Target:
        """Return what a supervisor is to do for this source."""
        items, wildcards = [], []
        for choice in self.nodes:
            sampling_s = self.sampling_s if choice.sampling_s is None else choice.sampling_s
            queue = choice.queue_size or self.queue_size
            item = Item(choice.node, choice.node, sampling_s, queue, True, choice.max_age_s)
            if NODE.match(choice.node):
                items.append(item)
            else:
                path = [part for part in choice.node.split("/") if part]
                if path[0] in {"Objects", "0:Objects"}:
                    path = path[1:]
                wildcards.append(Wildcard(tuple(path), item))
        return Target(
            source=self.name,
            endpoint=self.endpoint,
            items=tuple(items),
            wildcards=tuple(wildcards),
            publishing_s=self.publishing_s,
            heartbeat=SERVER_TIME,
            security=self.security,
            history=self.history,
            late=True,
            max_skew_s=self.max_skew_s,
        )


class Connection(Spec):
    """One or more sources."""

    sources: tuple[Source, ...] = Field(min_length=1, max_length=100)
    """The sources; they are read side by side."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("each source needs a name of its own; give name")
        return self


def load_connection(path: str | Path) -> Connection:
    """Read a connection file: one source, or several under ``sources``.

    Parameters
    ----------
    path : str or Path
        A YAML file.

    Raises
    ------
    InvalidInputError
        If the file cannot be read or used; all findings at once, each with file and line.
    """
    title = f"the connection file {path}"
    document, rows = document_of(path, title)
    kind: type[Connection | Source] = Connection if "sources" in document else Source
    found = spec_of(kind, document, title, str(path), rows)
    connection = found if isinstance(found, Connection) else Connection(sources=(found,))
    base = Path(path).parent
    return connection.model_copy(
        update={"sources": tuple(_beside(source, base) for source in connection.sources)}
    )


def _beside(source: Source, base: Path) -> Source:
    """Return the source with the files of its login found beside the connection file."""
    if source.security is None:
        return source
    return source.model_copy(update={"security": source.security.beside(base)})
