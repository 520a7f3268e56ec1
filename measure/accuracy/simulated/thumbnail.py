"""A small picture of a mistake: the frame at its instant, with true and tracked boxes."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from measure.accuracy.simulated.confusion import Mistake
from measure.accuracy.simulated.watched import Watched
from vision.detect.detections import FloatArray
from vision.label import extent, put
from vision.source.picture import Image

WIDTH: Final = 420
HEIGHT: Final = 280
MARGIN: Final = 1.1
"""So many box sizes round the vehicle are shown: where it came from and who hid it."""
LEAST_PX: Final = 260
QUALITY: Final = 78

TRUE: Final = (80, 200, 60)
TRACKED: Final = (30, 140, 255)


def frame_of(watched: Watched, mistake: Mistake) -> int:
    """Number of the frame that shows a mistake."""
    return min(max(0, round(mistake.at_s * watched.clip.rate)), watched.clip.frames - 1)


def thumbnail(picture: Image, watched: Watched, mistake: Mistake) -> bytes:
    """The surroundings of a mistake as JPEG.

    Args:
        picture: The frame of ``frame_of``, BGR [H, W, 3].
        watched: The clip.
        mistake: What went wrong.
    """
    frame = frame_of(watched, mistake)
    rows, columns = picture.shape[:2]
    left, top, right, bottom = _part(_centre(watched, mistake, frame), columns, rows)
    scale = WIDTH / (right - left)
    crop = picture[top:bottom, left:right]
    resized = cv2.resize(crop, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    small: Image = np.ascontiguousarray(resized, np.uint8)
    for boxes, colour, thick in ((watched.truth, TRUE, 3), (watched.tracks, TRACKED, 1)):
        part = boxes.span(frame, frame)
        for box, name in zip(boxes.xyxy[part], boxes.id[part].tolist(), strict=True):
            x0, y0, x1, y1 = ((box - (left, top, left, top)) * scale).round().astype(int).tolist()
            if x1 < 0 or y1 < 0 or x0 >= WIDTH or y0 >= HEIGHT:
                continue
            cv2.rectangle(small, (x0, y0), (x1, y1), colour, thick, cv2.LINE_AA)
            if colour == TRACKED:
                _name(small, f"#{name}", (max(0, x0), max(0, y0)), colour)
    coded, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes() if coded else b""


def _centre(watched: Watched, mistake: Mistake, frame: int) -> FloatArray:
    """The box that matters: of the road user, else of the reported track, else the whole."""
    verdict = mistake.verdict
    rows = np.empty(0, np.int64)
    boxes = watched.truth
    if verdict.body is not None:
        rows = boxes.rows_of(verdict.body, 0, watched.clip.frames)
    if not len(rows) and verdict.flagged is not None:
        boxes = watched.tracks
        track = watched.flagged[verdict.flagged].track
        rows = boxes.rows_of(track, 0, watched.clip.frames)
    if not len(rows):
        return np.array([0, 0, 1e6, 1e6], np.float32)
    nearest = rows[np.abs(boxes.frame[rows] - frame).argmin()]
    return np.asarray(boxes.xyxy[nearest], np.float32)


def _part(box: FloatArray, columns: int, rows: int) -> tuple[int, int, int, int]:
    """The cut-out round a box, of the thumbnail's shape and inside the picture."""
    size = max(float(box[2] - box[0]), float(box[3] - box[1]) * WIDTH / HEIGHT)
    wide = min(columns, max(LEAST_PX, round(size * (1 + 2 * MARGIN))))
    tall = min(rows, round(wide * HEIGHT / WIDTH))
    x, y = float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2
    left = round(min(max(0.0, x - wide / 2), columns - wide))
    top = round(min(max(0.0, y - tall / 2), rows - tall))
    return left, top, left + wide, top + tall


def _name(canvas: Image, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    wide, tall = extent(text, 12)
    x, y = min(at[0], WIDTH - wide), min(at[1], HEIGHT - tall)
    canvas[y : y + tall, x : x + wide] = (24, 20, 18)
    put(canvas, text, (x + 1, y + 12), 12, colour)
