"""Each alert rule on loaded data, just where it must not fire and just where it must."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from dashboards import ask
from dashboards.alert_rules import RULES
from dashboards.alerts import AlertRule
from tests.dashboards import rows
from tests.dashboards.conftest import Fill

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)

Answer = list[dict[str, Any]]
Judge = Callable[[str], Answer]


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.fixture
def asked(wall: psycopg.Connection[Any]) -> Judge:
    """What a rule's query gives to the role that Grafana has."""

    def answer(uid: str) -> Answer:
        wall.execute("SET LOCAL ROLE ioc_wall")
        try:
            text = ask.alert_statement(_rule(uid), NOW)
            return wall.execute(text.encode(), prepare=False).fetchall()
        finally:
            wall.execute("RESET ROLE")

    return answer


@pytest.fixture
def fires(asked: Judge) -> Callable[[str], list[str]]:
    """The labels of the alerts that fire."""

    def judged(uid: str) -> list[str]:
        return [
            "/".join(str(value) for name, value in row.items() if name != "value")
            for row in asked(uid)
            if _rule(uid).wrong(row["value"])
        ]

    return judged


Fires = Callable[[str], list[str]]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.uid)
def test_of_nothing_nothing_is_said(rule: AlertRule, asked: Judge) -> None:
    """No row where nothing is known; a count alone is 0, and right."""
    found = asked(rule.uid)
    counts = {"ioc-dead-letters", "ioc-review-overdue"}
    assert [row["value"] for row in found] == ([0] if rule.uid in counts else [])
    assert not any(rule.wrong(row["value"]) for row in found)


def test_a_camera_is_silent_after_a_minute(fill: Fill, fires: Fires) -> None:
    fill("device", [_device("cam-1", 60), _device("cam-2", 61), _device("level-1", 900)])
    fill("flow_minute", [_minute("cam-1"), _minute("cam-2")])
    assert fires("ioc-camera-silent") == ["vithanh/tran-hung-dao/cam-2"]


def test_a_camera_whose_clock_of_receipt_is_ahead_is_not_silent(fill: Fill, asked: Judge) -> None:
    fill("device", [_device("cam-1", -5)])
    fill("flow_minute", [_minute("cam-1")])
    assert [row["value"] for row in asked("ioc-camera-silent")] == [0]


def test_a_device_is_offline_after_its_will_and_half_a_minute(fill: Fill, fires: Fires) -> None:
    def told(name: str, state: str, seconds: float) -> rows.Row:
        return rows.device(name, NOW, state=state, state_received=ago(seconds))

    fill(
        "device",
        [told("a", "offline", 30), told("b", "offline", 31), told("c", "online", 4000)],
    )
    assert fires("ioc-edge-offline") == ["vithanh/tran-hung-dao/b"]


@pytest.mark.parametrize(("seconds", "wrong"), [(120, []), (121, [""])])
def test_nothing_arrives(seconds: float, wrong: list[str], fill: Fill, fires: Fires) -> None:
    fill("device", [_device("cam-1", 4000), _device("cam-2", seconds)])
    assert fires("ioc-ingest-silent") == wrong


def test_a_part_is_down_when_it_says_so_or_when_nobody_looks(fill: Fill, fires: Fires) -> None:
    fill(
        "core_figure",
        [
            _figure("bridge-1", "up", 1, 120),
            _figure("bridge-1", "up", 0, 135),
            _figure("streams-0", "up", 1, 121),
            _figure("console", "up", 0, 5),
            _figure("console", "up", 1, 20),
            _figure("host:core", "up", 1, 10),
            _figure("old", "up", 1, 7 * 86_400),
        ],
    )
    assert fires("ioc-part-down") == ["console", "streams-0"]


