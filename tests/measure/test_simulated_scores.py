from __future__ import annotations

import pytest

from measure.accuracy.simulated.matching import match
from measure.accuracy.simulated.scores import Share, Tally, figures, poisson, score
from simulator.conditions import Conditions
from tests.measure.clips import RATE, act, flag, watched


def test_clips_add_up_and_fall_into_their_slices() -> None:
    day = watched((act(0), act(1)), (flag(7, 10.1), flag(8, 17.0)))
    night = watched((act(0),), (flag(7, 10.3),), conditions=Conditions("night", "rain"))
    table = score([(one, match(one)) for one in (day, night)])
    whole = table["red_light", "all"]
    assert (whole.right, whole.missed, whole.false) == (2, 1, 1)
    assert (table["red_light", "day"].right, table["red_light", "day"].missed) == (1, 1)
    assert table["red_light", "night"].right == table["red_light", "rain"].right == 1
    assert table["no_helmet", "day"].acts == 0
    assert whole.hours == pytest.approx(40 / 3600)


def test_the_figures_of_a_rule() -> None:
    one = watched((act(0), act(1)), (flag(7, 10.1), flag(8, 17.0)))
    made = {f.name: f for f in figures(score([(one, match(one))]), RATE, 20 / 3600)}
    assert made["rules.red_light.precision"].value == 0.5
    assert made["rules.red_light.recall"].value == 0.5
    assert made["rules.red_light.f1"].value == pytest.approx(0.5)
    assert made["rules.red_light.recall.day"].value == 0.5
    assert made["rules.red_light.act_error_p95"].value == pytest.approx(0.1)
    assert made["rules.red_light.act_error_p95_frames"].value == pytest.approx(1.0)
    assert made["rules.false_alarms_per_hour"].value == pytest.approx(180)
    # Nothing happened that no_helmet could find, so it has no recall at all, not one of 0.
    assert "rules.no_helmet.recall" not in made
    assert made["rules.no_helmet.false_alarms_per_hour"].value == 0


def test_intervals() -> None:
    # Wilson 1927 of 48 of 50, by hand: (0.8654, 0.9890).
    share = Share.of(48, 50)
    assert (share.low, share.high) == pytest.approx((0.8654, 0.9890), abs=1e-4)
    f1 = Tally(right=48, missed=1, false=1).f1
    assert f1.value == pytest.approx(2 * 48 / (2 * 48 + 2))
    assert f1.low < f1.value < f1.high < 1
    # Exact Poisson of 10 events: 4.795 to 18.39.
    assert poisson(10) == pytest.approx((4.795, 18.39), rel=0.01)
    assert poisson(0) == pytest.approx((0, 3.689), abs=1e-3)
