"""Errors as ``application/problem+json`` (RFC 9457): one table from exceptions to answers."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from api.schemas import FieldProblem, Problem
from twin.errors import (
    ConnectionLostError,
    Finding,
    InvalidInputError,
    JournalError,
    NotSupportedError,
    SimulationError,
    TwinError,
    UnknownNameError,
)
from twin.line.spec import worded

MEDIA_TYPE = "application/problem+json"
MOST_FIELDS = 50
"""Findings that are told of one request."""
MAX_DEPTH = 40
"""Deepest nesting of a JSON body."""
INTEGER_LIMIT = 2**63
"""JSON integers lie below this, seen without their sign."""

_UNUSABLE = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ud800-\\udfff]")
"""What no text may hold: databases, workbooks and XML do not take it."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem."""

    name: str
    """Stable name; ``urn:linetwin:problem:`` goes before it."""
    status: int
    """HTTP status."""
    title: str
    """The problem in a few words."""

    @property
    def uri(self) -> str:
        """The name as a URI."""
        return f"urn:linetwin:problem:{self.name}"


BAD_JSON = ProblemType("bad-json", 400, "The body is no JSON that can be used")
UNAUTHENTICATED = ProblemType("unauthenticated", 401, "An API key is needed")
FORBIDDEN = ProblemType("forbidden", 403, "The API key does not allow this")
CROSS_SITE = ProblemType("cross-site", 403, "Another site may not use this page's session")
NOT_FOUND = ProblemType("not-found", 404, "There is no such thing")
BAD_MEDIA = ProblemType("unsupported-media-type", 415, "This kind of body is not taken here")
BAD_METHOD = ProblemType("method-not-allowed", 405, "This cannot be done here")
CONFLICT = ProblemType("conflict", 409, "It does not stand so that this can be done")
STILL_RUNNING = ProblemType("still-running", 409, "The first request is still at work")
PRECONDITION = ProblemType("precondition-failed", 412, "It was changed in between")
TOO_LARGE = ProblemType("body-too-large", 413, "The body is too large")
BAD_HOST = ProblemType("misdirected", 421, "This name is not served here")
INVALID = ProblemType("invalid-request", 422, "The request cannot be used")
INVALID_MODEL = ProblemType("invalid-model", 422, "The line or scenario does not hold together")
NOT_SUPPORTED = ProblemType("not-supported", 422, "The chosen method does not do this")
IDEMPOTENCY = ProblemType("idempotency-key-reused", 422, "The Idempotency-Key was used otherwise")
PRECONDITION_NEEDED = ProblemType("precondition-required", 428, "Say which version you mean")
TOO_OFTEN = ProblemType("too-many-requests", 429, "You ask too often")
QUOTA = ProblemType("quota", 429, "This key has too much at work already")
QUEUE_FULL = ProblemType("queue-full", 429, "Too much is waiting already")
INTERNAL = ProblemType("internal", 500, "This should not have happened")
SIMULATION = ProblemType("simulation-failed", 500, "The simulation cannot go on")
STORAGE = ProblemType("storage", 503, "The data cannot be kept")
PLANT_GONE = ProblemType("plant-unreachable", 503, "The plant is not there")
NOT_READY = ProblemType("not-ready", 503, "This is not ready yet")
MEMORY_LIMIT = ProblemType("memory-limit", 422, "The work needs more memory than it may have")
WORKER_DIED = ProblemType("worker-died", 500, "The process that did the work died")
TIME_LIMIT = ProblemType("time-limit", 504, "The work took too long")
"""A job that is ended for its time; also order promises that get no answer."""

_TABLE: tuple[tuple[type[Exception], ProblemType], ...] = (
    (UnknownNameError, NOT_FOUND),
    (InvalidInputError, INVALID_MODEL),
    (NotSupportedError, NOT_SUPPORTED),
    (SimulationError, SIMULATION),
    (JournalError, STORAGE),
    (MemoryError, MEMORY_LIMIT),
    (ConnectionLostError, PLANT_GONE),
    (TwinError, INTERNAL),
)
_PLACES = frozenset({"body", "query", "path", "header", "cookie"})
_BY_STATUS = {
    400: BAD_JSON,
    401: UNAUTHENTICATED,
    403: FORBIDDEN,
    404: NOT_FOUND,
    405: BAD_METHOD,
    413: TOO_LARGE,
    415: BAD_MEDIA,
    422: INVALID,
}


