"""Thai words: what matters most."""

from __future__ import annotations

THAI: dict[str, str] = {
    "matters.title": "อะไรสำคัญที่สุด?",
    "matters.lead": "เปลี่ยนหลายค่าพร้อมกัน แต่ละค่าภายในช่วงของตนเอง "
    "ทวินบอกว่าค่าใดเป็นตัวตัดสิน และค่าใดจะคร่าว ๆ อย่างเดิมก็ได้",
    "matters.what": "ค่า",
    "matters.element": "ของ",
    "matters.from": "ตั้งแต่ % ของปัจจุบัน",
    "matters.to": "ถึง % ของปัจจุบัน",
    "matters.from_count": "ตั้งแต่ (ขณะนี้ {now})",
    "matters.to_count": "ถึง",
    "matters.add": "เพิ่มค่า",
    "matters.remove": "ลบค่านี้",
    "matters.label": "ค่าหนึ่งและช่วงของค่า",
    "matters.figure": "ตัวชี้วัด",
    "matters.horizon": "ช่วงเวลาข้างหน้า",
    "matters.method": "วิธี",
    "matters.method.quick": "ดูคร่าว ๆ ก่อน",
    "matters.method.exact": "แม่นยำขึ้น ใช้จำนวนรอบ 4 เท่า",
    "matters.method.shares": "ส่วนแบ่งของความแปรผัน ใช้จำนวนรอบราว 10 เท่า",
    "matters.ask": "ค้นหา",
    "matters.says.morris": "{what} สำคัญที่สุด: ตลอดช่วงของค่านี้ {figure} เปลี่ยนไปเฉลี่ย "
    "{size} {unit} ระหว่าง {low} ถึง {high}",
    "matters.says.sobol": "{what} สำคัญที่สุด: มีส่วน {size} % ในความแปรผันของ {figure} ระหว่าง "
    "{low} ถึง {high} %",
    "matters.flat": "ไม่มีค่าใดสำคัญในที่นี้: ไม่ว่าตั้งค่าอย่างไร {figure} อยู่ระหว่าง {low} "
    "ถึง {high} {unit} ลองช่วงที่กว้างขึ้น ค่าอื่น หรือมองไปข้างหน้าให้ไกลขึ้น",
    "matters.open": "ยังไม่มีค่าใดเด่น ลองวิธีที่แม่นยำขึ้น หรือมองไปข้างหน้าให้ไกลขึ้น",
    "matters.do.matters": "ตรวจให้แน่ใจก่อน และหาทางปรับปรุงที่นี่: {list}",
    "matters.do.hardly": "คร่าว ๆ อย่างเดิมก็พอ: {list}",
    "matters.do.together": "ผลของค่าเหล่านี้ขึ้นกับค่าอื่น หรือขึ้นกับตำแหน่งในช่วง ลองเปลี่ยนไปด้วยกัน: {list}",
    "matters.do.open": "ยังบอกไม่ได้: {list} ลองวิธีที่แม่นยำขึ้น",
    "matters.span": "จาก {points} ชุดค่า {figure} อยู่ระหว่าง {low} ถึง {high} {unit} เฉลี่ย {mean}",
    "matters.provenance": "จากสถานะเมื่อ {as_of} มองไปข้างหน้า {length} ชุดค่าละ {n} รอบ "
    "ช่วงความเชื่อมั่น 95 %",
    "matters.chart": "ค่าเรียงตามความสำคัญ พร้อมช่วงความเชื่อมั่น",
    "matters.range": "ช่วง",
    "matters.effect": "ผล {unit}",
    "matters.part": "ส่วนในความแปรผัน %",
    "matters.grows": "เมื่อค่าเพิ่มขึ้น {figure}",
    "matters.more": "เพิ่มขึ้น",
    "matters.less": "ลดลง",
    "matters.either": "ได้ทั้งสองทาง",
    "matters.matters": "สำคัญ",
    "matters.hardly matters": "แทบไม่สำคัญ",
    "matters.not told": "ยังบอกไม่ได้",
    "matters.together": "ร่วมกับค่าอื่น",
    "matters.as": "อะไรสำคัญที่สุด เป็น {kind}",
    "chart.morris": "ผลเฉลี่ยต่อ {figure}; ขีด: การกระจาย",
    "chart.sobol": "ส่วนในความแปรผันของ {figure}; ขีด: โดยลำพัง",
    "chart.tick": "ขีด",
}
