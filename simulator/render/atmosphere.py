"""Light and air of a clip: sun, sky, lamps, fog, rain, and how the camera exposes for them.

Light is linear, 1.0 is what the camera stores as white; colours are blue, green, red. A stored
value is the square root of the light (a gamma of 2, near to sRGB's and exact on every machine).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.camera import Lens
from simulator.conditions import Conditions, Light

Colour = NDArray[np.float32]

EXPOSURE_S: Final[dict[Light, float]] = {"day": 1 / 2000, "dusk": 1 / 500, "night": 1 / 125}
"""How long the shutter of a traffic camera is open: t = N² / (2^EV · S / 100), with exposure values
of the General Purpose Photographic Exposure Guide (ANSI PH2.7-1986): sun 15, after sunset 10, a lit
street 5, at f/4 and ISO 100, f/2 and 200, f/2 and 1600. At a house camera's 1/60 s the plate of a
vehicle at 30 km/h, 12 m off, is smeared by 10 pixels and nobody can read it."""

CLOUDY_S: Final = 1 / 1000
"""By day without sun: exposure value 12, f/2, ISO 100."""


def colour(blue: float, green: float, red: float) -> Colour:
    """A colour as linear light."""
    return np.array([blue, green, red], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Atmosphere:
    """What lights a scene and what lies between it and the lens.

    Attributes:
        sun: Unit vector towards the sun, [3].
        sunlight: Light of the sun on a surface that faces it.
        ambient: Light of the sky on a surface that faces up.
        zenith: The sky overhead.
        horizon: The sky at the horizon; what is far away in fog takes its colour.
        fog: Share of light lost a metre.
        wet: How wet the road is, 0 to 1.
        rain: How dense the streaks of rain are, 0 to 1.
        lamps: Light of a street lamp, as it falls on the road below it.
        headlights: How bright vehicles' lamps are; 0 is off.
        glare: How much the sun veils the picture, 0 to 1.
        bloom: How far bright lamps spill over.
        noise: Standard deviation of the sensor's noise in the lit parts, of 255.
        dark_noise: What is added to it in the dark.
        exposure_s: How long the shutter is open.
    """

    sun: NDArray[np.float64]
    sunlight: Colour
    ambient: Colour
    zenith: Colour
    horizon: Colour
    fog: float
    wet: float
    rain: float
    lamps: float
    headlights: float
    glare: float
    bloom: float
    noise: float
    dark_noise: float
    exposure_s: float


def atmosphere_of(conditions: Conditions, seed: int, lens: Lens) -> Atmosphere:
    """The light and air of a clip.

    Args:
        conditions: Time of the day and weather.
        seed: Chooses the hour within them.
        lens: Glare comes from where the camera looks.
    """
    rng = np.random.default_rng([seed, 71])
    light, weather = conditions.light, conditions.weather
    azimuth = float(rng.uniform(0, 2 * math.pi))
    elevation = math.radians(float(rng.uniform(38, 68)))
    if light == "dusk":
        elevation = math.radians(float(rng.uniform(7, 12)))
    if weather == "glare" and light != "night":
        elevation = math.radians(float(rng.uniform(11, 17)))
        azimuth = lens.heading + math.radians(float(rng.uniform(-24, 24)))
    sun = np.array(
        [
            math.cos(azimuth) * math.cos(elevation),
            math.sin(azimuth) * math.cos(elevation),
            math.sin(elevation),
        ]
    )
    cloudy = weather in ("rain", "fog")
    if light == "day":
        sunlight = colour(0.80, 0.94, 1.0) * np.float32(0.0 if cloudy else rng.uniform(1.35, 1.75))
        ambient = colour(0.60, 0.53, 0.47)
        zenith, horizon = colour(0.80, 0.52, 0.32), colour(0.86, 0.78, 0.70)
        if weather == "glare":
            sunlight = sunlight * colour(0.72, 0.88, 1.0) * np.float32(1.2)
            zenith, horizon = colour(0.75, 0.62, 0.5), colour(0.85, 0.95, 1.0)
        if cloudy:
            ambient = colour(0.62, 0.61, 0.59) * np.float32(rng.uniform(0.9, 1.1))
            zenith, horizon = colour(0.55, 0.54, 0.53), colour(0.70, 0.69, 0.67)
    elif light == "dusk":
        sunlight = colour(0.34, 0.64, 1.1) * np.float32(0.0 if cloudy else 1.0)
        ambient = colour(0.40, 0.33, 0.30)
        zenith, horizon = colour(0.33, 0.20, 0.14), colour(0.34, 0.42, 0.62)
    else:
        sunlight = colour(0, 0, 0)
        ambient = colour(0.05, 0.042, 0.036)
        zenith, horizon = colour(0.006, 0.005, 0.004), colour(0.022, 0.022, 0.026)
    fog = {"fog": float(rng.uniform(0.022, 0.034)), "rain": 0.006}.get(weather, 0.0008)
    rain = 1.0 if weather == "rain" else 0.0
    return Atmosphere(
        sun=sun,
        sunlight=sunlight.astype(np.float32),
        ambient=ambient.astype(np.float32),
        zenith=zenith,
        horizon=horizon,
        fog=fog,
        wet=rain,
        rain=rain,
        lamps={"day": 0.0, "dusk": 0.16, "night": 0.85}[light],
        headlights={"day": 0.45 if cloudy else 0.0, "dusk": 0.7, "night": 1.0}[light],
        glare=float(rng.uniform(0.5, 0.8)) if weather == "glare" and light != "night" else 0.0,
        bloom={"day": 0.25, "dusk": 0.5, "night": 0.8}[light],
        noise={"day": 1.6, "dusk": 3.0, "night": 4.5}[light],
        dark_noise={"day": 20.0, "dusk": 50.0, "night": 110.0}[light],
        exposure_s=CLOUDY_S if light == "day" and cloudy else EXPOSURE_S[light],
    )
