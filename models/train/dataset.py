"""A folder of pictures with labels, checked before a training starts.

``dataset.json`` names the classes, the seeds and the split; ``images/NAME.jpg`` is a picture and
``labels/NAME.txt`` has one object a line: class, centre x, centre y, width, height as shares of the
picture, and the share of the object that nothing hides.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ioc.errors import ConfigError, describe_validation

FloatArray = NDArray[np.float32]

CLASSES: Final = (
    *("motorcycle", "car", "bus", "truck", "bicycle", "three_wheeler", "pedestrian"),
    *("rider", "helmet", "no_helmet", "plate", "lamp"),
)
"""What the detector finds, in the order of its columns."""

COLUMNS: Final = ("class", "centre x", "centre y", "width", "height", "visible")

REACH: Final = 1.0
"""A box may reach over the picture's edge by a picture's side at most; it is cut at the edge."""

MEND: Final = "make it again with `ioc sim dataset`"


class Split(BaseModel):
    """Which pictures are learned from, and which only judge."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: tuple[str, ...] = Field(min_length=1, description="Names of pictures to learn from.")
    val: tuple[str, ...] = Field(min_length=1, description="Names of pictures that judge.")


class Description(BaseModel):
    """``dataset.json``; what it tells beside this is not read."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    classes: tuple[str, ...] = Field(description="Names of the classes, in order.")
    seeds: tuple[int, ...] = Field(description="Seeds of the scenes, which measuring must avoid.")
    split: Split = Field(description="Names of pictures.")


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture and what is on it.

    Attributes:
        name: Its name in the dataset.
        jpeg: The picture's file, whole.
        class_id: Place in the dataset's classes, int64 [N].
        xyxy: Left, top, right, bottom as shares of the picture, float32 [N, 4].
        visible: Share of each object that nothing hides, float32 [N].
    """

    name: str
    jpeg: bytes
    class_id: NDArray[np.int64]
    xyxy: FloatArray
    visible: FloatArray


@dataclass(frozen=True, slots=True)
class Dataset:
    """All of a folder, in memory.

    Attributes:
        classes: Names, in the order of the model's columns.
        seeds: Seeds of the scenes.
        train: What is learned from.
        val: What judges.
        digest: SHA-256 of the description, the labels and the pictures, in their order.
    """

    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    train: tuple[Sample, ...]
    val: tuple[Sample, ...]
    digest: str


def read_dataset(folder: Path) -> Dataset:
    """Read and check a dataset.

    Pictures stay JPEG: 3000 of 1080p are 1 GB then, where decoded ones are 18.

    Raises:
        ConfigError: Something is missing or makes no sense; it names the file and the line.
    """
    path = folder / "dataset.json"
    raw = _bytes(path, "a dataset is a folder with dataset.json, images/ and labels/")
    try:
        told = Description.model_validate_json(raw)
    except ValidationError as error:
        raise ConfigError(describe_validation(str(path), error, Description)) from None
    if told.classes != CLASSES:
        raise ConfigError(
            f"{path}: classes: {', '.join(told.classes)}; this trainer wants "
            f"{', '.join(CLASSES)}, in this order; {MEND}"
        )
    counts = Counter([*told.split.train, *told.split.val])
    if doubles := [name for name, count in counts.items() if count > 1][:5]:
        raise ConfigError(
            f"{path}: split: {', '.join(doubles)} stand twice; a picture that is learned from "
            f"cannot judge; {MEND}"
        )
    digest = hashlib.sha256(raw)
    train = _samples(folder, told.split.train, digest)
    val = _samples(folder, told.split.val, digest)
    return Dataset(told.classes, told.seeds, train, val, digest.hexdigest())


def _samples(folder: Path, names: Sequence[str], digest: hashlib._Hash) -> tuple[Sample, ...]:
    found = []
    for name in names:
        if not name or Path(name).name != name:
            raise ConfigError(
                f"{folder / 'dataset.json'}: split: {name!r} is no plain file name; {MEND}"
            )
        jpeg = _bytes(folder / "images" / f"{name}.jpg", MEND)
        if jpeg[:2] != b"\xff\xd8":
            raise ConfigError(f"{folder / 'images' / f'{name}.jpg'}: no JPEG; {MEND}")
        path = folder / "labels" / f"{name}.txt"
        raw = _bytes(path, f"an empty file says that a picture is empty; {MEND}")
        digest.update(jpeg)
        digest.update(raw)
        rows = read_labels(raw, path)
        corners = _corners(rows)
        inside = (corners[:, 2:] > corners[:, :2]).all(axis=1)
        rows, corners = rows[inside], corners[inside]
        found.append(Sample(name, jpeg, rows[:, 0].astype(np.int64), corners, rows[:, 5]))
    return tuple(found)


def read_labels(raw: bytes, path: Path) -> FloatArray:
    """The lines of a label file.

    Args:
        raw: The file.
        path: Its name, for errors.

    Returns:
        ``COLUMNS`` of each object, float32 [N, 6].

    Raises:
        ConfigError: A line is not six numbers, or one of them is out of range.
    """
    rows = []
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = [float(word) for word in line.split()]
        except ValueError:
            row = []
        if len(row) != len(COLUMNS):
            raise ConfigError(
                f"{path}:{number}: {line[:80]!r} is not six numbers ({', '.join(COLUMNS)}); {MEND}"
            )
        rows.append(row)
    found = np.array(rows, np.float32).reshape(-1, len(COLUMNS))
    known = (found[:, 0] >= 0) & (found[:, 0] < len(CLASSES)) & (found[:, 0] % 1 == 0)
    # NaN fails every comparison, so it falls out here too.
    near = (found[:, 1:3] >= -REACH) & (found[:, 1:3] <= 1 + REACH)
    near &= (found[:, 3:5] > 0) & (found[:, 3:5] <= 1 + 2 * REACH)
    fine = known & near.all(axis=1) & (found[:, 5] >= 0) & (found[:, 5] <= 1)
    if not fine.all():
        at = int(np.flatnonzero(~fine)[0])
        raise ConfigError(
            f"{path}: object {at + 1}: {found[at].tolist()}: class is 0 to {len(CLASSES) - 1}, the "
            "box is in shares of the picture, its sides above 0, and visible is 0 to 1; "
            f"{MEND}"
        )
    return found


def _corners(rows: FloatArray) -> FloatArray:
    half = rows[:, 3:5] / 2
    corners = np.concatenate((rows[:, 1:3] - half, rows[:, 1:3] + half), axis=1)
    return np.asarray(corners.clip(0, 1), np.float32)


def _bytes(path: Path, mend: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; {mend}") from None
