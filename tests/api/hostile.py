"""Requests that nobody friendly sends: drawn from the API's own description, most nearly right.

Drawn from a seeded generator and not by hypothesis: nothing is made smaller here, and drawing costs
a tenth, so that a hundred thousand are sent in minutes. A request is named by seed and number.
"""

import http.client
import json
import random
import string
from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

TEXTS = (
    "", "two_station", "electronics", "press", "live", "empty", "breakdown", "nan", "inf", "-1",
    "1e999", "\x00", "%", "é", "ไทย", "../..", "'; --", "<b>", "1" * 300, "2026-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026-01-01", "bushing", "controller",
)  # fmt: skip
NUMBERS = (
    0, -1, 1, 2, 10, 1e308, -0.0, 2**31, 2**53 + 1, 2**63, 2**64, -(2**70), 10**400, 0.1, 1e-320,
)  # fmt: skip
RAW = (
    b"", b"{", b"null", b"[]", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1, "a": 2}', b'"\\ud800"',
    b'{"line_id": "\\ud800"}', b"\xff\xfe", b"[" * 2000, b'{"a":' * 500 + b"1" + b"}" * 500,
    b"1e999", b'{"__proto__": {}}', b"\xef\xbb\xbf{}", b"<a/>", b"PK\x03\x04",
    b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
)  # fmt: skip
"""Bodies that are no usable document."""
NAMED = {
    "line_id": ("two_station", "electronics"),
    "element_id": ("two_station.press", "two_station.chute", "electronics.printer"),
    "product": ("bushing", "controller"),
    "order_id": ("EL-201", "EL-202"),
    "subject": ("events", "signals", "kpis", "state", "model", "scenarios"),
    "start": ("live", "empty"),
    "name": ("a", "b"),
}
"""What there is, by the name of the parameter or field that means it."""
MOMENTS = (
    "2026-01-05T08:00:00Z", "2030-01-07T16:00:00+07:00", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z", "2026-01-05T08:00:00.123456789-11:59",
)  # fmt: skip
MALICE = (0.0, 0.0, 0.01, 0.1)
"""How often a part of one request is something else; a request without gets furthest."""
MOST_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None
    answers: frozenset[str]
    """Statuses that the description declares."""


