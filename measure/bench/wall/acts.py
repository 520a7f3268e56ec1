"""What happens in the made-up province beside the series: violations, cases, alerts, the audit.

Each statement fills a stretch of time from the numbers of its events, which follow each other at a
fixed distance, so that a stretch that is filled in two parts gets the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final, NamedTuple, get_args

from psycopg import Connection

from ioc.decode import Reason
from ioc.events import Rule, VehicleClass
from measure.bench.wall.place import Province, Step
from measure.bench.wall.register import REVIEWERS
from store.maintain import KEPT_DAYS, RAW_DAYS

VIOLATIONS_A_DAY: Final = 500
ALERTS_A_DAY: Final = 72
LETTERS_A_DAY: Final = 40
AUDIT_A_DAY: Final = 1440
STATUSES_A_DAY: Final = 200
_DAY_S: Final = 86_400

# %(first)s and %(last)s are numbers of events, %(every)s the distance between two.
_NUMBERS: Final = """
    (SELECT n, to_timestamp(n * %(every)s::double precision) AS at
     FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n)
"""

_VIOLATIONS: Final = f"""
INSERT INTO violation (id, time, city, site, device, bootid, sequence, received, replayed, rule,
    track, vehicle, act_time, confidence, model_name, model_sha256, clock_source, clock_offset_ms,
    frame_first, frame_last, lane, plate_text, plate_confidence, plate_colour, evidence, reasons)
SELECT bench.id(at, n, 1), at, city, site, device, bootid, n, at + INTERVAL '400 ms', false,
       bench.pick(%(rules)s, n, 2), n, bench.pick(%(vehicles)s, n, 3), at - INTERVAL '2 s',
       0.7 + 0.3 * bench.share(n, 4), 'ioc-sim-v1-int8', repeat('a', 64), 'ntp', 1.0, 10, 40, lane,
       '95A ' || lpad((n %% 99999)::text, 5, '0'), 0.9, 'white', '[]', '[]'
FROM {_NUMBERS} AS event
JOIN bench.lane ON number = floor(bench.share(n, 5) * %(lanes)s)
"""

# Of the cases 82 in 100 end confirmed, 14 rejected, 2 with the supervisor, 1 wants more, 1 is left.
_CASES: Final = f"""
WITH event AS (
    SELECT n, at, bench.share(n, 6) AS fate,
           at + (0.2 + 5 * bench.share(n, 7)) * INTERVAL '1 day' AS decided
    FROM {_NUMBERS} AS numbered
), made AS (
    INSERT INTO review_case (id, city, site, device, bootid, track, vehicle, rules, act_first,
        act_last, plate_read, plate_colour, deadline, state, created, decided)
    SELECT bench.id(at, n, 8), city, site, device, v.bootid, n, vehicle, ARRAY[rule], act_time,
           act_time, plate_text, 'white', act_time + INTERVAL '10 days',
           CASE WHEN decided > %(now)s OR fate >= 0.99 THEN 'pending'
                WHEN fate < 0.82 THEN 'confirmed' WHEN fate < 0.96 THEN 'rejected'
                WHEN fate < 0.98 THEN 'disputed' ELSE 'needs_more' END,
           at + INTERVAL '5 min',
           CASE WHEN decided <= %(now)s AND fate < 0.96 THEN decided END
    FROM event JOIN violation AS v ON v.id = bench.id(at, n, 1)
), linked AS (
    INSERT INTO case_violation (violation, case_id)
    SELECT bench.id(at, n, 1), bench.id(at, n, 8) FROM event
), said AS (
    INSERT INTO review_decision (id, case_id, round, stage, person, verdict, reason, seconds,
        decided)
    SELECT bench.id(decided, n, 9 + turn), bench.id(at, n, 8), 1,
           CASE turn WHEN 1 THEN 'first' ELSE 'second' END,
           people[1 + (n * 7 + turn) %% %(reviewers)s],
           CASE WHEN fate < 0.82 OR (fate >= 0.96 AND turn = 1) THEN 'confirm' ELSE 'reject' END,
           CASE WHEN fate < 0.82 OR (fate >= 0.96 AND turn = 1) THEN NULL
                ELSE bench.pick(%(reasons)s, n, 11) END,
           8 + 60 * bench.share(n, 12), decided - (2 - turn) * INTERVAL '1 hour'
    FROM event CROSS JOIN generate_series(1, 2) AS turn
    CROSS JOIN (SELECT array_agg(id ORDER BY id) AS people FROM person) AS all_people
    WHERE decided <= %(now)s AND fate < 0.98 AND (fate < 0.82 OR fate >= 0.96 OR turn = 1)
)
INSERT INTO webhook_delivery (id, target, event, case_id, body, created, attempts, delivered)
SELECT bench.id(decided, n, 13), 'traffic-command', 'case.confirmed', bench.id(at, n, 8), '{{}}',
       decided, 1, decided + INTERVAL '2 s'
