"""``ioc edge calibrate`` and ``ioc edge draw``: what an installer does once a camera hangs."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ioc.camera import Calibration, Camera
    from ioc.site import Site
    from vision.source.picture import Image
    from vision.survey import Survey

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
"""Ends of the names of files that hold one picture."""

SiteFile = Annotated[Path, typer.Argument(metavar="SITE.yaml", help="Site file.")]
CameraId = Annotated[
    str | None, typer.Option(help="Camera; left out, the first of the site.", show_default=False)
]


def calibrate(
    site_file: SiteFile,
    camera: CameraId = None,
    points: Annotated[
        Path | None,
        typer.Option(
            help="Surveyed points: a table *.csv with the columns image_x, image_y, east_m, "
            "north_m, or a list *.yaml; left out, those of the site file.",
        ),
    ] = None,
    certificate: Annotated[
        str | None, typer.Option("--id", help="Certificate or survey number.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="Last day on which speeds may be used, such as 2027-06-30.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Put it into the site file; a copy is kept as *.bak.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Fit a camera's ground plane to surveyed points and tell how well they fit."""
    from ioc.errors import ConfigError
    from ioc.site import load_site
    from vision.rules.guards import LOCAL
    from vision.survey import survey, yaml_block

    site = load_site(site_file)
    try:
        chosen = site.camera(camera)
        made = survey(
            chosen, _calibration(chosen, points, certificate, expires), datetime.now(LOCAL).date()
        )
    except ConfigError as error:
        raise ConfigError(f"{site_file}: {error}") from None
    if write:
        _write(site_file, site, chosen.id, made.calibration)
    if as_json:
        typer.echo(json.dumps(_as_json(chosen, made), ensure_ascii=False))
        return
    _show(chosen, made)
    for warning in made.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if write:
        typer.echo(f"{site_file}: written; the file before is kept as {_backup(site_file)}")
    else:
        typer.echo(f"To use it, give --write, or paste this under camera {chosen.id}:\n")
        typer.echo(yaml_block(made.calibration, 4), nl=False)


def _calibration(
    camera: Camera, points: Path | None, certificate: str | None, expires: str | None
) -> Calibration:
    """The calibration to judge: the site file's, with what is given on the command line."""
    from pydantic import ValidationError

    from ioc.camera import Calibration
    from ioc.errors import ConfigError, describe_validation
    from vision.survey import read_points

    known = camera.calibration
    if points is None and known is None:
        raise ConfigError(f"camera {camera.id} has no calibration; give --points")
    name = certificate or (None if known is None else known.id)
    last = None if known is None else known.expires
    if expires is not None:
        try:
            last = date.fromisoformat(expires)
        except ValueError:
            raise ConfigError(f"--expires {expires}: give a day such as 2027-06-30") from None
    if name is None or last is None:
        lacking = "--id" if name is None else "--expires"
        raise ConfigError(
            f"camera {camera.id} has no calibration yet, so its certificate and last day are not "
            f"known; give {lacking}"
        )
    spots = read_points(points) if points is not None else known.points if known else ()
    try:
        return Calibration(id=name, expires=last, points=spots)
    except ValidationError as error:
        where = str(points or "calibration")
        raise ConfigError(describe_validation(where, error, Calibration)) from None


def _write(site_file: Path, site: Site, camera_id: str, calibration: Calibration) -> None:
    """Put the calibration into the file, once the new one has been read back and compared."""
    from ioc.errors import ConfigError
    from ioc.site import load_site
    from vision.survey import with_calibration

    text = site_file.read_bytes().decode("utf-8")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    changed = mark + with_calibration(text.removeprefix(mark), camera_id, calibration)
    expected = site.model_copy(
        update={
            "cameras": tuple(
                camera.model_copy(update={"calibration": calibration})
                if camera.id == camera_id
                else camera
                for camera in site.cameras
            )
        }
    )
    try:
        with tempfile.TemporaryDirectory(dir=site_file.parent, prefix=".calibrate-") as folder:
            fresh = Path(folder) / site_file.name
            fresh.write_bytes(changed.encode("utf-8"))
            if load_site(fresh) != expected:
                raise ConfigError(
                    f"{site_file}: the calibration cannot be put in without changing something "
                    "else; paste it by hand"
                )
            shutil.copy2(site_file, _backup(site_file))
            shutil.copymode(site_file, fresh)
            with fresh.open("rb") as written:
                os.fsync(written.fileno())
            fresh.replace(site_file)
    except OSError as error:
        raise ConfigError(f"{site_file}: {error.strerror}; it cannot be written") from None


def _backup(site_file: Path) -> Path:
    return site_file.with_name(f"{site_file.name}.bak")


