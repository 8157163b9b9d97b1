"""Reports on paper: an A4 page of words, a table and charts as PDF, made without a browser.

A page is put together as SVG, with the charts inside; ``vl_convert`` turns charts into SVG and the
page into PDF. It runs in a process of its own, because it lets no other thread work meanwhile.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from typing import Any

from api.schemas import (
    ComparisonRow,
    Interval,
    RunResults,
    ScheduleView,
    ScheduleViolation,
    ScheduleWarning,
)
from api.ui import specs
from api.ui.specs import SHOWN

WIDTH, HEIGHT, EDGE = 595.0, 842.0, 40.0
"""A4 and its margin, points."""
ROW, LINE, GAP = 15.0, 10.0, 6.0
"""Height of a table's row, of a further line in it, and room between columns, points."""
LETTER, SMALL = 8.5, 7.0
"""Height of the letters in a table's first line and in those that say more, points."""
CHART_PX, CHART_SCALE = 440, 0.79
"""Width of a chart over the whole page without what stands beside it, pixels, and points each."""
LATIN = "Noto Sans, Liberation Sans, Arial, DejaVu Sans, sans-serif"
THAI = "Noto Sans Thai, Noto Sans Thai Looped, Sarabun, Leelawadee UI, Loma, Garuda, Waree"
"""Faces, the first one there is taken: one without Thai letters must not stand before those."""
INK, MUTED, RULE = "#15202b", "#566373", "#c3ccd5"
TIMEOUT_S = 120.0
"""Longest wait for a report, s."""
MARKS = re.compile(r"[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]")
THAI_WIDER = 0.1
"""What a Thai letter is wider than others on average, of a letter."""
BOLD = 0.9
"""How many bold letters fit where one other does."""
VIOLATIONS = 8
"""Most violations of a schedule that its report names."""
ALIKE = "no relevant difference"
SIGN = {"better": "▲", "worse": "▼", "cannot tell yet": "?", ALIKE: "="}
"""Signs of verdicts, as on the page."""
MAKE = """
import json, re, sys, vl_convert
given = json.load(sys.stdin)
page = given["page"]
for number, chart in enumerate(given["charts"]):
    spec = chart["spec"] | {"background": "#ffffff"}
    svg = vl_convert.vegalite_to_svg(json.dumps(spec))
    svg = re.sub(r"<\\?xml[^>]*>|<!DOCTYPE[^>]*>", "", svg)
    # Names inside one chart must not meet those of another on the same page.
    svg = re.sub(r'(id="|url\\(#|href="#)', lambda found: found.group(1) + f"c{number}-", svg)
    size = 'x="%s" y="%s" width="%s" height="%s"' % tuple(chart["place"])
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \\1" + size, svg, count=1)
    page = page.replace("<!--chart-%d-->" % number, svg)
# The vowel am is one letter of two shapes; what draws letters would put the next one on top of it.
page = re.sub("([\u0e48-\u0e4b]?)\u0e33", "\u0e4d\\\\1\u0e32", page)
if given["svg"]:
    sys.stdout.buffer.write(page.encode())
else:
    sys.stdout.buffer.write(vl_convert.svg_to_pdf(page))
"""


Look = tuple[str, int]
"""Colour and weight of letters."""


