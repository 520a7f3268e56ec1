"""The ground truth of a clip as files beside its video, and back.

* ``NAME.truth.json``: the record (``simulator.truth.record.Record``).
* ``NAME.boxes.txt``: one line a box, as MOTChallenge has it: frame from 1, id from 1, left, top,
  width, height, 1, class from 1 (in the order of ``ioc.events.VehicleClass``), visible share; and,
  after what that reads, the share of the whole box that is in the picture.
* ``NAME.parts.csv``: riders, heads, plates, signal heads.
* ``NAME.signals.jsonl``: the controller's events, for ``ioc edge run --signals``; frame 0 is at
  ``simulator.truth.record.START``, so run it with ``--start 2026-07-01T12:00:00+07:00``.
* ``NAME.site.yaml``: the site file that a node runs the clip with.

Equal truths give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from ioc.errors import ConfigError
from ioc.events import EVENT_OF_PAYLOAD, SignalData, VehicleClass, encode
from ioc.ids import derived_uuid7
from simulator.place import Place
from simulator.truth.record import PART_KINDS, PHASE_NAMES, BoxTable, PartTable, Record, Truth
from simulator.truth.site_file import CONTROLLER, site_of, site_yaml

CLASSES: Final[tuple[VehicleClass, ...]] = get_args(VehicleClass)
FORMAT: Final = 1
MOST_BYTES: Final = 500_000_000

PART_COLUMNS: Final = (
    "frame", "id", "kind", "left", "top", "width", "height", "visible", "height_px",
    "x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4", "phase", "text",
)  # fmt: skip


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in NAME.truth.json."""

    format: Literal[1]
    truth: Record


@dataclass(frozen=True, slots=True)
class TruthFiles:
    """What ``write_truth`` wrote.

    Attributes:
        truth: The record.
        boxes: The boxes.
        parts: The parts.
        site: The site file.
        signals: The controller's events; None where there are no signals.
    """

    truth: Path
    boxes: Path
    parts: Path
    site: Path
    signals: Path | None


def write_truth(
    folder: Path, name: str, truth: Truth, place: Place, video: str | None = None
) -> TruthFiles:
    """Write the files of a clip; each takes its name when it is whole.

    Args:
        folder: Where to; it exists.
        name: What the files are called, without their endings.
        truth: The truth.
        place: Its place.
        video: The clip's video, for the site file; left out, ``NAME.mp4``.

    Raises:
        ConfigError: A file cannot be written.
    """
    record = Record(**{field.name: getattr(truth, field.name) for field in fields(Record)})
    content = msgspec.json.format(msgspec.json.encode(_File(FORMAT, record)), indent=1)
    sources = {truth.camera: video or f"{name}.mp4"}
    return TruthFiles(
        _write(folder / f"{name}.truth.json", content + b"\n"),
        _write(folder / f"{name}.boxes.txt", _box_lines(truth)),
        _write(folder / f"{name}.parts.csv", _part_lines(truth.parts)),
        _write(folder / f"{name}.site.yaml", site_yaml(place, sources).encode()),
        _write(folder / f"{name}.signals.jsonl", b"".join(_signal_lines(truth, place)))
        if truth.heads
        else None,
    )


def read_truth(path: Path) -> Truth:
    """Read the truth of a clip.

    Args:
        path: Its NAME.truth.json; the other files lie beside it.

    Raises:
        ConfigError: A file is missing, or is not what it should be; the message says where.
    """
    if not path.name.endswith(".truth.json"):
        raise ConfigError(f"{path}: give the clip's NAME.truth.json")
    stem = path.name.removesuffix(".truth.json")
    try:
        record = msgspec.json.decode(_read(path), type=_File).truth
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: {error}; render the clip again") from None
    boxes = _read_boxes(path.with_name(f"{stem}.boxes.txt"))
    parts = _read_parts(path.with_name(f"{stem}.parts.csv"))
    known = {vehicle.id for vehicle in record.vehicles}
    for table, what in ((boxes, "boxes.txt"), (parts, "parts.csv")):
        strange = set(np.unique(table.body).tolist()) - known - {-1}
        if strange or (len(table) and int(table.step.max()) >= record.frames):
            raise ConfigError(
                f"{path.with_name(stem)}.{what}: names road users or frames that {path.name} does "
                "not know; the two are of different clips"
            )
    return Truth(
        **{field.name: getattr(record, field.name) for field in fields(Record)},
        boxes=boxes,
        parts=parts,
    )


