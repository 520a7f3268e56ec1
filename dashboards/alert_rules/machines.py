"""Disks, clocks, certificates and the database's own jobs."""

from __future__ import annotations

from typing import Final

from dashboards.alerts import AlertRule
from dashboards.screen import Word

_ABNORMAL: Final = "the watcher's own silence is the rule ioc-part-down"

RULES: Final[tuple[AlertRule, ...]] = (
    AlertRule(
        uid="ioc-database-jobs",
        title=Word(vi="Việc của cơ sở dữ liệu lỗi", en="Database jobs fail"),
        query="alert-database-jobs",
        fires="gt",
        threshold=0,
        for_s=600,
        severity="warning",
        group="machines",
        no_data="OK",
        why="plain PostgreSQL has no such jobs; else the watcher's silence is ioc-part-down",
        says=Word(
            vi="{value} việc của TimescaleDB lỗi ở lần chạy cuối",
            en="{value} jobs of TimescaleDB failed at their last run",
        ),
        mend=Word(
            vi="`SELECT * FROM timescaledb_information.job_errors ORDER BY start_time DESC`: đĩa "
            "đầy, khóa hoặc hết thời gian. Bảng tổng hợp vẫn đúng nhưng chậm cho đến khi sửa xong.",
            en="`SELECT * FROM timescaledb_information.job_errors ORDER BY start_time DESC`: disk, "
            "locks or time. Aggregates stay right and get slow until it is mended.",
        ),
        tile=("ha-tang", "core"),
    ),
    AlertRule(
        uid="ioc-disk",
        title=Word(vi="Đĩa sắp đầy", en="Disk nearly full"),
        query="alert-disk",
        fires="gt",
        threshold=80,
        for_s=300,
        severity="warning",
        group="machines",
        no_data="OK",
        why=_ABNORMAL,
        says=Word(
            vi="{part}, thư mục {folder}: đã dùng {value} %",
            en="{part}, folder {folder}: {value} % in use",
        ),
        mend=Word(
            vi="Chứng cứ: thêm đĩa, không xóa bằng tay (`ioc console retention` xóa theo luật). Cơ "
            "sở dữ liệu: xem chính sách nén và lưu giữ. Kafka: giảm `kafka.retention_h`.",
            en="Evidence: add disks, delete nothing by hand (`ioc console retention` does by law). "
            "Database: look at compression and retention. Kafka: lower `kafka.retention_h`.",
        ),
        tile=("ha-tang", "core"),
    ),
    AlertRule(
        uid="ioc-device-clock",
        title=Word(vi="Đồng hồ thiết bị lệch", en="Device clock off"),
        query="alert-device-clock",
        fires="gt",
        threshold=100,
        for_s=300,
        severity="warning",
        group="machines",
        no_data="OK",
        why="devices need not know their offset; a silent one is ioc-edge-offline",
        says=Word(
            vi="Đồng hồ của {device} ({city}/{site}) lệch {value} ms",
            en="the clock of {device} ({city}/{site}) is off by {value} ms",
        ),
        mend=Word(
            vi="Thời điểm vi phạm của thiết bị này không còn đáng tin. Kiểm tra `chronyc tracking` "
            "và đường đến máy chủ thời gian; báo người xét duyệt.",
            en="Times of its violations cannot be trusted. Check `chronyc tracking` and the way to "
            "the time server; tell the reviewers.",
        ),
        tile=("ha-tang", "worst"),
    ),
    AlertRule(
        uid="ioc-host-clock",
        title=Word(vi="Đồng hồ máy chủ lệch", en="Server clock off"),
        query="alert-host-clock",
        fires="gt",
        threshold=100,
        for_s=300,
        severity="warning",
        group="machines",
        no_data="OK",
        why="a machine may not tell whether its clock is held; its silence is ioc-part-down",
        says=Word(
            vi="Đồng hồ của {part} lệch {value} ms (1000: không được đồng bộ)",
            en="the clock of {part} is off by {value} ms (1000: not synchronised)",
        ),
        mend=Word(
            vi="`timedatectl timesync-status` trên máy đó; bản tin mới có thể bị loại vì giờ sai.",
            en="`timedatectl timesync-status` there; new events may be set aside for their time.",
        ),
        tile=("ha-tang", "core"),
    ),
    AlertRule(
        uid="ioc-certificate",
        title=Word(vi="Chứng thư số sắp hết hạn", en="Certificate ends soon"),
        query="alert-certificate",
        fires="lt",
        threshold=21,
        for_s=300,
        severity="warning",
        group="machines",
        no_data="OK",
        why="none is watched; else the watcher's silence is ioc-part-down",
        says=Word(
            vi="Chứng thư {certificate} ({part}) còn {value} ngày (0: hết hạn hoặc không đọc được)",
            en="certificate {certificate} ({part}) has {value} days left (0: ended or unreadable)",
        ),
        mend=Word(
            vi="Cấp chứng thư mới trước khi hết hạn: `deploy/compose/setup.sh` và "
            "`deploy/edge`; cũ và mới cùng có hiệu lực trong lúc thay.",
            en="Issue a new one before it ends: `deploy/compose/setup.sh` and `deploy/edge`; old "
            "and new hold together while they are exchanged.",
        ),
        tile=("an-toan", "certificates"),
    ),
)
