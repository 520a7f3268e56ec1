"""Whether anything is alive: devices, the way in, the parts of the core."""

from __future__ import annotations

from typing import Final

from dashboards.alerts import AlertRule
from dashboards.screen import Word

_SILENCE: Final = "liveness: no rows mean that nothing is alive to be asked about"

RULES: Final[tuple[AlertRule, ...]] = (
    AlertRule(
        uid="ioc-camera-silent",
        title=Word(vi="Camera mất tín hiệu", en="Camera silent"),
        query="alert-camera-silent",
        fires="gt",
        threshold=60,
        for_s=0,
        severity="critical",
        group="liveness",
        no_data="Alerting",
        why=_SILENCE,
        says=Word(
            vi="Camera {device} ({city}/{site}) không gửi gì trong {value} giây",
            en="camera {device} ({city}/{site}) has sent nothing for {value} s",
        ),
        mend=Word(
            vi="Xem màn hình Hạ tầng. Một camera: kiểm tra nguồn điện, mạng và `systemctl status "
            "ioc-edge` tại nút. Mọi camera của một nút: đường truyền của nút. Mọi nút: xem cảnh "
            "báo cầu nối và Kafka trước.",
            en="See the screen of the infrastructure. One camera: power, network and `systemctl "
            "status ioc-edge` at the junction. All of a junction: its line. All junctions: the "
            "alerts of bridge and Kafka come first.",
        ),
        tile=("ha-tang", "worst"),
    ),
    AlertRule(
        uid="ioc-edge-offline",
        title=Word(vi="Thiết bị ngắt kết nối", en="Device offline"),
        query="alert-edge-offline",
        fires="gt",
        threshold=30,
        for_s=30,
        severity="warning",
        group="liveness",
        no_data="Alerting",
        why=_SILENCE,
        says=Word(
            vi="Thiết bị {device} ({city}/{site}) đã ngắt kết nối {value} giây",
            en="device {device} ({city}/{site}) has been offline for {value} s",
        ),
        mend=Word(
            vi="Bản tin của thiết bị được giữ tại chỗ và sẽ gửi bù. Kiểm tra nguồn điện và mạng "
            "tại nút; nếu chứng thư bị từ chối, xem nhật ký của Mosquitto.",
            en="Its events are kept on the spot and sent later. Check power and network at the "
            "junction; if its certificate is refused, Mosquitto's log says so.",
        ),
        tile=("ha-tang", "devices"),
    ),
    AlertRule(
        uid="ioc-ingest-silent",
        title=Word(vi="Không nhận được bản tin nào", en="Nothing arrives"),
        query="alert-ingest-silent",
        fires="gt",
        threshold=120,
        for_s=0,
        severity="critical",
        group="liveness",
        no_data="Alerting",
        why=_SILENCE,
        says=Word(
            vi="Không bản tin nào được lưu trong {value} giây",
            en="no event was stored for {value} s",
        ),
        mend=Word(
            vi="Theo thứ tự: Mosquitto, cầu nối (`ioc ingest run`), Kafka, bộ xử lý (`ioc streams "
            "run`), cơ sở dữ liệu. Thiết bị giữ bản tin của mình 7 ngày: không mất gì nếu sửa kịp.",
            en="In this order: Mosquitto, the bridge (`ioc ingest run`), Kafka, the workers (`ioc "
            "streams run`), the database. Devices keep their events for 7 days: nothing is lost "
            "when it is mended in time.",
        ),
        tile=("ha-tang", "core"),
    ),
    AlertRule(
        uid="ioc-part-down",
        title=Word(vi="Bộ phận trung tâm không chạy", en="Part of the core down"),
        query="alert-part-down",
        fires="lt",
        threshold=1,
        for_s=60,
        severity="critical",
        group="liveness",
        no_data="Alerting",
        why=_SILENCE,
        says=Word(
            vi="{part} không trả lời, hoặc không ai hỏi tới trong 2 phút",
            en="{part} does not answer, or nobody has looked for 2 minutes",
        ),
        mend=Word(
            vi="`host:…` mất: khởi động `ioc watch run` trên máy đó. Bộ phận khác: `docker compose "
            "ps` rồi `docker compose logs` của bộ phận; nó tự khởi động lại, tìm vì sao nó dừng.",
            en="`host:…`: start `ioc watch run` on that machine. Another part: `docker compose "
            "ps`, then its `docker compose logs`; it restarts by itself, find out why it stopped.",
        ),
        tile=("ha-tang", "core"),
    ),
)
