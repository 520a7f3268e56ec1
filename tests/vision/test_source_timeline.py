from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.source.timeline import Timeline


def _play(
    timeline: Timeline, stated: float, true: float, seconds: float, begin_s: float = 0.0
) -> list[float]:
    """Stamps by the stated rate, arrivals by the true one; the times that come out."""
    times = []
    for n in range(round(seconds * true)):
        timeline.step(n / stated, n / stated, begin_s + n / true)
        times.append(timeline.at(n / stated))
    return times


def test_stamps_give_the_distances_not_the_arrivals() -> None:
    timeline = Timeline()
    times = []
    for stamp, arrival in ((90.0, 5.0), (90.1, 5.4), (90.2, 5.41), (90.3, 5.42)):
        timeline.step(stamp, stamp, arrival)
        times.append(timeline.at(stamp))

    assert times == pytest.approx([0, 0.1, 0.2, 0.3])


def test_a_new_connection_goes_on_after_the_time_that_it_took() -> None:
    before = Timeline()
    _play(before, 25, 25, 4)
    after = before.successor()
    after.step(7000.0, 7000.0, 3.96 + 12)

    assert after.at(7000.0) == pytest.approx(3.96 + 12)


@pytest.mark.parametrize("stamp", [3.0, 5000.0], ids=["set back", "set forward"])
def test_a_camera_that_sets_its_clock_does_not_move_ours(stamp: float) -> None:
    timeline = Timeline()
    for n in range(100):
        timeline.step(1000 + n / 25, 1000 + n / 25, n / 25)
    timeline.step(stamp, stamp, 4.0)

    assert timeline.at(stamp) == pytest.approx(4.0)


@pytest.mark.parametrize(("stated", "true"), [(25, 21), (25, 5), (15, 25)])
def test_a_camera_that_lies_about_its_rate_is_found_out(stated: float, true: float) -> None:
    timeline = Timeline()
    times = _play(timeline, stated, true, 120)

    assert timeline.rate == pytest.approx(stated / true, rel=0.02)
    assert (times[-1] - times[-101]) == pytest.approx(100 / true, rel=0.02)
    assert all(b > a for a, b in pairwise(times))


def test_bursts_and_pauses_of_the_network_are_no_lie() -> None:
    timeline = Timeline()
    for n in range(25 * 200):
        stamp = n / 25
        held = 30 <= stamp % 50 < 38  # nothing comes for eight seconds, then all at once
        timeline.step(stamp, stamp, stamp - stamp % 50 + 38 if held else stamp)

    assert timeline.rate == 1.0
    assert timeline.at(None) == pytest.approx(199.96)


def test_a_clock_that_stopped_once_is_no_lie() -> None:
    timeline = Timeline()
    for n in range(25 * 100):
        stamp = n / 25 if n < 1000 else n / 25 - 3
        timeline.step(stamp, stamp, n / 25)

    assert timeline.rate == 1.0


def test_without_stamps_arrival_is_the_clock() -> None:
    timeline = Timeline()
    times = []
    for arrival in (100.0, 100.2, 100.5):
        timeline.step(None, None, arrival)
        times.append(timeline.at(None))

    assert times == pytest.approx([0, 0.2, 0.5])


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(-1e6, 1e6)), st.floats(0, 1e4, allow_subnormal=False)
        ),
        max_size=60,
    )
)
def test_whatever_a_camera_stamps_time_does_not_fall(
    steps: list[tuple[float | None, float]],
) -> None:
    timeline, now, last = Timeline(), 0.0, 0.0
    for stamp, wait in steps:
        now += wait
        timeline.step(stamp, stamp, now)
        assert timeline.at(stamp) >= last - 1e-6
        last = timeline.at(stamp)
