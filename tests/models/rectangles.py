"""A dataset of coloured rectangles: as many as wanted, each class of one colour and shape."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from models.train.dataset import CLASSES

COLOURS = np.random.default_rng(5).integers(40, 256, (len(CLASSES), 3))
SIDES = np.random.default_rng(6).integers(24, 90, (len(CLASSES), 2))


def make(
    folder: Path,
    train: int,
    val: int,
    seed: int = 1,
    size: tuple[int, int] = (360, 640),
    kinds: Sequence[int] = range(len(CLASSES)),
    scale: float = 1.0,
    count: int = 6,
) -> Path:
    """Write pictures of ``size`` (height, width) with ``count`` rectangles each."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    height, width = size
    names = [f"p{number:04d}" for number in range(train + val)]
    for name in names:
        picture = rng.integers(0, 40, (height, width, 3)).astype(np.uint8)
        lines: list[str] = []
        taken: list[tuple[int, int, int, int]] = []
        while len(lines) < count:
            kind = int(rng.choice(kinds))
            high, wide = (
                (SIDES[kind] * rng.uniform(0.9, 1.1) * scale * width / 640).astype(int).tolist()
            )
            x, y = int(rng.integers(0, width - wide)), int(rng.integers(0, height - high))
            if any(
                x < right and left < x + wide and y < bottom and top < y + high
                for left, top, right, bottom in taken
            ):
                continue
            taken.append((x, y, x + wide, y + high))
            cv2.rectangle(picture, (x, y), (x + wide - 1, y + high - 1), COLOURS[kind].tolist(), -1)
            shares = (x + wide / 2) / width, (y + high / 2) / height, wide / width, high / height
            lines.append(f"{kind} " + " ".join(f"{share:.6f}" for share in shares) + " 1.0")
        cv2.imwrite(str(folder / "images" / f"{name}.jpg"), picture)
        (folder / "labels" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    described = {
        "classes": CLASSES,
        "seeds": [seed],
        "split": {"train": names[:train], "val": names[train:]},
    }
    (folder / "dataset.json").write_text(json.dumps(described))
    return folder
