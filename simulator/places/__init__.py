"""The virtual junctions."""

from __future__ import annotations

from typing import Final

from ioc.errors import ConfigError
from simulator.place import Place
from simulator.places.nga_bay import NGA_BAY
from simulator.places.vi_thanh import VI_THANH

PLACES: Final[dict[str, Place]] = {place.id: place for place in (VI_THANH, NGA_BAY)}


def place_of(name: str) -> Place:
    """A place by ``city/site``, or by either alone.

    Raises:
        ConfigError: There is none of that name.
    """
    for place in PLACES.values():
        if name in (place.id, place.city, place.site):
            return place
    raise ConfigError(f"place {name!r} is not known; there are {', '.join(PLACES)}")
