from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.accuracy.simulated.boxes import ClipBoxes
from measure.accuracy.simulated.matching import match, pair
from tests.measure.clips import FRAMES, act, flag, tracks, watched


def kinds(verdicts: object) -> list[str]:
    return [verdict.kind for verdict in verdicts]  # type: ignore[attr-defined]


def test_a_report_of_the_right_vehicle_at_the_right_time_is_right() -> None:
    (verdict,) = match(watched((act(at_s=10.0),), (flag(act_s=10.25),)))
    assert verdict.kind == "right"
    assert verdict.body == 0
    assert verdict.off_s == pytest.approx(0.25)


def test_the_vehicle_beside_it_does_not_count() -> None:
    assert kinds(match(watched((act(0),), (flag(8),)))) == ["missed", "false"]


def test_another_rule_does_not_count() -> None:
    assert kinds(match(watched((act(),), (flag(rule="no_helmet"),)))) == ["missed", "false"]


def test_a_second_report_of_one_act_is_a_double() -> None:
    seen = watched((act(),), (flag(act_s=10.1), flag(act_s=10.4)))
    verdicts = match(seen)
    assert kinds(verdicts) == ["right", "double"]
    assert verdicts[0].off_s == pytest.approx(0.1)
    assert verdicts[1].counts_false


def test_two_acts_and_two_reports_are_paired_so_that_both_are_right() -> None:
    # 10.0 lies nearer to the second report too, but then the first one would be left.
    seen = watched((act(at_s=10.0), act(at_s=10.8)), (flag(act_s=9.2), flag(act_s=10.1)))
    assert kinds(match(seen)) == ["right", "right"]


def test_a_doubtful_act_takes_its_report_without_counting() -> None:
    assert kinds(match(watched((act(doubtful=True),), (flag(),)))) == ["doubtful"]
    assert kinds(match(watched((act(doubtful=True),), ()))) == ["doubtful"]


def test_a_doubtful_act_does_not_take_the_report_of_a_sure_one() -> None:
    acts = (act(at_s=10.0, doubtful=True), act(at_s=10.6))
    assert kinds(match(watched(acts, (flag(act_s=10.1),)))) == ["doubtful", "right"]


def test_a_report_too_late_is_a_miss_and_a_false_alarm() -> None:
    assert kinds(match(watched((act(at_s=10.0),), (flag(act_s=11.5),)))) == ["missed", "false"]


def test_an_act_that_lasts_is_right_anywhere_inside() -> None:
    seen = watched((act(at_s=10.0, from_s=8.0, until_s=14.0),), (flag(act_s=13.5),))
    (verdict,) = match(seen)
    assert (verdict.kind, verdict.off_s) == ("right", 0.0)


def test_a_track_that_lies_on_nobody_has_no_vehicle() -> None:
    followed = tracks({7: (5, range(FRAMES))})
    (verdict,) = match(watched((), (flag(),), followed))
    assert (verdict.kind, verdict.body) == ("false", None)


def test_the_vehicle_is_the_one_under_the_track_at_the_act() -> None:
    # The track jumps from vehicle 0 to vehicle 1 at 10 s.
    before, after = tracks({7: (0, range(100))}), tracks({7: (1, range(100, FRAMES))})
    both = ClipBoxes(
        np.concatenate((before.frame, after.frame)),
        np.concatenate((before.id, after.id)),
        np.concatenate((before.xyxy, after.xyxy)),
        np.concatenate((before.class_id, after.class_id)),
        np.concatenate((before.share, after.share)),
        FRAMES,
    )
    early = match(watched((), (flag(act_s=4.0),), both))
    late = match(watched((), (flag(act_s=15.0),), both))
    assert [early[0].body, late[0].body] == [0, 1]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0, 20), st.booleans()), max_size=6),
    st.lists(st.tuples(st.integers(0, 2), st.floats(0, 20)), max_size=6),
)
def test_nothing_is_lost_and_nothing_is_used_twice(
    true: list[tuple[int, float, bool]], told: list[tuple[int, float]]
) -> None:
    acts = [act(body, at_s, doubtful=doubtful) for body, at_s, doubtful in true]
    flagged = [flag(act_s=at_s) for _, at_s in told]
    verdicts = pair(acts, flagged, [body for body, _ in told])
    assert sorted(v.act for v in verdicts if v.act is not None) == list(range(len(acts)))
    used = [v.flagged for v in verdicts if v.flagged is not None]
    assert sorted(used) == list(range(len(flagged)))
    for verdict in verdicts:
        if verdict.kind == "right":
            assert verdict.off_s is not None and abs(verdict.off_s) <= 1
        if verdict.kind in ("false", "double"):
            # No sure act of that vehicle is left that it could have been.
            assert verdict.flagged is not None
            body, at_s = told[verdict.flagged]
            assert not any(
                v.kind == "missed" and v.act is not None and true[v.act][0] == body
                and abs(true[v.act][1] - at_s) < 0.99
                for v in verdicts
            )  # fmt: skip
