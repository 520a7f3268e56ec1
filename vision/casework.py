"""Evidence of violations, made on a worker thread: cut, read the plate, blur, sign, store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Final

import msgspec

from edge.evidence_store import EvidenceStore
from edge.upload import Uploader
from ioc.camera import Camera
from ioc.events import VehicleClass, ViolationData
from ioc.identity import DeviceKey
from ioc.manifest import CalibrationRecord, config_digest, sign_violation
from ioc.settings import EvidenceSettings
from ioc.telemetry import logger
from ioc.topics import DevicePath
from vision.calibrate import LEAST_POINTS, ground_of
from vision.detect.detections import FloatArray
from vision.evidence.builder import Derive, EvidenceBuilder
from vision.evidence.looks import best_looks
from vision.evidence.proxy import ProxyRequest
from vision.evidence.proxy_process import ProxyMaker
from vision.evidence.request import EvidenceRequest, Extra, PlateSeen, ReadPlate
from vision.evidence.ring import ClipPackets, PacketRing
from vision.evidence.stills import TimedBox
from vision.metrics import WITHOUT_EVIDENCE, StageTimes
from vision.plate.readers import CropReader
from vision.source.picture import Image
from vision.unit import Case

MOST_WAITING: Final = 32
"""Cases that wait for the worker. Each holds its packets: 6 MB at 4 Mbit/s and 12 s."""

MOST_BOXES: Final = 200
"""Boxes of the vehicle that a manifest lists; a longer row is thinned out evenly."""

MOST_REASONS: Final = 32

LATER: Final = (
    "bản ghi quanh lúc phát hiện, hành vi bắt đầu trước đó / "
    "recorded round the decision, the act began before"
)

NO_PLATE: Final[frozenset[VehicleClass]] = frozenset({"pedestrian", "bicycle"})


class Casework:
    """Makes the evidence of one camera's violations.

    Attributes:
        pre_s: Recording before an act, seconds.
        post_s: Recording after it.
    """

    def __init__(
        self,
        camera: Camera,
        path: DevicePath,
        place: str,
        ring: PacketRing,
        store: EvidenceStore,
        key: DeviceKey,
        settings: EvidenceSettings,
        worker: ThreadPoolExecutor,
        *,
        uploader: Uploader | None = None,
        plates: ReadPlate | None = None,
        proxies: ProxyMaker | None = None,
        wait_when_full: bool = False,
    ) -> None:
        """Set up a camera.

        Args:
            camera: What the site file says of it.
            path: The device that signs.
            place: Where it stands, as people read it.
            ring: Its recording.
            store: Where files go.
            key: What signs.
            settings: Length of recordings.
            worker: Runs the work; one thread, so that it never takes more than one core.
            uploader: Woken when there is something new.
            plates: Reads plates; called on the worker only.
            proxies: Makes the reviewers' copy, with faces hidden; without it none is made.
            wait_when_full: Hold the camera up rather than leave evidence out: for files.
        """
        self.pre_s, self.post_s = settings.pre_s, settings.post_s
        self.camera = camera
        self._path = path
        self._place = place
        self._proxies = proxies
        self._ring = ring
        self._key = key
        self._builder = EvidenceBuilder(store, key, read_plate=plates)
        self._worker = worker
        self._uploader = uploader
        self._wait = wait_when_full
        self._room = BoundedSemaphore(MOST_WAITING)
        self._times = StageTimes(camera.id)
        self._log = logger("vision.casework").bind(camera=camera.id)

    def submit(self, case: Case) -> Future[ViolationData]:
        """The violation with its evidence, some time later.

        What goes wrong is written into its reasons; the violation itself is never lost.
        """
        if not self._room.acquire(blocking=self._wait):
            WITHOUT_EVIDENCE.labels(self.camera.id, "busy").inc()
            self._log.error("violation without evidence: the worker is behind", most=MOST_WAITING)
            done: Future[ViolationData] = Future()
            reason = "thiếu bằng chứng: máy quá tải / no evidence: the node is overloaded"
            done.set_result(self.unrecorded(case.data, reason))
            return done
        packets = self._ring.cut(case.start_s, case.end_s)
        return self._worker.submit(self._make, case, packets)

    def unrecorded(self, data: ViolationData, reason: str) -> ViolationData:
        """A violation of which no recording was made, signed, with the reason why."""
        return self._signed(data, (reason,))

    def _make(self, case: Case, packets: ClipPackets | None) -> ViolationData:
        begun = time.monotonic()
        try:
            return self._made(case, packets)
        except Exception as error:  # a violation without evidence is still a violation
            WITHOUT_EVIDENCE.labels(self.camera.id, "failed").inc()
            self._log.exception("no evidence could be made", rule=case.data.rule)
            return self._signed(case.data, (f"thiếu bằng chứng: {error}"[:200],))
        finally:
            self._room.release()
            self._times.observe["evidence"](time.monotonic() - begun)
            if self._uploader is not None:
                self._uploader.wake()

    def _made(self, case: Case, packets: ClipPackets | None) -> ViolationData:
        data = case.data
        track = [
            _timed(boxes.pts_s, box)
            for boxes in case.boxes
            if (box := boxes.box(data.track)) is not None
        ]
        step = -(-len(track) // MOST_BOXES) or 1
        request = EvidenceRequest(
            path=self._path,
            violation=data,
            act_s=case.centre_s,
            config_sha256=config_digest(self.camera.model_dump(mode="json")),
            calibration=self._calibration(data),
            boxes=tuple(track[::step]),
            looks=best_looks(track, case.size) if data.vehicle not in NO_PLATE else (),
        )
        made = self._builder.build(request, packets, self._derive(case))
        if not made.refs:
            WITHOUT_EVIDENCE.labels(self.camera.id, "not_stored").inc()
        data = msgspec.structs.replace(data, evidence=made.refs, plate=made.plate)
        later = () if case.centre_s == case.finding.act_s else (LATER,)
        return self._signed(data, (*later, *made.reasons))

    def _signed(self, data: ViolationData, reasons: Sequence[str]) -> ViolationData:
        told = (*data.reasons, *reasons)[:MOST_REASONS]
        return sign_violation(msgspec.structs.replace(data, reasons=told), self._key)

    def _calibration(self, data: ViolationData) -> CalibrationRecord | None:
        if data.calibration is None:
            return None
        residual_um = None
        known, frame = self.camera.calibration, self.camera.frame
        # Four points always fit, so their residual says nothing.
        if known is not None and known.id == data.calibration and len(known.points) > LEAST_POINTS:
            ground = ground_of(known, frame, frame.width, frame.height)
            residual_um = round(ground.residuals.rms_m * 1e6)
        return CalibrationRecord(id=data.calibration, residual_um=residual_um)

    def _derive(self, case: Case) -> Derive | Sequence[Extra]:
        proxies = self._proxies
        if proxies is None:
            return ()
        stated = self.camera.frame
        private = [
            [(x / stated.width, y / stated.height) for x, y in zone.polygon]
            for zone in self.camera.zones
            if zone.kind == "privacy"
        ]
        request = ProxyRequest(
            case.data, case.centre_s, self._place, case.wall_of, case.boxes, private=private
        )
        return lambda clip: [proxies.make(clip, request)]


def plate_reading(reader: CropReader) -> ReadPlate:
    """How the builder has plates read: every look, then the vote over them."""

    def read(crops: Sequence[Image]) -> PlateSeen | None:
        readings = reader.read(crops)
        plate = reader.decide(readings)
        seen = [
            (found.text == plate.text if plate is not None else False, found.confidence, number)
            for number, found in enumerate(readings)
            if found is not None
        ]
        if not seen:
            return None
        best = max(seen)[2]
        reading = readings[best]
        assert reading is not None
        return PlateSeen(plate, best, reading.box)

    return read


def _timed(time_s: float, box: FloatArray) -> TimedBox:
    left, top, right, bottom = (float(edge) for edge in box)
    return TimedBox(time_s, left, top, right, bottom)
