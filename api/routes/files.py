"""Files out and in: exports of what is there, workbooks with lines and scenarios."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from api.exports import (
    DOCUMENT,
    KINDS,
    MEDIA,
    TABLE,
    File,
    FileKind,
    Subject,
    check_kind,
    line_file,
    line_table,
    run_table,
    scenario_file,
    table_file,
)
from api.kept import MOST_LINES, from_workbook, keep_line
from api.live import LiveLine
from api.problems import CONFLICT, RefusalError
from api.routes.common import MayRead, TheSite
from api.routes.lines import summary
from api.routes.once import Created, TheCaller, create, etag
from api.routes.scenarios import get_results, scenario_view
from api.schemas import LineSummary, Page, ScenarioIn, ScenarioView
from api.site import Site
from api.store import Resource, ResourceKind, Slice, new_id
from scenarios.whatif import Scenario
from twin.line import Line, example_line

router = APIRouter(prefix="/v1", tags=["files"])
MOST_SCENARIOS = 1000
EXAMPLE = "two_station"
"""Line that a template of a line begins with."""

Window = Annotated[
    float, Query(gt=0, le=31 * 86400.0, allow_inf_nan=False, description="Time back, s.")
]
Language = Annotated[Literal["en", "th"], Query(description="Language of a line's workbook.")]
Format = Annotated[FileKind, Query(alias="format", description="Kind of file.")]


def file_answers(*kinds: FileKind) -> dict[int | str, dict[str, Any]]:
    """Return how an answer that is a file is described in the API's description."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    told: dict[FileKind, Any] = {
        FileKind.JSON: {},
        FileKind.YAML: {"schema": {"type": "object"}},
    }
    content = {MEDIA[kind]: told.get(kind, binary) for kind in kinds}
    return {200: {"description": "The file", "content": content}}


WORKBOOK = {
    "requestBody": {
        "required": True,
        "content": {MEDIA[FileKind.XLSX]: {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def _bytes(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_bytes)]


@router.get(
    "/lines/{line_id}/exports/{subject}",
    response_class=Response,
    responses=file_answers(*FileKind),
)
def export_line(
    site: TheSite,
    _who: MayRead,
    line_id: str,
    subject: Subject,
    kind: Format = FileKind.XLSX,
    window_s: Window = 3600.0,
    lang: Language = "en",
) -> Response:
    """Give events, signals, key figures, state, model or scenarios of a line as a file."""
    live = site.line(line_id)
    check_kind(kind, KINDS[subject])
    if subject is Subject.MODEL:
        made = line_file(live, kind, lang)
    elif subject is Subject.SCENARIOS:
        made = scenario_file(live, _scenarios(site, line_id), kind, lang)
    else:
        made = table_file(line_table(live, subject, window_s), kind)
    as_of = live.picture().as_of.strftime("%Y%m%d-%H%M")
    return sent(made, f"{line_id}-{subject}-{as_of}")


@router.get("/runs/{run_id}/export", response_class=Response, responses=file_answers(*TABLE))
def export_run(site: TheSite, who: MayRead, run_id: str, kind: Format = FileKind.XLSX) -> Response:
    """Give the figures of a run as a file."""
    check_kind(kind, TABLE)
    return sent(table_file(run_table(get_results(site, who, run_id)), kind), run_id)


@router.get(
    "/line-template", response_class=Response, responses=file_answers(FileKind.XLSX, FileKind.YAML)
)
def line_template(_who: MayRead, kind: Format = FileKind.XLSX, lang: Language = "en") -> Response:
    """Give a small line as a file to begin with: change it and send it back."""
    check_kind(kind, DOCUMENT[:2])
    return sent(line_file(LiveLine(example_line(EXAMPLE)), kind, lang), "line")


@router.post("/lines", status_code=201, response_model=LineSummary, openapi_extra=WORKBOOK)
def import_line(site: TheSite, who: TheCaller, body: Body) -> Response:
    """Serve a line from a workbook from now on; one that came in before is replaced."""
    from twin.line.workbook import line_from_workbook  # noqa: PLC0415 - heavy

    line: Line = from_workbook(body, line_from_workbook)
    kept = {path.stem for path in (site.settings.data_folder / "lines").glob("*.yaml")}
    if line.id in site.lines and line.id not in kept:
        told = f"a line {line.id!r} is served already; give yours another id in the sheet 'line'"
        raise RefusalError(CONFLICT, told)
    if len(kept | {line.id}) > MOST_LINES:
        raise RefusalError(CONFLICT, f"{MOST_LINES} lines are kept already")

    def effect(_transaction: Any) -> Created:
        live = LiveLine(line)
        keep_line(site.settings.data_folder, line)
        site.add(live)
        headers = {"Location": f"/v1/lines/{line.id}"}
        return Created(201, summary(live), headers, subject=line.id)

    return create(site, who, effect)


@router.post(
    "/lines/{line_id}/scenario-workbook",
    status_code=201,
    response_model=Page[ScenarioView],
    openapi_extra=WORKBOOK,
)
def import_scenarios(site: TheSite, who: TheCaller, line_id: str, body: Body) -> Response:
    """Keep all scenarios of a workbook that was filled in, or none if one does not fit."""
    from scenarios.whatif.workbook import read_scenarios  # noqa: PLC0415 - heavy

    live = site.line(line_id)
    found = from_workbook(body, lambda path: read_scenarios(path, live.line))
    shapes = [_shape(line_id, scenario) for scenario in found[:MOST_SCENARIOS]]

    def effect(transaction: Any) -> Created:
        now = datetime.now(UTC)
        made = []
        for shape in shapes:
            document = shape.model_dump(mode="json")
            made.append(
                Resource(new_id("scenario"), ResourceKind.SCENARIO, line_id, document, now, now)
            )
            transaction.add(made[-1])
        views = tuple(scenario_view(item) for item in made)
        headers = {"ETag": etag(made[0])} if len(made) == 1 else {}
        return Created(201, Page[ScenarioView](items=views), headers, subject=line_id)

    return create(site, who, effect)


def _shape(line_id: str, scenario: Scenario) -> ScenarioIn:
    told = scenario.model_dump(mode="json", exclude_none=True)
    return ScenarioIn.model_validate(
        {"line_id": line_id}
        | {name: told[name] for name in ("name", "description", "changes") if told.get(name)}
        | {name: told[name] for name in ("faults", "events") if told.get(name)}
    )


def _scenarios(site: Site, line_id: str) -> list[ScenarioView]:
    with site.store.begin() as transaction:
        part = Slice(MOST_SCENARIOS, None, line_id)
        found = transaction.slice(ResourceKind.SCENARIO, part)
    return [scenario_view(item) for item in found]


def sent(made: File, name: str) -> Response:
    """Return the answer that is a file, named for whoever keeps it."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.{made.kind}"'}
    return Response(made.content, media_type=MEDIA[made.kind], headers=headers)
