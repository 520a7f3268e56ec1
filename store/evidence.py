"""What proves a case: its violations as their devices signed them, and the files they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from ioc.events import ViolationData
from ioc.manifest import Manifest
from ioc.topics import DevicePath
from store.evidence_files import SetRow, files_of, manifest_of, sets_of

Connection = AsyncConnection[Any]

# --- events -------------------------------------------------------------------------------------


class SignedViolation(NamedTuple):
    """A violation as its device signed it, and the device.

    Attributes:
        data: None when the row holds what no device can have sent: somebody changed it.
    """

    path: DevicePath
    data: ViolationData | None


_VIOLATION: Final = (
    "id, city, site, device, rule, track, vehicle, act_time, confidence, model_name, "
    "model_sha256, clock_source, clock_offset_ms, frame_first, frame_last, lane, plate_text, "
    "plate_confidence, plate_colour, speed_kmh, limit_kmh, calibration, signal_head, "
    "signal_phase, signal_since, evidence, reasons, signature"
)


async def violation_data(connection: Connection, violation: UUID) -> SignedViolation | None:
    """A violation of the database as the device sent it; None when there is none."""
    return (await violations_data(connection, [violation])).get(violation)


async def violations_data(
    connection: Connection, violations: Sequence[UUID]
) -> dict[UUID, SignedViolation]:
    """Violations of the database as their devices sent them, by id."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"SELECT {_VIOLATION} FROM violation WHERE id = ANY(%s)", (list(violations),)
        )
        return {row["id"]: _signed(row) for row in await cursor.fetchall()}


def _signed(row: dict[str, Any]) -> SignedViolation:
    """Undo ``store.rows``: what was signed has one spelling, so nothing may be added or missing."""
    plate = signal = None
    if row["plate_text"] is not None:
        plate = {
            "text": row["plate_text"],
            "confidence": row["plate_confidence"],
            "colour": row["plate_colour"],
        }
    if row["signal_head"] is not None:
        since = row["signal_since"]
        signal = {
            "head": row["signal_head"],
            "phase": row["signal_phase"],
            "since": None if since is None else since.astimezone(UTC),
        }
    same = ("rule", "track", "vehicle", "confidence", "lane", "speed_kmh", "limit_kmh",
            "calibration", "evidence", "reasons", "signature")  # fmt: skip
    told = {
        **{name: row[name] for name in same},
        "act_time": row["act_time"].astimezone(UTC),
        "model": {"name": row["model_name"], "sha256": row["model_sha256"]},
        "clock": {"source": row["clock_source"], "offset_ms": row["clock_offset_ms"]},
        "frames": {"first": row["frame_first"], "last": row["frame_last"]},
        "plate": plate,
        "signal": signal,
    }
    path = DevicePath(row["city"], row["site"], row["device"])
    try:
        return SignedViolation(path, msgspec.convert(told, ViolationData))
    except msgspec.ValidationError:
        return SignedViolation(path, None)


