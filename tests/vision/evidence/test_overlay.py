from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import numpy as np
import pytest

from ioc.events import Phase, Rule, SignalRef, VehicleClass
from tests.vision.evidence.streams import violation
from vision.evidence.overlay import (
    PHASE_NAMES,
    RULE_NAMES,
    VEHICLE_NAMES,
    Band,
    Caption,
    Moment,
    caption_of,
    local_time,
    mark_vehicle,
)

NOON = datetime(2026, 11, 22, 5, 0, 0, 7000, tzinfo=UTC)


def moment(**changes: object) -> Moment:
    values = {"wall": NOON, "frame": 12, "share": 0.5, "act_share": 0.5, "at_act": False}
    return Moment(**{**values, **changes})  # type: ignore[arg-type]


def test_every_rule_vehicle_and_light_has_a_name() -> None:
    assert set(RULE_NAMES) == set(get_args(Rule))
    assert set(VEHICLE_NAMES) == set(get_args(VehicleClass))
    assert set(PHASE_NAMES) == set(get_args(Phase))
    assert RULE_NAMES["illegal_parking"].vi == "Dừng, đỗ sai quy định"


def test_a_caption_says_what_was_measured_in_vietnamese() -> None:
    light = SignalRef(
        head="h1", phase="red", since=datetime(2026, 11, 22, 1, 2, 1, 956000, tzinfo=UTC)
    )
    data = violation(lane="l2", speed_kmh=47.25, signal=light)
    caption = caption_of(data, "Ngã tư Trần Hưng Đạo")
    assert caption.title == "Vượt đèn đỏ / Red light"
    assert caption.facts == (
        "xe máy · làn l2 · tốc độ 47,2 km/h · đèn đỏ đã 1,5 s · độ tin cậy 75%"
    )


def test_what_was_not_measured_is_not_said() -> None:
    assert caption_of(violation(), "x").facts == "xe máy · độ tin cậy 75%"


def test_times_are_local_to_the_millisecond() -> None:
    assert local_time(NOON) == "22/11/2026 12:00:00.007"


@pytest.mark.parametrize("width", [320, 640, 960])
def test_long_texts_stay_apart_and_inside(width: int) -> None:
    """A place of any length leaves the time free: nothing is drawn between them twice."""
    endless = Caption("Dừng, đỗ sai quy định " * 9, "Ngã tư Nguyễn Công Trứ " * 9, "xe " * 99)
    empty = Caption("", "", "")
    long, bare = (Band(caption, width).draw(moment()) for caption in (endless, empty))
    assert long.shape == bare.shape == (round(width / 8) // 2 * 2, width, 3)
    assert np.array_equal(long[:, width * 3 // 4 :], bare[:, width * 3 // 4 :])
    assert not np.array_equal(long, bare)


def test_the_act_and_the_time_are_seen() -> None:
    band = Band(Caption("a", "b", "c"), 640)
    plain = band.draw(moment())
    assert not np.array_equal(plain, band.draw(moment(at_act=True)))
    assert not np.array_equal(plain, band.draw(moment(frame=13)))
    assert not np.array_equal(plain, band.draw(moment(share=0.6)))
    assert np.array_equal(plain, band.draw(moment()))


def test_every_letter_of_the_names_can_be_drawn() -> None:
    """OpenCV draws a question mark for a letter that its font lacks."""

    def drawn(text: str) -> np.ndarray:
        return Band(Caption(text, "", ""), 960).draw(moment())

    names = [label.vi for label in RULE_NAMES.values()] + [*VEHICLE_NAMES.values()]
    for letter in sorted(set("".join([*names, *PHASE_NAMES.values()])) - {" "}):
        assert not np.array_equal(drawn(letter), drawn("?")), letter


def test_the_way_is_drawn_beside_the_vehicle_never_over_its_plate() -> None:
    image = np.full((100, 200, 3), 60, np.uint8)
    way = np.array([[10.0, 80.0], [60.0, 80.0], [150.0, 80.0]])
    mark_vehicle(image, np.array([120.0, 40.0, 180.0, 95.0]), way, at_act=False)
    assert (image[40:95, 120:180] == 60).all()
    assert (image[80, 20:100] != 60).any(axis=1).all()
