"""Screen 6: what digital government reached of what the year asks, and the files that are late."""

from __future__ import annotations

from typing import Final

from dashboards.screen import AS_OF, STATE, Column, Screen, Tile, Word

_FRESH_S: Final = 8 * 86_400.0
"""Their time is when the province worked them out, some once a week."""

_TIME: Final = Column(name="time", title=Word(vi="Ngày", en="Day"), unit="time")
_TARGET: Final = {"~target": Word(vi="Chỉ tiêu", en="Target")}


def _count(name: str, vi: str, en: str) -> Column:
    return Column(name=name, title=Word(vi=vi, en=en), unit="count")


SCREEN: Final = Screen(
    uid="chinh-quyen-so",
    title=Word(vi="Chính quyền số", en="Digital government"),
    asks=Word(
        vi="Chỉ tiêu chính quyền số nào chưa đạt?",
        en="Which targets of digital government are not reached?",
    ),
    span_h=30 * 24,
    tiles=(
        Tile(
            id="targets",
            kind="bars",
            title=Word(vi="Chỉ số so với chỉ tiêu", en="Indicators and their targets"),
            says=Word(
                vi=(
                    "Giá trị mới nhất của mỗi chỉ số chia sẻ qua LGSP trong 40 ngày qua, bên chỉ "
                    "tiêu của năm (ioc/indicators.toml). Bình thường khi đạt; cảnh báo khi thiếu "
                    "tới 10 điểm phần trăm; báo động khi thiếu hơn."
                ),
                en=(
                    "Newest value of each indicator shared over the LGSP in the last 40 days, "
                    "beside the year's target (ioc/indicators.toml). Normal when reached; warning "
                    "when short by up to 10 percentage points; alarm when short by more."
                ),
            ),
            query="government-targets",
            columns=(
                Column(name="name", title=Word(vi="Chỉ số", en="Indicator")),
                Column(name="value", title=Word(vi="Đạt", en="Reached"), unit="%", decimals=1),
                STATE,
                Column(name="target", title=Word(vi="Chỉ tiêu", en="Target"), unit="%"),
                AS_OF,
            ),
            size=(16, 7),
            unit="%",
            fresh_s=_FRESH_S,
        ),
        Tile(
            id="summary",
            kind="stat",
            title=Word(vi="Đạt và chưa đạt", en="Reached and not"),
            says=Word(
                vi=(
                    "Số chỉ số đạt chỉ tiêu, chưa đạt, và chưa có số liệu trong 40 ngày qua; lúc "
                    "cũ nhất trong các giá trị mới nhất. Cảnh báo khi có chỉ số chưa đạt."
                ),
                en=(
                    "Indicators that reach their targets, that do not, and that nothing was heard "
                    "of in 40 days; the oldest of their newest values. Warning when one does not."
                ),
            ),
            query="government-summary",
            columns=(
                STATE,
                _count("reached", "Đạt", "Reached"),
                _count("missed", "Chưa đạt", "Not reached"),
                _count("unknown", "Chưa có số liệu", "Unknown"),
                Column(name="oldest", title=Word(vi="Cũ nhất", en="Oldest"), unit="time"),
                AS_OF,
            ),
            size=(8, 7),
            fresh_s=_FRESH_S,
        ),
        Tile(
            id="trend",
            kind="series",
            title=Word(vi="Cách chỉ tiêu bao nhiêu điểm", en="Points to the target"),
            says=Word(
                vi=(
                    "Bốn chỉ số còn xa chỉ tiêu nhất: trung bình ngày trừ chỉ tiêu, điểm phần "
                    "trăm, 30 ngày qua; nét đứt là chỉ tiêu. Bất thường khi dưới nét đứt."
                ),
                en=(
                    "The four indicators farthest from their targets: mean of the day less target, "
                    "percentage points, over 30 days; dashed: the target. Abnormal below it."
                ),
            ),
            query="government-trend",
            columns=(
                _TIME,
                Column(name="metric", title=Word(vi="Chỉ số", en="Indicator"), words=_TARGET),
                Column(name="value", title=Word(vi="Điểm", en="Points"), unit="%", decimals=1),
            ),
            size=(10, 5),
            unit="%",
            decimals=1,
            fresh_s=_FRESH_S,
        ),
        Tile(
            id="late",
            kind="stat",
            title=Word(vi="Hồ sơ trễ hạn", en="Late files"),
            says=Word(
                vi=(
                    "Số hồ sơ trễ hạn mới nhất, và tăng giảm so với giá trị của bảy ngày trước đó. "
                    "Cảnh báo khi trên chỉ tiêu; báo động khi trên chỉ tiêu và đang tăng."
                ),
                en=(
                    "Late files as last told, and the change against the value of seven days "
                    "before. Warning above the target; alarm above it and rising."
                ),
            ),
            query="government-late",
            columns=(
                STATE,
                _count("late", "Trễ hạn", "Late"),
                _count("change", "So với tuần trước", "Against last week"),
                _count("target", "Chỉ tiêu", "Target"),
                AS_OF,
            ),
            size=(6, 5),
            fresh_s=_FRESH_S,
        ),
        Tile(
            id="late-days",
            kind="series",
            title=Word(vi="Hồ sơ trễ hạn theo ngày", en="Late files by day"),
            says=Word(
                vi="Số hồ sơ trễ hạn, trung bình mỗi ngày, 30 ngày qua; nét đứt là chỉ tiêu.",
                en="Late files, mean of each day, over 30 days; dashed: the target.",
            ),
            query="government-late-days",
            columns=(
                _TIME,
                Column(
                    name="metric",
                    title=Word(vi="Đường", en="Line"),
                    words={"late": Word(vi="Trễ hạn", en="Late"), **_TARGET},
                ),
                _count("value", "Hồ sơ", "Files"),
            ),
            size=(8, 5),
            fresh_s=_FRESH_S,
        ),
    ),
)
