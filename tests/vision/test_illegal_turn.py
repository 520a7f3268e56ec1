"""A crossing: lanes a (x 400-500) and b (x 500-600) lead up to y = 400; the exits lie beyond it.

Out to the left at x = 200, straight on at y = 800. From b nobody may turn left.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.errors import ConfigError
from tests.vision.trajectories import Path, rule_settings, scene, views, watch
from vision.rules.illegal_turn import IllegalTurn
from vision.rules.rule import Finding

ARROW = [[500, 0], [500, 400]]
LANES = [
    {"id": "a", "polygon": [[400, 0], [500, 0], [500, 400], [400, 400]], "direction": ARROW},
    {"id": "b", "polygon": [[500, 0], [600, 0], [600, 400], [500, 400]], "direction": ARROW},
    {"id": "out", "polygon": [[0, 450], [260, 450], [260, 650], [0, 650]],
     "direction": [[260, 550], [0, 550]]},
]  # fmt: skip
LEFT = {"id": "out-left", "kind": "exit", "ends": [[200, 450], [200, 650]], "lane": "out",
        "direction": [[260, 550], [0, 550]]}  # fmt: skip
ON = {"id": "out-on", "kind": "exit", "ends": [[400, 800], [600, 800]]}
TURN = {"id": "no-left", "lane": "b", "exit": "out-left", "kind": "left"}


def rule(turn: dict[str, Any] | None = None, **changes: Any) -> IllegalTurn:
    place = scene(lanes=LANES, lines=[LEFT, ON], forbidden_turns=[{**TURN, **(turn or {})}])
    return IllegalTurn(place, rule_settings("illegal_turn", **changes))


def left(x: float = 550, *, track: int = 1, **more: Any) -> Path:
    """Up the lane, then out to the left; at the exit line at second 5.75."""
    return Path(track, ((0, x, 50), (3, x, 420), (4, x - 60, 550), (4.5, 400, 550), (7, 0, 550)),
                **more)  # fmt: skip


def straight(x: float = 550, *, track: int = 1, **more: Any) -> Path:
    return Path(track, ((0, x, 50), (6, x, 950)), **more)


def find(watcher: IllegalTurn, *paths: Path, rate: float = 25, **more: Any) -> list[Finding]:
    return watch(watcher, views(*paths, rate=rate, **more))


@pytest.mark.parametrize("rate", [6, 12.5, 25])
def test_the_forbidden_turn_is_flagged_once_at_the_exit_line(rate: float) -> None:
    (found,) = find(rule(), left(), rate=rate)

    assert found.act_s == pytest.approx(5.75, abs=0.01)
    assert (found.rule, found.lane, found.vehicle) == ("illegal_turn", "b", "motorcycle")
    assert found.reasons[0].startswith("Cấm rẽ trái (no-left): từ làn b ra vạch out-left / ")
    assert all(len(text) <= 200 for text in found.reasons)


def test_other_ways_through_the_junction_are_free() -> None:
    assert find(rule(), straight()) == []
    assert find(rule(), left(450)) == []
    back = Path(1, ((0, 0, 550), (3, 400, 550), (5, 550, 300), (7, 550, 50)))
    assert find(rule(), back) == []


def test_only_the_last_lane_counts() -> None:
    changed = Path(1, ((0, 550, 50), (1.5, 550, 200), (2, 450, 240), (3.5, 450, 410),
                       (4.5, 400, 550), (7, 0, 550)))  # fmt: skip

    assert find(rule(), changed) == []


def test_who_only_brushed_the_lane_is_not_from_it() -> None:
    brushed = Path(1, ((0, 650, 100), (1, 590, 340), (1.2, 590, 410), (2.5, 400, 550), (5, 0, 550)))

    assert find(rule(min_duration_s=0.5), brushed) == []


@pytest.mark.parametrize(("hour", "banned"), [(5, False), (6, True), (8, True), (9, False)])
def test_hours_and_classes_of_the_ban(hour: int, banned: bool) -> None:
    start = datetime(2026, 11, 22, (hour - 7) % 24, 10, tzinfo=UTC)
    watcher = rule({"hours": [{"start": "06:00", "end": "09:00"}]})

    assert bool(find(watcher, left(), start=start)) == banned
    assert find(rule({"vehicles": ["car", "truck"]}), left()) == []
    assert len(find(rule({"vehicles": ["motorcycle"]}), left())) == 1


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 6.9), st.floats(0, 1.4), st.sampled_from([6, 25]))
def test_a_new_identity_on_the_way_never_makes_two(at_s: float, gap: float, rate: float) -> None:
    path = left(renamed=((at_s, 5),), gone=((at_s, at_s + gap),))

    assert len(find(rule(), path, rate=rate)) <= 1


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 6), st.floats(-0.6, 0.6), st.sampled_from([6, 12.5, 25]), st.floats(400, 495))
def test_swapped_identities_in_the_junction_blame_nobody(
    at_s: float, later: float, rate: float, x: float
) -> None:
    """From a to the left, which is free, and from b straight on; the two swap anywhere."""
    one = left(x, track=1, renamed=((at_s, 2),)).shifted(1 + later)
    other = straight(550, track=2, renamed=((at_s, 1),)).shifted(1)

    assert find(rule(), one, other, rate=rate) == []


@settings(max_examples=25, deadline=None)
@given(st.floats(3.2, 5), st.floats(1.05, 1.5), st.sampled_from([6, 25]))
def test_an_identity_that_another_vehicle_picks_up_blames_nobody(
    at_s: float, gap: float, rate: float
) -> None:
    """Lost in the junction for over a second: whoever comes back under its name may be anyone."""
    path = left(hidden=((at_s, at_s + gap),))

    assert find(rule(), path, rate=rate) == []


def test_a_short_occlusion_does_no_harm() -> None:
    for at_s in (1.0, 3.5, 5.5):
        (found,) = find(rule(), left(hidden=((at_s, at_s + 0.8),)), rate=6)
        assert found.act_s == pytest.approx(5.75, abs=0.02)


def test_two_from_the_same_lane_side_by_side_are_two() -> None:
    pair = left(540, track=1), left(540, track=2).shifted(0.4)

    assert sorted(f.track for f in find(rule(), *pair)) == [1, 2]


def test_guards_let_go() -> None:
    assert find(rule(least_score=0.7), left()) == []
    assert find(rule(confirmations=900), left()) == []
    assert find(rule(), left(parts=("emergency",))) == []
    assert find(rule(exempt=["motorcycle"]), left()) == []
    assert find(rule(min_travel_px=2000), left()) == []


def test_a_camera_without_forbidden_turns_is_refused() -> None:
    with pytest.raises(ConfigError, match="forbidden turn"):
        IllegalTurn(scene(lanes=LANES), rule_settings("illegal_turn"))


def test_vehicles_that_are_gone_leave_nothing_behind() -> None:
    watcher = rule(cooldown_s=3)
    find(watcher, *(left(track=n).shifted(n * 1.0) for n in range(1, 30)), until=60, rate=6)

    assert not watcher._origins and not watcher._entering and len(watcher._flagged) == 0


def test_swapped_box_in_box_just_beyond_the_lanes_blames_nobody() -> None:
    """They leave lanes a and b 20 px apart and swap there: no jump gives it away."""
    one = Path(1, ((0, 490, 50), (4, 490, 430), (5, 400, 550), (7.5, 0, 550)), renamed=((4.1, 2),))
    other = Path(2, ((0, 510, 50), (4, 510, 430), (8, 510, 900)), renamed=((4.1, 1),))

    assert find(rule(), one, other) == []


def test_coming_back_over_the_exit_line_is_no_way_out() -> None:
    back = Path(1, ((0, 550, 50), (3, 550, 420), (6, 100, 420), (7, 100, 550), (10, 400, 550)))

    assert find(rule(), back) == []
