"""The part of the training that is torch's. Torch is in the extra ``train`` alone: without it
``conftest.py`` leaves these tests out, and says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ioc.errors import ConfigError
from models.contract import InputSize
from models.registry import load_manifest, resolve
from models.train.dataset import CLASSES, Dataset, read_dataset
from models.train.settings import Epoch, Progress, Settings
from tests.models.rectangles import make

torch = pytest.importorskip("torch", reason="needs the extra train: torch")

from models.train import pipeline  # noqa: E402
from models.train.assign import Cells, Targets, assign, silenced  # noqa: E402
from models.train.loss import loss_of  # noqa: E402
from models.train.network import Network  # noqa: E402
from models.train.trainer import Trainer, as_input, contract_rows, rate_at  # noqa: E402

torch.set_num_threads(1)  # two threads that wait for each other gain nothing on pictures so small
SIZE = InputSize(96, 160)
CELLS = Cells.of(SIZE, torch.device("cpu"))
SMALL = Settings(epochs=2, batch=4, size=SIZE, width=16)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "data"
    return make(folder, 16, 8, size=(180, 320), kinds=(0, 3, 7), scale=2.0, count=2)


def targets(boxes: list[list[float]], kinds: list[int], ignored: list[bool] | None = None) -> Any:
    return Targets(
        torch.zeros(len(boxes), dtype=torch.long),
        torch.tensor(kinds, dtype=torch.long),
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(ignored or [False] * len(boxes), dtype=torch.bool),
    )


def told(boxes: list[list[float]]) -> tuple[Any, Any]:
    """Scores and boxes of cells that all know nothing, but each tells the nearest object."""
    score = torch.full((1, len(CELLS.stride), len(CLASSES)), 0.5)
    middle = (CELLS.corner + 0.5) * CELLS.stride
    true = torch.tensor(boxes)
    centre = (true[:, :2] + true[:, 2:]) / 2
    nearest = (middle[:, None] - centre[None]).square().sum(-1).argmin(1)
    return score, true[nearest][None]


def test_every_object_is_answered_for_however_small() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        side = rng.uniform(3, 90, 2)
        corner = rng.uniform(0, 1, 2) * (np.array([160, 96]) - side).clip(0)
        box = [*corner.tolist(), *(corner + side).tolist()]

        found = assign(*told([box]), targets([box], [2]), CELLS)

        assert 1 <= len(found.cell) <= 10
        assert float(found.quality.max()) == pytest.approx(1, abs=1e-4)


def test_a_cell_answers_for_one_object_and_a_plate_keeps_its_cells() -> None:
    bike, plate = [40.0, 20.0, 80.0, 80.0], [56.0, 60.0, 64.0, 66.0]
    score, boxes = told([bike, plate])

    found = assign(score, boxes, targets([bike, plate], [0, 10]), CELLS)

    assert len(found.cell.unique()) == len(found.cell)
    assert set(found.target.tolist()) == {0, 1}


def test_an_object_labelled_twice_does_not_share_cells() -> None:
    box = [40.0, 20.0, 80.0, 60.0]

    found = assign(*told([box]), targets([box, box], [0, 0]), CELLS)

    assert len(found.cell.unique()) == len(found.cell) > 0


def test_an_ignored_object_is_neither_taught_nor_denied() -> None:
    box = [40.0, 20.0, 80.0, 60.0]
    ignored = targets([box], [1], [True])
    rows = torch.zeros((1, len(CELLS.stride), 4 + len(CLASSES)))
    rows[..., 4:] = -9
    quiet = loss_of(rows, ignored, CELLS).total
    cell, _ = silenced(ignored, CELLS)
    inside = rows.clone()
    inside[0, cell, 4 + 1] = 5  # claims the ignored object
    other = rows.clone()
    other[0, cell, 4 + 2] = 5  # claims that another class is there

    assert len(assign(*told([box]), ignored, CELLS).cell) == 0
    assert float(loss_of(inside, ignored, CELLS).total) <= float(quiet)
    assert float(loss_of(other, ignored, CELLS).total) > float(quiet) + 10


def test_a_picture_without_objects_has_a_loss() -> None:
    network = Network(len(CLASSES), 16)
    rows = network(torch.rand(2, 3, *SIZE))
    loss = loss_of(rows, targets([], []), CELLS)
    loss.total.backward()

    assert np.isfinite(float(loss.total.detach()))


def test_better_boxes_and_scores_cost_less() -> None:
    box = [40.0, 20.0, 80.0, 60.0]
    rows = torch.zeros((1, len(CELLS.stride), 4 + len(CLASSES)))
    rows[..., 4:] = -6
    middle = torch.tensor([60.0, 40.0])
    rows[0, :, :2] = middle / CELLS.stride - CELLS.corner
    rows[0, :, 2:4] = (40 / CELLS.stride).log()
    exact = loss_of(rows, targets([box], [1]), CELLS)
    wider = rows.clone()
    wider[0, :, 2] += 0.3
    sure = rows.clone()
    sure[0, assign(*told([box]), targets([box], [1]), CELLS).cell, 4 + 1] = 4

    assert float(exact.overlap) == pytest.approx(1, abs=1e-3)
    assert float(exact.box) < 0.01 < float(loss_of(wider, targets([box], [1]), CELLS).box)
    assert float(loss_of(sure, targets([box], [1]), CELLS).score) < float(exact.score)


def test_a_small_set_is_learned(data: Path, tmp_path: Path) -> None:
    epochs: list[Epoch] = []

    def tell(line: Progress | Epoch) -> None:
        if isinstance(line, Epoch):
            epochs.append(line)

    settings = replace(SMALL, epochs=48, width=32, batch=8, rate=5e-3)
    Trainer(read_dataset(data), tmp_path, settings, "cpu").run(tell)

    assert epochs[-1].loss < epochs[0].loss / 4
    assert epochs[-1].ap50 > 0.7


class KilledError(Exception):
    pass


def killed_after(epoch: int) -> Callable[[Any], None]:
    def tell(line: Any) -> None:
        if isinstance(line, Epoch) and line.epoch == epoch:
            raise KilledError

    return tell


def weights(trainer_out: Path) -> dict[str, Any]:
    return dict(torch.load(trainer_out / "last.pt", weights_only=True)["average"])


def test_a_killed_training_goes_on_to_the_same_weights(data: Path, tmp_path: Path) -> None:
    dataset: Dataset = read_dataset(data)
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    straight.mkdir()
    broken.mkdir()
    Trainer(dataset, straight, SMALL, "cpu").run(lambda _: None)
    with pytest.raises(KilledError):
        Trainer(dataset, broken, SMALL, "cpu").run(killed_after(1))

    again = Trainer(dataset, broken, SMALL, "cpu")
    assert again.resume() == 1
    history = again.run(lambda _: None).history

    assert [each.epoch for each in history] == [1, 2]
    other = weights(broken)
    for name, values in weights(straight).items():
        torch.testing.assert_close(values, other[name], rtol=1e-3, atol=1e-4, msg=name)


def test_a_checkpoint_of_another_training_is_refused(data: Path, tmp_path: Path) -> None:
    dataset = read_dataset(data)
    with pytest.raises(ConfigError, match="no checkpoint; leave --resume out"):
        Trainer(dataset, tmp_path, SMALL, "cpu").resume()
    with pytest.raises(KilledError):
        Trainer(dataset, tmp_path, SMALL, "cpu").run(killed_after(1))

    with pytest.raises(ConfigError, match=r"made with settings .*'seed': 0"):
        Trainer(dataset, tmp_path, replace(SMALL, seed=1), "cpu").resume()
    with pytest.raises(ConfigError, match="made with dataset"):
        Trainer(replace(dataset, digest="0" * 64), tmp_path, SMALL, "cpu").resume()
    (tmp_path / "last.pt").write_bytes(b"half a file")
    with pytest.raises(ConfigError, match="no usable checkpoint"):
        Trainer(dataset, tmp_path, SMALL, "cpu").resume()


def test_an_unknown_device_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="known are auto, cpu, cuda"):
        Trainer(read_dataset(data), tmp_path, SMALL, "tpu")


def test_steps_rise_then_fall() -> None:
    rates = [rate_at(step, 1000, 1.0) for step in range(1000)]

    assert rates[0] == pytest.approx(1 / 50)
    assert max(rates) == rates[50] == 1
    assert rates[-1] == pytest.approx(0.02, abs=1e-3)
    assert np.all(np.diff(rates[50:]) <= 0)


def test_the_exported_graph_is_the_network_and_any_batch_runs(tmp_path: Path) -> None:
    import onnx

    from models.train.export import runner, session_of

    torch.manual_seed(3)
    network = Network(len(CLASSES), 16)
    # Norms that have seen something, or folding them would prove nothing.
    network.train()
    for _ in range(3):
        network(torch.rand(4, 3, *SIZE))
    network.eval()
    onnx.save(network.emit(SIZE, "small"), str(tmp_path / "small.onnx"))
    pictures = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3)).astype(np.uint8)

    ours = runner(session_of(tmp_path / "small.onnx", 1))(pictures)

    theirs = contract_rows(network, as_input(pictures, torch.device("cpu")))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    model = resolve(str(tmp_path / "small.onnx"), load_manifest())
    assert (model.contract_name, model.batch, model.size) == ("sim-v1", None, SIZE)


def test_one_command_gives_models_that_the_camera_node_runs(data: Path, tmp_path: Path) -> None:
    from vision.detect.session import Detector, DetectorSettings
    from vision.source.picture import Picture

    out = tmp_path / "out"
    lines: list[str] = []

    report = pipeline.train(
        data, out, replace(SMALL, width=32), False, "cpu", lambda line: lines.append(str(line))
    )

    assert report == json.loads((out / "report.json").read_text())
    assert report["files"]["float32"]["difference"]["score"] < 1e-4
    assert sum(made["bytes"] for made in report["files"].values()) < 8e6
    assert "rendered scenes" in (out / "CARD.md").read_text()
    assert report["files"]["int8"]["sha256"] in (out / "report.md").read_text()
    for made in report["files"].values():
        model = resolve(str(out / made["file"]), load_manifest())
        detector = Detector(model, DetectorSettings(threads=1, least_score=0.001))
        picture = np.zeros((180, 320, 3), np.uint8)
        (found,) = detector.detect([Picture(bgr=picture)])
        assert model.contract_name == "sim-v1"
        assert np.isfinite(found.vehicles.xyxy).all()
    with pytest.raises(ConfigError, match="holds a checkpoint; give --resume"):
        pipeline.train(data, out, SMALL, False, "cpu", lambda line: None)


def test_heads_are_learned_exported_and_fit_their_contract(tmp_path: Path) -> None:
    from models.registry import fitted
    from models.train.heads import train_heads

    # Rectangles of two colours: the running means of the norms alone need some hundred steps.
    folder = make(tmp_path / "data", 40, 8, size=(180, 320), kinds=(8, 9), scale=1.5, count=6)

    report = train_heads(folder, tmp_path / "out", 120, 0, lambda line: None)

    model = fitted(tmp_path / "out" / report["file"], "ioc-sim-heads-v1", load_manifest())
    assert model.sha256 == report["sha256"]
    assert sum(band["heads"] for band in report["bands"]) > 0
    assert min(band["right"] for band in report["bands"]) > 0.9


def test_plates_are_learned_exported_and_fit_their_contract(tmp_path: Path) -> None:
    pytest.importorskip("libsumo", reason="needs the extra sim")
    from models.registry import fitted
    from models.train.plates import train_plates
    from simulator.plate_pictures import make_plates

    make_plates(tmp_path / "flat", 150, 100_000)

    report = train_plates(tmp_path / "flat", tmp_path / "out", 3, 0, lambda line: None)

    model = fitted(tmp_path / "out" / report["file"], "ioc-sim-plates-v1", load_manifest())
    assert model.contract.task == "read"
    assert 0 <= report["views"]["exact"] <= report["views"]["characters"] <= 1
    assert report["bytes"] < 2_000_000
