"""The sheets of a scenario workbook in Thai; both languages are read from either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twin.line.sheets import Table
from twin.line.workbook_thai import README, Sheet, in_words

__all__ = ["README", "in_thai", "meant", "row_in_thai", "title"]

_TIME = "เป็นวินาที หรือข้อความเช่น 30 นาที, 4 ชม."
_SCENARIO = "สถานการณ์"
SHEETS: dict[str, Sheet] = {
    "line": ("สายการผลิต", "สายการผลิตตามเดิม: ค่าที่เลือกเปลี่ยนได้ ไม่มีการอ่านค่าจากแผ่นนี้", {
        "path": ("ค่าไหน", "ชื่อต่อกันด้วยจุด * หมายถึงทั้งหมด เช่น buffers.*.capacity"),
        "now": ("ค่าตอนนี้", "ค่าตอนนี้"),
        "reads": ("อ่านว่า", "ค่าเดียวกันสำหรับคนอ่าน"),
    }),
    "scenarios": (_SCENARIO, "หนึ่งแถวต่อหนึ่งการเปลี่ยนแปลง เว้นว่างชื่อสถานการณ์: ต่อจากแถวบน", {
        "scenario": (_SCENARIO, "ชื่อไม่มีช่องว่าง เช่น เพิ่มที่พัก"),
        "extends": ("ต่อจาก", "สถานการณ์ที่นำมาต่อ คั่นด้วยจุลภาค เว้นว่างได้"),
        "description": ("คำอธิบาย", "เกี่ยวกับอะไร สำหรับคนอ่าน"),
        "path": ("ค่าไหน", "สิ่งที่เปลี่ยน ดูแผ่นงานสายการผลิต"),
        "how": ("วิธี", "ตั้งค่า, คูณ, บวก หรือ ลบออก เว้นว่าง: ตั้งค่า"),
        "value": ("ค่า", "ค่าใหม่ ตัวคูณ หรือจำนวนที่บวก เช่น 40, 1.15, 12 วินาที ข้อความ หรือ JSON"),
    }),
    "events": ("เหตุการณ์", "หนึ่งแถวต่อหนึ่งเหตุการณ์ในสถานการณ์ เว้นว่างชื่อสถานการณ์: ต่อจากแถวบน", {
        "scenario": (_SCENARIO, "ชื่อสถานการณ์ ใหม่หรือในแผ่นงานสถานการณ์"),
        "kind": ("ชนิด", "เกิดอะไรขึ้น"),
        "station": ("สถานีงาน", "ที่ไหน สำหรับเครื่องเสีย ช้าลง ค่อย ๆ ช้าลง หรือคนขาด (ที่นี่หรือที่ทีม)"),
        "crew": ("ทีมงาน", "คนของทีมไหน สำหรับคนขาด"),
        "people": ("จำนวนคน", "ขาดกี่คน เว้นว่าง: 1"),
        "source": ("วัตถุดิบ", "วัตถุดิบไหน สำหรับวัตถุดิบช้า"),
        "product": ("ผลิตภัณฑ์", "ผลิตอะไร สำหรับใบสั่งด่วน"),
        "calendar": ("ปฏิทิน", "ปฏิทินไหน สำหรับเพิ่มกะ"),
        "after_s": ("เริ่มหลัง (วินาที)", f"เริ่มหลังการจำลองเริ่ม {_TIME}"),
        "duration_s": ("นาน (วินาที)", f"นานเท่าไร {_TIME}"),
        "factor": ("ตัวคูณ", "คูณเวลาทำงาน หรือคูณความต้องการ (1.15 คือเพิ่ม 15 %)"),
        "quantity": ("จำนวน", "จำนวนชิ้นของใบสั่งด่วน"),
        "due_in_s": ("ส่งภายใน (วินาที)", f"กำหนดส่งหลังใบสั่งด่วนเข้ามา {_TIME}"),
        "id": ("เลขที่", "เลขที่ใบสั่งด่วน ไม่ซ้ำกับที่มีอยู่"),
        "priority": ("ความสำคัญ", "น้ำหนักของใบสั่งด่วน เว้นว่าง: ก่อนใบสั่งอื่นทั้งหมด"),
        "start": ("เริ่ม", "กะที่เพิ่มเริ่มเมื่อไร เช่น 22:00"),
        "end": ("สิ้นสุด", "กะที่เพิ่มจบเมื่อไร เช่น 06:00"),
    }),
}  # fmt: skip
CHOICES = {
    "ตั้งค่า": "set",
    "คูณ": "times",
    "บวก": "plus",
    "ลบออก": "remove",
    "เครื่องเสีย": "breakdown",
    "ช้าลง": "slowdown",
    "ค่อย ๆ ช้าลง": "drift",
    "คนขาด": "operator_absent",
    "วัตถุดิบช้า": "material_late",
    "ใบสั่งด่วน": "rush_order",
    "ความต้องการ": "demand",
    "เพิ่มกะ": "extra_shift",
}
"""Words that may be chosen, and what they mean."""
CHOSEN = frozenset({"how", "kind"})
"""Columns in which one of them stands."""
_SHOWN = {meant: word for word, meant in CHOICES.items()}


def title(line: str) -> str:
    """Return what stands above the explanations."""
    return f"สถานการณ์ถ้าหากว่าของ {line}"


def in_thai(table: Table) -> Table:
    """Return a table with Thai words above and about its columns; both languages are read."""
    return in_words(table, SHEETS, dict.fromkeys(CHOSEN, _SHOWN))


def meant(word: str) -> str:
    """Return what a word that was chosen means; another word in small letters."""
    return CHOICES.get(" ".join(word.split()), word.lower())


def row_in_thai(table: Table, row: Sequence[Any]) -> list[Any]:
    """Return a row with the words for what was chosen; all else as it is."""
    return [
        _SHOWN.get(value, value) if column.name in CHOSEN else value
        for column, value in zip(table.columns, row, strict=True)
    ]
