"""``twin line``: a line from a spreadsheet, and a spreadsheet to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.commands.console import check_file, writing

line_sheets = typer.Typer(help="A line from a spreadsheet.", no_args_is_help=True)
Language = Annotated[
    Literal["en", "th"], typer.Option("--language", help="Of sheets, columns and explanations.")
]
MOST_TOLD = 12
"""Pieces that are told of what a workbook leaves out."""
Target = Annotated[Path, typer.Option("--out", "-o", help="File to write.")]


@line_sheets.command("template")
def template(
    target: Target,
    line: Annotated[
        str, typer.Argument(help="Line to write into it: a file, or an example line.")
    ] = "two_station",
    language: Language = "en",
) -> None:
    """Write a workbook to describe a line in: stations, buffers, products, orders, shifts."""
    from twin.line import load_line  # noqa: PLC0415 - heavy
    from twin.line.workbook_writing import write_line_workbook  # noqa: PLC0415

    check_file(target)
    with writing(target):
        left = write_line_workbook(load_line(line), target, language)
    typer.echo(f"{target}: fill in the sheets, then: twin line import {target} --out line.yaml")
    if left:
        more = f" and {len(left) - MOST_TOLD} more" if len(left) > MOST_TOLD else ""
        told = ", ".join(left[:MOST_TOLD]) + more
        typer.echo(
            f"left out, as the sheets cannot say it (all of it stands in the first sheet): {told}",
            err=True,
        )


@line_sheets.command("import")
def import_(
    workbook: Annotated[Path, typer.Argument(help="A workbook that was filled in.")],
    target: Target,
) -> None:
    """Turn a workbook into a line file; every bad cell is told."""
    from twin.line import save_line  # noqa: PLC0415 - heavy
    from twin.line.workbook import line_from_workbook  # noqa: PLC0415

    check_file(target)
    line = line_from_workbook(workbook)
    with writing(target):
        save_line(line, target)
    typer.echo(
        f"{target}: {len(line.stations)} stations, {len(line.buffers)} buffers, "
        f"{len(line.products)} products, {len(line.orders)} orders; try: twin simulate {target}"
    )
