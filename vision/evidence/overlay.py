"""What is written and drawn on a proxy: names in Vietnamese, the caption below, marks in it.

Pure: values in, pixels out. OpenCV 5 carries a TrueType font with all Vietnamese letters, so the
text looks alike on every machine. Nothing is written over the picture itself: it is evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ioc.camera import Label
from ioc.clock import VIETNAM
from ioc.events import Phase, Rule, VehicleClass, ViolationData
from vision.label import FONT, WEIGHT, put
from vision.source.picture import Image

RULE_NAMES: Final[dict[Rule, Label]] = {
    "red_light": Label(vi="Vượt đèn đỏ", en="Red light"),
    "stop_line": Label(vi="Dừng quá vạch", en="Stop line"),
    "wrong_way": Label(vi="Đi ngược chiều", en="Wrong way"),
    "speeding": Label(vi="Chạy quá tốc độ", en="Speeding"),
    "illegal_parking": Label(vi="Dừng, đỗ sai quy định", en="Illegal parking"),
    "wrong_lane": Label(vi="Đi sai làn", en="Wrong lane"),
    "no_entry": Label(vi="Đi vào đường cấm", en="No entry"),
    "illegal_turn": Label(vi="Rẽ sai quy định", en="Illegal turn"),
    "no_helmet": Label(vi="Không đội mũ bảo hiểm", en="No helmet"),
}
"""How people call the rules."""

VEHICLE_NAMES: Final[dict[VehicleClass, str]] = {
    "motorcycle": "xe máy",
    "car": "ô tô",
    "bus": "xe khách",
    "truck": "xe tải",
    "bicycle": "xe đạp",
    "three_wheeler": "xe ba bánh",
    "pedestrian": "người đi bộ",
    "other": "phương tiện khác",
}

PHASE_NAMES: Final[dict[Phase, str]] = {
    "red": "đèn đỏ",
    "yellow": "đèn vàng",
    "green": "đèn xanh",
    "flashing": "đèn nhấp nháy",
    "off": "đèn tắt",
    "unknown": "đèn không rõ",
}

DERIVED: Final = "BẢN XEM ĐÃ CHE – KHÔNG PHẢI BẢN GỐC"
ACT: Final = "THỜI ĐIỂM VI PHẠM"

BAND_SHARE: Final = 0.125
"""Height of the caption for one of the picture's width: 120 pixels under 960."""

Colour = tuple[int, int, int]
_GROUND: Final[Colour] = (32, 28, 26)
_WHITE: Final[Colour] = (240, 240, 240)
_GREY: Final[Colour] = (170, 170, 170)
_MARK: Final[Colour] = (40, 60, 235)
_LINE: Final[Colour] = (0, 200, 255)
_FONT: Final = FONT


@dataclass(frozen=True, slots=True)
class Caption:
    """What stays the same through a clip.

    Attributes:
        title: Name of the rule, Vietnamese first.
        place: Where the camera stands.
        facts: Vehicle, lane, speed, light.
    """

    title: str
    place: str
    facts: str


@dataclass(frozen=True, slots=True)
class Moment:
    """What changes from picture to picture.

    Attributes:
        wall: Its instant, with a time zone.
        frame: Its number in the source, if it is known.
        share: How far through the clip it is, 0-1.
        act_share: How far through the clip the act is, 0-1.
        at_act: Whether it shows the act.
    """

    wall: datetime
    frame: int | None
    share: float
    act_share: float
    at_act: bool


def caption_of(data: ViolationData, place: str) -> Caption:
    """The caption of a violation.

    Args:
        data: What was flagged.
        place: Where the camera stands, as people read it.
    """
    name = RULE_NAMES[data.rule]
    facts = [VEHICLE_NAMES[data.vehicle]]
    if data.lane is not None:
        facts.append(f"làn {data.lane}")
    if data.speed_kmh is not None:
        facts.append(f"tốc độ {_comma(data.speed_kmh)} km/h")
    if data.signal is not None:
        light = PHASE_NAMES[data.signal.phase]
        if data.signal.since is not None:
            for_s = (data.act_time - data.signal.since).total_seconds()
            light += f" đã {_comma(for_s)} s"
        facts.append(light)
    facts.append(f"độ tin cậy {data.confidence:.0%}")
    return Caption(f"{name.vi} / {name.en}", place, " · ".join(facts))


def local_time(wall: datetime) -> str:
    """An instant as people here write it, with milliseconds: ``22/11/2026 08:03:03.456``."""
    local = wall.astimezone(VIETNAM)
    return f"{local:%d/%m/%Y %H:%M:%S}.{local.microsecond // 1000:03d}"


