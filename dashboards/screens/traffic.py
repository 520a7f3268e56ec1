"""How does traffic run now, and is that usual?"""

from __future__ import annotations

from typing import Final

from dashboards.screen import AS_OF, STATE, Column, Screen, Tile, Unit, Word
from dashboards.words import VEHICLES

_TIME: Final = Column(name="time", title=Word(vi="Thời gian", en="Time"), unit="time")
_JUNCTION: Final = Column(name="name", title=Word(vi="Nút giao", en="Junction"))
_HOUR_FRESH_S: Final = 7800
"""A point bears the start of its hour, and the next one comes two hours after it; ten minutes more
for the slowest device."""


def _value(vi: str, en: str, unit: Unit) -> Column:
    return Column(name="value", title=Word(vi=vi, en=en), unit=unit)


SERVICE: Final = Tile(
    id="service",
    kind="table",
    title=Word(vi="Mức phục vụ tại nút", en="Level of service at junctions"),
    says=Word(
        vi="Từng nút: mức của làn ùn nhất trong phút đủ gần nhất (0 thông đến 5 tắc, theo tốc độ "
        "so với tốc độ tự do); trong 15 phút đủ gần nhất: số phút có làn từ mức 3, tốc độ trung "
        "bình, lưu lượng quy ra xe/giờ, và lưu lượng đúng 15 phút ấy tuần trước. ▲ mức 3, ■ từ "
        "mức 4, ○ không đo được hoặc không có số liệu trong 5 phút qua.",
        en="Each junction: level of the worst lane in its last full minute (0 free to 5 jammed, "
        "by speed over free speed); in its last 15 full minutes: minutes with a lane at 3 or "
        "worse, mean speed, flow as an hourly rate, and that of the same 15 minutes last week. ▲ "
        "level 3, ■ 4 or worse, ○ not measured, or nothing heard in 5 minutes.",
    ),
    query="traffic-service",
    columns=(
        _JUNCTION,
        STATE,
        Column(name="level", title=Word(vi="Mức ùn tắc", en="Congestion"), unit="level"),
        Column(
            name="congested_min", title=Word(vi="Phút ùn / 15", en="Minutes of 15"), unit="count"
        ),
        Column(name="speed_kmh", title=Word(vi="Tốc độ", en="Speed"), unit="km/h"),
        Column(name="flow", title=Word(vi="Lưu lượng", en="Flow"), unit="veh/h"),
        Column(name="last_week", title=Word(vi="Tuần trước", en="Last week"), unit="veh/h"),
        AS_OF,
    ),
    size=(14, 4),
    link="/wall",
)

WEEK: Final = Tile(
    id="week",
    kind="series",
    title=Word(vi="Lưu lượng so với tuần trước", en="Flow beside last week"),
    says=Word(
        vi="Tổng xe (không kể người đi bộ) qua các nút đã chọn trong từng giờ đủ; nét đứt là cùng "
        "giờ tuần trước. Hai đường rời nhau: giao thông bất thường, hoặc có camera không gửi.",
        en="All vehicles (without pedestrians) at the chosen junctions in each full hour; dashed: "
        "the same hour last week. Where the lines part, traffic is unusual or cameras were silent.",
    ),
    query="traffic-week",
    columns=(
        _TIME,
        Column(
            name="metric",
            title=Word(vi="Đường", en="Line"),
            words={
                "now": Word(vi="Tuần này", en="This week"),
                "~last_week": Word(vi="Cùng giờ tuần trước", en="Same hour last week"),
            },
        ),
        _value("Lưu lượng", "Flow", "veh/h"),
    ),
    size=(10, 4),
    unit="veh/h",
    fresh_s=_HOUR_FRESH_S,
)

CLASSES: Final = Tile(
    id="classes",
    kind="series",
    title=Word(vi="Lưu lượng theo loại xe", en="Flow by class"),
    says=Word(
        vi="Xe theo loại qua các nút đã chọn trong từng giờ đủ; loại không xuất hiện trong khoảng "
        "đang xem thì không vẽ.",
        en="Vehicles by class at the chosen junctions in each full hour; a class that did not "
        "come in the range is not drawn.",
    ),
    query="traffic-classes",
    columns=(
        _TIME,
        Column(
            name="metric",
            title=Word(vi="Loại xe", en="Class"),
            words={name: word for name, word in VEHICLES.items() if name != "pedestrian"},
        ),
        _value("Lưu lượng", "Flow", "veh/h"),
    ),
    size=(8, 4),
    unit="veh/h",
    fresh_s=_HOUR_FRESH_S,
)

