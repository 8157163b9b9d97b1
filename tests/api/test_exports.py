"""Tables as files."""

import io
import math

import openpyxl
import pandas as pd

from api.exports import FileKind, table_file


def test_a_workbook_holds_what_the_table_does() -> None:
    """Numbers stay numbers, what is missing is empty, and no text is worked out as a formula."""
    table = pd.DataFrame(
        {"at": ["a", "=1+1", None], "value": [1.5, math.nan, math.inf], "parts": [1, 2, 2**40]}
    )
    made = table_file(table, FileKind.XLSX)
    sheet = openpyxl.load_workbook(io.BytesIO(made.content)).active
    assert sheet is not None
    assert list(sheet.iter_rows(values_only=True)) == [
        ("at", "value", "parts"),
        ("a", 1.5, 1),
        ("'=1+1", None, 2),
        (None, "inf", 2**40),
    ]
    assert sheet.freeze_panes == "B2"
    assert sheet["A1"].font.b
    assert sheet["B2"].data_type == "n"
