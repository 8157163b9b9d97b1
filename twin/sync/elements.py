"""What can be known of each element of a line."""

from __future__ import annotations

from twin.errors import Finding
from twin.line import Line

STATION = {
    "state": "int",
    "failure_mode": "string",
    "repairing": "boolean",
    "on": "boolean",
    "setup_group": "string",
    "processed": "int",
    "scrapped": "int",
}
SERVER = {
    "state": "int",
    "part": "int",
    "product": "string",
    "order": "string",
    "operation": "int",
}
PHASES = (
    *("waiting", "setup", "loading", "loaded", "processing", "processed", "unloading", "done"),
)
"""What happens to the part on a server, in order; ``loaded`` and ``processed`` stand for waiting
until the next phase begins."""
BUFFER = {"level": "int", "parts": "int_list"}
SOURCE = {"created": "int", "waiting": "int"}
SINK = {"finished": "int", "last_part": "int"}
POOL = {"asked": "int_list"}
CREW = {"on_shift": "boolean", "absent": "int"}
VEHICLE = {"status": "string", "part": "int", "place": "string", "goal": "string"}


def known_properties(line: Line) -> dict[str, dict[str, str]]:
    """Return what can be known of each element of a line: element -> property -> type."""
    known: dict[str, dict[str, str]] = {"": {}}
    more = _more(line)
    for station in line.stations:
        servers = {
            f"servers.{k}.{name}": kind
            for k in range(station.servers)
            for name, kind in (SERVER | more[station.id]).items()
        }
        known[station.id] = STATION | servers
        if station.maintenance:
            known[station.id] |= {"maintenance": "string", "maintaining": "boolean"}
        if station.wear is not None:
            known[station.id] |= {"wear": "int"}
        if any(mode.skill is not None for mode in station.modes):
            known[station.id] |= {"repair_team": "string"}
    known |= {buffer.id: dict(BUFFER) for buffer in line.buffers}
    known |= {source.id: dict(SOURCE) for source in line.sources}
    known |= {sink.id: dict(SINK) for sink in line.sinks}
    for pool in line.vehicles:
        numbered = {
            f"vehicles.{k}.{name}": kind
            for k in range(pool.count)
            for name, kind in VEHICLE.items()
        }
        known[pool.id] = POOL | numbered
    for crew in line.crews:
        # Its name may be that of a place, its properties are not.
        told = CREW if crew.calendar is not None else {"absent": CREW["absent"]}
        known[crew.id] = known.get(crew.id, {}) | told
    return known


def _more(line: Line) -> dict[str, dict[str, str]]:
    """Return what a server tells besides, where a station does more than process single parts."""
    more: dict[str, dict[str, str]] = {
        station.id: {"parts": "int_list"} if station.batch is not None else {}
        for station in line.stations
    }
    for name in line.manned:
        more[name] |= {"team": "string"}
    for product in line.products:
        for operation in product.routing:
            handled = operation.loads or operation.unloads
            for name in operation.stations:
                more[name] |= {"phase": "string"} if handled else {}
                more[name] |= {"parts": "int_list"} if operation.makes else {}
                more[name] |= {"kit": "int_list"} if operation.components else {}
    return more


def needed(line: Line, mapped: set[tuple[str, str]]) -> list[Finding]:
    """Return what the line needs and nothing maps.

    A station needs the state of each server; parts by number, or the counter of finished
    operations from which they are inferred.
    """
    findings = []
    for station in line.stations:
        findings += [
            _unmapped(f"{station.id}.servers.{k}.state")
            for k in range(station.servers)
            if (station.id, f"servers.{k}.state") not in mapped
        ]
        numbered = all((station.id, f"servers.{k}.part") in mapped for k in range(station.servers))
        if not numbered and (station.id, "processed") not in mapped:
            findings.append(_unmapped(f"{station.id}.processed (or part of each server)"))
    return findings


def _unmapped(what: str) -> Finding:
    return Finding("nodes", f"nothing says {what}", remedy="map a node to it")
