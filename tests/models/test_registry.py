from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from ioc.errors import ConfigError
from models.contract import Contract, InputSize
from models.registry import Manifest, load_manifest, resolve, sha256_of
from models.verify import trial
from tests.models.graphs import logits_model
from tests.models.onnx_file import constant_model
from vision.detect.session import Detector
from vision.source.picture import Picture

ROWS = 16 + 4 + 1  # a 32x32 picture in cells of 8, 16 and 32 pixels
PICTURE = (1, 3, 32, 32)


def boxes(rows: int = ROWS, columns: int = 85) -> np.ndarray:
    return np.zeros((1, rows, columns), np.float32)


def test_a_bare_file_of_yolox_shape_gets_the_coco_contract(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "mine.onnx", PICTURE, boxes())

    model = resolve(str(path))

    assert (model.name, model.contract_name, model.size) == ("mine", "yolox-coco", (32, 32))
    assert model.sha256 == sha256_of(path)


@pytest.mark.parametrize(
    ("picture", "output", "said"),
    [
        (PICTURE, boxes(rows=ROWS - 1), "output output tensor(float) 1x20x85, expected 1x21x85"),
        (PICTURE, boxes(columns=6), "expected 1x21x85"),
        ((1, 32, 32, 3), boxes(), "expected 1x3xHxW"),
        ((1, 3, 40, 40), boxes(), "input 40x40 is no multiple of 32"),
    ],
)
def test_a_graph_that_fits_no_contract_is_refused_with_what_does_not_fit(
    tmp_path: Path, picture: tuple[int, ...], output: np.ndarray, said: str
) -> None:
    path = constant_model(tmp_path / "odd.onnx", picture, output)

    with pytest.raises(ConfigError) as caught:
        resolve(str(path))

    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("hello")

    with pytest.raises(ConfigError, match="not a usable ONNX file"):
        resolve(str(path))


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="known are yolox-nano-416, yolox-nano-640"):
        resolve("yolox-giant")


def test_a_named_model_is_refused_when_its_file_was_altered(tmp_path: Path) -> None:
    manifest = load_manifest()
    constant_model(tmp_path / "yolox_nano_416.onnx", PICTURE, boxes())

    with pytest.raises(ConfigError, match="copy the file again"):
        resolve("yolox-nano-416", manifest, tmp_path)


def test_a_named_model_whose_file_is_missing_says_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"yolox_nano_640.onnx: no such file; put .* --model"):
        resolve("yolox-nano-640", folder=tmp_path)


def test_a_known_file_goes_by_its_name_wherever_it_lies(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "renamed.onnx", PICTURE, boxes())
    known = load_manifest().model_dump()
    known["models"] = {
        "tiny": {
            "contract": "yolox-coco",
            "file": "tiny.onnx",
            "sha256": sha256_of(path),
            "licence": "Apache-2.0",
            "origin": "test",
        }
    }

    assert resolve(str(path), Manifest.model_validate(known)).name == "tiny"


def test_our_own_weights_are_found_wherever_the_model_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, folder = tmp_path / "own", tmp_path / "models"
    own.mkdir()
    folder.mkdir()
    monkeypatch.setattr("models.registry.OWN_WEIGHTS", own)
    monkeypatch.setenv("IOC_MODELS_DIR", str(folder))
    path = constant_model(own / "tiny.onnx", PICTURE, boxes())
    known = one_model("tiny.onnx", sha256_of(path))

    assert resolve("tiny", known).path == path

    (folder / "tiny.onnx").write_bytes(b"spoilt")
    assert resolve("tiny", known).path == path

    (folder / "tiny.onnx").write_bytes(path.read_bytes())
    assert resolve("tiny", known).path == folder / "tiny.onnx"


def one_model(file: str, sha256: str | None, **more: object) -> Manifest:
    known = load_manifest().model_dump()
    entry = {"contract": "yolox-coco", "file": file, "licence": "Apache-2.0", "origin": "test"}
    known["models"] = {"tiny": entry | {"sha256": sha256} | more}
    return Manifest.model_validate(known)


def test_what_a_graph_leaves_open_of_the_picture_is_what_the_manifest_says(tmp_path: Path) -> None:
    path = logits_model(tmp_path / "open.onnx", 3, 91, names=("pred_boxes", "logits"))
    graph = onnx.load(str(path))
    for number, name in enumerate(("batch_size", "num_channels", "height", "width")):
        graph.graph.input[0].type.tensor_type.shape.dim[number].dim_param = name
    path.write_bytes(graph.SerializeToString())
    known = one_model("open.onnx", sha256_of(path), contract="rf-detr-logits", input=(64, 96))

    model = resolve("tiny", known, tmp_path)
    found = Detector(model).detect([Picture(bgr=np.full((64, 96, 3), 200, np.uint8))])[0].vehicles

    assert (model.size, model.batch) == ((64, 96), None)
    assert trial(model) == []
    assert len(found) == 1
    with pytest.raises(ConfigError, match="no known contract"):
        resolve(str(path))


def test_a_model_without_a_digest_is_not_used_by_its_name(tmp_path: Path) -> None:
    constant_model(tmp_path / "tiny.onnx", PICTURE, boxes())

    with pytest.raises(ConfigError, match=r"no digest of tiny is known; ioc models pull tiny"):
        resolve("tiny", one_model("tiny.onnx", None), tmp_path)


def test_two_models_cannot_have_one_file() -> None:
    known = one_model("tiny.onnx", None).model_dump()
    known["models"]["other"] = known["models"]["tiny"]

    with pytest.raises(ValueError, match=r"tiny and other have the same file tiny\.onnx"):
        Manifest.model_validate(known)


def test_a_box_stands_for_each_grid_cell() -> None:
    contract: Contract = load_manifest().contracts["yolox-coco"]

    assert contract.rows(InputSize(640, 640)) == 8400
    assert contract.rows(InputSize(416, 416)) == 3549
