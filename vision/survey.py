"""What an installer makes of surveyed points: read, judged, and written into the site file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from pydantic import TypeAdapter, ValidationError

from ioc.camera import Calibration, Camera, GroundPoint
from ioc.errors import ConfigError, describe_validation
from vision.calibrate import Ground, ground_of, near_line
from vision.scene import Points, build_scene, inside

COLUMNS: Final = ("image_x", "image_y", "east_m", "north_m")

OFF_M: Final = 0.3
"""A point that is off by more was marked or measured wrongly: that is the width of a lane marking
and a half, over a drive of 10 m an error of 3 % in speed."""

LEAST_COVER: Final = 0.1
"""Below this share of the lanes speeds are measured hardly anywhere."""

MOST_BYTES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Survey:
    """A calibration as an installer should see it.

    Attributes:
        calibration: What goes into the site file.
        ground: The plane, in the site file's pixels.
        scales: Line → metres that a pixel is worth at its middle, in the worst direction; NaN
            above the horizon.
        cover: Share of the lanes in which speeds are measured, 0-1; None without lanes.
        warnings: What he should mend, or know.
    """

    calibration: Calibration
    ground: Ground
    scales: Mapping[str, float]
    cover: float | None
    warnings: tuple[str, ...]


def survey(camera: Camera, calibration: Calibration, today: date) -> Survey:
    """Judge a calibration.

    Args:
        camera: The camera as the site file describes it.
        calibration: Its surveyed points.
        today: Local date.

    Raises:
        ConfigError: The points fix no plane.
    """
    frame = camera.frame
    ground = ground_of(calibration, frame, frame.width, frame.height)
    scene = build_scene(camera.model_copy(update={"calibration": None}), frame.width, frame.height)
    lines = scene.stops or scene.lines
    middles = np.array([line.start + line.span / 2 for line in lines]).reshape(-1, 2)
    worth = ground.metres_per_pixel(middles).tolist()
    cover = _cover(ground, [lane.polygon for lane in scene.lanes], frame.width, frame.height)
    told = _warnings(ground, cover, today)
    told += [
        f"lines.{line.id}: lies above the horizon that the points give; one of both is wrong"
        for line, metres in zip(lines, worth, strict=True)
        if not np.isfinite(metres)
    ]
    outside = [
        at + 1
        for at, point in enumerate(calibration.points)
        if not (0 <= point.image[0] <= frame.width and 0 <= point.image[1] <= frame.height)
    ]
    if outside:
        told.append(f"{_points(outside)} outside the frame of {frame.width}x{frame.height}")
    scales = {line.id: metres for line, metres in zip(lines, worth, strict=True)}
    return Survey(calibration, ground, scales, cover, tuple(told))


def _cover(ground: Ground, polygons: Sequence[Points], width: int, height: int) -> float | None:
    x, y = np.meshgrid(np.linspace(0, width, 97), np.linspace(0, height, 97))
    spots = np.stack((x.ravel(), y.ravel()), axis=1)
    road = np.zeros(len(spots), np.bool_)
    for polygon in polygons:
        road |= inside(spots, polygon)
    return float(ground.covers(spots[road]).mean()) if road.any() else None


def _warnings(ground: Ground, cover: float | None, today: date) -> list[str]:
    found = []
    residuals = ground.residuals
    honest = residuals.metres if residuals.left_out_m is None else residuals.left_out_m
    for at in np.flatnonzero(residuals.metres > OFF_M).tolist():
        found.append(
            f"point {at + 1} is off by {residuals.metres[at]:.2f} m; mark or measure it again"
        )
    worst = residuals.worst
    if honest[worst] > OFF_M and residuals.metres[worst] <= OFF_M:
        found.append(
            f"point {worst + 1} is {honest[worst]:.2f} m from where the others put it; check it, "
            "and survey another one near it"
        )
    if residuals.left_out_m is None:
        found.append(
            "four points fit any plane, so nothing shows a wrong one; survey at least two more"
        )
    for what, points in (("in the picture", ground.image), ("on the ground", ground.surveyed)):
        row = near_line(points)
        if len(row):
            found.append(
                f"{_points([at + 1 for at in row.tolist()])} nearly on one line {what}; "
                "add some to its sides"
            )
    if ground.mirrored():
        found.append("the ground lies mirrored; east and north were swapped, as it seems")
    if cover is not None and cover < LEAST_COVER:
        found.append(
            f"the surveyed area covers {100 * cover:.0f} % of the lanes, so speeds are measured "
            "hardly anywhere; survey points along the lanes"
        )
    if ground.expired(today):
        found.append(f"expired on {ground.expires}, so no speed is measured; survey it again")
    return found


def _points(numbers: Sequence[int]) -> str:
    listed = ", ".join(str(number) for number in numbers)
    return f"point {listed} lies" if len(numbers) == 1 else f"points {listed} lie"


def read_points(path: Path) -> tuple[GroundPoint, ...]:
    """Surveyed points from a table (CSV) or a list (YAML).

    A table has the columns image_x, image_y, east_m, north_m, others are left aside; with
    semicolons between its fields, as spreadsheets write it in Vietnam, decimals may have a comma.
    A list has entries such as ``{image: [612, 540], ground: [3.5, 12.0]}`` or the four numbers.

    Raises:
        ConfigError: It cannot be read, or a row is wrong; the message names it.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{path}: larger than {MOST_BYTES} bytes; give surveyed points only")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give a file of surveyed points") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8; save it as CSV UTF-8") from None
    rows = _table(path, text) if path.suffix.lower() == ".csv" else _list(path, text)
    try:
        return TypeAdapter(tuple[GroundPoint, ...]).validate_python(rows)
    except ValidationError as error:
        raise ConfigError(describe_validation(f"{path}: point (from 0)", error)) from None


