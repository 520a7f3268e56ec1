from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.trajectories import Path, scene, views
from vision.rules.sight import Sight, see
from vision.scene import Areas, Scene, inside

LINE = {"id": "s", "kind": "stop", "ends": [[400, 500], [600, 500]],
        "direction": [[500, 0], [500, 10]]}  # fmt: skip
ROAD = scene(lines=[LINE])


def walk(place: Scene, *paths: Path, rate: float = 25, **more: float) -> list[Sight]:
    made: list[Sight] = []
    for view in views(*paths, rate=rate, **more):  # type: ignore[arg-type]
        made.append(see(place, view, made[-1] if made else None))
    return made


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=8),
        max_size=4,
    )
)
def test_packed_polygons_hold_the_points_that_each_one_holds(
    corners: list[list[tuple[int, int]]],
) -> None:
    polygons = [np.array(polygon, np.float64) for polygon in corners]
    points = np.stack(np.meshgrid(np.arange(10) + 0.37, np.arange(10) + 0.41), axis=-1)
    points = points.reshape(-1, 2)

    packed = Areas(polygons).within(points)

    assert packed.shape == (len(polygons), 100)
    for polygon, held in zip(polygons, packed, strict=True):
        assert (held == inside(points, polygon)).all()


@settings(max_examples=30, deadline=None)
@given(st.floats(30, 900), st.sampled_from([6, 12.5, 25]))
def test_a_crossing_is_interpolated_at_any_rate(speed: float, rate: float) -> None:
    path = Path(1, ((0, 500, 150), (800 / speed, 500, 950)))

    crossings = [crossing for sight in walk(ROAD, path, rate=rate) for crossing in sight.crossings]

    if speed / rate < 30:  # else the second box is out of reach of the first, which has no speed
        (crossing,) = crossings
        assert crossing.at_s == pytest.approx(350 / speed, abs=1e-3)
        assert crossing.forward and not crossing.hidden
        assert crossing.before_s <= crossing.at_s


def test_beside_the_line_nothing_crosses() -> None:
    path = Path(1, ((0, 650, 150), (4, 650, 950)))

    assert not any(sight.crossings for sight in walk(ROAD, path))


def test_a_jump_begins_a_vehicle_anew_and_a_gap_does_not() -> None:
    still = Path(1, ((0, 500, 300), (2, 500, 300)), hidden=((0.5, 1.5),))
    jumps = Path(1, ((0, 500, 300), (1, 500, 300), (1.001, 560, 300), (2, 560, 300)))

    assert walk(ROAD, still)[-1].born_s.tolist() == [0]
    assert walk(ROAD, jumps)[-1].born_s.tolist() == [pytest.approx(1.04)]


def test_what_is_remembered_follows_each_vehicle_when_rows_move() -> None:
    first = Path(7, ((0, 100, 100), (1, 100, 100)), score=0.4)
    second = Path(8, ((0, 300, 300), (3, 300, 300)), score=0.8)
    third = Path(9, ((2, 500, 500), (3, 500, 500)), score=0.5)

    last = walk(ROAD, first, second, third, rate=10)[-1]

    assert last.ids == [8, 9]
    assert last.sightings.tolist() == [31, 11]
    assert [round(last.mean_score(row), 3) for row in (0, 1)] == [0.8, 0.5]
    assert last.born_s.tolist() == [0, 2]


def test_a_sight_is_made_once_and_holds_no_earlier_one() -> None:
    made = walk(ROAD, Path(1, ((0, 500, 300), (1, 500, 400))))

    assert see(ROAD, made[-1].view, None) is made[-1]
    assert not any(isinstance(getattr(made[-1], name), Sight) for name in Sight.__slots__)


def test_a_crossing_counts_once_the_vehicle_is_clearly_beyond() -> None:
    nudge = Path(1, ((0, 500, 400), (2, 500, 503), (6, 500, 503)))  # 4 px are a tenth of it
    over = Path(1, ((0, 500, 400), (2, 500, 505), (6, 500, 505)))

    assert not any(sight.crossings for sight in walk(ROAD, nudge))
    assert sum(len(sight.crossings) for sight in walk(ROAD, over)) == 1
