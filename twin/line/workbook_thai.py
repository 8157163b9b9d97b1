"""The sheets of a line's workbook in Thai; both languages are read from either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from twin.line.sheets import Table

Words = dict[str, tuple[str, str]]
"""What stands above a column, and what stands in it, by the column's name."""
Sheet = tuple[str, str, Words]
"""What a sheet is called, what stands in it, and its columns."""

README = "อ่านก่อน"
TITLE = "สายการผลิตที่จะจำลอง: กรอกแต่ละแผ่นงาน แล้วนำเข้าที่หน้าเว็บ หรือใช้ twin line import"
LEFT_OUT = "สิ่งที่แผ่นงานบอกไม่ได้ จึงไม่อยู่ในสมุดงานนี้"
_ID = "ชื่อสั้น ใช้ภาษาไทยได้ เช่น บรรจุ แผ่นงานอื่นอ้างถึงด้วยชื่อนี้"
_NAME = "ชื่อเต็มสำหรับแสดงผล เว้นว่างได้"
_TIME = "เป็นวินาที หรือข้อความเช่น 12 วินาที, 1.5 นาที, 4 ชม."
_ONLY = "ใช้กับ ตามช่วงเวลา เท่านั้น"
SHEETS: dict[str, Sheet] = {
    "line": ("สายการผลิต", "ชื่อของสายการผลิต และเวลาที่เริ่มนับ", {
        "key": ("หัวข้อ", "รหัส ชื่อ คำอธิบาย เขตเวลา เริ่ม ค่าไฟต่อหน่วย หรือ คาร์บอนต่อหน่วย"),
        "value": ("ค่า", "เช่น bottling; Asia/Bangkok; 5/1/2569 08:00"),
    }),
    "stations": ("สถานีงาน", "หนึ่งแถวต่อหนึ่งสถานีงานหรือเครื่องจักร", {
        "id": ("รหัส", _ID),
        "name": ("ชื่อ", _NAME),
        "servers": ("จำนวนเครื่อง", "จำนวนชิ้นที่ทำพร้อมกันได้ เว้นว่าง: 1"),
        "input_buffer": ("บัฟเฟอร์ขาเข้า", "บัฟเฟอร์ที่รับงานมา เว้นว่าง: รับจากขั้นก่อนหน้าโดยตรง"),
        "dispatch_rule": ("กฎการเลือกงาน", "งานที่รออยู่ งานไหนทำก่อน เว้นว่าง: มาก่อนทำก่อน"),
        "mtbf_s": ("เวลาระหว่างเสีย (วินาที)", f"เวลาทำงานเฉลี่ยระหว่างเครื่องเสีย {_TIME} เว้นว่าง: ไม่เสีย"),
        "mttr_s": ("เวลาซ่อม (วินาที)", f"เวลาซ่อมเฉลี่ย {_TIME}"),
        "crew": ("ทีมช่าง", "ใครซ่อม ดูแผ่นงานทีมช่าง เว้นว่าง: เริ่มซ่อมทันที"),
        "calendar": ("กะ", "เปิดเมื่อไร ดูแผ่นงานกะ เว้นว่าง: ตลอดเวลา"),
        "at_shift_end": ("เมื่อสิ้นสุดกะ", "หยุดพักงานไว้ หรือทำชิ้นที่ค้างให้เสร็จก่อน เว้นว่าง: หยุด"),
        "operators": ("ผู้ปฏิบัติงาน", "ใครต้องอยู่ขณะทำงาน: ทีม ตามด้วยจำนวนคน เช่น แพ็ค 2 เว้นว่าง: ไม่ต้องมีคน"),
        "batch": ("ขนาดแบตช์", "จำนวนชิ้นที่ทำพร้อมกันในรอบเดียวได้มากสุด เช่น 40 เว้นว่าง: ทีละชิ้น"),
        "batch_least": ("แบตช์ขั้นต่ำ", "จำนวนชิ้นที่ต้องรอให้ครบก่อนเริ่ม เว้นว่าง: 1"),
        "batch_wait_s": ("รอแบตช์นานสุด (วินาที)", f"รอให้ครบนานสุด {_TIME} เว้นว่าง: รอจนครบ"),
        "power_kw": ("กำลังไฟขณะทำงาน (kW)", "กำลังไฟฟ้าขณะทำงาน เป็นกิโลวัตต์ เว้นว่าง: ไม่นับ"),
        "idle_kw": ("กำลังไฟขณะรอ (kW)", "กำลังไฟฟ้าขณะรอ เป็นกิโลวัตต์"),
    }),
    "buffers": ("บัฟเฟอร์", "หนึ่งแถวต่อหนึ่งที่พักงาน", {
        "id": ("รหัส", _ID),
        "name": ("ชื่อ", _NAME),
        "capacity": ("ความจุ", "จำนวนชิ้นที่พักได้ เว้นว่าง: ไม่จำกัด"),
        "transit_time_s": ("เวลาบนสายพาน (วินาที)", f"เวลาจากต้นถึงปลายสายพาน {_TIME}"),
    }),
    "products": ("ผลิตภัณฑ์", "หนึ่งแถวต่อหนึ่งขั้นตอน เรียงตามลำดับ เว้นว่างผลิตภัณฑ์: ต่อจากแถวบน", {
        "product": ("ผลิตภัณฑ์", _ID),
        "name": ("ชื่อ", _NAME),
        "family": ("กลุ่มตั้งเครื่อง", "กลุ่มผลิตภัณฑ์ที่ไม่ต้องตั้งเครื่องระหว่างกัน เว้นว่าง: เป็นกลุ่มของตัวเอง"),
        "operation": ("ขั้นตอน", "ชื่อสั้นของขั้นตอน เช่น บรรจุ"),
        "stations": ("สถานีงาน", "สถานีงานที่ทำได้ คั่นด้วยจุลภาค ที่ต้องการมากที่สุดก่อน"),
        "time_s": ("เวลาต่อชิ้น (วินาที)", f"เวลาเฉลี่ยต่อชิ้น หรือต่อรอบของแบตช์ {_TIME}"),
        "kind": ("การกระจาย", "เวลากระจายอย่างไร เว้นว่าง: คงที่"),
        "spread_s": ("ส่วนเบี่ยงเบน (วินาที)",
                     "ส่วนเบี่ยงเบนมาตรฐาน (ปกติ, ล็อกนอร์มัล) หรือครึ่งหนึ่งของความกว้าง (สม่ำเสมอ)"),
        "scrap": ("สัดส่วนของเสีย", "ส่วนของชิ้นงานที่เสียที่ขั้นตอนนี้ เช่น 0.01"),
        "rework": ("สัดส่วนงานซ่อม", "ส่วนของชิ้นงานที่ต้องกลับไปทำใหม่ ไม่เกินสามครั้ง เช่น 0.02"),
        "rework_to": ("กลับไปขั้นตอน", "ขั้นตอนที่กลับไปทำใหม่ เว้นว่าง: ทำขั้นตอนนี้ซ้ำ"),
    }),
    "sources": ("วัตถุดิบ", "ชิ้นงานมาจากไหน เว้นว่าง: ตามใบสั่ง หรือไม่จำกัดถ้าไม่มีใบสั่ง", {
        "id": ("รหัส", _ID),
        "arrivals": ("มาอย่างไร", "ชิ้นงานเข้ามาอย่างไร"),
        "interarrival_s": ("เวลาระหว่างชิ้น (วินาที)", f"เวลาเฉลี่ยระหว่างชิ้นที่เข้ามา {_TIME} {_ONLY}"),
        "products": ("ผลิตภัณฑ์", "อะไรเข้ามา คั่นด้วยจุลภาค เว้นว่าง: ผลิตภัณฑ์เดียวที่มี"),
    }),
    "orders": ("ใบสั่ง", "หนึ่งแถวต่อหนึ่งใบสั่งผลิต", {
        "id": ("เลขที่", "เลขที่ใบสั่ง เช่น PO-201"),
        "product": ("ผลิตภัณฑ์", "ผลิตอะไร"),
        "quantity": ("จำนวน", "จำนวนชิ้น"),
        "release": ("เริ่มได้ตั้งแต่", "วันเวลา เช่น 5/1/2569 08:00 หรือ 2 ชม. หลังเริ่ม"),
        "due": ("กำหนดส่ง", "ภายในเมื่อไร วันที่ไม่มีเวลา: สิ้นวันนั้น เว้นว่าง: ไม่มีกำหนด"),
        "priority": ("ความสำคัญ", "น้ำหนัก มากกว่าคือด่วนกว่า เว้นว่าง: 1"),
    }),
    "shifts": ("กะ", "หนึ่งแถวต่อหนึ่งกะ เว้นว่างชื่อกะ: ต่อจากแถวบน เว้นว่างเริ่มและสิ้นสุดด้วย: พักอีกครั้งของกะบน", {
        "calendar": ("กะ", _ID),
        "days": ("วัน", "เช่น จ-ศ หรือ จ, พ, ส หรือ ทุกวัน เว้นว่าง: จ-ศ"),
        "start": ("เริ่ม", "เวลา เช่น 06:00"),
        "end": ("สิ้นสุด", "เวลา เช่น 14:00"),
        "break_start": ("เริ่มพัก", "เวลา เว้นว่าง: ไม่พัก"),
        "break_end": ("สิ้นสุดพัก", "เวลา"),
        "name": ("ชื่อ", _NAME),
    }),
    "crews": ("ทีมช่าง", "ใครทำงานและใครซ่อม ทีมที่มีชื่อในสถานีงานแต่ไม่มีในแผ่นงานนี้มีหนึ่งคน", {
        "id": ("รหัส", _ID),
        "size": ("จำนวนคน", "มีกี่คน"),
        "calendar": ("กะ", "มาทำงานเมื่อไร ดูแผ่นงานกะ เว้นว่าง: ตลอดเวลา"),
        "name": ("ชื่อ", _NAME),
    }),
    "setups": ("ตั้งเครื่อง", "เวลาเปลี่ยนจากกลุ่มหนึ่งไปอีกกลุ่มหนึ่ง ที่ไม่มีในแผ่นงานนี้ไม่ใช้เวลา", {
        "station": ("สถานีงาน", "หนึ่งสถานีหรือหลายสถานี คั่นด้วยจุลภาค เว้นว่าง: ต่อจากแถวบน"),
        "from": ("จากกลุ่ม", "กลุ่มตั้งเครื่อง หรือผลิตภัณฑ์ที่ไม่มีกลุ่ม เว้นว่างหรือ *: กลุ่มใดก็ได้"),
        "to": ("ไปกลุ่ม", "เช่นเดียวกัน แถวที่ระบุมากกว่ามีผลก่อน"),
        "time_s": ("เวลาตั้งเครื่อง (วินาที)", f"เวลา {_TIME}"),
    }),
    "holidays": ("วันหยุด", "วันที่ไม่มีกะใดเริ่ม", {
        "date": ("วันที่", "เช่น 13/4/2569"),
        "calendar": ("กะ", "หนึ่งกะหรือหลายกะ ดูแผ่นงานกะ เว้นว่าง: ทุกกะ"),
        "name": ("ชื่อ", "หยุดเพราะอะไร"),
    }),
}  # fmt: skip
CHOICES = {
    "คงที่": "constant",
    "เอ็กซ์โพเนนเชียล": "exponential",
    "ล็อกนอร์มัล": "lognormal",
    "ปกติ": "normal",
    "สม่ำเสมอ": "uniform",
    "ไม่จำกัด": "unlimited",
    "ตามช่วงเวลา": "interarrival",
    "ตามใบสั่ง": "orders",
    "มาก่อนทำก่อน": "fifo",
    "งานสั้นก่อน": "spt",
    "กำหนดส่งก่อน": "edd",
    "ตามความสำคัญ": "priority",
    "ตามแผน": "plan",
    "รหัส": "id",
    "ชื่อ": "name",
    "คำอธิบาย": "description",
    "เขตเวลา": "time_zone",
    "เริ่ม": "start",
    "ค่าไฟต่อหน่วย": "price_per_kwh",
    "คาร์บอนต่อหน่วย": "carbon_kg_per_kwh",
    "หยุด": "stop",
    "ทำให้เสร็จ": "finish",
}
"""Words that may be chosen, and what they mean."""
_SHOWN = {meant: word for word, meant in CHOICES.items()}