class RefusalError(TwinError):
    """A request that is refused, with its kind of problem.

    Parameters
    ----------
    kind : ProblemType
        What kind of problem it is.
    detail : str
        This very problem, for people.
    errors : sequence of FieldProblem
        What is wrong, field by field.
    headers : mapping of str to str, optional
        Headers of the answer.
    """

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        super().__init__(detail)

    def problem(self, instance: str = "", request_id: str = "") -> Problem:
        """Return the answer's body."""
        return Problem(
            type=self.kind.uri,
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail,
            instance=instance,
            request_id=request_id,
            errors=self.errors,
        )


def refusal(error: Exception) -> RefusalError:
    """Return an exception as a refusal; what is not ours becomes an internal error."""
    if isinstance(error, RefusalError):
        return error
    if isinstance(error, InvalidInputError):
        return RefusalError(INVALID_MODEL, error.title, [_field(item) for item in error.findings])
    for kind, problem in _TABLE:
        if isinstance(error, kind):
            return RefusalError(problem, str(error))
    return RefusalError(INTERNAL, "the log of the service tells more under this request id")


def passed_on(problem: Problem) -> RefusalError:
    """Return what a worker refused as our own refusal."""
    kind = ProblemType(problem.type.rpartition(":")[2], problem.status, problem.title)
    return RefusalError(kind, problem.detail, problem.errors)


Read = TypeVar("Read", bound=BaseModel)


def read_as(kind: type[Read], document: object) -> Read:
    """Return a document as one of our shapes.

    Raises
    ------
    RefusalError
        If it has another shape; with all that is wrong.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        found = _own(error.errors())
        fields = [_field(worded(item, kind=kind)) for item in found[:MOST_FIELDS]]
        detail = "; ".join(f"{field.path}: {field.message}" for field in fields[:3])
        raise RefusalError(INVALID, detail, fields) from error


def _own(errors: Sequence[Any]) -> list[Any]:
    """Return errors without those of lists that are too short only for want of their bad items."""
    inside = {item["loc"][:at] for item in errors for at in range(len(item["loc"]))}
    return [item for item in errors if item["type"] != "too_short" or item["loc"] not in inside]


def invalid(path: str, message: str, expected: str = "", remedy: str = "") -> RefusalError:
    """Return the refusal of one field."""
    told = FieldProblem(path=path, message=message, expected=expected, remedy=remedy)
    return RefusalError(INVALID, f"{path}: {message}", [told])


def not_found(what: str, name: str) -> RefusalError:
    """Return the refusal of something that is not there."""
    return RefusalError(NOT_FOUND, f"there is no {what} {name[:100]!r}")


def respond(error: RefusalError, instance: str, request_id: str) -> Response:
    """Return the answer to a refused request."""
    body = error.problem(instance, request_id).model_dump_json().encode("utf-8", "replace")
    return Response(body, error.kind.status, error.headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Turn every exception that reaches the application into a problem document."""

    async def told(request: Request, error: Exception) -> Response:
        refused, request_id = refusal(error), request_id_of(request.scope)
        if refused.kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # Nobody but those who look after the site can do something about it.
            found = {"request_id": request_id, "kind": refused.kind.uri, "detail": refused.detail}
            _log.error("refused", extra=found)
        return respond(refused, request.url.path, request_id)

    async def plain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = _BY_STATUS.get(error.status_code) or ProblemType(
            f"http-{error.status_code}", error.status_code, HTTPStatus(error.status_code).phrase
        )
        headers = dict(error.headers or {})
        if kind is BAD_METHOD:
            headers |= _allowed(request)
        refused = RefusalError(kind, str(error.detail), headers=headers)
        return respond(refused, request.url.path, request_id_of(request.scope))

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        kind = _body_kind(request)
        found = _own(error.errors())
        fields = [_field(_worded(item, kind)) for item in found[:MOST_FIELDS]]
        detail = "; ".join(f"{field.path}: {field.message}" for field in fields[:3])
        refused = RefusalError(INVALID, detail, fields)
        return respond(refused, request.url.path, request_id_of(request.scope))

    app.add_exception_handler(TwinError, told)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(RequestValidationError, validation)


