"""Red lights: a road upwards in time to y = 1000, its stop line at y = 500."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ioc.errors import ConfigError
from ioc.events import Phase
from tests.vision.trajectories import Path, lights, rule_settings, scene, views, watch
from vision.rules.red_light import RedLight
from vision.rules.rule import Finding, Watcher
from vision.signals import SignalHistory, SignalState

LANE = {
    "id": "in-1",
    "polygon": [[400, 0], [600, 0], [600, 500], [400, 500]],
    "direction": [[500, 0], [500, 500]],
}
STOP = {"id": "stop-1", "kind": "stop", "ends": [[400, 500], [600, 500]], "lane": "in-1",
        "head": "head-1"}  # fmt: skip
AREA = [[0, 600], [1000, 600], [1000, 900], [0, 900]]
JUNCTION = {"id": "j", "kind": "junction", "polygon": AREA}
RED = lights((0, "red"), (60, "green"))


def rule(
    *, zones: bool = True, lines: list[dict[str, Any]] | None = None, **changes: Any
) -> RedLight:
    place = scene(lanes=[LANE], lines=lines or [STOP], zones=[JUNCTION] if zones else [])
    return RedLight(place, rule_settings("red_light", **changes))


def through(start_s: float = 0.0, speed: float = 200.0, track: int = 1, **more: Any) -> Path:
    """Drives from y = 200 to y = 960 without stopping."""
    return Path(track, ((start_s, 500, 200), (start_s + 760 / speed, 500, 960)), **more)


def overrun(depth: float, wait_s: float, track: int = 1, **more: Any) -> Path:
    """Crosses at second 5, waits ``depth`` beyond the line, then drives on."""
    reach = 5 + depth / 100
    points = (
        (0, 500, 0), (reach, 500, 500 + depth), (reach + wait_s, 500, 500 + depth),
        (reach + wait_s + 3, 500, 500 + depth + 450),
    )  # fmt: skip
    return Path(track, points, **more)


def find(
    watcher: Watcher, *paths: Path, signals: SignalHistory = RED, rate: float = 25, **more: Any
) -> list[Finding]:
    until = max(path.points[-1][0] for path in paths) + 3
    return watch(watcher, views(*paths, rate=rate, signals=signals, until=until, **more))


def test_who_turns_left_across_the_line_has_not_waited() -> None:
    """A car seen large: round the corner it gains little depth."""
    way = ((0, 500, 200), (5, 500, 520), (6.2, 340, 560), (7.4, 180, 620), (9.5, -60, 780))
    car = Path(1, way, "car", side=220.0)

    (found,) = find(rule(), car)
    assert found.act_s == pytest.approx(4.69, abs=0.1)
    assert "chờ" not in found.reasons[0]


@pytest.mark.parametrize("zones", [True, False])
@pytest.mark.parametrize("rate", [6, 12.5, 25])
def test_driving_through_on_red_is_flagged_once_at_the_line(rate: float, zones: bool) -> None:
    (found,) = find(rule(zones=zones), through(1.0), rate=rate)

    assert found.act_s == pytest.approx(2.5)  # 300 px at 200 px/s
    assert (found.rule, found.track, found.lane, found.head) == ("red_light", 1, "in-1", "head-1")
    assert found.signal == SignalState("red", 0, "controller")
    assert found.first_frame <= 2.5 * rate <= found.first_frame + 1
    assert found.reasons[0].startswith("Đèn head-1 đỏ từ 2.5 s trước khi qua vạch stop-1 / head")
    assert all(len(text) <= 200 for text in found.reasons)


@pytest.mark.parametrize("phase", ["green", "yellow", "flashing", "off", "unknown"])
def test_any_other_light_is_no_red(phase: Phase) -> None:
    assert find(rule(), through(), signals=lights((0, phase))) == []


def test_without_a_word_of_the_light_nothing_is_flagged() -> None:
    assert find(rule(), through(), signals=SignalHistory()) == []


def test_a_light_that_goes_dark_on_the_way_is_not_guessed() -> None:
    dark = lights((0, "red"), (1.7, "unknown"), (9, "red"))  # crosses at 1.5, junction at 2.0

    assert find(rule(), through(), signals=dark) == []


@settings(max_examples=25, deadline=None)
@given(st.floats(-1, 3), st.sampled_from([6, 12.5, 25]), st.floats(0, 1))
def test_the_grace_after_red_began_decides(after: float, rate: float, late: float) -> None:
    signals = lights((-50, "green"), (1.5 - after, "red"))

    found = find(rule(delay_s=0.5), through(), signals=signals, rate=rate, late_s=late)

    if abs(after - 0.5) > 0.001:
        assert len(found) == (after > 0.5)


@settings(max_examples=25, deadline=None)
@given(st.floats(-1, 3), st.sampled_from([6, 12.5, 25]), st.floats(0, 1))
@example(0.375, 6, 1.0)  # green, told at the last moment
def test_who_goes_within_the_grace_before_green_is_let_go(
    before: float, rate: float, late: float
) -> None:
    signals = lights((-30, "red"), (1.5 + before, "green"))

    found = find(rule(zones=False, delay_s=0.5), through(), signals=signals, rate=rate, late_s=late)

    if abs(before - 0.5) > 0.05:
        assert len(found) == (before > 0.5)


def test_who_crossed_on_yellow_and_is_caught_by_red_did_nothing() -> None:
    assert find(rule(), through(), signals=lights((0, "yellow"), (1.6, "red"))) == []


@pytest.mark.parametrize("zones", [True, False])
@pytest.mark.parametrize("rate", [6, 25])
@settings(max_examples=10, deadline=None)
@given(st.floats(5, 90), st.floats(2, 20))
def test_who_overruns_the_line_and_waits_for_green_did_not_run_it(
    rate: float, zones: bool, depth: float, wait_s: float
) -> None:
    signals = lights((0, "red"), (5 + depth / 100 + wait_s - 0.3, "green"))

    assert find(rule(zones=zones), overrun(depth, wait_s), signals=signals, rate=rate) == []


@pytest.mark.parametrize("zones", [True, False])
@pytest.mark.parametrize("rate", [6, 25])
@settings(max_examples=10, deadline=None)
@given(st.floats(10, 90), st.floats(2.5, 20))
def test_who_waits_beyond_the_line_and_leaves_on_red_runs_it_when_he_leaves(
    rate: float, zones: bool, depth: float, wait_s: float
) -> None:
    (found,) = find(rule(zones=zones), overrun(depth, wait_s), rate=rate)

    # He is 0.25 of his box, 10 px, away from his place 10/150 s after he set off.
    assert found.act_s == pytest.approx(5 + depth / 100 + wait_s + 0.067, abs=0.5 / rate)
    assert "chờ" in found.reasons[0]


def test_creeping_forward_and_waiting_again_is_no_run() -> None:
    points = ((0, 500, 300), (5, 500, 520), (8, 500, 520), (8.5, 500, 590), (20, 500, 590))

    assert find(rule(zones=False), Path(1, points)) == []


def test_rolling_out_slowly_before_stopping_is_no_run() -> None:
    points = ((0, 500, 300), (4, 500, 540), (5.3, 500, 572), (20, 500, 572))

    assert find(rule(zones=False), Path(1, points)) == []


def test_who_went_on_meanwhile_on_green_is_no_runner_when_red_comes_again() -> None:
    """Overran on red, went on with green, was held up in the junction, cleared it on red."""
    points = (
        (0, 500, 300), (5, 500, 530), (9, 500, 530), (10, 500, 640), (19, 500, 640), (21, 500, 900),
    )  # fmt: skip
    signals = lights((0, "red"), (8.5, "green"), (15, "red"))

    assert find(rule(), Path(1, points), signals=signals) == []


def test_who_stopped_on_yellow_before_the_junction_and_leaves_on_red_runs_it() -> None:
    signals = lights((0, "green"), (4, "yellow"), (6, "red"))

    (found,) = find(rule(), overrun(40, 8), signals=signals)

    assert found.act_s == pytest.approx(13.47, abs=0.05)
    assert find(rule(zones=False), overrun(40, 8), signals=signals) == []
    crossed_on_green = lights((0, "green"), (5.2, "yellow"), (7, "red"))
    assert find(rule(), overrun(40, 8), signals=crossed_on_green) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-12, 12), st.sampled_from([6, 25]))
def test_who_nudges_the_line_did_nothing(seed: int, depth: float, rate: float) -> None:
    points = ((0, 500, 200), (3, 500, 500 + depth), (30, 500, 500 + depth))

    assert find(rule(), Path(1, points), rate=rate, jitter=1.2, seed=seed) == []


def test_the_junction_must_be_entered_where_one_is_drawn() -> None:
    turns_off = Path(1, ((0, 500, 200), (2, 500, 560), (5, 900, 590)))

    assert find(rule(), turns_off) == []


def test_a_fast_one_at_six_frames_a_second_that_skips_the_zone_is_flagged() -> None:
    thin = {**JUNCTION, "polygon": [[0, 600], [1000, 600], [1000, 620], [0, 620]]}
    place = scene(lanes=[LANE], lines=[STOP], zones=[thin])
    fast = Path(1, ((0, 500, 0), (1.4, 500, 980)))  # 117 px between two frames

    watcher = RedLight(place, rule_settings("red_light"))
    signals = lights((-9, "red"))
    assert len(find(watcher, fast, signals=signals, rate=6)) == 1


@settings(max_examples=25, deadline=None)
@given(st.floats(1.2, 3.5), st.floats(0.1, 1.4), st.sampled_from([6, 12.5, 25]))
def test_hidden_for_a_while_it_is_flagged_with_the_interpolated_act(
    start: float, length: float, rate: float
) -> None:
    found = find(rule(), through(1.0, hidden=((start, start + length),)), rate=rate)

    assert [f.act_s for f in found] == [pytest.approx(2.5, abs=0.01)]


def test_seen_once_and_then_hidden_for_long_it_may_be_another_one() -> None:
    # At its first sighting no speed is known; 1.5 s later one turns up 3.3 boxes further.
    assert find(rule(), through(1.0, hidden=((1.1, 2.4),)), rate=6) == []
    assert len(find(rule(), through(1.0, hidden=((1.2, 2.4),)), rate=6)) == 1  # seen twice


def test_hidden_while_the_light_changed_the_doubt_is_for_the_driver() -> None:
    signals = lights((0, "green"), (2.0, "red"))  # at the line at 2.7 +- 0.6
    path = through(1.2, hidden=((1.7, 3.0),))

    assert find(rule(), path, signals=signals) == []
    assert len(find(rule(), through(1.2), signals=signals)) == 1


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 6), st.sampled_from([6, 25]), st.floats(0, 1), st.booleans())
def test_a_new_identity_on_the_way_never_makes_two(
    at_s: float, rate: float, gap: float, zones: bool
) -> None:
    path = through(1.0, renamed=((at_s, 7),), gone=((at_s, at_s + gap),))

    assert len(find(rule(zones=zones), path, rate=rate)) <= 1


@settings(max_examples=25, deadline=None)
@given(st.floats(1.0, 3.0), st.floats(45, 120), st.sampled_from([6, 25]))
def test_swapped_with_a_passing_vehicle_the_waiting_one_is_not_blamed(
    at_s: float, aside: float, rate: float
) -> None:
    """One waits on red before the line, another passes beside it on its own green."""
    waits = Path(1, ((0, 500, 460), (9, 500, 460)), renamed=((at_s, 2),))
    passes = Path(2, ((0, 500 + aside, 260), (4, 500 + aside, 960)), renamed=((at_s, 1),))
    other = {**STOP, "id": "stop-2", "ends": [[600, 500], [800, 500]], "head": "head-2",
             "direction": [[700, 0], [700, 500]]}  # fmt: skip
    short = {**STOP, "ends": [[400, 500], [525, 500]]}
    signals = lights((0, "red"))
    signals.record("head-2", SignalState("green", 0, "controller"))

    assert find(rule(lines=[short, other]), waits, passes, signals=signals, rate=rate) == []


def test_two_side_by_side_are_two() -> None:
    paths = through(1.0, track=1), through(1.1, track=2).shifted(x=45)

    assert sorted(f.track for f in find(rule(), *paths)) == [1, 2]


def test_a_violation_in_each_of_two_red_phases_counts_twice_and_in_one_once() -> None:
    def again(second: float) -> Path:
        back = ((0, 500, 200), (3, 500, 950), (4, 990, 950), (6, 990, 100), (8, 500, 100))
        return Path(1, (*back, (second, 500, 100), (second + 4, 500, 960)))

    two = lights((-9, "red"), (20, "green"), (40, "red"))

    assert len(find(rule(), again(50), signals=two)) == 2
    assert len(find(rule(), again(10), signals=two)) == 1


def test_frames_that_never_came_do_no_harm() -> None:
    assert len(find(rule(), through(1.0), rate=12, dropped=0.4, seed=5)) == 1


def test_guards_let_go() -> None:
    faint, duty = through(1.0, score=0.2), through(1.0, parts=("emergency",))

    assert find(rule(), faint) == []
    assert len(find(rule(least_score=0.1), faint)) == 1
    assert find(rule(), duty) == []
    assert len(find(rule(exempt_emergency=False), duty)) == 1
    assert find(rule(exempt=["motorcycle"]), through(1.0)) == []
    assert find(rule(confirmations=500), through(1.0)) == []
    assert find(rule(), through(1.0, vehicle="pedestrian")) == []


def test_the_other_way_or_beside_the_line_is_not_its_business() -> None:
    back = Path(1, ((0, 500, 960), (3, 500, 200)))

    assert find(rule(), back) == []
    assert find(rule(), through().shifted(x=200)) == []


def test_first_seen_beyond_the_line_nothing_is_known() -> None:
    assert find(rule(), Path(1, ((1, 500, 520), (3, 500, 900)))) == []


def test_a_line_without_a_way_is_refused() -> None:
    line = {key: value for key, value in STOP.items() if key != "lane"}

    with pytest.raises(ConfigError, match=r"lines\.stop-1.*direction"):
        rule(lines=[line])
    with pytest.raises(ConfigError, match="stop line with a signal head"):
        rule(lines=[{**STOP, "head": None}])


def test_vehicles_that_are_gone_leave_nothing_behind() -> None:
    watcher = rule(cooldown_s=5)
    find(watcher, *(through(number / 2.0, track=number) for number in range(60)), rate=6)
    find(watcher, Path(99, ((40, 100, 100), (60, 100, 100))), rate=6)

    assert len(watcher._overruns) == 0 and watcher._lost == [] and len(watcher._flagged) == 0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([6, 15, 25]))
def test_any_traffic_never_gives_two_for_one_vehicle_and_phase(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    paths = []
    for track in range(1, 6):
        times = np.cumsum(rng.uniform(0.3, 3, 8))
        ys = np.clip(np.cumsum(rng.normal(80, 90, 8)) + 250, 0, 999)
        xs = rng.uniform(400, 600) + rng.normal(0, 5, 8)
        paths.append(Path(track, tuple(zip(times.tolist(), xs.tolist(), ys.tolist(), strict=True))))
    signals = lights((0, "red"), (6, "green"), (9, "red"))

    found = find(rule(zones=False), *paths, signals=signals, rate=rate, jitter=1.5, seed=seed)

    for finding in found:
        assert finding.signal is not None and finding.signal.phase == "red"
        assert finding.act_s >= finding.signal.since_s + 0.5
        assert finding.first_frame <= finding.last_frame
    keys = [(f.track, f.signal and f.signal.since_s) for f in found]
    assert len(keys) == len(set(keys))
