"""A virtual camera that never ends: what ``sim://PLACE/CAMERA?seed=1`` shows.

The world is simulated in stretches. The next one is made by a process of its own while the present
one is shown, so that the picture never waits; where one ends and the next begins traffic and
signals jump, as they do when a recorder restarts.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final, Self
from urllib.parse import parse_qsl, urlsplit

from ioc.children import end_with
from ioc.errors import ConfigError
from simulator.conditions import Conditions, chosen_conditions
from simulator.place import Mount, Place
from simulator.places import place_of
from simulator.render.renderer import Renderer
from simulator.traffic.simulation import simulate
from simulator.video import Image
from simulator.world import RATE, World

STRETCH_S: Final = 120.0
"""Length of a stretch: made in a tenth of that time on one core."""
FIRST_S: Final = 30.0
"""The first is shorter, for somebody waits for the picture."""

_CHOICES: Final = frozenset({"light", "weather", "density"})


@dataclass(frozen=True, slots=True)
class Address:
    """What an address of a virtual camera says.

    Attributes:
        place: Where.
        mount: Which camera.
        seed: Of the first stretch; each further one has the next.
        conditions: Light, weather and traffic of all stretches.
    """

    place: Place
    mount: Mount
    seed: int
    conditions: Conditions


def parse_address(address: str) -> Address:
    """Read ``sim://PLACE/CAMERA?seed=1&light=night&weather=rain&density=dense``.

    Raises:
        ConfigError: It names no place or camera that there is, or says something unknown.
    """
    parts = urlsplit(address)
    names = [name for name in parts.path.split("/") if name]
    if parts.scheme != "sim" or not parts.netloc or len(names) > 1:
        raise ConfigError(f"{address}: give sim://PLACE/CAMERA?seed=1")
    place = place_of(parts.netloc)
    camera = names[0] if names else place.mounts[0].id
    if camera not in (mount.id for mount in place.mounts):
        known = ", ".join(mount.id for mount in place.mounts)
        raise ConfigError(f"{address}: {place.id} has no camera {camera!r}; there is {known}")
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    seed = given.pop("seed", "1")
    if not seed.isascii() or not seed.isdigit() or int(seed) >= 1 << 31:
        raise ConfigError(f"{address}: seed={seed}: give a whole number below 2147483648")
    if unknown := sorted(set(given) - _CHOICES):
        raise ConfigError(f"{address}: {unknown[0]}: known are seed, {', '.join(sorted(_CHOICES))}")
    try:
        conditions = chosen_conditions(int(seed), **given)
    except ConfigError as error:
        raise ConfigError(f"{address}: {error}") from None
    return Address(place, place.mount(camera), int(seed), conditions)


class LiveFrames:
    """The pictures of a virtual camera, without an end.

    A picture that would come too late is not rendered at all: ``skip``.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._maker = ProcessPoolExecutor(
            1,
            mp_context=get_context("spawn"),
            initializer=end_with,
            initargs=(os.getpid(),),
        )
        self._coming: Future[World] = self._order(0, FIRST_S)
        self._stretch = 0
        self._next_stretch()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Image:
        while self._step >= self._world.steps:
            self._next_stretch()
        picture = self._renderer.frame(self._step)
        self._step += 1
        return picture

    def skip(self, frames: int) -> None:
        """Move the scene on by so many pictures without rendering them."""
        self._step += frames

    def close(self) -> None:
        """End the process that makes the stretches."""
        self._maker.shutdown(wait=False, cancel_futures=True)

    def _order(self, number: int, seconds: float) -> Future[World]:
        at = self._address
        return self._maker.submit(simulate, at.place, at.seed + number, seconds, at.conditions)

    def _next_stretch(self) -> None:
        self._world = self._coming.result()
        self._renderer = Renderer(self._world, self._address.place, self._address.mount)
        self._step = 0
        self._stretch += 1
        self._coming = self._order(self._stretch, STRETCH_S)


def live_frames(address: str) -> tuple[float, LiveFrames]:
    """Pictures a second of a virtual camera, and its pictures.

    Args:
        address: ``sim://PLACE/CAMERA?seed=1&light=night``.

    Raises:
        ConfigError: The address is wrong, or the extra ``sim`` is not installed.
    """
    return RATE, LiveFrames(parse_address(address))
