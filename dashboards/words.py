"""Words for the codes that queries return: one table for all screens.

The console's pages and the cameras' captions speak of the same things; a test holds them equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dashboards.screen import Word

RULES: Final[Mapping[str, Word]] = {
    "red_light": Word(vi="Vượt đèn đỏ", en="Red light"),
    "stop_line": Word(vi="Dừng quá vạch", en="Stop line"),
    "wrong_way": Word(vi="Đi ngược chiều", en="Wrong way"),
    "speeding": Word(vi="Chạy quá tốc độ", en="Speeding"),
    "illegal_parking": Word(vi="Dừng, đỗ sai quy định", en="Illegal parking"),
    "wrong_lane": Word(vi="Đi sai làn", en="Wrong lane"),
    "no_entry": Word(vi="Đi vào đường cấm", en="No entry"),
    "illegal_turn": Word(vi="Rẽ sai quy định", en="Illegal turn"),
    "no_helmet": Word(vi="Không đội mũ bảo hiểm", en="No helmet"),
}

VEHICLES: Final[Mapping[str, Word]] = {
    "motorcycle": Word(vi="Xe máy", en="Motorcycle"),
    "car": Word(vi="Ô tô", en="Car"),
    "bus": Word(vi="Xe khách", en="Bus"),
    "truck": Word(vi="Xe tải", en="Truck"),
    "bicycle": Word(vi="Xe đạp", en="Bicycle"),
    "three_wheeler": Word(vi="Xe ba bánh", en="Three-wheeler"),
    "pedestrian": Word(vi="Người đi bộ", en="Pedestrian"),
    "other": Word(vi="Phương tiện khác", en="Other vehicle"),
}

ALERT_KINDS: Final[Mapping[str, Word]] = {
    "flood": Word(vi="Ngập", en="Flood"),
    "rain": Word(vi="Mưa lớn", en="Heavy rain"),
    "queue_spillback": Word(vi="Hàng chờ dài", en="Long queue"),
    "violation_surge": Word(vi="Vi phạm tăng vọt", en="Violations surge"),
    "air_quality": Word(vi="Bụi mịn", en="Fine dust"),
    "salinity": Word(vi="Mặn", en="Salinity"),
    "noise": Word(vi="Tiếng ồn", en="Noise"),
    "threshold": Word(vi="Vượt ngưỡng", en="Over limit"),
    "device_silent": Word(vi="Mất tín hiệu", en="Silent"),
    "sequence_gap": Word(vi="Thiếu bản tin", en="Events missing"),
}
"""Danger to people first, our own troubles last."""

WEEKDAYS: Final[Mapping[str, Word]] = {
    "1": Word(vi="Thứ Hai", en="Monday"),
    "2": Word(vi="Thứ Ba", en="Tuesday"),
    "3": Word(vi="Thứ Tư", en="Wednesday"),
    "4": Word(vi="Thứ Năm", en="Thursday"),
    "5": Word(vi="Thứ Sáu", en="Friday"),
    "6": Word(vi="Thứ Bảy", en="Saturday"),
    "7": Word(vi="Chủ Nhật", en="Sunday"),
}
"""By the number of the day in its week (ISO 8601), as text."""
