"""What the service says in English when it refuses or cannot do something, in Thai."""

from __future__ import annotations

THAI: dict[str, str] = {
    # kinds of problems
    "The body is no JSON that can be used": "ข้อมูลที่ส่งมาไม่ใช่ JSON ที่ใช้ได้",
    "An API key is needed": "ต้องใช้คีย์ API",
    "The API key does not allow this": "คีย์ API นี้ไม่มีสิทธิ์ทำสิ่งนี้",
    "Another site may not use this page's session": "เว็บอื่นใช้การเข้าสู่ระบบของหน้านี้ไม่ได้",
    "There is no such thing": "ไม่พบสิ่งที่ขอ",
    "This kind of body is not taken here": "ส่งข้อมูลชนิดนี้มาที่นี่ไม่ได้",
    "This cannot be done here": "ทำสิ่งนี้ที่นี่ไม่ได้",
    "It does not stand so that this can be done": "ทำตอนนี้ไม่ได้ เพราะสถานะไม่พร้อม",
    "The first request is still at work": "คำขอแรกยังทำอยู่",
    "It was changed in between": "มีการแก้ไขระหว่างนั้น",
    "The body is too large": "ข้อมูลที่ส่งมาใหญ่เกินไป",
    "This name is not served here": "ที่นี่ไม่ได้ให้บริการในชื่อนี้",
    "The request cannot be used": "คำขอนี้ใช้ไม่ได้",
    "The line or scenario does not hold together": "สายการผลิตหรือสถานการณ์ขัดแย้งกันเอง",
    "The chosen method does not do this": "วิธีที่เลือกทำสิ่งนี้ไม่ได้",
    "The Idempotency-Key was used otherwise": "Idempotency-Key นี้เคยใช้กับคำขออื่นแล้ว",
    "Say which version you mean": "ต้องบอกว่าหมายถึงรุ่นไหน",
    "You ask too often": "ส่งคำขอถี่เกินไป",
    "This key has too much at work already": "คีย์นี้มีงานค้างอยู่มากเกินไปแล้ว",
    "Too much is waiting already": "มีงานรออยู่มากเกินไปแล้ว",
    "This should not have happened": "เกิดข้อผิดพลาดที่ไม่ควรเกิด",
    "The simulation cannot go on": "การจำลองทำต่อไม่ได้",
    "The data cannot be kept": "เก็บข้อมูลไม่ได้",
    "The plant is not there": "ติดต่อโรงงานไม่ได้",
    "This is not ready yet": "ยังไม่พร้อม",
    "The work needs more memory than it may have": "งานนี้ต้องใช้หน่วยความจำเกินกว่าที่กำหนด",
    "The process that did the work died": "ตัวทำงานหยุดไปกลางคัน",
    "The work took too long": "งานใช้เวลานานเกินไป",
    # keys, sessions and limits
    "an API key is needed": "ต้องใช้คีย์ API",
    "send the key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'": (
        "ส่งคีย์ในรูป 'Authorization: Bearer KEY' หรือ 'X-API-Key: KEY'"
    ),
    "this needs the scope '{}'; the key has '{}'": (
        "ต้องใช้คีย์ที่มีสิทธิ์ '{}' แต่คีย์นี้มีสิทธิ์ '{}' ขอคีย์ที่มีสิทธิ์สูงกว่าจากผู้ดูแล"
    ),
    "this key is unknown, or was revoked": ("ไม่รู้จักคีย์นี้ หรือคีย์ถูกเพิกถอนแล้ว ขอคีย์ใหม่จากผู้ดูแล"),
    "use an API key instead of the page's session": "ให้ใช้คีย์ API แทนการเข้าสู่ระบบของหน้านี้",
    "the token has none of the scopes {}": "โทเคนไม่มีสิทธิ์ใดใน {}",
    "the keys of the identity provider cannot be read; see oidc_keys_file": (
        "อ่านคีย์ของผู้ให้บริการยืนยันตัวตนไม่ได้ ดูการตั้งค่า oidc_keys_file"
    ),
    "this token is not taken: {}": "ไม่รับโทเคนนี้: {}",
    "the host {} is not among allowed_hosts": "ชื่อเครื่อง {} ไม่อยู่ในการตั้งค่า allowed_hosts",
    "more than {} requests per second": "ส่งเกิน {} คำขอต่อวินาที รอสักครู่แล้วลองใหม่",
    "{} jobs wait already; cancel one, or try again later": (
        "มี {} งานรออยู่แล้ว ยกเลิกบางงาน หรือลองใหม่ภายหลัง"
    ),
    "{} jobs of this key wait or run; cancel one, or wait for one": (
        "มี {} งานของคีย์นี้รอหรือกำลังทำอยู่ ยกเลิกบางงาน หรือรอให้เสร็จก่อน"
    ),
    "{} clients follow already": "มีผู้ติดตามอยู่ {} รายแล้ว",
    "cannot be used here: a key is not kept, so it cannot be told again": (
        "ใช้ที่นี่ไม่ได้ เพราะไม่มีการเก็บคีย์ไว้ จึงบอกซ้ำไม่ได้"
    ),
    "list the keys and revoke what is too many": "ดูรายการคีย์แล้วเพิกถอนคีย์ที่เกินมา",
    # what is not there
    "there is no {} {}": "ไม่มี{} {}",
    "line": "สายการผลิต",
    "job": "งาน",
    "run": "งานจำลอง",
    "scenario": "สถานการณ์",
    "schedule": "แผน",
    "forecast": "พยากรณ์",
    "sensitivity": "ผลการลองเปลี่ยนทีละน้อย",
    "screening": "ผลการหาสิ่งที่สำคัญ",
    "webhook": "เว็บฮุก",
    "connection": "การเชื่อมต่อ",
    "model": "แบบจำลอง",
    "file": "ไฟล์",
    "key": "คีย์",
    "there is no element (write LINE.ELEMENT) {}": ("ไม่มีส่วนของสายการผลิต {} (เขียน LINE.ELEMENT)"),
    "there is no operations schedule {}": "ไม่มีชุดใบสั่ง {}",
    "there is no operations performance {}": "ไม่มีรายงานการผลิต {}",
    "nothing has a name with a zero byte": "ไม่มีสิ่งใดที่ชื่อมีไบต์ศูนย์",
    "lies after what is known": "อยู่หลังเวลาที่ทราบข้อมูล",
    "nothing is known of {}; {}": "ไม่มีข้อมูลของ {} {}",
    "the line {} has no element {}; stations: {}": "สายการผลิต {} ไม่มีส่วน {} มีสถานีงาน: {}",
    # requests that cannot be used
    "is no JSON object": "ไม่ใช่ออบเจกต์ JSON",
    "a JSON object": "ออบเจกต์ JSON",
    "send one, with Content-Type: application/json": "ส่งมาพร้อม Content-Type: application/json",
    "it nests deeper than {} levels": "ซ้อนลึกเกิน {} ชั้น",
    "it is no UTF-8 at byte {}": "ไม่ใช่ UTF-8 ที่ไบต์ {}",
    "{} at line {}, column {}": "{} บรรทัด {} คอลัมน์ {}",
    "it holds text with half of a surrogate pair": "มีข้อความที่เข้ารหัสไม่ครบ",
    "it holds text with the control character U+{}": "มีข้อความที่มีอักขระควบคุม U+{}",
    "it holds {}, which is no JSON number": "มี {} ซึ่งไม่ใช่ตัวเลขใน JSON",
    "the number {} is too large": "ตัวเลข {} ใหญ่เกินไป",
    "the number {} needs more than 64 bits": "ตัวเลข {} ต้องใช้เกิน 64 บิต",
    "it names the key {} twice": "มีคีย์ {} ซ้ำสองครั้ง",
    "at most {} bytes are taken": "รับได้ไม่เกิน {} ไบต์",
    "holds a zero byte": "มีไบต์ศูนย์",
    "{} is not taken; expected one of {}": "ไม่รับ {} รับเฉพาะ {}",
    "holds a document type or entities": "มีการประกาศชนิดเอกสารหรือเอนทิตี",
    "plain XML": "XML ธรรมดา",
    "is no XML: {}": "ไม่ใช่ XML: {}",
    "a B2MML message": "ข้อความ B2MML",
    "is a {}": "เป็น {}",
    "nests deeper than {} levels": "ซ้อนลึกเกิน {} ชั้น",
    "{} is no number of parts": "{} ไม่ใช่จำนวนชิ้น",
    "1 to 255 characters": "1 ถึง 255 ตัวอักษร",
    "give a new key for another request": "ใช้คีย์ใหม่กับคำขออื่น",
    "ask again in a moment; the answer will be that of the first request": (
        "รอสักครู่แล้วถามใหม่ จะได้คำตอบของคำขอแรก"
    ),
    "send If-Match with the ETag that you read; it is {} now": (
        "ส่ง If-Match พร้อม ETag ที่อ่านไว้ ตอนนี้คือ {}"
    ),
    "it is of version {} now": "ตอนนี้เป็นรุ่น {} แล้ว โหลดหน้านี้ใหม่แล้วลองอีกครั้ง",
    "the next_cursor of a page": "next_cursor ของหน้าก่อน",
    "this cannot be had as {}": "รับเป็น {} ไม่ได้",
    "{} rows are too many for a workbook": "{} แถวมากเกินไปสำหรับสมุดงาน",
    "csv or parquet, or a shorter window_s": "csv หรือ parquet หรือช่วงเวลาที่สั้นลง",
    "the log of the service tells more under this request id": (
        "ดูรายละเอียดในบันทึกของบริการตามหมายเลขคำขอนี้"
    ),
    # what-if
    "{} s is too long": "{} วินาทีนานเกินไป",
    "less than horizon_s = {}": "น้อยกว่าช่วงที่มองไปข้างหน้า {} วินาที",
    "leaves nothing of the run": "ไม่เหลือเวลาให้จำลอง",
    "{} are too many": "{} มากเกินไป",
    "{} is in none of the runs": "{} ไม่อยู่ในงานจำลองใดเลย",
    "names a run twice": "ระบุงานจำลองซ้ำ",
    "each run once": "งานจำลองละหนึ่งครั้ง",
    "the run {} has no results yet": "งานจำลอง {} ยังไม่มีผล",
    "{} differs from {} in {}": "{} ต่างจาก {} ที่ {}",
    "runs whose replications are pairs": "งานจำลองที่จับคู่กันได้ทีละครั้ง",
    "names a scenario twice": "ระบุสถานการณ์ซ้ำ",
    "each scenario once": "สถานการณ์ละหนึ่งครั้ง",
    "holds a scenario of line {}": "มีสถานการณ์ของสายการผลิต {}",
    "the run is {}": "งานจำลองอยู่ในสถานะ {}",
    "queued": "รอคิว",
    "running": "กำลังทำงาน",
    "succeeded": "เสร็จแล้ว",
    "failed": "ล้มเหลว",
    "cancelled": "ยกเลิกแล้ว",
    "the scenario does not fit the line {}": "สถานการณ์ไม่เข้ากับสายการผลิต {}",
    "a fault or event of scenario {} begins after {} s, so never": (
        "เหตุการณ์ในสถานการณ์ {} เริ่มหลัง {} วินาที จึงไม่เกิดขึ้นเลย"
    ),
    "more than {}": "มากกว่า {}",
    "look further ahead": "มองไปข้างหน้าให้ไกลขึ้น",
    "the workers are starting": "ตัวทำงานกำลังเริ่ม รอสักครู่",
    "shorten horizon_s, or ask for a run of a scenario instead": (
        "มองไปข้างหน้าให้สั้นลง หรือใช้การจำลองสถานการณ์แทน"
    ),
    "no answer within {} s of processor time": "ไม่ได้คำตอบภายในเวลาประมวลผล {} วินาที",
    "stands beside product or quantity": "ใช้พร้อมผลิตภัณฑ์หรือจำนวนไม่ได้",
    "one or the other": "อย่างใดอย่างหนึ่ง",
    "order_id, or product and quantity": "เลขที่ใบสั่ง หรือผลิตภัณฑ์และจำนวน",
    "is {}, not one of the line {}": "เป็น {} ไม่ใช่ของสายการผลิต {}",
    "no picture of the plant of {} yet: {}": "ยังไม่มีภาพของโรงงาน {}: {}",
    # settings to try
    "{} does not do for sobol": "{} ใช้กับวิธี sobol ไม่ได้",
    "2, 4, 8, 16, ...": "2, 4, 8, 16, ...",
    "the line has no {} of {}": "สายการผลิตไม่มี {} ของ {}",
    "{} is named twice": "ระบุ {} ซ้ำ",
    "each setting once": "ค่าละหนึ่งครั้ง",
    "a value that the line can have": "ค่าที่สายการผลิตมีได้",
    "the settings cannot be used: {}": "ค่าที่ตั้งใช้ไม่ได้: {}",
    "the screening {} has no result yet": "ผลการหาสิ่งที่สำคัญ {} ยังไม่เสร็จ",
    "names a kind twice": "ระบุชนิดซ้ำ",
    "each kind once": "ชนิดละหนึ่งครั้ง",
    "low {} must lie below high {}": "ค่าต่ำ {} ต้องน้อยกว่าค่าสูง {}",
    # plans and orders
    "{} is not in the schedule": "{} ไม่อยู่ในแผน",
    "it was released at {}": "ปล่อยแล้วเมื่อ {}",
    "there is nothing to release: its job is {}": "ยังไม่มีแผนให้ปล่อย งานอยู่ในสถานะ: {}",
    "it does not hold: {}": "แผนมีสิ่งที่ทำไม่ได้: {}",
    "it took more than {} s": "ใช้เวลาเกิน {} วินาที",
    "there are no bars: its job is {}": "ยังไม่มีแท่งในแผน งานอยู่ในสถานะ: {}",
    "{} is none": "{} ไม่ใช่",
    "a schedule of line {} that was found": "แผนของสายการผลิต {} ที่หาได้แล้ว",
    "is not to be planned": "ไม่อยู่ในสิ่งที่ต้องวางแผน",
    "an operation that is not done yet": "ขั้นตอนที่ยังไม่ได้ทำ",
    "cannot be done at {}": "ทำที่ {} ไม่ได้",
    "leaves less than {} s of working time from {} s on": (
        "เหลือเวลาทำงานไม่ถึง {} วินาที นับจากวินาทีที่ {}"
    ),
    "and {}, of people needed at {}, leave together": "กับ {} ของคนที่ต้องใช้ที่ {} หยุดพร้อมกัน",
    "add shifts or end the holidays": "เพิ่มกะ หรือลดวันหยุด",
    "the running plan has changed since: {} operations moved": (
        "แผนที่ใช้อยู่เปลี่ยนไปแล้ว: มี {} ขั้นตอนที่ย้าย"
    ),
    "make a new proposal": "วางแผนใหม่อีกครั้ง",
    "it is of the line {}": "เป็นของสายการผลิต {}",
    "the line has {} operations schedules already": "สายการผลิตมีชุดใบสั่ง {} ชุดแล้ว",
    # what a search for a plan says
    "stopped on request, with the best schedule so far": ("หยุดตามคำขอ แสดงแผนที่ดีที่สุดจนถึงตอนนั้น"),
    "These cannot all hold: {}.": "ข้อเหล่านี้เป็นไปพร้อมกันไม่ได้: {}",
    "Some of these cannot all hold: {}.": "บางข้อในนี้เป็นไปพร้อมกันไม่ได้: {}",
    "due before the schedule begins, so late whatever is done: {}": (
        "เลยกำหนดส่งก่อนแผนเริ่ม จึงช้าไม่ว่าจะทำอย่างไร: {}"
    ),
    "the dispatch rules leave demands unmet, e.g. {}": "กฎการจัดลำดับทำได้ไม่ครบทุกข้อ เช่น {}",
    "as the line keeps it a plan leaves demands unmet, e.g. {}": (
        "เมื่อสายการผลิตทำตามแผน ทำได้ไม่ครบทุกข้อ เช่น {}"
    ),
    "the line does not finish a plan that looked good: {}": "สายการผลิตทำแผนที่ดูดีไม่เสร็จ: {}",
    "after {} h orders are still to be finished: {}": "ผ่านไป {} ชม. ใบสั่งเหล่านี้ยังไม่เสร็จ: {}",
    "the process of {} ended unexpectedly": "ตัวค้นหา {} หยุดไปกลางคัน",
    "{} failed: {}": "{} ล้มเหลว: {}",
    "machine {}: not all that only it can do is done before hard dates, whatever the order: "
    "something is {} s late or later": (
        "สถานีงาน {}: งานที่ทำได้เฉพาะที่นี่เสร็จไม่ทันกำหนดตายตัวทั้งหมด ไม่ว่าจะเรียงอย่างไร มีงานที่ช้าอย่างน้อย {} วินาที"
    ),
    "job {}: finished by its {} at {} s {} with every machine to itself, where it ends at {} s": (
        "ใบสั่ง {}: เสร็จภายใน{} ที่วินาทีที่ {} {} แม้ได้ใช้ทุกสถานีคนเดียว ซึ่งจะเสร็จที่วินาทีที่ {}"
    ),
    "deadline": "เส้นตาย",
    "horizon": "ช่วงที่วางแผน",
    "is not possible even": "ทำไม่ได้",
    "would be possible": "ทำได้",
    "operation {} must start at {} s; alone it could start at {} s": (
        "ขั้นตอน {} ต้องเริ่มที่วินาทีที่ {} ถ้าทำลำพังเริ่มได้ที่วินาทีที่ {}"
    ),
    # lines, workbooks and files that come in
    "the workbook cannot be used": "สมุดงานนี้ใช้ไม่ได้",
    "the workbook cannot be read": "อ่านสมุดงานนี้ไม่ได้",
    "is none": "ไม่ใช่",
    "is none: there is nothing to report yet": "ยังไม่มี จึงยังทำรายงานไม่ได้",
    "a line {} is served already; give yours another id in the sheet 'line'": (
        "มีสายการผลิต {} อยู่แล้ว ตั้งรหัสอื่นในแผ่นงานสายการผลิต"
    ),
    "{} lines are kept already": "เก็บสายการผลิตไว้ {} สายแล้ว",
    # webhooks
    "its host is not among those that news may go to": ("ชื่อเครื่องนี้ไม่อยู่ในรายชื่อที่ส่งข่าวไปได้"),
    "there are {} webhooks already": "มีเว็บฮุก {} รายการแล้ว",
    "names an event twice": "ระบุเหตุการณ์ซ้ำ",
    # jobs that end otherwise than they should
    "the job has already {}": "งานนี้จบไปแล้ว: {}",
    "it used more than {} s of processor time": ("ใช้เวลาประมวลผลเกิน {} วินาที ลดจำนวนครั้งหรือช่วงเวลา"),
    "it was ended after {} s": "ถูกหยุดหลัง {} วินาที ลดจำนวนครั้งหรือช่วงเวลา",
    "the result could not be kept: {}": "เก็บผลไม่ได้: {}",
    "{}; {} attempts were made. It may have run out of memory: ask for less, or see the log of "
    "the service": ("{} ลองแล้ว {} ครั้ง หน่วยความจำอาจไม่พอ ขอให้น้อยลง หรือดูบันทึกของบริการ"),
    "the service ended {} times while it was done": "บริการหยุดไป {} ครั้งระหว่างทำงานนี้",
    "a worker process did not start; its log tells why": ("ตัวทำงานไม่เริ่ม ดูสาเหตุในบันทึกของบริการ"),
    "the worker process ended in the middle of its work (code {})": ("ตัวทำงานหยุดกลางคัน (รหัส {})"),
    "the worker process is not there": "ไม่มีตัวทำงาน",
    "the worker process is gone": "ตัวทำงานหายไป",
    "a message of {} bytes is more than {}": "ข้อความ {} ไบต์ใหญ่กว่า {}",
    # forecasts
    "no fault risks: the forecaster is not trained": "ยังไม่มีความเสี่ยง: ตัวพยากรณ์ยังไม่ได้ฝึก",
    "no fault risks: there is no plant whose sensors could be read": (
        "ไม่มีความเสี่ยง: ไม่มีโรงงานให้อ่านเซนเซอร์"
    ),
    "no fault risks yet: they need {} s of the plant's sensors, and {} s were seen": (
        "ยังไม่มีความเสี่ยง: ต้องมีข้อมูลเซนเซอร์ {} วินาที ตอนนี้เห็นแล้ว {} วินาที"
    ),
    "no fault risks: {}": "ไม่มีความเสี่ยง: {}",
    "{}; tested on {}": "{} ทดสอบกับ {}",
    "the twin itself": "จำลองด้วยทวินเอง",
    "{} synthetic runs of {} h with frequent faults": ("การจำลอง {} ครั้ง ครั้งละ {} ชม. ที่เครื่องเสียบ่อย"),
    "mean failure rate": "อัตราเสียเฉลี่ย",
    "persistence": "เหมือนเมื่อครู่",
    # what found a plan
    "dispatch rule {}": "กฎการจัดลำดับ {}",
    "order of arrival": "ตามลำดับที่มา",
    "search": "การค้นหา",
    "neighbour search": "การค้นหาใกล้เคียง",
    "search on the line": "การค้นหาบนสายการผลิต",
    "Pyomo and HiGHS": "Pyomo และ HiGHS",
    # how the site stands, and what became of news that was sent
    "ok": "พร้อม",
    "not started": "ยังไม่เริ่ม",
    "starting": "กำลังเริ่ม",
    "not ready": "ยังไม่พร้อม",
    "the webhook is gone": "เว็บฮุกถูกลบไปแล้ว",
    "its host is not among webhook_hosts any more": "ชื่อเครื่องไม่อยู่ใน webhook_hosts แล้ว",
    # why something of the record is missing, and how a link ended
    "the plant's clock was set {} by {} s": "นาฬิกาโรงงานถูกตั้ง{} {} วินาที",
    "back": "ถอยหลัง",
    "forward": "ไปข้างหน้า",
    "the twin was not running": "ทวินไม่ได้ทำงานอยู่",
    "switched off": "ปิดอยู่",
    "the journal {} cannot be {}: {}; {}": "{1}บันทึก {0} ไม่ได้: {2} {3}",
    "written": "เขียน",
    "read": "อ่าน",
    "database or disk is full": "ดิสก์เต็ม",
    "free some space on its disk": "เพิ่มที่ว่างในดิสก์ แล้วทวินจะทำต่อเอง",
    "check the path and who may write there": "ตรวจที่เก็บไฟล์และสิทธิ์เขียน",
    "connected, but no heartbeat for {} s": "เชื่อมต่ออยู่ แต่ไม่มีสัญญาณชีพมา {} วินาที",
    "heartbeat is {} s old": "สัญญาณชีพเก่า {} วินาที",
    "the server's queue of {} values was full": "คิว {} ค่าของเซิร์ฟเวอร์เต็ม",
    "the server's queue of {} value was full": "คิว {} ค่าของเซิร์ฟเวอร์เต็ม",
    "the server's queue ran over": "คิวของเซิร์ฟเวอร์ล้น",
    "the server's queue keeps less than it says": "คิวของเซิร์ฟเวอร์เก็บได้น้อยกว่าที่บอก",
    "the server samples every {} s only": "เซิร์ฟเวอร์อ่านค่าทุก {} วินาทีเท่านั้น",
}
"""Thai by the English words; ``{}`` stands for what differs from case to case, in that order."""
