"""From the packets round an act to files in the store: clip, stills, plate, manifest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from edge.evidence_store import EvidenceStore, NewFile, StoreError, StoreFullError
from ioc import __version__
from ioc.events import EvidenceRef, Plate
from ioc.identity import DeviceKey
from ioc.manifest import (
    MEDIA_TYPE,
    BoxRecord,
    ClipRecord,
    FileRecord,
    GapRecord,
    LeftOut,
    Manifest,
    Role,
    seal,
)
from ioc.telemetry import logger
from vision.evidence.clip import Clip, ClipError, Reading, make_clip, read_clip
from vision.evidence.request import Evidence, EvidenceRequest, Extra, ReadPlate
from vision.evidence.ring import ClipPackets
from vision.evidence.stills import TimedBox, jpeg, plate_crop, still_times

SPARED_FIRST: Final[tuple[tuple[Role, ...], ...]] = ((), ("proxy",), ("proxy", "clip"))
"""What is left out, step by step, when the disk is full; stills and manifest are the last to go."""

WORDS: Final = {
    "clip": "đoạn phim",
    "before": "ảnh trước hành vi",
    "at": "ảnh lúc vi phạm",
    "after": "ảnh sau hành vi",
    "plate": "ảnh biển số",
    "proxy": "bản xem đã che mặt",
}


@dataclass(frozen=True, slots=True)
class _File:
    record: FileRecord
    data: bytes


Derive = Callable[[Clip], Sequence[Extra]]
"""Makes derived files of a clip, such as the proxy with faces and plates blurred."""


class EvidenceBuilder:
    """Makes and stores the evidence of one camera's violations, on a worker thread.

    The same packets and request give the same bytes, and the same digests, on every run.
    """

    def __init__(
        self,
        store: EvidenceStore,
        key: DeviceKey,
        before_s: float = 1.0,
        after_s: float = 1.0,
        read_plate: ReadPlate | None = None,
        software: str = __version__,
    ) -> None:
        """Set up a camera.

        Args:
            store: Where files go.
            key: What signs the manifests.
            before_s: Seconds from the first still to the act.
            after_s: Seconds from the act to the third still.
            read_plate: Reads plates off the looks of a vehicle, which are decoded anyway.
            software: Version that the manifests name.
        """
        self._store = store
        self._key = key
        self._before_s = before_s
        self._after_s = after_s
        self._read_plate = read_plate
        self._software = software
        self._log = logger("vision.evidence")

    def build(
        self,
        request: EvidenceRequest,
        packets: ClipPackets | None,
        extras: Sequence[Extra] | Derive = (),
    ) -> Evidence:
        """Make the evidence of one act and store it, all of it or none.

        What cannot be made, or has no room, is left out: first the proxy, then the clip. The
        manifest and the reasons say so, and the store counts it. Nothing is raised for it, for a
        violation without a clip is still a violation.

        Args:
            request: What is to be proved.
            packets: ``PacketRing.cut`` round the act.
            extras: Derived files, or what makes them of the clip.
        """
        left_out: list[LeftOut] = []
        clip: Clip | None = None
        files: list[_File] = []
        record: ClipRecord | None = None
        plate: Plate | None = None
        if packets is None:
            left_out.append(LeftOut(role="clip", reason="no_packets"))
            self._store.count("no_clip_packets", rule=request.violation.rule)
        else:
            try:
                clip = make_clip(packets)
                record, files, plate = self._originals(request, clip, left_out)
            except ClipError as error:
                clip = None
                left_out.append(LeftOut(role="clip", reason=f"unreadable: {error}"[:200]))
                self._store.count("no_clip_unreadable", error=str(error))
        files += self._derived(clip, extras, left_out)
        stored = self._store_all(request, clip, record, files, left_out)
        return replace(stored, plate=plate)

    def _originals(
        self, request: EvidenceRequest, clip: Clip, left_out: list[LeftOut]
    ) -> tuple[ClipRecord, list[_File], Plate | None]:
        act = request.act_s
        wanted = still_times(act, clip.times_s[0], clip.times_s[-1], self._before_s, self._after_s)
        looks = request.looks if self._read_plate is not None else ()
        reading = read_clip(clip, (*wanted, *(look.time_s for look in looks)))
        files = [_file("clip", clip.suffix, clip.data, clip.media_type)]
        roles: tuple[Role, ...] = ("before", "at", "after")
        for place, role in enumerate(roles):
            data = jpeg(reading.pictures[place])
            files.append(_still(role, ".jpg", data, "image/jpeg", reading, place, act))
        plate: Plate | None = None
        if self._read_plate is not None and looks:
            plate, found = self._plate(looks, reading, self._read_plate, left_out)
            if found is not None:
                place, crop = found
                files.append(_still("plate", ".png", crop, "image/png", reading, place, act))
        return _clip_record(request, clip, reading), files, plate

    def _plate(
        self,
        looks: Sequence[TimedBox],
        reading: Reading,
        read_plate: ReadPlate,
        left_out: list[LeftOut],
    ) -> tuple[Plate | None, tuple[int, bytes] | None]:
        """The plate, and which picture shows it best with its crop as PNG."""
        corners = [(max(0, int(look.left)), max(0, int(look.top))) for look in looks]
        crops = [
            picture[top : math.ceil(look.bottom), left : math.ceil(look.right)]
            for look, picture, (left, top) in zip(looks, reading.pictures[3:], corners, strict=True)
        ]
        seen = read_plate(crops)
        if seen is None:
            return None, None
        left, top = corners[seen.look]
        box = TimedBox(
            looks[seen.look].time_s,
            left + seen.box[0],
            top + seen.box[1],
            left + seen.box[2],
            top + seen.box[3],
        )
        crop = plate_crop(reading.pictures[3 + seen.look], box)
        if crop is None:
            left_out.append(LeftOut(role="plate", reason="outside_the_picture"))
            self._store.count("no_plate_outside")
            return seen.plate, None
        return seen.plate, (3 + seen.look, crop)

    def _derived(
        self, clip: Clip | None, extras: Sequence[Extra] | Derive, left_out: list[LeftOut]
    ) -> list[_File]:
        if callable(extras):
            try:
                extras = () if clip is None else extras(clip)
            except Exception as error:  # whatever a filter does, the originals are stored
                self._log.exception("no proxy could be made")
                left_out.append(LeftOut(role="proxy", reason=f"failed: {error}"[:200]))
                self._store.count("no_proxy_failed")
                return []
        return [_file(e.role, e.suffix, e.data, e.media_type, derived=True) for e in extras]

    def _store_all(
        self,
        request: EvidenceRequest,
        clip: Clip | None,
        record: ClipRecord | None,
        files: Sequence[_File],
        left_out: Sequence[LeftOut],
    ) -> Evidence:
        tried: list[_File] | None = None
        for spared in SPARED_FIRST:
            kept = [file for file in files if file.record.role not in spared]
            if kept == tried:
                continue
            tried = kept
            missing = [
                *left_out,
                *(
                    LeftOut(role=file.record.role, reason="disk_full")
                    for file in files
                    if file.record.role in spared
                ),
            ]
            manifest = seal(self._manifest(request, clip, record, kept, missing), self._key)
            new = [NewFile(f.record.role, f.data, f.record.media_type) for f in kept]
            try:
                sha256 = self._store.commit(new, manifest)
            except StoreFullError:
                continue
            except StoreError as error:
                self._store.count("lost_disk", error=str(error))
                return Evidence((), ("không lưu được bằng chứng: lỗi ổ đĩa",))
            for file in files:
                if file.record.role in spared:
                    self._store.count(f"no_{file.record.role}_full", rule=request.violation.rule)
            refs = [_ref(file.record) for file in kept]
            refs.append(
                EvidenceRef(
                    role="manifest", sha256=sha256, bytes=len(manifest), media_type=MEDIA_TYPE
                )
            )
            return Evidence(tuple(refs), tuple(_reason(one) for one in missing))
        self._store.count("lost_full", rule=request.violation.rule)
        return Evidence((), ("không lưu được bằng chứng: ổ đĩa đầy",))

    def _manifest(
        self,
        request: EvidenceRequest,
        clip: Clip | None,
        record: ClipRecord | None,
        files: Sequence[_File],
        left_out: Sequence[LeftOut],
    ) -> Manifest:
        violation, act = request.violation, request.act_s
        return Manifest(
            format="vn.ioc.evidence.v1",
            source=request.path.source,
            rule=violation.rule,
            vehicle=violation.vehicle,
            track=violation.track,
            act_time=violation.act_time,
            frames=violation.frames,
            clip=record,
            gaps=tuple(
                GapRecord(
                    start_us=_micros(gap.start_s - act),
                    end_us=_micros(gap.end_s - act),
                    reason=gap.reason,
                )
                for gap in (() if clip is None else clip.gaps)
            ),
            boxes=tuple(
                BoxRecord(
                    offset_us=_micros(box.time_s - act),
                    left=round(box.left),
                    top=round(box.top),
                    right=round(box.right),
                    bottom=round(box.bottom),
                )
                for box in request.boxes
            ),
            files=tuple(file.record for file in files),
            left_out=tuple(left_out),
            model=violation.model,
            config_sha256=request.config_sha256,
            calibration=request.calibration,
            clock=violation.clock,
            software=self._software,
            key=self._key.id,
        )


def _clip_record(request: EvidenceRequest, clip: Clip, reading: Reading) -> ClipRecord:
    act = request.act_s
    return ClipRecord(
        codec=clip.stream.codec,
        width=reading.width,
        height=reading.height,
        encoded_by=request.encoded_by,
        asked_start_us=_micros(clip.start_s - act),
        asked_end_us=_micros(clip.end_s - act),
        packets=len(clip.times_s),
        damaged=reading.damaged,
        pictures_us=tuple(_micros(at - act) for at in reading.times_s),
    )


def _file(
    role: Role,
    suffix: str,
    data: bytes,
    media_type: str,
    picture: int | None = None,
    offset_us: int | None = None,
    *,
    derived: bool = False,
) -> _File:
    record = FileRecord(
        role=role,
        name=role + suffix,
        sha256=NewFile(role, data, media_type).sha256,
        bytes=len(data),
        media_type=media_type,
        picture=picture,
        offset_us=offset_us,
        derived=derived,
    )
    return _File(record, data)


def _still(
    role: Role, suffix: str, data: bytes, media_type: str, reading: Reading, place: int, act: float
) -> _File:
    index = reading.indices[place]
    return _file(role, suffix, data, media_type, index + 1, _micros(reading.times_s[index] - act))


def _ref(record: FileRecord) -> EvidenceRef:
    return EvidenceRef(
        role=record.role,
        sha256=record.sha256,
        bytes=record.bytes,
        media_type=record.media_type,
    )


def _reason(missing: LeftOut) -> str:
    why = {
        "disk_full": "ổ đĩa đầy",
        "no_packets": "camera không có dữ liệu gốc quanh thời điểm đó",
        "outside_the_picture": "nằm ngoài khung hình",
    }.get(missing.reason, missing.reason)
    return f"thiếu {WORDS[missing.role]}: {why}"[:200]


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)