def in_thai(table: Table) -> Table:
    """Return a table with Thai words above and about its columns; both languages are read."""
    return in_words(table, SHEETS, {column.name: _SHOWN for column in table.columns})


def in_words(
    table: Table, sheets: Mapping[str, Sheet], shown: Mapping[str, Mapping[str, str]]
) -> Table:
    """Return a table in other words: of its sheet, its columns, and by column of what is chosen."""
    title, about, words = sheets[table.name]
    columns = []
    for column in table.columns:
        head, told = words[column.name]
        told_by = shown.get(column.name, {})
        choices = tuple(told_by.get(choice, choice) for choice in column.choices)
        sheet, _, cells = column.listed.partition("!")
        listed = f"'{sheets[sheet][0]}'!{cells}" if cells else ""
        columns.append(replace(column, head=head, about=told, choices=choices, listed=listed))
    return replace(table, title=title, about=about, columns=tuple(columns))


def meant(word: str) -> str:
    """Return what a word that was chosen means; another word in small letters."""
    return CHOICES.get(word, word.lower())


def row_in_thai(table: Table, row: Sequence[Any]) -> list[Any]:
    """Return a row with the words for what was chosen; all else as it is."""
    return [
        _SHOWN.get(value, value) if column.choices or column.name == "key" else value
        for column, value in zip(table.columns, row, strict=True)
    ]
