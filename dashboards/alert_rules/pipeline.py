"""Whether what is sent gets through, whole and in time."""

from __future__ import annotations

from typing import Final

from dashboards.alerts import AlertRule
from dashboards.screen import Word

_ABNORMAL: Final = "the watcher's own silence is the rule ioc-part-down"
_COUNT: Final = "a count always has a row"

RULES: Final[tuple[AlertRule, ...]] = (
    AlertRule(
        uid="ioc-stuck",
        title=Word(vi="Bản tin bị kẹt", en="Messages stuck"),
        query="alert-stuck",
        fires="gt",
        threshold=60,
        for_s=30,
        severity="critical",
        group="pipeline",
        no_data="OK",
        why=_ABNORMAL,
        says=Word(
            vi="{part}: bản tin chờ {value} giây mà không bản tin nào qua",
            en="{part}: messages have waited for {value} s and none gets through",
        ),
        mend=Word(
            vi="Cầu nối kẹt: Kafka không xác nhận (thiếu bản sao, đĩa đầy). Bộ xử lý kẹt: cơ sở dữ "
            "liệu không nhận (đĩa, khóa, kết nối). Không xóa gì: khi phía sau chạy lại, mọi bản "
            "tin được gửi tiếp.",
            en="A bridge: Kafka does not confirm (replicas away, disk full). A worker: the "
            "database does not take them (disk, locks, connections). Delete nothing: all goes on "
            "when what is behind works again.",
        ),
        tile=("ha-tang", "core"),
    ),
    AlertRule(
        uid="ioc-lag-events",
        title=Word(vi="Hàng đợi Kafka dài", en="Long queue in Kafka"),
        query="alert-lag-events",
        fires="gt",
        threshold=10_000,
        for_s=120,
        severity="warning",
        group="pipeline",
        no_data="OK",
        why=_ABNORMAL,
        says=Word(vi="{value} bản tin chờ trong Kafka", en="{value} events wait in Kafka"),
        mend=Word(
            vi="Đang giảm (gửi bù sau mất mạng): chờ. Đang tăng: bộ xử lý chậm hơn dòng vào; thêm "
            "một bộ xử lý (không quá số phân vùng), xem thời gian ghi cơ sở dữ liệu.",
            en="Falling (devices send what they kept): wait. Growing: the workers are slower than "
            "what comes; add one (not more than partitions), look at the database's commits.",
        ),
        tile=("ha-tang", "lag"),
    ),
    AlertRule(
        uid="ioc-lag-age",
        title=Word(vi="Bản tin chờ lâu trong Kafka", en="Old events in Kafka"),
        query="alert-lag-age",
        fires="gt",
        threshold=30,
        for_s=60,
        severity="warning",
        group="pipeline",
        no_data="OK",
        why=_ABNORMAL,
        says=Word(
            vi="Bản tin cũ nhất đã chờ {value} giây trong Kafka",
            en="the oldest event has waited in Kafka for {value} s",
        ),
        mend=Word(
            vi="Màn hình hiển thị số liệu cũ. Kiểm tra bộ xử lý còn chạy (`ready`), rồi như cảnh "
            "báo hàng đợi dài.",
            en="The screens show the past. See whether the workers run (`ready`), then as for a "
            "long queue.",
        ),
        tile=("ha-tang", "lag"),
    ),
    AlertRule(
        uid="ioc-dead-letters",
        title=Word(vi="Nhiều bản tin bị loại", en="Many messages set aside"),
        query="alert-dead-letters",
        fires="gt",
        threshold=20,
        for_s=0,
        severity="warning",
        group="pipeline",
        no_data="OK",
        why=_COUNT,
        says=Word(
            vi="{value} bản tin bị loại trong 10 phút",
            en="{value} messages were set aside in 10 minutes",
        ),
        mend=Word(
            vi="`ioc deadletter list` cho biết thiết bị và lý do; sửa nguồn gửi, rồi `ioc "
            "deadletter replay`. Lý do `identity` hoặc `bad_topic`: có thể là tấn công, báo bộ "
            "phận an toàn thông tin.",
            en="`ioc deadletter list` names devices and reasons; mend the source, then `ioc "
            "deadletter replay`. Reasons `identity` and `bad_topic` may be an attack: tell "
            "information security.",
        ),
        tile=("ha-tang", "dead"),
    ),
    AlertRule(
        uid="ioc-sequence-gap",
        title=Word(vi="Thiếu bản tin", en="Events missing"),
        query="alert-sequence-gap",
        fires="gt",
        threshold=0,
        for_s=600,
        severity="warning",
        group="pipeline",
        no_data="OK",
        why="no device, no gap; that no device is known is the rule ioc-ingest-silent",
        says=Word(
            vi="Thiết bị {device} ({city}/{site}): thiếu {value} bản tin",
            en="device {device} ({city}/{site}): {value} events are missing",
        ),
        mend=Word(
            vi="Thiết bị gửi lại những gì chưa có biên nhận; sau 10 phút còn thiếu là bất thường. "
            "Xem `ioc deadletter list`, bộ nhớ đệm của thiết bị (`dropped_events`) và nhật ký.",
            en="Devices send again what has no receipt; missing after 10 minutes is abnormal. See "
            "`ioc deadletter list`, the device's spool (`dropped_events`) and its log.",
        ),
        tile=("ha-tang", "worst"),
    ),
)
