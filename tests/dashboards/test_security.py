"""Screen 7: who was turned away, and whether what was kept is still what came."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dashboards.screens.security import REFUSALS, SCREEN
from tests.dashboards.rows import (
    audit,
    case,
    delivery,
    evidence,
    evidence_set,
    figure,
    letter,
    violation,
)

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = date(2026, 11, 22)

EMPTY: Mapping[str, list[dict[str, Any]]] = {
    "security-logins": [
        {"state": "none", "hour": None, "day": None, "turned_away": None, "as_of": None}
    ],
    "security-refused": [{"reason": "nothing", "refused": 0, "state": "none", "as_of": None}],
    "security-evidence": [
        {
            "state": "none", "faults": None, "untrusted": 0, "checked": None, "left_over": None,
            "as_of": None,
        }
    ],
    "security-audit": [
        {"state": "none", "faults": None, "lines": None, "unsigned": None, "as_of": None}
    ],
    "security-webhooks": [
        {
            "name": "nothing", "state": "none", "waiting": 0, "failing": 0, "abandoned": 0,
            "age_s": None, "as_of": None,
        }
    ],
}  # fmt: skip


@pytest.mark.parametrize("tile", SCREEN.tiles, ids=lambda tile: tile.id)
def test_nothing_known_is_no_error(ask: Any, tile: Any) -> None:
    assert ask(tile.query, NOW) == EMPTY.get(tile.query, [])


# --- log-ins -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_refused_log_ins_are_counted(ask: Any, fill: Any, seed: int) -> None:
    chance = random.Random(seed)
    actions = ["session.refused", "access.refused", "session.opened", "case.viewed"]
    lines = sorted(
        (NOW - timedelta(hours=chance.uniform(-1, 30)), chance.choice(actions)) for _ in range(150)
    )
    fill("audit", [audit(number, at, action) for number, (at, action) in enumerate(lines, 1)])
    past = [(at, action) for at, action in lines if at <= NOW]
    hour = [action for at, action in past if at > NOW - HOUR].count("session.refused")
    day = Counter(action for at, action in past if at > NOW - DAY)
    (found,) = ask("security-logins", NOW)
    assert found == {
        "state": "warn" if hour >= 5 else "ok", "hour": hour, "day": day["session.refused"],
        "turned_away": day["access.refused"], "as_of": past[-1][0],
    }  # fmt: skip
    since = (NOW - 10 * HOUR - 30 * MINUTE).replace(minute=0)
    hours = Counter[datetime]()
    for at, action in past:
        if at >= since and action == "session.refused":
            hours[at.replace(minute=0, second=0, microsecond=0)] += 1
    rows = ask("security-login-hours", NOW, hours=10.5)
    shown = {row["time"]: row["value"] for row in rows if row["metric"] == "refused"}
    newest = past[-1][0]
    slots = [since + step * HOUR for step in range(12)]
    assert shown == {slot: hours[slot] for slot in slots if slot <= newest}
    assert {row["time"] for row in rows if row["metric"] == "~limit"} == set(shown)


@pytest.mark.parametrize(
    ("refused", "state"), [(0, "ok"), (4, "ok"), (5, "warn"), (19, "warn"), (20, "alarm")]
)
def test_many_refused_log_ins_are_an_alarm(ask: Any, fill: Any, refused: int, state: str) -> None:
    lines = [audit(number + 2, NOW - MINUTE, "session.refused") for number in range(refused)]
    # An hour ago to the second is over.
    fill("audit", [audit(1, NOW - HOUR, "session.refused"), *lines])
    (found,) = ask("security-logins", NOW)
    assert (found["hour"], found["day"], found["state"]) == (refused, refused + 1, state)


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_refused_devices_by_reason(ask: Any, fill: Any, seed: int) -> None:
    chance = random.Random(seed)
    letters, figures, expected = [], [], Counter[str]()
    newest: dict[str, datetime] = {}

    def count(reason: str, at: datetime, number: int) -> None:
        if NOW - DAY < at <= NOW:
            expected[reason] += number
            newest[reason] = max(at, newest.get(reason, at))

    for _ in range(40):
        at = NOW - timedelta(hours=chance.uniform(-1, 30))
        reason = chance.choice(["identity", "bad_topic", "schema", "unit"])
        letters.append(letter(at, reason))
        if reason in ("identity", "bad_topic"):
            count(reason, at, 1)
    for console in ("console", "console-2"):
        for minute in range(30):
            at = NOW - timedelta(hours=chance.uniform(0, 30)) - minute * SECOND
            label = chance.choice(["token", "scope", "foreign", "digest"])
            number = chance.randrange(1, 9)
            figures.append(figure(console, "refused_programs", at, number, label))
            figures.append(figure(console, "refused_programs", at, number))
            count(label, at, number)
    fill("dead_letter", letters)
    fill("core_figure", figures)
    found = ask("security-refused", NOW)
    order = sorted(expected, key=lambda reason: (-expected[reason], reason))
    assert [(row["reason"], row["refused"], row["as_of"]) for row in found] == [
        (reason, expected[reason], newest[reason]) for reason in order
    ]
    assert {row["reason"] for row in found} <= set(REFUSALS)


@pytest.mark.parametrize(("times", "state"), [(1, "warn"), (99, "warn"), (100, "alarm")])
def test_many_refusals_are_an_alarm(ask: Any, fill: Any, times: int, state: str) -> None:
    fill("core_figure", [figure("console", "refused_programs", NOW, times, "token")])
    (found,) = ask("security-refused", NOW)
    assert (found["refused"], found["state"]) == (times, state)


def test_no_refusal_is_good_news_while_the_console_counts(ask: Any, fill: Any) -> None:
    fill("core_figure", [figure("console", "refused_programs", NOW - MINUTE, 0)])
    assert ask("security-refused", NOW) == [
        {"reason": "nothing", "refused": 0, "state": "ok", "as_of": NOW - MINUTE}
    ]


# --- certificates ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "readable", "age", "state"),
    [
        (30, 1, MINUTE, "ok"),
        (29.99, 1, MINUTE, "warn"),
        (7, 1, MINUTE, "warn"),
        (6.99, 1, 5 * MINUTE, "alarm"),
        (-2, 1, MINUTE, "alarm"),
        (None, 0, MINUTE, "alarm"),
        (90, 1, 5 * MINUTE + SECOND, "none"),
    ],
)
def test_a_certificate_is_judged_by_its_days(
    ask: Any, fill: Any, days: float | None, readable: int, age: timedelta, state: str
) -> None:
    rows = [figure("host:a", "certificate_up", NOW - age, readable, "broker")]
    # A minute before it could still be read.
    rows += [figure("host:a", "certificate_up", NOW - age - MINUTE, 1, "broker")]
    rows += [figure("host:a", "certificate_days", NOW - age - MINUTE, 400, "broker")]
    if days is not None:
        rows += [figure("host:a", "certificate_days", NOW - age, days, "broker")]
    fill("core_figure", rows)
    assert ask("security-certificates", NOW) == [
        {"name": "broker", "state": state, "days": days, "place": "host:a", "as_of": NOW - age}
    ]


def test_the_six_certificates_that_need_most_care(ask: Any, fill: Any) -> None:
    days = {"a": 300, "b": 3, "c": 20, "d": 200, "e": -1, "f": 25, "g": 100, "h": 100}
    rows = []
    for host in ("host:x", "host:y"):
        for name, left in days.items():
            left += 1 if host == "host:y" else 0
            rows.append(figure(host, "certificate_up", NOW, 1, name))
            rows.append(figure(host, "certificate_days", NOW, left, name))
    rows.append(figure("host:z", "certificate_up", NOW, 0, "key"))
    fill("core_figure", rows)
    found = [(row["name"], row["place"], row["days"]) for row in ask("security-certificates", NOW)]
    assert found == [
        ("key", "host:z", None), ("e", "host:x", -1), ("e", "host:y", 0), ("b", "host:x", 3),
        ("b", "host:y", 4), ("c", "host:x", 20),
    ]  # fmt: skip


# --- custody -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "untrusted", "age", "state"),
    [
        (0, False, MINUTE, "ok"),
        (0, False, 5 * MINUTE, "ok"),
        (0, False, 5 * MINUTE + SECOND, "none"),
        (0, True, HOUR, "warn"),
        (1, False, HOUR, "alarm"),
        (1, True, MINUTE, "alarm"),
    ],
)
def test_evidence_is_judged(
    ask: Any, fill: Any, faults: int, untrusted: bool, age: timedelta, state: str
) -> None:
    at = NOW - age
    rows = {"evidence_faults": faults, "evidence_checked": 70, "evidence_left": 30}
    fill("core_figure", [figure("console", name, at, value) for name, value in rows.items()])
    fill("core_figure", [figure("console", "evidence_faults", at - MINUTE, 9)])
    fill("evidence", [evidence(1, NOW - HOUR)])
    fill("evidence_set", [evidence_set(1, NOW - HOUR, "unknown key" if untrusted else None)])
    assert ask("security-evidence", NOW) == [
        {
            "state": state, "faults": faults, "untrusted": int(untrusted), "checked": 70,
            "left_over": 30, "as_of": at,
        }
    ]  # fmt: skip


def test_signatures_that_are_not_trusted_of_a_day(ask: Any, fill: Any) -> None:
    chance = random.Random(7)
    expected = 0
    files, sets, cases, acts, links = [], [], [], [], []
    for number in range(40):
        at = NOW - timedelta(hours=chance.uniform(0, 48))
        fault = chance.choice([None, None, "unknown key", "wrong signature"])
        files.append(evidence(number, at))
        sets.append(evidence_set(number, at - DAY, fault))
        expected += fault is not None and at > NOW - DAY
        at = NOW - timedelta(hours=chance.uniform(0, 48))
        fault = chance.choice([None, None, "unsigned"])
        cases.append(case(at))
        acts.append(violation(at))
        links.append(
            {"violation": acts[-1]["id"], "case_id": cases[-1]["id"], "signature_fault": fault}
        )
        expected += fault is not None and at > NOW - DAY
    for table, rows in (
        ("evidence", files), ("evidence_set", sets), ("review_case", cases), ("violation", acts),
        ("case_violation", links),
    ):  # fmt: skip
        fill(table, rows)
    (found,) = ask("security-evidence", NOW)
    assert (found["untrusted"], found["state"]) == (expected, "warn")


def _root(day: date, signed: datetime) -> dict[str, Any]:
    return {
        "day": day, "seq": day.toordinal(), "hash": bytes(32), "key": "k",
        "signature": bytes(64), "signed": signed,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("faults", "age", "state"),
    [(0, 15 * MINUTE, "ok"), (1, HOUR, "alarm"), (0, 15 * MINUTE + SECOND, "none")],
)
def test_the_chain_of_the_audit(
    ask: Any, fill: Any, faults: int, age: timedelta, state: str
) -> None:
    at = NOW - age
    fill("core_figure", [figure("console", "audit_faults", at, faults)])
    fill("core_figure", [figure("console", "audit_lines", at, 1234)])
    fill("core_figure", [figure("console", "audit_faults", at - 5 * MINUTE, 8)])
    assert ask("security-audit", NOW) == [
        {"state": state, "faults": faults, "lines": 1234, "unsigned": 0, "as_of": at}
    ]


@pytest.mark.parametrize(
    ("signed", "lines", "state", "unsigned"),
    [
        ([1, 2], [0, 1, 2], "ok", 0),
        ([2, 3], [0, 1, 2], "ok", 1),
        ([3], [0, 1, 2], "warn", 2),
        ([9, 4], [3, 9], "warn", 3),
        ([5], [4], "alarm", 4),
        ([9], [0, 9], "ok", 0),  # days without a line have nothing to sign
        ([], [], "ok", 0),
        ([], [0], "ok", 0),  # the first day of a console
        ([], [0, 7], "alarm", 7),  # never signed
    ],
)
def test_days_that_are_not_signed(
    ask: Any, fill: Any, signed: list[int], lines: list[int], state: str, unsigned: int
) -> None:
    fill("core_figure", [figure("console", "audit_faults", NOW, 0)])
    fill("audit_root", [_root(TODAY - ago * DAY, NOW - HOUR) for ago in signed])
    lines = sorted(lines, reverse=True)
    fill("audit", [audit(number, NOW - ago * DAY, "x") for number, ago in enumerate(lines, 1)])
    (found,) = ask("security-audit", NOW)
    assert (found["state"], found["unsigned"]) == (state, unsigned)


@pytest.mark.parametrize(("line", "unsigned"), [(-SECOND, 1), (timedelta(0), 0)])
def test_the_day_of_the_audit_is_that_of_vietnam(
    ask: Any, fill: Any, line: timedelta, unsigned: int
) -> None:
    midnight = datetime(2026, 11, 22, 17, tzinfo=UTC)
    fill("core_figure", [figure("console", "audit_faults", midnight, 0)])
    fill("audit_root", [_root(TODAY - DAY, midnight - 9 * HOUR)])
    fill("audit", [audit(1, midnight - 3 * DAY, "x"), audit(2, midnight + line, "x")])
    (found,) = ask("security-audit", midnight)
    assert found["unsigned"] == unsigned


# --- webhooks ----------------------------------------------------------------------------------


def test_what_other_systems_were_not_told(ask: Any, fill: Any) -> None:
    one = case(NOW - 9 * DAY)
    number = one["id"]
    fill("review_case", [one])
    fill("core_figure", [figure("console", "refused_programs", NOW - MINUTE, 0)])
    fill(
        "webhook_delivery",
        [
            delivery("fine", number, NOW - DAY, attempts=1, delivered=NOW - DAY),
            delivery("slow", number, NOW - 3 * MINUTE),
            delivery("slow", number, NOW - 2 * MINUTE),
            delivery("ill", number, NOW - HOUR, attempts=4),
            delivery("ill", number, NOW - MINUTE),
            delivery("dead", number, NOW - 9 * DAY, attempts=15, abandoned=NOW - 2 * DAY),
            delivery("dead", number, NOW - 9 * DAY, attempts=15, abandoned=NOW - 6 * DAY),
            delivery("once", number, NOW - 20 * DAY, attempts=15, abandoned=NOW - 8 * DAY),
        ],
    )
    found = [tuple(row.values()) for row in ask("security-webhooks", NOW)]
    assert found == [
        ("dead", "alarm", 0, 0, 2, None, NOW - MINUTE),
        ("ill", "warn", 2, 1, 0, 3600.0, NOW - MINUTE),
        ("slow", "ok", 2, 0, 0, 180.0, NOW - MINUTE),
    ]


@pytest.mark.parametrize(("age", "state"), [(5 * MINUTE, "ok"), (5 * MINUTE + SECOND, "none")])
def test_all_is_told_while_the_console_is_there(
    ask: Any, fill: Any, age: timedelta, state: str
) -> None:
    fill("core_figure", [figure("console", "refused_programs", NOW - age, 0)])
    (found,) = ask("security-webhooks", NOW)
    assert (found["name"], found["state"], found["as_of"]) == ("nothing", state, NOW - age)
