"""A closed zone x 300-700, y 400-800; vehicles drive towards larger y."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.errors import ConfigError
from tests.vision.trajectories import Path, rule_settings, scene, views, watch
from vision.rules.no_entry import NoEntry
from vision.rules.rule import Finding

ZONE = {"id": "closed", "kind": "no_entry",
        "polygon": [[300, 400], [700, 400], [700, 800], [300, 800]]}  # fmt: skip


def rule(zone: dict[str, Any] = ZONE, **changes: Any) -> NoEntry:
    return NoEntry(scene(zones=[zone]), rule_settings("no_entry", **changes))


def enter(track: int = 1, speed: float = 150, **more: Any) -> Path:
    """Over the border 250 px after it sets off."""
    return Path(track, ((0, 500, 150), (600 / speed, 500, 750)), **more)


def find(watcher: NoEntry, *paths: Path, rate: float = 25, **more: Any) -> list[Finding]:
    return watch(watcher, views(*paths, rate=rate, **more))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([6, 12.5, 25]), st.floats(60, 350))
def test_driving_in_is_flagged_once_at_the_border(rate: float, speed: float) -> None:
    (found,) = find(rule(), enter(speed=speed), rate=rate)

    assert found.act_s == pytest.approx(250 / speed)
    assert (found.rule, found.vehicle, found.lane) == ("no_entry", "motorcycle", None)
    assert found.reasons[0].startswith("Vào vùng cấm closed")
    assert found.first_frame <= found.act_s * rate <= found.last_frame


@settings(max_examples=20, deadline=None)
@given(st.floats(-20, 35), st.integers(0, 2**32 - 1), st.sampled_from([6, 25]))
def test_nudging_the_border_is_nothing(depth: float, seed: int, rate: float) -> None:
    nudge = Path(1, ((0, 500, 150), (3, 500, 400 + depth), (20, 500, 400 + depth)))

    assert find(rule(), nudge, jitter=1.0, seed=seed, rate=rate) == []


def test_cutting_a_corner_or_driving_past_is_nothing() -> None:
    corner = Path(1, ((0, 250, 350), (1, 315, 425), (2, 250, 500)))

    assert find(rule(), corner) == []
    assert find(rule(), enter().shifted(x=300)) == []


def test_the_time_inside_must_last() -> None:
    dash = Path(1, ((0, 500, 150), (1, 500, 500), (1.3, 500, 390), (2, 500, 200)))

    assert find(rule(min_duration_s=1.0), dash) == []


@pytest.mark.parametrize(
    ("hour", "minute", "banned"),
    [(5, 59, False), (6, 0, True), (8, 59, True), (9, 0, False), (23, 0, True), (1, 0, True)],
)
def test_the_ban_holds_in_its_hours_local_time(hour: int, minute: int, banned: bool) -> None:
    spans = [{"start": "06:00", "end": "09:00"}, {"start": "22:00", "end": "02:00"}]
    start = datetime(2026, 11, 22, (hour - 7) % 24, minute, tzinfo=UTC)

    found = find(rule({**ZONE, "hours": spans}), enter(), start=start)

    assert bool(found) == banned
    assert not found or "Giờ cấm 06:00-09:00, 22:00-02:00" in found[0].reasons[-1]


def test_who_was_inside_before_the_ban_began_did_nothing() -> None:
    zone = {**ZONE, "hours": [{"start": "12:00", "end": "13:00"}]}
    start = datetime(2026, 11, 22, 4, 59, 58, tzinfo=UTC)  # over the border at 11:59:59.67

    assert find(rule(zone), enter(), start=start) == []


def test_only_the_classes_of_the_ban_are_concerned() -> None:
    trucks = {**ZONE, "vehicles": ["truck"]}

    assert find(rule(trucks), enter()) == []
    assert len(find(rule(trucks), enter(vehicle="truck"))) == 1


def test_first_seen_inside_it_must_drive_twice_as_far_and_the_reasons_say_so() -> None:
    short = Path(1, ((0, 500, 450), (1, 500, 520), (9, 500, 520)))
    far = Path(1, ((0, 500, 450), (3, 500, 700)))

    assert find(rule(), short) == []
    (found,) = find(rule(), far)
    assert any(text.startswith("Không thấy lúc vào") for text in found.reasons)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([6, 25]))
def test_a_vehicle_parked_inside_that_jitters_and_drifts_is_nothing(seed: int, rate: float) -> None:
    parked = Path(1, ((0, 500, 500), (60, 500, 620)))  # 2 px a second

    assert find(rule(), parked, jitter=1.5, seed=seed, rate=rate) == []


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 3.9), st.floats(0, 1.4), st.sampled_from([6, 25]))
def test_a_new_identity_or_an_occlusion_never_makes_two(
    at_s: float, gap: float, rate: float
) -> None:
    renamed = enter(renamed=((at_s, 5),), gone=((at_s, at_s + gap),))

    assert len(find(rule(), renamed, rate=rate)) <= 1
    hidden = enter(hidden=((at_s, at_s + gap),))
    assert all(
        f.act_s == pytest.approx(250 / 150, abs=0.02) for f in find(rule(), hidden, rate=rate)
    )


def test_two_abreast_are_two_and_once_more_only_after_the_cooldown() -> None:
    assert len(find(rule(), enter(1), enter(2).shifted(x=45))) == 2
    again = Path(1, ((0, 500, 150), (4, 500, 750), (8, 500, 150), (12, 500, 750)))
    assert len(find(rule(), again)) == 1
    assert len(find(rule(cooldown_s=3), again)) == 2


def test_guards_let_go() -> None:
    assert find(rule(least_score=0.7), enter()) == []
    assert find(rule(confirmations=900), enter()) == []
    assert find(rule(), enter(parts=("emergency",))) == []
    assert find(rule(exempt=["motorcycle"]), enter()) == []
    assert find(rule(), enter(vehicle="pedestrian")) == []


def test_a_camera_without_such_a_zone_is_refused() -> None:
    with pytest.raises(ConfigError, match="no_entry"):
        rule({**ZONE, "kind": "no_parking"})


def test_vehicles_that_are_gone_leave_nothing_behind() -> None:
    watcher = rule(cooldown_s=3)
    find(watcher, *(enter(n).shifted(n * 1.0) for n in range(30)), until=60, rate=6)

    assert not watcher._runs and len(watcher._flagged) == 0
