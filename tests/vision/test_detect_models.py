"""The detector on small real graphs: batches, layouts, DETR outputs, parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.contract import Contract
from models.registry import Model, load_manifest, resolve
from tests.models.graphs import SIDE, detr_model, logits_model
from vision.detect.detections import CLASSES
from vision.detect.inference import BoundInference, HostInference, padded
from vision.detect.parts import PARTS
from vision.detect.providers import open_session, plan_of
from vision.detect.session import Detector, DetectorSettings
from vision.detect.uint8 import as_uint8
from vision.source.picture import Picture


@pytest.fixture(autouse=True)
def opencv_threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


def red(level: int, height: int = 64, width: int = 128) -> Picture:
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 2] = level
    return Picture(bgr=image)


def logits(tmp_path: Path, batch: int | str = "N") -> Model:
    path = logits_model(tmp_path / "m.onnx", 3, 80, batch, ("pred_boxes", "logits"))
    return resolve(str(path))


def changed(model: Model, **fields: object) -> Model:
    values = model.contract.model_dump() | fields
    return replace(model, contract=Contract.model_validate(values))


def test_bare_files_get_the_contract_of_their_outputs(tmp_path: Path) -> None:
    rf = resolve(str(logits_model(tmp_path / "rf.onnx", 3, 91)))
    rt = resolve(str(detr_model(tmp_path / "rt.onnx", 2, 1)))

    assert (rf.contract_name, rf.batch, rf.size) == ("rf-detr", None, (SIDE, SIDE))
    assert (rt.contract_name, rt.batch) == ("rt-detr", 1)
    assert logits(tmp_path).contract_name == "rt-detr-logits"


def test_every_picture_of_a_batch_gets_its_own_boxes(tmp_path: Path) -> None:
    settings = DetectorSettings(batches=(1, 2, 4))
    detector = Detector(logits(tmp_path), settings)
    levels = (51, 102, 153, 204, 255, 25, 76)

    found = detector.detect([red(level) for level in levels])

    assert not detector.one_by_one
    for level, one in zip(levels, found, strict=True):
        (box,) = one.vehicles.xyxy
        share = level / 255
        middle, half = np.array([64, 32]), np.array([64, 32]) * share
        np.testing.assert_allclose(box, [*(middle - half), *(middle + half)], atol=0.1)
        assert CLASSES[one.vehicles.class_id[0]] == "motorcycle"


def test_tiles_share_the_batch_and_come_back_in_the_pixels_of_the_picture(tmp_path: Path) -> None:
    detector = Detector(logits(tmp_path), DetectorSettings(batches=(4,)))
    image = np.zeros((64, 128, 3), np.uint8)
    image[:, 64:, 2] = 128

    found = detector.detect([red(51), Picture(bgr=image)], [[], [(64, 0, 128, 64)]])

    np.testing.assert_allclose(found[0].vehicles.xyxy, [[51.2, 25.6, 76.8, 38.4]], atol=0.1)
    # the whole sees 64 of 255 in the middle, the tile 128 of 255 in its own middle
    boxes = found[1].vehicles.xyxy[np.argsort(found[1].vehicles.xyxy[:, 0])]
    np.testing.assert_allclose(boxes[0], [47.9, 23.9, 80.1, 40.1], atol=0.6)
    np.testing.assert_allclose(boxes[1], [79.9, 15.9, 112.1, 48.1], atol=0.6)


def test_warm_up_runs_every_batch_size(tmp_path: Path) -> None:
    detector = Detector(logits(tmp_path), DetectorSettings(batches=(4, 1, 2)))

    seconds = detector.warm_up()

    assert list(seconds) == [1, 2, 4]
    assert all(value > 0 for value in seconds.values())
    assert Detector(logits(tmp_path)).one_by_one


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 2), (3, 4), (5, 8), (8, 8)])
def test_a_batch_is_padded_to_the_next_size(count: int, size: int) -> None:
    assert padded(count, (1, 2, 4, 8)) == size


def test_a_graph_with_a_post_processor_is_told_its_own_size(tmp_path: Path) -> None:
    detector = Detector(resolve(str(detr_model(tmp_path / "d.onnx", 7))))

    (found,) = detector.detect([red(255)])

    np.testing.assert_allclose(found.vehicles.xyxy, [[0, 0, 64, 64]], atol=1e-3)
    assert CLASSES[found.vehicles.class_id[0]] == "truck"
    assert not len(detector.detect([red(10)])[0].vehicles)  # its score is the redness: 0.04


def test_a_class_that_marks_a_part_is_no_vehicle(tmp_path: Path) -> None:
    model = changed(logits(tmp_path), classes={2: "car"}, parts={3: "no_helmet"})
    detector = Detector(model)

    (found,) = detector.detect([red(128)])

    assert detector.parts == {"no_helmet"}
    assert not len(found.vehicles)
    assert [PARTS[part] for part in found.parts.part_id] == ["no_helmet"]


@pytest.mark.parametrize("colour", ["RGB", "BGR"])
@pytest.mark.parametrize("count", [1, 3])
def test_preparing_in_the_graph_gives_what_preparing_outside_gives(
    tmp_path: Path, colour: str, count: int
) -> None:
    model = changed(logits(tmp_path), colour=colour, mean=(0.4, 0.2, 0.1), std=(0.25, 0.5, 0.3))
    settings = DetectorSettings(cache_dir=tmp_path / "cache", batches=(1, 4))
    graph = as_uint8(model, settings.cache_dir)
    outside = HostInference(open_session(model, settings), model, (1, 4))
    plan = replace(plan_of(model, settings), graph=graph)
    inside = BoundInference(open_session(model, settings, plan), model, (1, 4), "cpu", False)
    pixels = np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
    outside.rows[:count] = inside.rows[:count] = pixels

    for mine, theirs in zip(inside.run(count), outside.run(count), strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)
    assert as_uint8(model, settings.cache_dir) == graph
    assert len(list((tmp_path / "cache" / "graphs").iterdir())) == 1


def test_other_contracts_of_one_file_do_not_share_a_prepared_graph(tmp_path: Path) -> None:
    model = logits(tmp_path)

    first = as_uint8(model, tmp_path / "cache")

    assert as_uint8(changed(model, colour="BGR"), tmp_path / "cache") != first


def test_the_size_of_the_picture_stands_in_a_bound_run_too(tmp_path: Path) -> None:
    model = resolve(str(detr_model(tmp_path / "d.onnx", 2)))
    settings = DetectorSettings(cache_dir=tmp_path / "cache")
    plan = replace(plan_of(model, settings), graph=as_uint8(model, settings.cache_dir))
    bound = BoundInference(open_session(model, settings, plan), model, (2,), "cpu", False)

    for _label, boxes, _scores in bound.run(2):
        np.testing.assert_allclose(boxes, [[0, 0, SIDE / 2, SIDE]])


def test_the_manifest_knows_every_family() -> None:
    contracts = load_manifest().contracts

    assert {"yolox-coco", "rt-detr", "d-fine", "rt-detr-logits", "rf-detr"} <= set(contracts)
    # RF-DETR's columns are COCO's numbers with their gaps: one more than the others' until 11
    assert contracts["rf-detr"].classes[4] == contracts["rt-detr"].classes[3] == "motorcycle"
