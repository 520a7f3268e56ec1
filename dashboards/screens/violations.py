"""What is proposed to the police, where and when, and does the review keep pace?"""

from __future__ import annotations

from typing import Final

from dashboards.screen import AS_OF, STATE, Column, Screen, Tile, Word
from dashboards.words import RULES, WEEKDAYS

_RULE: Final = Column(name="rule", title=Word(vi="Hành vi", en="Kind"), words=RULES)
_TODAY: Final = Column(name="today", title=Word(vi="Hôm nay", en="Today"), unit="count")
_LAST_WEEK: Final = Column(
    name="last_week", title=Word(vi="Tuần trước", en="Last week"), unit="count"
)

KINDS: Final = Tile(
    id="kinds",
    kind="bars",
    title=Word(vi="Theo hành vi, hôm nay", en="By kind, today"),
    says=Word(
        vi="Vi phạm hệ thống đề xuất từ 0 giờ hôm nay (giờ Việt Nam), cạnh số cùng thứ tuần trước "
        "tính đến cùng giờ. ▲ khi hơn ít nhất 10 vụ và gấp rưỡi, ■ khi hơn ít nhất 20 vụ và gấp "
        "đôi tuần trước, ○ khi chưa có tuần trước.",
        en="Violations proposed since midnight in Vietnam, beside the same weekday last week up "
        "to the same time. ▲ when at least 10 more and 1.5 times, ■ when at least 20 more and "
        "twice last week, ○ without a last week.",
    ),
    query="violations-rules",
    columns=(_RULE, _TODAY, _LAST_WEEK, STATE, AS_OF),
    size=(9, 4),
    link="/queue",
)

SITES: Final = Tile(
    id="sites",
    kind="bars",
    title=Word(vi="Theo nút giao, hôm nay", en="By junction, today"),
    says=Word(
        vi="Mười hai nút có nhiều vi phạm được đề xuất nhất từ 0 giờ hôm nay (giờ Việt Nam), cạnh "
        "số cùng thứ tuần trước tính đến cùng giờ. ■ khi cảnh báo vi phạm tăng vọt của nút đang "
        "mở, ○ khi không nghe được camera nào.",
        en="The twelve junctions with most violations proposed since midnight in Vietnam, beside "
        "the same weekday last week up to the same time. ■ while an alert of a surge is open "
        "there, ○ when no camera there was ever heard.",
    ),
    query="violations-sites",
    columns=(
        Column(name="name", title=Word(vi="Nút giao", en="Junction")),
        _TODAY,
        _LAST_WEEK,
        STATE,
        AS_OF,
    ),
    size=(8, 4),
    link="/queue",
)

PENDING: Final = Tile(
    id="pending",
    kind="stat",
    title=Word(vi="Chờ xét duyệt", en="Waiting for review"),
    says=Word(
        vi="Hồ sơ đang chờ lúc này: xét lần đầu, xét lần hai, chỉ huy quyết định; và số quá hạn "
        "trong đó. ▲ khi có hạn trong 24 giờ tới, ■ khi có hồ sơ quá hạn.",
        en="Cases that wait now: for a first look, for a second one, for a supervisor; and those "
        "of them past their deadline. ▲ with a deadline in the next 24 hours, ■ with a case "
        "overdue.",
    ),
    query="violations-pending",
    columns=(
        Column(name="first", title=Word(vi="Lần đầu", en="First look"), unit="count"),
        Column(name="second", title=Word(vi="Lần hai", en="Second look"), unit="count"),
        Column(name="disputed", title=Word(vi="Chỉ huy", en="Supervisor"), unit="count"),
        Column(name="overdue", title=Word(vi="Quá hạn", en="Overdue"), unit="count"),
        STATE,
        AS_OF,
    ),
    size=(7, 4),
    fresh_s=30,
    link="/queue",
)

TREND: Final = Tile(
    id="trend",
    kind="series",
    title=Word(vi="Xu hướng 30 ngày", en="Trend of 30 days"),
    says=Word(
        vi="Vi phạm được đề xuất trong từng ngày trọn (giờ Việt Nam), không kể hôm nay; nét đứt "
        "là trung bình bảy ngày tính đến ngày đó.",
        en="Violations proposed in each full day in Vietnam, without today; dashed: the mean of "
        "the seven days that end with it.",
    ),
    query="violations-trend",
    columns=(
        Column(name="time", title=Word(vi="Ngày", en="Day"), unit="time"),
        Column(
            name="metric",
            title=Word(vi="Đường", en="Line"),
            words={
                "day": Word(vi="Trong ngày", en="Of the day"),
                "~mean": Word(vi="Trung bình 7 ngày", en="Mean of 7 days"),
            },
        ),
        Column(name="value", title=Word(vi="Số vụ", en="Violations"), unit="count"),
    ),
    size=(14, 4),
    fresh_s=48 * 3600 + 600,
)

