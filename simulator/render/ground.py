"""The background of a camera's picture: ground, paint, water, sky and what stands there.

It is made once: each pixel's ray is followed to the ground (through the lens' distortion), outlines
are filled at three times the resolution, and the solid things are drawn over it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera import Lens
from simulator.place import Outline, Place
from simulator.render import paint
from simulator.render.atmosphere import Atmosphere
from simulator.render.props import lantern, stand
from simulator.render.raster import OFFSETS, camera_values, draw, facing, project
from simulator.render.shading import LAMP_HEIGHT_M, light_values, shade
from simulator.render.solids import Solid

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]

FINER: Final = 3
"""Outlines are filled at this many times the resolution each way."""

STILL: Final = np.array([0.0, 0.0, 1.0, 0.0, 0.0])
"""Pose of what is given in the world's own frame."""

LAMP_COLOUR: Final = np.array([0.52, 0.86, 1.0], np.float32)
"""Street lamps: warm white LED and sodium, between the two."""


@dataclass(frozen=True, slots=True)
class Background:
    """What a camera sees of a place without its traffic.

    Attributes:
        picture: Linear light [H, W, 3], blue, green, red.
        nearness: Of the solid things, 1 / metres [H, W]; 0 on the ground and in the sky.
        albedo: Share of light that the ground gives back, [H, W]; 0 where there is none.
        shaded: What a shadow leaves of the ground's light, [3].
        lamp_light: Where street lamps hang and how bright they are: x, y, z, colour [L, 6].
        sky: Whether there is neither ground nor a thing, bool [H, W].
    """

    picture: Singles
    nearness: Singles
    albedo: Singles
    shaded: Singles
    lamp_light: Floats
    sky: NDArray[np.bool_]


