"""Frames of a real Vietnamese junction with hand-drawn boxes (``junction_images`` of the data)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from ioc.errors import ConfigError
from vision.detect.detections import FloatArray
from vision.source.picture import Image

WIDTH, HEIGHT = 1138, 640
"""The frames were stretched to 640x640 before they were published; this is 16:9 again."""

LABELS: Final = ("BUS", "CAR", "MOTORBIKE", "TRAFFIC_LIGHT", "TRUCK")
COLOURFUL: Final = 68.0
"""Mean saturation (0-255) above which a frame is of the night. The frames were equalised: those of
the day are nearly grey, 33 to 52, and those of the night 84 to 96."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One frame.

    Attributes:
        path: Its file.
        label: Names of ``LABELS``, in the order of the boxes.
        xyxy: Boxes in pixels of the frame at its true shape, float32 [N, 4].
    """

    path: Path
    label: tuple[str, ...]
    xyxy: FloatArray

    def image(self) -> Image:
        """The frame at its true shape, BGR.

        Raises:
            ConfigError: It cannot be read.
        """
        image = cv2.imread(str(self.path))
        if image is None:
            raise ConfigError(f"{self.path}: no picture that OpenCV can read")
        return np.asarray(cv2.resize(image, (WIDTH, HEIGHT)), np.uint8)


def at_night(image: Image) -> bool:
    """Whether a frame was filmed in the dark."""
    return float(cv2.cvtColor(image, cv2.COLOR_BGR2HSV)[..., 1].mean()) > COLOURFUL


def load_junction(data: Path, every: int = 1) -> list[Labelled]:
    """The frames in the order of their names.

    Args:
        data: Folder of all data.
        every: Only every so many-th.

    Raises:
        ConfigError: Files are missing or wrong.
    """
    folder = data / "junction_images"
    try:
        known = tuple((folder / "classes.txt").read_text(encoding="utf-8").split())
        files = sorted((folder / "images").iterdir())
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}; --data names its folder") from None
    if known != LABELS:
        raise ConfigError(f"{folder / 'classes.txt'}: {known}, expected {LABELS}")
    frames = []
    for file in files[::every]:
        label, boxes = read_labels(folder / "labels" / f"{file.stem}.txt")
        frames.append(Labelled(file, label, boxes))
    if not frames:
        raise ConfigError(f"{folder / 'images'}: no frames in it")
    return frames


def read_labels(path: Path) -> tuple[tuple[str, ...], FloatArray]:
    """Names and boxes of a frame.

    A line is a class and, in shares of the frame, either centre, width and height of a box or the
    corners of a polygon (49 lines of the set), which is taken for the box round it.

    Raises:
        ConfigError: The file is missing, or a line is neither.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; every frame has its labels there") from None
    names, boxes = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            kind, *values = line.split()
            names.append(LABELS[int(kind)])
            numbers = np.array([float(value) for value in values])
            if len(numbers) == 4:
                centre, half = numbers[:2], numbers[2:] / 2
                boxes.append((*(centre - half), *(centre + half)))
            elif len(numbers) >= 6 and len(numbers) % 2 == 0:
                corners = numbers.reshape(-1, 2)
                boxes.append((*corners.min(axis=0), *corners.max(axis=0)))
            else:
                raise ValueError("neither a box nor a polygon")
        except (ValueError, IndexError) as error:
            raise ConfigError(f"{path}: line {number}: {error}") from None
    scale = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
    return tuple(names), (np.array(boxes).reshape(-1, 4) * scale).astype(np.float32)