# --- files of a case ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """A file that a violation names.

    Attributes:
        received: When it came whole; None: it has not come.
        deleted: When retention removed it.
        picture: For a still, which picture of the clip, counted from 1.
        offset_us: For a still, its time after the act, microseconds.
        derived: It was made for the reviewer and is no original.
    """

    role: str
    sha256: str
    bytes: int
    media_type: str
    received: datetime | None
    deleted: datetime | None
    picture: int | None
    offset_us: int | None
    derived: bool

    @property
    def is_there(self) -> bool:
        """Whether its bytes are held now."""
        return self.received is not None and self.deleted is None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvidence:
    """What proves one violation of a case.

    Attributes:
        files: By role, as the event names them; ``manifest`` is among them.
        fault: Why the manifest is not trusted, None when it is: ``no_manifest`` (the event names
            none), ``not_received``, ``unreadable``, ``differs`` (it is another violation's), or a
            ``console.signatures.Fault``. The text ``fault_<name>`` says it to people.
        manifest: What the manifest says, trusted or not; None when it has not arrived or is none.
    """

    violation: UUID
    path: DevicePath
    rule: str
    act_time: datetime
    files: dict[str, CaseFile]
    fault: str | None
    manifest: Manifest | None

    @property
    def act_picture(self) -> int | None:
        """Number of the clip's picture of the act, counted from 1."""
        at = self.files.get("at")
        if at is not None and at.picture is not None:
            return at.picture
        if self.manifest is None or self.manifest.clip is None:
            return None
        times = self.manifest.clip.pictures_us
        return min(range(len(times)), key=lambda n: abs(times[n])) + 1 if times else None

    @property
    def view_start_us(self) -> int | None:
        """Time of the first picture of the clip's viewing copy after the act, microseconds.

        A copy begins where the time asked for begins, whoever made it; second ``s`` of it is
        ``view_start_us + s * 1e6`` after the act.
        """
        if self.manifest is None or self.manifest.clip is None:
            return None
        return view_start_us(self.manifest)


def view_start_us(manifest: Manifest) -> int | None:
    """As ``CaseEvidence.view_start_us``; None when the clip shows nothing."""
    clip = manifest.clip
    if clip is None or not clip.pictures_us:
        return None
    inside = (
        us for us in clip.pictures_us if clip.asked_start_us - 1 <= us <= clip.asked_end_us + 1
    )
    return min(inside, default=min(clip.pictures_us))


async def case_of(connection: Connection, number: int) -> tuple[UUID, bool] | None:
    """Id of a case, and whether retention has emptied it."""
    cursor = await connection.execute(
        "SELECT id, expunged IS NOT NULL FROM review_case WHERE number = %s", (number,)
    )
    row = await cursor.fetchone()
    return None if row is None else (row[0], row[1])


async def cases_ahead(connection: Connection, limit: int) -> list[UUID]:
    """Cases that reviewers will open next."""
    cursor = await connection.execute(
        "SELECT id FROM review_case WHERE state IN ('pending', 'second', 'blind') "
        "ORDER BY deadline, id LIMIT %s",
        (limit,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def sets_of_case(connection: Connection, case: UUID) -> list[CaseEvidence]:
    """What proves the violations of a case, in the order of the acts."""
    return (await sets_of_cases(connection, [case])).get(case, [])


async def sets_of_cases(
    connection: Connection, cases: Sequence[UUID]
) -> dict[UUID, list[CaseEvidence]]:
    """What proves the violations of some cases, in the order of the acts: three queries in all."""
    cursor = await connection.execute(
        "SELECT m.case_id, v.id, v.city, v.site, v.device, v.rule, v.track, v.act_time, v.evidence "
        "FROM case_violation m JOIN violation v ON v.id = m.violation WHERE m.case_id = ANY(%s) "
        "ORDER BY v.act_time, v.id",
        (list(cases),),
    )
    rows = await cursor.fetchall()
    named = {ref["sha256"] for row in rows for ref in row[8]}
    held = await files_of(connection, list(named)) if named else {}
    sets = await sets_of(connection, list(named)) if named else {}
    found: dict[UUID, list[CaseEvidence]] = {}
    for case, violation, city, site, device, rule, track, act_time, evidence in rows:
        path = DevicePath(city, site, device)
        refs = {ref["role"]: ref for ref in evidence}
        ref = refs.get("manifest")
        arrived = None if ref is None else sets.get(ref["sha256"])
        said = None if arrived is None else _said(arrived)
        fault = _fault(ref, held) if arrived is None or said is None else arrived.fault
        if said is not None and not _belongs(said, path, rule, track, act_time, evidence):
            fault = "differs"
        records = {} if said is None else {file.sha256: file for file in said.files}
        files = {}
        for role, one in refs.items():
            row, record = held.get(one["sha256"]), records.get(one["sha256"])
            files[role] = CaseFile(
                role=role,
                sha256=one["sha256"],
                bytes=one["bytes"],
                media_type=one["media_type"],
                received=None if row is None else row.received,
                deleted=None if row is None else row.deleted,
                picture=None if record is None else record.picture,
                offset_us=None if record is None else record.offset_us,
                derived=role == "proxy" if record is None else record.derived,
            )
        found.setdefault(case, []).append(
            CaseEvidence(
                violation=violation, path=path, rule=rule, act_time=act_time, files=files,
                fault=fault, manifest=said,
            )
        )  # fmt: skip
    return found


def _said(arrived: SetRow) -> Manifest | None:
    """What a manifest says; None when somebody put something else into the database."""
    try:
        return manifest_of(arrived.content)
    except msgspec.ValidationError:
        return None


def _fault(ref: dict[str, Any] | None, held: dict[str, Any]) -> str:
    """Why there is no manifest."""
    if ref is None:
        return "no_manifest"
    return "unreadable" if ref["sha256"] in held else "not_received"


def _belongs(
    said: Manifest,
    path: DevicePath,
    rule: str,
    track: int,
    act_time: datetime,
    evidence: Sequence[dict[str, Any]],
) -> bool:
    """Whether a manifest is of this violation and lists exactly the files that the event does."""
    named = sorted((ref["role"], ref["sha256"]) for ref in evidence if ref["role"] != "manifest")
    return (
        (said.source, said.rule, said.track) == (path.source, rule, track)
        and said.act_time == act_time
        and sorted((file.role, file.sha256) for file in said.files) == named
    )
