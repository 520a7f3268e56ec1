"""A decided case with real evidence of real cameras, as tests of export and retention need it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from console.intake import manifest_in
from console.originals import place_of
from ioc.events import Plate, SignalRef, ViolationData
from ioc.identity import DeviceKey, key_id
from ioc.ids import uuid7
from ioc.manifest import sign_violation
from ioc.settings import DatabaseSettings
from tests.console.senders import (
    PATH,
    enrol,
    enter_violation,
    event_of,
    make_set,
    replace_data,
    stored,
)
from tests.vision.evidence.sets import key_of
from vision.evidence.request import Evidence

ACT = datetime(2026, 11, 22, 1, 2, 3, 456000, tzinfo=UTC)


@dataclass
class Act:
    """A violation with its evidence.

    Attributes:
        data: As the camera signed it.
        evidence: Its files.
        node: Where the camera keeps them.
    """

    id: UUID
    data: ViolationData
    evidence: Evidence
    node: Path

    def digest(self, role: str) -> str:
        return next(ref.sha256 for ref in self.evidence.refs if ref.role == role)


def make_act(
    database: DatabaseSettings, folder: Path, *, track: int = 7, signed: bool = True, **more: Any
) -> Act:
    """A violation in the database, its evidence on the camera."""
    node, keys = folder / f"node-{track}", folder / "node-keys"
    evidence = make_set(node, keys, track=track)
    key = key_of(keys)
    data = replace_data(
        event_of(evidence, None, track=track),
        plate=Plate(text="95B1-123.45", confidence=0.93, colour="white"),
        lane="lane-1",
        signal=SignalRef(head="north", phase="red", since=ACT - timedelta(seconds=12)),
        reasons=("vạch dừng bị vượt khi đèn đỏ / line crossed on red",),
        **more,
    )
    if signed:
        data = sign_violation(data, key)
    return Act(enter_violation(database, data), data, evidence, node)


def enrol_camera(database: DatabaseSettings, folder: Path) -> DeviceKey:
    """Trust the camera's key."""
    key = key_of(folder / "node-keys")
    enrol(database, key)
    return key


def deliver(
    database: DatabaseSettings,
    folder: Path,
    act: Act,
    *,
    but: tuple[str, ...] = (),
    received: datetime | None = None,
) -> None:
    """Bring evidence to the console, as intake does."""
    received = received or datetime.now(UTC)
    with psycopg.connect(database.url) as connection:
        for ref in act.evidence.refs:
            if ref.role in but:
                continue
            data = stored(act.node, ref.sha256)
            place = folder / "originals" / place_of(ref.sha256)
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.write_bytes(data)
                place.chmod(0o444)
            connection.execute(
                "INSERT INTO evidence (sha256, bytes, media_type, city, site, device, received) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (ref.sha256, len(data), ref.media_type, *PATH, received),
            )
            connection.execute(
                "SELECT audit_append(%s, 'evidence.received', %s, '{}')",
                (f"device:{PATH.source}", f"evidence:{ref.sha256}"),
            )
            if ref.role != "manifest":
                continue
            found = manifest_in(data)
            assert found is not None
            said, public = found.signed.manifest, found.signed.public
            connection.execute(
                "INSERT INTO evidence_set (manifest, city, site, device, rule, act_time, key, "
                "fault, content) SELECT %s, %s, %s, %s, %s, %s, %s, CASE WHEN EXISTS "
                "(SELECT 1 FROM device_key WHERE public = %s) THEN NULL ELSE 'unknown_key' END, "
                "%s::jsonb",
                (ref.sha256, *PATH, said.rule, said.act_time, key_id(public), public,
                 found.content),
            )  # fmt: skip


def enter_case(
    database: DatabaseSettings,
    acts: list[Act],
    *,
    state: str = "confirmed",
    decided: datetime | None = None,
    hold: str | None = None,
) -> int:
    """A case of some violations, decided by two people as the database demands; its number."""
    now = datetime.now(UTC)
    decided = decided or now
    first = acts[0].data
    case = uuid7(now)
    plate = None if first.plate is None else first.plate.text
    with psycopg.connect(database.url) as connection:
        cursor = connection.execute(
            "INSERT INTO review_case (id, city, site, device, bootid, track, vehicle, rules, "
            "act_first, act_last, plate_read, plate_colour, deadline) VALUES "
            "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'white', %s) RETURNING number",
            (case, *PATH, uuid7(now), first.track, first.vehicle, [a.data.rule for a in acts],
             min(a.data.act_time for a in acts), max(a.data.act_time for a in acts), plate,
             now + timedelta(days=10)),
        )  # fmt: skip
        row = cursor.fetchone()
        assert row is not None
        for act in acts:
            connection.execute("INSERT INTO case_violation VALUES (%s, %s)", (act.id, case))
        said = {"confirmed": ("first:confirm", "second:confirm"), "rejected": ("first:reject",),
                "second": ("first:confirm",)}.get(state, ())  # fmt: skip
        for number, one in enumerate(said):
            person = ("reviewer", "supervisor")[number]
            spoke = decided - timedelta(minutes=len(said) - 1 - number)
            stage, _, verdict = one.partition(":")
            connection.execute(
                "INSERT INTO review_decision (id, case_id, round, stage, person, verdict, reason, "
                "plate, decided) SELECT %s, %s, 1, %s, id, %s, %s, %s, %s FROM person "
                "WHERE login = %s",
                (uuid7(now), case, stage, verdict,
                 "unclear_image" if verdict == "reject" else None, plate, spoke, person),
            )  # fmt: skip
        connection.execute(
            "UPDATE review_case SET state = %s, decided = %s, hold = %s WHERE id = %s",
            (state, decided if state in ("confirmed", "rejected") else None, hold, case),
        )
        connection.execute(
            "SELECT audit_append('person:reviewer', 'case.viewed', %s, '{}')", (f"case:{row[0]}",)
        )
    return int(row[0])


def enter_site(
    database: DatabaseSettings, name: str = "Ngã tư Trần Hưng Đạo – Châu Văn Liêm"
) -> None:
    """Name the junction."""
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO site (city, site, name_vi, name_en, city_name_vi, city_name_en, ward, "
            "latitude, longitude) VALUES (%s, %s, %s, 'Crossing', 'Vị Thanh', 'Vi Thanh', NULL, "
            "9.78421, 105.47113)",
            (PATH.city, PATH.site, name),
        )
