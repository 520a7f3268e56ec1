"""How a camera sees a flat plate: from aside, far off, moving, in bad light; drawn each time."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.contract import InputSize
from models.crop import Image, stretched

CONTEXT: Final = 1.3
"""Sides of a crop in sides of the plate's box."""

HEIGHTS_PX: Final = (12.0, 44.0)
"""Heights of two-line plates in the picture; long ones have half of that."""


def view(flat: Image, size: InputSize, rng: np.random.Generator) -> Image:
    """A crop as the reader gets it, BGR uint8 [h, w, 3].

    Args:
        flat: The plate from straight ahead.
        size: Of the crop.
        rng: Draws all of it.
    """
    low, high = np.log(HEIGHTS_PX)
    height = float(np.exp(rng.uniform(low, high)))
    rows, columns = flat.shape[:2]
    if columns > 3 * rows:
        height *= 0.5
    quad = _quad(height, height * columns / rows * rng.uniform(0.6, 1.08), rng)
    least, most = quad.min(axis=0), quad.max(axis=0)
    box = (most - least) * CONTEXT * rng.uniform(0.88, 1.15, 2)
    middle = (least + most) / 2 + rng.uniform(-0.09, 0.09, 2) * (most - least)
    wide, tall = max(4, round(float(box[0]))), max(4, round(float(box[1])))
    crop = _drawn(flat, quad - (middle - box / 2), (wide, tall), rng)
    return stretched(_seen(crop, height, rng), size)


def _quad(height: float, width: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """The plate's corners, pixels, about their middle."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
    corners *= np.array([width, height]) / 2
    corners[:, 1] += corners[:, 0] * rng.normal(0, 0.13)  # turned sideways
    corners[:, 0] += corners[:, 1] * rng.normal(0, 0.10)  # leaning
    corners *= 1 + rng.normal(0, 0.02, (4, 1))
    turn = np.radians(rng.normal(0, 6))
    away = np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
    return np.asarray(corners @ away.T, np.float64)


def _drawn(
    flat: Image, quad: NDArray[np.float64], size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    """The plate before something, at the picture's own pixels, each the mean of 3 x 3 looks."""
    fine = 3
    wide, tall = size
    rows, columns = flat.shape[:2]
    corners = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32)
    turn = cv2.getPerspectiveTransform(corners, (quad * fine).astype(np.float32))
    ground = rng.uniform(10, 200, (3, 4, 3)).astype(np.float32)
    if rng.random() < 0.6:
        ground = ground * 0.25 + 40
    behind = cv2.resize(ground, (wide * fine, tall * fine), interpolation=cv2.INTER_LINEAR)
    target = np.asarray(behind, np.float32)
    # An area filter first: the stored plate has up to ten pixels for one of the picture.
    shrink = rows / max(1.0, float(np.linalg.norm(quad[3] - quad[0])) * fine)
    source = cv2.GaussianBlur(flat, (0, 0), 0.4 * shrink) if shrink > 1.2 else flat
    cv2.warpPerspective(
        source.astype(np.float32), turn, (wide * fine, tall * fine), target,
        flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT,
    )  # fmt: skip
    return np.asarray(cv2.resize(target, size, interpolation=cv2.INTER_AREA), np.float32)


def _seen(crop: NDArray[np.float32], height: float, rng: np.random.Generator) -> Image:
    """Motion, lens, light, air, sensor and coder."""
    length = rng.uniform(0, 0.13) * height if rng.random() < 0.5 else 0.0
    if length > 0.7:
        crop = _smeared(crop, length, rng.uniform(0, np.pi))
    crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.25, 0.75))  # type: ignore[assignment]
    gain = np.exp(rng.normal(-0.2, 0.4)) * rng.uniform(0.93, 1.07, 3)
    crop = crop * gain.astype(np.float32)
    if rng.random() < 0.3:
        veil = rng.uniform(0, 0.6)
        crop = crop * (1 - veil) + rng.uniform(90, 200) * veil
    crop = crop + rng.normal(0, rng.uniform(0, 7), crop.shape).astype(np.float32)
    image = np.clip(crop, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        quality = int(rng.integers(45, 95))
        _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return image


def _smeared(crop: NDArray[np.float32], length: float, angle: float) -> NDArray[np.float32]:
    side = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((side, side), np.float32)
    middle = side // 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    for at in np.linspace(-1, 1, 4 * side):
        x, y = middle + reach * at
        kernel[round(float(y)), round(float(x))] += 1
    return np.asarray(
        cv2.filter2D(crop, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    )