FROM event WHERE decided <= %(now)s AND fate < 0.82
"""

_EVIDENCE: Final = f"""
WITH made AS (
    INSERT INTO evidence (sha256, bytes, media_type, city, site, device, received)
    SELECT encode(sha256(('evidence ' || n || ' ' || part)::bytea), 'hex'),
           CASE part WHEN 0 THEN 1800 WHEN 1 THEN 4000000 ELSE 240000 END,
           CASE part WHEN 0 THEN 'application/json' WHEN 1 THEN 'video/mp4' ELSE 'image/jpeg' END,
           city, site, device, at + INTERVAL '40 s'
    FROM {_NUMBERS} AS event CROSS JOIN generate_series(0, 5) AS part
    JOIN bench.lane ON number = floor(bench.share(n, 5) * %(lanes)s)
)
INSERT INTO evidence_set (manifest, city, site, device, rule, act_time, key, fault, content,
    checked)
SELECT encode(sha256(('evidence ' || n || ' 0')::bytea), 'hex'), city, site, device,
       bench.pick(%(rules)s, n, 2), at - INTERVAL '2 s', 'key',
       CASE WHEN bench.share(n, 14) < 0.002 THEN 'signature' END, '{{}}', at + INTERVAL '45 s'
FROM {_NUMBERS} AS event JOIN bench.lane ON number = floor(bench.share(n, 5) * %(lanes)s)
"""

_ALERTS: Final = f"""
INSERT INTO alert (id, kind, subject, city, site, device, raised_at, cleared_at, value, threshold,
    message_vi, message_en, published)
SELECT bench.id(at, n, 20), bench.pick(%(kinds)s, n, 21), concat_ws('/', city, site, device),
       city, site, device, at, CASE WHEN at < %(now)s - INTERVAL '40 min' THEN
           at + (1 + 30 * bench.share(n, 22)) * INTERVAL '1 min' END,
       1.9, 1.8, 'Cảnh báo ' || n, 'Alert ' || n, true
FROM {_NUMBERS} AS event JOIN bench.device ON number = floor(bench.share(n, 23) * %(devices)s)
"""

_LETTERS: Final = f"""
INSERT INTO dead_letter (id, received, stage, topic, city, site, device, reason, field, detail, raw,
    raw_bytes, properties)
SELECT bench.id(at, n, 30), at, 'bridge', 'ioc/v1', city, site, device,
       bench.pick(%(set_aside)s, n, 31), '$', 'made up', '\\x7b7d', 2, '{{}}'
FROM {_NUMBERS} AS event JOIN bench.device ON number = floor(bench.share(n, 32) * %(devices)s)
"""

# The links are no chain: nothing here follows it.
_AUDIT: Final = f"""
INSERT INTO audit (seq, at, actor, action, subject, record, previous, hash)
SELECT n, at, 'reviewer-' || n %% %(reviewers)s, bench.pick(%(actions)s, n, 40), 'case ' || n,
       '{{}}', sha256(int8send(n - 1)), sha256(int8send(n)) FROM {_NUMBERS} AS event
"""

_ROOTS: Final = f"""
INSERT INTO audit_root (day, seq, hash, key, signature, signed)
SELECT at::date, n, sha256(int8send(n)), 'key', repeat('s', 64)::bytea, at
FROM {_NUMBERS} AS event ON CONFLICT DO NOTHING
"""

_STATUSES: Final = f"""
INSERT INTO status (id, time, city, site, device, bootid, state, versions, received)
SELECT bench.id(at, n, 50), at, city, site, device, bootid,
       CASE n %% 2 WHEN 0 THEN 'offline' ELSE 'online' END, '{{}}', at
FROM {_NUMBERS} AS event JOIN bench.device ON number = floor(bench.share(n / 2, 51) * %(devices)s)
"""

_INDICATORS: Final = f"""
INSERT INTO reading (id, time, city, site, device, bootid, sequence, received, replayed, quantity,
    value, unit, quality)
SELECT bench.id(at, n * 100 + position, number), at, city, site, device, bootid,
       n * 100 + position, at + INTERVAL '1 s', false, quantity,
       least(CASE unit WHEN '%%' THEN 100 END,
             round((target * (0.9 + 0.12 * bench.share(n, position)))::numeric, 1)), unit, 'good'