def _table(path: Path, text: str) -> list[dict[str, tuple[float, float]]]:
    header = text.partition("\n")[0]
    separator = ";" if ";" in header else "\t" if "\t" in header else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    names = [name.strip() for name in reader.fieldnames or ()]
    lacking = [name for name in COLUMNS if name not in names]
    if lacking:
        raise ConfigError(
            f"{path}: no column {', '.join(lacking)} in the first line; it must name "
            f"{','.join(COLUMNS)}"
        )
    reader.fieldnames = names
    found = []
    for row in reader:
        if not any(isinstance(cell, str) and cell.strip() for cell in row.values()):
            continue
        try:
            x, y, east, north = (_number(row[name], separator) for name in COLUMNS)
        except ValueError:
            cells = ", ".join(str(row[name] or "nothing").strip() for name in COLUMNS)
            raise ConfigError(
                f"{path}: line {reader.line_num}: expected four numbers, got {cells}"
            ) from None
        found.append({"image": (x, y), "ground": (east, north)})
    return found


def _number(cell: str | None, separator: str) -> float:
    text = (cell or "").strip()
    return float(text.replace(",", ".") if separator != "," else text)


def _list(path: Path, text: str) -> list[Any]:
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if isinstance(content, dict) and set(content) == {"points"}:
        content = content["points"]
    if not isinstance(content, list):
        raise ConfigError(f"{path}: expected a list of points, or a table in a file *.csv")
    return [
        {"image": row[:2], "ground": row[2:]} if isinstance(row, list) and len(row) == 4 else row
        for row in content
    ]


def yaml_block(calibration: Calibration, indent: int = 0) -> str:
    """The lines of a site file that give a calibration, each ended, indented by so many spaces."""
    lines = [
        "calibration:",
        f"  id: {_quoted(calibration.id)}",
        f"  expires: {calibration.expires.isoformat()}",
        "  points:",
    ]
    for point in calibration.points:
        image, spot = (", ".join(f"{value:.10g}" for value in pair) for pair in
                       (point.image, point.ground))  # fmt: skip
        lines.append(f"    - {{image: [{image}], ground: [{spot}]}}")
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def with_calibration(text: str, camera_id: str, calibration: Calibration) -> str:
    """A site file's text with a camera's calibration put in or replaced; all else as it was.

    Args:
        text: The file, which was loaded before and is valid.
        camera_id: The camera.
        calibration: What goes in.

    Raises:
        ConfigError: The file is written in a way that this cannot edit.
    """
    mapping = _camera_node(text, camera_id)
    if mapping is None or mapping.flow_style:
        raise ConfigError(
            f"camera {camera_id} is not written as a block of lines; paste the calibration by hand"
        )
    column = mapping.value[0][0].start_mark.column
    ending = "\r\n" if "\r\n" in text else "\n"
    block = yaml_block(calibration, column).replace("\n", ending)
    for key, value in mapping.value:
        if key.value == "calibration":
            start = key.start_mark.index - column
            if text[start : start + column].strip():  # it stands behind the dash of the list
                start, block = start + column, block[column:]
            end = _line_end(text, max(_end(value), key.end_mark.index))
            return text[:start] + block + text[end:]
    last = max(_end(value) for _, value in mapping.value)
    end = _line_end(text, last)
    lead = "" if text[:end].endswith("\n") else ending
    return text[:end] + lead + block + text[end:]


def _camera_node(text: str, camera_id: str) -> yaml.MappingNode | None:
    root = yaml.compose(text, yaml.SafeLoader)
    for camera in _child(root, "cameras").value if isinstance(root, yaml.MappingNode) else ():
        name = _child(camera, "id")
        if name is not None and name.value == camera_id:
            return camera if isinstance(camera, yaml.MappingNode) else None
    return None


def _child(node: Any, name: str) -> Any:
    return next((value for key, value in node.value if key.value == name), None)


def _end(node: Any) -> int:
    """Where the text of a node ends; a block's own mark lies behind the comments after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
    return int(node.end_mark.index)


def _line_end(text: str, index: int) -> int:
    """Begin of the line after a place; the place itself when a line begins there already."""
    if index and text[index - 1] == "\n":
        return index
    at = text.find("\n", index)
    return len(text) if at < 0 else at + 1
