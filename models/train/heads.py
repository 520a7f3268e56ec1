"""Trains the second look at heads: from the detector's dataset to a file and a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that everybody knows it by

from ioc.errors import ConfigError
from models.contract import InputSize
from models.registry import sha256_of
from models.train.crop_network import CropNetwork, probabilities
from models.train.crop_trainer import learn
from models.train.dataset import read_dataset
from models.train.export import session_of
from models.train.head_crops import LABELS, ROOM, HeadCrops, head_crops

NAME: Final = "ioc-sim-heads-v1"
FILE: Final = "ioc_sim_heads_v1.onnx"
SIZE: Final = InputSize(32, 32)
CHANNELS: Final = (24, 32, 64, 96)
BATCH: Final = 128

BANDS_PX: Final = (6.0, 12.0, 18.0, 28.0, 1e9)
"""Heights of heads that are judged apart."""

FARTHEST: Final = 2e-2
"""An exported probability that is farther from torch's means a wrong graph; weights are stored in
16 bits, which alone differ by some 5e-3."""


@dataclass(frozen=True, slots=True)
class Band:
    """How many heads of a range of heights were told right.

    Attributes:
        from_px: Least height in the picture.
        heads: How many there are.
        right: Share that is told right, of those with and without a helmet.
        bare_found: Share of the bare ones.
        false_bare: Share of helmets that are told as bare.
    """

    from_px: float
    heads: int
    right: float
    bare_found: float
    false_bare: float


def train_heads(
    data: Path, out: Path, epochs: int, seed: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Train, export, judge.

    Args:
        data: Folder of the dataset.
        out: Folder of the file; made when missing.
        epochs: Times that every head is seen.
        seed: Of the weights and of all that is drawn.
        tell: Is told what happens.

    Returns:
        What was measured, as plain values.

    Raises:
        ConfigError: The dataset or the folder will not do.
    """
    dataset = read_dataset(data)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out}: {error.strerror}; give a folder to write to") from None
    learned, judged = head_crops(dataset.train, seed), head_crops(dataset.val, seed)
    tell(f"{len(learned)} crops to learn from, {len(judged)} to judge")
    if len(learned) < BATCH or not len(judged):
        raise ConfigError(f"{data}: {len(learned)} heads; make a larger dataset")
    torch.manual_seed(seed)
    network = CropNetwork(SIZE, CHANNELS, 1, len(LABELS), pooled=True)
    steps = epochs * (len(learned) // BATCH)
    seconds = learn(network, _batches(learned, seed), steps, tell)
    path = out / FILE
    onnx.save(network.emit(NAME), str(path))
    theirs = probabilities(network, [_as_tensor(part) for part in _shown(judged)])[:, 0].numpy()
    session = session_of(path, 1)
    ours = np.concatenate([session.run(None, {"crop": part})[0] for part in _shown(judged)])
    if not (far := float(np.abs(ours - theirs).max())) <= FARTHEST:
        raise RuntimeError(f"{path}: probabilities differ from torch's by {far:.4f}")
    return {
        "name": NAME,
        "file": FILE,
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
        "dataset": dataset.digest,
        "epochs": epochs,
        "seed": seed,
        "seconds": seconds,
        "crops": {"train": len(learned), "val": len(judged)},
        "bands": [asdict(band) for band in bands(judged, ours)],
    }


def bands(crops: HeadCrops, told: np.ndarray[Any, np.dtype[np.float32]]) -> list[Band]:
    """How well heads are told, by their height.

    Args:
        crops: What was judged; what is no head counts in no band.
        told: Probabilities, [N, 3].
    """
    bare, found = crops.label == 2, told[:, 2] > told[:, 1]
    made = []
    for low, high in pairwise(BANDS_PX):
        mine = (crops.label > 0) & (crops.height_px >= low) & (crops.height_px < high)
        if mine.any():
            made.append(
                Band(
                    low,
                    int(mine.sum()),
                    float((bare == found)[mine].mean()),
                    _share(found, mine & bare),
                    _share(found, mine & ~bare),
                )
            )
    return made


def _share(what: np.ndarray[Any, Any], of: np.ndarray[Any, Any]) -> float:
    return float(what[of].mean()) if of.any() else 0.0


def _shown(crops: HeadCrops) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    """The middles of crops, as in use, uint8 [b, 32, 32, 3]."""
    for start in range(0, len(crops), 512):
        middle = _looked(torch.from_numpy(crops.image[start : start + 512]), None)
        pixels = (middle.permute(0, 2, 3, 1) * 255).round().clamp(0, 255)
        yield np.ascontiguousarray(pixels.numpy().astype(np.uint8))


def _as_tensor(crops: np.ndarray[Any, np.dtype[np.uint8]]) -> Tensor:
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255


def _batches(crops: HeadCrops, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    rng = torch.Generator().manual_seed(seed)
    image, label = torch.from_numpy(crops.image), torch.from_numpy(crops.label)
    while True:
        order = torch.randperm(len(label), generator=rng)
        for start in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            yield _spoilt(_looked(image[rows], rng), rng), label[rows][:, None]


def _looked(image: Tensor, rng: torch.Generator | None) -> Tensor:
    """What the model sees of kept crops, [B, 3, 32, 32]; shifted, zoomed and turned when drawn."""
    count = len(image)
    place = torch.zeros(count, 2, 3)
    zoom = torch.full((count,), 1 / ROOM)
    if rng is not None:
        zoom = zoom * _uniform(count, 0.8, 1.25, rng)
        place[:, :, 2] = _uniform(2 * count, -0.14, 0.14, rng).view(count, 2)
    place[:, 0, 0] = place[:, 1, 1] = zoom
    if rng is not None:
        place[:, 0, 0] *= (torch.rand(count, generator=rng) < 0.5) * 2.0 - 1
    crops = image.permute(0, 3, 1, 2).float() / 255
    grid = F.affine_grid(place, [count, 3, *SIZE], align_corners=False)
    return F.grid_sample(crops, grid, padding_mode="border", align_corners=False)


def _spoilt(crops: Tensor, rng: torch.Generator) -> Tensor:
    """Other light and colour, fewer pixels for a third of them, noise."""
    count = len(crops)
    crops = crops * _uniform(3 * count, 0.9, 1.1, rng).view(count, 3, 1, 1)
    crops = crops * _uniform(count, 0.6, 1.5, rng).view(-1, 1, 1, 1)
    crops = crops + _uniform(count, -0.08, 0.08, rng).view(-1, 1, 1, 1)
    few = torch.rand(count, generator=rng) < 0.35
    if few.any():
        side = int(torch.randint(8, 20, (1,), generator=rng))
        small = F.interpolate(crops[few], size=side, mode="area")
        crops[few] = F.interpolate(small, size=SIZE, mode="bilinear", align_corners=False)
    noise = torch.randn(crops.shape, generator=rng)
    crops = crops + noise * _uniform(count, 0, 0.04, rng).view(-1, 1, 1, 1)
    return crops.clamp(0, 1)


def _uniform(count: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    return torch.rand(count, generator=rng) * (high - low) + low
