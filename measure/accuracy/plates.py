"""Plates read from real photos against texts read by eye, through the code of production.

Three questions. Of whole photos (``photos``): how many plates are read exactly. Of the same plates
made smaller, blurred, turned and noisy (``degraded``): how often is a wrong text told as sure; 14
photos alone could not tell a rate of 1 %. Only plates whose photo was read right are spoilt. Of
plates nearly all too small to read (``junction``): how many are rightly left unread.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from ioc.errors import ConfigError
from ioc.intervals import wilson
from measure.figures import Figure
from vision.plate.picture_file import load_picture
from vision.plate.reader import PlateReader, ReaderSettings
from vision.plate.reading import PlateReading
from vision.source.picture import Image

CONFIDENT: Final = ReaderSettings().least_confidence
"""From here on a text is told. Set on 250 spoilt looks at these plates, of which none was wrong
from 0.8 on, with a step to spare; so the spoilt plates below are no independent proof of it."""
JUNCTION_LEGIBLE: Final = "29F02436"
"""The only text that an eye can read in the junction's boxes: painted large on a bus, in five."""
HEIGHTS: Final = (40, 24, 18, 14, 11, 8)
"""Heights of a line of letters that the degraded plates are brought to, pixels."""


@dataclass(frozen=True, slots=True)
class TruePlate:
    """A plate as read by eye.

    Attributes:
        photo: File name.
        text: As printed.
        accepted: Other texts that the truth lets pass.
        lines: 1 or 2.
        slice: ``clean``, ``blurred`` or ``uncertain``.
    """

    photo: str
    text: str
    accepted: tuple[str, ...]
    lines: int
    slice: str

    def fits(self, text: str) -> bool:
        """Whether a text is right; separators do not count."""
        return bare(text) in {bare(one) for one in (self.text, *self.accepted)}


@dataclass(frozen=True, slots=True)
class PlateResult:
    """What became of one true plate.

    Attributes:
        truth: The plate.
        reading: What was read at its place; None where nothing was found.
        case: Photo or degradation.
    """

    truth: TruePlate
    reading: PlateReading | None
    case: str = "photo"

    @property
    def outcome(self) -> str:
        """``exact``, ``wrong`` or ``rejected``."""
        if self.reading is None or self.reading.text is None:
            return "rejected"
        return "exact" if self.truth.fits(self.reading.text) else "wrong"


@dataclass(frozen=True, slots=True)
class Report:
    """All results.

    Attributes:
        photos: Of each true plate of the photos.
        strangers: Texts told as sure that belong to no true plate: photo, text.
        degraded: Of each degraded plate.
        junction: Of each box of the junction's frames: its reading, if any.
        crop_ms: Mean time for one crop of the degraded plates, milliseconds.
    """

    photos: list[PlateResult]
    strangers: list[tuple[str, str]]
    degraded: list[PlateResult]
    junction: list[PlateReading | None]
    crop_ms: float


def bare(text: str) -> str:
    """A text without its separators."""
    return "".join(character for character in text if character.isalnum())


def run(folder: Path, progress: Callable[[str], None], threads: int = 1) -> Report:
    """Read everything.

    Args:
        folder: The folder of the data.
        progress: Told what is being done.
        threads: Inference threads.

    Raises:
        ConfigError: The folder holds no plates, or a file is broken.
    """
    truths = load_truth(folder / "plates")
    reader = PlateReader(threads)
    photos: list[PlateResult] = []
    strangers: list[tuple[str, str]] = []
    crops: list[tuple[TruePlate, Image, float]] = []
    for name in dict.fromkeys(truth.photo for truth in truths):
        progress(f"plates: {name}")
        picture = load_picture(folder / "plates" / name)
        readings = reader.read_photos([picture])[0]
        here = [truth for truth in truths if truth.photo == name]
        pairs, left = match(here, readings)
        photos += [PlateResult(truth, reading) for truth, reading in pairs]
        strangers += [(name, one.text) for one in left if one.text is not None]
        crops += [
            (truth, _crop(picture, reading), reading.height_px)
            for truth, reading in pairs
            if reading is not None and truth.fits(reading.candidates[0].text)
        ]
    degraded, crop_ms = _degraded(reader, crops, progress)
    return Report(photos, strangers, degraded, _junction(reader, folder, progress), crop_ms)


