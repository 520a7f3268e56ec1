"""Sequences of the MOTChallenge: boxes as a detector found them, and the true tracks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ioc.errors import ConfigError
from vision.detect.detections import CLASS_ID, Detections, FloatArray, IntArray

FPS = 25.0
"""Of both sequences that come with the data."""


@dataclass(frozen=True, slots=True)
class MotFrame:
    """One frame.

    Attributes:
        found: What the detector found.
        true_id: The true persons, int64 [N].
        true_xyxy: Their boxes, pixels, float32 [N, 4].
    """

    found: Detections
    true_id: IntArray
    true_xyxy: FloatArray


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence.

    Attributes:
        name: Such as TUD-Campus.
        frames: Its frames in order, as far as the truth goes.
    """

    name: str
    frames: tuple[MotFrame, ...]


def load_sequence(folder: Path) -> Sequence:
    """Read ``det.txt`` and ``gt.txt`` of a folder (MOT15: frame, id, left, top, width, height,
    confidence, …). True rows with confidence 0 are not to be scored and are left out.

    Raises:
        ConfigError: A file is missing or is not such a table.
    """  # noqa: D205
    found, true = _table(folder / "det.txt"), _table(folder / "gt.txt")
    true = true[true[:, 6] > 0]
    if not len(true):
        raise ConfigError(f"{folder / 'gt.txt'}: no true box with a confidence above 0")
    frames = []
    for number in range(1, int(true[:, 0].max()) + 1):
        seen, real = found[found[:, 0] == number], true[true[:, 0] == number]
        person = np.full(len(seen), CLASS_ID["pedestrian"], np.int64)
        score = np.clip(seen[:, 6], 0, 1).astype(np.float32)
        frames.append(
            MotFrame(
                Detections(_xyxy(seen), score, person), real[:, 1].astype(np.int64), _xyxy(real)
            )
        )
    return Sequence(folder.name, tuple(frames))


def _table(path: Path) -> FloatArray:
    try:
        rows = np.loadtxt(path, delimiter=",", ndmin=2)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}; --data names its folder") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not a MOT15 table: {error}") from None
    if rows.shape[1] < 7:
        raise ConfigError(f"{path}: {rows.shape[1]} columns; MOT15 has at least 7")
    return np.asarray(rows, np.float32)


def _xyxy(rows: FloatArray) -> FloatArray:
    return np.concatenate((rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]), axis=1)