def solid_nearness(place: Place, seed: int, lens: Lens, shrink: int) -> Singles:
    """How near the standing things are, in a picture smaller by a factor, 1 / metres [h, w]."""
    solid = stand(place, seed, night=False)
    shape = (lens.height // shrink, lens.width // shrink)
    nearness, tags = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
    points, shown = _look(solid, lens, shrink)
    draw(points, solid.triangles, 0, shown, 0.5, 0.5, np.zeros(shape, np.float32), nearness, tags)
    return nearness


def background(place: Place, seed: int, lens: Lens, air: Atmosphere) -> Background:
    """Make the background of a camera."""
    where, distance = _ground(lens)
    seen = np.isfinite(distance)
    lamps = lamp_lights(place, air)
    albedo, water = _materials(place, seed, lens, where, distance, air)
    light = _light(place, lens, where, lamps, air)
    picture = albedo * light
    _reflect_sky(picture, water, where, lens, air)
    clear = np.exp(-air.fog * np.where(seen, distance, 1e6)).astype(np.float32)[..., None]
    picture = picture * clear + air.horizon * (1 - clear)
    picture[~seen] = _sky(lens, air)[~seen]
    solid = stand(place, seed, night=air.lamps > 0)
    nearness = _put(solid, lens, air, lamps, picture)
    sky = ~seen & (nearness == 0)
    grey = albedo.mean(axis=-1)
    grey[~seen | (nearness > 0)] = 0
    flat = air.sunlight * np.float32(air.sun[2])
    shaded = air.ambient / np.maximum(air.ambient + flat, 1e-6)
    return Background(
        np.ascontiguousarray(picture, np.float32), nearness,
        np.ascontiguousarray(grey * clear[..., 0], np.float32), shaded.astype(np.float32), lamps,
        sky,
    )  # fmt: skip


def lamp_lights(place: Place, air: Atmosphere) -> Floats:
    """Where street lamps hang and their light on the road below: x, y, z, colour [L, 6]."""
    if air.lamps <= 0:
        return np.empty((0, 6))
    return np.array(
        [[*lantern(x, y), LAMP_HEIGHT_M, *(air.lamps * LAMP_COLOUR)] for x, y in place.lamps]
    ).reshape(-1, 6)


def fill(lens: Lens, outlines: Iterable[Outline], finer: int = FINER) -> Singles:
    """How much of each pixel outlines on the ground cover, 0 to 1 [H, W]."""
    canvas = np.zeros((lens.height * finer, lens.width * finer), np.uint8)
    for outline in outlines:
        corners = _seen(lens, outline)
        if corners is not None:
            # Sub-pixel corners: 4 bits of fraction; a filled pixel is one whose middle is inside.
            fixed = np.round((corners * finer - 0.5) * 16).astype(np.int32)
            cv2.fillPoly(canvas, [fixed], 255, shift=4)
    small = cv2.resize(canvas, (lens.width, lens.height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def _seen(lens: Lens, outline: Outline) -> Floats | None:
    """An outline on the ground as pixels, cut to a little more than the picture."""
    points = np.array([(x, y, 0.0) for x, y in outline])
    seen = (points - lens.position) @ lens.rotation.T
    wide, high = lens.width / 2 / lens.focal_px * 1.25, lens.height / 2 / lens.focal_px * 1.25
    # Planes of the view's pyramid, as rows whose product with a point is positive inside.
    for plane, least in (
        ((0.0, 0.0, 1.0), 0.5),
        ((1.0, 0.0, wide), 0.0),
        ((-1.0, 0.0, wide), 0.0),
        ((0.0, 1.0, high), 0.0),
        ((0.0, -1.0, high), 0.0),
    ):
        seen = _cut(seen, np.array(plane), least)
        if len(seen) < 3:
            return None
    plane_points = seen[:, :2] / seen[:, 2:]
    part = np.linspace(0, 1, 12, endpoint=False)[:, None]
    after = np.roll(plane_points, -1, axis=0)
    fine = (plane_points[:, None] * (1 - part) + after[:, None] * part).reshape(-1, 2)
    bent = fine * (1 + lens.k1 * np.square(fine).sum(axis=-1, keepdims=True))
    return np.asarray(bent * lens.focal_px + (lens.width / 2, lens.height / 2))


def _cut(points: Floats, plane: Floats, least: float) -> Floats:
    """The part of a polygon on the inner side of a plane (Sutherland and Hodgman 1974)."""
    side = points @ plane - least
    out: list[Floats] = []
    for i in range(len(points)):
        a, b, da, db = points[i - 1], points[i], side[i - 1], side[i]
        if (da >= 0) != (db >= 0):
            out.append(a + (b - a) * (da / (da - db)))
        if db >= 0:
            out.append(b)
    return np.array(out).reshape(-1, 3)


def _ground(lens: Lens) -> tuple[Singles, Singles]:
    """Where each pixel looks on the road [H, W, 2] and how far that is [H, W]; NaN for the sky."""
    where = np.empty((lens.height, lens.width, 2), np.float32)
    columns = np.arange(lens.width) + 0.5
    for top in range(0, lens.height, 60):
        rows = np.arange(top, min(top + 60, lens.height)) + 0.5
        pixels = np.stack(np.meshgrid(columns, rows), axis=-1)
        where[top : top + len(rows)] = lens.ground(pixels)
    flat = np.hypot(where[..., 0] - np.float32(lens.x), where[..., 1] - np.float32(lens.y))
    return where, np.hypot(flat, np.float32(lens.z)).astype(np.float32)


def _noise(rng: np.random.Generator, size: int, blur: float) -> Singles:
    """A square of smooth noise that can be laid side by side, of unit deviation."""
    raw = rng.standard_normal((size, size)).astype(np.float32)
    pad = 32
    wide = np.pad(raw, pad, mode="wrap")
    smooth = cv2.GaussianBlur(wide, (0, 0), blur)[pad:-pad, pad:-pad]
    return np.asarray(smooth / smooth.std(), np.float32)


def _lay(tile: Singles, where: Singles, metre: float) -> Singles:
    """Lay a square of noise over the ground, so many of its pixels a metre."""
    spot = np.nan_to_num(where, nan=0.0) * np.float32(metre) % np.float32(len(tile))
    x, y = np.ascontiguousarray(spot[..., 0]), np.ascontiguousarray(spot[..., 1])
    return np.asarray(cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))


def _materials(
    place: Place, seed: int, lens: Lens, where: Singles, distance: Singles, air: Atmosphere
) -> tuple[Singles, Singles]:
    """Share of light that the ground gives back [H, W, 3], and how much of it is water [H, W]."""
    rng = np.random.default_rng([seed, 73])
    # A pixel's length on the road, metres; grain finer than that would only flicker.
    length = np.where(np.isfinite(distance), distance, 1e3) ** 2 / lens.focal_px / lens.z
    fine = _lay(_noise(rng, 512, 0.8), where, 40.0) * np.clip(0.06 / length, 0, 1)
    middle = _lay(_noise(rng, 512, 1.5), where, 6.0) * np.clip(0.5 / length, 0, 1)
    coarse = _lay(_noise(rng, 256, 2.0), where, 0.9)
    road = np.clip(fill(lens, paint.asphalt(place)), 0, 1)
    walk = fill(lens, place.sidewalks)
    water = fill(lens, place.canals)
    earth = _tone((0.10, 0.15, 0.17), 0.16 * middle + 0.2 * coarse + 0.12 * fine)
    tar = _tone((0.105, 0.105, 0.102), 0.10 * fine + 0.05 * middle + 0.09 * coarse)
    tar *= (1 - _wear(place, lens, rng))[..., None]
    tar *= np.float32(1 - 0.42 * air.wet)
    slabs = np.abs(np.nan_to_num(where, nan=0.0) / np.float32(0.5) % 1 - 0.5).max(axis=-1) > 0.465
    joint = slabs * np.clip(0.05 / length, 0, 1)
    stone = _tone((0.30, 0.33, 0.36), 0.05 * fine + 0.06 * coarse - 0.3 * joint)
    stone *= np.float32(1 - 0.3 * air.wet)
    ground = _over(earth, tar, road)
    ground = _over(ground, stone, walk)
    ground = _over(ground, _tone((0.42, 0.43, 0.43), 0.08 * fine), fill(lens, paint.kerbs(place)))
    worn = np.clip(0.86 + 0.16 * middle + 0.12 * fine, 0.25, 1).astype(np.float32)
    white = _tone((0.60, 0.62, 0.62), 0.05 * coarse)
    ground = _over(ground, white, fill(lens, paint.white(place)) * worn)
    yellow = _tone((0.07, 0.42, 0.58), 0.05 * coarse)
    ground = _over(ground, yellow, fill(lens, paint.yellow(place)) * worn)
    ground = _over(ground, _tone((0.035, 0.06, 0.05), 0.15 * coarse), water)
    ground = _over(ground, _tone((0.30, 0.31, 0.31), 0.1 * middle), fill(lens, paint.walls(place)))
    return ground, water


def _tone(colour: tuple[float, float, float], change: Singles) -> Singles:
    base = np.array(colour, np.float32)
    return np.asarray(base * np.maximum(1 + change, 0.05)[..., None].astype(np.float32))


def _over(below: Singles, above: Singles, share: Singles) -> Singles:
    part = share[..., None]
    return np.asarray(below * (1 - part) + above * part, np.float32)


def _wear(place: Place, lens: Lens, rng: np.random.Generator) -> Singles:
    """How much darker the road is: mended patches, oil in the middle of lanes, wheel tracks."""
    patches, tracks, spots = [], [], []
    for road in place.roadways:
        right = 0.0
        for strip in road.strips:
            middle = right + strip.width / 2
            right += strip.width
            if strip.width > 2.5 and not strip.shoulder:
                for side in (-0.85, 0.85):
                    ends = road.at(0, middle + side), road.at(road.length, middle + side)
                    tracks.append(paint.band(*ends, 0.55))
                near = road.length - 1.0 if road.inbound else 9.0
                for _ in range(14):
                    at = near - float(rng.exponential(6.0))
                    x, y = road.at(at, middle + float(rng.normal(0, 0.2)))
                    radius = float(rng.uniform(0.06, 0.3))
                    turn = np.linspace(0, 2 * np.pi, 9)[:-1]
                    reach = radius * rng.uniform(0.6, 1.2, 8)
                    spots.append(
                        tuple(
                            (float(x + r * np.cos(t)), float(y + r * np.sin(t)))
                            for t, r in zip(turn, reach, strict=True)
                        )
                    )
        for _ in range(5):
            at = float(rng.uniform(0, road.length))
            side = float(rng.uniform(0.5, max(right - 1.5, 0.6)))
            end = road.at(at + float(rng.uniform(0.8, 5.0)), side)
            patches.append(paint.band(road.at(at, side), end, float(rng.uniform(0.6, 2.2))))
    patch = fill(lens, patches, 1)
    track = cv2.GaussianBlur(fill(lens, tracks, 1), (0, 0), 5)
    spot = cv2.GaussianBlur(fill(lens, spots, 1), (0, 0), 1.5)
    worn = np.clip(0.22 * patch + 0.10 * track + 0.35 * spot, 0, 0.6)
    return np.asarray(worn, np.float32)


def _light(place: Place, lens: Lens, where: Singles, lamps: Floats, air: Atmosphere) -> Singles:
    """Light that falls on the ground, [H, W, 3]."""
    light = np.empty((*where.shape[:2], 3), np.float32)
    light[:] = air.ambient
    if air.sunlight.any():
        dark = [paint.shadow(b.outline, b.height, air.sun) for b in place.buildings]
        turn = np.linspace(0, 2 * np.pi, 13)[:-1]
        for x, y in place.trees:
            shift = -air.sun[:2] / air.sun[2]
            for z, radius in ((3.2, 1.7), (4.4, 1.9), (5.2, 1.2)):
                dark.append(
                    tuple(
                        (
                            float(x + shift[0] * z + radius * np.cos(t)),
                            float(y + shift[1] * z + radius * np.sin(t)),
                        )
                        for t in turn
                    )
                )
            dark.append(paint.shadow(_square(x, y, 0.14), 3.0, air.sun))
        for x, y in place.lamps:
            dark.append(paint.shadow(_square(x, y, 0.09), LAMP_HEIGHT_M, air.sun))
        for head in place.heads:
            dark.append(paint.shadow(_square(head.x, head.y, 0.07), head.z, air.sun))
        sunny = 1 - cv2.GaussianBlur(fill(lens, dark), (0, 0), 1.2)
        light += sunny[..., None] * air.sunlight * np.float32(air.sun[2])
    for x, y, z, *colour in lamps:
        dx, dy = where[..., 0] - np.float32(x), where[..., 1] - np.float32(y)
        square = np.nan_to_num(dx * dx + dy * dy, nan=1e12) + np.float32(z * z)
        share = np.float32(64.0 * z * 1.0) / (square * np.sqrt(square))
        light += share[..., None] * np.array(colour, np.float32)
    return light


def _square(x: float, y: float, half: float) -> Outline:
    return ((x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half))


def _reflect_sky(
    picture: Singles, water: Singles, where: Singles, lens: Lens, air: Atmosphere
) -> None:
    """Water and a wet road mirror the sky, the more the flatter one looks (Schlick 1994)."""
    flat = np.hypot(where[..., 0] - np.float32(lens.x), where[..., 1] - np.float32(lens.y))
    slope = np.float32(lens.z) / np.hypot(flat, np.float32(lens.z))
    mirror = np.float32(0.02) + np.float32(0.98) * (1 - np.nan_to_num(slope)) ** 5
    rng = np.random.default_rng(74)
    ripple = _lay(_noise(rng, 512, 2.5), where * np.array([1.0, 0.45], np.float32), 14.0)
    fade = np.clip(14.0 / np.nan_to_num(flat, nan=1e6), 0, 1)
    share = water * np.clip(mirror * (1 + 0.5 * ripple * fade), 0, 1)
    if air.wet:
        share = np.maximum(share, (1 - water) * mirror * np.float32(0.45 * air.wet))
    sky = (air.horizon * np.float32(0.6) + air.zenith * np.float32(0.4)).astype(np.float32)
    picture *= 1 - share[..., None]
    picture += share[..., None] * sky


def _sky(lens: Lens, air: Atmosphere) -> Singles:
    """The sky where each pixel looks, [H, W, 3]."""
    small = np.stack(
        np.meshgrid(
            (np.arange(lens.width // 8) + 0.5) * 8, (np.arange(lens.height // 8) + 0.5) * 8
        ),
        axis=-1,
    )
    ray = lens.rays(small)
    up = np.clip(ray[..., 2] / np.linalg.norm(ray, axis=-1), 0, 1) ** 0.5
    share = up[..., None].astype(np.float32)
    sky = air.horizon * (1 - share) + air.zenith * share
    return np.asarray(cv2.resize(sky.astype(np.float32), (lens.width, lens.height)), np.float32)


def _look(solid: Solid, lens: Lens, shrink: int) -> tuple[Floats, NDArray[np.bool_]]:
    camera = camera_values(lens, shrink)
    points = np.empty((len(solid.vertices), 3))
    project(solid.vertices, STILL, camera, points)
    shown = np.empty(len(solid.triangles), np.bool_)
    facing(solid.vertices, solid.triangles, solid.normals, STILL, camera, shown)
    return points, shown


def _put(solid: Solid, lens: Lens, air: Atmosphere, lamps: Floats, picture: Singles) -> Singles:
    """Draw the solid things over the ground; gives how near they are [H, W]."""
    shape = (lens.height, lens.width)
    points, shown = _look(solid, lens, 1)
    middle = solid.vertices[solid.triangles].mean(axis=1)
    distance = np.linalg.norm(middle - lens.position, axis=1)
    sent = np.zeros((len(solid.triangles), 3), np.float32)
    values = light_values(air)
    # Lamps near and far shine differently on each part of a street: 10 m of it at a time.
    cells = np.floor(middle[:, :2] / 10).astype(np.int64)
    for cell in np.unique(cells, axis=0):
        these = np.flatnonzero((cells == cell).all(axis=1))
        one = np.zeros((len(these), 3), np.float32)
        shade(
            np.ascontiguousarray(solid.normals[these]),
            np.ascontiguousarray(solid.albedo[these]),
            np.ascontiguousarray(solid.glow[these]),
            shown[these], STILL, float(distance[these].mean()), values,
            lamps_at(lamps, middle[these].mean(axis=0)), one,
        )  # fmt: skip
        sent[these] = one
    total = np.zeros_like(picture)
    count = np.zeros(shape, np.float32)
    nearness = np.zeros(shape, np.float32)
    nothing = np.zeros(shape, np.float32)
    for x, y in OFFSETS:
        plane, tags = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
        draw(points, solid.triangles, 0, shown, x, y, nothing, plane, tags)
        hit = tags > 0
        total[hit] += sent[tags[hit] - 1]
        count += hit
        nearness = np.maximum(nearness, plane)
    share = (count / np.float32(len(OFFSETS)))[..., None]
    picture *= 1 - share
    picture += total / np.float32(len(OFFSETS))
    # A pixel that is less than half covered does not hide what passes behind it.
    nearness[count < len(OFFSETS) / 2] = 0
    return nearness


def lamps_at(lamps: Floats, point: Floats) -> Floats:
    """Lamps as they shine on a thing: unit vector towards each and its colour there, [L, 6]."""
    if not len(lamps):
        return np.empty((0, 6))
    way = lamps[:, :3] - point
    square = np.square(way).sum(axis=1)
    far = np.sqrt(square)
    share = 64.0 / np.maximum(square, 4.0) * np.maximum(way[:, 2], 0) / far
    return np.concatenate([way / far[:, None], lamps[:, 3:] * share[:, None]], axis=1)
