"""The manifest: a signed list of everything that proves one act.

The file is one JSON object ``{"key", "manifest", "signature"}`` in canonical form: keys sorted,
no space, UTF-8. The signature (Ed25519, RFC 8032) is over the canonical form of ``manifest``
alone. There is exactly one spelling of a manifest, so a reader compares bytes after decoding, and
whatever bit was flipped is found. Times are whole microseconds, for there is more than one way to
write a fraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from ioc.events import (
    ClockRef,
    FrameWindow,
    Instant,
    ModelRef,
    Rule,
    Sha256,
    Text,
    VehicleClass,
    ViolationData,
    Whole,
)
from ioc.identity import DeviceKey, is_signed, key_id

FORMAT: Final = "vn.ioc.evidence.v1"
MEDIA_TYPE: Final = "application/json"
MAX_BYTES: Final = 4 * 2**20
"""An hour at 30 pictures a second would be 1.5 MB of times."""

Role = Literal["clip", "before", "at", "after", "plate", "proxy"]
FileName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}\.[a-z0-9]{1,8}(?!\n)$")]
Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?!\n)$")]
Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}(?!\n)$")]
Micros = Annotated[int, Meta(ge=-(2**53), le=2**53)]


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every part of a manifest."""


class FileRecord(Record, frozen=True, kw_only=True):
    """One file.

    Attributes:
        role: What it shows.
        name: Its name in an exported folder.
        sha256: Digest of its bytes, under which it is stored.
        bytes: Its size.
        media_type: Such as ``video/mp4``.
        picture: For a still, which picture of the clip it is, counted from 1.
        offset_us: For a still, its time after the act, microseconds; negative before it.
        derived: True for what was made for the reviewer and is no original.
    """

    role: Role
    name: FileName
    sha256: Sha256
    bytes: Annotated[int, Meta(gt=0, le=2**53)]
    media_type: Annotated[str, Meta(min_length=3, max_length=100)]
    picture: Whole | None
    offset_us: Micros | None
    derived: bool


class ClipRecord(Record, frozen=True, kw_only=True):
    """What the clip shows. Times are microseconds after the act, negative before it.

    Attributes:
        codec: FFmpeg's name.
        width: Columns.
        height: Rows.
        encoded_by: ``camera``, or ``node`` for a source that sends bare pixels.
        asked_start_us: Begin of the time asked for.
        asked_end_us: End of it.
        packets: Coded pictures in the file.
        damaged: Pictures that could be decoded only in part.
        pictures_us: Time of every picture that can be decoded, in the order in which they are
            shown: picture number n, counted from 1, is entry n - 1.
    """

    codec: Text
    width: Whole
    height: Whole
    encoded_by: Literal["camera", "node"]
    asked_start_us: Micros
    asked_end_us: Micros
    packets: Whole
    damaged: Whole
    pictures_us: tuple[Micros, ...]


class GapRecord(Record, frozen=True, kw_only=True):
    """A part of the time asked for without pictures; see ``vision.evidence.ring.Gap``."""

    start_us: Micros
    end_us: Micros
    reason: Text


class BoxRecord(Record, frozen=True, kw_only=True):
    """Where the vehicle was, in pixels of the source's frame, at a time after the act."""

    offset_us: Micros
    left: int
    top: int
    right: int
    bottom: int


class LeftOut(Record, frozen=True, kw_only=True):
    """A file that should be there and is not, and why."""

    role: Role
    reason: Text


class CalibrationRecord(Record, frozen=True, kw_only=True):
    """The calibration that speeds come from.

    Attributes:
        id: Certificate or survey number.
        residual_um: Its error on the surveyed points, micrometres.
    """

    id: Text
    residual_um: Whole | None


