"""What is found wrong with the finer rules of a line, in Thai: batches, wear, vehicles, times."""

from __future__ import annotations

THAI: dict[str, str] = {
    # batches, components and stock
    "parts have no place to wait for each other": "ชิ้นงานไม่มีที่รอกัน",
    "an input_buffer with room for a batch": "บัฟเฟอร์ขาเข้าที่พอสำหรับหนึ่งชุด",
    "add a buffer and name it as the input_buffer": "เพิ่มบัฟเฟอร์แล้วระบุเป็นบัฟเฟอร์ขาเข้า",
    "buffer {} holds {}, so there would never be {}": "บัฟเฟอร์ {} จุได้ {} จึงไม่มีวันครบ {}",
    "raise buffers.{}.capacity": "เพิ่มความจุของบัฟเฟอร์ {}",
    "it has no operation and no stock to go to": "ไม่มีขั้นตอนและไม่มีคลังให้ไป",
    "at least one operation, or a stock": "อย่างน้อยหนึ่งขั้นตอน หรือคลัง",
    "parts go to its stock": "ชิ้นงานไปที่คลังอยู่แล้ว",
    "remove sink or stock": "เอาปลายทางหรือคลังออก",
    "{} is the input_buffer of station {}": "{} เป็นบัฟเฟอร์ขาเข้าของสถานีงาน {}",
    "a buffer of its own, in which components wait": "บัฟเฟอร์เฉพาะสำหรับชิ้นส่วนที่รอ",
    "parts of {} wait nowhere": "ชิ้นของ {} ไม่มีที่รอ",
    "a stock": "คลัง",
    "name a buffer as products.{}.stock": "ระบุบัฟเฟอร์เป็นคลังของ {}",
    "station {} works in batches, components go into one part": (
        "สถานีงาน {} ทำเป็นชุด แต่ชิ้นส่วนประกอบเข้าชิ้นเดียว"
    ),
    "stock {} holds {}, so there would never be {}": "คลัง {} จุได้ {} จึงไม่มีวันครบ {}",
    "assemble at a station of its own": "ประกอบที่สถานีงานแยก",
    "it is needed as a component, and no source or operation makes it": (
        "ต้องใช้เป็นชิ้นส่วน แต่ไม่มีวัตถุดิบหรือขั้นตอนใดให้"
    ),
    "add a source with products: {{}: 1}": "เพิ่มวัตถุดิบที่มี products: {{}: 1}",
    "no operation needs it as a component, so its stock would fill up for ever": (
        "ไม่มีขั้นตอนใดใช้เป็นชิ้นส่วน คลังจึงเต็มไม่รู้จบ"
    ),
    "name it in the components of an operation, or remove stock": (
        "ระบุในชิ้นส่วนของขั้นตอน หรือเอาคลังออก"
    ),
    # wear
    "the station does not wear": "สถานีงานนี้ไม่มีการสึกหรอ",
    "add wear with levels": "เพิ่มการสึกหรอพร้อมระดับ",
    "is {}, and the last level is {}": "เป็น {} แต่ระดับสุดท้ายคือ {}",
    "1 to {}": "1 ถึง {}",
    "the maintenance takes no level off": "การซ่อมบำรุงไม่ลดระดับใดเลย",
    "write lowered_by: {{}: {}} at the wear": "เขียน lowered_by: {{}: {}} ที่การสึกหรอ",
    "is reached at once": "ถึงระดับนี้ทันที",
    "with scrap and rework of {}/{} the sum exceeds 1": "รวมของเสียและแก้งานของ {}/{} แล้วเกิน 1",
    "after_cycles goes with clock: cycles, and only with it (level {})": (
        "after_cycles ใช้กับ clock: cycles เท่านั้น (ระดับ {})"
    ),
    "after_s is needed, except with clock: cycles (level {})": (
        "ต้องมี after_s ยกเว้นเมื่อ clock: cycles (ระดับ {})"
    ),
    # vehicles
    "name a place that parts leave (out_of) or go to (into)": (
        "ระบุที่ที่ชิ้นงานออก (out_of) หรือเข้า (into)"
    ),
    "{} carries the parts from {} to {} already": "{} ขนชิ้นงานจาก {} ไป {} อยู่แล้ว",
    "one pool for each way": "เส้นทางละหนึ่งกลุ่มรถ",
    "name places that no other pool serves": "ระบุที่ที่กลุ่มรถอื่นไม่ได้รับส่ง",
    "a station takes what it works on from buffer {} by itself": (
        "สถานีงานรับงานจากบัฟเฟอร์ {} เองอยู่แล้ว"
    ),
    "sources and stations": "วัตถุดิบและสถานีงาน",
    "name the station or source that sends to the buffer": ("ระบุสถานีงานหรือวัตถุดิบที่ส่งเข้าบัฟเฟอร์"),
    "no source or station {}": "ไม่มีวัตถุดิบหรือสถานีงาน {}",
    "parts come to {} through its buffer": "ชิ้นงานมาถึง {} ผ่านบัฟเฟอร์ของมัน",
    "no buffer, station or sink {}": "ไม่มีบัฟเฟอร์ สถานีงาน หรือปลายทาง {}",
    "no part goes that way": "ไม่มีชิ้นงานไปทางนั้น",
    "correct the names, or remove it": "แก้ชื่อ หรือเอาออก",
    "they do not go to {}": "รถไม่ได้ไปที่ {}",
    "{} is no place of the line and has no distances": "{} ไม่ใช่ที่ในสายการผลิตและไม่มีระยะทาง",
    "a place of the line, or a name in distance_m": "ที่ในสายการผลิต หรือชื่อใน distance_m",
    "add {} to distance_m": "เพิ่ม {} ใน distance_m",
    "no distance from {} to {}": "ไม่มีระยะทางจาก {} ถึง {}",
    "no distance from {} to {}, and of {} other ways": ("ไม่มีระยะทางจาก {} ถึง {} และอีก {} เส้นทาง"),
    "metres": "เมตร",
    "write distance_m: {{}: {{}: 10}}, or a default_distance_m": (
        "เขียน distance_m: {{}: {{}: 10}} หรือ default_distance_m"
    ),
    # times, orders, failures and people
    "no shift has a day: the calendar leaves no working time": (
        "ไม่มีกะในวันใดเลย ปฏิทินไม่เหลือเวลาทำงาน"
    ),
    "high_s must not be below low_s": "high_s ต้องไม่น้อยกว่า low_s",
    "low_s <= mode_s <= high_s must hold": "ต้องเป็น low_s <= mode_s <= high_s",
    "sd_s must be at most 1000 times mean_s": "sd_s ต้องไม่เกิน 1000 เท่าของ mean_s",
    "values_s and weights must have the same length": "values_s กับ weights ต้องยาวเท่ากัน",
    "weights must not all be zero": "น้ำหนักต้องไม่เป็นศูนย์ทั้งหมด",
    "a time can be scaled by a finite factor above zero, not by {}": (
        "คูณเวลาได้ด้วยค่าที่มากกว่าศูนย์เท่านั้น ไม่ใช่ {}"
    ),
    "due_date_s must lie after release_s": "กำหนดส่งต้องอยู่หลังวันปล่อย",
    "give a crew or a skill, not both": "ระบุทีมหรือทักษะ อย่างใดอย่างหนึ่ง",
    "give a crew or a skill": "ระบุทีมหรือทักษะ",
    "cycles_to_failure goes with clock: cycles, and only with it": (
        "cycles_to_failure ใช้กับ clock: cycles เท่านั้น"
    ),
    "time_to_failure_s is needed, except with clock: cycles": (
        "ต้องมี time_to_failure_s ยกเว้นเมื่อ clock: cycles"
    ),
    "slow_factor goes with effect: slow, and only with it": ("slow_factor ใช้กับ effect: slow เท่านั้น"),
    "give one of every_s, every_cycles, calendar and at_level": (
        "ระบุหนึ่งใน every_s, every_cycles, calendar, at_level"
    ),
    "clock: cycles goes with every_cycles, and only with it": (
        "clock: cycles ใช้กับ every_cycles เท่านั้น"
    ),
    "min = {} must not be above max = {}": "min = {} ต้องไม่มากกว่า max = {}",
    "interarrival_s goes with arrivals: interarrival, and only with it": (
        "เวลาระหว่างชิ้นใช้กับการเข้ามาตามช่วงเวลาเท่านั้น"
    ),
    "first_s goes with arrivals: interarrival only": "first_s ใช้กับการเข้ามาตามช่วงเวลาเท่านั้น",
    "the weights of the products must not all be zero": ("น้ำหนักของผลิตภัณฑ์ต้องไม่เป็นศูนย์ทั้งหมด"),
    # runs that cannot go on
    "parts wait for one another for ever since {} s: {}; give one of these places more room, or "
    "keep one of them free: loops: [{id: free, cards: {}, places: [{}]}]": (
        "ชิ้นงานรอกันเป็นวงไม่รู้จบตั้งแต่วินาทีที่ {}: {} ให้ที่หนึ่งในนี้มีที่ว่างเพิ่ม หรือกันที่ว่างไว้: "
        "loops: [{id: free, cards: {}, places: [{}]}]"
    ),
    "endless loop of zero-time work at {} s around: {}; give one of these activities a time above "
    "zero": ("งานที่ไม่ใช้เวลาวนไม่รู้จบที่วินาทีที่ {} รอบ ๆ: {} ให้ขั้นตอนหนึ่งใช้เวลามากกว่าศูนย์"),
    # what is tried out: settings and little changes
    "{} points are more than {}": "{} จุดมากกว่า {}",
    "{} has no value at {} of {} points: no part was finished": (
        "{} ไม่มีค่าที่ {} จาก {} จุด เพราะไม่มีชิ้นใดเสร็จ"
    ),
    "a longer horizon, or narrower ranges": "มองไปข้างหน้าให้ไกลขึ้น หรือช่วงที่แคบลง",
    "{} to {} is no range": "{} ถึง {} ไม่ใช่ช่วง",
    "nothing is varied": "ไม่มีค่าใดเปลี่ยน",
    "{} does not do": "{} ใช้ไม่ได้",
    "{} is too few": "{} น้อยเกินไป",
    "1 or more": "1 ขึ้นไป",
    "2 or more": "2 ขึ้นไป",
    "2 or more; 2, 4, 8, ... for sobol": "2 ขึ้นไป สำหรับ sobol ใช้ 2, 4, 8, ...",
    "{} run has no spread": "จำลอง {} ครั้งไม่เห็นความผันแปร",
    "{} is no small share": "{} ไม่ใช่สัดส่วนเล็ก ๆ",
    "above 0 and below 0.5": "มากกว่า 0 และน้อยกว่า 0.5",
    "the line has nothing of this kind": "สายการผลิตไม่มีสิ่งชนิดนี้",
    # workbooks: where a sheet does not do
    "{} s is not after start_s, {} s": "{} วินาทีไม่อยู่หลังเวลาเริ่ม {} วินาที",
}
"""Thai by the English words; ``{}`` stands for what differs from case to case, in that order."""
