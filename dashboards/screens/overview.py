"""Are both cities all right at this moment?"""

from __future__ import annotations

from typing import Final

from dashboards.screen import AS_OF, STATE, Column, Screen, Tile, Word
from dashboards.words import ALERT_KINDS

_JUNCTION: Final = Column(name="name", title=Word(vi="Nút giao", en="Junction"))
_LEVEL: Final = Column(name="level", title=Word(vi="Mức ùn tắc", en="Congestion"), unit="level")

CITIES: Final = Tile(
    id="cities",
    kind="table",
    title=Word(vi="Hai đô thị", en="The two cities"),
    says=Word(
        vi="Lúc này, theo từng đô thị: mức của nút ùn nhất trong phút đủ gần nhất (0 thông đến 5 "
        "tắc), số nút có làn từ mức 3 (chỉ nút có số liệu trong 5 phút qua), cảnh báo đang mở, "
        "thiết bị còn gửi trong 5 phút qua trên tổng số. ▲ khi có nút mức 3, có cảnh báo hoặc có "
        "thiết bị im lặng; ■ khi có nút từ mức 4, có cảnh báo ngoài cảnh báo thiết bị, hoặc hơn "
        "một phần mười thiết bị im lặng.",
        en="Now, for each city: level of the worst junction in its last full minute (0 free to 5 "
        "jammed), junctions with a lane at 3 or worse (of those heard in the last 5 minutes), "
        "open alerts, devices heard in the last 5 minutes out of all. ▲ with a junction at 3, an "
        "alert or a silent device; ■ with a junction at 4 or worse, an alert about more than "
        "devices, or over a tenth of them silent.",
    ),
    query="overview-cities",
    columns=(
        Column(name="name", title=Word(vi="Đô thị", en="City")),
        STATE,
        Column(name="level", title=Word(vi="Mức ùn tắc", en="Worst level"), unit="level"),
        Column(name="congested", title=Word(vi="Nút ùn", en="Jams"), unit="count"),
        Column(name="junctions", title=Word(vi="Nút giao", en="Junctions"), unit="count"),
        Column(name="alerts", title=Word(vi="Cảnh báo mở", en="Open alerts"), unit="count"),
        Column(name="heard", title=Word(vi="Còn gửi", en="Heard"), unit="count"),
        Column(name="devices", title=Word(vi="Thiết bị", en="Devices"), unit="count"),
        AS_OF,
    ),
    size=(12, 3),
    link="giao-thong",
)

VIOLATIONS: Final = Tile(
    id="violations",
    kind="stat",
    title=Word(vi="Vi phạm hôm nay (đề xuất)", en="Violations proposed today"),
    says=Word(
        vi="Số vi phạm hệ thống đề xuất từ 0 giờ hôm nay (giờ Việt Nam) và trong 1 giờ qua, cạnh "
        "số cùng thứ tuần trước tính đến cùng giờ; chưa ai xét duyệt. ▲ khi hơn ít nhất 10 vụ và "
        "gấp rưỡi tuần trước, ■ khi hơn ít nhất 20 vụ và gấp đôi.",
        en="Violations that the system proposed since midnight in Vietnam and in the last hour, "
        "beside the same weekday last week up to the same time; nobody has judged them yet. ▲ "
        "when at least 10 more and 1.5 times last week, ■ when at least 20 more and twice.",
    ),
    query="overview-violations",
    columns=(
        Column(name="today", title=Word(vi="Hôm nay", en="Today"), unit="count"),
        Column(name="last_week", title=Word(vi="Tuần trước", en="Last week"), unit="count"),
        Column(name="hour", title=Word(vi="1 giờ qua", en="Last hour"), unit="count"),
        STATE,
        AS_OF,
    ),
    size=(6, 3),
    link="vi-pham",
)