def _show(camera: Camera, made: Survey) -> None:
    from rich.console import Console
    from rich.table import Table

    ground, residuals = made.ground, made.ground.residuals
    table = Table(
        title=f"Camera {camera.id}: calibration {made.calibration.id}, usable until "
        f"{made.calibration.expires}",
        title_justify="left",
        caption="off: how far the plane misses it; alone: a plane without it",
        caption_justify="left",
    )
    for name in ("point", "image px", "ground m", "off m", "off px", "alone m"):
        table.add_column(name, justify="right", no_wrap=True)
    for at, (pixel, spot) in enumerate(
        zip(ground.image.tolist(), ground.surveyed.tolist(), strict=True)
    ):
        alone = "-" if residuals.left_out_m is None else f"{residuals.left_out_m[at]:.3f}"
        table.add_row(
            str(at + 1),
            f"{pixel[0]:.1f}, {pixel[1]:.1f}",
            f"{spot[0]:.2f}, {spot[1]:.2f}",
            f"{residuals.metres[at]:.3f}",
            f"{residuals.pixels[at]:.2f}",
            alone,
        )
    console = Console(width=None if os.isatty(1) else 100)
    console.print(table)
    lines = [
        f"fit: {residuals.rms_m:.3f} m RMS, worst {residuals.metres.max():.3f} m (point "
        f"{int(residuals.metres.argmax()) + 1})"
    ]
    if residuals.left_out_m is not None:
        lines[0] += (
            f"; each point left out: {residuals.left_out_rms_m:.3f} m RMS, worst "
            f"{residuals.left_out_m.max():.3f} m (point {residuals.worst + 1})"
        )
    lines.append(f"a position is taken to be within {ground.error_m:.2f} m (standard error)")
    scales = ", ".join(
        f"{metres:.3f} m at {line}" for line, metres in made.scales.items() if metres == metres
    )
    if scales:
        lines.append(f"one pixel is worth {scales} (along the line of sight)")
    if made.cover is not None:
        lines.append(f"speeds can be measured in {100 * made.cover:.0f} % of the lanes")
    typer.echo("\n".join(lines))


def _as_json(camera: Camera, made: Survey) -> dict[str, Any]:
    ground, residuals = made.ground, made.ground.residuals
    left_out = residuals.left_out_m
    figures: list[dict[str, Any]] = [
        {"name": "calibration.rms", "value": round(residuals.rms_m, 4), "unit": "m"},
        {
            "name": "calibration.worst",
            "value": round(float(residuals.metres.max()), 4),
            "unit": "m",
        },
        {"name": "calibration.error", "value": round(ground.error_m, 4), "unit": "m"},
    ]
    if residuals.left_out_rms_m is not None:
        left = round(residuals.left_out_rms_m, 4)
        figures.append({"name": "calibration.left_out", "value": left, "unit": "m"})
    if made.cover is not None:
        share = round(made.cover, 4)
        figures.append({"name": "calibration.cover", "value": share, "unit": "1"})
    return {
        "camera": camera.id,
        "calibration": made.calibration.model_dump(mode="json"),
        "points": [
            {
                "off_m": round(float(residuals.metres[at]), 4),
                "off_px": round(float(residuals.pixels[at]), 3),
                "left_out_m": None if left_out is None else round(float(left_out[at]), 4),
            }
            for at in range(len(ground.image))
        ],
        "metres_per_pixel": {
            line: round(metres, 5) if metres == metres else None
            for line, metres in made.scales.items()
        },
        "warnings": list(made.warnings),
        "figures": figures,
    }


def draw(
    site_file: SiteFile,
    out: Annotated[Path, typer.Option(help="Picture to write, *.jpg or *.png.")],
    camera: CameraId = None,
    source: Annotated[
        str | None,
        typer.Option(help="Video file, picture or address instead of the camera's own."),
    ] = None,
    frame: Annotated[int, typer.Option(min=0, help="Frame of a video file, from 0.")] = 0,
    wait_s: Annotated[
        float, typer.Option(min=0.1, help="Longest wait for a live camera's first frame, seconds.")
    ] = 8,
) -> None:
    """Paint lanes, lines, zones, lamps and the ground grid of a camera on a frame of it."""
    import cv2

    from ioc.errors import ConfigError
    from vision.draw import paint
    from vision.setup import open_cameras

    if out.suffix.lower() not in {".jpg", ".jpeg", ".png"}:
        raise ConfigError(f"--out {out}: give a name that ends in .jpg or .png")
    site, (chosen, *_) = open_cameras(site_file, () if camera is None else (camera,))
    folder = site_file.parent if source is None else None
    picture = _picture(source or chosen.source, folder, frame, wait_s)
    painted = paint(picture, chosen, site.name.vi)
    options = [cv2.IMWRITE_JPEG_QUALITY, 92] if out.suffix.lower() != ".png" else []
    encoded = cv2.imencode(out.suffix.lower(), painted, options)[1]
    try:
        out.write_bytes(encoded.tobytes())
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written: {error.strerror}") from None
    height, width = picture.shape[:2]
    stated = chosen.frame
    if abs(width / height - stated.width / stated.height) > 0.02 * width / height:
        typer.echo(
            f"warning: the picture is {width}x{height}, the site file's frame "
            f"{stated.width}x{stated.height} has another shape, so nothing will fit; draw it again",
            err=True,
        )
    typer.echo(
        f"{out}: {chosen.id}, {len(chosen.lanes)} lanes, {len(chosen.lines)} lines, "
        f"{len(chosen.zones)} zones on {width}x{height}"
    )


def _picture(source: str, folder: Path | None, frame: int, wait_s: float) -> Image:
    """A picture of a source: the file itself, a frame of a film, or the newest of a camera."""
    from ioc.errors import ConfigError
    from vision.plate.picture_file import load_picture
    from vision.source.file import FileSource
    from vision.source.live import LiveSource
    from vision.source.open import file_of, is_live

    if is_live(source):
        with LiveSource(source) as live:
            newest = live.latest(wait_s)
            if newest is None:
                why = live.stats().error or f"{live.address}: no picture"
                raise ConfigError(f"{why} (waited {wait_s:g} s); give a picture with --source")
            return newest.picture.bgr()
    path = file_of(source, folder or Path())
    if path.suffix.lower() in PICTURES:
        return load_picture(path)
    last = -1
    with FileSource(path) as video:
        for seen in video:
            last = seen.index
            if last >= frame:
                return seen.picture.bgr()
    raise ConfigError(f"--frame {frame}: {path} ends with frame {last}")