def test_a_gap_in_the_numbers(fill: Fill, fires: Fires, asked: Judge) -> None:
    fill("device", [_device("cam-1", 1), _device("cam-2", 1), _device("cam-3", 1)])
    fill(
        "device_boot",
        [
            {**rows.boot("cam-1", "{[0,10)}", NOW), "gap_since": None},
            rows.boot("cam-2", "{[0,4),[6,10)}", ago(60)),
            rows.boot("cam-3", "{[0,4),[6,10)}", ago(7 * 86_400)),
        ],
    )
    assert fires("ioc-sequence-gap") == ["vithanh/tran-hung-dao/cam-2"]
    assert [row["value"] for row in asked("ioc-sequence-gap")] == [0, 2, 0]


@pytest.mark.parametrize(
    ("uid", "figure", "right", "wrong", "stale_s"),
    [
        ("ioc-stuck", "stalled_s", 60, 60.5, 180),
        ("ioc-lag-events", "stream_lag", 10_000, 10_001, 180),
        ("ioc-lag-age", "stream_lag_s", 30, 30.1, 180),
        ("ioc-database-jobs", "job_failures", 0, 1, 300),
        ("ioc-evidence-fault", "evidence_faults", 0, 1, 600),
        ("ioc-audit-fault", "audit_faults", 0, 1, 1200),
    ],
)
def test_figures_of_the_core(
    uid: str, figure: str, right: float, wrong: float, stale_s: float, fill: Fill, fires: Fires
) -> None:
    fill(
        "core_figure",
        [
            _figure("right", figure, right, 5),
            _figure("right", figure, wrong, 20),  # it was wrong before
            _figure("wrong", figure, wrong, 5),
            _figure("wrong", figure, right, 20),
            _figure("unknown", figure, wrong, stale_s),  # what nobody looks at is another rule's
            _figure("ahead", figure, wrong, -5),
        ],
    )
    assert fires(uid) == ["wrong"]


def test_the_lag_of_one_topic_is_not_that_of_all(fill: Fill, fires: Fires) -> None:
    fill("core_figure", [_figure("kafka", "stream_lag", 20_000, 5, "ioc.flow.v1")])
    assert fires("ioc-lag-events") == []


def test_disks(fill: Fill, fires: Fires) -> None:
    fill(
        "core_figure",
        [
            _figure("host:a", "disk_used_share", 0.8, 5, "evidence"),
            _figure("host:a", "disk_used_share", 0.801, 5, "database"),
            _figure("host:b", "disk_used_share", 0.95, 300, "kafka"),
        ],
    )
    assert fires("ioc-disk") == ["host:a/database"]


def test_certificates(fill: Fill, fires: Fires, asked: Judge) -> None:
    given = {"right": (1, 21), "soon": (1, 20.9), "ended": (1, -3), "unreadable": (0, None)}
    figures = []
    for name, (up, days) in given.items():
        figures.append(_figure("host:a", "certificate_up", up, 5, name))
        if days is not None:
            figures.append(_figure("host:a", "certificate_days", days, 5, name))
    # It could be read a minute ago.
    figures.append(_figure("host:a", "certificate_days", 90, 65, "unreadable"))
    fill("core_figure", figures)
    assert fires("ioc-certificate") == ["host:a/ended", "host:a/soon", "host:a/unreadable"]
    assert {row["certificate"]: row["value"] for row in asked("ioc-certificate")} == {
        "right": 21, "soon": 20.9, "ended": -3, "unreadable": 0,
    }  # fmt: skip


def test_clocks_of_machines(fill: Fill, fires: Fires) -> None:
    fill(
        "core_figure",
        [
            _figure("host:a", "clock_offset_s", 0.1, 5),
            _figure("host:a", "clock_synchronised", 1, 5),
            _figure("host:b", "clock_offset_s", 0.1001, 5),
            _figure("host:b", "clock_synchronised", 1, 5),
            _figure("host:c", "clock_synchronised", 0, 5),
        ],
    )
    assert fires("ioc-host-clock") == ["host:b", "host:c"]