REVIEW: Final = Tile(
    id="review",
    kind="stat",
    title=Word(vi="Chờ xét duyệt", en="Waiting for review"),
    says=Word(
        vi="Hồ sơ đang chờ người xét lúc này (lần đầu, lần hai, chỉ huy), số đã quá hạn và hạn "
        "gần nhất. ▲ khi có hạn trong 24 giờ tới, ■ khi có hồ sơ quá hạn.",
        en="Cases that wait for people now (first look, second look, supervisor), those past "
        "their deadline, and the nearest deadline. ▲ with a deadline in the next 24 hours, ■ with "
        "a case overdue.",
    ),
    query="overview-review",
    columns=(
        Column(name="waiting", title=Word(vi="Đang chờ", en="Waiting"), unit="count"),
        Column(name="overdue", title=Word(vi="Quá hạn", en="Overdue"), unit="count"),
        Column(name="deadline", title=Word(vi="Hạn gần nhất", en="First due"), unit="time"),
        STATE,
        AS_OF,
    ),
    size=(6, 3),
    fresh_s=30,
    link="/queue",
)

MAP: Final = Tile(
    id="map",
    kind="map",
    title=Word(vi="Bản đồ nút giao", en="Map of the junctions"),
    says=Word(
        vi="Mỗi điểm là một nút giao; số là lưu lượng xe (không kể người đi bộ) trong phút đủ gần "
        "nhất, quy ra xe/giờ. ▲ khi có làn mức 3, có cảnh báo thiết bị hoặc thiết bị im lặng quá "
        "5 phút; ■ khi có làn từ mức 4 hoặc có cảnh báo khác đang mở; ○ không có số liệu trong 5 "
        "phút qua.",
        en="Each point is a junction; the number is its vehicles (without pedestrians) of the "
        "last full minute, as an hourly rate. ▲ with a lane at level 3, an alert about a device "
        "or a device silent for over 5 minutes; ■ with a lane at 4 or worse or any other open "
        "alert; ○ nothing heard in 5 minutes.",
    ),
    query="overview-map",
    columns=(
        Column(name="latitude", title=Word(vi="Vĩ độ", en="Latitude"), unit="", decimals=5),
        Column(name="longitude", title=Word(vi="Kinh độ", en="Longitude"), unit="", decimals=5),
        _JUNCTION,
        STATE,
        Column(name="value", title=Word(vi="Lưu lượng", en="Flow"), unit="veh/h"),
        AS_OF,
    ),
    size=(11, 5),
    unit="veh/h",
    link="giao-thong",
)

CONGESTION: Final = Tile(
    id="congestion",
    kind="table",
    title=Word(vi="Ùn tắc tại nút", en="Congestion at junctions"),
    says=Word(
        vi="Từng nút trong phút đủ gần nhất của nó: mức của làn ùn nhất (0 thông đến 5 tắc), tốc "
        "độ trung bình, lưu lượng quy ra xe/giờ, số làn từ mức 3 trên số làn đếm được. ▲ mức 3, ■ "
        "từ mức 4, ○ không đo được hoặc không có số liệu trong 5 phút qua. Chỉ kể nút có đếm xe "
        "trong 90 ngày qua.",
        en="Each junction in its own last full minute: level of the worst lane (0 free to 5 "
        "jammed), mean speed, flow as an hourly rate, lanes at level 3 or worse out of lanes "
        "counted. ▲ level 3, ■ 4 or worse, ○ not measured, or nothing heard in 5 minutes. "
        "Junctions that counted traffic in the last 90 days.",
    ),
    query="overview-congestion",
    columns=(
        _JUNCTION,
        STATE,
        _LEVEL,
        Column(name="speed_kmh", title=Word(vi="Tốc độ", en="Speed"), unit="km/h"),
        Column(name="flow", title=Word(vi="Lưu lượng", en="Flow"), unit="veh/h"),
        Column(name="congested", title=Word(vi="Làn ùn", en="Slow lanes"), unit="count"),
        Column(name="lanes", title=Word(vi="Số làn", en="Lanes"), unit="count"),
        AS_OF,
    ),
    size=(13, 5),
    link="giao-thong",
)