DEADLINES: Final = Tile(
    id="deadlines",
    kind="bars",
    title=Word(vi="Hồ sơ chờ, theo hạn còn lại", en="Waiting cases by time left"),
    says=Word(
        vi="Hồ sơ đang chờ người xét lúc này, chia theo thời gian còn lại đến hạn; kèm hạn gần "
        "nhất của mỗi nhóm. ■ quá hạn, ▲ còn dưới 24 giờ.",
        en="Cases that wait for people now, by the time left to their deadline, with the nearest "
        "deadline of each group. ■ overdue, ▲ less than 24 hours left.",
    ),
    query="violations-deadlines",
    columns=(
        Column(
            name="due",
            title=Word(vi="Hạn", en="Due"),
            words={
                "overdue": Word(vi="Quá hạn", en="Overdue"),
                "day": Word(vi="Dưới 1 ngày", en="Within a day"),
                "three_days": Word(vi="1 đến 3 ngày", en="1 to 3 days"),
                "week": Word(vi="3 đến 7 ngày", en="3 to 7 days"),
                "later": Word(vi="Từ 7 ngày", en="7 days or more"),
            },
        ),
        Column(name="cases", title=Word(vi="Hồ sơ", en="Cases"), unit="count"),
        Column(name="deadline", title=Word(vi="Hạn gần nhất", en="Nearest"), unit="time"),
        STATE,
        AS_OF,
    ),
    size=(10, 4),
    fresh_s=30,
    link="/queue",
)

HOURS: Final = Tile(
    id="hours",
    kind="heat",
    title=Word(vi="Thứ × giờ, 28 ngày trọn gần nhất", en="Weekday × hour, last 28 full days"),
    says=Word(
        vi="Tổng vi phạm được đề xuất trong bốn tuần trọn gần nhất, theo thứ và giờ trong ngày "
        "(giờ Việt Nam), không kể hôm nay: cho biết nên có người ở hiện trường lúc nào.",
        en="All violations proposed in the last four full weeks by weekday and hour of day in "
        "Vietnam, without today: when it pays to have people on the street.",
    ),
    query="violations-hours",
    columns=(
        Column(name="weekday", title=Word(vi="Thứ", en="Weekday"), words=WEEKDAYS),
        *(
            Column(name=f"h{hour:02}", title=Word(vi=f"{hour}", en=f"{hour}"), unit="count")
            for hour in range(24)
        ),
        AS_OF,
    ),
    size=(17, 4),
    fresh_s=24 * 3600 + 600,
)

REJECTS: Final = Tile(
    id="rejects",
    kind="table",
    title=Word(vi="Tỷ lệ bị từ chối", en="Reject rate"),
    says=Word(
        vi="Trong các hồ sơ đã quyết định trong khoảng đang xem (30 ngày qua), bao nhiêu phần bị "
        "từ chối, theo hành vi; hồ sơ nhiều hành vi tính cho từng hành vi. ▲ từ 20 %, ■ từ 40 %: "
        "máy đề xuất sai nhiều; ○ dưới 20 quyết định, chưa nói được gì.",
        en="Of the cases decided in the range that is shown (the last 30 days), the part that was "
        "rejected, by kind; a case of several kinds counts for each. ▲ from 20 %, ■ from 40 %: "
        "the machine is often wrong; ○ fewer than 20 decisions, which say nothing yet.",
    ),
    query="violations-rejects",
    columns=(
        _RULE,
        Column(name="rate", title=Word(vi="Tỷ lệ", en="Rejected"), unit="ratio"),
        Column(name="rejected", title=Word(vi="Từ chối", en="Rejected cases"), unit="count"),
        Column(name="decided", title=Word(vi="Đã xét", en="Decided"), unit="count"),
        STATE,
        AS_OF,
    ),
    size=(7, 4),
    fresh_s=None,
    link="/figures",
)

SCREEN: Final = Screen(
    uid="vi-pham",
    title=Word(vi="Vi phạm", en="Violations"),
    asks=Word(
        vi="Vi phạm gì, ở đâu, lúc nào, và xét duyệt có kịp không?",
        en="Which violations, where and when, and does the review keep pace?",
    ),
    span_h=30 * 24,
    tiles=(KINDS, SITES, PENDING, TREND, DEADLINES, HOURS, REJECTS),
)