FROM {_NUMBERS} AS event CROSS JOIN indicator
CROSS JOIN (SELECT * FROM bench.device WHERE device = 'lgsp') AS office
"""

_CORE: Final = f"""
INSERT INTO core_figure (part, figure, label, time, value, unit)
SELECT part, figure, label, at, low + (high - low) * bench.share(n, ascii(figure)), unit
FROM {_NUMBERS} AS event CROSS JOIN bench.core
WHERE (n * %(every)s::double precision)::bigint %% every_s = 0
"""

_SIGNALS: Final = f"""
INSERT INTO signal (id, time, city, site, device, bootid, sequence, received, replayed, head, phase,
    since)
SELECT bench.id(at, n * 1000 + number * 10 + head, 70), at, city, site, device, bootid, n,
       at + INTERVAL '400 ms', false, 'head-' || head,
       (ARRAY['green', 'yellow', 'red'])[1 + (n + head) %% 3], at
FROM {_NUMBERS} AS event CROSS JOIN generate_series(1, 4) AS head
CROSS JOIN (SELECT * FROM bench.device WHERE device LIKE 'signals-%%') AS controller
"""


class _Act(NamedTuple):
    """A statement and how often its events come.

    Attributes:
        text: SQL.
        every_s: Seconds between two.
        kept: How long such rows are kept; older ones are not made.
        dense: Seconds between two where the step is dense, but not before so long ago: they are
            many, and no query looks further back.
    """

    text: str
    every_s: float
    kept: timedelta | None = None
    dense: tuple[float, timedelta] | None = None


_KEPT: Final = timedelta(days=KEPT_DAYS["signal", "time"])
_ACTS: Final = (
    _Act(_VIOLATIONS, _DAY_S / VIOLATIONS_A_DAY),
    _Act(_CASES, _DAY_S / VIOLATIONS_A_DAY),
    _Act(_EVIDENCE, _DAY_S / VIOLATIONS_A_DAY),
    _Act(_ALERTS, _DAY_S / ALERTS_A_DAY),
    _Act(_LETTERS, _DAY_S / LETTERS_A_DAY),
    _Act(_AUDIT, _DAY_S / AUDIT_A_DAY),
    _Act(_ROOTS, _DAY_S),
    _Act(_INDICATORS, 21_600),
    _Act(_STATUSES, _DAY_S / STATUSES_A_DAY, _KEPT),
    _Act(_SIGNALS, 3600, _KEPT, (20, timedelta(days=2))),
    _Act(_CORE, 900, timedelta(days=RAW_DAYS), (15, timedelta(days=2))),
)


def fill(connection: Connection[Any], province: Province, step: Step, now: datetime) -> None:
    """All events of a step; the caller commits.

    Args:
        connection: A role that owns the tables: it writes decided cases past their guard.
        province: Where they happen.
        step: When.
        now: What lies after it has not happened: no decision, no end of an alert.
    """
    values = {
        "rules": list(get_args(Rule)),
        "vehicles": list(get_args(VehicleClass)),
        "reasons": ["wrong_plate", "signal_wrong", "unclear_image", "not_a_violation"],
        "kinds": ["device_silent", "queue_spillback", "violation_surge", "water_level", "pm2_5"],
        "actions": ["case.viewed", "case.decided", "session.begun", "session.refused",
                    "case.exported", "access.refused"],
        "set_aside": [reason.value for reason in Reason],
        "reviewers": REVIEWERS,
        "lanes": len(province.lanes),
        "devices": len(province.devices),
        "now": now,
    }  # fmt: skip
    connection.execute("ALTER TABLE review_case DISABLE TRIGGER review_case_guard")
    for act in _ACTS:
        for begin, end, every_s in _stretches(act, step, now):
            span = {
                "first": ceil(begin.timestamp() / every_s),
                "last": ceil(end.timestamp() / every_s) - 1,
                "every": every_s,
            }
            connection.execute(act.text.encode(), {**values, **span})
    connection.execute("ALTER TABLE review_case ENABLE TRIGGER review_case_guard")


def _stretches(act: _Act, step: Step, now: datetime) -> Iterator[tuple[datetime, datetime, float]]:
    """The part of a step that is filled thinly, then the dense one."""
    first = step.first if act.kept is None else max(step.first, now - act.kept)
    if act.dense is None or not step.dense:
        middle = step.last
    else:
        middle = min(max(now - act.dense[1], first), step.last)
    if first < middle:
        yield first, middle, act.every_s
    if act.dense is not None and middle < step.last:
        yield middle, step.last, act.dense[0]
