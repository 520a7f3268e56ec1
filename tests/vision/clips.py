"""Tiny clips, site files and models that tests write themselves."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.models.onnx_file import constant_model

SITE = """
city: hau-giang
site: test
name: {vi: Ngã tư thử, en: Test junction}
city_name: {vi: Vị Thanh, en: Vi Thanh}
position: {latitude: 9.78, longitude: 105.47}
cameras:
  - id: cam-1
    name: {vi: Máy quay, en: Camera}
    source: clip.avi
    frame: {width: 96, height: 64}
    flow_period_s: 1
    lanes:
      - id: a
        polygon: [[0, 0], [96, 0], [96, 64], [0, 64]]
        direction: [[0, 30], [90, 30]]
    lines:
      - {id: l, ends: [[48, 0], [48, 64]], lane: a}
"""


def write_clip(
    path: Path, frames: int = 25, fps: float = 10, size: tuple[int, int] = (96, 64)
) -> Path:
    """A grey clip that grows lighter."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), 4 * number % 256, np.uint8))
    writer.release()
    return path


def write_site(folder: Path, text: str = SITE) -> Path:
    """A site file beside which its clip may lie."""
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def write_model(folder: Path) -> Path:
    """A model that finds nothing in a picture of 32x32."""
    return constant_model(folder / "tiny.onnx", (1, 3, 32, 32), np.zeros((1, 21, 85), np.float32))
