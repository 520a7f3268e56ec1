"""The overview: what its queries say of loaded rows is what Python says of the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from ioc.clock import VIETNAM
from store.wall import CONGESTED, JUDGE_LOCK, SILENT_AFTER, full_minute
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
    midnight,
    minute_of,
    name_of,
    place_of,
    site_rows,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
OURS = ("device_silent", "sequence_gap")


@dataclass
class Street:
    """What two cities sent, with some cameras late, silent or dead."""

    die: Die
    now: datetime
    devices: list[Row] = field(default_factory=list)
    flow: list[Row] = field(default_factory=list)
    minutes: list[Row] = field(default_factory=list)
    alerts: list[Row] = field(default_factory=list)

    def load(self, fill: Fill) -> None:
        fill("site", site_rows())
        fill("device", self.devices)
        fill("flow", self.flow)
        fill("flow_minute", self.minutes)
        fill("alert", self.alerts)

    def newest(self, site: Site) -> datetime | None:
        """When the junction counted last, as far as a day ago."""
        found = []
        for camera in {row["device"] for row in self.flow if place_of(row) == site}:
            mine = [
                row
                for row in self.flow
                if (row["city"], row["site"], row["device"]) == (*site, camera)
                and row["time"] > self.now - DAY
            ]
            if mine:
                last = max(mine, key=lambda row: row["time"])
                found.append(min(last["time"], last["received"], self.now))
        return max(found, default=None)

    def live(self, site: Site) -> list[Row]:
        """Its lanes in its last full minute; one that fell silent has none."""
        as_of = self.newest(site)
        if as_of is None or as_of < self.now - SILENT_AFTER:
            return []
        minute = full_minute(as_of, self.now)
        return [
            row
            for row in self.minutes
            if (row["city"], row["site"], row["minute"]) == (*site, minute)
        ]

    def counts(self, site: Site) -> bool:
        return any(place_of(row) == site for row in self.minutes)

    def level(self, site: Site) -> int | None:
        return max((r["level"] for r in self.live(site) if r["level"] is not None), default=None)

    def known(self, site: Site) -> dict[str, bool]:
        """Device → whether it is heard."""
        named = {
            alert["device"]: False
            for alert in self.alerts
            if alert["kind"] == "device_silent"
            and place_of(alert) == site
            and not alert["cleared_at"]
        }
        for row in self.devices:
            if place_of(row) == site:
                heard = row["last_received"] is not None and row["state"] != "offline"
                heard = heard and row["last_received"] >= self.now - SILENT_AFTER
                named.setdefault(row["device"], heard)
        return named

    def open(self, *sites: Site) -> list[Row]:
        return [
            alert
            for alert in self.alerts
            if alert["cleared_at"] is None and any(place_of(alert) == site for site in sites)
        ]


def street(seed: int) -> Street:
    die = Die(seed)
    # Three seconds into a minute nobody takes the minute before for full yet.
    now = NOW.replace(second=die.choice([3, 42]))
    made = Street(die, now)
    for site in (*CHOSEN, ELSEWHERE):
        for camera in ("cam-1", "cam-2"):
            behind = timedelta(seconds=die.choice([0.4, 3, 8, 200, 290, 4000, 90_000]))
            contact = now - min(behind, timedelta(seconds=die.choice([2, 400])))
            if die.chance(0.8):
                made.devices.append(
                    made.die.device(site, camera, contact if die.chance(0.9) else None)
                )
            for step in range(3):
                at = now - behind - timedelta(seconds=10 * step)
                made.flow.append(die.flow(site, camera, at, "in-1"))
            for lane in ("in-1", "in-2"):
                for step in (0, 1, 2, 3, 4, 5, 66, 67, 68):
                    if die.chance(0.8):
                        at = minute_of(now) - timedelta(minutes=step)
                        made.minutes.append(die.minute(site, camera, at, lane))
        made.devices.append(die.device(site, "water-1", now - timedelta(seconds=20)))
        for kind in die.sample(["flood", "queue_spillback", *OURS], die.randrange(3)):
            device = die.choice(["cam-1", "never-heard"]) if kind == "device_silent" else None
            raised = die.before(now, 9000)
            made.alerts.append(die.alert(site, kind, raised, device=device))
            over = {"cleared_at": now - HOUR / 9}
            made.alerts.append(die.alert(site, "rain", raised, **over))
            made.alerts.append(die.alert(site, "device_silent", raised, device="gone", **over))
    # A camera that is not in ``device`` was never heard by the core: its rows are somebody else's.
    there = {(row["city"], row["site"], row["device"]) for row in made.devices}
    made.flow = [r for r in made.flow if (r["city"], r["site"], r["device"]) in there]
    made.minutes = [r for r in made.minutes if (r["city"], r["site"], r["device"]) in there]
    return made


def judged(level: int | None) -> str:
    if level is None:
        return "none"
    return "alarm" if level >= 4 else "warn" if level >= CONGESTED else "ok"


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


def _junctions(fill: Fill, levels: Sequence[int | None], behind: float = 3) -> list[str]:
    """A junction for each level, all of one city; returns their names."""
    die = Die(1)
    names = [f"site-{number}" for number in range(len(levels))]
    at = NOW - timedelta(seconds=behind)
    for name, level in zip(names, levels, strict=True):
        site = Site("vithanh", name)
        fill("device", [die.device(site, "cam-1", NOW)])
        fill("flow", [die.flow(site, "cam-1", at, "in-1")])
        fill("flow_minute", [die.minute(site, "cam-1", full_minute(at, NOW), "in-1", level=level)])
    return names


def test_congestion_states_at_their_thresholds_the_worst_first(ask: Ask, fill: Fill) -> None:
    names = _junctions(fill, [None, 0, 1, 2, 3, 4, 5])
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
    names = _junctions(fill, [0, level])
    fill("site", site_rows({Site("vithanh", names[1]): "Ngã tư"}))
    (city,) = ask("overview-cities", NOW, sites=names)
    assert (city["level"], city["congested"], city["junctions"]) == (level, level >= CONGESTED, 2)
    (point,) = ask("overview-map", NOW, sites=names)
    assert city["state"] == point["state"] == state


@pytest.mark.parametrize(("behind", "state"), [(300, "alarm"), (301, "none")])
def test_a_jam_of_some_time_ago_is_not_one_of_now(
    ask: Ask, fill: Fill, behind: float, state: str
) -> None:
    names = _junctions(fill, [5], behind)
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
    names = _junctions(fill, [0])
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
    names = _junctions(fill, [5], behind=86_401)
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


@pytest.mark.parametrize("ahead", [60, 3600])
def test_a_clock_that_runs_ahead_makes_nothing_younger(ask: Ask, fill: Fill, ahead: float) -> None:
    die = Die(3)
    fill("site", site_rows())
    received = NOW - timedelta(seconds=200)
    at = received + timedelta(seconds=ahead)
    fill("device", [die.device(THD, "cam-1", received, last_time=at)])
    fill("flow", [die.flow(THD, "cam-1", at, "in-1", received=received)])
    fill("flow_minute", [die.minute(THD, "cam-1", minute_of(at), "in-1", level=5)])
    fill("sensor", [_sensor("water-1", 60)])
    fill("reading", [_reading(die, "water-1", at, received=received)])
    fill("violation", [die.violation(THD, NOW - HOUR, "red_light", received=received)])
    for query in ("overview-cities", "overview-congestion", "overview-map", "overview-violations"):
        (row,) = ask(query, NOW)
        assert row["as_of"] == received
    ages = {row["kind"]: row["as_of"] for row in ask("overview-ages", NOW)}
    assert ages["flow"] == ages["reading"] == ages["device"] == received


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


@pytest.mark.parametrize("hour", [0.3, 9.0, 23.9])
def test_violations_are_counted_by_the_day_of_vietnam(ask: Ask, fill: Fill, hour: float) -> None:
    die = Die(int(hour))
    now = midnight(NOW) + timedelta(hours=hour)
    times = [die.before(now, 30 * 3600) for _ in range(60)]
    times += [die.before(now - WEEK, 30 * 3600) for _ in range(60)]
    times += [now + timedelta(seconds=5), midnight(now), midnight(now) - WEEK]
    acts = [(die.choice([*CHOSEN, ELSEWHERE]), at) for at in times]
    fill("violation", [die.violation(site, at, "red_light") for site, at in acts])
    mine = [at for site, at in acts if site != ELSEWHERE]
    (row,) = ask("overview-violations", now)
    today = now.astimezone(VIETNAM).date()
    assert row["today"] == sum(at <= now and at.astimezone(VIETNAM).date() == today for at in mine)
    assert row["last_week"] == sum(
        at <= now - WEEK and (at + WEEK).astimezone(VIETNAM).date() == today for at in mine
    )
    assert row["hour"] == sum(now - HOUR < at <= now for at in mine)


@pytest.mark.parametrize(
    ("today", "last_week", "state"),
    [
        (0, 1, "ok"),
        (10, 1, "ok"),  # many times more, but few
        (11, 1, "warn"),
        (20, 1, "warn"),
        (21, 1, "alarm"),
        (29, 20, "ok"),
        (30, 20, "warn"),
        (39, 20, "warn"),
        (40, 20, "alarm"),
    ],
)
def test_more_violations_than_a_week_ago(
    ask: Ask, fill: Fill, today: int, last_week: int, state: str
) -> None:
    die = Die(4)
    fill("violation", [die.violation(THD, NOW - HOUR, "red_light") for _ in range(today)])
    fill("violation", [die.violation(THD, NOW - WEEK - HOUR, "speeding") for _ in range(last_week)])
    (row,) = ask("overview-violations", NOW)
    assert (row["today"], row["last_week"], row["state"]) == (today, last_week, state)


def test_the_first_week_has_nothing_to_compare_with(ask: Ask, fill: Fill) -> None:
    die = Die(4)
    rows = [die.violation(THD, NOW - 6 * DAY, "red_light")]
    rows += [die.violation(THD, NOW - HOUR, "red_light") for _ in range(50)]
    rows += [die.violation(ELSEWHERE, NOW - 8 * DAY, "red_light")]
    fill("violation", rows)
    (row,) = ask("overview-violations", NOW)
    assert (row["today"], row["last_week"], row["state"]) == (50, None, "none")


def test_violations_are_known_up_to_the_last_word_of_a_camera(ask: Ask, fill: Fill) -> None:
    die = Die(5)
    word = NOW - timedelta(seconds=40)
    fill("device", [die.device(THD, "cam-1", word)])
    fill("device", [die.device(THD, "water-1", NOW)])  # says nothing about what cameras see
    fill("flow_minute", [die.minute(THD, "cam-1", minute_of(word), "in-1")])
    (row,) = ask("overview-violations", NOW)
    assert (row["as_of"], row["today"], row["state"]) == (word, 0, "none")
    fill("violation", [die.violation(THD, word + timedelta(seconds=9), "red_light")])
    (row,) = ask("overview-violations", NOW)
    assert (row["as_of"], row["today"]) == (word + timedelta(seconds=10) - timedelta(seconds=1), 1)


def _cases(fill: Fill, wall: Any, rows: Sequence[Row]) -> None:
    # A case begins as pending and only decisions move it; the triggers that see to it rest here.
    wall.execute("SET LOCAL session_replication_role = replica")
    fill("review_case", rows)
    wall.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.parametrize("seed", range(3))
def test_cases_that_wait(ask: Ask, fill: Fill, wall: Any, seed: int) -> None:
    die = Die(seed)
    states = ["pending", "second", "blind", "disputed", "needs_more", "confirmed", "rejected"]
    cases = [
        die.case(
            die.choice([*CHOSEN, ELSEWHERE]),
            die.choice(states),
            NOW + timedelta(hours=die.uniform(-50, 100)),
        )
        for _ in range(40)
    ]
    _cases(fill, wall, cases)
    waiting = [c for c in cases if c["state"] in states[:4] and place_of(c) != ELSEWHERE]
    (row,) = ask("overview-review", NOW)
    assert row == {
        "waiting": len(waiting),
        "overdue": sum(case["deadline"] < NOW for case in waiting),
        "deadline": min(case["deadline"] for case in waiting),
        "state": "alarm",
        "as_of": NOW,
    }


@pytest.mark.parametrize(
    ("left", "state"), [(-1, "alarm"), (1, "warn"), (86_399, "warn"), (86_400, "ok")]
)
def test_a_deadline_comes_near(ask: Ask, fill: Fill, wall: Any, left: float, state: str) -> None:
    _cases(fill, wall, [Die(1).case(THD, "pending", NOW + timedelta(seconds=left))])
    (row,) = ask("overview-review", NOW)
    assert (row["waiting"], row["overdue"], row["state"]) == (1, left < 0, state)


def test_all_cases_are_decided(ask: Ask, fill: Fill, wall: Any) -> None:
    _cases(fill, wall, [Die(1).case(THD, "rejected", NOW - DAY, decided=NOW - DAY)])
    (row,) = ask("overview-review", NOW)
    assert row == {"waiting": 0, "overdue": 0, "deadline": None, "state": "ok", "as_of": NOW}


def _sensor(device: str, period_s: float, site: Site = THD) -> Row:
    return {
        **site._asdict(),
        "device": device,
        "quantity": "water_level",
        "unit": "m",
        "name_vi": device,
        "name_en": device,
        "period_s": period_s,
    }


def _reading(die: Die, device: str, at: datetime, site: Site = THD, **more: Any) -> Row:
    return {
        **die.event(site, device, at),
        "quantity": "water_level",
        "value": 1.0,
        "unit": "m",
        "quality": "good",
        **more,
    }


@pytest.mark.parametrize(
    ("ages", "sources", "late", "state"),
    [
        ([], 0, 0, "none"),
        ([90_000], 0, 0, "none"),  # a day ago is not at all
        ([85, 30], 2, 0, "ok"),
        ([95, 30], 2, 1, "warn"),
        ([95, 3000], 2, 2, "alarm"),
    ],
)
def test_the_age_of_what_cameras_count(
    ask: Ask, fill: Fill, ages: list[float], sources: int, late: int, state: str
) -> None:
    die = Die(6)
    for number, age in enumerate(ages):
        at = NOW - timedelta(seconds=age)
        fill("device", [die.device(THD, f"cam-{number}", at)])
        fill("flow", [die.flow(THD, f"cam-{number}", at - step * HOUR, "in-1") for step in (0, 1)])
        fill("flow_minute", [die.minute(THD, f"cam-{number}", minute_of(at), "in-1")])
    fill("device", [die.device(ELSEWHERE, "cam-1", NOW)])
    fill("flow", [die.flow(ELSEWHERE, "cam-1", NOW, "in-1")])
    row = ask("overview-ages", NOW)[0]
    heard = [age for age in ages if age < 86_400]
    assert row == {
        "kind": "flow",
        "state": state,
        "sources": sources,
        "late": late,
        "as_of": NOW - timedelta(seconds=min(heard)) if heard else None,
    }


@pytest.mark.parametrize(
    ("period_s", "age", "state"),
    [(10, 179, "ok"), (10, 181, "alarm"), (300, 899, "ok"), (300, 901, "alarm")],
)
def test_a_sensor_is_late_after_three_of_its_periods(
    ask: Ask, fill: Fill, period_s: float, age: float, state: str
) -> None:
    die = Die(7)
    at = NOW - timedelta(seconds=age)
    fill("sensor", [_sensor("water-1", period_s)])
    fill("reading", [_reading(die, "water-1", at), _reading(die, "water-1", at - HOUR)])
    row = ask("overview-ages", NOW)[1]
    assert (row["kind"], row["state"], row["as_of"]) == ("reading", state, at)


@pytest.mark.parametrize(("age", "state"), [(299, "ok"), (301, "alarm")])
def test_signals_and_devices_are_late_after_five_minutes(
    ask: Ask, fill: Fill, age: float, state: str
) -> None:
    die = Die(8)
    at = NOW - timedelta(seconds=age)
    fill("device", [die.device(HV, "lights-1", at)])
    more = {"head": "a", "phase": "red", "since": at}
    fill("signal", [{**die.event(HV, "lights-1", at), **more}])
    rows = ask("overview-ages", NOW)
    assert [row["kind"] for row in rows] == ["flow", "reading", "signal", "device"]
    for row in rows[2:]:
        assert (row["sources"], row["state"], row["as_of"]) == (1, state, at)
