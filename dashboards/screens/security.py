"""Screen 7: who was turned away, and whether what was kept is still what came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dashboards.screen import AS_OF, STATE, Column, Screen, Tile, Word

REFUSALS: Final[Mapping[str, Word]] = {
    "identity": Word(vi="Mạo danh thiết bị", en="Another device's name"),
    "bad_topic": Word(vi="Chủ đề lạ", en="Unknown topic"),
    "token": Word(vi="Sai hoặc hết hạn khóa", en="Credential unknown or ended"),
    "scope": Word(vi="Khóa dùng sai việc", en="Credential for something else"),
    "foreign": Word(vi="Chứng cứ của máy khác", en="Another device's evidence"),
    "digest": Word(vi="Tệp sai mã băm", en="File not what it says"),
    "nothing": Word(vi="Không có", en="None"),
}


def _count(name: str, vi: str, en: str) -> Column:
    return Column(name=name, title=Word(vi=vi, en=en), unit="count")


SCREEN: Final = Screen(
    uid="an-toan",
    title=Word(vi="An toàn thông tin", en="Information security"),
    asks=Word(
        vi="Có ai xâm nhập, và chứng cứ có còn nguyên vẹn không?",
        en="Does anybody try to get in, and is the evidence whole?",
    ),
    span_h=24,
    tiles=(
        Tile(
            id="logins",
            kind="stat",
            title=Word(vi="Đăng nhập bị từ chối", en="Log-ins refused"),
            says=Word(
                vi=(
                    "Số lần đăng nhập sai trong một giờ và 24 giờ qua, và số lần bị từ chối vì "
                    "không đủ quyền trong 24 giờ, theo nhật ký. Cảnh báo từ 5, báo động từ 20 lần "
                    "một giờ. Dữ liệu lúc: dòng nhật ký mới nhất."
                ),
                en=(
                    "Failed log-ins of the last hour and 24 hours, and people turned away for "
                    "their role in 24 hours, from the audit. Warning from 5, alarm from 20 an "
                    "hour. Data as of: the newest line of the audit."
                ),
            ),
            query="security-logins",
            columns=(
                STATE,
                _count("hour", "1 giờ", "1 hour"),
                _count("day", "24 giờ", "24 hours"),
                _count("turned_away", "Không đủ quyền", "No right"),
                AS_OF,
            ),
            size=(7, 6),
            fresh_s=None,
            link="/audit",
        ),
        Tile(
            id="login-hours",
            kind="series",
            title=Word(vi="Đăng nhập sai theo giờ", en="Failed log-ins by hour"),
            says=Word(
                vi=(
                    "Số lần đăng nhập sai trong mỗi giờ của 24 giờ qua, theo nhật ký. Bất thường "
                    "từ 20 lần một giờ (nét đứt)."
                ),
                en=(
                    "Failed log-ins in each hour of the last 24, from the audit. Abnormal from 20 "
                    "an hour (dashed)."
                ),
            ),
            query="security-login-hours",
            columns=(
                Column(name="time", title=Word(vi="Lúc", en="Time"), unit="time"),
                Column(
                    name="metric",
                    title=Word(vi="Đường", en="Line"),
                    words={
                        "refused": Word(vi="Đăng nhập sai", en="Failed log-ins"),
                        "~limit": Word(vi="Ngưỡng", en="Limit"),
                    },
                ),
                _count("value", "Lần", "Times"),
            ),
            size=(9, 6),
            fresh_s=None,
            link="/audit",
        ),
        Tile(
            id="refused",
            kind="bars",
            title=Word(vi="Thiết bị bị từ chối", en="Devices refused"),
            says=Word(
                vi=(
                    "Bản tin của thiết bị mạo danh hoặc gửi sai chủ đề, và yêu cầu của thiết bị, "
                    "hệ thống khác bị máy chủ từ chối, trong 24 giờ qua theo lý do, ở mọi nơi. "
                    "Cảnh báo từ 1, báo động từ 100."
                ),
                en=(
                    "Messages in another device's name or on an unknown topic, and requests of "
                    "devices and other systems that the console refused, in the last 24 hours by "
                    "reason, from anywhere. Warning from 1, alarm from 100."
                ),
            ),
            query="security-refused",
            columns=(
                Column(name="reason", title=Word(vi="Lý do", en="Reason"), words=REFUSALS),
                _count("refused", "Lần", "Times"),
                STATE,
                AS_OF,
            ),
            size=(8, 6),
            fresh_s=None,
            link="/devices",
        ),
        Tile(
            id="certificates",
            kind="table",
            title=Word(vi="Hạn chứng thư số", en="Certificates"),
            says=Word(
                vi=(
                    "Sáu chứng thư số cần chú ý nhất và số ngày còn hạn. Cảnh báo dưới 30 ngày; "
                    "báo động dưới 7 ngày hoặc khi không đọc được; không có số liệu khi quá 5 phút "
                    "không ai kiểm tra."
                ),
                en=(
                    "The six certificates that need most care and the days left to them. Warning "
                    "below 30 days; alarm below 7 or when it cannot be read; no data when nobody "
                    "has looked for 5 minutes."
                ),
            ),
            query="security-certificates",
            columns=(
                Column(name="name", title=Word(vi="Chứng thư", en="Certificate")),
                STATE,
                Column(name="days", title=Word(vi="Còn hạn", en="Left"), unit="d"),
                Column(name="place", title=Word(vi="Máy", en="Machine")),
                AS_OF,
            ),
            size=(7, 6),
            fresh_s=300,
        ),
        Tile(
            id="evidence",
            kind="stat",
            title=Word(vi="Chứng cứ", en="Evidence"),
            says=Word(
                vi=(
                    "Tệp chứng cứ bị mất hoặc bị sửa theo lần đọc lại gần nhất, chữ ký không tin "
                    "được trong 24 giờ qua (bộ chứng cứ và vi phạm), số tệp đã đọc và còn phải đọc "
                    "trong vòng kiểm tra này. Báo động khi có tệp hỏng; cảnh báo khi có chữ ký "
                    "không tin được; không có số liệu khi quá 5 phút không kiểm tra."
                ),
                en=(
                    "Files of evidence that are gone or changed as last read, signatures of the "
                    "last 24 hours that are not trusted (sets of evidence and violations), files "
                    "read and left to read in this round. Alarm when a file is damaged; warning "
                    "when a signature is not trusted; no data when nothing was checked for 5 "
                    "minutes."
                ),
            ),
            query="security-evidence",
            columns=(
                STATE,
                _count("faults", "Tệp hỏng", "Damaged files"),
                _count("untrusted", "Chữ ký lạ", "Untrusted"),
                _count("checked", "Đã đọc lại", "Read again"),
                _count("left_over", "Còn lại", "Left"),
                AS_OF,
            ),
            size=(5, 6),
            fresh_s=300,
            link="/audit",
        ),
        Tile(
            id="audit",
            kind="stat",
            title=Word(vi="Chuỗi nhật ký", en="Audit chain"),
            says=Word(
                vi=(
                    "Lỗi trong chuỗi nhật ký và các gốc đã ký, số dòng đã kiểm tra, số ngày từ "
                    "dòng cũ nhất mà ngày của nó chưa được ký (mỗi ngày được ký sau nửa đêm, giờ "
                    "Việt Nam). Báo động khi có lỗi hoặc hơn 3 ngày; cảnh báo khi hơn 1 ngày; "
                    "không có số liệu khi quá 15 phút không kiểm tra."
                ),
                en=(
                    "Faults in the audit's chain and its signed roots, lines followed, days since "
                    "the oldest line whose day is not signed yet (a day is signed after midnight "
                    "in Vietnam). Alarm on a fault or more than 3 days; warning on more than 1; no "
                    "data when nothing was checked for 15 minutes."
                ),
            ),
            query="security-audit",
            columns=(
                STATE,
                _count("faults", "Lỗi", "Faults"),
                _count("lines", "Dòng", "Lines"),
                Column(name="unsigned", title=Word(vi="Chưa ký", en="Unsigned"), unit="d"),
                AS_OF,
            ),
            size=(4, 6),
            fresh_s=900,
            link="/audit",
        ),
        Tile(
            id="webhooks",
            kind="table",
            title=Word(vi="Thông báo ra ngoài", en="Told to other systems"),
            says=Word(
                vi=(
                    "Thông báo hồ sơ đã quyết định còn chờ gửi tới hệ thống khác, số đã thử mà "
                    "chưa được, số bị bỏ trong 7 ngày qua, tuổi của thông báo chờ lâu nhất. Cảnh "
                    "báo khi gửi không được; báo động khi đã bỏ."
                ),
                en=(
                    "Decided cases that other systems have not been told of yet, those tried in "
                    "vain, those given up in the last 7 days, and how long the oldest has waited. "
                    "Warning when it fails; alarm when it was given up."
                ),
            ),
            query="security-webhooks",
            columns=(
                Column(
                    name="name",
                    title=Word(vi="Hệ thống", en="System"),
                    words={"nothing": Word(vi="Không có", en="None")},
                ),
                STATE,
                _count("waiting", "Chờ", "Waiting"),
                _count("failing", "Lỗi", "Failing"),
                _count("abandoned", "Đã bỏ", "Given up"),
                Column(name="age_s", title=Word(vi="Lâu nhất", en="Longest"), unit="s"),
                AS_OF,
            ),
            size=(8, 6),
            fresh_s=300,
            link="/queue",
        ),
    ),
)