SPEED: Final = Tile(
    id="speed",
    kind="series",
    title=Word(vi="Tốc độ trung bình", en="Mean speed"),
    says=Word(
        vi="Tốc độ trung bình của xe trong từng giờ đủ, ở tám nút đông xe nhất trong các nút đã "
        "chọn; chọn một nút để xem riêng. Nút không đo tốc độ thì không có đường.",
        en="Mean speed of the vehicles in each full hour at the eight busiest of the chosen "
        "junctions; choose one to see it alone. A junction that measures no speed has no line.",
    ),
    query="traffic-speed",
    columns=(
        _TIME,
        Column(name="metric", title=_JUNCTION.title),
        _value("Tốc độ", "Speed", "km/h"),
    ),
    size=(8, 4),
    unit="km/h",
    fresh_s=_HOUR_FRESH_S,
)

LANES: Final = Tile(
    id="lanes",
    kind="bars",
    title=Word(vi="Làn đông nhất", en="Busiest lanes"),
    says=Word(
        vi="Mười hai làn nhiều xe nhất trong 15 phút đủ gần nhất, quy ra xe/giờ, với tốc độ trung "
        "bình và camera đếm.",
        en="The twelve lanes with most vehicles in the last 15 full minutes, as an hourly rate, "
        "with their mean speed and the camera that counts.",
    ),
    query="traffic-lanes",
    columns=(
        Column(name="name", title=Word(vi="Làn", en="Lane")),
        Column(name="flow", title=Word(vi="Lưu lượng", en="Flow"), unit="veh/h"),
        Column(name="speed_kmh", title=Word(vi="Tốc độ", en="Speed"), unit="km/h"),
        Column(name="device", title=Word(vi="Camera", en="Camera")),
        AS_OF,
    ),
    size=(8, 4),
    unit="veh/h",
)

HOURS: Final = Tile(
    id="hours",
    kind="heat",
    title=Word(vi="Giờ × nút giao, 24 giờ đủ gần nhất", en="Hour × junction, last 24 full hours"),
    says=Word(
        vi="Xe (không kể người đi bộ) trong từng giờ trong ngày, giờ Việt Nam, ở hai mươi nút "
        "đông nhất. Giờ chưa đến của hôm nay là của hôm qua; ô trống: không đếm được.",
        en="Vehicles (without pedestrians) by hour of day in Vietnam at the twenty busiest "
        "junctions. Hours of today that are still to come are yesterday's; empty: not counted.",
    ),
    query="traffic-hours",
    columns=(
        _JUNCTION,
        *(
            Column(name=f"h{hour:02}", title=Word(vi=f"{hour}", en=f"{hour}"), unit="veh/h")
            for hour in range(24)
        ),
        AS_OF,
    ),
    size=(17, 4),
    unit="veh/h",
    fresh_s=_HOUR_FRESH_S,
)

QUEUE: Final = Tile(
    id="queue",
    kind="bars",
    title=Word(vi="Hàng chờ dài nhất", en="Longest queues"),
    says=Word(
        vi="Hàng chờ dài nhất của từng nút trong 5 phút đủ gần nhất và làn của nó; mười hai nút "
        "dài nhất. ■ khi cảnh báo hàng chờ dài đang mở: hàng vượt chiều dài chứa của làn; ○ không "
        "đo được.",
        en="The longest queue of each junction in its last five full minutes, and its lane; the "
        "twelve longest. ■ while an alert of a long queue is open: it fills its lane; ○ not "
        "measured.",
    ),
    query="traffic-queue",
    columns=(
        _JUNCTION,
        Column(name="queue_m", title=Word(vi="Hàng chờ", en="Queue"), unit="m"),
        Column(name="lane", title=Word(vi="Làn", en="Lane")),
        STATE,
        AS_OF,
    ),
    size=(7, 4),
    unit="m",
    link="/wall",
)

SCREEN: Final = Screen(
    uid="giao-thong",
    title=Word(vi="Giao thông", en="Traffic"),
    asks=Word(
        vi="Giao thông lúc này thế nào, có như mọi khi không?",
        en="How does traffic run now, and is that usual?",
    ),
    span_h=48,
    tiles=(SERVICE, WEEK, CLASSES, SPEED, LANES, HOURS, QUEUE),
)
