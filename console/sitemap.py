"""A small map of the junctions, drawn from their coordinates: no tiles, no internet. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from store.case_file import Place

WIDTH: Final = 320
HEIGHT: Final = 200
MARGIN: Final = 34
METRES_PER_DEGREE: Final = 111_195.0
"""Of latitude, on a sphere of 6371 km."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A junction; ``tx``, ``ty`` and ``anchor`` place its label."""

    x: float
    y: float
    here: bool
    label: str
    tx: float
    ty: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A bar of a round length."""

    width: float
    text: str


def sitemap(
    places: Sequence[Place], here: tuple[str, str], language: str
) -> tuple[tuple[Dot, ...], Scale | None]:
    """Lay out junctions, north up, one scale both ways.

    Args:
        places: All junctions.
        here: City and site of the one that is marked.
        language: Of the labels.
    """
    if not places:
        return (), None
    points = flat([(one.latitude, one.longitude) for one in places])
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    room = max((right - left) / (WIDTH - 2 * MARGIN), (high - low) / (HEIGHT - 2 * MARGIN), 1.0)
    dots = []
    cities: set[str] = set()
    for one, (x, y) in zip(places, points, strict=True):
        marked = (one.city, one.site) == here
        label = one.name_en if language == "en" else one.name_vi
        if not marked:  # one label a city is enough
            city = one.city_name_en if language == "en" else one.city_name_vi
            label = "" if one.city in cities or one.city == here[0] else city
            cities.add(one.city)
        at_x = round(WIDTH / 2 + (x - (left + right) / 2) / room, 1)
        at_y = round(HEIGHT / 2 - (y - (low + high) / 2) / room, 1)
        anchor = "start" if at_x < WIDTH / 3 else "end" if at_x > 2 * WIDTH / 3 else "middle"
        side = {"start": -8.0, "end": 8.0, "middle": 0.0}[anchor]
        dots.append(Dot(at_x, at_y, marked, label, at_x + side, at_y - 13, anchor))
    dots.sort(key=lambda dot: dot.here)  # the marked one on top
    if room <= 1.0:
        return tuple(dots), None
    return tuple(dots), scale_bar(room, 120)


def flat(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Metres east and north of places a town or a province apart.

    Args:
        places: Latitude and longitude, degrees; one at least.
    """
    middle = math.radians(sum(latitude for latitude, _ in places) / len(places))
    return [
        (longitude * METRES_PER_DEGREE * math.cos(middle), latitude * METRES_PER_DEGREE)
        for latitude, longitude in places
    ]


def scale_bar(room: float, most: float) -> Scale:
    """The longest bar of a round length.

    Args:
        room: Metres that a unit of the drawing stands for.
        most: Units that it may be long.
    """
    length = 10 ** math.floor(math.log10(room * most))
    length *= 5 if length * 5 / room <= most else 2 if length * 2 / room <= most else 1
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    return Scale(round(length / room, 1), text)
