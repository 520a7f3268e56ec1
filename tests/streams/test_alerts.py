"""Alerts rise once, stay while their cause stays, and go when it is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.site import Site, load_site
from ioc.topics import DevicePath
from store.readers import Gap, LaneKey, Measured, Snapshot
from store.rows import Alert
from streams.alerts import STALE_QUEUE, STALE_READING, judge
from tests.store.samples import START

SITE = load_site(Path(__file__).parents[2] / "deploy" / "sites" / "vithanh-tran-hung-dao.yaml")
NOW = START + timedelta(hours=2)
SENSOR = next(s for s in SITE.sensors if s.alert is not None)
assert SENSOR.alert is not None
RAISE, CLEAR = SENSOR.alert.raise_at, SENSOR.alert.clear_at
CAMERA, LANE = next((c, x) for c in SITE.cameras for x in c.lanes if x.storage_m is not None)
LANE_KEY = LaneKey(SITE.city, SITE.site, CAMERA.id, LANE.id)
DEVICE = SITE.path(CAMERA.id)
HEARD = {SITE.path(device): NOW for device in SITE.devices}


def snapshot(**changes: Any) -> Snapshot:
    """All devices heard, nothing abnormal, judged for two hours."""
    fields: dict[str, Any] = {"now": NOW, "started": START, "heard": HEARD} | changes
    return Snapshot(**fields)


def level(value: float, age: timedelta = timedelta()) -> Snapshot:
    key = (SITE.path(SENSOR.id), SENSOR.quantity)
    return snapshot(readings={key: Measured(value, NOW - age)})


def queue(metres: float, age: timedelta = timedelta()) -> Snapshot:
    return snapshot(queues={LANE_KEY: Measured(metres, NOW - age)})


def follow(*steps: Snapshot, sites: tuple[Site, ...] = (SITE,)) -> list[list[Alert]]:
    """The changes of each step, with what is open carried on as the table does."""
    standing: dict[Any, Alert] = {}
    history = []
    for step in steps:
        changes = judge(sites, step, list(standing.values()))
        for alert in changes:
            standing[alert.id] = alert
            if alert.cleared_at is not None:
                del standing[alert.id]
        history.append(changes)
    return history


def test_nothing_abnormal_raises_nothing() -> None:
    assert follow(snapshot(), level(CLEAR), queue(0)) == [[], [], []]


def test_an_alert_names_what_where_and_both_limits() -> None:
    [[alert]] = follow(level(RAISE))
    assert (alert.city, alert.site, alert.device) == (SITE.city, SITE.site, SENSOR.id)
    assert (alert.value, alert.threshold) == (RAISE, RAISE)
    assert (alert.raised_at, alert.cleared_at, alert.published) == (NOW, None, False)
    assert SITE.name.vi in alert.message_vi and f"{RAISE:g} {SENSOR.unit}" in alert.message_vi
    assert SITE.name.en in alert.message_en


@given(st.lists(st.floats(0, 2, allow_nan=False), max_size=30))
def test_an_alert_is_raised_at_its_limit_and_cleared_below_the_lower_one(
    shares: list[float],
) -> None:
    span = RAISE - CLEAR
    values = [CLEAR + span * (share - 0.5) for share in shares]
    standing = False
    for value, changes in zip(values, follow(*map(level, values)), strict=True):
        if not standing and value >= RAISE:
            assert [alert.cleared_at for alert in changes] == [None]
            standing = True
        elif standing and value < CLEAR:
            assert [alert.cleared_at for alert in changes] == [NOW]
            standing = False
        else:
            assert changes == []


def test_a_value_that_trembles_round_the_limit_raises_once() -> None:
    history = follow(*(level(RAISE + 0.001 * (-1) ** n) for n in range(20)))
    assert sum(map(len, history)) == 1


def test_an_alert_goes_out_again_when_it_is_cleared() -> None:
    [raised], [cleared] = follow(level(RAISE), level(CLEAR - 0.1))
    assert cleared.id == raised.id
    assert (cleared.raised_at, cleared.cleared_at) == (NOW, NOW)
    open_and_sent = replace(raised, published=True)
    [again] = judge([SITE], level(CLEAR - 0.1), [open_and_sent])
    assert not again.published


def test_an_old_reading_raises_nothing_and_clears_nothing() -> None:
    old = STALE_READING + timedelta(seconds=1)
    assert follow(level(RAISE, old)) == [[]]
    assert follow(level(RAISE), level(CLEAR - 1, old))[1] == []
    assert len(follow(level(RAISE), level(CLEAR - 1, STALE_READING))[1]) == 1


def test_a_queue_is_held_against_the_length_of_its_lane() -> None:
    assert LANE.storage_m is not None
    limits = SITE.alerts.queue_share
    assert follow(queue(limits.raise_at * LANE.storage_m - 0.1)) == [[]]
    [[alert]] = follow(queue(limits.raise_at * LANE.storage_m))
    assert (alert.kind, alert.device) == ("queue_spillback", CAMERA.id)
    assert alert.subject.endswith(f"/{CAMERA.id}/{LANE.id}")
    old = STALE_QUEUE + timedelta(seconds=1)
    assert follow(queue(LANE.storage_m), queue(0, old))[1] == []


def silent_for(
    seconds: float, judged_s: float = 7200, devices: dict[DevicePath, Any] | None = None
) -> Snapshot:
    heard = HEARD | {DEVICE: NOW - timedelta(seconds=seconds)} if devices is None else devices
    return snapshot(heard=heard, started=NOW - timedelta(seconds=judged_s))


LIMIT = SITE.alerts.silent_after_s


def test_a_device_is_silent_from_its_limit_on() -> None:
    history = follow(silent_for(LIMIT - 1), silent_for(LIMIT), silent_for(LIMIT + 9), snapshot())
    assert [[alert.cleared_at for alert in step] for step in history] == [[], [None], [], [NOW]]
    assert history[1][0].subject == DEVICE.key


def test_a_device_that_was_never_heard_is_silent_since_the_judge_began() -> None:
    never = {path: at for path, at in HEARD.items() if path != DEVICE}
    assert follow(silent_for(0, LIMIT - 1, never)) == [[]]
    assert len(follow(silent_for(0, LIMIT, never))[0]) == 1


def test_a_core_that_was_away_does_not_call_every_device_silent() -> None:
    away = {path: NOW - timedelta(hours=1) for path in HEARD}
    assert follow(silent_for(0, 0, away)) == [[]]
    assert len(follow(silent_for(0, LIMIT, away))[0]) == len(HEARD)


def test_a_judge_that_takes_over_clears_nothing_that_still_holds() -> None:
    never = {path: at for path, at in HEARD.items() if path != DEVICE}
    for silent in (silent_for(LIMIT + 9, 0), silent_for(0, 0, never)):
        raised, taken_over = follow(silent_for(LIMIT), silent)
        assert len(raised) == 1
        assert taken_over == []
    assert len(follow(silent_for(LIMIT), silent_for(1, 0))[1]) == 1, "one that speaks is cleared"


def gap(missing: int, age_s: float) -> Snapshot:
    return snapshot(gaps={DEVICE: Gap(missing, NOW - timedelta(seconds=age_s))})


def test_a_gap_is_an_alert_only_when_the_spool_had_time_to_fill_it() -> None:
    old, many = SITE.alerts.missing_for_s, int(SITE.alerts.missing_events)
    assert follow(gap(many, old - 1)) == [[]]
    [[alert]] = follow(gap(many, old))
    assert (alert.kind, alert.value) == ("sequence_gap", many)
    _, filling, filled = follow(gap(many, old), gap(many, old - 1), snapshot())
    assert filling == [], "a young gap clears nothing either"
    assert [x.cleared_at for x in filled] == [NOW]


def test_a_surge_of_violations() -> None:
    limits = SITE.alerts.violations_per_5min
    place = (SITE.city, SITE.site)
    history = follow(
        snapshot(violations={place: int(limits.raise_at)}),
        snapshot(violations={place: int(limits.clear_at)}),
        snapshot(violations={("other", "site"): 10_000}),
    )
    assert [len(step) for step in history] == [1, 0, 1]
    assert history[0][0].device is None


def test_what_is_no_longer_watched_is_cleared() -> None:
    unwatched = SITE.model_copy(update={"sensors": ()})
    raised = judge([SITE], level(RAISE), [])
    cleared = judge([unwatched], level(RAISE), raised)
    assert [(alert.id, alert.cleared_at) for alert in cleared] == [(raised[0].id, NOW)]


@pytest.mark.parametrize("sites", [(), (SITE,)])
def test_judging_twice_changes_nothing_more(sites: tuple[Site, ...]) -> None:
    first, second = follow(silent_for(LIMIT), silent_for(LIMIT), sites=sites)
    assert second == []
    assert len(first) == len(sites)
