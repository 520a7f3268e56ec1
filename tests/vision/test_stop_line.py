"""Stopping beyond the line: the road and the drives of the red-light tests."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.test_red_light import RED, STOP, find, overrun, through
from tests.vision.test_red_light import rule as red_light
from tests.vision.trajectories import Path, lights, rule_settings, scene
from vision.rules.stop_line import StopLine


def rule(**changes: Any) -> StopLine:
    line = {**STOP, "direction": [[500, 0], [500, 10]], "lane": None}
    return StopLine(scene(lines=[line]), rule_settings("stop_line", **changes))


@settings(max_examples=25, deadline=None)
@given(st.floats(45, 150), st.floats(3, 20), st.sampled_from([6, 12.5, 25]))
def test_who_stops_beyond_the_line_on_red_is_flagged_once_at_the_line(
    depth: float, wait_s: float, rate: float
) -> None:
    (found,) = find(rule(), overrun(depth, wait_s), rate=rate)

    assert found.act_s == pytest.approx(5)
    assert (found.rule, found.head, found.vehicle) == ("stop_line", "head-1", "motorcycle")
    assert f"quá vạch {depth:.0f} px" in found.reasons[1]
    assert all(len(text) <= 200 for text in found.reasons)


@settings(max_examples=25, deadline=None)
@given(st.floats(80, 600), st.sampled_from([6, 25]))
def test_who_drives_straight_through_is_not_its_business(speed: float, rate: float) -> None:
    assert find(rule(), through(1.0, speed), rate=rate) == []


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 36), st.integers(0, 2**32 - 1), st.sampled_from([6, 25]))
def test_who_nudges_the_line_is_let_go(depth: float, seed: int, rate: float) -> None:
    nudge = Path(1, ((0, 500, 200), (3, 500, 500 + depth), (20, 500, 500 + depth)))

    assert find(rule(), nudge, jitter=1.0, seed=seed, rate=rate) == []


def test_the_wait_must_last_and_be_red_all_the_while() -> None:
    assert find(rule(min_duration_s=5), overrun(60, 3)) == []
    assert len(find(rule(min_duration_s=5), overrun(60, 7))) == 1
    turns_green = lights((0, "red"), (7, "green"))
    assert find(rule(), overrun(60, 9), signals=turns_green, late_s=0.8) != []
    assert find(rule(min_duration_s=3), overrun(60, 9), signals=turns_green, late_s=0.8) == []


def test_who_crossed_before_red_or_in_its_grace_is_let_go() -> None:
    for red_s in (5.3, 4.6):
        assert find(rule(), overrun(60, 9), signals=lights((0, "green"), (red_s, "red"))) == []
    assert len(find(rule(), overrun(60, 9), signals=lights((0, "green"), (4.4, "red")))) == 1
    assert find(rule(), overrun(60, 9), signals=lights((0, "unknown"), (5.1, "red"))) == []


def test_one_who_then_runs_the_light_breaks_both_rules() -> None:
    drive = overrun(60, 6)

    assert len(find(rule(), drive)) == 1
    assert len(find(red_light(), drive)) == 1


@settings(max_examples=25, deadline=None)
@given(st.floats(4, 14), st.floats(0, 1.5), st.sampled_from([6, 25]))
def test_a_new_identity_while_waiting_is_no_second_violation(
    at_s: float, gap: float, rate: float
) -> None:
    drive = overrun(60, 12, renamed=((at_s, 9),), gone=((at_s, at_s + gap),))

    assert len(find(rule(), drive, rate=rate)) <= 1


def test_hidden_behind_a_bus_while_waiting_it_is_still_flagged() -> None:
    assert len(find(rule(), overrun(60, 12, hidden=((6, 7.4), (8, 9.4))))) == 1


def test_a_jam_beyond_the_line_is_no_choice() -> None:
    held = [overrun(60 + 45 * place, 12, track=place) for place in range(1, 5)]

    assert len(find(rule(), *held)) == 4
    assert find(rule(congestion_vehicles=3), *held) == []
    assert len(find(rule(congestion_vehicles=4), *held)) == 4


def test_guards_let_go() -> None:
    assert find(rule(least_score=0.7), overrun(60, 9)) == []
    assert find(rule(), overrun(60, 9, parts=("emergency",))) == []
    assert find(rule(exempt=["motorcycle"]), overrun(60, 9)) == []
    assert find(rule(), overrun(60, 9), signals=RED, rate=6) != []
