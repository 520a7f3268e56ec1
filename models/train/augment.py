"""Pictures as the camera node's detector would see them, a little different each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ioc.errors import ConfigError
from models.contract import InputSize
from models.train.dataset import FloatArray, Sample

Image = NDArray[np.uint8]

PADDING: Final = 114
"""Grey beside a picture, as in the contract."""

LEAST_VISIBLE: Final = 0.25
"""An object of which less is seen is neither there nor not there."""

LEAST_SIDE: Final = 6.0
"""Nor is one whose longer side is shorter, pixels of the input: a cell is 8."""

ZOOM: Final = (0.55, 1.9)
"""How much larger or smaller than the whole picture in the input."""

WHOLE: Final = 0.35
"""Share of pictures that are seen whole and unpressed, as a camera node mostly sees them."""

SCALINGS: Final = (cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_NEAREST_EXACT)
"""A camera node scales 1080p to a third with two taps each way, which takes every third pixel as it
is; a stored picture is smaller and smoother. Points and means lie on both sides of that."""

_NOISE: Final = np.random.default_rng(7).normal(0, 1, (512, 768, 3)).astype(np.float32)
"""Drawn once, for drawing it costs 15 ms a picture; a random part of it is laid over each."""


@dataclass(frozen=True, slots=True)
class Example:
    """What the network is shown, and what it should say.

    Attributes:
        picture: BGR [H, W, 3].
        class_id: int64 [N].
        xyxy: Pixels of the picture, float32 [N, 4].
        ignored: Objects that count neither way, bool [N].
    """

    picture: Image
    class_id: NDArray[np.int64]
    xyxy: FloatArray
    ignored: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class View:
    """A region of a picture and where it lies in the input.

    Attributes:
        region: Left, top, right, bottom, pixels of the picture.
        place: Left, top, width, height, pixels of the input.
        flip: Mirrored left to right.
        scaling: OpenCV's way to scale it.
    """

    region: tuple[int, int, int, int]
    place: tuple[int, int, int, int]
    flip: bool = False
    scaling: int = cv2.INTER_LINEAR


def decode(sample: Sample) -> Image:
    """The picture of a sample.

    Raises:
        ConfigError: It cannot be decoded.
    """
    picture = cv2.imdecode(np.frombuffer(sample.jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ConfigError(f"images/{sample.name}.jpg: cannot be decoded; make the dataset again")
    return np.asarray(picture, np.uint8)


def whole(height: int, width: int, size: InputSize, pressed: float = 1.0) -> View:
    """A whole picture at the top left, its sides even, as ``vision.detect.letterbox`` puts it.

    Args:
        height: Rows of the picture.
        width: Columns.
        size: The input.
        pressed: Its height is pressed to this share first.
    """
    high = height * pressed
    ratio = min(size.height / high, size.width / width)
    rows = min(size.height, max(2, round(high * ratio / 2) * 2))
    columns = min(size.width, max(2, round(width * ratio / 2) * 2))
    return View((0, 0, width, height), (0, 0, columns, rows))


def random_view(height: int, width: int, size: InputSize, rng: np.random.Generator) -> View:
    """A view as a camera node may have it: the whole, a tile of it, or one from further away.

    Args:
        height: Rows of the picture.
        width: Columns.
        size: The input.
        rng: Draws it.
    """
    flip = bool(rng.random() < 0.5)
    scaling = int(rng.choice(SCALINGS, p=(0.6, 0.2, 0.2)))
    if rng.random() < WHOLE:
        seen = whole(height, width, size)
        return View(seen.region, seen.place, flip, scaling)
    zoom = float(np.exp(rng.uniform(*np.log(ZOOM))))
    pressed = float(np.exp(rng.uniform(-0.15, 0.15)))
    share = min(1.0, 1 / zoom)
    columns, rows = max(32, round(width * share)), max(32, round(height * share))
    left = int(rng.integers(0, max(1, width - columns + 1)))
    top = int(rng.integers(0, max(1, height - rows + 1)))
    region = (left, top, min(width, left + columns), min(height, top + rows))
    inner = size
    if zoom < 1:
        inner = InputSize(max(32, round(size.height * zoom)), max(32, round(size.width * zoom)))
    lies = whole(region[3] - region[1], region[2] - region[0], inner, pressed).place
    at = (
        int(rng.integers(0, size.width - lies[2] + 1)),
        int(rng.integers(0, size.height - lies[3] + 1)),
    )
    return View(region, (*at, *lies[2:]), flip, scaling)


def seen_through(sample: Sample, picture: Image, view: View, size: InputSize) -> Example:
    """A sample through a view.

    A box is cut at the edge of the view, and what falls away counts as hidden.

    Args:
        sample: The labels.
        picture: Its picture, decoded.
        view: What is seen of it.
        size: The input.
    """
    left, top, right, bottom = view.region
    x, y, columns, rows = view.place
    target = np.full((size.height, size.width, 3), PADDING, np.uint8)
    part = picture[top:bottom, left:right]
    resized = cv2.resize(part, (columns, rows), interpolation=view.scaling)
    target[y : y + rows, x : x + columns] = resized[:, ::-1] if view.flip else resized
    sides = np.array([picture.shape[1], picture.shape[0]] * 2, np.float32)
    scale = np.array([columns / (right - left), rows / (bottom - top)] * 2, np.float32)
    boxes = (sample.xyxy * sides - np.array([left, top] * 2, np.float32)) * scale
    if view.flip:
        boxes[:, [0, 2]] = columns - boxes[:, [2, 0]]
    cut = boxes.clip(0, np.array([columns, rows] * 2, np.float32))
    kept = _area(cut) / np.maximum(_area(boxes), 1e-6)
    extent = cut[:, 2:] - cut[:, :2]
    stays = (extent > 0.5).all(axis=1)
    ignored = (sample.visible * kept < LEAST_VISIBLE) | (extent.max(axis=1, initial=0) < LEAST_SIDE)
    moved = (cut + np.array([x, y] * 2, np.float32)).astype(np.float32)
    return Example(target, sample.class_id[stays], moved[stays], ignored[stays])


def relit(picture: Image, rng: np.random.Generator) -> Image:
    """A picture with other light, colours, sharpness, noise and compression.

    Args:
        picture: BGR [H, W, 3]; may be written over.
        rng: Draws what changes.
    """
    if rng.random() < 0.5:
        picture = _image(cv2.transform(picture, _colours(rng)))
    if rng.random() < 0.8:
        level = np.arange(256, dtype=np.float32) / 255
        curve = level ** np.exp(rng.uniform(-0.35, 0.35)) * np.exp(rng.uniform(-0.4, 0.3))
        curve = curve * 255 + rng.uniform(-12, 12)
        picture = _image(cv2.LUT(picture, curve.clip(0, 255).astype(np.uint8)))
    if rng.random() < 0.15:
        picture = _blurred(picture, rng)
    if rng.random() < 0.3:
        rows, columns = picture.shape[:2]
        top, left = rng.integers(0, 64, 2)
        down, across = (top + np.arange(rows)) % 512, (left + np.arange(columns)) % 768
        part = _NOISE[down][:, across]
        picture = _image(cv2.addWeighted(picture, 1, part, rng.uniform(1, 9), 0, dtype=cv2.CV_8U))
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))]
        packed = cv2.imencode(".jpg", picture, quality)[1]
        picture = _image(cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return picture


def example(
    sample: Sample, size: InputSize, rng: np.random.Generator | None, picture: Image | None = None
) -> Example:
    """What the network is shown of a sample.

    Args:
        sample: The sample.
        size: The network's input.
        rng: Draws what is changed; None changes nothing.
        picture: Its picture when that is decoded already.
    """
    picture = decode(sample) if picture is None else picture
    height, width = picture.shape[:2]
    if rng is None:
        return seen_through(sample, picture, whole(height, width, size), size)
    seen = seen_through(sample, picture, random_view(height, width, size, rng), size)
    return Example(relit(seen.picture, rng), seen.class_id, seen.xyxy, seen.ignored)


def _area(boxes: FloatArray) -> FloatArray:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1), np.float32)


def _image(values: Any) -> Image:
    return np.asarray(values, np.uint8)


def _colours(rng: np.random.Generator) -> NDArray[np.float32]:
    """Turns hues by up to 20 degrees about the grey axis, and makes colours stronger or paler."""
    turn, strength = rng.uniform(-0.35, 0.35), np.exp(rng.uniform(-0.7, 0.4))
    third = np.full((3, 3), 1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    around = np.cos(turn) * (np.eye(3) - third) + np.sin(turn) * cross
    return np.asarray(third + strength * around, np.float32)


def _blurred(picture: Image, rng: np.random.Generator) -> Image:
    """Out of focus, or moved: a line of 3 to 7 pixels in any direction."""
    if rng.random() < 0.5:
        return _image(cv2.GaussianBlur(picture, (5, 5), rng.uniform(0.4, 1.4)))
    length = int(rng.integers(3, 8))
    angle = rng.uniform(0, np.pi)
    kernel = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    away = np.array([np.cos(angle), np.sin(angle)]) * middle
    start, end = np.rint(middle - away).astype(int), np.rint(middle + away).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0, 1)
    return _image(cv2.filter2D(picture, -1, kernel / kernel.sum()))