def _box_lines(truth: Truth) -> bytes:
    boxes = truth.boxes
    kinds = {vehicle.id: CLASSES.index(vehicle.kind) + 1 for vehicle in truth.vehicles}
    classes = [kinds[body] for body in boxes.body.tolist()]
    rows = zip(
        (boxes.step + 1).tolist(), (boxes.body + 1).tolist(), _sides(boxes.xyxy).tolist(), classes,
        boxes.visible.tolist(), boxes.inside.tolist(), strict=True,
    )  # fmt: skip
    return "".join(
        f"{frame},{body},{x:.2f},{y:.2f},{w:.2f},{h:.2f},1,{kind},{visible:.3f},{inside:.3f}\n"
        for frame, body, (x, y, w, h), kind, visible, inside in rows
    ).encode()


def _read_boxes(path: Path) -> BoxTable:
    table = _numbers(path, 10, skip=0)
    return BoxTable(
        table[:, 0].astype(np.int64) - 1,
        table[:, 1].astype(np.int64) - 1,
        _corners(table[:, 2:6]),
        table[:, 8],
        table[:, 9],
    )


def _part_lines(parts: PartTable) -> bytes:
    lines = [",".join(PART_COLUMNS) + "\n"]
    for row, (x, y, w, h) in enumerate(_sides(parts.xyxy).tolist()):
        quad = ",".join("" if np.isnan(value) else f"{value:.2f}" for value in parts.quad[row])
        phase = int(parts.phase[row])
        lines.append(
            f"{parts.step[row] + 1},{parts.body[row] + 1},{PART_KINDS[parts.kind[row]]},"
            f"{x:.2f},{y:.2f},{w:.2f},{h:.2f},{parts.visible[row]:.3f},"
            f"{parts.height_px[row]:.2f},{quad},{PHASE_NAMES[phase] if phase >= 0 else ''},"
            f"{parts.text[row]}\n"
        )
    return "".join(lines).encode()


def _read_parts(path: Path) -> PartTable:
    try:
        header, _, body = _read(path).decode().partition("\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not text; render the clip again") from None
    if header != ",".join(PART_COLUMNS):
        raise ConfigError(f"{path}: line 1: expected the columns {','.join(PART_COLUMNS)}")
    rows = [line.split(",") for line in body.splitlines()]
    kinds: dict[str, int] = {kind: number for number, kind in enumerate(PART_KINDS)}
    phases = {phase: number for number, phase in enumerate(PHASE_NAMES)} | {"": -1}
    for number, row in enumerate(rows, 2):
        if len(row) != len(PART_COLUMNS) or row[2] not in kinds or row[17] not in phases:
            raise ConfigError(f"{path}: line {number}: not a part; render the clip again")
    try:
        values = np.array(
            [[value or "nan" for value in (*row[:2], *row[3:17])] for row in rows], np.float64
        ).reshape(-1, 16)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}; render the clip again") from None
    return PartTable(
        values[:, 0].astype(np.int64) - 1,
        values[:, 1].astype(np.int64) - 1,
        np.array([kinds[row[2]] for row in rows], np.int64),
        _corners(values[:, 2:6]),
        values[:, 6],
        values[:, 7],
        values[:, 8:16],
        np.array([phases[row[17]] for row in rows], np.int64),
        tuple(row[18] for row in rows),
    )


def _signal_lines(truth: Truth, place: Place) -> Iterator[bytes]:
    """The controller's events up to the clip's end, as it publishes them."""
    path = site_of(place).path(CONTROLLER)
    boot = derived_uuid7(truth.start, path.key, "boot", str(truth.seed))
    changes = sorted(truth.changes, key=lambda change: (change.at_s, change.head))
    for sequence, change in enumerate(changes):
        if change.at_s > truth.frames / truth.rate:
            break
        since = truth.start + timedelta(seconds=change.at_s)
        instant = since.replace(microsecond=since.microsecond // 1000 * 1000)
        event = EVENT_OF_PAYLOAD[SignalData](
            specversion="1.0",
            id=derived_uuid7(instant, path.key, str(truth.seed), str(sequence)),
            source=path.source,
            time=instant,
            bootid=boot,
            sequence=sequence,
            data=SignalData(head=change.head, phase=change.phase, since=since),  # type: ignore[call-arg]
        )
        yield encode(event) + b"\n"


def _sides(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners → left, top, width, height."""
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def _corners(sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """Left, top, width, height → corners, to the hundredth of a pixel as they were."""
    both = np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)
    return np.asarray(np.round(both, 2))


def _numbers(path: Path, columns: int, skip: int) -> NDArray[np.float64]:
    raw = _read(path)
    if not raw.strip():
        return np.empty((0, columns))
    try:
        table = np.loadtxt(raw.decode().splitlines(), delimiter=",", skiprows=skip, ndmin=2)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}; render the clip again") from None
    if table.shape[1] != columns or not np.isfinite(table).all():
        raise ConfigError(f"{path}: expected {columns} numbers a line; render the clip again")
    return np.asarray(table, np.float64)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{path}: larger than {MOST_BYTES} bytes; is it of a clip?")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; render the clip again") from None


def _write(path: Path, content: bytes) -> Path:
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; choose another folder") from None
    return path