def test_clocks_of_devices(fill: Fill, fires: Fires) -> None:
    fill("device", [_device(name, 1) for name in ("a", "b", "c", "d")])
    fill(
        "health",
        [
            _health("a", 100, 5), _health("a", 900, 65), _health("b", -101, 5),
            _health("c", 900, 600), _health("d", None, 5),
        ],
    )  # fmt: skip
    assert fires("ioc-device-clock") == ["vithanh/tran-hung-dao/b"]


@pytest.mark.parametrize(("count", "wrong"), [(20, []), (21, [""])])
def test_dead_letters(count: int, wrong: list[str], fill: Fill, fires: Fires) -> None:
    fill("dead_letter", [rows.letter(ago(age), "schema") for age in (*[5] * count, 600)])
    assert fires("ioc-dead-letters") == wrong


@pytest.mark.parametrize(("count", "wrong"), [(20, []), (21, ["vithanh/tran-hung-dao/cam-1"])])
def test_evidence_that_is_not_here(count: int, wrong: list[str], fill: Fill, fires: Fires) -> None:
    late = [_violation("cam-1", 900 + place) for place in range(count)]
    here = [_violation("cam-1", 2000 + place) for place in range(3)]
    young = [_violation("cam-1", 899), _violation("cam-1", 10)]
    sends_none = [_violation("cam-2", 900 + place) for place in range(40)]
    fill("violation", late + here + young + sends_none)
    fill("evidence", [rows.evidence(place, NOW) for place in range(3)])
    fill(
        "evidence_set",
        [rows.evidence_set(place, one["act_time"], None) for place, one in enumerate(here)],
    )
    assert fires("ioc-evidence-missing") == wrong


def test_cases_past_their_deadline(fill: Fill, fires: Fires, asked: Judge) -> None:
    fill("review_case", [rows.case(NOW, deadline=ago(0))])
    assert fires("ioc-review-overdue") == []
    fill("review_case", [rows.case(NOW, deadline=ago(1))])
    assert fires("ioc-review-overdue") == [""]
    assert [row["value"] for row in asked("ioc-review-overdue")] == [1]


@pytest.mark.parametrize(
    ("recent", "before", "drift", "wrong"),
    [(30, 30, 0.0999, []), (30, 30, 0.1001, ["red_light"]), (29, 30, 0.5, []), (30, 29, 0.5, [])],
)
def test_the_model_grows_less_sure(
    recent: int, before: int, drift: float, wrong: list[str], fill: Fill, fires: Fires
) -> None:
    fill(
        "violation",
        [_violation("cam-1", 60 + place, 0.8 - drift) for place in range(recent)]
        + [_violation("cam-1", 2 * 86_400 + place, 0.8) for place in range(before)]
        + [_violation("cam-1", 9 * 86_400 + place, 0.1) for place in range(40)],
    )
    assert fires("ioc-confidence-drift") == wrong


def _rule(uid: str) -> AlertRule:
    return next(rule for rule in RULES if rule.uid == uid)


def _device(name: str, silent_s: float) -> rows.Row:
    return rows.device(name, ago(silent_s))


def _minute(name: str) -> rows.Row:
    counts = (
        "motorcycle", "car", "bus", "truck", "bicycle", "three_wheeler", "pedestrian", "other",
        "total", "speed_sum", "speed_weight", "occupancy_sum", "occupancy_weight", "periods",
    )  # fmt: skip
    place = {"city": "vithanh", "site": "tran-hung-dao", "device": name, "lane": "l1"}
    return {**place, "minute": ago(86_400), "seen": [], **dict.fromkeys(counts, 0)}


def _figure(part: str, name: str, value: float, age_s: float, label: str = "") -> rows.Row:
    return rows.figure(part, name, ago(age_s), value, label)


def _health(name: str, offset_ms: float | None, age_s: float) -> rows.Row:
    return rows.health(ago(age_s), name, clock_offset_ms=offset_ms)


def _violation(name: str, age_s: float, confidence: float = 0.9) -> rows.Row:
    at = ago(age_s)
    return rows.violation(at, device=name, received=at, confidence=confidence)
