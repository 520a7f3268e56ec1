"""What evidence is asked for, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ioc.events import EvidenceRef, Plate, ViolationData
from ioc.manifest import CalibrationRecord
from ioc.topics import DevicePath
from vision.evidence.stills import TimedBox
from vision.source.picture import Image


@dataclass(frozen=True, slots=True)
class Extra:
    """A file that was derived for the reviewer; the originals stay beside it as they are.

    Attributes:
        role: ``proxy``.
        data: The file.
        media_type: Such as ``video/mp4``.
        suffix: Of its file name, such as ``.mp4``.
    """

    role: Literal["proxy"]
    data: bytes
    media_type: str
    suffix: str


@dataclass(frozen=True, slots=True)
class PlateSeen:
    """What a plate reader made of a vehicle's pictures.

    Attributes:
        plate: The plate; None when no reading stands.
        look: Which of the pictures shows it best.
        box: Where in that picture: left, top, right, bottom, pixels.
    """

    plate: Plate | None
    look: int
    box: tuple[float, float, float, float]


ReadPlate = Callable[[Sequence[Image]], PlateSeen | None]
"""Reads the plate off some pictures of one vehicle; None when none shows any."""


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """What is to be proved.

    Attributes:
        path: The camera.
        violation: The violation, not signed, without evidence.
        act_s: The act in the source's clock, the instant of ``violation.act_time``, seconds.
        config_sha256: ``config_digest`` of the camera's configuration.
        calibration: Where a speed comes from.
        boxes: Where the vehicle was at some pictures round the act.
        looks: Where its plate may be read, at some pictures of the clip.
        encoded_by: ``node`` when the source sends bare pixels (``FirstEncoding``).
    """

    path: DevicePath
    violation: ViolationData
    act_s: float
    config_sha256: str
    calibration: CalibrationRecord | None = None
    boxes: tuple[TimedBox, ...] = ()
    looks: tuple[TimedBox, ...] = ()
    encoded_by: Literal["camera", "node"] = "camera"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was stored.

    Attributes:
        refs: For ``ViolationData.evidence``, the manifest last; empty when nothing was stored.
        reasons: What is missing and why, for ``ViolationData.reasons``, in Vietnamese.
        plate: The plate, where one could be read.
    """

    refs: tuple[EvidenceRef, ...]
    reasons: tuple[str, ...]
    plate: Plate | None = None