class Manifest(Record, frozen=True, kw_only=True):
    """Everything that proves one act.

    Attributes:
        format: Version of this form.
        source: The camera: ``/city/site/device``.
        rule: What was broken.
        vehicle: By what.
        track: Its number in the node's run.
        act_time: When, UTC.
        frames: Frames of the source that the decision rests on.
        clip: What the clip shows; None without one.
        gaps: Parts of the time asked for without pictures.
        boxes: Where the vehicle was.
        files: What lies beside this manifest.
        left_out: What does not, and why.
        model: The detector.
        config_sha256: Digest of the camera's configuration in canonical JSON.
        calibration: Where a speed comes from.
        clock: How far the device's clock was off.
        software: Version of the node.
        key: Id of the key that signed.
    """

    format: Literal["vn.ioc.evidence.v1"]
    source: Text
    rule: Rule
    vehicle: VehicleClass
    track: Whole
    act_time: Instant
    frames: FrameWindow
    clip: ClipRecord | None
    gaps: tuple[GapRecord, ...]
    boxes: tuple[BoxRecord, ...]
    files: Annotated[tuple[FileRecord, ...], Meta(max_length=16)]
    left_out: tuple[LeftOut, ...]
    model: ModelRef
    config_sha256: Sha256
    calibration: CalibrationRecord | None
    clock: ClockRef
    software: Text
    key: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}(?!\n)$")]


class _Signed(Record, frozen=True, kw_only=True):
    key: Hex32
    manifest: Manifest
    signature: Hex64


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """A manifest as it was read, before anybody asked whether its key is to be trusted.

    Attributes:
        manifest: What it says.
        public: The key that it says signed it, 32 raw bytes.
        signature: 64 bytes.
    """

    manifest: Manifest
    public: bytes
    signature: bytes


class ManifestError(ValueError):
    """A file is no manifest; the message says why."""


def canonical(value: Any) -> bytes:
    """The one spelling of a value: JSON with sorted keys, no space, UTF-8."""
    return msgspec.json.encode(value, order="sorted")


def config_digest(config: Any) -> str:
    """Digest of a configuration (a pydantic model or plain values), hex.

    Args:
        config: Such as ``ioc.site.Camera``; what only differs in the order of keys is the same.
    """
    import hashlib

    plain = config.model_dump(mode="json") if hasattr(config, "model_dump") else config
    return hashlib.sha256(canonical(plain)).hexdigest()


def seal(manifest: Manifest, key: DeviceKey) -> bytes:
    """The signed file of a manifest; the same bytes for the same manifest and key."""
    return canonical(
        _Signed(
            key=key.public.hex(),
            manifest=manifest,
            signature=key.sign(canonical(manifest)).hex(),
        )
    )


def read_manifest(data: bytes) -> SignedManifest:
    """Read a manifest file and check everything that needs no other file and no trust.

    Raises:
        ManifestError: It is no manifest, was changed, or does not fit its own signature.
    """
    if len(data) > MAX_BYTES:
        raise ManifestError(f"{len(data)} bytes are too many for a manifest")
    try:
        signed = msgspec.json.decode(data, type=_Signed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"no manifest: {error}") from None
    public = bytes.fromhex(signed.key)
    if canonical(signed) != data:
        raise ManifestError("changed: not spelt as it was signed")
    if not is_signed(canonical(signed.manifest), bytes.fromhex(signed.signature), public):
        raise ManifestError("changed: the signature does not fit")
    if signed.manifest.key != key_id(public):
        raise ManifestError("names another key than the one that signed it")
    for what in ("role", "name"):
        values = [getattr(file, what) for file in signed.manifest.files]
        if len(set(values)) != len(values):
            raise ManifestError(f"two files have the same {what}")
    return SignedManifest(signed.manifest, public, bytes.fromhex(signed.signature))


def sign_violation(data: ViolationData, key: DeviceKey) -> ViolationData:
    """The same violation with the device's signature over all of the rest."""
    return replace(data, signature=key.sign(_unsigned(data)).hex())


def verify_violation(data: ViolationData, public: bytes) -> bool:
    """Whether the owner of a key signed this violation as it is.

    Args:
        data: The violation with its signature.
        public: The key, 32 raw bytes.
    """
    try:
        signature = bytes.fromhex(data.signature or "")
    except ValueError:
        return False
    # One spelling only: fromhex also takes capitals and spaces.
    return signature.hex() == data.signature and is_signed(_unsigned(data), signature, public)


def _unsigned(data: ViolationData) -> bytes:
    return canonical(replace(data, signature=None))
