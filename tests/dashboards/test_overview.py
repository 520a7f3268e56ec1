"""The overview: what its queries say of loaded rows is what Python says of the same rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from store.wall import CONGESTED, JUDGE_LOCK, SILENT_AFTER
from tests.dashboards.conftest import Ask, Fill
from tests.dashboards.loaded import (
    CHOSEN,
    ELSEWHERE,
    HV,
    NOW,
    THD,
    Die,
    Row,
    Site,
    mean,
    minute_of,
    name_of,
    place_of,
    site_rows,
)
from tests.dashboards.street import OURS, judged, junctions, street

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("seed", range(6))
def test_congestion_is_that_of_the_last_full_minute(ask: Ask, fill: Fill, seed: int) -> None:
    made = street(seed)
    made.load(fill)
    now = made.now
    found = {row["name"]: row for row in ask("overview-congestion", now)}
    counting = {site for site in CHOSEN if made.counts(site)}
    assert found.keys() == {name_of(site) for site in counting}
    for site in counting:
        row, lanes, as_of = found[name_of(site)], made.live(site), made.newest(site)
        assert row["as_of"] == as_of
        assert row["level"] == made.level(site)
        jams = [lane for lane in lanes if (lane["level"] or 0) >= CONGESTED]
        assert row["congested"] == (len(jams) if lanes else None)
        assert row["lanes"] == (len(lanes) or None)
        flow = sum(lane["total"] - lane["pedestrian"] for lane in lanes) * 60
        assert row["flow"] == (flow if lanes else None)
        weighed = [
            (lane["speed_sum"] / lane["speed_weight"], lane["speed_weight"])
            for lane in lanes
            if lane["speed_weight"]
        ]
        assert row["speed_kmh"] == pytest.approx(mean(weighed))
        assert row["state"] == judged(row["level"])


@pytest.mark.parametrize("seed", range(6))
def test_cities_and_map_say_the_worst_of_what_is_known(ask: Ask, fill: Fill, seed: int) -> None:
    made = street(seed)
    made.load(fill)
    now = made.now
    cities = {row["name"]: row for row in ask("overview-cities", now)}
    assert cities.keys() == {"Vị Thanh", "ngabay"}  # without a site file a city has its id only
    points = {row["name"]: row for row in ask("overview-map", now)}
    assert points.keys() == {name_of(THD)}  # nor has it a place on the map
    for site, name in ((THD, "Vị Thanh"), (HV, "ngabay")):
        row = cities[name]
        known, as_of, alerts = made.known(site), made.newest(site), made.open(site)
        level = made.level(site)
        assert row["level"] == level
        assert row["junctions"] == made.counts(site)
        assert row["congested"] == (level is not None and level >= CONGESTED)
        assert row["alerts"] == len(alerts)
        assert (row["heard"], row["devices"]) == (sum(known.values()), len(known))
        contacts = [
            r["last_received"] for r in made.devices if place_of(r) == site and r["last_received"]
        ]
        contact = max(contacts, default=None)
        assert row["as_of"] == (as_of or contact)
        dangers = [alert for alert in alerts if alert["kind"] not in OURS]
        share = sum(known.values()) / len(known)
        if judged(level) == "alarm" or dangers or share < 0.9:
            assert row["state"] == "alarm"
        elif judged(level) == "warn" or alerts or share < 1:
            assert row["state"] == "warn"
        else:
            assert row["state"] == "ok"
        if site != THD:
            continue
        point = points[name_of(site)]
        silent = any(
            r["state"] == "offline"
            or r["last_received"] is None
            or r["last_received"] < now - SILENT_AFTER
            for r in made.devices
            if place_of(r) == site
        )
        if judged(level) == "alarm" or dangers:
            expected = "alarm"
        elif judged(level) == "warn" or alerts or silent:
            expected = "warn"
        else:
            expected = "none" if made.counts(site) and not made.live(site) else "ok"
        assert point["state"] == expected
        flow = sum(lane["total"] - lane["pedestrian"] for lane in made.live(site)) * 60
        assert point["value"] == (flow if made.live(site) else None)
        assert (point["latitude"], point["longitude"]) == (9.78, 105.47)
        assert point["as_of"] == (as_of or contact)


def test_congestion_states_at_their_thresholds_the_worst_first(ask: Ask, fill: Fill) -> None:
    names = junctions(fill, [None, 0, 1, 2, 3, 4, 5])
    rows = ask("overview-congestion", NOW, sites=names)
    assert [(row["level"], row["state"]) for row in rows] == [
        (5, "alarm"),
        (4, "alarm"),
        (3, "warn"),
        (None, "none"),
        (2, "ok"),
        (1, "ok"),
        (0, "ok"),
    ]


@pytest.mark.parametrize(("level", "state"), [(2, "ok"), (3, "warn"), (4, "alarm"), (5, "alarm")])
def test_a_city_and_its_point_are_as_bad_as_the_worst_lane(
    ask: Ask, fill: Fill, level: int, state: str
) -> None:
    names = junctions(fill, [0, level])
    fill("site", site_rows({Site("vithanh", names[1]): "Ngã tư"}))
    (city,) = ask("overview-cities", NOW, sites=names)
    assert (city["level"], city["congested"], city["junctions"]) == (level, level >= CONGESTED, 2)
    (point,) = ask("overview-map", NOW, sites=names)
    assert city["state"] == point["state"] == state


@pytest.mark.parametrize(("behind", "state"), [(300, "alarm"), (301, "none")])
def test_a_jam_of_some_time_ago_is_not_one_of_now(
    ask: Ask, fill: Fill, behind: float, state: str
) -> None:
    names = junctions(fill, [5], behind)
    (row,) = ask("overview-congestion", NOW, sites=names)
    assert row["state"] == state
    fill("site", site_rows({Site("vithanh", names[0]): "Ngã tư"}))
    (city,) = ask("overview-cities", NOW, sites=names)
    assert city["state"] == ("alarm" if state == "alarm" else "ok")
    (point,) = ask("overview-map", NOW, sites=names)
    assert point["state"] == state


@pytest.mark.parametrize(
    ("kind", "more", "state"),
    [
        ("flood", {}, "alarm"),
        ("of_tomorrow", {}, "alarm"),
        ("sequence_gap", {}, "warn"),
        ("flood", {"cleared_at": NOW}, "ok"),
    ],
)
def test_an_open_alert_is_seen_on_city_and_map(
    ask: Ask, fill: Fill, kind: str, more: Row, state: str
) -> None:
    names = junctions(fill, [0])
    site = Site("vithanh", names[0])
    fill("site", site_rows({site: "Ngã tư"}))
    fill("alert", [Die(1).alert(site, kind, NOW - HOUR, **more)])
    for query in ("overview-cities", "overview-map"):
        (row,) = ask(query, NOW, sites=names)
        assert row["state"] == state


@pytest.mark.parametrize(("silent", "state"), [(0, "ok"), (1, "warn"), (2, "alarm"), (10, "alarm")])
def test_a_city_whose_devices_fall_silent(ask: Ask, fill: Fill, silent: int, state: str) -> None:
    die = Die(2)
    fill("site", site_rows())
    for number in range(10):
        heard = NOW - SILENT_AFTER - timedelta(seconds=1 if number < silent else 0)
        fill("device", [die.device(THD, f"d-{number}", heard)])
    (row,) = ask("overview-cities", NOW)
    assert (row["heard"], row["devices"], row["state"]) == (10 - silent, 10, state)


def test_traffic_of_yesterday_is_no_traffic_but_the_junction_is_named(ask: Ask, fill: Fill) -> None:
    names = junctions(fill, [5], behind=86_401)
    (row,) = ask("overview-congestion", NOW, sites=names)
    assert (row["name"], row["state"], row["as_of"]) == (names[0], "none", None)
    (city,) = ask("overview-cities", NOW, sites=names)
    assert (city["junctions"], city["level"]) == (1, None)


def test_a_junction_where_nothing_counts_has_no_traffic_to_show(ask: Ask, fill: Fill) -> None:
    die = Die(2)
    fill("device", [die.device(site, "pole-1", NOW) for site in (THD, ELSEWHERE)])
    fill("flow_minute", [die.minute(ELSEWHERE, "pole-1", minute_of(NOW), "in-1")])
    assert ask("overview-congestion", NOW) == []
    assert ask("traffic-service", NOW) == []
    (city,) = ask("overview-cities", NOW)
    assert (city["junctions"], city["state"]) == (0, "ok")


def test_a_device_that_said_goodbye_is_silent_at_once(ask: Ask, fill: Fill) -> None:
    fill("site", site_rows())
    fill("device", [Die(2).device(THD, "cam-1", NOW, state="offline")])
    (row,) = ask("overview-cities", NOW)
    assert (row["heard"], row["devices"], row["state"]) == (0, 1, "alarm")
    (point,) = ask("overview-map", NOW)
    assert point["state"] == "warn"


def test_a_city_of_which_nothing_is_known(ask: Ask, fill: Fill) -> None:
    fill("site", site_rows())
    (row,) = ask("overview-cities", NOW)
    assert (row["state"], row["level"], row["devices"], row["as_of"]) == ("none", None, 0, None)
    (point,) = ask("overview-map", NOW)
    assert (point["state"], point["value"], point["as_of"]) == ("none", None, None)


def test_a_device_that_was_never_heard_was_not_heard_just_now(ask: Ask, fill: Fill) -> None:
    fill("site", site_rows())
    fill("device", [Die(2).device(THD, "cam-1")])
    fill("flow_minute", [Die(2).minute(THD, "cam-1", minute_of(NOW), "in-1")])
    (row,) = ask("overview-cities", NOW)
    assert (row["as_of"], row["heard"]) == (None, 0)
    (point,) = ask("overview-map", NOW)
    assert point["as_of"] is None
    assert ask("overview-violations", NOW)[0]["as_of"] is None


@pytest.mark.parametrize("seed", range(3))
def test_alerts_by_kind_with_the_oldest(ask: Ask, fill: Fill, wall: Any, seed: int) -> None:
    die = Die(seed)
    kinds = ("flood", "noise", "device_silent", "sequence_gap", "of_tomorrow")
    fill("site", site_rows())
    alerts = [
        die.alert(
            die.choice([*CHOSEN, ELSEWHERE]),
            die.choice(kinds),
            die.before(NOW, 40_000),
            cleared_at=NOW if die.chance(0.3) else None,
        )
        for _ in range(40)
    ]
    fill("alert", alerts)
    wall.execute("SELECT pg_advisory_xact_lock(%s)", [JUDGE_LOCK])
    rows = ask("overview-alerts", NOW)
    mine = [a for a in alerts if a["cleared_at"] is None and place_of(a) != ELSEWHERE]
    assert [row["kind"] for row in rows] == [
        kind
        for kind in ("flood", "noise", "of_tomorrow", "device_silent", "sequence_gap")
        if any(alert["kind"] == kind for alert in mine)
    ]
    for row in rows:
        same = sorted((a for a in mine if a["kind"] == row["kind"]), key=lambda a: a["raised_at"])
        assert row["alerts"] == len(same)
        assert row["age_s"] == pytest.approx((NOW - same[0]["raised_at"]).total_seconds())
        assert row["place"] == name_of(place_of(same[0]))
        assert row["state"] == ("warn" if row["kind"] in OURS else "alarm")
        assert row["as_of"] == NOW


def test_no_alert_means_something_only_while_somebody_judges(
    ask: Ask, fill: Fill, wall: Any
) -> None:
    die = Die(1)
    raised, cleared = NOW - 2 * HOUR, NOW - HOUR
    fill("alert", [die.alert(THD, "flood", raised, cleared_at=cleared)])
    (row,) = ask("overview-alerts", NOW)
    assert (row["kind"], row["state"], row["alerts"]) == ("unjudged", "alarm", None)
    assert (row["as_of"], row["age_s"]) == (cleared, None)
    wall.execute("SELECT pg_advisory_xact_lock(%s)", [JUDGE_LOCK])
    (row,) = ask("overview-alerts", NOW)
    assert (row["kind"], row["state"], row["as_of"]) == ("quiet", "ok", NOW)
