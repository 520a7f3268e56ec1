"""Evidence, audit, cases and the model that proposes them."""

from __future__ import annotations

from typing import Final

from dashboards.alerts import AlertRule
from dashboards.screen import Word

_COUNT: Final = "a count always has a row"

RULES: Final[tuple[AlertRule, ...]] = (
    AlertRule(
        uid="ioc-evidence-missing",
        title=Word(vi="Chứng cứ chưa về", en="Evidence not here"),
        query="alert-evidence-missing",
        fires="gt",
        threshold=20,
        for_s=900,
        severity="warning",
        group="custody",
        no_data="OK",
        why="no violation, no evidence to wait for",
        says=Word(
            vi="{value} vi phạm của {device} ({city}/{site}) chưa có chứng cứ",
            en="{value} violations of {device} ({city}/{site}) have no evidence yet",
        ),
        mend=Word(
            vi="Đoạn phim nằm lại ở nút: băng thông (`evidence.bandwidth_kbps`), mã truy cập hết "
            "hạn, hoặc đĩa của trung tâm đầy. Nhật ký gửi tệp của nút cho biết lý do.",
            en="Clips wait at the node: bandwidth (`evidence.bandwidth_kbps`), an ended token, or "
            "the core's disk. The node's log of uploads says which.",
        ),
        tile=("an-toan", "evidence"),
    ),
    AlertRule(
        uid="ioc-evidence-fault",
        title=Word(vi="Chứng cứ bị hỏng", en="Evidence damaged"),
        query="alert-evidence-fault",
        fires="gt",
        threshold=0,
        for_s=0,
        severity="critical",
        group="custody",
        no_data="OK",
        why="the console's silence is ioc-part-down",
        says=Word(
            vi="{value} tệp chứng cứ bị mất hoặc bị sửa",
            en="{value} files of evidence are gone or changed",
        ),
        mend=Word(
            vi="Không ghi đè gì. Trang Nhật ký (`evidence.damaged`) cho biết tệp nào; lấy lại từ "
            "nút (còn giữ 30 ngày) hoặc bản sao lưu; báo người phụ trách an toàn thông tin.",
            en="Overwrite nothing. The audit (`evidence.damaged`) names the files; fetch them from "
            "the node (30 days) or the backup; tell information security.",
        ),
        tile=("an-toan", "evidence"),
    ),
    AlertRule(
        uid="ioc-audit-fault",
        title=Word(vi="Chuỗi nhật ký bị đứt", en="Audit chain broken"),
        query="alert-audit-fault",
        fires="gt",
        threshold=0,
        for_s=0,
        severity="critical",
        group="custody",
        no_data="OK",
        why="the console's silence is ioc-part-down",
        says=Word(vi="Chuỗi nhật ký có {value} lỗi", en="the audit's chain has {value} faults"),
        mend=Word(
            vi="`ioc audit verify` chỉ ra dòng sai. Có người đã sửa cơ sở dữ liệu: giữ nguyên hiện "
            "trạng, sao lưu, báo người phụ trách an toàn thông tin và kiểm toán viên.",
            en="`ioc audit verify` names the line. Somebody has changed the database: leave it as "
            "it is, copy it, tell information security and the auditor.",
        ),
        tile=("an-toan", "audit"),
    ),
    AlertRule(
        uid="ioc-review-overdue",
        title=Word(vi="Hồ sơ quá hạn xét duyệt", en="Cases overdue"),
        query="alert-review-overdue",
        fires="gt",
        threshold=0,
        for_s=300,
        severity="warning",
        group="custody",
        no_data="OK",
        why=_COUNT,
        says=Word(vi="{value} hồ sơ quá hạn xét duyệt", en="{value} cases are past their deadline"),
        mend=Word(
            vi="Bàn làm việc, hàng đợi theo hạn: phân thêm người xét duyệt. Hồ sơ quá hạn lưu giữ "
            "sẽ bị xóa mà chưa ai quyết định.",
            en="The console's queue by deadline: more reviewers. Past the time of retention cases "
            "are removed with nobody having decided.",
        ),
        tile=("vi-pham", "pending"),
    ),
    AlertRule(
        uid="ioc-confidence-drift",
        title=Word(vi="Độ tin cậy của mô hình trôi", en="Model confidence drifts"),
        query="alert-confidence-drift",
        fires="gt",
        threshold=0.1,
        for_s=3600,
        severity="warning",
        group="custody",
        no_data="OK",
        why="fewer than 30 violations of a rule say nothing of the model",
        says=Word(
            vi="Độ tin cậy trung bình của quy tắc {rule} hôm nay lệch {value} so với 7 ngày trước",
            en="mean confidence of rule {rule} differs by {value} from the seven days before",
        ),
        mend=Word(
            vi="Ống kính bẩn, camera bị xoay, mùa đổi, hoặc mô hình mới: xem vài đoạn phim của quy "
            "tắc này, tỷ lệ bị từ chối, rồi `ioc edge check` tại nút.",
            en="A dirty lens, a turned camera, another season, a new model: look at clips of this "
            "rule and its reject rate, then `ioc edge check` at the node.",
        ),
        tile=("vi-pham", "rejects"),
    ),
)
