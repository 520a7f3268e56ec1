"""What a site file says of a node's cameras: found, checked, and what an installer should know."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ioc.camera import Camera
from ioc.errors import ConfigError
from ioc.site import Site, load_site
from models.contract import Part
from vision.rules.catalogue import inactive
from vision.scene import faults


def open_cameras(site_file: Path, wanted: Collection[str] = ()) -> tuple[Site, tuple[Camera, ...]]:
    """A site and the cameras of it that a node runs, each with a geometry that means something.

    Args:
        site_file: The site file.
        wanted: Ids of cameras; all when empty.

    Raises:
        ConfigError: The file is wrong, has no such camera, or a geometry has no meaning.
    """
    site = load_site(site_file)
    try:
        ids = wanted or [camera.id for camera in site.cameras] or [site.camera(None).id]
        cameras = tuple(site.camera(camera_id) for camera_id in dict.fromkeys(ids))
    except ConfigError as error:
        raise ConfigError(f"{site_file}: {error}") from None
    wrong = [f"cameras.{camera.id}.{fault}" for camera in cameras for fault in faults(camera)]
    if wrong:
        raise ConfigError("\n".join(f"{site_file}: {fault}" for fault in wrong))
    return site, cameras


def warnings_of(
    camera: Camera,
    width: int | None = None,
    height: int | None = None,
    parts: Collection[Part] = (),
) -> list[str]:
    """What an installer should know of a camera that is valid but may not do what was meant.

    Args:
        camera: The camera as the site file describes it.
        width: Columns of the frames that come, if one was seen.
        height: Rows of them.
        parts: What the model marks on vehicles.
    """
    found = []
    stated = camera.frame
    if width and height and (width, height) != (stated.width, stated.height):
        text = (
            f"frame: {stated.width}x{stated.height} in the site file, frames are {width}x{height};"
            " coordinates are scaled"
        )
        if abs(width / height - stated.width / stated.height) > 0.02 * width / height:
            text += ", but the shape differs too, so they will not fit: draw them again"
        found.append(text)
    measured = {line.lane for line in camera.lines}
    found += [
        f"lanes.{lane.id}: no line lies across it, so its flow is not counted; add one to lines"
        for lane in camera.lanes
        if lane.id not in measured
    ]
    found += [f"rules.{rule}: is not watched: {lack}" for rule, lack in inactive(camera, parts)]
    if not camera.lanes and not camera.lines:
        found.append("neither lanes nor lines; there is nothing to measure")
    return found
