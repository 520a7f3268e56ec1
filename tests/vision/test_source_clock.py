from __future__ import annotations

import sys

import pytest

from ioc.events import ClockRef
from ioc.kernel_clock import Timex
from vision.source.clock import CameraClock, NodeClock, node_clock

UNSYNC, NANO = 0x40, 0x2000


def _answer(state: int, **fields: int) -> NodeClock:
    def adjtimex(timex: Timex) -> int:
        for name, value in fields.items():
            setattr(timex, name, value)
        return state

    return node_clock(adjtimex)


@pytest.mark.parametrize(
    ("state", "fields", "said"),
    [
        (0, {"offset": -1500, "status": 1}, ClockRef(source="ntp", offset_ms=1.5)),
        (0, {"offset": 2_500_000, "status": 1 | NANO}, ClockRef(source="ntp", offset_ms=-2.5)),
        (0, {"offset": 0, "status": 0}, ClockRef(source="ntp", offset_ms=0)),
        (5, {"offset": 7, "status": UNSYNC}, ClockRef(source="none")),
        (5, {"offset": 7, "status": 1}, ClockRef(source="none")),
        (0, {"offset": 7, "status": UNSYNC}, ClockRef(source="none")),
        (-1, {}, ClockRef(source="none")),
    ],
)
def test_an_event_says_how_far_the_clock_is_off(
    state: int, fields: dict[str, int], said: ClockRef
) -> None:
    assert _answer(state, **fields).reference() == said


def test_the_greatest_error_is_in_milliseconds() -> None:
    assert _answer(0, maxerror=16_000_000).max_error_ms == 16_000


@pytest.mark.skipif(sys.platform != "linux", reason="adjtimex(2) is Linux's")
def test_the_kernel_answers() -> None:
    clock = node_clock()

    assert clock.max_error_ms > 0
    assert abs(clock.offset_ms) <= 1000  # the kernel mends no more than half a second


def test_a_cameras_offset_is_that_of_the_quickest_picture() -> None:
    clock = CameraClock()
    for second, way in zip((0, 2, 4, 6), (0.3, 0.08, 0.2, 0.9), strict=True):
        clock.observe(camera_s=1000 + second - 37, node_s=1000 + second + way)
        clock.observe(camera_s=1000 + second - 37, node_s=1000 + second + way + 0.5)

    offset = clock.offset()
    assert offset is not None
    assert (offset.offset_ms, offset.samples) == (-37_080, 4)
    assert offset.spread_ms == pytest.approx(220)


def test_a_camera_that_says_no_time_has_no_offset() -> None:
    clock = CameraClock()
    clock.observe(1, 2)
    clock.reset()

    assert clock.offset() is None
