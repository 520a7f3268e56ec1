"""Which viewing copy a file of a case has. Pure; ``console.viewing`` makes them.

Nobody is shown an original. The node's own proxy is taken as it is, and so is the plate, but only
of a set whose signature is trusted: otherwise nobody vouches for what they show, and the console
makes a copy in which all is softened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ioc.manifest import Manifest, canonical
from store.evidence import CaseEvidence, CaseFile

RECIPE: Final = 1
"""Counted up when copies are made in another way: old ones are then made anew."""

STILLS: Final = ("before", "at", "after")
PLAYED: Final = ("video/mp4", "video/webm")

Kind = Literal["copy", "still", "video"]
SUFFIX: Final = {"image/jpeg": ".jpg", "image/png": ".png", "video/mp4": ".mp4",
                 "video/webm": ".webm"}  # fmt: skip


class TimedBox(NamedTuple):
    """Where the vehicle was, in pixels, at a time after the act in microseconds."""

    offset_us: int
    left: float
    top: float
    right: float
    bottom: float


class NoViewError(Exception):
    """There is no viewing copy; the message is the key of the text that says why."""


@dataclass(frozen=True, slots=True)
class View:
    """A viewing copy, and all that decides how it looks.

    Attributes:
        sha256: The original.
        kind: Taken as it is, made of a picture, or made of a recording.
        media_type: Of the copy.
        vehicle: What the flagged vehicle is.
        size: Columns and rows that the boxes are pixels of.
        boxes: Where the vehicle was, in the order of time; all is softened without.
        offset_us: For a still, its time after the act.
        pictures_us: For a recording, the time of every picture after the act.
        start_us: For a recording, where the copy begins.
        end_us: For a recording, where it ends.
    """

    sha256: str
    kind: Kind
    media_type: str
    vehicle: str = ""
    size: tuple[int, int] = (0, 0)
    boxes: tuple[TimedBox, ...] = ()
    offset_us: int = 0
    pictures_us: tuple[int, ...] = ()
    start_us: int = 0
    end_us: int = 0

    @property
    def place(self) -> Path:
        """Where it lies below the folder of all views: other boxes or trust make another one."""
        told = {name: getattr(self, name) for name in self.__slots__}
        recipe = hashlib.sha256(canonical([RECIPE, told])).hexdigest()[:16]
        return Path(self.sha256[:2], self.sha256, recipe + SUFFIX[self.media_type])


def file_in(sets: list[CaseEvidence], sha256: str) -> tuple[CaseEvidence, CaseFile] | None:
    """A file of a case; where two violations name it, the set that is trusted."""
    found = [(one, file) for one in sets for file in one.files.values() if file.sha256 == sha256]
    return min(found, key=lambda pair: pair[0].fault is not None, default=None)


def view_of(evidence: CaseEvidence, file: CaseFile) -> View:
    """The viewing copy of a file.

    Raises:
        NoViewError: It has none, or not yet.
    """
    if file.role in ("clip", "proxy"):
        return _recording(evidence, file)
    if file.role not in (*STILLS, "plate"):
        raise NoViewError("view_none")
    _check_there(file)
    if file.role == "plate" and evidence.fault is None and file.media_type == "image/png":
        return View(file.sha256, "copy", "image/png")
    said = evidence.manifest if evidence.fault is None and file.role in STILLS else None
    if said is None or said.clip is None or file.offset_us is None:
        return View(file.sha256, "still", "image/jpeg")
    return View(
        file.sha256, "still", "image/jpeg", vehicle=said.vehicle,
        size=(said.clip.width, said.clip.height), boxes=_boxes(said), offset_us=file.offset_us,
    )  # fmt: skip


def views_of(evidence: CaseEvidence) -> list[View]:
    """All copies that somebody who opens a case will want and that can be made now."""
    found: dict[Path, View] = {}
    for file in evidence.files.values():
        try:
            view = view_of(evidence, file)
        except NoViewError:
            continue
        found.setdefault(view.place, view)
    return sorted(found.values(), key=lambda view: view.kind == "video")


def _recording(evidence: CaseEvidence, file: CaseFile) -> View:
    """Clip and proxy have the same copy: the proxy, where it can be trusted."""
    clip, proxy = evidence.files.get("clip"), evidence.files.get("proxy")
    trusted = evidence.fault is None
    if trusted and proxy is not None and proxy.is_there and proxy.media_type in PLAYED:
        return View(proxy.sha256, "copy", proxy.media_type)
    source = next((one for one in (clip, proxy) if one is not None and one.is_there), file)
    _check_there(source)
    said = evidence.manifest
    if not trusted or said is None or said.clip is None or source.role != "clip":
        return View(source.sha256, "video", "video/mp4")
    return View(
        source.sha256, "video", "video/mp4", vehicle=said.vehicle,
        size=(said.clip.width, said.clip.height), boxes=_boxes(said),
        pictures_us=said.clip.pictures_us,
        start_us=evidence.view_start_us or 0, end_us=said.clip.asked_end_us,
    )  # fmt: skip


def _boxes(said: Manifest) -> tuple[TimedBox, ...]:
    return tuple(
        sorted(TimedBox(b.offset_us, b.left, b.top, b.right, b.bottom) for b in said.boxes)
    )


def _check_there(file: CaseFile) -> None:
    if file.deleted is not None:
        raise NoViewError("view_expunged")
    if file.received is None:
        raise NoViewError("view_not_received")