def _allowed(request: Request) -> dict[str, str]:
    """Return the header that names all methods of a path; the router names those of one route."""
    path = getattr(request.scope.get("route"), "path", "")
    methods = request.app.openapi()["paths"].get(path, {})
    return {"Allow": ", ".join(sorted(name.upper() for name in methods))} if methods else {}


def request_id_of(scope: Mapping[str, Any]) -> str:
    """Return the id that was given to the request."""
    return str(scope.get("state", {}).get("request_id", ""))


def _body_kind(request: Request) -> Any:
    """Return the type that the body of a request is read as, where there is one."""
    field = getattr(request.scope.get("route"), "body_field", None)
    return field.field_info.annotation if field is not None else None


def _worded(item: Any, body: Any) -> Finding:
    place, *keys = item["loc"]
    if place == "body" and not keys:
        message = "is missing" if item["type"] == "missing" else "is no JSON object"
        remedy = "send one, with Content-Type: application/json"
        return Finding("body", message, "a JSON object", remedy)
    if place not in _PLACES:
        return worded(item)
    return worded({**item, "loc": tuple(keys)}, kind=body if place == "body" else None)


def _field(found: Finding) -> FieldProblem:
    return FieldProblem(
        path=_clean(found.path) or "body",
        message=_clean(found.message),
        expected=_clean(found.expected),
        remedy=_clean(found.remedy),
    )


def _clean(text: str) -> str:
    """Return text that can be sent: no lone surrogates, and no more than a person would read."""
    return text.encode("utf-8", "replace").decode()[:500]


def strict_json(body: bytes) -> object:
    """Read a JSON body that only holds what can be used.

    Raises
    ------
    RefusalError
        If it is no JSON, names a key twice, nests too deeply, or holds a number that is not finite
        or needs more than 64 bits, or text that is no Unicode or holds control characters.
    """
    try:
        text = body.decode("utf-8")
        found: object = json.loads(
            text,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
            object_pairs_hook=_keys,
        )
    except RecursionError:
        raise RefusalError(BAD_JSON, f"it nests deeper than {MAX_DEPTH} levels") from None
    except UnicodeDecodeError as error:
        raise RefusalError(BAD_JSON, f"it is no UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        detail = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise RefusalError(BAD_JSON, detail) from error
    _inspect(found)
    return found


def _inspect(found: object) -> None:
    """Refuse deep nesting and texts that cannot be used, without recursion."""
    waiting: list[tuple[object, int]] = [(found, 1)]
    while waiting:
        here, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise RefusalError(BAD_JSON, f"it nests deeper than {MAX_DEPTH} levels")
        if isinstance(here, str):
            _text(here)
        elif isinstance(here, dict):
            for key, value in here.items():
                _text(key)
                waiting.append((value, depth + 1))
        elif isinstance(here, list):
            waiting.extend((value, depth + 1) for value in here)


def _text(text: str) -> None:
    found = _UNUSABLE.search(text)
    if found is None:
        return
    if found[0] >= "\ud800":
        raise RefusalError(BAD_JSON, "it holds text with half of a surrogate pair")
    detail = f"it holds text with the control character U+{ord(found[0]):04X}"
    raise RefusalError(BAD_JSON, detail)


def _constant(name: str) -> NoReturn:
    raise RefusalError(BAD_JSON, f"it holds {name}, which is no JSON number")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise RefusalError(BAD_JSON, f"the number {text[:40]} is too large")
    return value


def _int(text: str) -> int:
    if len(text) > 20 or abs(int(text)) >= INTEGER_LIMIT:  # noqa: PLR2004 - digits of 2**63, sign
        raise RefusalError(BAD_JSON, f"the number {text[:40]} needs more than 64 bits")
    return int(text)


def _keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusalError(BAD_JSON, f"it names the key {twice[:40]!r} twice")
    return found
