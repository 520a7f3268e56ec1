"""Evidence of one made-up act, built and stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge.evidence_store import EvidenceStore
from ioc.events import Plate
from ioc.identity import DeviceKey, key_file
from ioc.topics import device_path
from tests.vision.evidence.streams import encoded, ring_of, violation
from vision.evidence.builder import EvidenceBuilder
from vision.evidence.request import Evidence, EvidenceRequest, Extra, PlateSeen
from vision.evidence.ring import ClipPackets
from vision.evidence.stills import TimedBox
from vision.source.picture import Image

PATH = device_path("vithanh", "tran-hung-dao", "cam-1")
ACT_S = 3.0
PROXY = Extra("proxy", b"blurred" * 1000, "video/mp4", ".mp4")


def packets(codec: str = "libx264") -> ClipPackets:
    found = ring_of(*encoded(codec)).cut(ACT_S - 2, ACT_S + 2, ACT_S)
    assert found is not None
    return found


def request(track: int = 7) -> EvidenceRequest:
    return EvidenceRequest(
        path=PATH,
        violation=violation(track=track),
        act_s=ACT_S,
        config_sha256="c" * 64,
        boxes=(TimedBox(ACT_S, 60.4, 30, 80, 50),),
        looks=(TimedBox(ACT_S, 60, 30, 80, 50),),
    )


def whole_look(crops: Sequence[Image]) -> PlateSeen:
    """A reader that takes its first look for the plate."""
    rows, columns = crops[0].shape[:2]
    plate = Plate(text="95B1-123.45", confidence=0.9, colour="white")
    return PlateSeen(plate, 0, (0, 0, columns, rows))


def key_of(folder: Path) -> DeviceKey:
    return DeviceKey.load_or_create(key_file(folder, PATH))


def builder_of(store: EvidenceStore, keys: Path) -> EvidenceBuilder:
    return EvidenceBuilder(store, key_of(keys), read_plate=whole_look)


def build(folder: Path, keys: Path, *, budget_bytes: int = 2**26, track: int = 7) -> Evidence:
    store = EvidenceStore(folder, budget_bytes=budget_bytes)
    try:
        return builder_of(store, keys).build(request(track), packets(), [PROXY])
    finally:
        store.close()


def export(store: Path, evidence: Evidence, folder: Path) -> None:
    """A set as people pass it on: files by their names."""
    folder.mkdir(parents=True)
    suffix = {"video/mp4": ".mp4", "image/jpeg": ".jpg", "image/png": ".png"}
    for ref in evidence.refs:
        name = ref.role + suffix.get(ref.media_type, ".json")
        data = (store / "objects" / ref.sha256[:2] / ref.sha256).read_bytes()
        (folder / name).write_bytes(data)
