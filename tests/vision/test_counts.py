from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ioc.events import FlowData
from tests.vision.paths import tracks
from vision.counts import LaneFlow, LineCounter
from vision.scene import LaneArea, RoadLine


def line(only: int = 0, lane: str | None = "a", name: str = "l") -> RoadLine:
    """A vertical line at x = 100 from y = 0 to 200; the positive side is to the left."""
    return RoadLine(
        name,
        "count",
        lane,
        np.array([100.0, 0.0]),
        np.array([0.0, 200.0]),
        np.array([-1.0, 0.0]),
        only,
        None,
    )


def lane(name: str = "a") -> LaneArea:
    square = np.array([[0.0, 0.0], [200.0, 0.0], [200.0, 200.0], [0.0, 200.0]])
    return LaneArea(name, square, np.array([1.0, 0.0]))


def drive(counter: LineCounter, xs: list[float], y: float = 100, dt: float = 0.1) -> list[float]:
    found = []
    for step, x in enumerate(xs):
        found += [c.time_s for c in counter.observe(tracks((7, x, y)), step * dt)]
    return found


def test_the_time_of_a_crossing_lies_between_its_two_frames() -> None:
    assert drive(LineCounter([line()]), [60, 90, 130, 170]) == [pytest.approx(0.125)]


def test_a_vehicle_that_stands_on_the_line_and_jitters_never_counts() -> None:
    jitter = [100 + 2.5 * (-1) ** step for step in range(100)]

    assert drive(LineCounter([line()]), [60, 90, *jitter]) == []


def test_to_and_fro_counts_once() -> None:
    assert len(drive(LineCounter([line()]), [60, 140, 60, 140, 60, 140])) == 1


def test_passing_beside_the_end_of_a_line_does_not_count() -> None:
    assert drive(LineCounter([line()]), [60, 140], y=230) == []


@pytest.mark.parametrize(("only", "expected"), [(0, 1), (1, 0), (-1, 1)])
def test_only_the_wanted_direction_counts(only: int, expected: int) -> None:
    assert len(drive(LineCounter([line(only)]), [60, 140])) == expected


def test_a_crossing_while_hidden_counts_when_the_vehicle_is_seen_again() -> None:
    counter = LineCounter([line()])
    counter.observe(tracks((7, 60, 100)), 0.0)

    assert counter.observe(tracks((7, 140, 100), seen=False), 0.5) == []
    assert [c.time_s for c in counter.observe(tracks((7, 140, 100)), 1.0)] == [0.5]


def test_what_a_vehicle_crosses_before_it_is_confirmed_counts_when_it_is() -> None:
    counter = LineCounter([line()])
    born = tracks((7, 60, 100)).xyxy
    confirmed = replace(tracks((7, 140, 100)), first_xyxy=born, age_s=np.array([0.5], np.float32))

    assert [c.time_s for c in counter.observe(confirmed, 1.0)] == [pytest.approx(0.75)]
    assert counter.observe(tracks((7, 180, 100)), 1.1) == []


def test_a_vehicle_first_seen_beyond_the_line_does_not_count() -> None:
    counter = LineCounter([line()])
    beyond = tracks((7, 140, 100)).xyxy
    confirmed = replace(tracks((7, 160, 100)), first_xyxy=beyond)

    assert counter.observe(confirmed, 1.0) == []


def test_vehicles_that_are_gone_leave_nothing_behind() -> None:
    counter = LineCounter([line()])
    for track in range(1000):
        counter.observe(tracks((track, 60, 100)), track / 25)

    assert len(counter._passages) == 1


def feed(
    flow: LaneFlow, counter: LineCounter, at: float, *where: tuple[int, float, float]
) -> list[tuple[float, FlowData]]:
    seen = tracks(*where)
    return flow.observe(seen, counter.observe(seen, at), at)


def test_a_period_ends_with_its_counts_and_the_last_one_says_how_short_it_was() -> None:
    counter, flow = LineCounter([line()]), LaneFlow([lane()], [line()], 10)
    out = []
    for step in range(0, 130):
        at = step / 10
        out += feed(flow, counter, at, (1 + step // 30, 60 + 3.0 * (step % 30), 100))
    out += flow.finish()

    assert [(end, data.period_s, data.counts) for end, data in out] == [
        (10, 10, {"motorcycle": 3}),
        (pytest.approx(12.9), 2.9, {"motorcycle": 1}),
    ]


def test_occupancy_is_the_share_of_time_with_a_vehicle_on_the_lane() -> None:
    counter, flow = LineCounter([line()]), LaneFlow([lane()], [line()], 10)
    for step in range(101):
        x = 150 if 20 < step <= 60 else 500
        out = feed(flow, counter, step / 10, (1, x, 100))

    assert out[0][1].occupancy == pytest.approx(0.4, abs=0.001)
    assert out[0][1].speed_kmh is None and out[0][1].queue_m is None


def test_a_vehicle_counts_once_in_a_lane_with_two_lines() -> None:
    lines = [line(name="first"), line(name="second")]
    counter, flow = LineCounter(lines), LaneFlow([lane()], lines, 10)
    for step, x in enumerate((60, 140, 150)):
        feed(flow, counter, step / 10, (1, x, 100))

    assert flow.finish()[0][1].counts == {"motorcycle": 1}


def test_people_on_foot_do_not_occupy_a_lane() -> None:
    flow = LaneFlow([lane()], [line()], 10)
    for step in range(5):
        flow.observe(tracks((1, 50, 50), vehicle="pedestrian"), [], step / 10)

    assert flow.finish()[0][1].occupancy == 0


def test_a_lane_without_a_line_says_nothing_rather_than_nought() -> None:
    flow = LaneFlow([lane("a"), lane("b")], [line(lane="a")], 10)
    flow.observe(tracks(), [], 0.0)

    assert [data.lane for _end, data in flow.observe(tracks(), [], 10.0)] == ["a"]


def test_periods_in_which_no_frame_came_are_left_out() -> None:
    flow = LaneFlow([lane()], [line()], 10)
    flow.observe(tracks(), [], 0.0)

    assert [end for end, _data in flow.observe(tracks(), [], 47.0)] == [10]
    assert [end for end, _data in flow.observe(tracks(), [], 50.0)] == [50]