ALERTS: Final = Tile(
    id="alerts",
    kind="table",
    title=Word(vi="Cảnh báo đang mở", en="Open alerts"),
    says=Word(
        vi="Cảnh báo chưa tắt, theo loại: bao nhiêu, cảnh báo lâu nhất đã mở bao lâu và ở đâu. ■ "
        "nguy hiểm cho người hoặc giao thông, ▲ thiết bị của chính ta. Khi bộ phận cảnh báo không "
        "chạy, bảng nói rõ: lúc đó không có cảnh báo không có nghĩa là yên.",
        en="Alerts that are not cleared, by kind: how many, how long the oldest has been open, "
        "and where. ■ danger to people or traffic, ▲ our own devices. When the judge of alerts "
        "does not run the table says so: then no alert does not mean that all is well.",
    ),
    query="overview-alerts",
    columns=(
        Column(
            name="kind",
            title=Word(vi="Loại", en="Kind"),
            words={
                **ALERT_KINDS,
                "quiet": Word(vi="Không có cảnh báo", en="No alerts"),
                "unjudged": Word(vi="KHÔNG AI CANH CẢNH BÁO", en="NOBODY WATCHES THE ALERTS"),
            },
        ),
        STATE,
        Column(name="alerts", title=Word(vi="Đang mở", en="Open"), unit="count"),
        Column(name="age_s", title=Word(vi="Lâu nhất", en="Oldest"), unit="s"),
        Column(name="place", title=Word(vi="Nơi lâu nhất", en="Where the oldest is")),
        AS_OF,
    ),
    size=(13, 4),
    fresh_s=30,
    link="/wall",
)

AGES: Final = Tile(
    id="ages",
    kind="table",
    title=Word(vi="Tuổi dữ liệu theo nguồn", en="Age of the data by source"),
    says=Word(
        vi="Lần cuối nghe từ từng loại nguồn trong 24 giờ qua, và bao nhiêu nguồn đang trễ: đếm "
        "xe quá 90 giây, cảm biến quá ba chu kỳ của nó (ít nhất 3 phút), đèn tín hiệu và thiết bị "
        "nói chung quá 5 phút. ▲ khi có nguồn trễ, ■ khi mọi nguồn đều trễ, ○ khi cả ngày không "
        "nghe gì.",
        en="When each kind of source was heard last within 24 hours, and how many sources are "
        "late: counts over 90 seconds, a sensor over three of its periods (at least 3 minutes), "
        "signals and devices at large over 5 minutes. ▲ when some are late, ■ when all are, ○ "
        "when none was heard in a day.",
    ),
    query="overview-ages",
    columns=(
        Column(
            name="kind",
            title=Word(vi="Nguồn", en="Source"),
            words={
                "flow": Word(vi="Camera đếm xe", en="Counting cameras"),
                "reading": Word(vi="Cảm biến", en="Sensors"),
                "signal": Word(vi="Đèn tín hiệu", en="Traffic signals"),
                "device": Word(vi="Mọi thiết bị", en="All devices"),
            },
        ),
        STATE,
        Column(name="sources", title=Word(vi="Số nguồn", en="Sources"), unit="count"),
        Column(name="late", title=Word(vi="Đang trễ", en="Late"), unit="count"),
        AS_OF,
    ),
    size=(11, 4),
    link="ha-tang",
)

SCREEN: Final = Screen(
    uid="tong-quan",
    title=Word(vi="Tổng quan", en="Overview"),
    asks=Word(vi="Hai đô thị lúc này có ổn không?", en="Are both cities all right at this moment?"),
    span_h=24,
    tiles=(CITIES, VIOLATIONS, REVIEW, MAP, CONGESTION, ALERTS, AGES),
)
