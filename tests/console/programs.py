"""What tests of the programs' interface share: decided cases, sites, and bearers of credentials."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import httpx
import psycopg
from psycopg.types.json import Jsonb

from console.auth.guard import token_of
from ioc.ids import derived_uuid7, uuid7
from ioc.settings import DatabaseSettings
from tests.console.custody import ADDRESS, Console

NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
"""When the cases here are decided; acts are a day before."""

SITES = (
    ("vithanh", "tran-hung-dao", "Ngã tư Trần Hưng Đạo", "Vị Thanh", 9.7842, 105.4703),
    ("vithanh", "le-loi", "Ngã tư Lê Lợi", "Vị Thanh", 9.79, 105.46),
    ("ngabay", "hung-vuong", "Ngã tư Hùng Vương", "Ngã Bảy", 9.8156, 105.8231),
)
BOOT = derived_uuid7(NOON, "boot")
CLIP = {"role": "clip", "sha256": "c" * 64, "bytes": 1000, "media_type": "video/mp4"}
STILL = {"role": "at", "sha256": "a" * 64, "bytes": 100, "media_type": "image/jpeg"}


@dataclass(frozen=True)
class Made:
    """A case that was made."""

    id: UUID
    number: int


def enter_sites(database: DatabaseSettings) -> None:
    """Junctions of both cities."""
    with psycopg.connect(database.url) as connection:
        for city, site, name, city_name, latitude, longitude in SITES:
            connection.execute(
                "INSERT INTO site (city, site, name_vi, name_en, city_name_vi, city_name_en, ward, "
                "latitude, longitude) VALUES (%s, %s, %s, %s, %s, %s, '31321', %s, %s)",
                (city, site, name, name, city_name, city_name, latitude, longitude),
            )


def make_case(
    database: DatabaseSettings,
    *,
    at: str = "vithanh/tran-hung-dao",
    state: Literal["pending", "second", "confirmed", "rejected"] = "confirmed",
    decided: datetime = NOON,
    rule: str = "red_light",
    vehicle: str = "motorcycle",
    plate: str | None = "95-B1 234.56",
    fixed: str | None = None,
    expunged: datetime | None = None,
    **violation: Any,
) -> Made:
    """A case with one violation, decided by the people of ``custody.enter_people``."""
    city, site = at.split("/")
    act = decided - timedelta(days=1)
    with psycopg.connect(database.url) as connection:
        case, event = uuid7(decided), uuid7(act)
        columns = {
            "id": event,
            "time": act,
            "city": city,
            "site": site,
            "device": "cam-1",
            "bootid": BOOT,
            "sequence": event.int & 0xFFFFFF,
            "replayed": False,
            "rule": rule,
            "track": 7,
            "vehicle": vehicle,
            "act_time": act,
            "confidence": 0.9,
            "model_name": "yolox",
            "model_sha256": "b" * 64,
            "clock_source": "ntp",
            "frame_first": 1,
            "frame_last": 9,
            "lane": "lane-1",
            "plate_text": plate,
            "evidence": Jsonb([CLIP, STILL]),
            "reasons": Jsonb([]),
            **violation,
        }
        connection.execute(
            f"INSERT INTO violation ({', '.join(columns)}) "
            f"VALUES ({', '.join(['%s'] * len(columns))})",
            list(columns.values()),
        )
        row = connection.execute(
            "INSERT INTO review_case (id, city, site, device, bootid, track, vehicle, rules, "
            "act_first, act_last, plate_read, plate_colour, plate_fixed, deadline) "
            "VALUES (%s, %s, %s, 'cam-1', %s, 7, %s, %s, %s, %s, %s, 'white', %s, %s) "
            "RETURNING number",
            (case, city, site, BOOT, vehicle, [rule], act, act, plate, fixed, decided),
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO case_violation (violation, case_id) VALUES (%s, %s)", (event, case)
        )
        verdict = "reject" if state == "rejected" else "confirm"
        reason = "unclear_image" if state == "rejected" else None
        speakers = {"pending": 0, "second": 1, "confirmed": 2, "rejected": 1}[state]
        for stage, who in list(zip(("first", "second"), ("reviewer", "supervisor"), strict=True))[
            :speakers
        ]:
            # The first one's server is a second ahead; the order is that of the stages.
            spoke = decided + timedelta(seconds=stage == "first")
            connection.execute(
                "INSERT INTO review_decision (id, case_id, round, stage, person, verdict, reason, "
                "plate, decided) SELECT %s, %s, 1, %s, id, %s, %s, %s, %s FROM person "
                "WHERE login = %s",
                (uuid7(spoke), case, stage, verdict, reason, plate, spoke, who),
            )
        connection.execute(
            "UPDATE review_case SET state = %s, decided = %s, expunged = %s WHERE id = %s",
            (state, decided if state in ("confirmed", "rejected") else None, expunged, case),
        )
    return Made(case, row[0])


def enter_credential(
    database: DatabaseSettings, name: str, scope: str = "handover", at: str = ""
) -> str:
    """A credential, narrowed to ``city/site/device`` or less; returns the token."""
    token = f"token of {name}"
    parts = [*(part or None for part in at.split("/")), None, None][:3] if at else [None] * 3
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO credential (id, name, token, scope, city, site, device) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (uuid7(NOON), name, token_of(token), scope, *parts),
        )
    return token


@asynccontextmanager
async def bearer(console: Console, token: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """A program with a token, or without one."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(console.app)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers) as client:
        yield client