@dataclass(slots=True)
class Paper:
    """A page that is filled from top to bottom."""

    parts: list[str] = field(default_factory=list)
    """Pieces of SVG."""
    charts: list[dict[str, Any]] = field(default_factory=list)
    """Charts and their places."""
    y: float = EDGE
    """Where the next piece begins, points."""

    def text(self, said: str, size: float = 9.5, colour: str = INK, weight: int = 400) -> None:
        """Write a paragraph, broken where it must be."""
        fits = int((WIDTH - 2 * EDGE) / (size * 0.5))
        for line in _broken(said, fits):
            self.y += size * 1.35
            self.parts.append(_text((EDGE, self.y), line, size, (colour, weight)))
        self.y += size * 0.35

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[str]], wide: Sequence[float]
    ) -> None:
        """Write a table whose columns have these shares of the width; the first is to the left.

        What is too long goes on below. A second line of a cell is written smaller.
        """
        edges, at = [], EDGE
        for share in wide:
            edges.append((at, at + share * (WIDTH - 2 * EDGE)))
            at = edges[-1][1]
        for number, row in enumerate([head, *rows]):
            self.y += ROW
            tall = 1
            for place, (cell, (left, right)) in enumerate(zip(row, edges, strict=True)):
                x, anchor = (left, "start") if place == 0 else (right, "end")
                look = (MUTED, 600) if number == 0 else (INK, 600 if place == 0 else 400)
                lines = _lines(cell, (right - left - GAP) * (BOLD if number == 0 else 1.0))
                for below, (line, size) in enumerate(lines):
                    seen = look if size == LETTER else (MUTED, 400)
                    spot = (x, self.y + below * LINE)
                    self.parts.append(_text(spot, line, size, seen, anchor))
                tall = max(tall, len(lines))
            self.y += (tall - 1) * LINE
            self.parts.append(
                f'<path d="M{EDGE} {self.y + 4.5}H{WIDTH - EDGE}" stroke="{RULE}" '
                'stroke-width="0.5"/>'
            )
        self.y += ROW

    def chart(
        self, spec: dict[str, Any], height: float, left: float = 0.0, share: float = 1.0
    ) -> None:
        """Draw a chart from here on; several may stand side by side."""
        wide = WIDTH - 2 * EDGE
        place = [EDGE + left * wide, self.y, share * wide - 8, height]
        self.parts.append(f"<!--chart-{len(self.charts)}-->")
        self.charts.append({"spec": spec, "place": place})

    def document(self) -> dict[str, Any]:
        """Return page and charts as the process that draws them takes them."""
        said = "".join(self.parts)
        font = f"{THAI}, {LATIN}" if re.search("[\u0e00-\u0e7f]", said) else LATIN
        charts = [
            {"place": chart["place"], "spec": chart["spec"] | {"config": {"font": font}}}
            for chart in self.charts
        ]
        page = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{font}">'
            f'<rect width="100%" height="100%" fill="#ffffff"/>{said}</svg>'
        )
        return {"page": page, "charts": charts}


def comparison_report(results: RunResults, words: Mapping[str, str], name: str = "") -> Paper:
    """Return the report of a comparison: what each scenario does, its figures, two charts."""
    own = tuple(row for row in results.rows if row.element is None)
    others = [item for item in results.scenarios if item.id != "base"]
    paper = _headed(words["compare.title"], words, (name, results.line_id), results.provenance)
    told = words["report.simulated"].format(level=f"{100 * results.level:g}")
    hours = words["length.h"].format(n=f"{results.horizon_s / 3600:g}")
    paper.text(f"{told} · {results.replications} × {hours}", 8.5, MUTED)
    for row in own:
        if row.kpi == "throughput_rate":
            paper.text(_sentence(row, words), 10.5, weight=600)
    paper.y += 8
    by = {(row.kpi, row.scenario_id): row for row in own}
    figures = [key for key in SHOWN if any(row.kpi == key for row in own)]
    head = [words["col.figure"], words["whatif.base"], *(item.name for item in others)]
    rows = []
    for key in figures:
        found = [by.get((key, item.id)) for item in others]
        first = next(row for row in found if row is not None)
        name = f"{words[f'kpi.{key}']}, {words[SHOWN[key][2]]}"
        cells = [_figure(row, words) if row else "–" for row in found]
        rows.append([name, _interval(first.base, key), *cells])
    paper.table(head, rows, [0.25] + [0.75 / (1 + len(others))] * (1 + len(others)))
    brief = results.model_copy(update={"rows": own})
    if len(others) == 1:
        paper.chart(_sized(specs.comparison(brief, words), 230), 230, 0.0, 0.5)
        paper.chart(_sized(specs.samples(brief, words), 230), 230, 0.5, 0.5)
        return paper
    # Several scenarios need the whole width, and share what is left of the page.
    left = HEIGHT - EDGE - paper.y
    for spec, high, share in (
        (specs.comparison(brief, words), 250, 0.6),
        (specs.samples(brief, words), 130, 0.4),
    ):
        room = min(share * left, (high + 110) * CHART_SCALE)
        paper.chart(_sized(spec, CHART_PX) | {"height": high}, room)
        paper.y += room + 4
    return paper


