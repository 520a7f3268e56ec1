"""A zone (x and y 300-700) where standing for 10 s is forbidden."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.errors import ConfigError
from tests.vision.trajectories import NOON, Path, rule_settings, scene, views, watch
from vision.rules.illegal_parking import IllegalParking
from vision.rules.rule import Finding

ZONE = {"id": "kerb", "kind": "no_parking",
        "polygon": [[300, 300], [700, 300], [700, 700], [300, 700]]}  # fmt: skip


def rule(zone: dict[str, Any] | None = None, **changes: Any) -> IllegalParking:
    place = scene(zones=[{**ZONE, **(zone or {})}])
    return IllegalParking(
        place, rule_settings("illegal_parking", **{"min_duration_s": 10, **changes})
    )


def stop(
    at_s: float = 4.0, *, until: float = 40.0, track: int = 1, x: float = 500, **more: Any
) -> Path:
    """Drives in from above, comes to rest at y = 500 at ``at_s``, stays."""
    return Path(track, ((0, x, 100), (at_s, x, 500), (until, x, 500)), **{"vehicle": "car", **more})


def find(watcher: IllegalParking, *paths: Path, rate: float = 10, **more: Any) -> list[Finding]:
    return watch(watcher, views(*paths, rate=rate, **more))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([6, 12.5, 25]), st.floats(0, 1.0), st.integers(0, 2**32 - 1))
def test_one_that_stands_is_flagged_once_from_when_it_came_to_rest(
    rate: float, jitter: float, seed: int
) -> None:
    (found,) = find(rule(), stop(until=16), rate=rate, jitter=jitter, seed=seed)

    assert (found.rule, found.vehicle, found.track) == ("illegal_parking", "car", 1)
    assert found.act_s == pytest.approx(4.0, abs=0.3)
    assert found.first_frame / rate == pytest.approx(4.0, abs=0.5)
    assert found.last_frame / rate == pytest.approx(14.0, abs=0.6)
    assert found.reasons[0].startswith("Đứng yên 10 s trong vùng cấm đỗ kerb")
    assert all(len(text) <= 200 for text in found.reasons)


def test_to_halt_for_a_moment_drive_through_or_stand_beside_it_is_nothing() -> None:
    halts = Path(1, ((0, 500, 100), (4, 500, 500), (13, 500, 500), (16, 500, 900)), "car")
    through = Path(2, ((0, 400, 100), (60, 400, 900)), "car")
    beside = stop(track=3, x=250)

    assert find(rule(), halts, through, beside) == []


@settings(max_examples=20, deadline=None)
@given(st.floats(2.5, 40), st.integers(0, 2**32 - 1))
def test_creeping_in_a_queue_is_not_standing(px_s: float, seed: int) -> None:
    creeps = Path(1, ((0, 500, 310), (380 / px_s, 500, 690)), "car")

    assert find(rule(), creeps, jitter=0.3, seed=seed, rate=6) == []


@settings(max_examples=20, deadline=None)
@given(st.floats(4.5, 12), st.floats(0.5, 12), st.booleans(), st.sampled_from([6, 12.5]))
def test_hidden_for_a_while_and_under_a_new_identity_it_is_the_same_vehicle(
    at: float, gap: float, renamed: bool, rate: float
) -> None:
    away: dict[str, Any] = {"gone": [(at, at + gap)]} if renamed else {"hidden": [(at, at + gap)]}
    names = [(at + gap, 2)] if renamed else []
    (found,) = find(rule(), stop(renamed=names, **away), rate=rate)

    assert found.act_s == pytest.approx(4.0, abs=0.3)
    if gap > 1.5 and at + gap > 14.5:
        assert any("che khuất" in text for text in found.reasons)


def test_most_of_the_time_it_must_have_been_seen() -> None:
    (found,) = find(rule(), stop(hidden=[(5, 17)], until=60))

    # 14 s after it came to rest it had been seen for 2 s; half of the time only later.
    assert found.last_frame / 10 > 25
    assert any("Bị che khuất lâu nhất 12 s" in text for text in found.reasons)


def test_after_half_a_minute_out_of_sight_it_may_be_another_one() -> None:
    first = stop(until=12.0)
    second = Path(2, ((45, 500, 500), (54, 500, 500)), "car")

    assert find(rule(), first, second) == []


def test_one_that_takes_the_place_of_another_has_its_own_time() -> None:
    leaves = Path(1, ((0, 500, 100), (4, 500, 500), (12, 500, 500), (14, 500, 800)), "car")
    comes = Path(2, ((11, 500, 100), (17, 500, 500), (25, 500, 500), (27, 500, 900)), "car")

    assert find(rule(), leaves, comes) == []


def test_an_identity_that_a_passer_by_carries_off_frees_nobody() -> None:
    """At 9 s a car drives past, and takes the identity 1 along; the one at rest becomes 2."""
    rests = stop(renamed=[(9.0, 2)])
    passes = Path(1, ((9.0, 505, 505), (11, 505, 900)), "car")
    (found,) = find(rule(), rests, passes)

    assert found.track == 2
    assert found.act_s == pytest.approx(4.0, abs=0.3)
    assert any("2 mã" in text for text in found.reasons)


def test_flagged_once_also_under_a_new_identity_and_after_creeping_on() -> None:
    renamed = stop(until=80, renamed=[(30.0, 2)], gone=[(20.0, 30.0)])
    assert len(find(rule(), renamed)) == 1

    creeps = Path(1, ((0, 500, 100), (4, 500, 400), (20, 500, 400), (22, 500, 450),
                      (50, 500, 450)), "car")  # fmt: skip
    assert len(find(rule(cooldown_s=60), creeps)) == 1
    assert len(find(rule(cooldown_s=5), creeps)) == 2


def test_one_that_stood_there_at_the_start_is_flagged_and_it_is_said() -> None:
    (found,) = find(rule(), Path(1, ((0, 500, 500), (20, 500, 500)), "car"))

    assert found.act_s == 0
    assert any("camera thấy lần đầu" in text for text in found.reasons)
    (came,) = find(rule(), stop())
    assert not any("camera thấy lần đầu" in text for text in came.reasons)


def test_the_ban_holds_for_some_hours_and_classes() -> None:
    hours = {"hours": [{"start": "12:00:20", "end": "13:00"}]}
    (found,) = find(rule(hours), stop())
    assert found.act_s == pytest.approx(20, abs=1.1)  # the hours are looked at once a second
    assert "Giờ cấm 12:00-13:00" in found.reasons[-1]

    assert find(rule(hours), stop(), start=NOON - timedelta(minutes=5)) == []
    assert find(rule({"vehicles": ["bus"]}), stop()) == []
    assert find(rule(exempt=["car"]), stop()) == []
    assert find(rule(), stop(parts=["emergency"])) == []
    assert find(rule(), stop(vehicle="pedestrian")) == []


def test_in_a_jam_nobody_parks() -> None:
    others = [stop(track=n, x=320 + 60 * n, until=20) for n in range(2, 5)]
    still = [stop(until=45), *others]

    assert len(find(rule(), *still)) == 4
    # Three others stand until 20 s; only then does its own time begin.
    (found,) = find(rule(congestion_vehicles=3), *still)
    assert found.track == 1
    assert found.act_s == pytest.approx(20, abs=1.2)


def test_too_unsure_or_too_few_sightings_prove_nothing() -> None:
    assert find(rule(), stop(score=0.2)) == []
    assert find(rule(confirmations=500), stop()) == []


def test_without_a_zone_it_cannot_watch() -> None:
    with pytest.raises(ConfigError, match="no_parking"):
        IllegalParking(scene(), rule_settings("illegal_parking"))
