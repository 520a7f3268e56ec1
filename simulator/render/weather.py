"""From light to a stored picture: bloom, glare, rain, lens, sensor noise and tone.

Every pass is made once over the whole picture and in place; noise comes from one square that is
laid at another spot for each picture.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera import Lens
from simulator.render.atmosphere import Atmosphere
from simulator.render.compiled import compiled

Singles = NDArray[np.float32]
Image = NDArray[np.uint8]

NOISE_SPARE: Final = 128
"""The square of noise is larger than the picture by this much, to be laid at another spot."""
DROPS: Final = 9
"""Drops of rain on the glass of the housing."""


class Weather:
    """The passes after the scene is drawn.

    Args:
        lens: Gives the size of a picture and where the sun stands in it.
        air: Light and weather.
        seed: Of noise, streaks and drops.
    """

    def __init__(self, lens: Lens, air: Atmosphere, seed: int) -> None:
        self._air = air
        self._shape = (lens.height, lens.width)
        rng = np.random.default_rng([seed, 75])
        size = (lens.height + NOISE_SPARE, lens.width + NOISE_SPARE, 3)
        # Sensors are noisier in colour than our eyes notice; a recorder's filter smooths it.
        raw = rng.standard_normal(size, dtype=np.float32)
        raw = 0.75 * raw + 0.55 * raw.mean(axis=-1, keepdims=True) * math.sqrt(3)
        self._noise = np.clip(np.round(raw * 32), -127, 127).astype(np.int8)
        self._veil = _glare(lens, air) if air.glare > 0 else np.zeros((1, 1, 3), np.float32)
        self._streaks = _streaks(lens, rng) if air.rain > 0 else None
        self._drops = _drops(lens, rng) if air.rain > 0 else []
        down, across = _vignette(lens)
        self._down, self._across = down, np.repeat(across, 3)
        hazy = bool(air.rain) or air.fog > 0.01
        self._lift = np.float32(0.012 if hazy else 0.002)
        self._out = np.empty((*self._shape, 3), np.uint8)

    def develop(self, picture: Singles, bright: Singles, seed: tuple[int, ...]) -> Image:
        """Store a picture.

        Args:
            picture: Linear light [H, W, 3].
            bright: Light above white, [H / 4, W / 4, 3].
            seed: Of this picture's noise.

        Returns:
            Blue, green, red [H, W, 3]; a new array.
        """
        air = self._air
        rng = np.random.default_rng(seed)
        dx, dy = (int(v) for v in rng.integers(0, NOISE_SPARE, 2))
        extra = self._spill(bright, rng)
        height, width = self._shape
        expose(
            picture.reshape(height, 3 * width),
            extra.reshape(len(extra), -1),
            self._down,
            self._across,
            self._noise[dy : dy + height].reshape(height, -1)[:, 3 * dx :],
            np.float32(air.noise / 32),
            np.float32(air.dark_noise / 320),
            np.float32(1 - 0.35 * air.glare),
            self._lift,
            self._out.reshape(height, 3 * width),
        )
        stored = np.asarray(cv2.GaussianBlur(self._out, (3, 3), 0.62), np.uint8)
        for drop in self._drops:
            _refract(stored, *drop)
        return stored

    def _spill(self, bright: Singles, rng: np.random.Generator) -> Singles:
        """What veils the picture, at a quarter of its resolution: bloom, glare, streaks."""
        air = self._air
        if not air.glare and self._streaks is None and not bright.any():
            return np.zeros((1, 3), np.float32)
        near = cv2.GaussianBlur(bright, (0, 0), 1.6)
        small = cv2.resize(bright, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        far = cv2.resize(cv2.GaussianBlur(small, (0, 0), 3.5), (bright.shape[1], bright.shape[0]))
        extra = (near * np.float32(0.10 * air.bloom) + far * np.float32(0.10 * air.bloom)).astype(
            np.float32
        )
        if air.glare > 0:
            extra += self._veil
        if self._streaks is not None:
            rows, columns = bright.shape[:2]
            y = int(rng.integers(0, self._streaks.shape[0] - rows))
            x = int(rng.integers(0, self._streaks.shape[1] - columns))
            glow = (air.ambient.mean() * 0.16 + air.lamps * 0.05) * air.rain
            streaks = self._streaks[y : y + rows, x : x + columns, None]
            extra += streaks * np.float32(glow)
        return extra


@compiled
def expose(
    picture: Singles,
    extra: Singles,
    down: Singles,
    across: Singles,
    noise: NDArray[np.int8],
    level: np.float32,
    dark: np.float32,
    keep: np.float32,
    lift: np.float32,
    out: Image,
) -> None:
    """Add what veils the picture, darken its corners, apply tone and noise.

    Tone is the square root of light, straight up to 0.65, then a shoulder towards white, as
    cameras have, so that a bright wall keeps its colour. The square root of light has the same
    shot noise everywhere (its variance is proportional to light), so noise is ``level`` plus what
    reading adds, ``dark / (value + 12)``. The loops are over flat rows, for vector instructions.

    Args:
        picture: Linear light as rows [H, 3 W].
        extra: Light to add as rows at a quarter of the resolution [h, 3 w], or [1, 3 w] for none.
        down: Light that each row keeps, [H].
        across: Light that each value of a row keeps, [3 W].
        noise: As rows, at least [H, 3 W].
        level: Of noise.
        dark: Of noise in the dark.
        keep: Share of the picture's light that the veil leaves.
        lift: Light that haze adds to black.
        out: Filled, [H, 3 W].
    """
    height, width = picture.shape
    rows = extra.shape[0]
    columns = extra.shape[1] // 3
    zero, one = np.float32(0.0), np.float32(1.0)
    knee, soft = np.float32(0.65), np.float32(1.0 / 0.42)
    full, twelve, half = np.float32(255.0), np.float32(12.0), np.float32(0.5)
    row = np.empty(width, np.float32)
    veil = np.zeros(width, np.float32)
    line = np.zeros(3 * columns + 3, np.float32)
    for y in range(height):
        fall = down[y]
        if rows > 1:
            at = max((y + 0.5) * 0.25 - 0.5, 0.0)
            j = min(int(at), rows - 1)
            j2 = min(j + 1, rows - 1)
            f = np.float32(at - j)
            for i in range(3 * columns):
                line[i] = extra[j, i] * (one - f) + extra[j2, i] * f
            for k in range(3):
                line[3 * columns + k] = line[3 * columns - 3 + k]
            for i in range(columns):
                for sub in range(4):
                    part = np.float32(sub * 0.25 + 0.125)
                    for k in range(3):
                        veil[12 * i + 3 * sub + k] = (
                            line[3 * i + k] * (one - part) + line[3 * i + 3 + k] * part
                        )
        for i in range(width):
            light = (picture[y, i] * keep + veil[i]) * fall * across[i] + lift
            # Plain comparisons: min() and max() would keep the loop from vector instructions.
            over = light - knee
            over = over if over > zero else zero
            light = light - over + over / (one + over * soft)
            value = full * np.sqrt(light)
            value += np.float32(noise[y, i]) * (level + dark / (value + twelve)) + half
            value = value if value > zero else zero
            row[i] = value if value < full else full
        for i in range(width):
            out[y, i] = np.uint8(np.int32(row[i]))


def _vignette(lens: Lens) -> tuple[Singles, Singles]:
    """How much light each row and each column keeps: together about cos⁴ of the angle."""
    sides = []
    for size in (lens.height, lens.width):
        at = (np.arange(size) + 0.5 - size / 2) / lens.focal_px
        sides.append(((1 + np.square(at)) ** -0.9).astype(np.float32))
    return sides[0], sides[1]


def _glare(lens: Lens, air: Atmosphere) -> Singles:
    """The veil of a low sun at a quarter of the resolution: a glow around it, and ghosts."""
    rows, columns = lens.height // 4, lens.width // 4
    ray = lens.rotation @ air.sun
    # A sun above the picture still shines onto the glass; its glow comes in from the edge.
    ahead = max(float(ray[2]), 0.25)
    x = (ray[0] / ahead * lens.focal_px + lens.width / 2) / 4
    y = (ray[1] / ahead * lens.focal_px + lens.height / 2) / 4
    grid_y, grid_x = np.mgrid[:rows, :columns].astype(np.float32)
    far = np.hypot(grid_x - x, grid_y - y) / columns
    warm = np.array([0.62, 0.84, 1.0], np.float32)
    least = float(far.min())
    # Away from the sun the veil is a tenth; it is set by how near the sun is to the picture.
    veil = 0.42 * np.exp(-(far - least) / 0.28) + 0.07
    out = (air.glare * veil[..., None] * warm).astype(np.float32)
    for share, radius, tint in ((0.6, 0.035, (0.5, 1.0, 0.7)), (1.3, 0.07, (1.0, 0.6, 0.6))):
        gx, gy = columns / 2 - (x - columns / 2) * share, rows / 2 - (y - rows / 2) * share * 0.4
        ring = np.hypot(grid_x - gx, grid_y - gy) / columns
        soft = np.clip((radius - ring) / 0.01, 0, 1)[..., None] * np.array(tint, np.float32)
        out += (0.035 * air.glare * soft).astype(np.float32)
    return np.asarray(out, np.float32)


def _streaks(lens: Lens, rng: np.random.Generator) -> Singles:
    """Falling drops as a camera smears them, larger than a picture at a quarter of its size."""
    rows, columns = lens.height // 4 + 240, lens.width // 4 + 240
    out = np.zeros((rows, columns), np.float32)
    slant = float(rng.uniform(-0.15, 0.15))
    for _ in range(1500):
        x, y = float(rng.uniform(0, columns)), float(rng.uniform(0, rows))
        length = float(rng.uniform(4, 22))
        value = float(rng.uniform(0.15, 0.7))
        start = (round(x * 16), round(y * 16))
        end = (round((x + slant * length) * 16), round((y + length) * 16))
        cv2.line(out, start, end, value, 1, cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(out, (0, 0), 0.5), np.float32)


Drop = tuple[int, int, int, int, Singles, Singles, Singles]


def _drops(lens: Lens, rng: np.random.Generator) -> list[Drop]:
    """Drops on the glass: where each lies, what it shows (upside down and small), its edge."""
    found: list[Drop] = []
    for _ in range(DROPS):
        radius = float(rng.uniform(0.006, 0.016)) * lens.width
        x, y = float(rng.uniform(0, lens.width)), float(rng.uniform(0, lens.height))
        left, top = max(int(x - radius), 0), max(int(y - radius), 0)
        right, bottom = min(int(x + radius) + 1, lens.width), min(int(y + radius) + 1, lens.height)
        if right - left < 4 or bottom - top < 4:
            continue
        grid_y, grid_x = np.mgrid[top:bottom, left:right].astype(np.float32)
        dx, dy = (grid_x - x) / radius, (grid_y - y) / radius
        far = np.hypot(dx, dy * float(rng.uniform(0.85, 1.0)))
        share = (np.clip((1 - far) / 0.35, 0, 1) * 0.75).astype(np.float32)
        reach = radius * 3.2
        map_x = np.clip(x - dx * reach, 0, lens.width - 1).astype(np.float32)
        map_y = np.clip(y - dy * reach, 0, lens.height - 1).astype(np.float32)
        found.append((left, top, right, bottom, map_x, map_y, share[..., None]))
    return found


def _refract(
    picture: Image, left: int, top: int, right: int, bottom: int, map_x: Singles, map_y: Singles,
    share: Singles,
) -> None:  # fmt: skip
    """Show what a drop shows, in place."""
    shown = cv2.blur(cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR), (5, 5))
    here = picture[top:bottom, left:right]
    here[:] = (here * (1 - share) + shown * share).astype(np.uint8)