def schedule_report(
    view: ScheduleView, names: Mapping[str, str], words: Mapping[str, str], name: str = ""
) -> Paper:
    """Return the report of a schedule: how good it is, a Gantt chart, each order's dates."""
    result = view.result
    assert result is not None, "only what was found is reported"
    paper = _headed(words["schedule.title"], words, (name, view.line_id), result.provenance)
    late = sum((order.tardiness_s or 0) > 0 for order in result.orders)
    gap = f"{_rounded(100 * result.gap)}\u00a0%" if result.gap is not None else "–"
    objective = _rounded(result.objective) if result.objective is not None else "–"
    meant = words.get(f"objective.{result.objective_name}", result.objective_name)
    facts = (
        (words["fact.status"], words[f"plan.{result.status}"]),
        (words["fact.late"], f"{late} / {len(result.orders)}"),
        (words["fact.objective"], f"{objective} {meant}"),
        (words["fact.gap"], gap),
        (
            words["fact.violations"],
            str(len(result.violations)) if result.violations else words["plan.no_violations"],
        ),
    )
    paper.text(" · ".join(f"{name}: {value}" for name, value in facts), 10, weight=600)
    for wrong in result.violations[:VIOLATIONS]:
        paper.text(_broken_demand(wrong, names, words), 8.5)
    if len(result.violations) > VIOLATIONS:
        left = len(result.violations) - VIOLATIONS
        paper.text(words["violation.further"].format(n=left), 8.5, MUTED)
    for item in result.warnings:
        paper.text(_left_out(item, names, words), 8.5, MUTED)
    paper.y += 8
    stations = len({bar.station for bar in result.operations})
    high = min(320.0, (26.0 * stations + 50.0) * CHART_SCALE)
    if result.operations:
        paper.chart(_sized(specs.gantt(result, names, words), CHART_PX), high)
        paper.y += high + 10
    told = words["report.simulated"].format(level="95")
    paper.text(f"{words['schedule.orders']} ({told})", 10, weight=600)
    columns = ("order", "quantity", "due", "completion", "share", "likely")
    head = [words[f"col.{key}"] for key in columns]
    fits = int((HEIGHT - EDGE - paper.y) / ROW) - 3
    # What is in danger comes first: it must not be what does not fit.
    orders = sorted(
        result.orders,
        key=lambda item: item.on_time_probability.mean if item.on_time_probability else 2.0,
    )
    rows = [
        [
            order.order,
            str(order.quantity),
            _moment(order.due_date),
            _moment(order.completion),
            _share(order.on_time_probability),
            _span(order.completion_p50, order.completion_p90),
        ]
        for order in orders[:fits]
    ]
    paper.table(head, rows, [0.16, 0.11, 0.16, 0.16, 0.17, 0.24])
    if len(orders) > fits:
        paper.text(words["report.further"].format(n=len(orders) - fits), 8.5, MUTED)
    return paper


