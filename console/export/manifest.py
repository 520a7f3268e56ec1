"""The manifest of an export: everything that it says and holds, for the console to sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from console.export.contents import Contents, Exhibit, Item
from console.export.verify_script import FORMAT, SIGNATURE_FORMAT
from ioc import __version__
from ioc.console_settings import ConsoleSettings
from ioc.identity import DeviceKey
from ioc.manifest import canonical
from store.cases import DecisionRow

CONSOLE_KEY: Final = "keys/console.pem"


@dataclass(frozen=True, slots=True)
class Packed:
    """A file that lies in the export.

    Attributes:
        path: Its place there.
        role: What it is.
        violation: Whose evidence it is; None for what belongs to the whole.
    """

    path: str
    role: str
    sha256: str
    bytes: int
    media_type: str
    violation: str | None = None


def instant(at: datetime | None) -> str | None:
    """An instant as exports spell it."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def key_path(key: str) -> str:
    """Where a device's key lies in the export."""
    return f"keys/{key}.pem"


def pem(public: bytes) -> bytes:
    """A public key as people pass it on."""
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def make(
    contents: Contents,
    files: Sequence[Packed],
    missing: Sequence[Item],
    lines: int,
    signing: DeviceKey,
    settings: ConsoleSettings,
) -> bytes:
    """The manifest, as it is signed: canonical JSON.

    Args:
        contents: The case.
        files: Everything in the export but manifest and signature.
        missing: Files of the case that are not in it.
        lines: How many lines the extract of the audit has.
        signing: The console's key.
        settings: Units and phone.
    """
    case, root = contents.case, contents.root
    left_out = {(item.violation, item.file.role) for item in missing}
    told = {
        "format": FORMAT,
        "software": __version__,
        "export": {
            "id": str(contents.id),
            "made": instant(contents.made),
            "why": contents.why,
            "login": contents.person.login,
            "name": contents.person.name,
            "unit": contents.person.unit,
            "role": contents.person.role,
        },
        "units": {
            "detecting": settings.detecting_unit,
            "handling": settings.handling_unit,
            "phone": settings.phone,
        },
        "case": {
            "number": case.number,
            "id": str(case.id),
            "city": case.city,
            "site": case.site,
            "device": case.device,
            "bootid": str(case.bootid),
            "track": case.track,
            "vehicle": case.vehicle,
            "rules": case.rules,
            "act_first": instant(case.act_first),
            "act_last": instant(case.act_last),
            "plate_read": case.plate_read,
            "plate_fixed": case.plate_fixed,
            "plate_colour": case.plate_colour,
            "state": case.state,
            "round": case.round,
            "created": instant(case.created),
            "deadline": instant(case.deadline),
            "decided": instant(case.decided),
            "hold": case.hold,
        },
        "site": None if contents.junction is None else asdict(contents.junction),
        "decisions": [_decision(one) for one in contents.decisions],
        "notes": [
            {"name": one.name, "text": one.text, "written": instant(one.written)}
            for one in contents.notes
        ],
        "violations": [
            _violation(one, (one.id, "manifest") in left_out) for one in contents.exhibits
        ],
        "files": [asdict(one) for one in files],
        "missing": [
            {
                "violation": str(item.violation),
                "role": item.file.role,
                "sha256": item.file.sha256,
                "bytes": item.file.bytes,
                "media_type": item.file.media_type,
                "reason": item.missing or "not_included",
            }
            for item in missing
        ],
        "keys": {
            "console": {"id": signing.id, "public": signing.public.hex(), "file": CONSOLE_KEY},
            "devices": [
                {
                    "id": key.key,
                    "public": key.public.hex(),
                    "device": key.path.key,
                    "enrolled": instant(key.enrolled),
                    "revoked": instant(key.revoked),
                    "file": key_path(key.key),
                }
                for key in contents.keys
            ],
        },
        "audit": {
            "lines": lines,
            "head": {"seq": contents.head.seq, "hash": contents.head.hash.hex()},
            "root": None
            if root is None
            else {"day": root.day.isoformat(), "seq": root.seq, "hash": root.hash.hex()},
        },
    }
    return canonical(told)


def sign(manifest: bytes, signing: DeviceKey) -> bytes:
    """The signature's file."""
    return canonical(
        {
            "format": SIGNATURE_FORMAT,
            "key": signing.public.hex(),
            "manifest": sha256(manifest).hexdigest(),
            "signature": signing.sign(manifest).hex(),
        }
    )


def _decision(one: DecisionRow) -> dict[str, Any]:
    return {
        "round": one.round,
        "stage": one.stage,
        "verdict": one.verdict,
        "reason": one.reason,
        "note": one.note,
        "plate": one.plate,
        "decided": instant(one.decided),
        "login": one.login,
        "name": one.name,
        "unit": one.unit,
    }


def _violation(one: Exhibit, without_manifest: bool) -> dict[str, Any]:
    envelope = one.envelope
    of_set = one.proof.fault
    if of_set is None and without_manifest:
        of_set = "manifest_not_included"
    return {
        "id": str(one.id),
        "device": one.path.key,
        "time": instant(envelope.time),
        "received": instant(envelope.received),
        "bootid": str(envelope.bootid),
        "sequence": envelope.sequence,
        "replayed": envelope.replayed,
        "adapter": envelope.adapter,
        "data": one.data,
        "signature_fault": one.fault,
        "signature_key": None if one.signer is None else one.signer.key,
        "evidence_fault": of_set,
        "law": None if one.penalty is None else _law(one),
        "law_absence": one.absence,
    }


def _law(one: Exhibit) -> dict[str, Any]:
    penalty = one.penalty
    assert penalty is not None
    return {**asdict(penalty), "citation": penalty.citation}