class Band:
    """The caption below the picture. What stays the same is drawn once."""

    def __init__(self, caption: Caption, width: int) -> None:
        """Lay it out.

        Args:
            caption: What it says.
            width: Columns of the picture.
        """
        self.width = width
        self.height = round(width * BAND_SHARE) // 2 * 2
        self._line = self.height / 4.0
        self._still = np.full((self.height, width, 3), _GROUND, np.uint8)
        self._margin = max(4, width // 80)
        room = width - 2 * self._margin
        derived = self._line * 0.5
        wide = _text_width(DERIVED, derived)
        self._write(self._still, caption.title, 0, self._line * 0.84, _WHITE, room - wide - 8)
        x = width - self._margin - wide
        _put(self._still, DERIVED, x, round(self._line * 0.84), _LINE, derived, WEIGHT)
        self._write(self._still, caption.place, 1, self._line * 0.64, _WHITE, room * 0.5)
        self._write(self._still, caption.facts, 2, self._line * 0.64, _GREY, room * 0.74)

    def draw(self, moment: Moment) -> Image:
        """The band of one picture, BGR, uint8 [height, width, 3]."""
        image = self._still.copy()
        right = self.width - self._margin
        size = self._line * 0.64
        when = local_time(moment.wall)
        if moment.frame is not None:
            when += f"  khung hình {moment.frame}"
        when, size_when = _fitting(when, size, (self.width - 2 * self._margin) * 0.48)
        x = right - _text_width(when, size_when, WEIGHT)
        _put(image, when, x, round(self._line * 1.88), _WHITE, size_when, WEIGHT)
        if moment.at_act:
            x = right - _text_width(ACT, size)
            _put(image, ACT, x, round(self._line * 2.88), _MARK, size, WEIGHT)
        top, bottom = round(self._line * 3.4), round(self._line * 3.7)
        start, length = self._margin, right - self._margin
        cv2.rectangle(image, (start, top), (right, bottom), (80, 80, 80), -1)
        now = start + round(length * min(max(moment.share, 0.0), 1.0))
        cv2.rectangle(image, (start, top), (now, bottom), _WHITE, -1)
        act = start + round(length * min(max(moment.act_share, 0.0), 1.0))
        cv2.rectangle(image, (act - 2, top - 3), (act + 2, bottom + 3), _MARK, -1)
        return image

    def _write(
        self,
        image: Image,
        text: str,
        row: int,
        size: float,
        colour: Colour,
        room: float,
        weight: int = WEIGHT,
    ) -> None:
        base = round(self._line * (row + 0.88))
        text, size = _fitting(text, size, room)
        _put(image, text, self._margin, base, colour, size, weight)


def mark_vehicle(
    image: Image, box: NDArray[np.float64], trail: NDArray[np.float64], at_act: bool
) -> None:
    """Draw round the vehicle and its way up to now, in place.

    Args:
        image: The picture, BGR, uint8 [h, w, 3].
        box: Left, top, right, bottom in its pixels, [4].
        trail: Where it stood on the road, oldest first, [K, 2].
        at_act: Whether the picture shows the act.
    """
    thick = max(1, round(image.shape[1] / 480))
    colour = _MARK if at_act else _LINE
    left, top, right, bottom = (round(float(edge)) for edge in box)
    if len(trail) > 1:
        # The way ends where the plate is: nothing is drawn on the vehicle itself.
        inside = np.s_[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        vehicle = image[inside].copy()
        points = [np.round(trail).astype(np.int32)]
        cv2.polylines(image, points, False, _LINE, thick, cv2.LINE_AA)
        image[inside] = vehicle
    # A box drawn a little outside the vehicle hides nothing of it.
    gap = thick + 1
    corner, opposite = (left - gap, top - gap), (right + gap, bottom + gap)
    cv2.rectangle(image, corner, opposite, colour, thick, cv2.LINE_AA)


def mark_act(image: Image) -> None:
    """Frame the whole picture of the act, in place."""
    rows, columns = image.shape[:2]
    thick = max(2, columns // 160)
    corner = (thick // 2, thick // 2)
    opposite = (columns - 1 - thick // 2, rows - 1 - thick // 2)
    cv2.rectangle(image, corner, opposite, _MARK, thick)


def _comma(value: float) -> str:
    return f"{value:.1f}".replace(".", ",")


def _put(
    image: Image, text: str, x: int, base: int, colour: Colour, size: float, weight: int
) -> None:
    put(image, text, (x, base), max(1, round(size)), colour, weight)


def _text_width(text: str, size: float, weight: int = WEIGHT) -> int:
    box = cv2.getTextSize((0, 0), text, (0, 0), _FONT, max(1, round(size)), weight)
    return int(box[2])


def _fitting(text: str, size: float, room: float) -> tuple[str, float]:
    """A text and the size at which it takes no more than ``room`` pixels.

    It is made smaller by a third at most, and cut after that: what nobody can read tells nothing.
    """
    for smaller in (size, size * 0.83, size * 0.67):
        if _text_width(text, smaller) <= room:
            return text, smaller
    # The width grows with every letter, so halving finds where to cut.
    least, most = 0, len(text)
    while least < most:
        middle = (least + most + 1) // 2
        if _text_width(text[:middle] + "…", smaller) <= room:
            least = middle
        else:
            most = middle - 1
    return text[:least].rstrip() + "…", smaller
