"""Flat pictures of number plates with their text, to train a reader of small plates on.

Every letter and digit comes about as often, and every layout and colour; on the road two of three
plates begin with 95. How a camera sees them is the trainer's to draw, anew each time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from ioc.errors import ConfigError
from ioc.events import VehicleClass
from simulator.conditions import TRAINING_SEEDS
from simulator.shapes.plate import plate_texture
from simulator.traffic.registration import Registry
from simulator.video import Progress
from simulator.world import PlateSign

KINDS: Final[tuple[tuple[VehicleClass, float], ...]] = (
    ("motorcycle", 0.6), ("car", 0.2), ("truck", 0.1), ("bus", 0.1),
)  # fmt: skip

ROWS: Final = 120
"""Rows of a stored picture: three times what a camera shows of the nearest plate."""

QUALITY: Final = 90


def make_plates(folder: Path, count: int, seed: int, progress: Progress | None = None) -> None:
    """Write pictures, and ``plates.json`` with the lines of each.

    Args:
        folder: Where to; made when missing.
        count: How many.
        seed: Chooses them.
        progress: Told now and then.

    Raises:
        ConfigError: The seed is not one set aside for training, or the folder cannot be written.
    """
    if seed not in TRAINING_SEEDS:
        raise ConfigError(
            f"--seed {seed}: train on {TRAINING_SEEDS.start} to {TRAINING_SEEDS[-1]} only"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {folder}: {error.strerror}; give a folder to write to") from None
    rng = np.random.default_rng(seed)
    registry = Registry(rng)
    kinds, shares = zip(*KINDS, strict=True)
    told: dict[str, list[str]] = {}
    for number in range(count):
        sign = registry.sign(kinds[int(rng.choice(len(kinds), p=shares))])
        assert sign is not None  # all of these kinds have plates
        sign = _evened(sign, rng)
        flat = plate_texture(sign)
        columns = round(ROWS * flat.shape[1] / flat.shape[0])
        picture = cv2.resize(flat, (columns, ROWS), interpolation=cv2.INTER_AREA)
        name = f"{number:06d}.jpg"
        if not cv2.imwrite(str(folder / name), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
            raise ConfigError(f"{folder / name}: cannot be written; is the disk full?")
        told[name] = list(sign.lines)
        if progress is not None and (number % 200 == 199 or number == count - 1):
            progress(number + 1, count)
    part = folder / "plates.json.part"
    part.write_text(json.dumps({"seed": seed, "plates": told}) + "\n", encoding="utf-8")
    part.replace(folder / "plates.json")


def _evened(sign: PlateSign, rng: np.random.Generator) -> PlateSign:
    """The same layout with any code and digits: every character as often as another."""
    code = f"{rng.integers(11, 100)}"
    lines = (code + sign.lines[0][2:], *sign.lines[1:])
    return PlateSign(lines, sign.text, sign.colour)