def printed(paper: Paper, *, svg: bool = False) -> bytes:
    """Return a page as PDF, or as the SVG that it is made of.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    given = json.dumps(paper.document() | {"svg": svg}).encode()
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", MAKE],
        input=given,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise OSError(f"the report cannot be made: {done.stderr.decode()[-500:]}")
    return done.stdout


def _headed(title: str, words: Mapping[str, str], line: tuple[str, str], provenance: Any) -> Paper:
    """Return a paper that begins with title and line, by its name for people and its id."""
    name, identity = line
    paper = Paper()
    paper.text(f"{title} – {name or identity}", 17, weight=700)
    made = words["report.made"].format(
        at=f"{datetime.now(provenance.as_of.tzinfo):%Y-%m-%d %H:%M %z}",
        line=identity,
        model=provenance.model_version[:12],
    )
    paper.text(f"{made} · {provenance.as_of:%Y-%m-%d %H:%M %z}", 8.5, MUTED)
    return paper


def _sentence(row: ComparisonRow, words: Mapping[str, str]) -> str:
    key = {"better": "up", "worse": "down", ALIKE: "same"}.get(row.verdict, "open")
    key = "unknown" if key == "open" and not row.replications_needed else key
    change = row.difference
    return words[f"answer.{key}"].format(
        scenario=row.scenario,
        size=_rounded(abs(change.mean) * 3600) if change else "–",
        half=_rounded(change.half_width * 3600) if change else "–",
        unit=words["unit.parts_h"],
        share=f"{_rounded(100 * abs(row.relative))} %" if row.relative is not None else "–",
        needed=row.replications_needed or "–",
    )


def _broken_demand(
    found: ScheduleViolation, names: Mapping[str, str], words: Mapping[str, str]
) -> str:
    """Return what a schedule violates, with operations and stations as people call them."""

    def called(place: str) -> str:
        order, _, operation = place.partition("/")
        return f"{order} {operation.replace('_', ' ')}" if operation else names.get(order, order)

    what = words[f"violation.{found.kind}"].format(where=called(found.where))
    if found.others:
        others = ", ".join(called(place) for place in found.others)
        what = words["violation.about"].format(what=what, others=others)
    if found.amount_s is None:
        return what
    return words["violation.by"].format(what=what, amount=_duration(found.amount_s, words))


def _left_out(found: ScheduleWarning, names: Mapping[str, str], words: Mapping[str, str]) -> str:
    """Return what a plan does not know of its line, and by how much that moves orders."""
    elements = ", ".join(names.get(name, name) for name in found.elements)
    said = words[f"plan.left_out.{found.kind}"].format(names=elements)
    if found.kind != "times":
        return said
    if found.late_s is None:
        return words["plan.never"].format(said=said)
    way = "plan.later" if found.late_s > 0 else "plan.earlier"
    return words[way].format(said=said, amount=_duration(abs(found.late_s), words))


def _duration(seconds: float, words: Mapping[str, str]) -> str:
    """Write a time as the page does: in seconds, minutes, hours and minutes, or days and hours."""
    if seconds < 1:
        return words["length.s"].format(n="< 1")
    whole = int(seconds + 0.5)
    minutes = int(whole / 60 + 0.5)
    days, hours = divmod(minutes // 60, 24)
    if whole < 90:  # noqa: PLR2004
        parts = [("s", whole)]
    elif minutes < 90:  # noqa: PLR2004
        parts = [("min", minutes)]
    else:
        parts = [("d", days), ("h", hours)] if days else [("h", hours), ("min", minutes % 60)]
        parts = [part for at, part in enumerate(parts) if at == 0 or part[1]]
    return " ".join(words[f"length.{unit}"].format(n=n) for unit, n in parts)


def _figure(row: ComparisonRow, words: Mapping[str, str]) -> str:
    said = f"{SIGN.get(row.verdict, '')}\u00a0{words[f'verdict.{row.verdict}']}"
    return f"{_interval(row.value, row.kpi)}\n{said}"


def _interval(found: Interval | None, key: str) -> str:
    if found is None:
        return "–"
    scale, digits, _ = SHOWN[key]
    return f"{_rounded(found.mean * scale, digits)} ± {_rounded(found.half_width * scale, digits)}"


def _share(found: Interval | None) -> str:
    if found is None:
        return "–"
    mean, low, high = (_rounded(100 * value, 0) for value in (found.mean, found.low, found.high))
    return f"{mean} % ({low}–{high} %)"


def _rounded(value: float, digits: int = 1) -> str:
    """Write a number as the page does: halves away from zero, of the shortest decimal form."""
    if not math.isfinite(value):
        return "–"
    step = Decimal(1).scaleb(-digits)
    return f"{Decimal(repr(value)).quantize(step, ROUND_HALF_UP):f}"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at is not None else "–"


def _span(first: datetime | None, last: datetime | None) -> str:
    """Return two moments; of the second one its time where both are on one day."""
    if first is None or last is None or first.date() != last.date():
        return f"{_moment(first)} – {_moment(last)}"
    return f"{_moment(first)} – {last:%H:%M}"


def _sized(spec: dict[str, Any], width: int) -> dict[str, Any]:
    return spec | {"width": width, "autosize": {"type": "pad"}}


def _lines(cell: str, room: float) -> list[tuple[str, float]]:
    """Return the lines of a cell and the height of their letters."""
    found: list[tuple[str, float]] = []
    for number, part in enumerate(cell.split("\n")):
        size = LETTER if number == 0 else SMALL
        fits = int(room / (size * 0.5))
        for line in _broken(part, fits):
            found += [(piece, size) for piece in _pieces(line, fits)]
    return found


def _pieces(word: str, fits: int) -> list[str]:
    """Return a text without blanks in pieces that fit, as Thai has none; marks stay with theirs."""
    found = [""]
    for letter in word:
        if found[-1] and _wide(found[-1] + letter) > fits and not MARKS.match(letter):
            found.append("")
        found[-1] += letter
    return found


def _wide(said: str) -> float:
    """Return how wide a text is, in letters: Thai ones are wider, their marks take no room."""
    seen = MARKS.sub("", said)
    return len(seen) + THAI_WIDER * sum("\u0e00" <= letter <= "\u0e7f" for letter in seen)


def _broken(said: str, fits: int) -> list[str]:
    """Return a text in lines of at most ``fits`` letters, broken at blanks."""
    lines = [""]
    for word in said.split(" "):
        if lines[-1] and _wide(f"{lines[-1]} {word}") > fits:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _text(
    at: tuple[float, float], said: str, size: float, look: Look, anchor: str = "start"
) -> str:
    colour, weight = look
    return (
        f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" font-size="{size}" fill="{colour}" '
        f'font-weight="{weight}" text-anchor="{anchor}">{escape(said)}</text>'
    )
