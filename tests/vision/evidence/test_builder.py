from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.evidence_store import EvidenceStore, NewFile
from ioc.identity import Trust
from ioc.manifest import Manifest, read_manifest
from tests.vision.evidence.sets import ACT_S, PROXY, build, builder_of, packets, request
from tests.vision.evidence.streams import FPS, STEP
from vision.evidence.builder import EvidenceBuilder
from vision.evidence.clip import Clip
from vision.evidence.request import Evidence, Extra
from vision.evidence.verify import verify


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EvidenceStore]:
    opened = EvidenceStore(tmp_path / "store", budget_bytes=2**26)
    yield opened
    opened.close()


@pytest.fixture
def builder(store: EvidenceStore, tmp_path: Path) -> EvidenceBuilder:
    return builder_of(store, tmp_path / "keys")


def manifest_of(store: EvidenceStore, evidence: Evidence) -> Manifest:
    return read_manifest(store.path(evidence.refs[-1].sha256).read_bytes()).manifest


def data_of(store: EvidenceStore, evidence: Evidence, role: str) -> bytes:
    (found,) = [ref for ref in evidence.refs if ref.role == role]
    return store.path(found.sha256).read_bytes()


def test_stills_show_the_vehicle_before_at_and_after_the_act(
    store: EvidenceStore, builder: EvidenceBuilder
) -> None:
    evidence = builder.build(request(), packets(), [PROXY])
    roles = [ref.role for ref in evidence.refs]
    assert roles == ["clip", "before", "at", "after", "plate", "proxy", "manifest"]
    for role, at in (("before", ACT_S - 1), ("at", ACT_S), ("after", ACT_S + 1)):
        image = cv2.imdecode(np.frombuffer(data_of(store, evidence, role), np.uint8), 1)
        assert image is not None
        left = int(np.flatnonzero(image[40, :, 0] > 130)[0])
        assert left == pytest.approx(at * FPS * STEP, abs=2), role
    plate = cv2.imdecode(np.frombuffer(data_of(store, evidence, "plate"), np.uint8), 1)
    assert plate is not None
    assert plate.shape == (26, 26, 3)


def test_the_manifest_numbers_and_times_every_picture(
    store: EvidenceStore, builder: EvidenceBuilder
) -> None:
    manifest = manifest_of(store, builder.build(request(), packets()))
    assert manifest.clip is not None
    times = manifest.clip.pictures_us
    assert list(times) == [round((1 + n / FPS - ACT_S) * 1e6) for n in range(41)]
    (at,) = [file for file in manifest.files if file.role == "at"]
    assert at.picture is not None
    assert times[at.picture - 1] == at.offset_us == 0
    assert not manifest.gaps
    assert not manifest.left_out
    assert [file.derived for file in manifest.files] == [False] * 5


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    first = build(tmp_path / "a", tmp_path / "keys")
    assert build(tmp_path / "b", tmp_path / "keys") == first
    assert build(tmp_path / "a", tmp_path / "keys") == first


def test_a_disk_that_is_nearly_full_keeps_stills_and_says_what_is_missing(
    tmp_path: Path,
) -> None:
    whole = build(tmp_path / "whole", tmp_path / "keys")
    room = {ref.role: -(-ref.bytes // 4096) * 4096 for ref in whole.refs}
    for missing, words in (("proxy",), 1), (("proxy", "clip"), 2):
        budget = sum(size for role, size in room.items() if role not in missing)
        folder = tmp_path / "-".join(missing)
        evidence = build(folder, tmp_path / "keys", budget_bytes=budget)
        assert [ref.role for ref in evidence.refs] == [r for r in room if r not in missing]
        assert len(evidence.reasons) == words
        assert all("ổ đĩa đầy" in reason for reason in evidence.reasons)
        store = EvidenceStore(folder, budget_bytes=budget)
        try:
            left = manifest_of(store, evidence).left_out
            assert {(one.role, one.reason) for one in left} == {(m, "disk_full") for m in missing}
            for role in missing:
                assert store.stats().counts[f"no_{role}_full"] == 1
        finally:
            store.close()
        assert not verify(folder, Trust.load(tmp_path / "keys")).faults


def test_a_full_disk_raises_nothing_and_is_counted(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "store", budget_bytes=40_000)
    try:
        store.commit([NewFile("clip", os.urandom(30_000), "video/mp4")], b"x")
        evidence = builder_of(store, tmp_path / "keys").build(request(), packets())
        assert evidence.refs == ()
        assert evidence.reasons == ("không lưu được bằng chứng: ổ đĩa đầy",)
        assert store.stats().counts["lost_full"] == 1
    finally:
        store.close()


def test_without_packets_the_manifest_says_so(
    store: EvidenceStore, builder: EvidenceBuilder
) -> None:
    evidence = builder.build(request(), None)
    assert [ref.role for ref in evidence.refs] == ["manifest"]
    assert manifest_of(store, evidence).left_out[0].reason == "no_packets"
    assert store.stats().counts["no_clip_packets"] == 1


def test_a_filter_that_fails_costs_only_the_proxy(
    store: EvidenceStore, builder: EvidenceBuilder
) -> None:
    def broken(clip: Clip) -> list[Extra]:
        raise RuntimeError("no faces model")

    evidence = builder.build(request(), packets(), broken)
    assert {ref.role for ref in evidence.refs} >= {"clip", "before", "at", "after", "manifest"}
    assert "no faces model" in evidence.reasons[0]


def test_the_proxy_may_be_made_of_the_clip(store: EvidenceStore, builder: EvidenceBuilder) -> None:
    def copy(clip: Clip) -> list[Extra]:
        return [Extra("proxy", clip.data + b"x", clip.media_type, clip.suffix)]

    evidence = builder.build(request(), packets(), copy)
    assert data_of(store, evidence, "proxy") == data_of(store, evidence, "clip") + b"x"


def test_a_plate_outside_the_picture_is_left_out(
    store: EvidenceStore, builder: EvidenceBuilder
) -> None:
    from dataclasses import replace

    from vision.evidence.stills import TimedBox

    wrong = replace(request(), looks=(TimedBox(ACT_S, 5000, 30, 5080, 50),))
    evidence = builder.build(wrong, packets())
    assert "plate" not in [ref.role for ref in evidence.refs]
    assert "biển số" in evidence.reasons[0]
