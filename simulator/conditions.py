"""Light, weather and traffic of a clip, from its seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeVar, get_args

from ioc.errors import ConfigError

Light = Literal["day", "dusk", "night"]
Weather = Literal["clear", "rain", "fog", "glare"]
Density = Literal["sparse", "normal", "dense"]

_T = TypeVar("_T", bound=str)

TRAINING_SEEDS: Final = range(100_000, 200_000)
"""Worlds that a model may be trained on. Accuracy is never measured on one of these."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a clip looks like.

    Attributes:
        light: Time of the day.
        weather: Weather.
        density: How much traffic there is.
    """

    light: Light = "day"
    weather: Weather = "clear"
    density: Density = "normal"

    @property
    def slices(self) -> tuple[str, ...]:
        """The slices of an accuracy report that a clip belongs to.

        The two bars of a rule are for the day and for night or rain, so a clip in rain is never
        in ``day``.
        """
        found: list[str] = []
        if self.light == "night":
            found.append("night")
        if self.weather == "rain":
            found.append("rain")
        if not found:
            found.append("day")
        if self.density == "dense":
            found.append("dense")
        if self.light == "dusk" or self.weather in ("fog", "glare"):
            found.append(self.light if self.light == "dusk" else self.weather)
        return tuple(found)

    def __str__(self) -> str:
        return f"{self.light}, {self.weather}, {self.density}"


MIX: Final[tuple[Conditions, ...]] = (
    Conditions(),
    Conditions(density="dense"),
    Conditions("night"),
    Conditions(weather="rain"),
    Conditions("dusk"),
    Conditions(density="sparse"),
    Conditions(weather="glare"),
    Conditions("night", "rain"),
    Conditions(),
    Conditions(density="dense"),
    Conditions("night", density="dense"),
    Conditions(weather="fog"),
    Conditions(),
    Conditions("night", density="sparse"),
    Conditions(weather="rain", density="dense"),
    Conditions("dusk", density="dense"),
    Conditions(),
    Conditions("night"),
    Conditions(weather="rain", density="sparse"),
    Conditions(),
)
"""Twenty seeds in a row meet each of these once: 11 by clear or glaring day, 5 at night, 4 in
rain, of which one at night, 2 at dusk, 1 in fog, 5 with dense traffic."""


def conditions_of(seed: int) -> Conditions:
    """The conditions of a seed."""
    return MIX[seed % len(MIX)]


def chosen_conditions(
    seed: int, light: str | None = None, weather: str | None = None, density: str | None = None
) -> Conditions:
    """The conditions of a seed, but for those that are stated.

    Raises:
        ConfigError: A stated one is not known.
    """
    usual = conditions_of(seed)
    return Conditions(
        _known("light", light, usual.light, get_args(Light)),
        _known("weather", weather, usual.weather, get_args(Weather)),
        _known("density", density, usual.density, get_args(Density)),
    )


def _known(name: str, stated: str | None, usual: _T, known: tuple[_T, ...]) -> _T:
    if stated is None:
        return usual
    for value in known:
        if value == stated:
            return value
    raise ConfigError(f"{name} {stated!r}: give {', '.join(map(str, known))}")
