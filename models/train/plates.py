"""Trains the reader of small plates: from flat pictures to a file and a report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from ioc.errors import ConfigError
from models.contract import InputSize
from models.crop import Image
from models.plate_slots import SLOTS, SYMBOLS, decode, encode
from models.registry import sha256_of
from models.train.calibrate import best_factor, sharpen
from models.train.crop_network import CropNetwork, probabilities
from models.train.crop_trainer import RATE, learn
from models.train.export import session_of
from models.train.plate_views import view

NAME: Final = "ioc-sim-plates-v1"
FILE: Final = "ioc_sim_plates_v1.onnx"
SIZE: Final = InputSize(48, 96)
CHANNELS: Final = (16, 32, 48, 64)
BATCH: Final = 64
JUDGED: Final = 0.05
"""Share of the plates that judge, at least one."""

SMOOTHING: Final = 0.01
"""See ``learn``; nine characters must all be sure for a plate to be."""

VIEWS: Final = 4
"""Views of each plate that judges."""

FARTHEST: Final = 2e-2
"""An exported probability that is farther from torch's means a wrong graph; weights in 16 bits
alone move one of 845 000 by 6e-3."""

MEND: Final = "make it again with `ioc sim plates`"


@dataclass(frozen=True, slots=True)
class Plates:
    """Flat plates.

    Attributes:
        flat: BGR, uint8 [h, w, 3] each.
        slots: Their text, int64 [N, SLOTS].
    """

    flat: tuple[Image, ...]
    slots: NDArray[np.int64]


def read_plates(folder: Path) -> tuple[Plates, Plates]:
    """The plates to learn from, and those that judge.

    Raises:
        ConfigError: The folder is none of ``ioc sim plates``.
    """
    path = folder / "plates.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["plates"]
        slots = np.stack([encode(tuple(lines)) for lines in told.values()])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: {error}; {MEND}") from None
    flat = []
    for name in told:
        picture = cv2.imread(str(folder / Path(name).name), cv2.IMREAD_COLOR)
        if picture is None:
            raise ConfigError(f"{folder / name}: no picture; {MEND}")
        flat.append(np.asarray(picture, np.uint8))
    judges = max(1, round(JUDGED * len(flat)))
    if len(flat) - judges < BATCH:
        raise ConfigError(f"{path}: {len(flat)} plates; {BATCH * 2} at least; {MEND}")
    return (
        Plates(tuple(flat[judges:]), slots[judges:]),
        Plates(tuple(flat[:judges]), slots[:judges]),
    )


def train_plates(
    data: Path,
    out: Path,
    steps: int,
    seed: int,
    tell: Callable[[str], None],
    start: Path | None = None,
) -> dict[str, Any]:
    """Train, export, judge.

    Args:
        data: Folder of ``ioc sim plates``.
        out: Folder of the file; made when missing.
        steps: Batches of ``BATCH`` views.
        seed: Of the weights and of all that is drawn.
        tell: Is told what happens.
        start: A file of this training to begin with, instead of random weights.

    Returns:
        What was measured, as plain values.

    Raises:
        ConfigError: The plates, the start or the folder will not do.
    """
    learned, judged = read_plates(data)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out}: {error.strerror}; give a folder to write to") from None
    tell(f"{len(learned.flat)} plates to learn from, {len(judged.flat)} to judge")
    torch.manual_seed(seed)
    network = CropNetwork(SIZE, CHANNELS, SLOTS, len(SYMBOLS), pooled=False, dropout=0.1)
    if start is not None:
        try:
            network.load(start)
        except (OSError, ValueError) as error:
            raise ConfigError(f"--start {start}: {error}; give a file of this command") from None
        tell(f"beginning with the weights of {start}")
    rate = RATE if start is None else RATE / 2
    seconds = learn(network, _batches(learned, seed), steps, tell, rate=rate, smoothing=SMOOTHING)
    path = out / FILE
    onnx.save(network.emit(NAME), str(path))
    crops, _ = _views(judged, seed, 1)
    theirs = probabilities(
        network, [_as_tensor(part) for part in np.array_split(crops, -(-len(crops) // 256))]
    )
    if not (far := float(np.abs(_run(path, crops) - theirs.numpy()).max())) <= FARTHEST:
        raise RuntimeError(f"{path}: probabilities differ from torch's by {far:.4f}")
    report = {
        "plates": {"train": len(learned.flat), "val": len(judged.flat)},
        "steps": steps,
        "start": None if start is None else sha256_of(start),
        "seed": seed,
        "seconds": seconds,
    }
    return report | finish_plates(judged, path, seed)


def finish_plates(judged: Plates, path: Path, seed: int) -> dict[str, Any]:
    """Make an exported file's probabilities mean what they say, and judge it.

    Args:
        judged: Plates that it did not learn from.
        path: The file, which is changed.
        seed: Draws the views; those that judge are others than those that the factor comes from.
    """
    crops, slots = _views(judged, seed, 1)
    factor = best_factor(_run(path, crops), slots)
    sharpen(path, factor)
    crops, slots = _views(judged, seed, 2)
    return {
        "name": NAME,
        "file": FILE,
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
        "factor": factor,
        "views": _judged(_run(path, crops), slots),
    }


def _views(plates: Plates, seed: int, turn: int) -> tuple[Image, NDArray[np.int64]]:
    rng = np.random.default_rng([seed, turn])
    crops = np.stack([view(flat, SIZE, rng) for flat in plates.flat for _ in range(VIEWS)])
    return crops, np.repeat(plates.slots, VIEWS, axis=0)


def _run(path: Path, crops: Image) -> NDArray[np.float32]:
    session = session_of(path, 1)
    parts = np.array_split(crops, -(-len(crops) // 256))
    return np.concatenate([session.run(None, {"crop": part})[0] for part in parts])


def _judged(told: NDArray[np.float32], slots: NDArray[np.int64]) -> dict[str, float]:
    """Shares of characters and of whole plates told right, and of sure ones told wrong."""
    best = told.argmax(axis=2)
    whole = (best == slots).all(axis=1)
    sure = np.array([max((share for _, share in decode(each)), default=0.0) for each in told])
    firm = sure >= 0.85
    return {
        "characters": float((best == slots)[:, 1:].mean()),
        "exact": float(whole.mean()),
        "sure": float(firm.mean()),
        "sure_and_wrong": float((firm & ~whole).mean()),
    }


def _as_tensor(crops: Image) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float() / 255


def _batches(plates: Plates, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches, each drawn while the network learns from the one before."""
    with ThreadPoolExecutor(1) as pool:
        draw = _Draw(plates, seed)
        waiting = pool.submit(draw)
        while True:
            crops, slots = waiting.result()
            waiting = pool.submit(draw)
            yield _as_tensor(crops), torch.from_numpy(slots)


class _Draw:
    """Draws one batch a call."""

    def __init__(self, plates: Plates, seed: int) -> None:
        self._plates = plates
        self._rng = np.random.default_rng(seed)

    def __call__(self) -> tuple[Image, NDArray[np.int64]]:
        rows: Sequence[int] = self._rng.integers(len(self._plates.flat), size=BATCH).tolist()
        crops = np.stack([view(self._plates.flat[row], SIZE, self._rng) for row in rows])
        return crops, self._plates.slots[rows]
