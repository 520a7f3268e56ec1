"""All that is known of a case, read in one go, and which of its files an export takes along."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from console.export.verify_script import NAME
from console.signatures import signature_fault
from ioc.events import ViolationData
from ioc.law import Penalty, catalogue, day_of_act
from ioc.manifest import verify_violation
from ioc.topics import DevicePath
from store import audit, case_file, cases, device_keys, evidence, export, roots
from store.case_file import NoteRow
from store.cases import CaseRow, DecisionRow
from store.chain import Head
from store.device_keys import Connection, EnrolledKey
from store.evidence import CaseEvidence, CaseFile
from store.export import Envelope, Junction
from store.people import Person
from store.roots import Root

MissingReason = Literal[
    "not_received", "removed_by_retention", "viewing_copy", "damaged", "not_included"
]
SUFFIX: Final = {
    "video/mp4": "mp4",
    "video/x-matroska": "mkv",
    "image/jpeg": "jpg",
    "image/png": "png",
    "application/json": "json",
}


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A violation of the case.

    Attributes:
        envelope: What the message said round it.
        path: The camera.
        data: As the device signed it; None when somebody changed the row.
        proof: Its files and manifest.
        fault: Why the event's signature is not trusted; None when it is.
        signer: The key that signed the event; None when none of the device's has.
        penalty: Of the law of the day of the act.
        absence: Why the law's catalogue names none on purpose, Vietnamese.
    """

    envelope: Envelope
    path: DevicePath
    data: ViolationData | None
    proof: CaseEvidence
    fault: str | None
    signer: EnrolledKey | None
    penalty: Penalty | None
    absence: str | None

    @property
    def id(self) -> UUID:
        """Of the violation."""
        return self.envelope.id


@dataclass(frozen=True, slots=True)
class Item:
    """A file that a violation names.

    Attributes:
        violation: Which.
        file: The file.
        path: Its place in the export.
        missing: Why it is not taken along; None when it is.
    """

    violation: UUID
    file: CaseFile
    path: str
    missing: MissingReason | None


@dataclass(frozen=True, slots=True)
class Contents:
    """A case as it is exported.

    Attributes:
        id: Of the export.
        made: When.
        why: The reason that the person gave.
        person: Who exports it.
        keys: Keys of devices that have signed something of it.
        head: End of the audit's chain.
        root: The newest signed root.
    """

    id: UUID
    made: datetime
    why: str
    person: Person
    case: CaseRow
    junction: Junction | None
    exhibits: tuple[Exhibit, ...]
    decisions: tuple[DecisionRow, ...]
    notes: tuple[NoteRow, ...]
    keys: tuple[EnrolledKey, ...]
    head: Head
    root: Root | None

    @property
    def items(self) -> list[Item]:
        """All files, with those that are not taken along."""
        return [item for exhibit in self.exhibits for item in _items(exhibit)]

    @property
    def subjects(self) -> list[str]:
        """What the extract of the audit is on."""
        found = {f"case:{self.case.number}"}
        for item in self.items:
            found |= {f"evidence:{item.file.sha256}", f"violation:{item.violation}"}
        return sorted(found)


async def load(
    connection: Connection, case: CaseRow, person: Person, *, id: UUID, why: str, now: datetime
) -> Contents:
    """Read all that an export of a case tells.

    Args:
        connection: Inside a transaction.
        case: Which.
        person: Who exports it.
        id: Of the export.
        why: The reason that the person gave.
        now: The time.
    """
    envelopes = await export.envelopes(connection, case.id)
    signed = await evidence.violations_data(connection, [one.id for one in envelopes])
    proofs = {one.violation: one for one in await evidence.sets_of_case(connection, case.id)}
    paths = list({one.path for one in signed.values()})
    by_device = await device_keys.keys_by_device(connection, paths)
    used: dict[bytes, EnrolledKey] = {}
    exhibits = []
    for envelope in envelopes:
        path, data = signed[envelope.id]
        proof, keys = proofs[envelope.id], by_device.get(path, [])
        signer = _signer(data, keys)
        said = None if proof.manifest is None else proof.manifest.key
        used |= {key.public: key for key in keys if key == signer or key.key == said}
        penalty, absence = (None, None) if data is None else law_of(data)
        fault = "changed" if data is None else signature_fault(data, keys)
        exhibits.append(Exhibit(envelope, path, data, proof, fault, signer, penalty, absence))
    newest = await roots.roots(connection, newest=1)
    return Contents(
        id=id,
        made=now,
        why=why,
        person=person,
        case=case,
        junction=await export.junction(connection, case.city, case.site),
        exhibits=tuple(exhibits),
        decisions=tuple(await cases.decisions(connection, case.id)),
        notes=tuple(await case_file.notes(connection, case.id)),
        keys=tuple(sorted(used.values(), key=lambda key: key.key)),
        head=await audit.head(connection),
        root=newest[-1] if newest else None,
    )


def law_of(data: ViolationData) -> tuple[Penalty | None, str | None]:
    """What the law of the day of the act holds ready, or why nothing."""
    over = None
    if data.speed_kmh is not None and data.limit_kmh is not None:
        over = data.speed_kmh - data.limit_kmh
    day = day_of_act(data.act_time)
    penalty = catalogue().penalty(data.rule, data.vehicle, day, over_kmh=over)
    return penalty, catalogue().absence(data.rule, data.vehicle, day)


def _signer(data: ViolationData | None, keys: list[EnrolledKey]) -> EnrolledKey | None:
    if data is None:
        return None
    return next((key for key in keys if verify_violation(data, key.public)), None)


def _items(exhibit: Exhibit) -> list[Item]:
    said = exhibit.proof.manifest
    names: dict[str, str] = {} if said is None else {file.role: file.name for file in said.files}
    found: list[Item] = []
    taken = {"manifest.json"}
    for role, file in exhibit.proof.files.items():
        name = names.get(role, "") if role != "manifest" else "manifest.json"
        if name in taken or not NAME.fullmatch(name):  # a device may name its files as it likes
            name = f"{role}.{SUFFIX.get(file.media_type, 'bin')}"
        if role == "manifest":
            name = "manifest.json"
        elif name in taken:
            name = f"{role}-file.bin"
        taken.add(name)
        path = f"evidence/{exhibit.id}/{name}"
        found.append(Item(exhibit.id, file, path, _missing(file)))
    return found


def _missing(file: CaseFile) -> MissingReason | None:
    if file.derived:
        return "viewing_copy"
    if file.deleted is not None:
        return "removed_by_retention"
    return "not_received" if file.received is None else None
