"""B2MML at the border: operations schedules and performance as XML or JSON become our shapes.

What is read: of an ``OperationsSchedule`` each ``OperationsRequest`` with its ``ID``,
``StartTime``, ``EndTime`` and ``Priority``, and of its segment requirements the material that is
``Produced``; of an ``OperationsPerformance`` each ``OperationsResponse`` with
``OperationsRequestID``, ``StartTime``, ``EndTime`` and the material ``Produced`` and ``Scrap``. The
line is the ``EquipmentID`` of the ``HierarchyScope``. What else a message says is not ours to keep.
"""

from __future__ import annotations

from typing import Any

from api.problems import BAD_MEDIA, MAX_DEPTH, RefusalError, invalid, strict_json

Document = dict[str, Any]
B2MML_JSON = "application/vnd.b2mml+json"
XML = ("application/xml", "text/xml")
KINDS = ("application/json", B2MML_JSON, *XML)
"""Kinds of body that are taken; the first is our own shape."""
GOOD, SCRAP = "Produced", "Scrap"


def schedule_document(body: bytes, kind: str) -> Document:
    """Return an operations schedule as the document of an ``OperationsScheduleIn``.

    Parameters
    ----------
    body : bytes
        As it came.
    kind : str
        Its content type.

    Raises
    ------
    RefusalError
        If it cannot be read.
    """
    read = _read(body, kind, "OperationsSchedule")
    if read is None:
        return _own(body)
    requests = [_request(item) for item in _all(read, "OperationsRequest")]
    return {"line_id": _line(read), "requests": requests}


def performance_document(body: bytes, kind: str) -> Document:
    """Return an operations performance as the document of an ``OperationsPerformanceIn``.

    Raises
    ------
    RefusalError
        If it cannot be read.
    """
    read = _read(body, kind, "OperationsPerformance")
    if read is None:
        return _own(body)
    responses = [_response(item) for item in _all(read, "OperationsResponse")]
    return {"line_id": _line(read), "responses": responses}


def _read(body: bytes, kind: str, root: str) -> Document | None:
    """Return a B2MML message as a document; None: the body is in our own shape."""
    media = kind.partition(";")[0].strip().lower()
    if media == KINDS[0]:
        return None
    if media == B2MML_JSON:
        found = _own(body)
        inner = found.get(root, found)
        return inner if isinstance(inner, dict) else {}
    if media in XML:
        return _xml(body, root)
    raise RefusalError(BAD_MEDIA, f"{media[:60]!r} is not taken; expected one of {list(KINDS)}")


def _own(body: bytes) -> Document:
    found = strict_json(body)
    if not isinstance(found, dict):
        raise invalid("body", "is no JSON object", "a JSON object")
    return found


def _xml(body: bytes, root: str) -> Document:
    """Return an XML message as a document; what could hurt a parser is refused."""
    from defusedxml import (  # type: ignore[import-untyped]  # noqa: PLC0415 - only for XML
        DefusedXmlException,
    )
    from defusedxml.ElementTree import (  # type: ignore[import-untyped]  # noqa: PLC0415
        ParseError,
        fromstring,
    )

    try:
        element = fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise invalid("body", "holds a document type or entities", "plain XML") from error
    except (ParseError, ValueError, LookupError) as error:
        raise invalid("body", f"is no XML: {str(error)[:200]}", "a B2MML message") from error
    if _name(element) != root:
        raise invalid("body", f"is a {_name(element)[:60]}", root)
    document: Document = {}
    waiting = [(element, document, 1)]
    while waiting:
        here, into, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise invalid("body", f"nests deeper than {MAX_DEPTH} levels")
        for child in here:
            inner: Document = {}
            leaf = len(child) == 0
            value = (child.text or "").strip() if leaf else inner
            into.setdefault(_name(child), []).append(value)
            waiting.append((child, inner, depth + 1))
    return document


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _all(document: Document, name: str) -> list[Any]:
    found = document.get(name, [])
    return found if isinstance(found, list) else [found]


def _text(document: Any, *path: str) -> str | None:
    """Return the first text at a path; None: there is none."""
    here = document
    for name in path:
        if not isinstance(here, dict):
            return None
        here = next(iter(_all(here, name)), None)
    if isinstance(here, dict) and "value" in here:
        here = here["value"]
    return str(here) if isinstance(here, str | int | float) and here != "" else None


def _line(document: Document) -> str | None:
    return _text(document, "HierarchyScope", "EquipmentID")


def _request(item: Any) -> Document:
    found: Document = {"id": _text(item, "ID")}
    for segment in _all(item, "SegmentRequirement") if isinstance(item, dict) else []:
        for material in _materials(segment, "MaterialRequirement", GOOD):
            found["product"] = _text(material, "MaterialDefinitionID")
            found["quantity"] = _whole(material)
    for name, place in (("release", "StartTime"), ("due_date", "EndTime")):
        found[name] = _text(item, place)
    priority = _text(item, "Priority")
    if priority is not None:
        found["priority"] = priority
    return {name: value for name, value in found.items() if value is not None}


def _response(item: Any) -> Document:
    found: Document = {"order_id": _text(item, "OperationsRequestID") or _text(item, "ID")}
    totals = {"good": 0, "scrapped": 0}
    for segment in _all(item, "SegmentResponse") if isinstance(item, dict) else []:
        for name, use in (("good", GOOD), ("scrapped", SCRAP)):
            for material in _materials(segment, "MaterialActual", use):
                totals[name] += _whole(material)
    found |= totals | {"begin": _text(item, "StartTime"), "end": _text(item, "EndTime")}
    return {name: value for name, value in found.items() if value is not None}


def _materials(segment: Any, name: str, use: str) -> list[Any]:
    items = _all(segment, name) if isinstance(segment, dict) else []
    return [item for item in items if (_text(item, "MaterialUse") or GOOD) == use]


def _whole(material: Any) -> int:
    """Return a quantity that counts parts."""
    text = _text(material, "Quantity", "QuantityString") or "0"
    try:
        value = float(text) if len(text) < 30 else -1.0  # noqa: PLR2004 - more digits than parts
    except ValueError:
        value = -1.0
    if not 0 <= value < 2**53 or value != int(value):
        raise invalid("QuantityString", f"{text[:40]!r} is no number of parts", "a whole number")
    return int(value)
