"""Screen 5: whether everything that is sent arrives, in time, and what is in its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dashboards.screen import AS_OF, STATE, Column, Screen, Tile, Word

TROUBLES: Final[Mapping[str, Word]] = {
    "silent": Word(vi="Mất tín hiệu (phút)", en="Silent (min)"),
    "dropped": Word(vi="Bỏ bản tin (1 giờ)", en="Events given up (1 h)"),
    "missing": Word(vi="Thiếu bản tin", en="Events missing"),
    "spool": Word(vi="Bản tin chờ gửi", en="Events waiting"),
    "stalls": Word(vi="Đứng hình (1 giờ)", en="Stalls (1 h)"),
    "clock": Word(vi="Lệch giờ (ms)", en="Clock off (ms)"),
    "well": Word(vi="Không có vấn đề", en="Nothing"),
}

CHECKS: Final[Mapping[str, Word]] = {
    "parts": Word(vi="Bộ phận không chạy", en="Parts that are down"),
    "stalled": Word(vi="Bản tin bị kẹt", en="Events stuck"),
    "queue": Word(vi="Chờ trong Kafka", en="Waiting in Kafka"),
    "disk": Word(vi="Ổ đĩa đầy nhất", en="Fullest disk"),
    "clock": Word(vi="Lệch giờ máy chủ", en="Clock of a machine"),
    "jobs": Word(vi="Việc CSDL lỗi", en="Database jobs failed"),
}

DEAD: Final[Mapping[str, Word]] = {
    "oversize": Word(vi="Quá lớn", en="Too large"),
    "bad_utf8": Word(vi="Sai mã chữ", en="Not UTF-8"),
    "bad_json": Word(vi="Sai JSON", en="Not JSON"),
    "not_a_number": Word(vi="Không phải số", en="Not a number"),
    "unknown_version": Word(vi="Phiên bản lạ", en="Unknown version"),
    "unknown_type": Word(vi="Loại lạ", en="Unknown type"),
    "schema": Word(vi="Sai cấu trúc", en="Against the schema"),
    "unit": Word(vi="Sai đơn vị", en="Wrong unit"),
    "time_window": Word(vi="Sai thời gian", en="Time out of bounds"),
    "bad_topic": Word(vi="Chủ đề lạ", en="Unknown topic"),
    "identity": Word(vi="Mạo danh thiết bị", en="Another device's name"),
    "adapter": Word(vi="Lỗi chuyển đổi", en="Adapter failed"),
    "database": Word(vi="CSDL không nhận", en="Refused by the database"),
    "internal": Word(vi="Lỗi nội bộ", en="Internal"),
    "nothing": Word(vi="Không có", en="None"),
}
"""Why a message was set aside (``ioc.decode.Reason``)."""

LEGS: Final[Mapping[str, Word]] = {
    "ingest": Word(vi="Thu nhận (MQTT → Kafka)", en="Ingest (MQTT to Kafka)"),
    "waiting": Word(vi="Chờ trong Kafka", en="Waiting in Kafka"),
    "stored": Word(vi="Tuổi khi được lưu", en="Age when stored"),
    "~limit": Word(vi="Ngưỡng", en="Limit"),
}

_TIME: Final = Column(name="time", title=Word(vi="Lúc", en="Time"), unit="time")


def _count(name: str, vi: str, en: str) -> Column:
    return Column(name=name, title=Word(vi=vi, en=en), unit="count")


_NAME: Final = Word(vi="Nút giao", en="Junction")

SCREEN: Final = Screen(
    uid="ha-tang",
    title=Word(vi="Hạ tầng", en="Infrastructure"),
    asks=Word(
        vi="Mọi bản tin có đến đủ và kịp thời không?",
        en="Does everything that is sent arrive, and in time?",
    ),
    span_h=6,
    tiles=(
        Tile(
            id="devices",
            kind="stat",
            title=Word(vi="Thiết bị", en="Devices"),
            says=Word(
                vi=(
                    "Thiết bị đã biết, số còn tín hiệu (nhận được trong 5 phút qua, không báo "
                    "ngắt, không có cảnh báo mất tín hiệu), số bản tin còn thiếu theo số thứ tự, "
                    "và số bản tin đang chờ gửi trong 10 phút qua. Cảnh báo khi có thiết bị mất "
                    "tín hiệu hoặc thiếu bản tin; báo động khi hơn một phần mười mất tín hiệu."
                ),
                en=(
                    "Devices known, those heard (something came within 5 minutes, not signed off, "
                    "no standing alert of silence), events missing by their numbers, and events "
                    "waiting to be sent as told within 10 minutes. Warning when one is silent or "
                    "events are missing; alarm when more than a tenth are silent."
                ),
            ),
            query="infrastructure-devices",
            columns=(
                STATE,
                _count("devices", "Thiết bị", "Devices"),
                _count("heard", "Còn tín hiệu", "Heard"),
                _count("silent", "Mất tín hiệu", "Silent"),
                _count("missing", "Bản tin thiếu", "Events missing"),
                _count("waiting", "Bản tin chờ gửi", "Events waiting"),
                AS_OF,
            ),
            size=(5, 6),
            link="/wall",
        ),
        Tile(
            id="worst",
            kind="table",
            title=Word(vi="Thiết bị xấu nhất", en="Devices worst off"),
            says=Word(
                vi=(
                    "Sáu thiết bị xấu nhất, mỗi thiết bị một vấn đề nặng nhất. Báo động: mất tín "
                    "hiệu 5 phút, bỏ bản tin trong giờ qua, cảnh báo thiếu bản tin chưa đóng, 5000 "
                    "bản tin chờ gửi, 6 lần đứng hình trong giờ qua, đồng hồ lệch 1000 ms. Cảnh "
                    "báo: thiếu 1 bản tin, 500 bản tin chờ, 1 lần đứng hình, lệch 100 ms."
                ),
                en=(
                    "The six devices that are worst off, each with its worst trouble. Alarm: "
                    "silent for 5 minutes, events given up in the last hour, a standing alert of "
                    "missing events, 5000 events waiting, 6 stalls in the last hour, clock off by "
                    "1000 ms. Warning: 1 event missing, 500 waiting, 1 stall, clock off by 100 ms."
                ),
            ),
            query="infrastructure-worst",
            columns=(
                Column(name="place", title=_NAME),
                Column(name="name", title=Word(vi="Thiết bị", en="Device")),
                STATE,
                Column(name="trouble", title=Word(vi="Vấn đề", en="Trouble"), words=TROUBLES),
                Column(name="amount", title=Word(vi="Mức độ", en="How much"), unit=""),
                AS_OF,
            ),
            size=(10, 6),
            fresh_s=None,
            link="/wall",
        ),
        Tile(
            id="core",
            kind="table",
            title=Word(vi="Trung tâm", en="The core"),
            says=Word(
                vi=(
                    "Giá trị xấu nhất hiện nay của từng mục. Bộ phận không chạy: không trả lời, "
                    "mất kết nối, hoặc quá 2 phút không ai hỏi tới. Cảnh báo từ cột ngưỡng; báo "
                    "động: kẹt 60 giây, chờ 300 giây, đĩa đầy 90 %, lệch 1000 ms hoặc không đồng "
                    "bộ giờ, 5 việc cơ sở dữ liệu lỗi. Không có số liệu khi cũ hơn 5 phút."
                ),
                en=(
                    "The worst value of now of each thing. Parts down: no answer, not connected, "
                    "or not looked at for 2 minutes. Warning from the limit shown; alarm: stuck "
                    "for 60 s, waiting for 300 s, disk 90 % full, clock off by 1000 ms or not "
                    "synchronised, 5 database jobs failed. No data when older than 5 minutes."
                ),
            ),
            query="infrastructure-core",
            columns=(
                Column(name="name", title=Word(vi="Mục", en="What"), words=CHECKS),
                STATE,
                Column(name="value", title=Word(vi="Giá trị", en="Value"), unit=""),
                Column(name="unit", title=Word(vi="Đơn vị", en="Unit")),
                Column(name="warn_at", title=Word(vi="Ngưỡng", en="Limit"), unit=""),
                Column(name="place", title=Word(vi="Ở đâu", en="Where")),
                AS_OF,
            ),
            size=(9, 6),
            fresh_s=300,
        ),
        Tile(
            id="lag",
            kind="series",
            title=Word(vi="Độ trễ đường truyền", en="Lag on the way"),
            says=Word(
                vi=(
                    "Giá trị lớn nhất mỗi 5 phút trong 6 giờ qua: từ MQTT đến khi Kafka xác nhận "
                    "(p95), bản tin cũ nhất còn chờ trong Kafka, và tuổi bản tin khi được lưu "
                    "(p95, không tính bản tin gửi bù). Bất thường từ 30 giây (nét đứt)."
                ),
                en=(
                    "Largest value of each 5 minutes over 6 hours: from MQTT to Kafka's "
                    "confirmation (p95), how long the oldest event waits in Kafka, and the age of "
                    "events when they are stored (p95, without replays). Abnormal from 30 s "
                    "(dashed)."
                ),
            ),
            query="infrastructure-lag",
            columns=(
                _TIME,
                Column(name="metric", title=Word(vi="Chặng", en="Leg"), words=LEGS),
                Column(name="value", title=Word(vi="Độ trễ", en="Lag"), unit="s", decimals=1),
            ),
            size=(6, 6),
            unit="s",
            decimals=1,
            fresh_s=600,
        ),
        Tile(
            id="spool",
            kind="series",
            title=Word(vi="Bản tin chờ gửi ở thiết bị", en="Events waiting at devices"),
            says=Word(
                vi=(
                    "Tổng số bản tin chờ trong bộ nhớ đệm của thiết bị mỗi đô thị, mức cao nhất "
                    "mỗi 15 phút trong 6 giờ qua. Bất thường khi tăng mãi không giảm."
                ),
                en=(
                    "Events that wait in the spools of each city's devices, at their most in each "
                    "15 minutes of the last 6 hours. Abnormal when it grows and does not fall "
                    "again."
                ),
            ),
            query="infrastructure-spool",
            columns=(
                _TIME,
                Column(name="metric", title=Word(vi="Đô thị", en="City")),
                _count("value", "Bản tin chờ", "Events waiting"),
            ),
            size=(5, 6),
            fresh_s=2700,
        ),
        Tile(
            id="stalls",
            kind="bars",
            title=Word(vi="Đứng hình 6 giờ qua", en="Stalls of the last 6 hours"),
            says=Word(
                vi=(
                    "Số lần camera đứng hình trong 6 giờ qua, sáu nút giao nhiều nhất. Cảnh báo từ "
                    "1 lần, báo động từ 20 lần."
                ),
                en=(
                    "How often pictures of cameras stood still in the last 6 hours, the six worst "
                    "junctions. Warning from 1, alarm from 20."
                ),
            ),
            query="infrastructure-stalls",
            columns=(
                Column(name="name", title=_NAME),
                _count("stalls", "Lần", "Times"),
                STATE,
                AS_OF,
            ),
            size=(6, 6),
            fresh_s=2700,
        ),
        Tile(
            id="dead",
            kind="bars",
            title=Word(vi="Bản tin bị loại 24 giờ", en="Set aside in 24 hours"),
            says=Word(
                vi=(
                    "Bản tin của mọi nơi bị để riêng trong 24 giờ qua theo lý do, và số chưa được "
                    "gửi lại. Cảnh báo từ 1, báo động từ 100 bản tin chưa gửi lại."
                ),
                en=(
                    "Messages from anywhere that were set aside in the last 24 hours by reason, "
                    "and those not sent again yet. Warning from 1, alarm from 100 of these."
                ),
            ),
            query="infrastructure-dead",
            columns=(
                Column(name="reason", title=Word(vi="Lý do", en="Reason"), words=DEAD),
                _count("letters", "Bản tin", "Messages"),
                STATE,
                _count("waiting", "Còn lại", "Not sent again"),
                AS_OF,
            ),
            size=(7, 6),
            fresh_s=None,
            link="an-toan",
        ),
    ),
)
