"""Screen 4: water and air, against the limits of the site files, and what the water will do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dashboards.screen import AS_OF, STATE, Column, Screen, Tile, Word

QUANTITIES: Final[Mapping[str, Word]] = {
    "water_level": Word(vi="Mực nước", en="Water level"),
    "rain": Word(vi="Mưa", en="Rain"),
    "salinity": Word(vi="Độ mặn", en="Salinity"),
    "pm2_5": Word(vi="Bụi PM2.5", en="PM2.5"),
    "noise": Word(vi="Tiếng ồn", en="Noise"),
    "temperature": Word(vi="Nhiệt độ", en="Temperature"),
    "humidity": Word(vi="Độ ẩm", en="Humidity"),
}
"""What sensors measure; another quantity is shown by its own name."""

UNITS: Final[Mapping[str, Word]] = {
    "ug/m3": Word(vi="µg/m³", en="µg/m³"),
    "dB[SPL]": Word(vi="dB", en="dB"),
    "Cel": Word(vi="°C", en="°C"),
    "1": Word(vi="", en=""),
}
"""UCUM units that people write in another way."""

_PLACE: Final = Column(name="place", title=Word(vi="Nơi", en="Place"))
_LIMIT: Final = Column(name="raise_at", title=Word(vi="Ngưỡng", en="Limit"), unit="", decimals=2)


_TIME: Final = Column(name="time", title=Word(vi="Lúc", en="Time"), unit="time")
_CITY: Final = Column(
    name="metric",
    title=Word(vi="Đô thị", en="City"),
    words={"~limit": Word(vi="Ngưỡng", en="Limit")},
)


def _level(name: str, vi: str, en: str) -> Column:
    return Column(name=name, title=Word(vi=vi, en=en), unit="m", decimals=2)


SCREEN: Final = Screen(
    uid="moi-truong",
    title=Word(vi="Môi trường", en="Environment"),
    asks=Word(
        vi="Nước và không khí có vượt ngưỡng không, và sáu giờ tới có ngập không?",
        en="Are water and air within their limits, and will it flood in the next six hours?",
    ),
    span_h=24,
    tiles=(
        Tile(
            id="forecast",
            kind="table",
            title=Word(vi="Dự báo mực nước 6 giờ tới", en="Water levels of the next 6 hours"),
            says=Word(
                vi=(
                    "Bốn trạm đo có nguy cơ vượt ngưỡng cao nhất: mực nước (trung bình 15 phút) "
                    "bây giờ và sau 1 đến 6 giờ, ngoại suy từ con triều của 24 giờ 50 phút trước "
                    "cộng độ lệch hiện tại. Sai số là căn bậc hai của trung bình bình phương sai "
                    "lệch của chính cách tính này trong 7 ngày qua, sau 1 giờ và sau 6 giờ. Báo "
                    "động khi dự báo chạm ngưỡng; cảnh báo khi chạm ngưỡng nếu cộng hai lần sai "
                    "số."
                ),
                en=(
                    "The four gauges that come nearest to their limits: level (mean of 15 minutes) "
                    "now and in 1 to 6 hours, from the tide of 24 h 50 min before, moved to the "
                    "level of now. The error is the root mean square of what this method missed by "
                    "over the last 7 days, at 1 hour and at 6. Alarm when the forecast reaches the "
                    "limit; warning when it does so with twice its error added."
                ),
            ),
            query="environment-forecast",
            columns=(
                Column(name="name", title=Word(vi="Trạm đo", en="Gauge")),
                STATE,
                _level("value", "Bây giờ", "Now"),
                *(_level(f"h{hour}", f"+{hour} giờ", f"+{hour} h") for hour in range(1, 7)),
                _level("error_1", "Sai số +1 giờ", "Error +1 h"),
                _level("error_6", "Sai số +6 giờ", "Error +6 h"),
                _level("raise_at", "Ngưỡng", "Limit"),
                AS_OF,
            ),
            size=(24, 4),
            fresh_s=2700,
        ),
        Tile(
            id="now",
            kind="table",
            title=Word(vi="Bây giờ so với ngưỡng", en="Now, against the limits"),
            says=Word(
                vi=(
                    "Mỗi đại lượng một dòng: cảm biến xấu nhất so với ngưỡng của nó, theo giá trị "
                    "tốt mới nhất trong 24 giờ. Báo động từ ngưỡng trở lên hoặc khi cảnh báo chưa "
                    "đóng; cảnh báo từ mức đóng cảnh báo trở lên; không có số liệu khi giá trị cũ "
                    "hơn 30 phút. Số cảm biến còn gửi là trong 30 phút qua."
                ),
                en=(
                    "One row a quantity: the sensor worst off against its limit, by its newest "
                    "good value of 24 hours. Alarm at or above the limit, or while its alert "
                    "stands; warning from where an alert is cleared; no data when the value is "
                    "older than 30 minutes. Sensors heard are those of the last 30 minutes."
                ),
            ),
            query="environment-now",
            columns=(
                Column(
                    name="quantity", title=Word(vi="Đại lượng", en="Quantity"), words=QUANTITIES
                ),
                STATE,
                Column(name="value", title=Word(vi="Giá trị", en="Value"), unit="", decimals=2),
                Column(name="unit", title=Word(vi="Đơn vị", en="Unit"), words=UNITS),
                _LIMIT,
                Column(name="share", title=Word(vi="So với ngưỡng", en="Of limit"), unit="ratio"),
                _PLACE,
                Column(name="heard", title=Word(vi="Còn gửi", en="Heard"), unit="count"),
                Column(name="total", title=Word(vi="Cảm biến", en="Sensors"), unit="count"),
                AS_OF,
            ),
            size=(12, 4),
            fresh_s=1800,
            link="/wall",
        ),
        Tile(
            id="water",
            kind="series",
            title=Word(vi="Mực nước và triều", en="Water level and tide"),
            says=Word(
                vi=(
                    "Mực nước trung bình mỗi 15 phút trong 24 giờ qua của ba trạm đo gần ngưỡng "
                    "nhất trong ba giờ qua; nét đứt là ngưỡng của chúng. Bất thường khi đường liền "
                    "chạm nét đứt cùng tên."
                ),
                en=(
                    "Mean water level of each 15 minutes over the last 24 hours, at the three "
                    "gauges nearest to their limits in the last three hours; dashed: their limits. "
                    "Abnormal where a line meets the dashed one of its name."
                ),
            ),
            query="environment-water",
            columns=(
                _TIME,
                Column(name="metric", title=Word(vi="Trạm đo", en="Gauge")),
                _level("value", "Mực nước", "Level"),
            ),
            size=(12, 4),
            unit="m",
            decimals=2,
            fresh_s=2700,
        ),
        Tile(
            id="rain",
            kind="series",
            title=Word(vi="Mưa lớn nhất", en="Heaviest rain"),
            says=Word(
                vi=(
                    "Cường độ mưa cao nhất của mỗi giờ ở mỗi đô thị trong 24 giờ qua; nét đứt là "
                    "ngưỡng thấp nhất. Bất thường từ ngưỡng trở lên."
                ),
                en=(
                    "Highest intensity of rain in each hour in each city over the last 24 hours; "
                    "dashed: the lowest limit. Abnormal at or above it."
                ),
            ),
            query="environment-rain",
            columns=(
                _TIME,
                _CITY,
                Column(name="value", title=Word(vi="Mưa", en="Rain"), unit="mm/h"),
            ),
            size=(6, 4),
            unit="mm/h",
            decimals=0,
            fresh_s=7200,
        ),
        Tile(
            id="salinity",
            kind="series",
            title=Word(vi="Độ mặn cao nhất", en="Highest salinity"),
            says=Word(
                vi=(
                    "Độ mặn trung bình giờ tại cảm biến mặn nhất của mỗi đô thị trong 24 giờ qua; "
                    "nét đứt là ngưỡng thấp nhất. Bất thường từ ngưỡng trở lên."
                ),
                en=(
                    "Mean salinity of each hour at the saltiest sensor of each city over the last "
                    "24 hours; dashed: the lowest limit. Abnormal at or above it."
                ),
            ),
            query="environment-salinity",
            columns=(
                _TIME,
                _CITY,
                Column(
                    name="value", title=Word(vi="Độ mặn", en="Salinity"), unit="g/L", decimals=1
                ),
            ),
            size=(6, 4),
            unit="g/L",
            decimals=1,
            fresh_s=7200,
        ),
        Tile(
            id="dust",
            kind="series",
            title=Word(vi="Bụi PM2.5 cao nhất", en="Highest PM2.5"),
            says=Word(
                vi=(
                    "Bụi PM2.5 trung bình giờ tại cảm biến cao nhất của mỗi đô thị trong 24 giờ "
                    "qua; nét đứt là ngưỡng thấp nhất. Bất thường từ ngưỡng trở lên."
                ),
                en=(
                    "Mean PM2.5 of each hour at the dustiest sensor of each city over the last 24 "
                    "hours; dashed: the lowest limit. Abnormal at or above it."
                ),
            ),
            query="environment-dust",
            columns=(
                _TIME,
                _CITY,
                Column(name="value", title=Word(vi="Bụi PM2.5", en="PM2.5"), unit="ug/m3"),
            ),
            size=(6, 4),
            unit="ug/m3",
            decimals=0,
            fresh_s=7200,
        ),
        Tile(
            id="noise",
            kind="series",
            title=Word(vi="Tiếng ồn cao nhất", en="Loudest noise"),
            says=Word(
                vi=(
                    "Mức ồn trung bình giờ (trung bình số học của các lần đo) tại cảm biến ồn nhất "
                    "của mỗi đô thị trong 24 giờ qua; nét đứt là ngưỡng thấp nhất. Bất thường từ "
                    "ngưỡng trở lên."
                ),
                en=(
                    "Noise of each hour (arithmetic mean of the readings) at the loudest sensor of "
                    "each city over the last 24 hours; dashed: the lowest limit. Abnormal at or "
                    "above it."
                ),
            ),
            query="environment-noise",
            columns=(
                _TIME,
                _CITY,
                Column(name="value", title=Word(vi="Tiếng ồn", en="Noise"), unit="dB"),
            ),
            size=(6, 4),
            unit="dB",
            decimals=0,
            fresh_s=7200,
        ),
    ),
)