def load_truth(folder: Path) -> list[TruePlate]:
    """The plates that were read by eye.

    Raises:
        ConfigError: The file is missing or not as expected.
    """
    path = folder / "plates.json"
    try:
        photos = json.loads(path.read_text(encoding="utf-8"))["photos"]
        return [_true_plate(photo["image"], plate) for photo in photos for plate in photo["plates"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: cannot be used as truth of plates: {error!r}") from None


def _true_plate(photo: str, plate: dict[str, Any]) -> TruePlate:
    kind = "uncertain" if plate.get("uncertain") else "blurred" if plate.get("blurred") else "clean"
    accepted = tuple(plate.get("also_accept", ()))
    return TruePlate(photo, plate["text"], accepted, plate["lines"], kind)


def match(
    truths: Sequence[TruePlate], readings: Sequence[PlateReading]
) -> tuple[list[tuple[TruePlate, PlateReading | None]], list[PlateReading]]:
    """Which reading belongs to which plate of a photo.

    The truth has no boxes for most photos, so a reading goes to the plate whose text its best
    candidate is nearest to, by edit distance; a wrong text so still lands on its plate.

    Returns:
        Each plate with its reading, and the readings that are left.
    """
    ranked = sorted(
        (min(distance(bare(truth.text), bare(one.text)) for one in reading.candidates), row, column)
        for row, truth in enumerate(truths)
        for column, reading in enumerate(readings)
    )
    of_truth: dict[int, int] = {}
    for far, row, column in ranked:
        near = far <= len(bare(truths[row].text)) // 2
        if near and row not in of_truth and column not in of_truth.values():
            of_truth[row] = column
    pairs = [
        (truth, readings[of_truth[row]] if row in of_truth else None)
        for row, truth in enumerate(truths)
    ]
    taken = set(of_truth.values())
    return pairs, [one for column, one in enumerate(readings) if column not in taken]


def distance(one: str, other: str) -> int:
    """Edits from one text to another (Levenshtein)."""
    return sum(true != read for true, read in aligned(one, other))


def aligned(true: str, read: str) -> list[tuple[str, str]]:
    """Characters beside each other with the fewest edits; an empty one is missing or extra."""
    cost = np.zeros((len(true) + 1, len(read) + 1), int)
    cost[:, 0], cost[0, :] = range(len(true) + 1), range(len(read) + 1)
    for i, j in np.ndindex(len(true), len(read)):
        change = cost[i, j] + (true[i] != read[j])
        cost[i + 1, j + 1] = min(change, cost[i, j + 1] + 1, cost[i + 1, j] + 1)
    pairs, i, j = [], len(true), len(read)
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + (true[i - 1] != read[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((true[i], read[j]))
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            pairs.append((true[i], ""))
        else:
            j -= 1
            pairs.append(("", read[j]))
    return pairs[::-1]


def confusion(results: Sequence[PlateResult]) -> Counter[tuple[str, str]]:
    """True and read characters of each plate's best candidate, told or not; right ones too."""
    counts: Counter[tuple[str, str]] = Counter()
    for result in results:
        if result.reading is not None:
            best = result.reading.candidates[0].text
            texts = (result.truth.text, *result.truth.accepted)
            nearest = min(texts, key=lambda text: distance(bare(text), bare(best)))
            counts.update(aligned(bare(nearest), bare(best)))
    return counts


def figures(report: Report) -> list[Figure]:
    """The figures of a report; shares of 0 to 1 with their 95 % intervals."""
    legible = [one for one in report.photos if one.truth.slice != "uncertain"]
    made = [_share("plates.exact", legible, "exact")]
    made.append(_share("plates.rejected", legible, "rejected"))
    told = [one for one in report.photos if one.outcome != "rejected"]
    wrong = sum(one.outcome == "wrong" for one in told) + len(report.strangers)
    made.append(_figure("plates.wrong_confident", wrong, len(told) + len(report.strangers)))
    for name in ("clean", "blurred", "uncertain"):
        part = [one for one in report.photos if one.truth.slice == name]
        made.append(_share(f"plates.{name}.exact", part, "exact"))
    degraded_told = [one for one in report.degraded if one.outcome != "rejected"]
    made.append(_share("plates.degraded.wrong_confident", degraded_told, "wrong"))
    for case in dict.fromkeys(one.case for one in report.degraded):
        part = [one for one in report.degraded if one.case == case]
        made.append(_share(f"plates.degraded.{case}.exact", part, "exact"))
    told_there = [bare(one.text) for one in report.junction if one is not None and one.text]
    other = sum(text != JUNCTION_LEGIBLE for text in told_there)
    made.append(_figure("plates.junction.told", len(told_there), len(report.junction)))
    made.append(_figure("plates.junction.wrong_confident", other, len(report.junction)))
    made.append(Figure(name="plates.crop", value=report.crop_ms, unit="ms"))
    return made


def _share(name: str, results: Sequence[PlateResult], outcome: str) -> Figure:
    return _figure(name, sum(one.outcome == outcome for one in results), len(results))


def _figure(name: str, hits: int, of: int) -> Figure:
    low, high = wilson(hits, of)
    return Figure(name=name, value=hits / of if of else 0.0, unit="1", low=low, high=high)


def _crop(picture: Image, reading: PlateReading) -> Image:
    """A plate with its own width round it, as a vehicle's crop would show it."""
    left, top, right, bottom = reading.box
    rim = right - left
    return picture[max(0, top - rim) : bottom + rim, max(0, left - rim) : right + rim]


def _degraded(
    reader: PlateReader,
    crops: Sequence[tuple[TruePlate, Image, float]],
    progress: Callable[[str], None],
) -> tuple[list[PlateResult], float]:
    results = []
    spent = 0.0
    for name, spoil in SPOILT.items():
        progress(f"plates: {name}")
        pictures = [spoil(_to_height(crop, height)) for _, crop, height in crops]
        started = time.perf_counter()
        readings = reader.read(pictures)
        spent += time.perf_counter() - started
        results += [
            PlateResult(truth, reading, name)
            for (truth, _, _), reading in zip(crops, readings, strict=True)
        ]
    for pixels in HEIGHTS:
        progress(f"plates: lines of {pixels} px")
        readings = reader.read([_to_height(crop, height, pixels) for _, crop, height in crops])
        results += [
            PlateResult(truth, reading, f"{pixels}px")
            for (truth, _, _), reading in zip(crops, readings, strict=True)
        ]
    return results, 1000 * spent / max(1, len(SPOILT) * len(crops))


def _to_height(crop: Image, height: float, pixels: float = 24) -> Image:
    scale = min(1.0, pixels / height)
    small = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _turned(picture: Image) -> Image:
    rows, columns = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), 12, 1)
    return _warped(picture, turn)


def _sheared(picture: Image) -> Image:
    rows = picture.shape[0]
    return _warped(picture, np.array([[1, 0.25, -0.125 * rows], [0, 1, 0]]))


def _warped(picture: Image, how: Any) -> Image:
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.warpAffine(picture, how, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _dark(picture: Image) -> Image:
    noise = np.random.default_rng(1).normal(0, 8, picture.shape)
    return np.asarray(np.clip(picture * 0.4 + noise, 0, 255), np.uint8)


def _packed(picture: Image) -> Image:
    _, raw = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(raw, cv2.IMREAD_COLOR), np.uint8)


def _moved(picture: Image) -> Image:
    return np.asarray(cv2.blur(picture, (5, 1)), np.uint8)


def _soft(picture: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.5), np.uint8)


SPOILT: Final[dict[str, Callable[[Image], Image]]] = {
    "turned": _turned,
    "sheared": _sheared,
    "dark": _dark,
    "packed": _packed,
    "moved": _moved,
    "soft": _soft,
}
"""Ways to spoil a plate whose lines are 24 pixels high."""


def _junction(
    reader: PlateReader, folder: Path, progress: Callable[[str], None]
) -> list[PlateReading | None]:
    readings: list[PlateReading | None] = []
    labels = sorted((folder / "plates" / "junction_boxes" / "labels").glob("*.txt"))
    for label in labels:
        progress(f"plates: {label.stem[:10]}")
        frame = load_picture(label.parent.parent / "images" / f"{label.stem}.jpg")
        # Its maker squeezed each frame to a square; it was 16:9.
        rows = frame.shape[0]
        frame = np.asarray(cv2.resize(frame, (rows * 16 // 9, rows)), np.uint8)
        crops = []
        for line in label.read_text(encoding="utf-8").splitlines():
            x, y, wide, high = (float(part) for part in line.split()[1:5])
            columns = frame.shape[1]
            left, right = (x - 1.5 * wide) * columns, (x + 1.5 * wide) * columns
            top, bottom = (y - 1.5 * high) * rows, (y + 1.5 * high) * rows
            crops.append(
                frame[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1]
            )
        readings += reader.read(crops)
    return readings
