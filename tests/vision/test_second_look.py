"""A second look at heads: a small real graph judges crops by their colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from ioc.errors import ConfigError
from models.registry import Manifest, Model, load_manifest, resolve
from models.train.graph import Graph
from vision.detect.parts import PART_ID, Parts
from vision.detect.second_look import SecondLook
from vision.detect.session import Detector
from vision.source.picture import Picture

HELMET, BARE, PLATE = PART_ID["helmet"], PART_ID["no_helmet"], PART_ID["plate"]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Blue is no head, green a helmet, red a bare head: of the mean colour the strongest."""
    graph = Graph()
    wide = graph.node("Cast", ["crop"], "float", to=onnx.TensorProto.FLOAT)
    mean = graph.node("ReduceMean", [wide], "mean", axes=[1, 2], keepdims=0)
    graph.node("Softmax", [mean], "output", axis=-1)
    model = graph.finish("colours", ("crop", ("N", 32, 32, 3)), ("output", ("N", 3)))
    path = tmp_path_factory.mktemp("judge") / "ioc_sim_heads_v1.onnx"
    onnx.save(model, str(path))
    known = load_manifest()
    entry = known.models["ioc-sim-heads-v1"].model_copy(update={"sha256": None})
    contracts = {"sim-heads": known.contracts["sim-heads"]}
    found = resolve(str(path), Manifest(contracts=contracts, models={"other": entry}))
    assert found.contract.task == "judge"
    return found


def picture(*squares: tuple[int, int, int, tuple[int, int, int]]) -> Picture:
    image = np.full((200, 400, 3), 90, np.uint8)
    for left, top, side, colour in squares:
        image[top : top + side, left : left + side] = colour
    return Picture(bgr=image)


def parts(*marks: tuple[int, int, int, int, float]) -> Parts:
    return Parts(
        np.array([(x, y, x + side, y + side) for x, y, side, _, _ in marks], np.float32),
        np.array([score for *_, score in marks], np.float32),
        np.array([part for *_, part, _ in marks], np.int64),
    )


RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)


def test_the_mark_becomes_what_the_crop_shows(judge: Model) -> None:
    shown = picture((40, 40, 60, RED), (240, 40, 60, GREEN))

    seen = SecondLook(judge).judge(
        shown, parts((55, 55, 30, HELMET, 0.9), (255, 55, 30, BARE, 0.4))
    )

    assert seen.part_id.tolist() == [BARE, HELMET]
    assert (seen.score > 0.9).all()


def test_what_is_no_head_falls_and_what_is_no_question_of_heads_stays(judge: Model) -> None:
    shown = picture((40, 40, 60, BLUE), (240, 40, 60, BLUE))

    seen = SecondLook(judge).judge(shown, parts((55, 55, 30, BARE, 0.9), (255, 55, 30, PLATE, 0.4)))

    assert seen.part_id.tolist() == [PLATE]
    assert seen.score.tolist() == pytest.approx([0.4])


def test_a_head_of_few_pixels_keeps_the_word_of_the_detector(judge: Model) -> None:
    seen = SecondLook(judge).judge(picture((40, 40, 60, RED)), parts((60, 60, 6, HELMET, 0.6)))

    assert seen.part_id.tolist() == [HELMET]


def test_two_marks_of_one_head_become_one(judge: Model) -> None:
    shown = picture((40, 40, 60, RED))

    seen = SecondLook(judge).judge(shown, parts((55, 55, 30, HELMET, 0.9), (56, 55, 30, BARE, 0.5)))

    assert seen.part_id.tolist() == [BARE]


def test_a_head_at_the_edge_of_the_picture_is_judged_too(judge: Model) -> None:
    seen = SecondLook(judge).judge(picture((0, 0, 40, RED)), parts((-5, -5, 30, HELMET, 0.9)))

    assert seen.part_id.tolist() == [BARE]


def test_without_heads_nothing_is_run(judge: Model) -> None:
    assert len(SecondLook(judge).judge(picture(), Parts.empty())) == 0


def test_a_judge_is_no_detector_and_a_detector_no_judge(judge: Model) -> None:
    with pytest.raises(ConfigError, match="give a detector"):
        Detector(judge)
    with pytest.raises(ConfigError, match="judge of crops"):
        SecondLook(resolve("ioc-sim-v1-int8"))


def test_the_helper_of_a_model_must_do_its_task(tmp_path: Path) -> None:
    known = load_manifest()
    models = dict(known.models)
    models["ioc-sim-v1"] = models["ioc-sim-v1"].model_copy(update={"second_look": "yolox-s"})
    with pytest.raises(ValueError, match="'yolox-s' is no model with the task judge"):
        Manifest.model_validate(
            {
                "contracts": {name: each.model_dump() for name, each in known.contracts.items()},
                "models": {name: each.model_dump() for name, each in models.items()},
            }
        )