class Hostile:
    """Draws requests.

    Parameters
    ----------
    document : dict
        The API's description.
    seed : int
        Of what is drawn.
    """

    def __init__(self, document: dict[str, Any], seed: int) -> None:
        self._shapes = document["components"]["schemas"]
        self._random = random.Random(seed)
        self._operations = [
            (method.upper(), path, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if path != "/v1/events"  # it never ends
        ]
        self._said: list[Request] = []
        self._ids: list[str] = []
        self._malice = 0.0

    def request(self) -> Request:
        """Return the next request; now and then one that was sent before."""
        if self._said and self._random.random() < 0.02:
            return self._random.choice(self._said)
        found = self._request(*self._random.choice(self._operations))
        if len(self._said) < 200:
            self._said.append(found)
        return found

    def heard(self, status: int, content: bytes) -> None:
        """Learn from an answer what there is to ask for."""
        if status in {201, 202}:
            self._ids = [*self._ids[-100:], str(json.loads(content).get("id", ""))]

    def _request(self, method: str, path: str, operation: dict[str, Any]) -> Request:
        draw = self._random
        self._malice = draw.choice(MALICE)
        query: dict[str, str] = {}
        headers: dict[str, str] = {}
        for parameter in operation.get("parameters", ()):
            name, place, schema = parameter["name"], parameter["in"], parameter["schema"]
            if place == "path":
                path = path.replace("{" + name + "}", _quoted(self._name(name)))
            elif draw.random() < 0.4 and place == "query":
                query[name] = str(self.value(schema, 0))
            elif draw.random() < 0.4 and place == "header":
                headers[name] = "".join(draw.choices(_PRINTED, k=draw.randint(1, 20)))
        if draw.random() < self._malice:
            query[self._text()] = self._text()
        body = None
        if "requestBody" in operation:
            kind, content = draw.choice(sorted(operation["requestBody"]["content"].items()))
            headers["Content-Type"] = kind
            body = self._body(content.get("schema", {}))
        query_text = urlencode(query, errors="surrogatepass")
        target = f"{path}?{query_text}" if query else path
        return Request(method, target, headers, body, frozenset(operation["responses"]))

    def _body(self, schema: dict[str, Any]) -> bytes:
        if self._random.random() < self._malice:
            return self._random.choice(RAW)
        body = json.dumps(self.value(schema, 0)).encode()
        if self._random.random() < self._malice / 2:
            return body[: len(body) // 2]
        return body

    def value(self, schema: dict[str, Any], depth: int, name: str = "") -> Any:
        """Return a value that nearly fits a schema: most are right in type, some are anything."""
        draw = self._random
        if draw.random() < self._malice or depth > MOST_DEPTH:
            return self._anything(2)
        if "$ref" in schema:
            return self.value(self._shapes[schema["$ref"].rpartition("/")[2]], depth + 1, name)
        for word in ("anyOf", "oneOf", "allOf"):
            if word in schema:
                return self.value(draw.choice(schema[word]), depth + 1, name)
        if "const" in schema or "enum" in schema:
            return schema["const"] if "const" in schema else draw.choice(schema["enum"])
        kinds = {"object": self._object, "array": self._array}
        return kinds.get(str(schema.get("type")), self._leaf)(schema, depth, name)

    def _array(self, schema: dict[str, Any], depth: int, _name: str) -> list[Any]:
        items = schema.get("items", {})
        return [self.value(items, depth + 1) for _ in range(self._random.randint(0, 3))]

    def _object(self, schema: dict[str, Any], depth: int, _name: str) -> dict[str, Any]:
        draw = self._random
        required = set(schema.get("required", ()))
        found = {
            name: self.value(item, depth + 1, name)
            for name, item in schema.get("properties", {}).items()
            if name in required or draw.random() < 0.2
        }
        other = schema.get("additionalProperties")
        if isinstance(other, dict):
            for _ in range(draw.randint(0, 2)):
                found[self._text()] = self.value(other, depth + 1)
        if draw.random() < self._malice and found:
            found.pop(draw.choice(list(found)))
            found[self._text()] = self._anything(1)
        return found

    def _leaf(self, schema: dict[str, Any], _depth: int, name: str) -> Any:
        draw, kind = self._random, schema.get("type")
        if kind == "string":
            if schema.get("format") == "date-time" and draw.random() < 1 - self._malice:
                return draw.choice(MOMENTS)
            return self._name(name) if name in NAMED or draw.random() < 0.3 else self._text()
        if kind in {"boolean", "null"}:
            return draw.random() < 0.5 if kind == "boolean" else None
        if kind not in {"integer", "number"}:
            return self._anything(1)
        if draw.random() < self._malice:
            return draw.choice(NUMBERS)
        least = float(schema.get("minimum", schema.get("exclusiveMinimum", -3)))
        most = min(float(schema.get("maximum", schema.get("exclusiveMaximum", 5000))), 5000.0)
        value = draw.uniform(least, max(least, draw.choice((least + 3, most))))
        return round(value) if kind == "integer" else value

    def _name(self, name: str) -> str:
        """Return a text that may name what there is."""
        draw = self._random
        if name in NAMED and draw.random() < 0.8:
            return draw.choice(NAMED[name])
        if self._ids and draw.random() < 0.6:
            return draw.choice(self._ids)
        return self._text()

    def _text(self) -> str:
        draw = self._random
        if draw.random() < 0.7:
            return draw.choice(TEXTS)
        if draw.random() < 0.1:
            return chr(draw.randrange(0x11_0000))
        return "".join(draw.choices(_NAMES, k=draw.randint(1, 20)))

    def _anything(self, depth: int) -> Any:
        draw = self._random
        kind = draw.randrange(7 if depth > 0 else 5)
        if kind == 5:
            return [self._anything(depth - 1) for _ in range(draw.randint(0, 3))]
        if kind == 6:
            return {self._text(): self._anything(depth - 1) for _ in range(draw.randint(0, 3))}
        return (None, draw.random() < 0.5, draw.choice(NUMBERS), self._text(), draw.random())[kind]


class Sender:
    """Sends requests over one connection, and counts the answers by status.

    Parameters
    ----------
    address : str
        Of the service.
    key : str
        What it is asked with.
    """

    def __init__(self, address: str, key: str) -> None:
        host, _, port = address.rpartition("/")[2].partition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=60.0)
        self._key = key
        self.statuses: Counter[int] = Counter()

    def send(self, request: Request) -> tuple[int, bytes]:
        """Return the status and the body of the answer."""
        headers = request.headers | {"X-API-Key": self._key}
        try:
            self._connection.request(request.method, request.target, request.body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (http.client.HTTPException, ConnectionError):
            self._connection.close()  # it is opened anew; an answer that breaks off is a finding
            raise
        self.statuses[answer.status] += 1
        return answer.status, content

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


_PRINTED = "".join(chr(code) for code in range(33, 127))
_NAMES = string.ascii_letters + string.digits + "_-"


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass")) or "%20"
